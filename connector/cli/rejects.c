/*
 * The dead letters of a pipeline. The words after the verb are the action, the pipeline file and
 * the ids; what an action needs of them stands in one table.
 */

#include "connector/cli/rejects.h"

#include "connector/cli/ask.h"
#include "connector/cli/desk_print.h"
#include "connector/cli/items.h"
#include "connector/cli/term.h"
#include "connector/model/outcome.h"
#include "lib/cleanup.h"
#include "lib/json.h"

#include <stdio.h>
#include <string.h>

enum { max_words = 1000 };

static void print_list(struct json_object *answer)
{
	desk_print_list(stdout, json_get(answer, "rejects"), "rejected");
}

static void print_items(struct json_object *answer)
{
	desk_print_items(stdout, json_get(answer, "rejects"));
}

static void print_results(struct json_object *answer)
{
	desk_print_results(stdout, json_get(answer, "results"));
}

static void print_dropped(struct json_object *answer)
{
	printf("dropped: %d\n", (int)json_get_int(answer, "dropped", 0));
}

static const struct action {
	const char *name, *verb;
	bool needs_choice; /* ids, --all or --class: nothing happens to all of them by accident */
	void (*print)(struct json_object *answer);
} actions[] = {
	{"list", "rejects.list", false, print_list},
	{"show", "rejects.show", true, print_items},
	{"retry", "rejects.retry", true, print_results},
	{"drop", "rejects.drop", true, print_dropped},
	{"edit", "rejects.retry", true, print_results},
	{"export", "rejects.export", true, NULL},
	{NULL},
};

static enum exit_code misuse_of_choice(const struct cli *cli)
{
	const char *class = cli_text(cli, "class", NULL);

	if (class && reject_class_find(class) == REJECT_NONE)
		return cli_misuse(cli,
		                  "there is no reject class \"%s\": `closefeed explain` lists them",
		                  class);
	if (!strcmp(cli_arg(cli, 0), "edit") && cli->n_args != 3)
		return cli_misuse(cli, "edit takes one id: each record is edited by itself");
	if (cli_has(cli, "output") && strcmp(cli_arg(cli, 0), "export") != 0)
		return cli_misuse(cli, "--output belongs to `rejects export`");
	if (cli_has(cli, "as-sent") && strcmp(cli_arg(cli, 0), "retry") != 0)
		return cli_misuse(cli, "--as-sent belongs to `rejects retry`");
	if ((cli->n_args > 2) + cli_has(cli, "all") + (class != NULL) > 1)
		return cli_misuse(cli, "give ids, --all or --class, one of them");
	return EXIT_DONE;
}

struct json_object *rejects_request(const struct cli *cli, const struct pipeline *pipeline)
{
	struct json_object *request = json_object_new_object();
	const char *class = cli_text(cli, "class", NULL);

	if (cli->n_args > 2)
		(void)json_object_object_add(request, "ids", items_ids(cli, 2));
	if (cli_has(cli, "all"))
		(void)json_object_object_add(request, "all", json_object_new_boolean(true));
	if (class)
		(void)json_object_object_add(request, "class", json_string(class));
	if (strcmp(cli_arg(cli, 0), "retry") != 0 && strcmp(cli_arg(cli, 0), "edit") != 0)
		return request;
	(void)json_object_object_add(request, "as_sent",
	                             json_object_new_boolean(cli_has(cli, "as-sent")));
	(void)json_object_object_add(
		request, "pipeline_text",
		json_object_new_string_len(pipeline->text, (int)pipeline->text_len));
	return request;
}

static enum exit_code act(const struct cli *cli, const struct action *action,
                          const struct pipeline *pipeline)
{
	cleanup_(json_freep) struct json_object *request = rejects_request(cli, pipeline);
	cleanup_(json_freep) struct json_object *answer = NULL;
	enum exit_code code = EXIT_DONE;

	if (!strcmp(action->name, "export"))
		return rejects_export(cli, pipeline, request);
	if (!strcmp(action->name, "edit"))
		code = rejects_edit(pipeline, cli_arg(cli, 2), request);
	if (code == EXIT_DONE)
		code = ask_state(pipeline, action->verb, request, &answer);
	if (code != EXIT_DONE)
		return code;
	if (cli->json)
		term_print_json(answer);
	else
		action->print(answer);
	return items_exit_code(json_get(answer, "results"));
}

static enum exit_code run_rejects(const struct cli *cli)
{
	cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	const struct action *action = actions;
	enum exit_code code;

	while (action->name && strcmp(action->name, cli_arg(cli, 0)) != 0)
		action++;
	if (!action->name)
		return cli_misuse(cli,
		                  "rejects cannot \"%s\": it can list, show, edit, retry, drop and "
		                  "export",
		                  cli_arg(cli, 0));
	if (action->needs_choice && cli->n_args < 3 && !cli_has(cli, "all") &&
	    !cli_has(cli, "class"))
		return cli_misuse(cli, "which ones? give ids, --all or --class C");
	code = misuse_of_choice(cli);
	if (code == EXIT_DONE)
		code = items_check_ids(cli, 2);
	if (code == EXIT_DONE)
		code = ask_load(cli_arg(cli, 1), false, &pipeline);
	return code == EXIT_DONE ? act(cli, action, pipeline) : code;
}

const struct verb verb_rejects = {
	.name = "rejects",
	.summary = "records that were refused: with reason, request and answer; send them again",
	.usage = "rejects list|show|edit|retry|drop|export PIPELINE [ID...] [--all] [--class C] "
		 "[--as-sent] [--output FILE] [--json]",
	.examples =
		(const struct cli_example[]){
			{"closefeed rejects list leads.yaml", "what was refused and why"},
			{"closefeed rejects show leads.yaml 12", "all that is known of one"},
			{"closefeed rejects retry leads.yaml --class validation",
                         "shape and send these again"},
			{"closefeed rejects edit leads.yaml 12",
                         "mend the record in $EDITOR, then send it"},
			{"closefeed rejects export leads.yaml --all --output mend.ndjson",
                         "the records as they came, a line each"},
			{"closefeed rejects drop leads.yaml 12 13", "forget them"},
			{NULL},
		},
	.flags =
		(const struct cli_flag[]){
			{.name = "all", .help = "every one of them"},
			{.name = "class",
                         .type = FLAG_TEXT,
                         .value = "C",
                         .help = "those of one class: `closefeed explain` lists them"},
			{.name = "as-sent",
                         .help = "retry: send the kept request, do not shape the record again"},
			{.name = "output",
                         .type = FLAG_TEXT,
                         .value = "FILE",
                         .help = "export: a new file to write to (standard output)"},
			{NULL},
		},
	.min_args = 2,
	.max_args = max_words,
	.run = run_rejects,
};
