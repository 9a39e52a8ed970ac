#include "connector/shape/steps.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <json-c/linkhash.h>
#include <string.h>

/*
 * Bodies share values with the record, which must stay as it was read: templates see it whole, and
 * so do rejects. So nothing is copied until it changes, and then only the containers on the way.
 */

/* As deep as the record: json_max_depth at most. NOLINTBEGIN(misc-no-recursion) */
/* Containers are copied all the way down, scalars are shared: they keep their digits. */
static struct json_object *copy_containers(struct json_object *value)
{
	struct json_object *copy;
	size_t n;

	if (json_object_is_type(value, json_type_object)) {
		copy = json_made(json_object_new_object());
		json_object_object_foreach(value, key, member)(void) json_object_object_add_ex(
			copy, key, copy_containers(member), JSON_C_OBJECT_ADD_KEY_IS_NEW);
		return copy;
	}
	if (!json_object_is_type(value, json_type_array))
		return json_object_get(value);
	n = json_object_array_length(value);
	copy = json_made(json_object_new_array());
	for (size_t i = 0; i < n; i++)
		(void)json_object_array_add(copy,
		                            copy_containers(json_object_array_get_idx(value, i)));
	return copy;
}

/* NOLINTEND(misc-no-recursion) */

void shape_own_body(struct shaping *s)
{
	struct json_object *own;

	if (s->owns_body)
		return;
	own = json_made(json_object_new_object());
	json_object_object_foreach(s->draft->body, key, member)(void) json_object_object_add_ex(
		own, key, json_object_get(member), JSON_C_OBJECT_ADD_KEY_IS_NEW);
	json_object_put(s->draft->body);
	s->draft->body = own;
	s->owns_body = true;
}

static void leave_out(struct shaping *s, const char *key)
{
	if (!json_object_object_get_ex(s->draft->body, key, NULL))
		return;
	shape_own_body(s);
	json_object_object_del(s->draft->body, key);
}

/* A contact's lead_id in an update would move the contact to another lead. */
static bool would_move(const struct shaping *s)
{
	return s->draft->op && strcmp(s->draft->op->name, "contact.update") == 0 &&
	       json_object_object_get_ex(s->value, "lead_id", NULL);
}

static void default_body(struct shaping *s)
{
	s->draft->body = json_object_get(s->value);
	s->owns_body = false;
	for (size_t i = 0; i < s->route->n_consumed; i++)
		leave_out(s, s->route->consumed[i]);
	if (!would_move(s))
		return;
	leave_out(s, "lead_id");
	draft_note(s->draft, "lead_id was left out: it would move the contact to that lead; write "
	                     "it in a body if you mean it");
}

static bool written_body(struct shaping *s)
{
	const struct template_tree *tree = s->route->body;
	struct template_scope scope = s->scope;
	struct json_object *value = NULL;
	struct err err;

	/* An object of which all would be left out shows nothing: it is dropped with it. */
	scope.null_is_missing = s->route->nulls == NULLS_OMIT;
	scope.blank_is_missing = s->route->blanks == NULLS_OMIT;
	switch (template_tree_render(tree, &scope, &value, &err)) {
	case TEMPLATE_VALUE:
		break;
	case TEMPLATE_MISSING:
		s->is_empty = true;
		value = json_made(json_object_new_object());
		break;
	case TEMPLATE_REFUSED:
		rejection_set(s->rejection, REJECT_TEMPLATE, NULL, "%s", err.text);
		return false;
	}
	s->draft->body = value;
	s->owns_body = template_tree_is_container(tree);
	return true;
}

bool shape_says_something(struct shaping *s)
{
	const struct draft *row = s->create ? s->create : s->draft; /* whose the child is */
	const bool may_have_child = row->route->batch && row->route->batch->child;

	if (!s->is_empty || row->child || (may_have_child && !s->is_nested))
		return true;
	rejection_set(s->rejection, REJECT_TEMPLATE, NULL,
	              "no placeholder of the body %shas a value in this record, so nothing of the "
	              "record would be sent",
	              may_have_child ? "or of batch.child " : "");
	return false;
}

static bool check_is_object(struct shaping *s)
{
	if (json_object_is_type(s->draft->body, json_type_object) || !s->draft->op)
		return true;
	rejection_set(s->rejection, REJECT_TEMPLATE, NULL,
	              "the body is %s in this record, and %s takes an object",
	              json_object_is_type(s->draft->body, json_type_array) ? "a list"
	              : s->draft->body                                     ? "a single value"
	                                                                   : "null",
	              s->draft->op->name);
	return false;
}

/* Copies the members that @e changes inside, so that only the copies change. */
static void own_what_changes(struct shaping *s, const struct exclude *e)
{
	json_object_object_foreach(s->draft->body, key,
	                           member) if (exclude_effect(e, key) == EXCLUDE_INSIDE &&
	                                       (json_object_is_type(member, json_type_object) ||
	                                        json_object_is_type(member, json_type_array)))(void)
		json_object_object_add(s->draft->body, key, copy_containers(member));
}

static bool touches(const struct exclude *e, struct json_object *body)
{
	json_object_object_foreach(body, key, member)
	{
		(void)member;
		if (exclude_effect(e, key) != EXCLUDE_NOTHING)
			return true;
	}
	return false;
}

static void note_excluded(struct shaping *s, const struct exclude *e)
{
	if (!strlist_has(s->draft->excluded, exclude_text(e)))
		strlist_add(&s->draft->excluded, mem_strdup(exclude_text(e)));
}

/*
 * Takes out of @part (an object, ours) what a path finds in it where it stands in @list of a body.
 * False: with the whole list.
 */
static bool exclude_in_list(struct shaping *s, const struct exclude *e, const char *list,
                            struct json_object *part)
{
	struct json_object *body = json_made(json_object_new_object());
	struct json_object *items = json_made(json_object_new_array());
	bool is_left;

	(void)json_object_array_add(items, json_object_get(part));
	(void)json_object_object_add(body, list, items);
	if (exclude_apply(e, body))
		note_excluded(s, e);
	items = json_get(body, list);
	is_left = json_object_is_type(items, json_type_array) && json_object_array_length(items);
	json_object_put(body);
	return is_left;
}

static void exclude_in(struct shaping *s, const struct exclude *e, struct json_object *part)
{
	if (exclude_apply(e, part))
		note_excluded(s, e);
}

struct json_object *shape_exclude_child(struct shaping *s, struct json_object *child)
{
	const struct route *route = s->route;
	struct json_object *own;
	bool is_left = true;

	if (!route->n_exclude || !json_object_is_type(child, json_type_object))
		return json_object_get(child);
	own = copy_containers(child);
	for (size_t i = 0; i < route->n_exclude && is_left; i++) {
		is_left = exclude_in_list(s, route->exclude[i], route->batch->into, own);
		exclude_in(s, route->exclude[i], own);
	}
	if (is_left && json_object_object_length(own))
		return own;
	json_object_put(own);
	return NULL;
}

void shape_exclude_with(struct shaping *s)
{
	struct json_object *own;

	if (!s->route->n_exclude || !json_object_is_type(s->draft->with, json_type_object))
		return;
	own = copy_containers(s->draft->with);
	json_object_put(s->draft->with);
	s->draft->with = own;
	for (size_t i = 0; i < s->route->n_exclude; i++)
		exclude_in(s, s->route->exclude[i], own);
}

/* The list that the records of a keyed_array stand in, if @e means something in its items. */
static const char *list_of(const struct route *route, const struct exclude *e)
{
	const struct batch *batch = route->batch;

	return batch && batch->algorithm == BATCH_KEYED_ARRAY &&
	                       exclude_effect(e, batch->key) == EXCLUDE_INSIDE
	               ? batch->key
	               : NULL;
}

static void exclude(struct shaping *s)
{
	for (size_t i = 0; i < s->route->n_exclude; i++) {
		const struct exclude *e = s->route->exclude[i];
		const char *list = list_of(s->route, e);

		if (list) {
			struct json_object *own = copy_containers(s->draft->body);

			json_object_put(s->draft->body);
			s->draft->body = own;
			s->owns_body = true;
			(void)exclude_in_list(s, e, list, own);
		}
		if (!touches(e, s->draft->body))
			continue;
		shape_own_body(s);
		own_what_changes(s, e);
		exclude_in(s, e, s->draft->body);
	}
}

/* Whether the route leaves out a member with this value. */
static bool is_omitted(const struct route *route, struct json_object *value)
{
	if (!value)
		return route->nulls == NULLS_OMIT;
	return route->blanks == NULLS_OMIT && json_object_is_type(value, json_type_string) &&
	       json_object_get_string_len(value) == 0;
}

/* As deep as the record: json_max_depth at most. NOLINTBEGIN(misc-no-recursion) */
static bool holds_omitted(const struct route *route, struct json_object *value)
{
	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, key, member)
		{
			(void)key;
			if (is_omitted(route, member) || holds_omitted(route, member))
				return true;
		}
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			if (holds_omitted(route, json_object_array_get_idx(value, i)))
				return true;
	}
	return false;
}

/*
 * A new reference to @value without the members that are left out, at any depth; items of lists are
 * no members.
 */
static struct json_object *without_omitted(const struct route *route, struct json_object *value)
{
	struct json_object *copy;

	if (!holds_omitted(route, value))
		return json_object_get(value);
	if (json_object_is_type(value, json_type_object)) {
		copy = json_made(json_object_new_object());
		json_object_object_foreach(value, key, member) if (!is_omitted(route, member))(void)
			json_object_object_add_ex(copy, key, without_omitted(route, member),
		                                  JSON_C_OBJECT_ADD_KEY_IS_NEW);
		return copy;
	}
	copy = json_made(json_object_new_array());
	for (size_t i = 0; i < json_object_array_length(value); i++)
		(void)json_object_array_add(
			copy, without_omitted(route, json_object_array_get_idx(value, i)));
	return copy;
}

/* NOLINTEND(misc-no-recursion) */

static void omit(struct shaping *s)
{
	const struct route *route = s->route;
	struct json_object *body;

	if ((route->nulls == NULLS_SEND && route->blanks == NULLS_SEND) ||
	    !holds_omitted(route, s->draft->body))
		return;
	body = without_omitted(route, s->draft->body);
	json_object_put(s->draft->body);
	s->draft->body = body;
	s->owns_body = true;
}

bool shape_body(struct shaping *s)
{
	if (!s->route->body)
		default_body(s);
	else if (!written_body(s))
		return false;
	if (!check_is_object(s) || !shape_each(s))
		return false;
	shape_keep_type(s);
	if (!shape_changes(s))
		return false;
	if (json_object_is_type(s->draft->body, json_type_object))
		exclude(s);
	omit(s);
	return true;
}
