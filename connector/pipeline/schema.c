/* The tables as a JSON Schema (2020-12), for editors that check and complete as one types. */

#include "connector/pipeline/keys.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <assert.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static const char definitions[] =
	"{\"environment\":{\"description\":\"A value from the environment.\",\"type\":\"object\","
	"\"properties\":{\"env\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z_][A-Za-z0-9_]*$\"},"
	"\"default\":{\"type\":[\"string\",\"number\",\"boolean\"]}},\"required\":[\"env\"],"
	"\"additionalProperties\":false},"
	"\"file\":{\"description\":\"The content of a file of at most 4 KiB, relative to this one.\","
	"\"type\":\"object\",\"properties\":{\"file\":{\"type\":\"string\"}},\"required\":[\"file\"],"
	"\"additionalProperties\":false},"
	"\"credential\":{\"description\":\"A credential of systemd.\",\"type\":\"object\","
	"\"properties\":{\"credential\":{\"type\":\"string\"}},\"required\":[\"credential\"],"
	"\"additionalProperties\":false},"
	"\"reference\":{\"anyOf\":[{\"$ref\":\"#/$defs/environment\"},{\"$ref\":\"#/$defs/file\"},"
	"{\"$ref\":\"#/$defs/credential\"}]},"
	"\"secret\":{\"description\":\"A secret never stands in the file itself.\",\"anyOf\":["
	"{\"type\":\"object\",\"properties\":{\"env\":{\"type\":\"string\",\"pattern\":"
	"\"^[A-Za-z_][A-Za-z0-9_]*$\"}},\"required\":[\"env\"],\"additionalProperties\":false},"
	"{\"$ref\":\"#/$defs/file\"},{\"$ref\":\"#/$defs/credential\"}]}}";

static struct json_object *section_schema(const struct section *section,
                                          const struct operation_set *operations);

/* A constant of ours: what cannot be parsed is a bug. */
static struct json_object *constant(const char *text)
{
	struct json_object *json = NULL;
	const int r = json_parse(text, strlen(text), 0, &json, NULL, NULL);

	assert(r == 0);
	return json;
}

static void add(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

static struct json_object *typed(const char *type)
{
	struct json_object *schema = json_object_new_object();

	add(schema, "type", json_string(type));
	return schema;
}

static struct json_object *pattern(const char *regex)
{
	struct json_object *schema = typed("string");

	add(schema, "pattern", json_string(regex));
	return schema;
}

static struct json_object *counted(const struct key *key)
{
	struct json_object *schema = typed("integer");

	add(schema, "minimum", json_object_new_int64((int64_t)key->min));
	add(schema, "maximum", json_object_new_int64((int64_t)key->max));
	return schema;
}

static struct json_object *choices(const char *const *names)
{
	struct json_object *schema = json_object_new_object();
	struct json_object *list = json_object_new_array();

	for (; *names; names++)
		json_object_array_add(list, json_string(*names));
	add(schema, "enum", list);
	return schema;
}

static struct json_object *operation_names(const struct operation_set *operations)
{
	struct json_object *schema = json_object_new_object();
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < operations->n; i++)
		json_object_array_add(list, json_string(operations->items[i].name));
	for (size_t i = 0; route_upserts[i]; i++)
		json_object_array_add(list, json_string(route_upserts[i]));
	add(schema, "enum", list);
	return schema;
}

static struct json_object *list_of(struct json_object *item)
{
	struct json_object *schema = typed("array");

	add(schema, "items", item);
	return schema;
}

static struct json_object *text_map(void)
{
	return constant(
		"{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\",\"number\","
		"\"boolean\"]}}");
}

static struct json_object *value_schema(const struct key *key,
                                        const struct operation_set *operations)
{
	struct json_object *schema;

	switch (key->type) {
	case VALUE_TEXT:
	case VALUE_PROGRAM:
		schema = typed("string");
		add(schema, "minLength", json_object_new_int(1));
		return schema;
	case VALUE_OPERATION:
		return operation_names(operations);
	case VALUE_BOOL:
		return typed("boolean");
	case VALUE_COUNT:
		return counted(key);
	case VALUE_DURATION:
		return pattern("^[0-9]+(ms|s|m|h|d)$");
	case VALUE_SIZE:
		return pattern("^[0-9]+(B|KiB|MiB|GiB)$");
	case VALUE_RATE:
		return pattern("^[1-9][0-9]*/(s|min|h)$");
	case VALUE_SHARE:
		return pattern("^([1-9][0-9]?|100)%$");
	case VALUE_CHOICE:
		return choices(key->choices);
	case VALUE_SECRET:
		return constant("{\"$ref\":\"#/$defs/secret\"}");
	case VALUE_CHOICES:
		schema = list_of(choices(key->choices));
		add(schema, "uniqueItems", json_object_new_boolean(true));
		return schema;
	case VALUE_TEXTS:
		return list_of(typed("string"));
	case VALUE_TEMPLATE:
		return typed("string");
	case VALUE_TEMPLATES:
		return text_map();
	case VALUE_TREE:
		return constant("{\"type\":[\"object\",\"array\",\"string\"]}");
	case VALUE_MAP:
		return typed("object");
	case VALUE_SECTION:
		return section_schema(key->section, operations);
	case VALUE_SECTIONS:
		schema = list_of(section_schema(key->section, operations));
		add(schema, "minItems", json_object_new_int(1));
		return schema;
	case VALUE_OTHER:
		return constant(key->schema);
	}
	return NULL;
}

/* Settings may come from outside. */
static struct json_object *with_reference(const struct key *key, struct json_object *value)
{
	struct json_object *schema, *either;

	if (key->type >= VALUE_SECRET)
		return value;
	schema = json_object_new_object();
	either = json_object_new_array();
	json_object_array_add(either, value);
	json_object_array_add(either, constant("{\"$ref\":\"#/$defs/reference\"}"));
	add(schema, "anyOf", either);
	return schema;
}

static struct json_object *default_of(const struct key *key)
{
	if (key->type == VALUE_BOOL || key->type == VALUE_COUNT || key->type == VALUE_OTHER)
		return constant(key->fallback);
	return json_string(key->fallback);
}

static struct json_object *key_schema(const struct key *key, const struct operation_set *operations)
{
	struct json_object *schema = with_reference(key, value_schema(key, operations));
	char *help = mem_printf("%s%s", key->help, key->is_later ? " (not available yet)" : "");

	add(schema, "description", json_string(help));
	free(help);
	if (key->fallback)
		add(schema, "default", default_of(key));
	if (key->example) {
		struct json_object *examples = json_object_new_array();

		json_object_array_add(examples, constant(key->example));
		add(schema, "examples", examples);
	}
	return schema;
}

static struct json_object *requires(const char *a, const char *b)
{
	struct json_object *schema = json_object_new_object();
	struct json_object *list = json_object_new_array();

	json_object_array_add(list, json_string(a));
	if (b)
		json_object_array_add(list, json_string(b));
	add(schema, "required", list);
	return schema;
}

static void add_rules(struct json_object *schema, const struct section *section)
{
	struct json_object *rules = json_object_new_array();

	for (const struct key_pair *pair = section->excluding; pair && pair->a; pair++) {
		struct json_object *rule = json_object_new_object();

		add(rule, "not", requires(pair->a, pair->b));
		json_object_array_add(rules, rule);
	}
	if (json_object_array_length(rules))
		add(schema, "allOf", json_object_get(rules));
	json_object_put(rules);
	if (section->one_of) {
		struct json_object *either = json_object_new_array();

		for (const char *const *name = section->one_of; *name; name++)
			json_object_array_add(either, requires(*name, NULL));
		add(schema, "anyOf", either);
	}
}

static struct json_object *section_schema(const struct section *section,
                                          const struct operation_set *operations)
{
	struct json_object *schema = typed("object");
	struct json_object *properties = json_object_new_object();
	struct json_object *required = json_object_new_array();

	for (const struct key *key = section->keys; key->name; key++) {
		add(properties, key->name, key_schema(key, operations));
		if (key->is_required)
			json_object_array_add(required, json_string(key->name));
	}
	add(schema, "properties", properties);
	if (json_object_array_length(required))
		add(schema, "required", json_object_get(required));
	json_object_put(required);
	add_rules(schema, section);
	add(schema, "additionalProperties", json_object_new_boolean(false));
	return schema;
}

char *pipeline_schema(const struct operation_set *operations)
{
	struct json_object *schema = json_object_new_object();
	char *text;

	add(schema, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
	add(schema, "title", json_string("closefeed pipeline"));
	add(schema, "description", json_string(file_section.help));
	struct json_object *body = section_schema(&file_section, operations);

	json_object_object_foreach(body, name, value) add(schema, name, json_object_get(value));
	json_object_put(body);
	add(schema, "$defs", constant(definitions));
	text = mem_printf("%s\n",
	                  json_object_to_json_string_ext(
				  schema, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						  JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(schema);
	return text;
}
