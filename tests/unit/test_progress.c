#include "connector/cli/progress.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <string.h>

static const struct progress_view half_way = {
	.pipeline = "signups",
	.source = "signups.ndjson",
	.counts = {.read = 1500, .delivered = 1480, .rejected = 12, .open = 8},
	.bytes_read = 5 << 20,
	.bytes_total = 10 << 20,
	.waiting = "waiting for quota until 10:42:07",
};

/* What is printed when @view is shown at each of the times (0 ends them) and then summed up. */
static char *shown(enum progress_form form, const uint64_t *times_ms,
                   const struct progress_end *end)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct progress *p = progress_new(form, out, 1000);

	for (; *times_ms; times_ms++)
		progress_show(p, &half_way, *times_ms, 0);
	if (end)
		progress_summary(p, &half_way, end, 73000);
	progress_free(p);
	(void)fclose(out);
	return text;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void a_line_comes_every_ten_seconds_elsewhere(void **state)
{
	char *text = shown(PROGRESS_LINES, (const uint64_t[]){2000, 10999, 11000, 11500, 21000, 0},
	                   NULL);

	(void)state;
	check_eq(count_lines(text), 2);
	check(strstr(text, "signups: 1,500 read: 1,480 delivered, 12 rejected, 8 open; 50% of "
	                   "signups.ndjson (5.0 MiB of 10.0 MiB)"));
	check(strstr(text, "; waiting for quota until 10:42:07\n"));
	free(text);
}

static void a_source_that_counts_records_tells_how_many_are_left(void **state)
{
	struct progress_view view = {
		.pipeline = "signups", .source = "topic leads", .counts_left = true, .left = 1234};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct progress *p = progress_new(PROGRESS_LINES, out, 1000);

	(void)state;
	progress_show(p, &view, 2000, 0);
	view.counts.read = 100;
	view.left = 1200;
	progress_show(p, &view, 12000, 0);
	progress_free(p);
	(void)fclose(out);
	check(strstr(text,
	             "; topic leads, 1,200 records behind; 10 records/s, about 2 min 0 s left"));
	free(text);
}

static void a_live_block_takes_its_lines_back_before_it_is_drawn_again(void **state)
{
	char *text = shown(PROGRESS_LIVE, (const uint64_t[]){1200, 1300, 1400, 0}, NULL);
	size_t n_up = 0;

	(void)state;
	check_eq(count_lines(text), 6);
	for (const char *at = text; (at = strstr(at, "\033[A\033[2K")); at++)
		n_up++;
	check_eq(n_up, 3);
	free(text);
}

static void json_lines_parse_and_end_with_the_summary(void **state)
{
	const struct progress_end end = {.run = 3, .pipeline_path = "p.yaml", .exit_code = 1};
	char *text = shown(PROGRESS_JSON, (const uint64_t[]){2000, 0}, &end);
	char *second = strchr(text, '\n') + 1;
	struct json_object *line = NULL;

	(void)state;
	check_eq(json_parse(text, (size_t)(second - text), 0, &line, NULL, NULL), 0);
	check_text(json_get_string(line, "type"), "progress");
	check_text(json_get_string(line, "waiting"), "waiting for quota until 10:42:07");
	json_freep(&line);
	line = NULL;
	check_eq(json_parse(second, strlen(second), 0, &line, NULL, NULL), 0);
	check_text(json_get_string(line, "type"), "summary");
	check_eq(json_get_int(line, "run", 0), 3);
	check_eq(json_get_int(line, "read", 0), 1500);
	check_eq(json_get_int(line, "open", 0), 8);
	check_eq(json_get_int(line, "exit", 0), 1);
	json_freep(&line);
	free(text);
}

static void the_summary_names_what_to_do_next(void **state)
{
	const struct progress_end end = {.run = 3,
	                                 .pipeline_path = "p.yaml",
	                                 .reason = "stopped by SIGTERM: run again to go on",
	                                 .exit_code = 75};
	char *text = shown(PROGRESS_LINES, (const uint64_t[]){0}, &end);

	(void)state;
	check(strstr(text, "signups: run 3 ended after 1 min 12 s\n"));
	check(strstr(text, "         1,500 read\n"));
	check(strstr(text, "            12 rejected    closefeed rejects list p.yaml\n"));
	check(strstr(text, "             0 held\n"));
	check(strstr(text, "stopped by SIGTERM: run again to go on\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_line_comes_every_ten_seconds_elsewhere),
		sentence(a_source_that_counts_records_tells_how_many_are_left),
		sentence(a_live_block_takes_its_lines_back_before_it_is_drawn_again),
		sentence(json_lines_parse_and_end_with_the_summary),
		sentence(the_summary_names_what_to_do_next),
	};

	return run_sentences(tests);
}
