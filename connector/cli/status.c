#include "connector/cli/ask.h"
#include "connector/cli/desk_print.h"
#include "connector/cli/term.h"
#include "lib/cleanup.h"
#include "lib/json.h"

#include <stdio.h>
#include <unistd.h>

static enum exit_code show(const struct cli *cli, const struct pipeline *pipeline)
{
	cleanup_(json_freep) struct json_object *request = json_object_new_object();
	cleanup_(json_freep) struct json_object *answer = NULL;
	const enum exit_code code = ask_state(pipeline, "status", request, &answer);

	if (code != EXIT_DONE)
		return code;
	if (cli_has(cli, "watch") && term_is(stdout))
		(void)fputs("\x1b[H\x1b[2J", stdout); /* a clean screen for each look */
	if (cli->json)
		term_print_json(answer);
	else
		desk_print_status(stdout, answer);
	return fflush(stdout) == 0 ? EXIT_DONE : EXIT_LOCAL;
}

static enum exit_code run_status(const struct cli *cli)
{
	cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	enum exit_code code = ask_load(cli_arg(cli, 0), false, &pipeline);

	if (code == EXIT_DONE)
		code = show(cli, pipeline);
	/* Watching ends with Ctrl-C, or when whoever reads has gone. */
	while (code == EXIT_DONE && cli_has(cli, "watch")) {
		(void)sleep(1);
		code = show(cli, pipeline);
	}
	return code;
}

const struct verb verb_status = {
	.name = "status",
	.summary = "what a pipeline is doing or waiting for, in words",
	.usage = "status PIPELINE [--watch] [--json]",
	.examples =
		(const struct cli_example[]){
			{"closefeed status leads.yaml",
                         "the same while it runs and when it does not"},
			{"closefeed status leads.yaml --watch", "again each second, until Ctrl-C"},
			{"closefeed status leads.yaml --json", "for a program"},
			{NULL},
		},
	.flags =
		(const struct cli_flag[]){
			{.name = "watch", .help = "look again each second"},
			{NULL},
		},
	.min_args = 1,
	.max_args = 1,
	.run = run_status,
};
