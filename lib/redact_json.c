/* The half of lib/redact.h for JSON values that are parsed already. */

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/redact.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A masked copy of @text, or NULL where there is nothing to mask. */
static char *masked_string(const struct redact *r, const char *text, size_t len, size_t *ret_len)
{
	char *copy;

	if (!redact_finds(r, text, len))
		return NULL;
	copy = mem_dup(text, len);
	*ret_len = redact_bytes(r, copy, len);
	copy[*ret_len] = '\0';
	return copy;
}

static struct json_object *new_string(const char *text, size_t len)
{
	return json_made(json_object_new_string_len(text, (int)len));
}

static struct json_object *masked_text(const struct redact *r, struct json_object *value)
{
	size_t len;
	cleanup_(freep) char *text = masked_string(r, json_object_get_string(value),
	                                           (size_t)json_object_get_string_len(value), &len);

	return text ? new_string(text, len) : NULL;
}

/* As deep as json_parse() lets values be. NOLINTBEGIN(misc-no-recursion) */
static struct json_object *masked_list(const struct redact *r, struct json_object *list)
{
	const size_t n = json_object_array_length(list);
	struct json_object *copy = NULL;

	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		struct json_object *masked = redact_json(r, item);

		if (masked && !copy) {
			copy = json_made(json_object_new_array_ext((int)n));
			for (size_t k = 0; k < i; k++)
				(void)json_object_array_add(
					copy, json_object_get(json_object_array_get_idx(list, k)));
		}
		if (copy)
			(void)json_object_array_add(copy, masked ? masked : json_object_get(item));
	}
	return copy;
}

static struct json_object *masked_member(const struct redact *r, const char *key,
                                         struct json_object *value)
{
	if (!strcasecmp(key, "authorization") && json_object_is_type(value, json_type_string))
		return new_string(REDACT_MASK, strlen(REDACT_MASK));
	return redact_json(r, value);
}

/* A copy of the members of @object before @key; values are shared. */
static struct json_object *members_before(struct json_object *object, const char *before)
{
	struct json_object *copy = json_made(json_object_new_object());

	json_object_object_foreach(object, key, value)
	{
		if (key == before)
			break;
		if (json_object_object_add(copy, key, json_object_get(value)))
			mem_exhausted();
	}
	return copy;
}

static struct json_object *masked_object(const struct redact *r, struct json_object *object)
{
	struct json_object *copy = NULL;

	json_object_object_foreach(object, key, value)
	{
		struct json_object *masked = masked_member(r, key, value);
		size_t len;
		cleanup_(freep) char *name = masked_string(r, key, strlen(key), &len);

		if ((masked || name) && !copy)
			copy = members_before(object, key);
		if (copy && json_object_object_add(copy, name ? name : key,
		                                   masked ? masked : json_object_get(value)))
			mem_exhausted();
	}
	return copy;
}

struct json_object *redact_json(const struct redact *redact, struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_string:
		return masked_text(redact, value);
	case json_type_array:
		return masked_list(redact, value);
	case json_type_object:
		return masked_object(redact, value);
	case json_type_null:
	case json_type_boolean:
	case json_type_double:
	case json_type_int:
		break;
	}
	return NULL;
}
/* NOLINTEND(misc-no-recursion) */
