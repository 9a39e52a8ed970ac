/* The conveniences of lib/json.h. */

#include "lib/json.h"
#include "lib/mem.h"

struct json_object *json_get(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object))
		return NULL;
	(void)json_object_object_get_ex(object, key, &value);
	return value;
}

const char *json_get_string(struct json_object *object, const char *key)
{
	struct json_object *value = json_get(object, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

int64_t json_get_int(struct json_object *object, const char *key, int64_t otherwise)
{
	struct json_object *value = json_get(object, key);

	if (!json_object_is_type(value, json_type_int) || json_object_get_uint64(value) > INT64_MAX)
		return otherwise;
	return json_object_get_int64(value);
}

bool json_get_bool(struct json_object *object, const char *key, bool otherwise)
{
	struct json_object *value = json_get(object, key);

	return json_object_is_type(value, json_type_boolean) ? json_object_get_boolean(value)
	                                                     : otherwise;
}

struct json_object *json_string(const char *text)
{
	struct json_object *value;

	if (!text)
		return NULL;
	value = json_object_new_string(text);
	if (!value)
		mem_exhausted();
	return value;
}

void json_freep(struct json_object **value)
{
	json_object_put(*value);
}
