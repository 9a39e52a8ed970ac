/* The tables as a JSON Schema (2020-12), for editors that check and complete as one types. */

#include "connector/pipeline/keys.h"
#include "connector/pipeline/schema_parts.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

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
	"\"properties\":{\"credential\":{\"type\":\"string\",\"pattern\":\"^[^./][^/]*$\"}},\"required\":[\"credential\"],"
	"\"additionalProperties\":false},"
	"\"tree\":{\"not\":{\"type\":\"object\",\"required\":[\"env\"],\"properties\":{\"env\":{\"type\":"
	"\"string\",\"pattern\":\"^[A-Z0-9_]+$\"},\"default\":true},\"additionalProperties\":false},"
	"\"propertyNames\":{\"minLength\":1},\"additionalProperties\":{\"$ref\":\"#/$defs/tree\"},"
	"\"items\":{\"$ref\":\"#/$defs/tree\"}},"
	"\"reference\":{\"anyOf\":[{\"$ref\":\"#/$defs/environment\"},{\"$ref\":\"#/$defs/file\"},"
	"{\"$ref\":\"#/$defs/credential\"}]},"
	"\"secret\":{\"description\":\"A secret never stands in the file itself.\",\"anyOf\":["
	"{\"type\":\"object\",\"properties\":{\"env\":{\"type\":\"string\",\"pattern\":"
	"\"^[A-Za-z_][A-Za-z0-9_]*$\"}},\"required\":[\"env\"],\"additionalProperties\":false},"
	"{\"$ref\":\"#/$defs/file\"},{\"$ref\":\"#/$defs/credential\"}]}}";

static struct json_object *section_schema(const struct section *section,
                                          const struct operation_set *operations);

static struct json_object *text(const struct key *key)
{
	struct json_object *schema = schema_typed("string");

	if (key->pattern)
		schema_add(schema, "pattern", json_string(key->pattern));
	else if (key->type != VALUE_TEMPLATE)
		schema_add(schema, "minLength", json_object_new_int(1));
	return schema;
}

static struct json_object *pattern(const char *regex)
{
	struct json_object *schema = schema_typed("string");

	schema_add(schema, "pattern", json_string(regex));
	return schema;
}

static struct json_object *counted(const struct key *key)
{
	struct json_object *schema = schema_typed("integer");

	schema_add(schema, "minimum", json_object_new_int64((int64_t)key->min));
	schema_add(schema, "maximum", json_object_new_int64((int64_t)key->max));
	return schema;
}

/* With their meaning. */
static struct json_object *choices(const struct key *key)
{
	struct json_object *schema = json_object_new_object();
	struct json_object *names = json_object_new_array(), *meanings = json_object_new_array();

	for (size_t i = 0; key->choices[i]; i++) {
		json_object_array_add(names, json_string(key->choices[i]));
		json_object_array_add(meanings, json_string(key->choice_help[i]));
	}
	schema_add(schema, "enum", names);
	schema_add(schema, "enumDescriptions", meanings);
	return schema;
}

static struct json_object *list_of(struct json_object *item)
{
	struct json_object *schema = schema_typed("array");

	schema_add(schema, "items", item);
	return schema;
}

static struct json_object *value_schema(const struct key *key,
                                        const struct operation_set *operations)
{
	struct json_object *schema;

	switch (key->type) {
	case VALUE_TEXT:
	case VALUE_PROGRAM:
	case VALUE_TEMPLATE:
		return text(key);
	case VALUE_OPERATION:
		return schema_operation_names(operations);
	case VALUE_BOOL:
		return schema_typed("boolean");
	case VALUE_COUNT:
		return counted(key);
	case VALUE_DURATION:
		return pattern("^[0-9]+(ms|s|m|h|d)$");
	case VALUE_SIZE:
		return pattern("^[0-9]+(B|KiB|MiB|GiB)$");
	case VALUE_RATE:
		return pattern("^0*[1-9][0-9]*/(s|min|h)$");
	case VALUE_SHARE:
		return pattern("^0*([1-9][0-9]?|100)%$");
	case VALUE_CHOICE:
		return choices(key);
	case VALUE_SECRET:
		return schema_constant("{\"$ref\":\"#/$defs/secret\"}");
	case VALUE_CHOICES:
		return list_of(choices(key));
	case VALUE_TEXTS:
		return list_of(schema_constant(
			"{\"type\":[\"string\",\"number\",\"boolean\"],\"minLength\":1}"));
	case VALUE_TEMPLATES:
		return schema_constant("{\"type\":\"object\",\"additionalProperties\":{\"type\":["
		                       "\"string\",\"number\",\"boolean\"]}}");
	case VALUE_TREE:
		return schema_constant("{\"$ref\":\"#/$defs/tree\",\"type\":[\"object\",\"array\","
		                       "\"string\"],\"pattern\":\"\\\\{\"}");
	case VALUE_MAP:
		return schema_constant("{\"$ref\":\"#/$defs/tree\",\"type\":\"object\"}");
	case VALUE_SECTION:
		return section_schema(key->section, operations);
	case VALUE_SECTIONS:
		schema = list_of(section_schema(key->section, operations));
		schema_add(schema, "minItems", json_object_new_int(1));
		return schema;
	case VALUE_OTHER:
		return schema_constant(key->schema);
	}
	return NULL;
}

/* Settings may come from outside. */
static struct json_object *with_reference(const struct key *key, struct json_object *value)
{
	struct json_object *either;

	if (key->type >= VALUE_SECRET)
		return value;
	either = json_object_new_array();
	json_object_array_add(either, value);
	json_object_array_add(either, schema_constant("{\"$ref\":\"#/$defs/reference\"}"));
	return schema_one("anyOf", either);
}

static struct json_object *default_of(const struct key *key)
{
	if (key->type == VALUE_BOOL || key->type == VALUE_COUNT || key->type == VALUE_OTHER)
		return schema_constant(key->fallback);
	return json_string(key->fallback);
}

/* Whether the kind of value says more than the schema does by itself. */
static bool is_worth_saying(const struct key *key)
{
	return key->type != VALUE_TEXT && key->type != VALUE_BOOL && key->type != VALUE_CHOICE &&
	       key->type != VALUE_CHOICES && key->type != VALUE_SECTION &&
	       key->type != VALUE_SECTIONS;
}

/* What an editor shows when the pointer rests on the key. */
static struct json_object *description(const struct key *key)
{
	cleanup_(buf_deinit) struct buf words = BUF_INIT;
	cleanup_(freep) char *takes = key_takes(key);

	buf_adds(&words, key->help);
	if (is_worth_saying(key))
		buf_addf(&words, "\n\nTakes %s.", takes);
	for (size_t i = 0; key->choices && key->choices[i]; i++)
		buf_addf(&words, "%s%s: %s", i ? "\n" : "\n\n", key->choices[i],
		         key->choice_help[i]);
	if (key->fallback)
		buf_addf(&words, "\n\nDefault: %s", key->fallback);
	if (key->is_later)
		buf_adds(&words, "\n\nNot available yet in this version.");
	return json_string(buf_text(&words));
}

/* Nothing, or only what is the default anyway. */
static struct json_object *later_schema(const struct key *key)
{
	struct json_object *schema = key->fallback ? schema_one("const", default_of(key))
	                                           : schema_one("not", json_object_new_object());

	schema_add(schema, "doNotSuggest", json_object_new_boolean(true));
	return schema;
}

static struct json_object *key_schema(const struct key *key, const struct operation_set *operations)
{
	struct json_object *schema = key->is_later
	                                     ? later_schema(key)
	                                     : with_reference(key, value_schema(key, operations));

	schema_add(schema, "description", description(key));
	if (key->fallback)
		schema_add(schema, "default", default_of(key));
	if (key->example) {
		struct json_object *examples = json_object_new_array();

		json_object_array_add(examples, schema_constant(key->example));
		schema_add(schema, "examples", examples);
	}
	return schema;
}

static struct json_object *requires(const char *a, const char *b)
{
	const char *const names[] = {a, b, NULL};

	return schema_one("required", schema_texts(names));
}

static void add_pairs(struct json_object *rules, const struct section *section)
{
	for (const struct key_pair *pair = section->excluding; pair && pair->a; pair++)
		json_object_array_add(rules, schema_one("not", requires(pair->a, pair->b)));
}

static bool is_among(const char *name, const char *const *names)
{
	for (; names && *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/* Which keys stand beside each choice of the selector. */
static void add_selection(struct json_object *rules, const struct section *section,
                          const char *choice)
{
	struct json_object *then = json_object_new_object();
	struct json_object *foreign = json_object_new_object();
	struct json_object *needed = json_object_new_array();

	for (const struct key *key = section->keys; key->name; key++) {
		if (key->belongs_to && !is_among(choice, key->belongs_to))
			schema_add(foreign, key->name, json_object_new_boolean(false));
		if (is_among(choice, key->needed_by))
			json_object_array_add(needed, json_string(key->name));
	}
	schema_add(then, "properties", foreign);
	schema_add(then, "required", needed);
	json_object_array_add(rules, schema_when(section->selector, choice, then));
}

static void add_rules(struct json_object *rules, const struct section *section)
{
	const struct key *selector =
		section->selector ? section_key(section, section->selector) : NULL;
	struct json_object *more = section->rules ? schema_constant(section->rules) : NULL;

	add_pairs(rules, section);
	for (size_t i = 0; selector && selector->choices[i]; i++)
		add_selection(rules, section, selector->choices[i]);
	for (size_t i = 0; more && i < json_object_array_length(more); i++)
		json_object_array_add(rules, json_object_get(json_object_array_get_idx(more, i)));
	json_object_put(more);
}

static void add_one_of(struct json_object *schema, const struct section *section)
{
	struct json_object *either = json_object_new_array();

	for (const char *const *name = section->one_of; *name; name++)
		json_object_array_add(either, requires(*name, NULL));
	schema_add(schema, "anyOf", either);
}

static struct json_object *section_schema(const struct section *section,
                                          const struct operation_set *operations)
{
	struct json_object *schema = schema_typed("object");
	struct json_object *properties = json_object_new_object();
	struct json_object *required = json_object_new_array(), *rules = json_object_new_array();

	for (const struct key *key = section->keys; key->name; key++) {
		schema_add(properties, key->name, key_schema(key, operations));
		if (key->is_required)
			json_object_array_add(required, json_string(key->name));
	}
	add_rules(rules, section);
	if (section == &route_section)
		schema_add_operations(rules, operations);
	schema_add(schema, "properties", properties);
	schema_add(schema, "required", required);
	if (json_object_array_length(rules))
		schema_add(schema, "allOf", json_object_get(rules));
	json_object_put(rules);
	if (section->one_of)
		add_one_of(schema, section);
	schema_add(schema, "additionalProperties", json_object_new_boolean(false));
	return schema;
}

char *pipeline_schema(const struct operation_set *operations)
{
	struct json_object *schema = json_object_new_object();
	struct json_object *body = section_schema(&file_section, operations);
	struct json_object *defs = schema_constant(definitions);
	char *printed;

	schema_add(schema, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
	schema_add(schema, "title", json_string("closefeed pipeline"));
	schema_add(schema, "description", json_string(file_section.help));
	json_object_object_foreach(body, name, value)
		schema_add(schema, name, json_object_get(value));
	json_object_put(body);
	schema_add(defs, "bodies", schema_bodies(operations));
	schema_add_lookups(defs);
	schema_add(schema, "$defs", defs);
	printed = mem_printf("%s\n",
	                     json_object_to_json_string_ext(
				     schema, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						     JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(schema);
	return printed;
}
