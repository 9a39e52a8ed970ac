/* What receivers were told, and what they are to be told: now, again, or after they said no. */

#include "connector/cli/ask.h"
#include "connector/cli/term.h"
#include "connector/pipeline/units.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/moment.h"
#include "lib/plural.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { max_words = 1000 };

/* "2h" before now, or a moment; 0: neither. */
static int64_t since_wall_ms(const char *text)
{
	uint64_t ms;
	int64_t us;

	if (units_duration(text, &ms) == 0)
		return clock_wall_ms() - (int64_t)ms;
	return moment_parse(text, &us, NULL) && us > 0 ? us / 1000 : 0;
}

static enum exit_code check_choice(const struct cli *cli)
{
	const char *since = cli_text(cli, "since", NULL);

	if (cli->n_args < 3 && !since && !cli_has(cli, "run"))
		return cli_misuse(cli, "which ones? give --run, --since or the ids of events");
	if (since && !since_wall_ms(since))
		return cli_misuse(cli,
		                  "\"%s\" is no time: write how long ago (30m, 2h, 1d) or when "
		                  "(2026-11-21T10:00:00Z)",
		                  since);
	for (size_t i = 2; i < cli->n_args; i++)
		if (strncmp(cli_arg(cli, i), "clo_", 4) != 0)
			return cli_misuse(cli, "\"%s\" is no id of an event: they begin with clo_",
			                  cli_arg(cli, i));
	return EXIT_DONE;
}

static enum exit_code check_words(const struct cli *cli)
{
	if (!strcmp(cli_arg(cli, 0), "resend"))
		return check_choice(cli);
	if (cli->n_args > 2 || cli_has(cli, "since") || cli_has(cli, "run"))
		return cli_misuse(cli, "ids, --run and --since belong to `responses resend`");
	return EXIT_DONE;
}

static struct json_object *request_for(const struct cli *cli)
{
	struct json_object *request = json_object_new_object();
	const char *since = cli_text(cli, "since", NULL);
	struct json_object *ids;

	if (cli_has(cli, "run"))
		(void)json_object_object_add(request, "run",
		                             json_object_new_uint64(cli_count(cli, "run", 0)));
	if (since)
		(void)json_object_object_add(request, "since_wall_ms",
		                             json_object_new_int64(since_wall_ms(since)));
	if (cli->n_args < 3)
		return request;
	ids = json_object_new_array();
	for (size_t i = 2; i < cli->n_args; i++)
		(void)json_object_array_add(ids, json_string(cli_arg(cli, i)));
	(void)json_object_object_add(request, "ids", ids);
	return request;
}

static void print_resumed(struct json_object *answer)
{
	const int64_t n = json_get_int(answer, "waiting", 0);

	if (!json_get_bool(answer, "was_paused", false)) {
		printf("nothing was paused\n");
		return;
	}
	printf("the receiver is sent to again\n");
	if (n && !json_get_bool(answer, "running", false))
		printf("%" PRId64 " %s for the next run, or for `closefeed responses flush`\n", n,
		       plural(n, "event waits", "events wait"));
}

static void print_told(const struct cli *cli, struct json_object *answer)
{
	const int64_t n_told = json_get_int(answer, "told", 0);
	const int64_t n_waiting = json_get_int(answer, "waiting", 0);
	const int64_t n_resent = json_get_int(answer, "resent", -1);
	const int64_t n_wanted = (int64_t)cli->n_args - 2;

	if (n_resent >= 0 && n_wanted > n_resent)
		(void)fprintf(stderr,
		              "%" PRId64 " of them %s not kept: never accepted, or too long ago\n",
		              n_wanted - n_resent, plural(n_wanted - n_resent, "is", "are"));
	if (n_resent < 0)
		printf("%" PRId64 " %s told\n", n_told,
		       plural((uint64_t)n_told, "event", "events"));
	else
		printf("%" PRId64 " %s %s\n", n_resent,
		       plural((uint64_t)n_resent, "event", "events"),
		       n_waiting ? "owed again" : "told again");
	if (n_waiting) {
		printf("%" PRId64 " still %s: ", n_waiting, plural(n_waiting, "waits", "wait"));
		term_print(stdout, json_get_string(answer, "why"));
		printf("\n");
	}
}

static enum exit_code run_responses(const struct cli *cli)
{
	cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	cleanup_(json_freep) struct json_object *request = NULL;
	cleanup_(json_freep) struct json_object *answer = NULL;
	const char *action = cli_arg(cli, 0);
	const char *const verb = !strcmp(action, "flush")    ? "responses.flush"
	                         : !strcmp(action, "resend") ? "responses.resend"
	                         : !strcmp(action, "resume") ? "responses.resume"
	                                                     : NULL;
	enum exit_code code;

	if (!verb)
		return cli_misuse(cli, "responses cannot \"%s\": it can flush, resend and resume",
		                  action);
	code = check_words(cli);
	if (code == EXIT_DONE)
		code = ask_load(cli_arg(cli, 1), false, &pipeline);
	if (code != EXIT_DONE)
		return code;
	if (!pipeline->webhook_url && !pipeline->responses_file &&
	    !pipeline->responses_kafka.topic && !pipeline->rejects_kafka.topic)
		return cli_misuse(cli, "%s has no responses: nobody is told", pipeline->path);
	request = request_for(cli);
	code = ask_state(pipeline, verb, request, &answer);
	if (code != EXIT_DONE)
		return code;
	if (cli->json)
		term_print_json(answer);
	else if (!strcmp(action, "resume"))
		print_resumed(answer);
	else
		print_told(cli, answer);
	return strcmp(action, "resume") != 0 && json_get_int(answer, "waiting", 0) ? EXIT_AGAIN
	                                                                           : EXIT_DONE;
}

const struct verb verb_responses = {
	.name = "responses",
	.summary = "tell the receiver what waits, tell it again, or go on after it said 410",
	.usage = "responses flush|resend|resume PIPELINE [EVENT...] [--run N] [--since WHEN] "
		 "[--json]",
	.examples =
		(const struct cli_example[]){
			{"closefeed responses flush leads.yaml",
                         "send now what waits; exit code 75: some of it still does"},
			{"closefeed responses resend leads.yaml --since 2h",
                         "send what it has accepted since then once more, under the same "
                         "ids"},
			{"closefeed responses resend leads.yaml --run 12",
                         "all events of one run: `closefeed runs` lists them"},
			{"closefeed responses resume leads.yaml",
                         "send again to a receiver that had answered 410 Gone"},
			{NULL},
		},
	.flags =
		(const struct cli_flag[]){
			{.name = "run",
                         .type = FLAG_COUNT,
                         .value = "N",
                         .min = 1,
                         .help = "resend: events of this run"},
			{.name = "since",
                         .type = FLAG_TEXT,
                         .value = "WHEN",
                         .help = "resend: events made since then: 30m, 2h, 1d ago, or a time"},
			{NULL},
		},
	.min_args = 2,
	.max_args = max_words,
	.run = run_responses,
};
