#include "connector/cli/ask.h"
#include "connector/cli/term.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/control.h"
#include "lib/json.h"
#include "lib/moment.h"
#include "lib/plural.h"
#include "lib/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* The calls of a run as they end. It asks the run for what has come since, again and again. */

enum {
	answer_within_ms = 60 * 1000, /* the run answers each few seconds, unless it is stopped */
	back_within_ms = 1000,        /* a run that begins anew (rebalance) is away for a moment */
	retry_every_ms = 50,
	shown_bytes = 400, /* of a body, in the lines for people */
};

struct watch {
	const struct cli *cli;
	const struct pipeline *pipeline;
	struct json_object *request; /* the next question */
	uint64_t left;               /* of --limit; 0: no limit */
	unsigned away_ms;            /* so long nobody has answered */
	bool began;
	bool has_ended;
	bool has_said; /* … and has told all until then */
};

/* "leads.ndjson:12", "leads/3:77", and how many more there are. */
static void add_origin(struct json_object *exchange, struct buf *b)
{
	struct json_object *records = json_get(exchange, "records");
	struct json_object *first = records ? json_object_array_get_idx(records, 0) : NULL;
	const int64_t n = json_get_int(exchange, "n_records", 0);

	if (!first)
		return;
	if (json_get(first, "file"))
		buf_addf(b, " of %s:%" PRId64, json_get_string(first, "file"),
		         json_get_int(first, "line", 0));
	else
		buf_addf(b, " of %s/%" PRId64 ":%" PRId64, json_get_string(first, "topic"),
		         json_get_int(first, "partition", 0), json_get_int(first, "offset", 0));
	if (n > 1)
		buf_addf(b, " and %" PRId64 " more", n - 1);
}

static void print_text(const char *text, size_t len)
{
	struct buf shown = BUF_INIT;

	term_escape(text, len, &shown);
	(void)fputs(buf_text(&shown), stdout);
	buf_deinit(&shown);
}

/* A line, whatever is in it. */
static void print_body(char mark, struct json_object *of)
{
	struct json_object *body = json_get(of, "body");
	const char *text;
	char *made = NULL;
	size_t len, end;

	if (!body)
		return;
	if (json_object_is_type(body, json_type_string))
		text = json_object_get_string(body);
	else
		text = made = json_text(body);
	len = strlen(text);
	end = utf8_cut(text, len, shown_bytes);
	(void)printf("    %c ", mark);
	print_text(text, end);
	if (end < len || json_get_bool(of, "is_cut", false))
		(void)printf("… (%" PRId64 " bytes)", json_get_int(of, "bytes", 0));
	(void)putchar('\n');
	free(made);
}

static const char *hms_of(struct json_object *exchange, char at[static 16])
{
	const char *text = json_get_string(exchange, "at");
	int64_t us = 0;

	return text && moment_parse(text, &us, NULL) ? clock_local_hms(us / 1000, at) : "";
}

static void add_outcome(struct json_object *exchange, struct buf *b)
{
	const int64_t status = json_get_int(json_get(exchange, "response"), "status", 0);
	const char *error = json_get_string(exchange, "error");
	char text[32];

	if (status)
		buf_addf(b, " %" PRId64, status);
	if (error)
		buf_addf(b, "%s %s,", status ? "," : "", error);
	buf_addf(b, " in %s",
	         term_duration((uint64_t)json_get_int(exchange, "duration_ms", 0), text));
}

static void print_exchange(struct json_object *exchange)
{
	const char *kind = json_get_string(exchange, "kind");
	struct json_object *request = json_get(exchange, "request");
	const char *operation = json_get_string(exchange, "operation");
	const char *path = json_get_string(request, "path");
	struct buf line = BUF_INIT;
	char at[16];

	buf_addf(&line, "%s %s %s", hms_of(exchange, at), json_get_string(request, "method"),
	         path ? path : json_get_string(exchange, "event"));
	add_outcome(exchange, &line);
	if (kind && !strcmp(kind, "call"))
		buf_addf(&line, ", %s",
		         operation && *operation ? operation : json_get_string(exchange, "route"));
	else
		buf_addf(&line, ", %s", path ? "lookup" : "event for the receiver");
	add_origin(exchange, &line);
	print_text(buf_text(&line), line.len);
	(void)putchar('\n');
	print_body('>', request);
	print_body('<', json_get(exchange, "response"));
	buf_deinit(&line);
}

static void print_missed(const struct watch *w, int64_t n)
{
	if (!n)
		return;
	if (w->cli->json)
		(void)printf("{\"kind\":\"missed\",\"n\":%" PRId64 "}\n", n);
	else
		(void)printf("%" PRId64 " %s not shown: more came than were read\n", n,
		             plural((uint64_t)n, "exchange was", "exchanges were"));
}

static bool is_full(const struct watch *w)
{
	return cli_has(w->cli, "limit") && !w->left;
}

static void print_one(struct watch *w, const char *text)
{
	cleanup_(json_freep) struct json_object *exchange = NULL;

	if (json_parse(text, strlen(text), 0, &exchange, NULL, NULL) < 0)
		return;
	if (w->cli->json)
		term_print_json(exchange);
	else
		print_exchange(exchange);
	if (w->left)
		w->left--;
}

static void ask_on(struct watch *w, struct json_object *answer)
{
	static const char *const counters[] = {"calls", "events"};

	for (size_t i = 0; i < 2; i++)
		(void)json_object_object_add(w->request, counters[i],
		                             json_object_get(json_get(answer, counters[i])));
	if (!w->began && !w->has_ended)
		(void)fprintf(stderr, "watching the calls of %s until it ends; Ctrl-C stops this\n",
		              w->pipeline->name);
	w->began = true;
}

static enum exit_code show(struct watch *w, struct json_object *answer)
{
	struct json_object *list = json_get(answer, "exchanges");

	print_missed(w, json_get_int(answer, "missed", 0));
	for (size_t i = 0; list && i < json_object_array_length(list) && !is_full(w); i++)
		print_one(w, json_object_get_string(json_object_array_get_idx(list, i)));
	w->has_ended = w->has_said = json_get_bool(answer, "ended", false);
	ask_on(w, answer);
	return fflush(stdout) == 0 ? EXIT_DONE : EXIT_LOCAL;
}

static enum exit_code nobody_runs(const struct pipeline *pipeline)
{
	struct err err;

	(void)err_set(&err, -ENOENT, "%s is not running: start it with `closefeed run %s`",
	              pipeline->name, pipeline->path);
	return cli_fail(EXIT_AGAIN, &err);
}

static enum exit_code look(struct watch *w)
{
	cleanup_(json_freep) struct json_object *answer = NULL;
	enum exit_code code;
	struct err err;
	const int r = control_call(w->pipeline->state_folder, "tap", w->request, answer_within_ms,
	                           &answer, &err);

	if (r == -ENOENT || r == -ECONNREFUSED || r == -ECONNRESET) {
		(void)poll(NULL, 0, w->began ? retry_every_ms : 0);
		w->away_ms += retry_every_ms;
		w->has_ended = w->away_ms >= back_within_ms;
		return w->began ? EXIT_DONE : nobody_runs(w->pipeline);
	}
	w->away_ms = 0;
	if (r < 0)
		return cli_fail(r == -ETIMEDOUT ? EXIT_AGAIN : EXIT_LOCAL, &err);
	code = ask_refusal(answer);
	return code == EXIT_DONE ? show(w, answer) : code;
}

static enum exit_code run_tap(const struct cli *cli)
{
	cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	cleanup_(json_freep) struct json_object *request = json_object_new_object();
	struct watch w = {.cli = cli, .request = request, .left = cli_count(cli, "limit", 0)};
	enum exit_code code = ask_load(cli_arg(cli, 0), false, &pipeline);

	w.pipeline = pipeline;
	(void)json_object_object_add(request, "with_events",
	                             json_object_new_boolean(cli_has(cli, "responses")));
	while (code == EXIT_DONE && !w.has_ended && !is_full(&w))
		code = look(&w);
	if (code == EXIT_DONE && w.has_ended)
		(void)fprintf(stderr, "the run has ended%s\n",
		              w.has_said ? "" : "; its last calls may not be shown");
	return code;
}

const struct verb verb_tap = {
	.name = "tap",
	.summary = "watch the calls of a run as they end, with what was sent and answered",
	.usage = "tap PIPELINE [-n N] [--responses] [--json]",
	.examples =
		(const struct cli_example[]){
			{"closefeed tap leads.yaml",
                         "each call of the run to Close, until it ends or Ctrl-C"},
			{"closefeed tap leads.yaml -n 1 --json", "the next call, for a program"},
			{"closefeed tap leads.yaml --responses",
                         "also the tries to tell the receiver of the responses"},
			{NULL},
		},
	.flags =
		(const struct cli_flag[]){
			{.name = "limit",
                         .letter = 'n',
                         .type = FLAG_COUNT,
                         .value = "N",
                         .min = 1,
                         .help = "end after N of them"},
			{.name = "responses", .help = "show what the receiver is told, too"},
			{NULL},
		},
	.min_args = 1,
	.max_args = 1,
	.run = run_tap,
};
