#include "connector/sandbox/webhook_filter.h"

#include "lib/json.h"

#include <errno.h>
#include <json-c/json_object.h>
#include <string.h>

enum { deepest_filter = 20 };

static bool equals(struct json_object *filter, struct json_object *value)
{
	return json_object_equal(json_get(filter, "value"), value);
}

static bool not_equals(struct json_object *filter, struct json_object *value)
{
	return !equals(filter, value);
}

static bool is_null(struct json_object *filter, struct json_object *value)
{
	(void)filter;
	return !value;
}

static bool non_null(struct json_object *filter, struct json_object *value)
{
	(void)filter;
	return value != NULL;
}

/* A list has the value as one of its items, a text as a part of it. */
static bool contains(struct json_object *filter, struct json_object *value)
{
	struct json_object *wanted = json_get(filter, "value");

	if (json_object_is_type(value, json_type_string))
		return wanted && strstr(json_object_get_string(value),
		                        json_object_get_string(wanted)) != NULL;
	if (!json_object_is_type(value, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (json_object_equal(json_object_array_get_idx(value, i), wanted))
			return true;
	return false;
}

static bool passes_all(struct json_object *filter, struct json_object *value)
{
	struct json_object *parts = json_get(filter, "filters");

	for (size_t i = 0; i < json_object_array_length(parts); i++)
		if (!box_webhook_filter_passes(json_object_array_get_idx(parts, i), value))
			return false;
	return true;
}

static bool passes_any(struct json_object *filter, struct json_object *value)
{
	struct json_object *parts = json_get(filter, "filters");

	for (size_t i = 0; i < json_object_array_length(parts); i++)
		if (box_webhook_filter_passes(json_object_array_get_idx(parts, i), value))
			return true;
	return false;
}

static bool passes_not(struct json_object *filter, struct json_object *value)
{
	return !box_webhook_filter_passes(json_get(filter, "filter"), value);
}

static bool passes_field(struct json_object *filter, struct json_object *value)
{
	return box_webhook_filter_passes(json_get(filter, "filter"),
	                                 json_get(value, json_get_string(filter, "field")));
}

static bool passes_item(struct json_object *filter, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (box_webhook_filter_passes(json_get(filter, "filter"),
		                              json_object_array_get_idx(value, i)))
			return true;
	return false;
}

/* What a node needs besides its type. */
enum need { NEEDS_VALUE = 1, NEEDS_FILTER = 2, NEEDS_FILTERS = 4, NEEDS_FIELD = 8 };

static const struct node {
	const char *type;
	unsigned needs;
	bool (*passes)(struct json_object *filter, struct json_object *value);
} nodes[] = {
	{"equals", NEEDS_VALUE, equals},
	{"not_equals", NEEDS_VALUE, not_equals},
	{"is_null", 0, is_null},
	{"non_null", 0, non_null},
	{"contains", NEEDS_VALUE, contains},
	{"and", NEEDS_FILTERS, passes_all},
	{"or", NEEDS_FILTERS, passes_any},
	{"not", NEEDS_FILTER, passes_not},
	{"field_accessor", NEEDS_FIELD | NEEDS_FILTER, passes_field},
	{"any_array_value", NEEDS_FILTER, passes_item},
};

static const struct node *node_of(struct json_object *filter)
{
	const char *type = json_get_string(filter, "type");

	for (size_t i = 0; type && i < sizeof(nodes) / sizeof(nodes[0]); i++)
		if (strcmp(nodes[i].type, type) == 0)
			return &nodes[i];
	return NULL;
}

static int check(struct json_object *filter, unsigned depth, struct err *err);

static int check_parts(struct json_object *filter, unsigned depth, struct err *err)
{
	struct json_object *parts = json_get(filter, "filters");
	int r = 0;

	if (!json_object_is_type(parts, json_type_array))
		return err_set(err, -EINVAL, "The filter \"%s\" needs a list of filters.",
		               json_get_string(filter, "type"));
	for (size_t i = 0; i < json_object_array_length(parts) && r == 0; i++)
		r = check(json_object_array_get_idx(parts, i), depth + 1, err);
	return r;
}

static int check(struct json_object *filter, unsigned depth, struct err *err)
{
	const struct node *node = node_of(filter);
	const char *type = json_get_string(filter, "type");

	if (depth > deepest_filter)
		return err_set(err, -EINVAL, "The filter is nested too deeply.");
	if (!node)
		return err_set(err, -EINVAL, "There is no filter of type \"%s\".",
		               type ? type : "");
	if ((node->needs & NEEDS_VALUE) && !json_object_object_get_ex(filter, "value", NULL))
		return err_set(err, -EINVAL, "The filter \"%s\" needs a value.", type);
	if ((node->needs & NEEDS_FIELD) && !json_get_string(filter, "field"))
		return err_set(err, -EINVAL, "The filter \"%s\" needs a field.", type);
	if (node->needs & NEEDS_FILTERS)
		return check_parts(filter, depth, err);
	return node->needs & NEEDS_FILTER ? check(json_get(filter, "filter"), depth + 1, err) : 0;
}

int box_webhook_filter_check(struct json_object *filter, struct err *err)
{
	return check(filter, 0, err);
}

bool box_webhook_filter_passes(struct json_object *filter, struct json_object *value)
{
	return node_of(filter)->passes(filter, value);
}
