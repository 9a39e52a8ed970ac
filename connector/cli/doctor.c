/*
 * What is wrong around a pipeline, or soon will be: the machine, the file, its input, its state.
 * Sends nothing, changes nothing.
 */

#include "connector/cli/ask.h"
#include "connector/cli/source_topics.h"
#include "connector/cli/term.h"
#include "connector/close/catalogue.h"
#include "connector/engine/examine.h"
#include "connector/engine/login.h"
#include "connector/source/ndjson.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/plural.h"
#include "lib/versions.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct doctor {
	const struct cli *cli;
	struct json_object *findings; /* [{"what", "kind", "text"}] */
	bool is_bad;
};

static const struct {
	const char *name, *word;
	enum term_style style;
} kinds[] = {
	[FINDING_GOOD] = {"good", "ok", STYLE_GOOD},
	[FINDING_WARNING] = {"warning", "look", STYLE_WARN},
	[FINDING_BAD] = {"bad", "wrong", STYLE_BAD},
};

static void add_finding(void *arg, const struct finding *finding)
{
	struct doctor *d = arg;
	struct json_object *row = json_object_new_object();

	d->is_bad |= finding->kind == FINDING_BAD;
	(void)json_object_object_add(row, "what", json_string(finding->what));
	(void)json_object_object_add(row, "kind", json_string(kinds[finding->kind].name));
	(void)json_object_object_add(row, "text", json_string(finding->text));
	(void)json_object_array_add(d->findings, row);
	if (d->cli->json)
		return;
	printf("%-13s %s%-6s%s ", finding->what, term_style(stdout, kinds[finding->kind].style),
	       kinds[finding->kind].word, term_style(stdout, STYLE_PLAIN));
	term_print(stdout, finding->text);
	(void)putchar('\n');
}

static void say(struct doctor *d, enum finding_kind kind, const char *what, const char *text)
{
	const struct finding finding = {.kind = kind, .what = what, .text = text};

	add_finding(d, &finding);
}

static void look_at_libraries(struct doctor *d)
{
	struct buf text = BUF_INIT;

	for (const struct library_version *v = library_versions(); v->name; v++)
		buf_addf(&text, "%s%s %s", text.len ? ", " : "", v->name, v->version);
	say(d, FINDING_GOOD, "libraries", buf_text(&text));
	buf_deinit(&text);
}

/* A clock that is off breaks TLS, signatures of events and the times of rejects. */
static void look_at_clock(struct doctor *d)
{
	static const int64_t year_2026_ms = 1767225600000;
	const int64_t now_ms = clock_wall_ms();
	char text[32];

	(void)clock_rfc3339(now_ms, text);
	if (now_ms < year_2026_ms)
		say(d, FINDING_BAD, "clock",
		    "it shows a year before 2026: set it, or every certificate is refused");
	else
		say(d, FINDING_GOOD, "clock", text);
}

static void look_at_descriptors(struct doctor *d, unsigned concurrency)
{
	enum { besides = 64 }; /* files, sockets of the webhook, epoll, the database */
	struct rlimit limit;
	char text[120];

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	(void)snprintf(text, sizeof(text), "%llu may be open%s", (unsigned long long)limit.rlim_cur,
	               limit.rlim_cur < concurrency + besides
	                       ? ": too few for close.concurrency; raise `ulimit -n`"
	                       : "");
	say(d, limit.rlim_cur < concurrency + besides ? FINDING_BAD : FINDING_GOOD, "descriptors",
	    text);
}

static void add_topic(void *arg, const char *name, bool is_ok, const char *what)
{
	say(arg, is_ok ? FINDING_GOOD : FINDING_BAD, name, what);
}

/* How long members are waited for; brokers have limits of their own for it. */
static void look_at_session(struct doctor *d, const struct pipeline_source_kafka *kafka)
{
	enum { broker_max_ms = 1800000 };
	char text[200];

	(void)snprintf(text, sizeof(text),
	               "%llu s: a process that is away for longer loses its "
	               "partitions to others%s",
	               (unsigned long long)kafka->session_ms / 1000,
	               kafka->session_ms > broker_max_ms
	                       ? "; brokers refuse it above their group.max.session.timeout.ms, 30 "
	                         "minutes unless it was raised"
	                       : "");
	say(d, kafka->session_ms > broker_max_ms ? FINDING_WARNING : FINDING_GOOD, "session", text);
}

/*
 * The input is opened as preview opens it: nothing of the state is looked at. Brokers, topics and
 * rights end it as they would end a run.
 */
static enum exit_code look_at_input(struct doctor *d, const struct pipeline *p)
{
	const struct ndjson_options options = {
		.path = p->ndjson_path,
		.name = p->ndjson_written,
		.max_record = p->max_record,
		.is_follow = p->ndjson_follow,
	};
	enum exit_code code;
	struct source *source = NULL;
	struct err err;

	if (p->kafka.topics) {
		code = source_topics_check(p, add_topic, d);
		look_at_session(d, &p->kafka);
		return code;
	}
	if (strcmp(p->ndjson_path, "-") == 0) {
		say(d, FINDING_GOOD, "input", "standard input");
		return EXIT_DONE;
	}
	if (ndjson_open(&options, &source, &err) < 0)
		say(d, FINDING_BAD, "input", err.text);
	else
		say(d, FINDING_GOOD, "input", p->ndjson_written);
	source_free(source);
	return EXIT_DONE; /* what is bad of files is the machine's */
}

/* Secrets are looked at, too: a file that others may write is a trouble of the machine. */
static enum exit_code look_at_pipeline(struct doctor *d, const char *path)
{
	const struct pipeline_options options = {
		.operations = crm_catalogue(), .with_secrets = true, .getenv = cli_getenv};
	cleanup_(pipeline_freep) struct pipeline *p = NULL;
	enum exit_code code;
	struct err err;
	char text[80];

	if (pipeline_load(path, &options, &p, &err) < 0) {
		say(d, FINDING_BAD, "pipeline", err.text);
		return EXIT_PIPELINE;
	}
	if (p->n_errors) {
		(void)snprintf(text, sizeof(text), "%zu mistake%s: `closefeed check` names %s",
		               p->n_errors, plural(p->n_errors, "", "s"),
		               plural(p->n_errors, "it", "them"));
		say(d, FINDING_BAD, "pipeline", text);
		return EXIT_PIPELINE;
	}
	say(d, FINDING_GOOD, "pipeline", p->name);
	look_at_descriptors(d, p->concurrency);
	code = look_at_input(d, p);
	state_examine(p, add_finding, d);
	login_examine(p, add_finding, d);
	return code;
}

static void print_json(const struct doctor *d)
{
	struct json_object *answer = json_object_new_object();

	(void)json_object_object_add(answer, "ok", json_object_new_boolean(!d->is_bad));
	(void)json_object_object_add(answer, "findings", json_object_get(d->findings));
	term_print_json(answer);
	(void)json_object_put(answer);
}

static enum exit_code run_doctor(const struct cli *cli)
{
	struct doctor d = {.cli = cli, .findings = json_object_new_array()};
	enum exit_code code = EXIT_DONE;

	look_at_libraries(&d);
	look_at_clock(&d);
	if (cli_arg(cli, 0))
		code = look_at_pipeline(&d, cli_arg(cli, 0));
	else
		look_at_descriptors(&d, 0);
	if (code == EXIT_DONE && d.is_bad)
		code = EXIT_LOCAL;
	if (cli->json)
		print_json(&d);
	(void)json_object_put(d.findings);
	return code;
}

const struct verb verb_doctor = {
	.name = "doctor",
	.summary = "what is wrong with the machine, the input or the state, or soon will be",
	.usage = "doctor [PIPELINE] [--json]",
	.examples =
		(const struct cli_example[]){
			{"closefeed doctor", "the machine: libraries, clock, limits"},
			{"closefeed doctor leads.yaml",
                         "and the file, its input (of Kafka: brokers, topics, group) and its "
                         "journal"},
			{NULL},
		},
	.max_args = 1,
	.run = run_doctor,
};
