/* The conveniences of lib/json.h. */

#include "lib/json.h"
#include "lib/mem.h"

#include <json-c/linkhash.h>
#include <string.h>

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
	return text ? json_made(json_object_new_string(text)) : NULL;
}

struct json_object *json_made(struct json_object *value)
{
	if (!value)
		mem_exhausted();
	return value;
}

/* As deep as the value. NOLINTNEXTLINE(misc-no-recursion) */
size_t json_weight(struct json_object *value)
{
	/* As json-c 0.16 and malloc(3) lay them out on 64 bits; digits that are kept as text. */
	enum { header = 64, table = 64, digits = 32, list_room = 32 };
	size_t weight = header;

	switch (json_object_get_type(value)) {
	case json_type_null:
		return 0;
	case json_type_boolean:
	case json_type_int:
		break;
	case json_type_double:
		weight += digits;
		break;
	case json_type_string:
		weight += (size_t)json_object_get_string_len(value);
		break;
	case json_type_object:
		weight += table +
		          (size_t)json_object_get_object(value)->size * sizeof(struct lh_entry);
		json_object_object_foreach(value, key, member) weight +=
			strlen(key) + 2 * sizeof(void *) + json_weight(member);
		break;
	case json_type_array:
		weight += table + list_room * sizeof(void *);
		for (size_t i = 0; i < json_object_array_length(value); i++)
			weight += sizeof(void *) + json_weight(json_object_array_get_idx(value, i));
		break;
	}
	return weight;
}

void json_freep(struct json_object **value)
{
	json_object_put(*value);
}

const char *json_kind_text(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return "null";
	case json_type_boolean:
		return "true or false";
	case json_type_double:
	case json_type_int:
		return "a number";
	case json_type_string:
		return "a text";
	case json_type_array:
		return "a list";
	case json_type_object:
		break;
	}
	return "an object";
}
