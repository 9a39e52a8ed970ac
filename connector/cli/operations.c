#include "connector/cli/cli.h"
#include "connector/cli/term.h"
#include "connector/close/catalogue.h"
#include "connector/model/effects.h"
#include "connector/pipeline/pipeline.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/near.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct json_object *effects_json(unsigned effects)
{
	struct json_object *list = json_object_new_array();

	for (unsigned bit = 1; bit < 1U << n_effects; bit <<= 1)
		if (effects & bit)
			(void)json_object_array_add(list, json_string(effect_name(bit)));
	return list;
}

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

/* A row of the list: an operation of the catalogue, or an upsert, which is made of two. */
struct row {
	const char *name, *summary;
	const struct operation *op;     /* of an upsert, the create */
	const struct operation *update; /* of an upsert, else NULL */
};

static struct row catalogue_row(const struct operation *op)
{
	return (struct row){op->name, op->summary, op, NULL};
}

static struct row upsert_row(const char *name)
{
	struct row row = {.name = name, .summary = route_upsert_summary};

	(void)route_upsert(crm_catalogue(), name, &row.op, &row.update);
	return row;
}

static struct json_object *row_json(const struct row *row)
{
	struct json_object *json = json_object_new_object();
	const struct operation *op = row->op;

	(void)json_object_object_add(json, "name", json_string(row->name));
	(void)json_object_object_add(json, "method", json_string(http_method_name(op->method)));
	(void)json_object_object_add(json, "path", json_string(op->path));
	if (row->update) {
		(void)json_object_object_add(json, "creates_by", json_string(op->name));
		(void)json_object_object_add(json, "updates_by", json_string(row->update->name));
	}
	(void)json_object_object_add(json, "summary", json_string(row->summary));
	(void)json_object_object_add(json, "params", texts_json(op->path_params));
	(void)json_object_object_add(json, "query", texts_json(op->query_params));
	(void)json_object_object_add(json, "fields", fields_json(op->body_fields));
	(void)json_object_object_add(json, "required", texts_json(op->required));
	(void)json_object_object_add(json, "has_body",
	                             json_object_new_boolean(op->body_source != BODY_NONE));
	(void)json_object_object_add(json, "effects", effects_json(op->effects));
	(void)json_object_object_add(json, "effects_by_record", effects_json(op->depends));
	(void)json_object_object_add(json, "delivery_class",
	                             json_string(delivery_class_name(op->class)));
	(void)json_object_object_add(json, "oauth_only",
	                             json_object_new_boolean(op->is_oauth_only));
	return json;
}

static bool is_in(const char *word, const char *const *list)
{
	for (; list && *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

/* "required", or that an update leaves it out. */
static const char *field_note(const struct row *row, const char *field)
{
	if (is_in(field, row->op->required))
		return row->update ? "required to create" : "required";
	return row->update && route_is_create_only(field, row->update) ? "only to create" : "";
}

/* "POST /lead/", and of an upsert ", or PUT /lead/{id}/". */
static char *call_of(const struct row *row)
{
	if (row->update)
		return mem_printf("%s %s, or %s %s", http_method_name(row->op->method),
		                  row->op->path, http_method_name(row->update->method),
		                  row->update->path);
	return mem_printf("%s %s", http_method_name(row->op->method), row->op->path);
}

static void show_fields(const struct row *row)
{
	static const char *const headings[] = {"FIELD", "TYPE", ""};
	struct term_table *table = term_table_new(3, headings);

	for (const struct operation_field *f = row->op->body_fields; f && f->name; f++) {
		term_table_add(table, f->name);
		term_table_add(table, f->type);
		term_table_add(table, field_note(row, f->name));
	}
	printf("\n");
	term_table_print(table, stdout);
	term_table_free(table);
}

/* "sends (by the record's status): what is sent cannot be called back" */
static void show_effects(const struct operation *op)
{
	unsigned n = 0;

	for (unsigned bit = 1; bit < 1U << n_effects; bit <<= 1) {
		if (!(op->effects & bit))
			continue;
		printf("  %s", effect_name(bit));
		for (const struct effect_rule *r = NULL; (r = effect_rule_next(op, r));)
			if (r->effect == bit)
				printf("%s%s", n++ ? ", " : " (by the record's ", r->field);
		printf("%s", n ? ")" : "");
		n = 0;
		printf(": %s\n", effect_caution(bit));
	}
}

static void show_one(const struct row *row)
{
	const struct operation *op = row->op;
	char *call = call_of(row);

	printf("%s\n  %s\n  %s\n", row->name, call, row->summary);
	free(call);
	if (row->update)
		printf("  it needs match, which says what object of Close a record is about\n");
	show_effects(op);
	if (op->is_oauth_only)
		printf("  needs OAuth: an API key is refused\n");
	for (const char *const *q = op->query_params; q && *q; q++)
		printf("  query parameter: %s\n", *q);
	if (op->body_source == BODY_NONE)
		printf("  sends no body\n");
	else
		show_fields(row);
}

static size_t n_rows(void)
{
	size_t n = crm_catalogue()->n;

	for (const char *const *name = route_upserts; *name; name++)
		n++;
	return n;
}

/* The catalogue's, and then the upserts. */
static struct row row_at(size_t i)
{
	const struct operation_set *set = crm_catalogue();

	return i < set->n ? catalogue_row(&set->items[i]) : upsert_row(route_upserts[i - set->n]);
}

static enum exit_code show_unknown(const struct cli *cli, const char *name)
{
	const size_t n = n_rows();
	const char **names = mem_array(n + 1, sizeof(*names)), *near;

	for (size_t i = 0; i < n; i++)
		names[i] = row_at(i).name;
	near = near_name(name, names);
	free(names);
	if (near)
		return cli_misuse(cli, "there is no operation \"%s\": did you mean \"%s\"?", name,
		                  near);
	return cli_misuse(cli, "there is no operation \"%s\": `closefeed operations` lists them",
	                  name);
}

static enum exit_code show_named(const struct cli *cli, const char *name)
{
	struct json_object *json;

	for (size_t i = 0; i < n_rows(); i++) {
		const struct row row = row_at(i);

		if (strcmp(row.name, name) != 0)
			continue;
		if (!cli->json) {
			show_one(&row);
			return EXIT_DONE;
		}
		json = row_json(&row);
		term_print_json(json);
		(void)json_object_put(json);
		return EXIT_DONE;
	}
	return show_unknown(cli, name);
}

static void print_json_list(void)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < n_rows(); i++) {
		const struct row row = row_at(i);

		(void)json_object_array_add(list, row_json(&row));
	}
	term_print_json(list);
	(void)json_object_put(list);
}

static void print_list(void)
{
	static const char *const headings[] = {"OPERATION", "CALL", "WHAT IT DOES"};
	struct term_table *table = term_table_new(3, headings);

	for (size_t i = 0; i < n_rows(); i++) {
		const struct row row = row_at(i);
		char *call = call_of(&row);

		term_table_add(table, row.name);
		term_table_add(table, call);
		term_table_add(table, row.summary);
		free(call);
	}
	term_table_print(table, stdout);
	term_table_free(table);
}

static enum exit_code run_operations(const struct cli *cli)
{
	if (cli_arg(cli, 0))
		return show_named(cli, cli_arg(cli, 0));
	if (cli->json)
		print_json_list();
	else
		print_list();
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
			{"closefeed operations lead.upsert",
                         "create or update, by what match finds"},
			{NULL},
		},
	.max_args = 1,
	.run = run_operations,
};
