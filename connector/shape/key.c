#include "connector/shape/shape.h"
#include "connector/shape/steps.h"
#include "lib/cleanup.h"
#include "lib/json.h"

#include <string.h>

/* source.key: what a record is known by, wherever it comes from. */

static bool refuse(const struct route_set *routes, const char *why, struct rejection *ret_rejection)
{
	rejection_set(ret_rejection, REJECT_TEMPLATE, NULL,
	              "source.key (\"%s\") %s in this record, so it could not be known again",
	              template_text(routes->key), why);
	return false;
}

/* Why @value is no key, or NULL. */
static const char *key_trouble(struct json_object *value)
{
	const char *text;

	if (!json_object_is_type(value, json_type_string))
		return scalar_trouble(value);
	text = json_object_get_string(value);
	return json_object_get_string_len(value) == (int)strspn(text, " \t\r\n") ? "is empty"
	                                                                         : NULL;
}

static bool render_key(const struct route_set *routes, const struct template_scope *scope,
                       struct json_object **ret_value, struct rejection *ret_rejection)
{
	struct err err;

	switch (template_render(routes->key, scope, ret_value, &err)) {
	case TEMPLATE_VALUE:
		return true;
	case TEMPLATE_MISSING:
		return refuse(routes, "is missing", ret_rejection);
	case TEMPLATE_REFUSED:
		rejection_set(ret_rejection, REJECT_TEMPLATE, NULL, "source.key: %s", err.text);
		break;
	}
	return false;
}

bool shape_key(const struct route_set *routes, struct record *record, struct buf *ret_key,
               struct rejection *ret_rejection)
{
	struct shaping s = {.routes = routes, .record = record, .value = record->value};
	cleanup_(json_freep) struct json_object *value = NULL;
	const char *trouble;

	s.scope = shape_scope(&s);
	if (!render_key(routes, &s.scope, &value, ret_rejection))
		return false;
	trouble = key_trouble(value);
	if (trouble)
		return refuse(routes, trouble, ret_rejection);
	if (json_object_is_type(value, json_type_string))
		buf_add(ret_key, json_object_get_string(value),
		        (size_t)json_object_get_string_len(value));
	else
		json_print(value, ret_key);
	return true;
}
