#include "connector/shape/steps.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

/*
 * What makes the body of an upsert's create or of its update: keys left out of it, and what is laid
 * over it.
 */

static const char prefix[] = "custom.";

/* The field that @key names in @book, or NULL; *ret_suffix: what it ends in, such as ".add". */
static const struct name_entry *field_of(const struct name_book *book, const char *key,
                                         const char **ret_suffix)
{
	const struct name_entry *field;
	size_t n;

	if (!book || strncmp(key, prefix, sizeof(prefix) - 1) != 0)
		return NULL;
	field = name_find_field(book, key + sizeof(prefix) - 1, ret_suffix, &n);
	if (field)
		return field;
	*ret_suffix = "";
	return name_find_id(book, key + sizeof(prefix) - 1);
}

/* Whether two keys mean the same: one may name a custom field, the other have its id. */
static bool is_same_key(const struct name_book *book, const char *a, const char *b)
{
	const char *suffix_a, *suffix_b;
	const struct name_entry *field;

	if (strcmp(a, b) == 0)
		return true;
	field = field_of(book, a, &suffix_a);
	return field && field_of(book, b, &suffix_b) == field && strcmp(suffix_a, suffix_b) == 0;
}

struct leaving {
	const struct name_book *book;
	char *const *keys;
	struct buf *left; /* what was left out, for people; NULL: nobody asks */
};

static bool is_listed(const struct leaving *l, const char *key)
{
	for (char *const *k = l->keys; *k; k++)
		if (is_same_key(l->book, *k, key))
			return true;
	return false;
}

static void tell_left(const struct leaving *l, const char *key)
{
	if (l->left)
		buf_addf(l->left, "%s%s", l->left->len ? ", " : "", key);
}

/* A new object: the members of a nested "custom" that stay. */
static struct json_object *custom_without(const struct leaving *l, struct json_object *custom)
{
	struct json_object *kept = json_made(json_object_new_object());

	json_object_object_foreach(custom, name, value)
	{
		char *key = mem_printf("%s%s", prefix, name);

		if (is_listed(l, key))
			tell_left(l, key);
		else
			(void)json_object_object_add(kept, name, json_object_get(value));
		free(key);
	}
	return kept;
}

void shape_leave_out(struct shaping *s, char *const *keys, struct buf *left)
{
	char *kind = shape_fields_kind(s);
	const struct leaving l = {.book = kind ? names_book(s->routes->names, kind) : NULL,
	                          .keys = keys,
	                          .left = left};
	struct json_object *custom = json_get(s->draft->body, "custom");

	free(kind);
	shape_own_body(s);
	if (json_object_is_type(custom, json_type_object))
		(void)json_object_object_add(s->draft->body, "custom", custom_without(&l, custom));
	json_object_object_foreach(s->draft->body, key, value)
	{
		(void)value;
		if (!is_listed(&l, key))
			continue;
		tell_left(&l, key);
		json_object_object_del(s->draft->body, key);
	}
}

static void leave_out_what_only_a_create_takes(struct shaping *s)
{
	struct buf left = BUF_INIT;

	if (!s->route->create_only)
		return;
	shape_leave_out(s, s->route->create_only, &left);
	if (left.len)
		draft_note(s->draft, "left out of the update, since only a create takes it: %s",
		           left.data);
	buf_deinit(&left);
}

/* A new object: @over with the members of its nested "custom" as keys of their own. */
static struct json_object *flattened(struct json_object *over)
{
	struct json_object *flat = json_made(json_object_new_object());

	json_object_object_foreach(over, key, value)
	{
		if (strcmp(key, "custom") != 0 || !json_object_is_type(value, json_type_object)) {
			(void)json_object_object_add(flat, key, json_object_get(value));
			continue;
		}
		json_object_object_foreach(value, name, member)
		{
			char *whole = mem_printf("%s%s", prefix, name);

			(void)json_object_object_add(flat, whole, json_object_get(member));
			free(whole);
		}
	}
	return flat;
}

/* What the body has under these keys goes, however they are written there. */
static void lay_flat(struct shaping *s, struct json_object *over)
{
	cleanup_(json_freep) struct json_object *flat = flattened(over);
	char **keys = mem_array((size_t)json_object_object_length(flat) + 1, sizeof(char *));
	size_t n = 0;

	json_object_object_foreach(flat, key, value)
	{
		(void)value;
		keys[n++] = key;
	}
	shape_leave_out(s, keys, NULL);
	free(keys);
	json_object_object_foreach(flat, name, member)(void)
		json_object_object_add(s->draft->body, name, json_object_get(member));
}

static bool lay_over(struct shaping *s)
{
	struct template_scope scope = s->scope;
	cleanup_(json_freep) struct json_object *over = NULL;
	struct err err;

	if (!s->route->over)
		return true;
	scope.null_is_missing = s->route->nulls == NULLS_OMIT;
	scope.blank_is_missing = s->route->blanks == NULLS_OMIT;
	switch (template_tree_render_over(s->route->over, &scope, &over, &err)) {
	case TEMPLATE_VALUE:
		break;
	case TEMPLATE_MISSING:
		return true;
	case TEMPLATE_REFUSED:
		rejection_set(s->rejection, REJECT_TEMPLATE, NULL, "%s: %s",
		              s->route->update ? "on_create" : "on_update", err.text);
		return false;
	}
	lay_flat(s, over);
	return true;
}

/* What is laid over comes last: it is written for this form alone, so it is meant. */
bool shape_changes(struct shaping *s)
{
	if (s->route->omit)
		shape_leave_out(s, s->route->omit, NULL);
	leave_out_what_only_a_create_takes(s);
	return lay_over(s);
}
