#include "connector/sandbox/query.h"

#include "lib/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static const char *type_of(struct json_object *node)
{
	const char *type = json_get_string(node, "type");

	return type ? type : "";
}

const struct box_kind *box_query_kind(struct json_object *node)
{
	struct json_object *queries = json_get(node, "queries");
	const struct box_kind *kind = NULL;

	if (is(type_of(node), "object_type"))
		return box_kind_find(json_get_string(node, "object_type"));
	if (is(type_of(node), "has_related") && json_get_string(node, "this_object_type"))
		return box_kind_find(json_get_string(node, "this_object_type"));
	for (size_t i = 0; queries && i < json_object_array_length(queries) && !kind; i++)
		kind = box_query_kind(json_object_array_get_idx(queries, i));
	return kind;
}

/* The member of the stored data a field node means; @buffer holds "custom.cf_…". */
static const char *key_of(struct json_object *field, char *buffer, size_t bytes)
{
	const char *custom = json_get_string(field, "custom_field_id");

	if (!custom)
		return json_get_string(field, "field_name");
	(void)snprintf(buffer, bytes, "custom.%s", custom);
	return buffer;
}

static void add_all(struct box_list *to, const struct box_list *from)
{
	for (size_t i = 0; i < from->n; i++)
		box_list_add(to, from->items[i]);
}

/* @related: the query is about items of a list of @kind (its e-mails); NULL: about the object. */
static bool candidates(const struct box_query *query, struct json_object *node,
                       const struct box_kind *kind, const char *related, struct box_list *list);

static bool condition_candidates(const struct box_query *query, struct json_object *node,
                                 const struct box_kind *kind, const char *related,
                                 struct box_list *list)
{
	struct json_object *condition = json_get(node, "condition");
	const size_t n = box_condition_n_equal(condition);
	char buffer[128];
	const char *key = key_of(json_get(node, "field"), buffer, sizeof(buffer));

	if (!n || !box_search_has_index(kind, related, key))
		return false;
	for (size_t i = 0; i < n; i++)
		add_all(list, box_search_equal(query->search, kind, related, key,
		                               box_condition_equal(condition, i)));
	return true;
}

static bool id_candidates(const struct box_query *query, struct json_object *node,
                          struct box_list *list)
{
	struct box_object *o = box_store_find(query->store, NULL, json_get_string(node, "value"));

	/* A deleted object is still in the index for a while; then only a full look finds it. */
	if (!o)
		return false;
	box_list_add(list, o);
	return true;
}

/* Any one part of an "and" narrows it down; an "or" needs all of its parts to. */
static bool group_candidates(const struct box_query *query, struct json_object *node,
                             const struct box_kind *kind, const char *related,
                             struct box_list *list)
{
	struct json_object *queries = json_get(node, "queries");
	const size_t n = json_object_array_length(queries), before = list->n;
	const bool is_and = is(type_of(node), "and");

	for (size_t i = 0; i < n; i++) {
		const bool is_narrow = candidates(query, json_object_array_get_idx(queries, i),
		                                  kind, related, list);

		if (is_and && is_narrow)
			return true;
		if (!is_narrow)
			list->n = before;
		if (!is_and && !is_narrow)
			return false;
	}
	return !is_and && n;
}

/* What a kind calls the lists of its items: "contact_email". */
static bool has_items(const struct box_kind *kind, const char *related)
{
	for (const struct box_field *f = kind->fields; f->name; f++)
		if (is(f->related, related))
			return true;
	return false;
}

static bool related_candidates(const struct box_query *query, struct json_object *node,
                               const struct box_kind *kind, struct box_list *list)
{
	const char *related = json_get_string(node, "related_object_type");
	struct json_object *inner = json_get(node, "related_query");
	const struct box_kind *child = box_kind_find(related);
	struct box_list children = {0};
	bool is_narrow;

	if (has_items(kind, related))
		return candidates(query, inner, kind, related, list);
	if (!child || kind != &box_kinds[BOX_LEAD])
		return false;
	is_narrow = candidates(query, inner, child, NULL, &children);
	for (size_t i = 0; i < children.n; i++) {
		const char *lead_id = json_get_string(children.items[i]->data, "lead_id");
		struct box_object *lead =
			lead_id ? box_store_find(query->store, kind, lead_id) : NULL;

		if (lead)
			box_list_add(list, lead);
	}
	free(children.items);
	return is_narrow;
}

static bool candidates(const struct box_query *query, struct json_object *node,
                       const struct box_kind *kind, const char *related, struct box_list *list)
{
	const char *type = type_of(node);

	if (json_get_bool(node, "negate", false))
		return false;
	if (is(type, "and") || is(type, "or"))
		return group_candidates(query, node, kind, related, list);
	if (is(type, "field_condition"))
		return condition_candidates(query, node, kind, related, list);
	if (is(type, "id"))
		return id_candidates(query, node, list);
	if (is(type, "has_related") && !related)
		return related_candidates(query, node, kind, list);
	return false;
}

bool box_query_candidates(const struct box_query *query, struct json_object *node,
                          const struct box_kind *kind, struct box_list *ret_list)
{
	return candidates(query, node, kind, NULL, ret_list);
}

/* What a condition looks at: an object, or one item of a list of it. */
struct scope {
	const struct box_object *object;
	struct json_object *data;
	const char *related;
};

static bool matches(const struct box_query *query, struct json_object *node,
                    const struct scope *scope);

static bool all_match(const struct box_query *query, struct json_object *node,
                      const struct scope *scope)
{
	struct json_object *queries = json_get(node, "queries");
	const bool is_and = is(type_of(node), "and");

	for (size_t i = 0; i < json_object_array_length(queries); i++)
		if (matches(query, json_object_array_get_idx(queries, i), scope) != is_and)
			return !is_and;
	return is_and;
}

static bool condition_matches(const struct box_query *query, struct json_object *node,
                              const struct scope *scope)
{
	struct json_object *field = json_get(node, "field");
	const char *type = json_get_string(field, "object_type");
	const bool is_of_scope = scope->related
	                                 ? is(type, scope->related)
	                                 : type && box_kind_find(type) == scope->object->kind;
	char buffer[128];

	if (is(type_of(field), "regular_field") && !is_of_scope)
		return false;
	return box_condition_matches(json_get(node, "condition"),
	                             json_get(scope->data, key_of(field, buffer, sizeof(buffer))),
	                             &query->viewer);
}

static bool item_matches(const struct box_query *query, struct json_object *inner,
                         const struct scope *scope, const struct box_field *field)
{
	struct json_object *items = json_get(scope->data, field->name);

	for (size_t i = 0; items && i < json_object_array_length(items); i++) {
		const struct scope item = {scope->object, json_object_array_get_idx(items, i),
		                           field->related};

		if (matches(query, inner, &item))
			return true;
	}
	return false;
}

/* @lead_id's objects of kind @child; of a contact those that name it. */
static bool child_matches(const struct box_query *query, struct json_object *inner,
                          const struct scope *scope, const struct box_kind *child,
                          const char *lead_id)
{
	const struct box_list *below = box_store_below(query->store, lead_id);
	const bool is_contact = scope->object->kind == &box_kinds[BOX_CONTACT];

	for (size_t i = 0; i < below->n; i++) {
		const struct box_object *o = below->items[i];
		const struct scope at = {o, o->indexed, NULL};

		if (is_contact && !is(json_get_string(o->indexed, "contact_id"), scope->object->id))
			continue;
		if (o->kind == child && o->indexed && matches(query, inner, &at))
			return true;
	}
	return false;
}

static bool related_matches(const struct box_query *query, struct json_object *node,
                            const struct scope *scope)
{
	const char *related = json_get_string(node, "related_object_type");
	struct json_object *inner = json_get(node, "related_query");
	const struct box_kind *kind = scope->object->kind, *other = box_kind_find(related);
	const char *lead_id = json_get_string(scope->data, "lead_id");

	for (const struct box_field *f = kind->fields; f->name && !scope->related; f++)
		if (is(f->related, related))
			return item_matches(query, inner, scope, f);
	if (kind == &box_kinds[BOX_LEAD] && other)
		return child_matches(query, inner, scope, other, scope->object->id);
	if (other == &box_kinds[BOX_LEAD] && lead_id) {
		const struct box_object *lead = box_store_find(query->store, other, lead_id);

		return lead && lead->indexed && box_query_matches(query, inner, lead);
	}
	return kind == &box_kinds[BOX_CONTACT] && other && lead_id &&
	       child_matches(query, inner, scope, other, lead_id);
}

/* Of the old query language: how many of a kind the lead has. */
static bool count_matches(const struct box_query *query, struct json_object *node,
                          const struct scope *scope)
{
	const struct box_kind *kind = box_kind_find(json_get_string(node, "related_object_type"));
	const struct box_list *below = box_store_below(query->store, scope->object->id);
	struct json_object *count;
	int64_t n = 0;
	bool is_match;

	for (size_t i = 0; i < below->n; i++)
		n += below->items[i]->kind == kind && below->items[i]->indexed;
	count = json_object_new_int64(n);
	is_match = box_condition_matches(json_get(node, "condition"), count, &query->viewer);
	json_object_put(count);
	return is_match;
}

/* A text node looks at every text the object has. */
static bool text_matches(const struct box_query *query, struct json_object *node,
                         struct json_object *value)
{
	if (json_object_is_type(value, json_type_string))
		return box_condition_matches(node, value, &query->viewer);
	if (json_object_is_type(value, json_type_array))
		for (size_t i = 0; i < json_object_array_length(value); i++)
			if (text_matches(query, node, json_object_array_get_idx(value, i)))
				return true;
	if (!json_object_is_type(value, json_type_object))
		return false;
	json_object_object_foreach(value, key, member)
	{
		(void)key;
		if (text_matches(query, node, member))
			return true;
	}
	return false;
}

static bool node_matches(const struct box_query *query, struct json_object *node,
                         const struct scope *scope)
{
	const char *type = type_of(node);

	if (is(type, "and") || is(type, "or"))
		return all_match(query, node, scope);
	if (is(type, "object_type"))
		return box_kind_find(json_get_string(node, "object_type")) == scope->object->kind;
	if (is(type, "id"))
		return is(json_get_string(node, "value"), scope->object->id);
	if (is(type, "field_condition"))
		return condition_matches(query, node, scope);
	if (is(type, "has_related"))
		return related_matches(query, node, scope);
	if (is(type, "related_count"))
		return count_matches(query, node, scope);
	if (is(type, "text"))
		return text_matches(query, node, scope->data);
	return true; /* match_all: the check let nothing else through */
}

static bool matches(const struct box_query *query, struct json_object *node,
                    const struct scope *scope)
{
	return node_matches(query, node, scope) != json_get_bool(node, "negate", false);
}

bool box_query_matches(const struct box_query *query, struct json_object *node,
                       const struct box_object *object)
{
	const struct scope scope = {object, object->indexed, NULL};

	return matches(query, node, &scope);
}
