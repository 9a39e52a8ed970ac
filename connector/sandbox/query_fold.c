#include "connector/sandbox/query_fold.h"

#include "connector/sandbox/store.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/*
 * An "or" of 400 has_related about the e-mails of contacts becomes one has_related about an "or",
 * and an "or" of 400 conditions on one field becomes one condition: "any_of" with a set to look up
 * where they ask for equality, "any" with a list of conditions elsewhere. Both are ours alone:
 * box_condition_check() does not let them in.
 */

static bool is(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static bool is_equality(struct json_object *node)
{
	return is(json_get_string(json_get(node, "condition"), "mode"), "exact_value");
}

/* What nodes have in common that can be asked as one; to free(). NULL: it stands alone. */
static char *common_part(struct json_object *node)
{
	const char *type = json_get_string(node, "type");
	const char *this = json_get_string(node, "this_object_type");
	char *field, *text;

	if (json_get_bool(node, "negate", false))
		return NULL;
	if (is(type, "has_related"))
		return mem_printf("%s %s", this ? this : "",
		                  json_get_string(node, "related_object_type"));
	if (!is(type, "field_condition"))
		return NULL;
	field = json_text(json_get(node, "field"));
	text = mem_printf("%s %s", is_equality(node) ? "=" : "?", field);
	free(field);
	return text;
}

static struct json_object *any_of(struct json_object *nodes, bool minds_case)
{
	struct json_object *out = json_object_new_object(), *values = json_object_new_array();
	struct json_object *set = json_object_new_object();

	for (size_t i = 0; i < json_object_array_length(nodes); i++) {
		struct json_object *condition =
			json_get(json_object_array_get_idx(nodes, i), "condition");
		char *value = mem_strdup(json_get_string(condition, "value"));

		for (char *c = value; *c && !minds_case; c++)
			*c = (char)tolower((unsigned char)*c);
		if (!json_object_object_get_ex(set, value, NULL)) {
			json_object_object_add(set, value, NULL);
			json_object_array_add(values, json_object_new_string(value));
		}
		free(value);
	}
	box_set(out, "type", json_object_new_string("any_of"));
	box_set(out, "values", values);
	box_set(out, "set", set);
	return out;
}

static struct json_object *members(struct json_object *nodes, const char *name)
{
	struct json_object *all = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(nodes); i++)
		json_object_array_add(
			all, json_object_get(json_get(json_object_array_get_idx(nodes, i), name)));
	return all;
}

/* One node for several that have everything but the last question in common. */
static struct json_object *merged(struct json_object *nodes, bool minds_case)
{
	struct json_object *first = json_object_array_get_idx(nodes, 0);
	struct json_object *out, *inner;

	if (json_object_array_length(nodes) == 1)
		return json_object_get(first);
	out = box_shallow(first);
	inner = json_object_new_object();
	if (is(json_get_string(first, "type"), "has_related")) {
		box_set(inner, "type", json_object_new_string("or"));
		box_set(inner, "queries", members(nodes, "related_query"));
		box_set(out, "related_query", inner);
	} else if (is_equality(first)) {
		json_object_put(inner);
		box_set(out, "condition", any_of(nodes, minds_case));
	} else {
		box_set(inner, "type", json_object_new_string("any"));
		box_set(inner, "conditions", members(nodes, "condition"));
		box_set(out, "condition", inner);
	}
	return out;
}

/* The alternatives, those that go together in one list each. */
static struct json_object *grouped(struct json_object *queries)
{
	struct json_object *groups = json_object_new_array(), *by_part = json_object_new_object();

	for (size_t i = 0; i < json_object_array_length(queries); i++) {
		struct json_object *node = json_object_array_get_idx(queries, i);
		char *part = common_part(node);
		struct json_object *group = part ? json_get(by_part, part) : NULL;

		if (!group) {
			group = json_object_new_array();
			json_object_array_add(groups, group);
			if (part)
				json_object_object_add(by_part, part, json_object_get(group));
		}
		json_object_array_add(group, json_object_get(node));
		free(part);
	}
	json_object_put(by_part);
	return groups;
}

static struct json_object *fold_group(struct json_object *node, bool minds_case)
{
	struct json_object *out = box_shallow(node), *queries = json_object_new_array();
	struct json_object *groups =
		is(json_get_string(node, "type"), "or") ? grouped(json_get(node, "queries")) : NULL;
	struct json_object *parts = groups ? groups : json_get(node, "queries");

	for (size_t i = 0; i < json_object_array_length(parts); i++) {
		struct json_object *part = json_object_array_get_idx(parts, i);
		struct json_object *one = groups ? merged(part, minds_case) : json_object_get(part);

		json_object_array_add(queries, box_query_fold(one, minds_case));
		json_object_put(one);
	}
	json_object_put(groups);
	box_set(out, "queries", queries);
	return out;
}

struct json_object *box_query_fold(struct json_object *node, bool minds_case)
{
	const char *type = json_get_string(node, "type");
	struct json_object *out;

	if (is(type, "and") || is(type, "or"))
		return fold_group(node, minds_case);
	if (!is(type, "has_related"))
		return json_object_get(node);
	out = box_shallow(node);
	box_set(out, "related_query", box_query_fold(json_get(node, "related_query"), minds_case));
	return out;
}
