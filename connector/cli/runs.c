#include "connector/cli/ask.h"
#include "connector/cli/desk_print.h"
#include "connector/cli/term.h"
#include "lib/cleanup.h"
#include "lib/json.h"

#include <stdio.h>

enum { default_runs = 10, most_runs = 10000 };

static enum exit_code run_runs(const struct cli *cli)
{
	cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	cleanup_(json_freep) struct json_object *request = json_object_new_object();
	cleanup_(json_freep) struct json_object *answer = NULL;
	enum exit_code code = ask_load(cli_arg(cli, 0), false, &pipeline);

	if (code != EXIT_DONE)
		return code;
	(void)json_object_object_add(request, "n",
	                             json_object_new_uint64(cli_count(cli, "last", default_runs)));
	code = ask_state(pipeline, "runs", request, &answer);
	if (code != EXIT_DONE)
		return code;
	if (cli->json)
		term_print_json(answer);
	else
		desk_print_runs(stdout, json_get(answer, "runs"));
	return EXIT_DONE;
}

const struct verb verb_runs = {
	.name = "runs",
	.summary = "the history of a pipeline: when it ran, what came of it, why it ended",
	.usage = "runs PIPELINE [-n N] [--json]",
	.examples =
		(const struct cli_example[]){
			{"closefeed runs leads.yaml", "the last 10 runs, newest first"},
			{"closefeed runs leads.yaml -n 100 --json", "more of them, for a program"},
			{NULL},
		},
	.flags =
		(const struct cli_flag[]){
			{.name = "last",
                         .letter = 'n',
                         .type = FLAG_COUNT,
                         .value = "N",
                         .min = 1,
                         .max = most_runs,
                         .help = "how many runs to show (10)"},
			{NULL},
		},
	.min_args = 1,
	.max_args = 1,
	.run = run_runs,
};
