#include "connector/gather/gather.h"
#include "connector/gather/gather_body.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

/*
 * Updates of one object folded into one, so that it ends as if they had come one after the other.
 * The fold itself is such an update: a field has a value ("custom.cf_1"), or lists of what is added
 * and removed ("custom.cf_1.add", "custom.cf_1.remove"), and each change is applied to it.
 */

enum change { SETS, ADDS, REMOVES };

static const char *const suffixes[] = {[ADDS] = ".add", [REMOVES] = ".remove"};

static bool is_custom(const char *key)
{
	return strncmp(key, "custom.", strlen("custom.")) == 0;
}

/* What @key does to a field, and how much of it is the field's own name. */
static enum change change_of(const char *key, size_t *ret_field_len)
{
	const size_t len = strlen(key), prefix = strlen("custom.");

	*ret_field_len = len;
	if (!is_custom(key))
		return SETS;
	for (enum change c = ADDS; c <= REMOVES; c++) {
		const size_t n = strlen(suffixes[c]);

		if (len <= prefix + n || strcmp(key + len - n, suffixes[c]) != 0)
			continue;
		*ret_field_len = len - n;
		return c;
	}
	return SETS;
}

/* Several values or one: as a new list, without those that are @left_out (may be NULL). */
static struct json_object *values_of(struct json_object *value, bool has_left_out,
                                     struct json_object *left_out)
{
	const bool is_list = json_object_is_type(value, json_type_array);
	const size_t n = is_list ? json_object_array_length(value) : value ? 1 : 0;
	struct json_object *list = json_made(json_object_new_array());

	for (size_t i = 0; i < n; i++) {
		struct json_object *item = is_list ? json_object_array_get_idx(value, i) : value;

		if (!has_left_out || !json_object_equal(item, left_out))
			(void)json_object_array_add(list, json_object_get(item));
	}
	return list;
}

static bool has_value(struct json_object *list, struct json_object *value)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (json_object_equal(json_object_array_get_idx(list, i), value))
			return true;
	return false;
}

/* @value joins those of @key, where it is not among them yet. */
static void put_in(struct json_object *fold, const char *key, struct json_object *value)
{
	struct json_object *list = values_of(json_get(fold, key), false, NULL);

	if (has_value(list, value)) {
		json_object_put(list);
		return;
	}
	(void)json_object_array_add(list, json_object_get(value));
	(void)json_object_object_add(fold, key, list);
}

/* @value leaves those of @key; with the last of them goes the key. */
static void take_out(struct json_object *fold, const char *key, struct json_object *value)
{
	struct json_object *list = values_of(json_get(fold, key), true, value);

	if (json_object_array_length(list)) {
		(void)json_object_object_add(fold, key, list);
		return;
	}
	json_object_put(list);
	json_object_object_del(fold, key);
}

/* The same in a value the field was set to before. Without any left it is unset, which is null. */
static void leave_set(struct json_object *fold, const char *field, struct json_object *value)
{
	struct json_object *was = json_get(fold, field);
	struct json_object *list = values_of(was, true, value);
	const size_t n_was = json_object_is_type(was, json_type_array)
	                             ? json_object_array_length(was)
	                             : was != NULL;

	if (json_object_array_length(list) < n_was) {
		const bool is_empty = !json_object_array_length(list);

		(void)json_object_object_add(fold, field, is_empty ? NULL : json_object_get(list));
	}
	json_object_put(list);
}

/* Of a remove and an add of one value the later counts, so the earlier is taken back. */
static void change_value(struct json_object *fold, const char *field, enum change change,
                         struct json_object *value)
{
	cleanup_(freep) char *added = mem_printf("%s%s", field, suffixes[ADDS]);
	cleanup_(freep) char *removed = mem_printf("%s%s", field, suffixes[REMOVES]);
	const bool is_set = json_object_object_get_ex(fold, field, NULL);

	if (is_set && change == ADDS) {
		put_in(fold, field, value);
	} else if (is_set) {
		leave_set(fold, field, value);
	} else if (change == ADDS) {
		take_out(fold, removed, value);
		put_in(fold, added, value);
	} else {
		take_out(fold, added, value);
		put_in(fold, removed, value);
	}
}

static void set_value(struct json_object *fold, const char *field, struct json_object *value)
{
	for (enum change c = ADDS; is_custom(field) && c <= REMOVES; c++) {
		cleanup_(freep) char *key = mem_printf("%s%s", field, suffixes[c]);

		json_object_object_del(fold, key);
	}
	(void)json_object_object_add(fold, field, json_object_get(value));
}

static void fold_key(struct json_object *fold, const char *key, struct json_object *value)
{
	size_t len;
	const enum change change = change_of(key, &len);
	cleanup_(freep) char *field = mem_dup(key, len);
	const bool is_list = json_object_is_type(value, json_type_array);
	const size_t n = is_list ? json_object_array_length(value) : 1;

	if (change == SETS) {
		set_value(fold, field, value);
		return;
	}
	for (size_t i = 0; i < n; i++)
		change_value(fold, field, change,
		             is_list ? json_object_array_get_idx(value, i) : value);
}

static void fold_body(struct json_object *fold, struct json_object *body)
{
	if (!json_object_is_type(body, json_type_object))
		return;
	json_object_object_foreach(body, key, value) fold_key(fold, key, value);
}

/* One added value is sent as itself: lists are what several need. */
static void unwrap_single_values(struct json_object *fold)
{
	json_object_object_foreach(fold, key, value)
	{
		size_t len;

		if (change_of(key, &len) == SETS || json_object_array_length(value) != 1)
			continue;
		(void)json_object_object_add(fold, key,
		                             json_object_get(json_object_array_get_idx(value, 0)));
	}
}

struct json_object *gather_fold(struct draft *const *drafts, size_t n)
{
	struct json_object *fold;

	if (n == 1)
		return json_object_get(drafts[0]->body);
	fold = json_made(json_object_new_object());
	for (size_t i = 0; i < n; i++)
		fold_body(fold, drafts[i]->body);
	unwrap_single_values(fold);
	return fold;
}

static bool is_list_of_changes(const char *key, struct json_object *value)
{
	size_t len;

	return change_of(key, &len) != SETS && json_object_is_type(value, json_type_array) &&
	       json_object_array_length(value) > 1;
}

bool gather_has_list(struct json_object *body, const char **ret_key)
{
	if (!json_object_is_type(body, json_type_object))
		return false;
	json_object_object_foreach(body, key, value)
	{
		if (!is_list_of_changes(key, value))
			continue;
		if (ret_key)
			*ret_key = key;
		return true;
	}
	return false;
}

static bool took(struct json_object *object, const char *key, struct json_object *changed)
{
	size_t len;
	const enum change change = change_of(key, &len);
	cleanup_(freep) char *field = mem_dup(key, len);
	struct json_object *list = values_of(json_get(object, field), false, NULL);
	bool took_all = true;

	for (size_t i = 0; i < json_object_array_length(changed); i++)
		took_all &=
			has_value(list, json_object_array_get_idx(changed, i)) == (change == ADDS);
	json_object_put(list);
	return took_all;
}

bool gather_took_lists(struct json_object *body, struct json_object *object)
{
	json_object_object_foreach(body, key, value)
	{
		if (is_list_of_changes(key, value) && !took(object, key, value))
			return false;
	}
	return true;
}

size_t gather_n_without_list(struct draft *const *drafts, size_t n)
{
	struct json_object *fold = json_made(json_object_new_object());
	size_t i;

	for (i = 0; i < n; i++) {
		fold_body(fold, drafts[i]->body);
		if (gather_has_list(fold, NULL))
			break;
	}
	json_object_put(fold);
	return i ? i : 1;
}
