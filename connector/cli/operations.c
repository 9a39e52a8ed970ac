#include "connector/cli/cli.h"
#include "connector/cli/term.h"
#include "connector/close/catalogue.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/near.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	unsigned effect;
	const char *name, *meaning;
} effects[] = {
	{EFFECT_SENDS, "sends", "it reaches people outside"},
	{EFFECT_COSTS, "costs", "it costs money"},
	{EFFECT_MASS, "mass", "it touches many objects at once"},
	{EFFECT_DESTROYS, "destroys", "what it takes away does not come back"},
};

enum { n_effects = sizeof(effects) / sizeof(*effects) };

static struct json_object *texts_json(const char *const *texts)
{
	struct json_object *list = json_object_new_array();

	for (; texts && *texts; texts++)
		(void)json_object_array_add(list, json_string(*texts));
	return list;
}

static struct json_object *fields_json(const struct operation_field *fields)
{
	struct json_object *list = json_object_new_object();

	for (; fields && fields->name; fields++)
		(void)json_object_object_add(list, fields->name, json_string(fields->type));
	return list;
}

static struct json_object *operation_json(const struct operation *op)
{
	struct json_object *row = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < n_effects; i++)
		if (op->effects & effects[i].effect)
			(void)json_object_array_add(list, json_string(effects[i].name));
	(void)json_object_object_add(row, "name", json_string(op->name));
	(void)json_object_object_add(row, "method", json_string(http_method_name(op->method)));
	(void)json_object_object_add(row, "path", json_string(op->path));
	(void)json_object_object_add(row, "summary", json_string(op->summary));
	(void)json_object_object_add(row, "params", texts_json(op->path_params));
	(void)json_object_object_add(row, "query", texts_json(op->query_params));
	(void)json_object_object_add(row, "fields", fields_json(op->body_fields));
	(void)json_object_object_add(row, "required", texts_json(op->required));
	(void)json_object_object_add(row, "has_body",
	                             json_object_new_boolean(op->body_source != BODY_NONE));
	(void)json_object_object_add(row, "effects", list);
	(void)json_object_object_add(row, "delivery_class",
	                             json_string(delivery_class_name(op->class)));
	(void)json_object_object_add(row, "oauth_only", json_object_new_boolean(op->is_oauth_only));
	return row;
}

static bool is_in(const char *word, const char *const *list)
{
	for (; list && *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

static void show_one(const struct operation *op)
{
	static const char *const headings[] = {"FIELD", "TYPE", ""};
	struct term_table *table = term_table_new(3, headings);

	printf("%s\n  %s %s\n  %s\n", op->name, http_method_name(op->method), op->path,
	       op->summary);
	for (size_t i = 0; i < n_effects; i++)
		if (op->effects & effects[i].effect)
			printf("  %s: %s\n", effects[i].name, effects[i].meaning);
	if (op->is_oauth_only)
		printf("  needs OAuth: an API key is refused\n");
	for (const char *const *q = op->query_params; q && *q; q++)
		printf("  query parameter: %s\n", *q);
	if (op->body_source == BODY_NONE) {
		printf("  sends no body\n");
	} else {
		for (const struct operation_field *f = op->body_fields; f && f->name; f++) {
			term_table_add(table, f->name);
			term_table_add(table, f->type);
			term_table_add(table, is_in(f->name, op->required) ? "required" : "");
		}
		printf("\n");
		term_table_print(table, stdout);
	}
	term_table_free(table);
}

static enum exit_code show_named(const struct cli *cli, const char *name)
{
	const struct operation_set *set = crm_catalogue();
	const struct operation *op = operation_find(set, name);
	struct json_object *row;
	const char **names, *near;

	if (op && cli->json) {
		row = operation_json(op);
		term_print_json(row);
		(void)json_object_put(row);
		return EXIT_DONE;
	}
	if (op) {
		show_one(op);
		return EXIT_DONE;
	}
	names = mem_array(set->n + 1, sizeof(*names));
	for (size_t i = 0; i < set->n; i++)
		names[i] = set->items[i].name;
	near = near_name(name, names);
	free(names);
	if (near)
		return cli_misuse(cli, "there is no operation \"%s\": did you mean \"%s\"?", name,
		                  near);
	return cli_misuse(cli, "there is no operation \"%s\": `closefeed operations` lists them",
	                  name);
}

static enum exit_code run_operations(const struct cli *cli)
{
	static const char *const headings[] = {"OPERATION", "CALL", "WHAT IT DOES"};
	const struct operation_set *set = crm_catalogue();
	struct term_table *table;

	if (cli_arg(cli, 0))
		return show_named(cli, cli_arg(cli, 0));
	if (cli->json) {
		struct json_object *list = json_object_new_array();

		for (size_t i = 0; i < set->n; i++)
			(void)json_object_array_add(list, operation_json(&set->items[i]));
		term_print_json(list);
		(void)json_object_put(list);
		return EXIT_DONE;
	}
	table = term_table_new(3, headings);
	for (size_t i = 0; i < set->n; i++) {
		const struct operation *op = &set->items[i];
		char *call = mem_printf("%s %s", http_method_name(op->method), op->path);

		term_table_add(table, op->name);
		term_table_add(table, call);
		term_table_add(table, op->summary);
		free(call);
	}
	term_table_print(table, stdout);
	term_table_free(table);
	return EXIT_DONE;
}

const struct verb verb_operations = {
	.name = "operations",
	.summary = "what can be written to Close, and with which fields",
	.usage = "operations [NAME] [--json]",
	.examples =
		(const struct cli_example[]){
			{"closefeed operations", "all of them"},
			{"closefeed operations lead.create", "one of them with its fields"},
			{NULL},
		},
	.max_args = 1,
	.run = run_operations,
};
