#include "connector/cli/ask.h"
#include "connector/cli/desk_print.h"
#include "connector/cli/term.h"
#include "lib/cleanup.h"
#include "lib/json.h"

#include <stdio.h>

static enum exit_code run_status(const struct cli *cli)
{
	cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	cleanup_(json_freep) struct json_object *request = json_object_new_object();
	cleanup_(json_freep) struct json_object *answer = NULL;
	enum exit_code code;

	code = ask_load(cli_arg(cli, 0), false, &pipeline);
	if (code == EXIT_DONE)
		code = ask_state(pipeline, "status", request, &answer);
	if (code != EXIT_DONE)
		return code;
	if (cli->json)
		term_print_json(answer);
	else
		desk_print_status(stdout, answer);
	return EXIT_DONE;
}

const struct verb verb_status = {
	.name = "status",
	.summary = "what a pipeline is doing or waiting for, in words",
	.usage = "status PIPELINE [--json]",
	.examples =
		(const struct cli_example[]){
			{"closefeed status leads.yaml",
                         "the same while it runs and when it does not"},
			{"closefeed status leads.yaml --json", "for a program"},
			{NULL},
		},
	.min_args = 1,
	.max_args = 1,
	.run = run_status,
};
