#include "connector/pipeline/schema_parts.h"

#include "lib/json.h"

#include <assert.h>
#include <json-c/json.h>
#include <string.h>

struct json_object *schema_constant(const char *text)
{
	struct json_object *json = NULL;
	const int r = json_parse(text, strlen(text), 0, &json, NULL, NULL);

	assert(r == 0);
	return json;
}

void schema_add(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

struct json_object *schema_one(const char *key, struct json_object *value)
{
	struct json_object *object = json_object_new_object();

	schema_add(object, key, value);
	return object;
}

struct json_object *schema_typed(const char *type)
{
	return schema_one("type", json_string(type));
}

struct json_object *schema_texts(const char *const *texts)
{
	struct json_object *list = json_object_new_array();

	for (; *texts; texts++)
		json_object_array_add(list, json_string(*texts));
	return list;
}

struct json_object *schema_when(const char *key, const char *value, struct json_object *then)
{
	const char *const only[] = {key, NULL};
	struct json_object *rule = json_object_new_object(), *condition = json_object_new_object();

	schema_add(condition, "properties",
	           schema_one(key, schema_one("const", json_string(value))));
	schema_add(condition, "required", schema_texts(only));
	schema_add(rule, "if", condition);
	schema_add(rule, "then", then);
	return rule;
}
