/*
 * The JSON Schema and the reference page are made from the parser's tables. When this fails after a
 * key changed, make them anew from the top of the tree, with the program just built:
 *     build/connector/closefeed schema > schemas/pipeline.schema.json
 *     build/connector/closefeed schema --reference > docs/reference.md
 */

#include "connector/close/catalogue.h"
#include "connector/pipeline/pipeline.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	struct buf b = BUF_INIT;
	char block[4096];
	size_t n;

	check(f != NULL);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(&b, block, n);
	(void)fclose(f);
	return buf_take(&b);
}

static void the_committed_schema_is_that_of_the_tables(void **state)
{
	char *made = pipeline_schema(crm_catalogue());
	char *committed = read_file(SOURCE_ROOT "/schemas/pipeline.schema.json");

	(void)state;
	check_text(made, committed);
	free(made);
	free(committed);
}

static void the_committed_reference_is_that_of_the_tables(void **state)
{
	char *made = pipeline_reference();
	char *committed = read_file(SOURCE_ROOT "/docs/reference.md");

	(void)state;
	check_text(made, committed);
	free(made);
	free(committed);
}

static struct json_object *at(struct json_object *schema, const char *const *path)
{
	for (; *path; path++)
		schema = json_get(schema, *path);
	return schema;
}

static void the_schema_says_what_the_loader_checks(void **state)
{
	static const char *const concurrency[] = {"properties", "close", "properties",
	                                          "concurrency", NULL};
	static const char *const webhook[] = {"properties", "responses", "properties", "webhook",
	                                      NULL};
	char *text = pipeline_schema(crm_catalogue());
	struct json_object *schema = NULL, *part;

	(void)state;
	check_eq(json_parse(text, strlen(text), 0, &schema, NULL, NULL), 0);
	check_text(json_get_string(schema, "$schema"),
	           "https://json-schema.org/draft/2020-12/schema");
	check(!json_get_bool(schema, "additionalProperties", true));
	check_eq(json_object_array_length(json_get(schema, "required")), 5);
	part = at(schema, concurrency);
	check_eq(json_get_int(part, "default", 0), 8);
	part = json_object_array_get_idx(json_get(part, "anyOf"), 0);
	check_text(json_get_string(part, "type"), "integer");
	check_eq(json_get_int(part, "maximum", 0), 1024);
	part = at(schema, webhook);
	check(!json_get_bool(part, "additionalProperties", true));
	check_text(json_object_get_string(json_object_array_get_idx(json_get(part, "required"), 0)),
	           "url");
	json_object_put(schema);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(the_committed_schema_is_that_of_the_tables),
		sentence(the_committed_reference_is_that_of_the_tables),
		sentence(the_schema_says_what_the_loader_checks),
	};

	return run_sentences(tests);
}
