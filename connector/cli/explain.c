#include "connector/close/explain.h"
#include "connector/cli/cli.h"
#include "connector/cli/term.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/near.h"

#include <stdio.h>
#include <stdlib.h>

static struct json_object *explanation_json(const struct crm_explanation *e)
{
	struct json_object *row = json_object_new_object();

	(void)json_object_object_add(row, "kind", json_string(e->kind));
	(void)json_object_object_add(row, "code", json_string(e->code));
	(void)json_object_object_add(row, "meaning", json_string(e->meaning));
	(void)json_object_object_add(row, "advice", json_string(e->advice));
	return row;
}

static enum exit_code list_all(const struct cli *cli)
{
	static const char *const headings[] = {"KIND", "CODE", "WHAT IT MEANS"};
	struct term_table *table = term_table_new(3, headings);
	struct json_object *list = json_object_new_array();
	struct crm_explanation e;

	for (size_t i = 0; crm_explain_nth(i, &e); i++) {
		(void)json_object_array_add(list, explanation_json(&e));
		term_table_add(table, e.kind);
		term_table_add(table, e.code);
		term_table_add(table, e.meaning);
	}
	if (cli->json)
		term_print_json(list);
	else
		term_table_print(table, stdout);
	(void)json_object_put(list);
	term_table_free(table);
	return EXIT_DONE;
}

static enum exit_code misuse_of(const struct cli *cli, const char *code)
{
	const char **names = NULL, *near;
	struct crm_explanation e;
	size_t n = 0, cap = 0;

	do {
		names = mem_grow(names, n, &cap, sizeof(*names));
		names[n] = crm_explain_nth(n, &e) ? e.code : NULL;
	} while (names[n++]);
	near = near_name(code, names);
	free(names);
	if (near)
		return cli_misuse(cli, "nothing is called \"%s\": did you mean \"%s\"?", code,
		                  near);
	return cli_misuse(cli, "nothing is called \"%s\": `closefeed explain` lists what is", code);
}

static enum exit_code run_explain(const struct cli *cli)
{
	struct crm_explanation e;
	struct json_object *row;

	if (!cli_arg(cli, 0))
		return list_all(cli);
	if (!crm_explain(cli_arg(cli, 0), &e))
		return misuse_of(cli, cli_arg(cli, 0));
	if (cli->json) {
		row = explanation_json(&e);
		term_print_json(row);
		(void)json_object_put(row);
	} else {
		printf("%s %s\n  %s\n  %s\n", e.kind, e.code, e.meaning, e.advice);
	}
	return EXIT_DONE;
}

const struct verb verb_explain = {
	.name = "explain",
	.summary = "what a status, an exit code or a reject class means, and what to do",
	.usage = "explain [CODE] [--json]",
	.examples =
		(const struct cli_example[]){
			{"closefeed explain validation", "a reject class"},
			{"closefeed explain 429", "an HTTP status"},
			{"closefeed explain 75", "an exit code"},
			{"closefeed explain", "all of them"},
			{NULL},
		},
	.max_args = 1,
	.run = run_explain,
};
