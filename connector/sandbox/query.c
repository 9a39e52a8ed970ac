#include "connector/sandbox/query.h"

#include "lib/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { deepest_query = 20 };

static bool is(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static const char *type_of(struct json_object *node)
{
	const char *type = json_get_string(node, "type");

	return type ? type : "";
}

static int check_node(struct json_object *node, unsigned depth, struct err *err);

static int check_all(struct json_object *node, unsigned depth, struct err *err)
{
	struct json_object *queries = json_get(node, "queries");
	int r = 0;

	if (!json_object_is_type(queries, json_type_array))
		return err_set(err, -EINVAL, "\"%s\" needs a list of queries", type_of(node));
	for (size_t i = 0; i < json_object_array_length(queries) && r == 0; i++)
		r = check_node(json_object_array_get_idx(queries, i), depth + 1, err);
	return r;
}

static int check_kind(struct json_object *node, unsigned depth, struct err *err)
{
	const char *name = json_get_string(node, "object_type");

	(void)depth;
	if (!name || !box_kind_find(name))
		return err_set(err, -EINVAL, "object_type %s is not known to the sandbox",
		               name ? name : "(missing)");
	return 0;
}

static int check_id(struct json_object *node, unsigned depth, struct err *err)
{
	(void)depth;
	return json_get_string(node, "value") ? 0 : err_set(err, -EINVAL, "\"id\" needs a value");
}

static int check_condition(struct json_object *node, unsigned depth, struct err *err)
{
	struct json_object *field = json_get(node, "field");

	(void)depth;
	if (!is(type_of(field), "custom_field") && !is(type_of(field), "regular_field"))
		return err_set(err, -EINVAL, "field must be a regular_field or a custom_field");
	if (!json_get_string(field, "custom_field_id") && !json_get_string(field, "field_name"))
		return err_set(err, -EINVAL, "field needs a custom_field_id or a field_name");
	return box_condition_check(json_get(node, "condition"), err);
}

static int check_related(struct json_object *node, unsigned depth, struct err *err)
{
	if (!json_get_string(node, "related_object_type"))
		return err_set(err, -EINVAL, "has_related needs a related_object_type");
	return check_node(json_get(node, "related_query"), depth + 1, err);
}

static int check_nothing(struct json_object *node, unsigned depth, struct err *err)
{
	(void)node;
	(void)depth;
	(void)err;
	return 0;
}

static const struct {
	const char *type;
	int (*check)(struct json_object *node, unsigned depth, struct err *err);
} nodes[] = {
	{"and", check_all},
	{"or", check_all},
	{"object_type", check_kind},
	{"id", check_id},
	{"match_all", check_nothing},
	{"field_condition", check_condition},
	{"has_related", check_related},
};

static int check_node(struct json_object *node, unsigned depth, struct err *err)
{
	if (!json_object_is_type(node, json_type_object))
		return err_set(err, -EINVAL, "a query must be an object");
	if (depth > deepest_query)
		return err_set(err, -EINVAL, "the query is nested too deeply");
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		if (is(nodes[i].type, type_of(node)))
			return nodes[i].check(node, depth, err);
	return err_set(err, -EINVAL, "the sandbox does not know the query type \"%s\" yet",
	               type_of(node));
}

int box_query_check(struct json_object *node, struct err *err)
{
	return check_node(node, 1, err);
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

static bool child_matches(const struct box_query *query, struct json_object *inner,
                          const struct scope *scope, const struct box_kind *child)
{
	const struct box_list *below = box_store_below(query->store, scope->object->id);

	for (size_t i = 0; i < below->n; i++) {
		const struct box_object *o = below->items[i];
		const struct scope at = {o, o->indexed, NULL};

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
		return child_matches(query, inner, scope, other);
	if (other == &box_kinds[BOX_LEAD] && lead_id) {
		const struct box_object *lead = box_store_find(query->store, other, lead_id);

		return lead && lead->indexed && box_query_matches(query, inner, lead);
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
