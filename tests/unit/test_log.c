#include "lib/log.h"

#include "lib/cleanup.h"
#include "tests/unit/check.h"

#include <regex.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char key[] = "api_6Kd0rGjXQuPzPw3";

struct scene {
	struct loop *loop;
	struct redact *redact;
	struct log *log;
	int fd;
	char text[4 * log_line_bytes];
};

static struct scene begin(enum log_level level)
{
	struct scene s = {.loop = loop_new(), .redact = redact_new()};

	s.fd = memfd_create("log", MFD_CLOEXEC);
	check(s.fd >= 0);
	redact_add(s.redact, key);
	s.log = log_new(s.loop, s.redact, s.fd, level);
	return s;
}

/* What was written, behind time and space of its first line. */
static const char *written(struct scene *s)
{
	const ssize_t n = pread(s->fd, s->text, sizeof(s->text) - 1, 0);

	check(n >= 0);
	s->text[n] = '\0';
	return n > 25 ? s->text + 25 : s->text;
}

static void end(struct scene *s)
{
	log_free(s->log);
	redact_free(s->redact);
	loop_free(s->loop);
	(void)close(s->fd);
}

static void a_line_is_time_level_message_and_fields(void **state)
{
	struct scene s = begin(LEVEL_INFO);
	regex_t shape;

	(void)state;
	log_line(s.log, LEVEL_WARN, "receiver down", log_text("url", "https://h/x"),
	         log_number("status", -503), log_text("none", NULL));
	check_text(written(&s), "warn receiver down url=\"https://h/x\" status=-503 none=\"\"\n");
	check_eq(regcomp(&shape, "^20[0-9-]{8}T[0-9:]{8}[.][0-9]{3}Z warn ",
	                 REG_EXTENDED | REG_NOSUB),
	         0);
	check_eq(regexec(&shape, s.text, 0, NULL, 0), 0);
	regfree(&shape);
	end(&s);
}

static void a_line_needs_no_fields(void **state)
{
	struct scene s = begin(LEVEL_DEBUG);

	(void)state;
	log_line(s.log, LEVEL_DEBUG, "turn");
	check_text(written(&s), "debug turn\n");
	end(&s);
}

static void lines_below_the_level_are_not_written(void **state)
{
	struct scene s = begin(LEVEL_WARN);

	(void)state;
	log_line(s.log, LEVEL_INFO, "unseen");
	log_line(s.log, LEVEL_ERROR, "seen");
	check_text(written(&s), "error seen\n");
	end(&s);
}

static void nothing_from_outside_forges_a_line_or_moves_the_cursor(void **state)
{
	static const char *const rows[][2] = {
		{"a\r\nb", "a\\r\\nb"},
		{"\x1b[2J", "\\u001b[2J"},
		{"say \"x\" y=1", "say \\\"x\\\" y=1"},
		{"a\xe2\x80\xa8z", "a\\u2028z"},
		/* NOLINTBEGIN(misc-misleading-bidirectional): it is what is tested */
		{"\xe2\x80\xaegnp", "\\u202egnp"},
		{"\xe2\x81\xa6x", "\\u2066x"},
		/* NOLINTEND(misc-misleading-bidirectional) */
		{"\xc2\x9bH", "\\u009bH"},
		{"\xef\xbb\xbf", "\\ufeff"},
		{"\x7f", "\\u007f"},
		{"Zo\xc3\xab \xf0\x9f\x98\x80", "Zo\xc3\xab \xf0\x9f\x98\x80"},
		{"\xff", "\xef\xbf\xbd"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct scene s = begin(LEVEL_INFO);
		char expected[128];

		log_line(s.log, LEVEL_INFO, "m", log_text("v", rows[i][0]));
		(void)snprintf(expected, sizeof(expected), "info m v=\"%s\"\n", rows[i][1]);
		check_text(written(&s), expected);
		end(&s);
	}
}

static void secrets_are_masked_also_where_a_value_is_cut(void **state)
{
	struct scene s = begin(LEVEL_INFO);
	char value[log_value_bytes + 100];

	(void)state;
	memset(value, 'x', sizeof(value));
	memcpy(value + log_value_bytes - 8, key, sizeof(key) - 1);
	value[sizeof(value) - 1] = '\0';
	log_line(s.log, LEVEL_INFO, "m", log_text("v", value), log_text("k", key));
	check_null(strstr(written(&s), "api_6K"));
	check(strstr(s.text, "x***xxxxx…\" k=\"***\"\n"));
	end(&s);
}

static void a_long_line_leaves_fields_out_and_says_so(void **state)
{
	struct scene s = begin(LEVEL_INFO);
	char value[log_value_bytes + 1];
	const char *text;

	(void)state;
	memset(value, '\x01', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	log_line(s.log, LEVEL_INFO, "m", log_number("a", 1), log_text("b", value),
	         log_text("c", value), log_number("d", 1));
	text = written(&s);
	check(strlen(s.text) <= log_line_bytes);
	check(strstr(text, " b=\"\\u0001"));
	check(strstr(text, "\" cut=true\n"));
	check_null(strstr(text, " d=1"));
	end(&s);
}

static void a_cut_never_splits_a_character(void **state)
{
	struct scene s = begin(LEVEL_INFO);
	char value[log_value_bytes + 16];

	(void)state;
	memset(value, 'x', sizeof(value));
	memcpy(value + log_value_bytes - 1, "\xe2\x82\xac", 3);
	value[sizeof(value) - 1] = '\0';
	log_line(s.log, LEVEL_INFO, "m", log_text("v", value));
	check(strstr(written(&s), "xxx…\"\n"));
	check_null(strstr(s.text, "\xef\xbf\xbd"));
	end(&s);
}

static void levels_have_names(void **state)
{
	(void)state;
	check_eq(log_level_find("debug"), LEVEL_DEBUG);
	check_eq(log_level_find("error"), LEVEL_ERROR);
	check_eq(log_level_find("loud"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_line_is_time_level_message_and_fields),
		sentence(a_line_needs_no_fields),
		sentence(lines_below_the_level_are_not_written),
		sentence(nothing_from_outside_forges_a_line_or_moves_the_cursor),
		sentence(secrets_are_masked_also_where_a_value_is_cut),
		sentence(a_long_line_leaves_fields_out_and_says_so),
		sentence(a_cut_never_splits_a_character),
		sentence(levels_have_names),
	};

	return run_sentences(tests);
}
