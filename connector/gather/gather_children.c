#include "connector/gather/gather.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

/*
 * The children of rows. Two rows with one e-mail mean one contact, and Close does not mind two of
 * that address in one lead, so they become one before they are sent.
 */

static size_t n_items(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* What item @i of a list says, folded; to free(). NULL: nothing. */
static char *said_at(struct json_object *list, size_t i, size_t which)
{
	struct json_object *item = json_object_array_get_idx(list, i);
	const char *text = json_get_string(item, lookup_lists[which].member);

	return text ? lookup_fold(lookup_lists[which].like, text) : NULL;
}

/* Which rows are one */

/* The first of those that row @i is one with; @first knows it of each row before it, and of it. */
static size_t first_of(const size_t *first, size_t i)
{
	while (first[i] != i)
		i = first[i];
	return i;
}

static void join_rows(size_t *first, size_t a, size_t b)
{
	const size_t of_a = first_of(first, a), of_b = first_of(first, b);

	first[of_a > of_b ? of_a : of_b] = of_a < of_b ? of_a : of_b;
}

/* @rows_by_email gives each address the first row that has it. */
static void join_by_email(struct json_object *rows_by_email, struct json_object *child,
                          size_t *first, size_t row)
{
	struct json_object *list = json_get(child, lookup_lists[lookup_emails].name), *known;

	for (size_t i = 0; i < n_items(list); i++) {
		cleanup_(freep) char *email = said_at(list, i, lookup_emails);

		if (!email || !*email)
			continue;
		if (json_object_object_get_ex(rows_by_email, email, &known))
			join_rows(first, (size_t)json_object_get_int64(known), row);
		else
			(void)json_object_object_add(
				rows_by_email, email,
				json_made(json_object_new_int64((int64_t)row)));
	}
}

static size_t *find_first(struct draft *const *rows, size_t n)
{
	cleanup_(json_freep) struct json_object *rows_by_email =
		json_made(json_object_new_object());
	size_t *first = mem_array(n, sizeof(*first));

	for (size_t i = 0; i < n; i++) {
		first[i] = i;
		if (rows[i]->child)
			join_by_email(rows_by_email, rows[i]->child, first, i);
	}
	return first;
}

/* Two become one */

static bool has_item(struct json_object *list, struct json_object *of, size_t at, size_t which)
{
	cleanup_(freep) char *said = said_at(of, at, which);

	for (size_t i = 0; i < n_items(list); i++) {
		cleanup_(freep) char *other = said_at(list, i, which);

		if (said && other ? !strcmp(said, other)
		                  : json_object_equal(json_object_array_get_idx(list, i),
		                                      json_object_array_get_idx(of, at)))
			return true;
	}
	return false;
}

/* A new list: @list with what of @more it does not have. */
static struct json_object *join_lists(struct json_object *list, struct json_object *more,
                                      size_t which)
{
	struct json_object *joined = json_made(json_object_new_array());

	for (size_t i = 0; i < n_items(list); i++)
		(void)json_object_array_add(joined,
		                            json_object_get(json_object_array_get_idx(list, i)));
	for (size_t i = 0; i < n_items(more); i++)
		if (!has_item(joined, more, i, which))
			(void)json_object_array_add(
				joined, json_object_get(json_object_array_get_idx(more, i)));
	return joined;
}

static void put_member(struct json_object *child, const char *key, struct json_object *value)
{
	struct json_object *there = json_get(child, key);

	for (size_t i = 0; i < lookup_n_lists; i++)
		if (!strcmp(key, lookup_lists[i].name) && n_items(there) &&
		    (!value || json_object_is_type(value, json_type_array))) {
			(void)json_object_object_add(child, key, join_lists(there, value, i));
			return;
		}
	(void)json_object_object_add(child, key, json_object_get(value));
}

/* A new object, as if @child had been made and then been changed by what @later says. */
static struct json_object *join_children(struct json_object *child, struct json_object *later)
{
	struct json_object *joined = json_made(json_object_new_object());

	json_object_object_foreach(child, key, value)(void)
		json_object_object_add(joined, key, json_object_get(value));
	json_object_object_foreach(later, name, said) put_member(joined, name, said);
	return joined;
}

struct json_object *gather_children(struct draft *const *rows, size_t n, size_t *ret_at)
{
	struct json_object *list = json_made(json_object_new_array());
	size_t *first = find_first(rows, n), *at = mem_array(n, sizeof(*at));

	for (size_t i = 0; i < n; i++) {
		const size_t of = first_of(first, i);
		struct json_object *child = rows[i]->child;

		at[i] = of == i ? json_object_array_length(list) : at[of];
		if (child && of == i)
			(void)json_object_array_add(list, json_object_get(child));
		else if (child)
			(void)json_object_array_put_idx(
				list, at[i],
				join_children(json_object_array_get_idx(list, at[i]), child));
		else
			at[i] = SIZE_MAX;
	}
	if (ret_at)
		memcpy(ret_at, at, n * sizeof(*at));
	free(at);
	free(first);
	return list;
}
