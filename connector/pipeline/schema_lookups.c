/* What match and link may look like, from the same list of kinds as the loader. */

#include "connector/pipeline/routes.h"
#include "connector/pipeline/schema_parts.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static const char scalar[] =
	"{\"type\":[\"string\",\"number\",\"boolean\"],\"not\":{\"const\":\"\"}}";

/* Of a map of fields; of match, too, which is no constant. */
static const char together[] =
	"[{\"if\":{\"required\":[\"id\"]},\"then\":{\"maxProperties\":1}},"
	"{\"if\":{\"required\":[\"pipeline_id\"]},\"then\":{\"minProperties\":2}},"
	"{\"not\":{\"required\":[\"name\",\"label\"]}}]";
static const char matched[] =
	"{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\",\"number\",\"boolean\"]},"
	"\"not\":{\"additionalProperties\":{\"not\":{\"type\":\"string\",\"pattern\":\"\\\\{\"}}},"
	"\"if\":{\"required\":[\"id\"]},\"then\":{\"maxProperties\":1}}";
static const char match[] =
	"{\"anyOf\":[{\"$ref\":\"#/$defs/matched\"},{\"type\":\"array\",\"minItems\":1,\"items\":{"
	"\"$ref\":\"#/$defs/matched\"}}]}";
static const char on_none[] =
	"{\"description\":\"when nothing is found; default: reject\",\"enum\":[\"reject\",\"skip\"]}";
static const char fallback[] = "{\"description\":\"an id for when nothing is found\",\"type\":"
			       "[\"string\",\"number\",\"boolean\"],\"not\":{\"const\":\"\"}}";

/* "^(id|name|custom\\..+)$": what a map of fields may have. */
static char *fields_pattern(const struct lookup_kind *kind, bool has_names)
{
	struct buf pattern = BUF_INIT;

	buf_adds(&pattern, "^(");
	for (const char *const *field = kind->fields; *field; field++)
		buf_addf(&pattern, "%s%s", field == kind->fields ? "" : "|", *field);
	if (kind->is_searched)
		buf_adds(&pattern, has_names ? "|custom\\.(?!l?cf_[A-Za-z0-9]+\\.(add|remove)$).+"
		                             : "|custom\\.l?cf_[A-Za-z0-9]+");
	buf_adds(&pattern, ")$");
	return buf_take(&pattern);
}

static struct json_object *names_schema(const struct lookup_kind *kind, bool has_names)
{
	char *pattern = fields_pattern(kind, has_names);
	struct json_object *schema = schema_one("pattern", json_string(pattern));

	free(pattern);
	return schema;
}

static struct json_object *id_schema(const char *prefix)
{
	struct json_object *schema = schema_constant(scalar);
	char *pattern = mem_printf("^%s|\\{", prefix);

	schema_add(schema, "pattern", json_string(pattern));
	free(pattern);
	return schema;
}

static struct json_object *map_schema(const struct lookup_kind *kind)
{
	struct json_object *schema = schema_typed("object"), *fields = json_object_new_object();

	for (const char *const *field = kind->fields; *field; field++)
		schema_add(fields, *field,
		           strcmp(*field, "pipeline_id") == 0          ? id_schema("pipe_")
		           : strcmp(*field, "id") == 0 && kind->prefix ? id_schema(kind->prefix)
		                                                       : schema_constant(scalar));
	schema_add(schema, "minProperties", json_object_new_int(1));
	schema_add(schema, "properties", fields);
	schema_add(schema, "propertyNames",
	           names_schema(kind, strcmp(kind->name, "custom_object") != 0));
	schema_add(schema, "additionalProperties", schema_constant(scalar));
	schema_add(schema, "allOf", schema_constant(together));
	return schema;
}

/* What an earlier kind has is not said again: most are found by their name alone. */
static struct json_object *same_schema(const struct lookup_kind *kind)
{
	const struct lookup_kind *first = lookup_kinds;
	struct json_object *schema;
	char *place;

	while (first->fields != kind->fields)
		first++;
	if (first == kind)
		return NULL;
	place = mem_printf("#/$defs/link/additionalProperties/properties/%s", first->name);
	schema = schema_one("$ref", json_string(place));
	free(place);
	return schema;
}

/* One map, or a list of them. */
static struct json_object *lookup_schema(const struct lookup_kind *kind)
{
	struct json_object *schema = same_schema(kind), *either, *list, *map;

	if (schema)
		return schema;
	map = map_schema(kind);
	list = schema_typed("array");
	schema_add(list, "minItems", json_object_new_int(1));
	schema_add(list, "items", json_object_get(map));
	either = json_object_new_array();
	json_object_array_add(either, map);
	json_object_array_add(either, list);
	return schema_one("anyOf", either);
}

static struct json_object *link_schema(void)
{
	struct json_object *entry = schema_typed("object"), *kinds = json_object_new_object();
	struct json_object *one = json_object_new_array(), *schema = schema_typed("object");

	for (const struct lookup_kind *kind = lookup_kinds; kind->name; kind++) {
		const char *const only[] = {kind->name, NULL};

		schema_add(kinds, kind->name, lookup_schema(kind));
		json_object_array_add(one, schema_one("required", schema_texts(only)));
	}
	schema_add(kinds, "default", schema_constant(fallback));
	schema_add(kinds, "on_none", schema_constant(on_none));
	schema_add(entry, "properties", kinds);
	schema_add(entry, "oneOf", one);
	schema_add(entry, "additionalProperties", json_object_new_boolean(false));
	schema_add(schema, "additionalProperties", entry);
	return schema;
}

void schema_add_lookups(struct json_object *defs)
{
	schema_add(defs, "matched", schema_constant(matched));
	schema_add(defs, "match", schema_constant(match));
	schema_add(defs, "link", link_schema());
}

struct json_object *schema_match_of(const struct operation *op, bool is_upsert)
{
	const struct lookup_kind *kind = lookup_kind_of_object(op->object);
	const bool has_names = is_upsert || strcmp(kind->name, "custom_object") != 0;
	struct json_object *schema = schema_one("propertyNames", names_schema(kind, has_names));

	schema_add(schema, "items", schema_one("propertyNames", names_schema(kind, has_names)));
	return schema;
}
