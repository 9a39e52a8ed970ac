/*
 * Is the pipeline right? Layer by layer, each named, all mistakes in one go. Nothing is sent but,
 * with --online, reads: GET /me/ tells whose key it is, lists of fields what names mean, and
 * brokers whether there are the topics to read and to write to.
 */

#include "connector/cli/ask.h"
#include "connector/cli/books.h"
#include "connector/cli/check_names.h"
#include "connector/cli/check_test.h"
#include "connector/cli/me.h"
#include "connector/cli/source_topics.h"
#include "connector/cli/term.h"
#include "connector/close/catalogue.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/plural.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const layer_names[] = {
	[LAYER_SYNTAX] = "syntax",
	[LAYER_KEYS] = "keys",
	[LAYER_MEANING] = "meaning",
	[LAYER_SECRETS] = "secrets",
};

enum { n_layers = sizeof(layer_names) / sizeof(*layer_names) };

struct report {
	const struct cli *cli;
	struct json_object *layers; /* [{"name", "ok", "what"}] */
	struct names_report names;  /* with --online */
};

/* A line of the report; @what says more, or is NULL. */
static void add_layer(void *arg, const char *name, bool is_ok, const char *what)
{
	struct report *report = arg;
	struct json_object *row = json_object_new_object();

	(void)json_object_object_add(row, "name", json_string(name));
	(void)json_object_object_add(row, "ok", json_object_new_boolean(is_ok));
	if (what)
		(void)json_object_object_add(row, "what", json_string(what));
	(void)json_object_array_add(report->layers, row);
	if (report->cli->json)
		return;
	printf("%-8s %s%s%s", name, term_style(stdout, is_ok ? STYLE_GOOD : STYLE_BAD),
	       is_ok ? "ok" : "wrong", term_style(stdout, STYLE_PLAIN));
	if (what) {
		(void)fputs("  ", stdout);
		term_print(stdout, what);
	}
	(void)putchar('\n');
}

static size_t count_errors(const struct pipeline *pipeline, enum pipeline_layer layer)
{
	size_t n = 0;

	for (size_t i = 0; i < pipeline->n_notes; i++)
		n += !pipeline->notes[i].is_warning && pipeline->notes[i].layer == layer;
	return n;
}

static void report_file(struct report *report, const struct pipeline *pipeline)
{
	char what[64];

	for (size_t i = 0; i < n_layers; i++) {
		const size_t n = count_errors(pipeline, (enum pipeline_layer)i);

		(void)snprintf(what, sizeof(what), "%zu mistake%s", n, plural(n, "", "s"));
		add_layer(report, layer_names[i], n == 0, n ? what : NULL);
		/* What cannot be read as YAML has no keys to judge. */
		if (n && i == LAYER_SYNTAX)
			return;
	}
}

static enum exit_code report_key(struct report *report, const struct pipeline *pipeline)
{
	struct me me = {0};
	struct err err;
	struct buf what = BUF_INIT;
	enum exit_code code;

	code = me_ask(pipeline, &me, &err);
	if (code == EXIT_DONE) {
		buf_addf(&what, "%s", me.user);
		if (*me.organization)
			buf_addf(&what, ", organization %s", me.organization);
		if (!pipeline->is_close)
			buf_addf(&what, ", at %s (not Close itself)", pipeline->base_url);
	} else {
		buf_addf(&what, "%s (%s from %s)", err.text,
		         pipeline->oauth.client_id ? "refresh token" : "key",
		         pipeline->oauth.client_id ? pipeline->oauth.source
		                                   : pipeline->api_key_source);
	}
	add_layer(report, "key", code == EXIT_DONE, buf_text(&what));
	buf_deinit(&what);
	me_deinit(&me);
	return code;
}

static void print_drift(const struct pipeline *pipeline, struct json_object *drift)
{
	cleanup_(freep) char *path = books_lock_path(pipeline);

	for (size_t i = 0; i < json_object_array_length(drift); i++) {
		(void)fprintf(stderr, "%s: warning: ", path);
		term_print(stderr, json_object_get_string(json_object_array_get_idx(drift, i)));
		(void)fputc('\n', stderr);
	}
}

static enum exit_code report_names(struct report *report, const struct pipeline_options *options,
                                   const struct names *locked, struct pipeline **pipeline)
{
	const enum exit_code code = check_names(options, locked, pipeline, &report->names);

	if (!report->cli->json) {
		if ((*pipeline)->n_errors)
			ask_print_notes(*pipeline);
		print_drift(*pipeline, report->names.drift);
	}
	if (report->names.what.len)
		add_layer(report, "fields", code == EXIT_DONE, buf_text(&report->names.what));
	return code;
}

/* A topic to write to, where the pipeline has one: is it there, and may we come in? */
static enum exit_code report_topic(struct report *report, const struct pipeline_topic *topic)
{
	enum { max_wait_ms = 15000 };
	struct buf what = BUF_INIT;
	struct err err;
	int n;

	if (!topic->topic)
		return EXIT_DONE;
	n = kafka_probe_topic(&topic->conf, topic->topic, max_wait_ms, &err);
	if (n < 0)
		buf_addf(&what, "%s", err.text);
	else
		buf_addf(&what, "%s, %d partition%s, at %s", topic->topic, n, plural(n, "", "s"),
		         topic->conf.brokers);
	add_layer(report, "topic", n >= 0, buf_text(&what));
	buf_deinit(&what);
	if (n >= 0)
		return EXIT_DONE;
	return source_topics_exit_code(n);
}

/* All are looked at, whatever is wrong with the first. */
static enum exit_code report_topics(struct report *report, const struct pipeline *pipeline)
{
	const enum exit_code codes[] = {
		pipeline->kafka.topics ? source_topics_check(pipeline, add_layer, report)
				       : EXIT_DONE,
		report_topic(report, &pipeline->responses_kafka),
		report_topic(report, &pipeline->rejects_kafka),
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i] != EXIT_DONE)
			return codes[i];
	return EXIT_DONE;
}

static struct json_object *notes_json(const struct pipeline *pipeline)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < pipeline->n_notes; i++) {
		const struct pipeline_note *note = &pipeline->notes[i];
		struct json_object *row = json_object_new_object();

		(void)json_object_object_add(row, "file", json_string(pipeline->path));
		(void)json_object_object_add(row, "line", json_object_new_int64(note->line));
		(void)json_object_object_add(row, "column", json_object_new_int64(note->column));
		(void)json_object_object_add(row, "severity",
		                             json_string(note->is_warning ? "warning" : "error"));
		(void)json_object_object_add(row, "layer", json_string(layer_names[note->layer]));
		(void)json_object_object_add(row, "text", json_string(note->text));
		(void)json_object_array_add(list, row);
	}
	return list;
}

static void print_json(const struct report *report, const struct pipeline *pipeline,
                       struct json_object *tests, enum exit_code code)
{
	struct json_object *answer = json_object_new_object();

	(void)json_object_object_add(answer, "ok", json_object_new_boolean(code == EXIT_DONE));
	(void)json_object_object_add(answer, "pipeline", json_string(pipeline->name));
	(void)json_object_object_add(answer, "layers", json_object_get(report->layers));
	(void)json_object_object_add(answer, "notes", notes_json(pipeline));
	if (report->names.drift)
		(void)json_object_object_add(answer, "drift", json_object_get(report->names.drift));
	if (cli_has(report->cli, "test"))
		(void)json_object_object_add(answer, "tests", json_object_get(tests));
	term_print_json(answer);
	(void)json_object_put(answer);
}

/* By the names of its lock file, where there is one; these stay in @locked. */
static int load(const char *path, struct pipeline_options *options, struct names *locked,
                struct pipeline **ret_pipeline, struct err *err)
{
	struct pipeline *pipeline = NULL;
	int r = pipeline_load(path, options, &pipeline, err);

	if (r >= 0 && !pipeline->n_errors)
		r = books_read_lock(pipeline, locked, err);
	if (r > 0) {
		pipeline_free(pipeline);
		pipeline = NULL;
		options->names = locked;
		r = pipeline_load(path, options, &pipeline, err);
	}
	if (r >= 0)
		*ret_pipeline = pipeline;
	else
		pipeline_free(pipeline);
	return r;
}

static enum exit_code run_check(const struct cli *cli)
{
	struct pipeline_options options = {
		.operations = crm_catalogue(),
		.with_secrets = true,
		.getenv = cli_getenv,
	};
	cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	cleanup_(json_freep) struct json_object *tests = json_object_new_array();
	struct report report = {.cli = cli};
	struct names locked = {0};
	enum exit_code code = EXIT_DONE;
	struct err err;

	if (load(cli_arg(cli, 0), &options, &locked, &pipeline, &err) < 0) {
		names_deinit(&locked);
		return cli_fail(EXIT_PIPELINE, &err);
	}
	report.layers = json_object_new_array();
	if (!cli->json)
		ask_print_notes(pipeline);
	report_file(&report, pipeline);
	if (pipeline->n_errors)
		code = EXIT_PIPELINE;
	else if (cli_has(cli, "online"))
		code = report_key(&report, pipeline);
	if (code == EXIT_DONE && cli_has(cli, "online"))
		code = report_names(&report, &options, &locked, &pipeline);
	if (code == EXIT_DONE && cli_has(cli, "online"))
		code = report_topics(&report, pipeline);
	if (code == EXIT_DONE && cli_has(cli, "test"))
		code = check_test(pipeline, cli_text(cli, "test", NULL), cli->json, tests);
	if (cli->json)
		print_json(&report, pipeline, tests, code);
	(void)json_object_put(report.layers);
	names_report_deinit(&report.names);
	names_deinit(&locked);
	return code;
}

const struct verb verb_check = {
	.name = "check",
	.summary = "is the pipeline right? All mistakes in one go; sends no write",
	.usage = "check PIPELINE [--online] [--test FILE] [--json]",
	.examples =
		(const struct cli_example[]){
			{"closefeed check leads.yaml", "the file and its secrets"},
			{"closefeed check leads.yaml --online",
                         "and whose key it is, whether Close knows its names, and whether brokers "
                         "have its topics and let it in"},
			{"closefeed check leads.yaml --test leads-test.yaml",
                         "and that records give the requests you expect"},
			{NULL},
		},
	.flags =
		(const struct cli_flag[]){
			{.name = "online",
                         .help = "ask Close whose key it is and what names mean, and brokers for "
                                 "topics, rights and the group; only reads"},
			{.name = "test",
                         .type = FLAG_TEXT,
                         .value = "FILE",
                         .help = "a YAML list of {record, requests} or {record, rejected}: each is "
                                 "rendered and compared"},
			{NULL},
		},
	.min_args = 1,
	.max_args = 1,
	.run = run_check,
};
