/*
 * What the catalogue adds to the schema: an editor that knows the operation completes its body and
 * parameters, and tells what it misses. Values of fields are not judged: any may be a template.
 */

#include "connector/pipeline/routes.h"
#include "connector/pipeline/schema_parts.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

struct json_object *schema_operation_names(const struct operation_set *operations)
{
	struct json_object *schema = json_object_new_object();
	struct json_object *names = json_object_new_array(), *summaries = json_object_new_array();

	for (const struct operation *op = operations->items; op < operations->items + operations->n;
	     op++) {
		if (route_operation_lacks(op))
			continue;
		json_object_array_add(names, json_string(op->name));
		json_object_array_add(summaries, json_string(op->summary));
	}
	schema_add(schema, "enum", names);
	schema_add(schema, "enumDescriptions", summaries);
	return schema;
}

/* "enum(a|b)|null" → ["a", "b"]; NULL where there is nothing to choose from. */
static struct json_object *choices_of(const char *type)
{
	struct json_object *list;
	char *inside, *rest;

	if (strncmp(type, "enum(", 5) != 0)
		return NULL;
	list = json_object_new_array();
	inside = rest = mem_dup(type + 5, strcspn(type + 5, ")"));
	for (char *choice; (choice = strsep(&rest, "|"));)
		json_object_array_add(list, json_string(choice));
	free(inside);
	return list;
}

static struct json_object *field_schema(const struct operation *op,
                                        const struct operation_field *field)
{
	struct json_object *schema = schema_one("description", json_string(field->type));
	struct json_object *examples = choices_of(field->type);
	const char *prefix = route_id_prefix(field->name);

	/* Where names stand for ids any text may stand. */
	if (prefix && !name_kind_of_field(op, field->name)) {
		char *pattern = mem_printf("^%s|\\{", prefix);

		schema_add(schema, "pattern", json_string(pattern));
		free(pattern);
	}
	if (examples)
		schema_add(schema, "examples", examples);
	return schema;
}

static struct json_object *body_schema(const struct operation *op)
{
	struct json_object *schema = json_object_new_object();
	struct json_object *fields = json_object_new_object();

	schema_add(schema, "description", json_string(op->summary));
	schema_add(schema, "type", schema_constant("[\"object\",\"string\"]"));
	for (const struct operation_field *field = op->body_fields; field->name; field++)
		if (strcmp(field->name, "custom.cf_*") != 0)
			schema_add(fields, field->name, field_schema(op, field));
	if (name_kind_of_object(op)) {
		schema_add(fields, "custom",
		           schema_constant("{\"description\":\"custom fields by name or id\"}"));
		schema_add(schema, "patternProperties",
		           schema_constant("{\"^custom\\\\.\":{\"description\":"
		                           "\"a custom field by name or id\"}}"));
	} else if (operation_field(op, "custom.cf_x")) {
		schema_add(fields, "custom",
		           schema_constant("{\"description\":\"custom fields by their id\","
		                           "\"propertyNames\":{\"pattern\":\"^l?cf_\"}}"));
		schema_add(schema, "patternProperties",
		           schema_constant(
				   "{\"^custom\\\\.l?cf_\":{\"description\":\"a custom field\"},"
				   "\"^custom\\\\.(?!l?cf_)\":false}"));
	}
	schema_add(schema, "properties", fields);
	if (*op->required)
		schema_add(schema, "required", schema_texts(op->required));
	return schema;
}

struct json_object *schema_bodies(const struct operation_set *operations)
{
	struct json_object *bodies = json_object_new_object();

	for (const struct operation *op = operations->items; op < operations->items + operations->n;
	     op++)
		if (!route_operation_lacks(op) && op->body_source != BODY_NONE)
			schema_add(bodies, op->name, body_schema(op));
	return bodies;
}

static struct json_object *params_schema(const struct operation *op)
{
	struct json_object *schema = json_object_new_object();
	struct json_object *params = json_object_new_object();

	for (const char *const *name = op->path_params; *name; name++)
		schema_add(params, *name,
		           schema_constant("{\"not\":{\"enum\":[\"\",\".\",\"..\"]}}"));
	schema_add(schema, "properties", params);
	schema_add(schema, "additionalProperties", json_object_new_boolean(false));
	return schema;
}

static struct json_object *body_rule(const struct operation *op, bool is_closed)
{
	char *place = mem_printf("#/$defs/bodies/%s", op->name);
	struct json_object *body = schema_one("$ref", json_string(place));

	free(place);
	if (is_closed)
		schema_add(body, "unevaluatedProperties", json_object_new_boolean(false));
	return schema_one("body", body);
}

static struct json_object *operation_rule(const struct operation *op)
{
	struct json_object *then = json_object_new_object(), *properties;

	if (op->body_source == BODY_NONE) {
		properties = schema_constant("{\"body\":false,\"batch\":false}");
	} else {
		properties = body_rule(op, false);
		schema_add(then, "allOf", json_object_new_array());
		json_object_array_add(json_object_object_get(then, "allOf"),
		                      schema_when("unknown_keys", "reject",
		                                  schema_one("properties", body_rule(op, true))));
	}
	schema_add(properties, "params", params_schema(op));
	if (!route_can_have_identity(op))
		schema_add(properties, "identity", json_object_new_boolean(false));
	schema_add(then, "properties", properties);
	return schema_when("operation", op->name, then);
}

void schema_add_operations(struct json_object *rules, const struct operation_set *operations)
{
	for (const struct operation *op = operations->items; op < operations->items + operations->n;
	     op++)
		if (!route_operation_lacks(op))
			json_object_array_add(rules, operation_rule(op));
}
