#include "lib/jq_value.h"

#include "lib/json.h"
#include "lib/mem.h"

#include <assert.h>
#include <errno.h>
#include <json-c/linkhash.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static jv from_text(struct json_object *value)
{
	return jv_string_sized(json_object_get_string(value), json_object_get_string_len(value));
}

static double number_of(struct json_object *value)
{
	const int64_t number = json_object_get_int64(value);

	if (json_object_is_type(value, json_type_double))
		return json_object_get_double(value);
	return number < 0 ? (double)number : (double)json_object_get_uint64(value);
}

static jv from_array(struct json_object *value)
{
	const size_t n = json_object_array_length(value);
	jv array;

	assert(n <= INT_MAX);
	array = jv_array_sized((int)n);
	for (size_t i = 0; i < n; i++)
		array = jv_array_append(array,
		                        jq_value_from_json(json_object_array_get_idx(value, i)));
	return array;
}

static jv from_object(struct json_object *value)
{
	jv object = jv_object();
	struct lh_entry *entry;

	lh_foreach(json_object_get_object(value), entry)
	{
		object = jv_object_set(object, jv_string(lh_entry_k(entry)),
		                       jq_value_from_json(lh_entry_v(entry)));
	}
	return object;
}

jv jq_value_from_json(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return jv_null();
	case json_type_boolean:
		return jv_bool(json_object_get_boolean(value));
	case json_type_int:
	case json_type_double:
		return jv_number(number_of(value));
	case json_type_string:
		return from_text(value);
	case json_type_array:
		return from_array(value);
	case json_type_object:
		return from_object(value);
	}
	assert(false);
	abort();
}

/* What jq would print for @number. */
static struct json_object *to_number(double number)
{
	struct json_object *value;
	jv text;

	if (isnan(number))
		return NULL;
	if (fabs(number) <= (double)jq_exact_integers && number == trunc(number))
		return json_made(json_object_new_int64((int64_t)number));
	text = jv_dump_string(jv_number(number), 0);
	value = json_made(json_object_new_double_s(number, jv_string_value(text)));
	jv_free(text);
	return value;
}

static struct json_object *to_text(jv value)
{
	return json_made(json_object_new_string_len(jv_string_value(value),
	                                            jv_string_length_bytes(jv_copy(value))));
}

static int convert(jv value, unsigned depth, struct json_object **ret_value, struct err *err);

static int to_array(jv value, unsigned depth, struct json_object **ret_value, struct err *err)
{
	const int n = jv_array_length(jv_copy(value));
	struct json_object *array = json_made(json_object_new_array_ext(n ? n : 1));
	int r = 0;

	for (int i = 0; i < n && r >= 0; i++) {
		jv item = jv_array_get(jv_copy(value), i);
		struct json_object *converted = NULL;

		r = convert(item, depth, &converted, err);
		jv_free(item);
		if (r >= 0 && json_object_array_add(array, converted) < 0)
			mem_exhausted();
	}
	if (r < 0)
		json_object_put(array);
	else
		*ret_value = array;
	return r;
}

static int to_member(jv key, jv member, unsigned depth, struct json_object *object, struct err *err)
{
	const char *name = jv_string_value(key);
	struct json_object *converted = NULL;
	int r;

	if (strlen(name) != (size_t)jv_string_length_bytes(jv_copy(key)))
		return err_set(err, -EINVAL, "a key of the output holds a NUL character");
	r = convert(member, depth, &converted, err);
	if (r >= 0 && json_object_object_add(object, name, converted) < 0)
		mem_exhausted();
	return r;
}

static int to_object(jv value, unsigned depth, struct json_object **ret_value, struct err *err)
{
	struct json_object *object = json_made(json_object_new_object());
	int r = 0;

	for (int i = jv_object_iter(value); r >= 0 && jv_object_iter_valid(value, i);
	     i = jv_object_iter_next(value, i)) {
		jv key = jv_object_iter_key(value, i), member = jv_object_iter_value(value, i);

		r = to_member(key, member, depth, object, err);
		jv_free(key);
		jv_free(member);
	}
	if (r < 0)
		json_object_put(object);
	else
		*ret_value = object;
	return r;
}

static int convert(jv value, unsigned depth, struct json_object **ret_value, struct err *err)
{
	const jv_kind kind = jv_get_kind(value);

	if ((kind == JV_KIND_ARRAY || kind == JV_KIND_OBJECT) && ++depth > json_max_depth)
		return err_set(err, -EINVAL, "the output is nested deeper than %d levels",
		               (int)json_max_depth);
	switch (kind) {
	case JV_KIND_NULL:
		*ret_value = NULL;
		return 0;
	case JV_KIND_FALSE:
	case JV_KIND_TRUE:
		*ret_value = json_made(json_object_new_boolean(kind == JV_KIND_TRUE));
		return 0;
	case JV_KIND_NUMBER:
		*ret_value = to_number(jv_number_value(value));
		return 0;
	case JV_KIND_STRING:
		*ret_value = to_text(value);
		return 0;
	case JV_KIND_ARRAY:
		return to_array(value, depth, ret_value, err);
	case JV_KIND_OBJECT:
		return to_object(value, depth, ret_value, err);
	case JV_KIND_INVALID:
		break;
	}
	assert(false);
	abort();
}

int jq_value_to_json(jv value, struct json_object **ret_value, struct err *err)
{
	return convert(value, 0, ret_value, err);
}
