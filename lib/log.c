#include "lib/log.h"

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct log {
	const struct loop *loop;
	const struct redact *redact;
	int fd;
	enum log_level level;
	struct buf line, value; /* kept, so that a line costs no allocation */
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct log *log_new(struct loop *loop, const struct redact *redact, int fd, enum log_level level)
{
	struct log *log = mem_alloc(sizeof(*log));

	*log = (struct log){.loop = loop, .redact = redact, .fd = fd, .level = level};
	return log;
}

void log_free(struct log *log)
{
	if (!log)
		return;
	buf_deinit(&log->line);
	buf_deinit(&log->value);
	free(log);
}

int log_level_find(const char *name)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(*level_names); i++)
		if (!strcmp(level_names[i], name))
			return (int)i;
	return -1;
}

/* Characters of more than one byte that a terminal or a viewer obeys instead of showing. */
static bool is_unseen(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x80, 0x9f},     /* C1 controls */
		{0x61c, 0x61c},   /* Arabic letter mark */
		{0x200b, 0x200f}, /* zero width, left-to-right and right-to-left marks */
		{0x2028, 0x202e}, /* line and paragraph separators, embeddings, overrides */
		{0x2060, 0x206f}, /* isolates and other format characters */
		{0xfeff, 0xfeff}, /* byte order mark */
		{0xfff9, 0xfffb}, /* annotations */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

/* The code of a character of two or three bytes; none that is unseen has four. */
static uint32_t code_of(const char *text, size_t n)
{
	const uint8_t *b = (const uint8_t *)text;

	if (n == 2)
		return (b[0] & 0x1fu) << 6 | (b[1] & 0x3fu);
	return (b[0] & 0x0fu) << 12 | (b[1] & 0x3fu) << 6 | (b[2] & 0x3fu);
}

/* Adds JSON text @text with unseen characters escaped; it is valid UTF-8 already. */
static void add_visible(struct buf *out, const char *text, size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		n = utf8_sequence(text + at, len - at);
		if ((n == 2 || n == 3) && is_unseen(code_of(text + at, n)))
			buf_addf(out, "\\u%04x", (unsigned)code_of(text + at, n));
		else
			buf_add(out, text + at, n);
	}
}

static void add_text(struct log *log, const char *text, bool is_quoted)
{
	/* Masked before it is cut, or the cut could leave the beginning of a secret. */
	char *copy = redact_copy(log->redact, text);
	size_t len = strlen(copy);

	if (len > log_value_bytes)
		for (len = log_value_bytes; len && ((uint8_t)copy[len] & 0xc0) == 0x80; len--)
			;
	buf_clear(&log->value);
	json_print_string(copy, len, &log->value);
	if (len < strlen(copy)) {
		log->value.len--;
		buf_adds(&log->value, "…\"");
	}
	if (is_quoted)
		add_visible(&log->line, log->value.data, log->value.len);
	else
		add_visible(&log->line, log->value.data + 1, log->value.len - 2);
	free(copy);
}

static void add_field(struct log *log, const struct log_field *field)
{
	buf_addc(&log->line, ' ');
	buf_adds(&log->line, field->key);
	buf_addc(&log->line, '=');
	if (field->text)
		add_text(log, field->text, true);
	else
		buf_addf(&log->line, "%" PRId64, field->number);
}

/* A log that cannot be written must not stop what it tells about. */
static void write_line(const struct log *log)
{
	const char *at = log->line.data;
	size_t left = log->line.len;

	while (left) {
		const ssize_t n = write(log->fd, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		at += n;
		left -= (size_t)n;
	}
}

void log_write(struct log *log, enum log_level level, const char *message,
               const struct log_field *fields)
{
	static const char cut[] = " cut=true";
	char time[32];

	if (level < log->level)
		return;
	buf_clear(&log->line);
	buf_addf(&log->line, "%s %s ", clock_rfc3339(loop_wall_ms(log->loop), time),
	         level_names[level]);
	add_text(log, message, false);
	for (; fields->key; fields++) {
		const size_t before = log->line.len;

		add_field(log, fields);
		if (log->line.len > log_line_bytes - sizeof(cut)) {
			log->line.len = before;
			buf_adds(&log->line, cut);
			break;
		}
	}
	/* Again: what was split over several fields is whole only here. */
	(void)redact_text(log->redact, &log->line);
	buf_addc(&log->line, '\n');
	write_line(log);
}
