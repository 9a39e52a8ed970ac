/* Creates whose outcome could not be proven: only a person can decide what is true of them. */

#include "connector/cli/ask.h"
#include "connector/cli/desk_print.h"
#include "connector/cli/items.h"
#include "connector/cli/term.h"
#include "lib/cleanup.h"
#include "lib/json.h"

#include <stdio.h>
#include <string.h>

enum { max_words = 1000 };

static const struct decision {
	const char *flag, *action;
} decisions[] = {
	{"applied", "applied"},
	{"send", "send"},
	{"give-up", "give-up"},
	{NULL},
};

/* The one decision that was given; NULL for none or several. */
static const char *decision_of(const struct cli *cli)
{
	const char *action = NULL;
	unsigned n = 0;

	for (const struct decision *d = decisions; d->flag; d++) {
		if (cli_has(cli, d->flag)) {
			action = d->action;
			n++;
		}
	}
	return n == 1 ? action : NULL;
}

static enum exit_code ask(const struct cli *cli, const char *verb, struct json_object *request,
                          struct json_object **ret_answer)
{
	cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	enum exit_code code;

	code = items_check_ids(cli, 2);
	if (code == EXIT_DONE)
		code = ask_load(cli_arg(cli, 1), false, &pipeline);
	if (code == EXIT_DONE)
		code = ask_state(pipeline, verb, request, ret_answer);
	if (code == EXIT_DONE && cli->json)
		term_print_json(*ret_answer);
	return code;
}

static enum exit_code list_or_show(const struct cli *cli, bool is_list)
{
	cleanup_(json_freep) struct json_object *request = json_object_new_object();
	cleanup_(json_freep) struct json_object *answer = NULL;
	enum exit_code code;

	if (!is_list && cli->n_args < 3)
		return cli_misuse(cli, "which ones? give ids: `closefeed held list` shows them");
	if (cli->n_args > 2)
		(void)json_object_object_add(request, "ids", items_ids(cli, 2));
	code = ask(cli, is_list ? "held.list" : "held.show", request, &answer);
	if (code != EXIT_DONE || cli->json)
		return code;
	if (is_list)
		desk_print_list(stdout, json_get(answer, "held"), "held");
	else
		desk_print_items(stdout, json_get(answer, "held"));
	return EXIT_DONE;
}

static enum exit_code resolve(const struct cli *cli)
{
	cleanup_(json_freep) struct json_object *request = NULL;
	cleanup_(json_freep) struct json_object *answer = NULL;
	const char *action = decision_of(cli);
	enum exit_code code;

	if (cli->n_args != 3)
		return cli_misuse(cli, "resolve takes one id: each needs a decision of its own");
	if (!action)
		return cli_misuse(cli, "say what is true of it: --applied OBJECT_ID (it exists), "
		                       "--send (it does not), or --give-up");
	request = json_object_new_object();
	(void)json_object_object_add(request, "id", items_id(cli_arg(cli, 2)));
	(void)json_object_object_add(request, "action", json_string(action));
	if (cli_has(cli, "applied"))
		(void)json_object_object_add(request, "object_id",
		                             json_string(cli_text(cli, "applied", NULL)));
	code = ask(cli, "held.resolve", request, &answer);
	if (code != EXIT_DONE)
		return code;
	if (!cli->json)
		desk_print_results(stdout, json_get(answer, "results"));
	return items_exit_code(json_get(answer, "results"));
}

static enum exit_code run_held(const struct cli *cli)
{
	const char *action = cli_arg(cli, 0);

	if (strcmp(action, "resolve") == 0)
		return resolve(cli);
	for (const struct decision *d = decisions; d->flag; d++)
		if (cli_has(cli, d->flag))
			return cli_misuse(cli, "--%s belongs to `held resolve`", d->flag);
	if (strcmp(action, "list") == 0 || strcmp(action, "show") == 0)
		return list_or_show(cli, strcmp(action, "list") == 0);
	return cli_misuse(cli, "held cannot \"%s\": it can list, show and resolve", action);
}

const struct verb verb_held = {
	.name = "held",
	.summary = "creates whose outcome could not be proven: see them, decide about them",
	.usage = "held list|show|resolve PIPELINE [ID...] [--applied OBJECT_ID|--send|--give-up] "
		 "[--json]",
	.examples =
		(const struct cli_example[]){
			{"closefeed held list leads.yaml",
                         "what waits for a person, and what is known"},
			{"closefeed held resolve leads.yaml 7 --applied lead_A1",
                         "it exists: this is its id"},
			{"closefeed held resolve leads.yaml 7 --send",
                         "it does not exist: create it"},
			{"closefeed held resolve leads.yaml 7 --give-up",
                         "leave it, told as rejected"},
			{NULL},
		},
	.flags =
		(const struct cli_flag[]){
			{.name = "applied",
                         .type = FLAG_TEXT,
                         .value = "OBJECT_ID",
                         .help = "resolve: it was made, and this is it"},
			{.name = "send", .help = "resolve: it was not made; send it again"},
			{.name = "give-up",
                         .help = "resolve: do nothing more, tell it as rejected"},
			{NULL},
		},
	.min_args = 2,
	.max_args = max_words,
	.run = run_held,
};
