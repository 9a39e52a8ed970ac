#include "connector/cli/ask.h"
#include "connector/cli/progress.h"
#include "connector/cli/term.h"
#include "connector/engine/engine.h"
#include "lib/cleanup.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The main job. Signals only set a flag; the loop is woken by them and looks at it each turn. */

static volatile sig_atomic_t n_signals, last_signal;

static void note_signal(int number)
{
	last_signal = number;
	n_signals = n_signals + 1;
}

static bool is_impatient(void)
{
	return n_signals > 1 && last_signal == SIGINT;
}

static void watch_signals(void)
{
	struct sigaction action = {.sa_handler = note_signal};

	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

struct job {
	const struct cli *cli;
	const struct pipeline *pipeline;
	struct progress *progress;
	size_t n_greeted;
	sig_atomic_t n_seen;
	uint64_t look_at_ms;
};

enum { look_every_ms = 200 };

static void greet(struct job *job, struct engine *engine)
{
	char *const *greetings = engine_greetings(engine);

	for (; greetings[job->n_greeted]; job->n_greeted++) {
		progress_hide(job->progress);
		term_print(stderr, greetings[job->n_greeted]);
		(void)fputc('\n', stderr);
	}
}

static void obey_signals(struct job *job, struct engine *engine)
{
	if (job->n_seen == n_signals)
		return;
	engine_interrupt(engine, is_impatient());
	job->n_seen = n_signals;
}

static struct progress_view view_of(const struct pipeline *pipeline, const struct engine_view *v)
{
	return (struct progress_view){
		.pipeline = pipeline->name,
		.source = v->source,
		.counts = v->counts,
		.bytes_read = v->bytes_read,
		.bytes_total = v->bytes_total,
		.counts_left = v->is_behind,
		.left = v->records_left,
		.events_owed = v->events_owed,
		.unknown_keys = v->unknown_keys,
		.waiting = *v->waiting ? v->waiting : NULL,
	};
}

static void each_turn(void *arg, struct engine *engine)
{
	struct job *job = arg;
	struct engine_view v;
	struct progress_view view;

	obey_signals(job, engine);
	greet(job, engine);
	if (engine_now_ms(engine) < job->look_at_ms)
		return;
	job->look_at_ms = engine_now_ms(engine) + look_every_ms;
	engine_look(engine, &v);
	view = view_of(job->pipeline, &v);
	progress_show(job->progress, &view, engine_now_ms(engine), engine_wall_ms(engine));
}

/* A program that reads the summary gets one, also where nothing could begin. */
static enum exit_code fail_to_begin(const struct pipeline *p, enum progress_form form,
                                    enum exit_code code, const struct err *err)
{
	const struct progress_view view = {.pipeline = p->name,
	                                   .source = p->ndjson_written ? p->ndjson_written
	                                                               : p->kafka.written};
	const struct progress_end end = {
		.reason = err->text, .pipeline_path = p->path, .exit_code = code};
	struct progress *progress = NULL;

	if (form == PROGRESS_JSON) {
		progress = progress_new(form, stdout, 0);
		progress_summary(progress, &view, &end, 0);
		progress_free(progress);
	}
	return cli_fail(code, err);
}

/* Each assignment of partitions has an engine of its own. NULL: the next could not be opened. */
static enum exit_code work_on(struct job *job, struct engine **engine, const char **ret_reason,
                              struct err *err)
{
	enum exit_code code = engine_run(*engine, each_turn, job, ret_reason);

	while (engine_hands_over(*engine)) {
		greet(job, *engine);
		job->n_greeted = 0;
		if (engine_reopen(engine, &code, err) < 0)
			return code;
		code = engine_run(*engine, each_turn, job, ret_reason);
	}
	return code;
}

static enum exit_code work(struct job *job, enum progress_form form, struct engine **engine)
{
	struct engine_view v;
	struct progress_view view;
	struct progress_end end = {.pipeline_path = job->pipeline->path};
	struct err err;
	enum exit_code code;

	code = work_on(job, engine, &end.reason, &err);
	if (!*engine)
		return fail_to_begin(job->pipeline, form, code, &err);
	greet(job, *engine);
	engine_look(*engine, &v);
	view = view_of(job->pipeline, &v);
	end.run = v.run;
	end.exit_code = code;
	progress_summary(job->progress, &view, &end, engine_now_ms(*engine));
	return code;
}

static void say_where(const struct pipeline *p)
{
	if (!p->is_close)
		(void)fprintf(stderr, "sends to %s, which is not Close's own address\n",
		              p->base_url);
}

static enum exit_code run_run(const struct cli *cli)
{
	const enum progress_form form = progress_choose(cli->json);
	cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	cleanup_(engine_freep) struct engine *engine = NULL;
	struct engine_options options = {
		.new_state = cli_has(cli, "new-state"),
		.limit = cli_count(cli, "limit", 0),
		.until_end = cli_has(cli, "until-end"),
		.accepts_offsets = cli_has(cli, "accept-offsets"),
		.reads_source = true,
	};
	struct job job = {.cli = cli};
	enum exit_code code;
	struct err err;

	code = ask_load(cli_arg(cli, 0), true, &pipeline);
	if (code != EXIT_DONE)
		return code;
	ask_print_notes(pipeline);
	if (!pipeline->kafka.topics && (options.until_end || options.accepts_offsets))
		return cli_misuse(cli, "--until-end and --accept-offsets are for a Kafka "
		                       "source; a file is read to its end anyway");
	say_where(pipeline);
	watch_signals();
	options.pipeline = pipeline;
	if (engine_open(&options, &engine, &code, &err) < 0)
		return fail_to_begin(pipeline, form, code, &err);
	job.pipeline = pipeline;
	job.progress =
		progress_new(form, form == PROGRESS_JSON ? stdout : stderr, engine_now_ms(engine));
	code = work(&job, form, &engine);
	progress_free(job.progress);
	/* Parting from brokers may take a while, in which a person loses patience. */
	engine_free(steal(&engine));
	return is_impatient() ? EXIT_INTERRUPTED : code;
}

const struct verb verb_run = {
	.name = "run",
	.summary = "run the pipeline: read, shape, send, report",
	.usage = "run PIPELINE [--limit N] [--until-end] [--accept-offsets] [--new-state] [--json]",
	.examples =
		(const struct cli_example[]){
			{"closefeed run leads.yaml", "all that was not read yet"},
			{"closefeed run leads.yaml --limit 10", "try it with the next ten records"},
			{"closefeed run signups.yaml --until-end", "Kafka: all there is now"},
			{"closefeed run leads.yaml --json", "progress and summary for a program"},
			{NULL},
		},
	.flags =
		(const struct cli_flag[]){
			{.name = "limit",
                         .type = FLAG_COUNT,
                         .value = "N",
                         .min = 1,
                         .help = "read at most N records"},
			{.name = "until-end",
                         .help = "Kafka: stop where the topics ended when it began"},
			{.name = "accept-offsets",
                         .help = "Kafka: go on from what the broker has, after a topic was made "
                                 "anew or records expired"},
			{.name = "new-state",
                         .help = "set the state aside and begin anew: records are sent again"},
			{NULL},
		},
	.min_args = 1,
	.max_args = 1,
	.run = run_run,
};
