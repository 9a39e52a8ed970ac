#include "connector/close/lookup.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/json_diff.h"
#include "lib/mem.h"
#include "lib/percent.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

/*
 * A PUT replaces a list whole, so what is added to one is the list as it is with the new items
 * behind it. Items that are there stay as they are, with all their members.
 */

char *crm_lists_url(const char *url, char *const *fields)
{
	struct buf out = BUF_INIT;

	buf_add(&out, url, strcspn(url, "?"));
	buf_adds(&out, "?_fields=id");
	for (; *fields; fields++) {
		buf_addc(&out, ',');
		percent_encode(&out, *fields, strlen(*fields), "");
	}
	return buf_take(&out);
}

char *crm_shown_key(const char *member, const char *folded)
{
	return mem_printf("%s=%s", member, folded);
}

/*
 * As Close writes it, where that is known; else of a phone it is the "+" with which it is stored
 * that may be missing where it is written.
 */
static char *folded(const struct lookup_list *list, const char *text, struct json_object *shown)
{
	char *same = lookup_fold(list->like, text), *to;
	char *key = crm_shown_key(list->member, same);
	const char *is_shown = json_get_string(shown, key);

	if (is_shown) {
		free(same);
		same = mem_strdup(is_shown);
	}
	free(key);
	to = same;
	if (list->like != LIKE_PHONE)
		return same;
	for (const char *from = same; *from; from++)
		if (*from != '+')
			*to++ = *from;
	*to = '\0';
	return same;
}

static bool same_member(struct json_object *a, struct json_object *b, size_t list,
                        struct json_object *shown)
{
	const char *x = json_get_string(a, lookup_lists[list].member);
	const char *y = json_get_string(b, lookup_lists[list].member);
	char *left, *right;
	bool is_same;

	if (!x || !y)
		return false;
	left = folded(&lookup_lists[list], x, shown);
	right = folded(&lookup_lists[list], y, shown);
	is_same = strcmp(left, right) == 0;
	free(left);
	free(right);
	return is_same;
}

/* NULL, nothing and empty text are the same. */
static bool same_value(struct json_object *a, struct json_object *b)
{
	char *x = a ? lookup_fold(LIKE_TEXT, json_object_get_string(a)) : mem_strdup("");
	char *y = b ? lookup_fold(LIKE_TEXT, json_object_get_string(b)) : mem_strdup("");
	const bool is_same = strcmp(x, y) == 0;

	free(x);
	free(y);
	return is_same;
}

/* What an address does not say is empty there; but for its label, which Close gives it. */
static bool same_address(struct json_object *there, struct json_object *item)
{
	static const char *const members[] = {"address_1", "address_2", "city",
	                                      "state",     "zipcode",   "country"};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!same_value(json_get(there, members[i]), json_get(item, members[i])))
			return false;
	json_object_object_foreach(item, key, value)
	{
		if (!same_value(json_get(there, key), value))
			return false;
	}
	return true;
}

static bool same_item(const char *field, struct json_object *there, struct json_object *item,
                      struct json_object *shown)
{
	for (size_t i = 0; i < lookup_n_lists; i++)
		if (strcmp(lookup_lists[i].name, field) == 0)
			return same_member(there, item, i, shown);
	if (json_object_is_type(item, json_type_object) && strcmp(field, "addresses") == 0)
		return same_address(there, item);
	return json_diff(there, item, "", NULL, NULL) == 0;
}

static bool has_item(struct json_object *list, const char *field, struct json_object *item,
                     struct json_object *shown)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (same_item(field, json_object_array_get_idx(list, i), item, shown))
			return true;
	return false;
}

/* Where @at of the body's list has come to stand. */
static void note_place(struct json_object *places, const char *field, size_t at, size_t now)
{
	char *place = mem_printf("%s[%zu]", field, at), *is_now = mem_printf("%s[%zu]", field, now);

	if (places && at != now)
		(void)json_object_object_add(places, is_now, json_string(place));
	free(place);
	free(is_now);
}

/* @there (NULL: it has none) with what of @added it does not have. */
static struct json_object *joined(const char *field, struct json_object *there,
                                  struct json_object *added, struct json_object *places,
                                  struct json_object *shown)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0;
	     json_object_is_type(there, json_type_array) && i < json_object_array_length(there);
	     i++)
		(void)json_object_array_add(list,
		                            json_object_get(json_object_array_get_idx(there, i)));
	for (size_t i = 0; i < json_object_array_length(added); i++) {
		struct json_object *item = json_object_array_get_idx(added, i);

		if (has_item(list, field, item, shown))
			continue;
		note_place(places, field, i, json_object_array_length(list));
		(void)json_object_array_add(list, json_object_get(item));
	}
	return list;
}

static bool append(struct json_object *object, const char *field, struct json_object *body,
                   struct json_object *places, struct json_object *shown)
{
	struct json_object *there = json_get(object, field), *added = json_get(body, field), *list;
	size_t before = 0;

	if (!added) {
		json_object_object_del(body, field);
		return false;
	}
	if (!json_object_is_type(added, json_type_array))
		return true; /* no list: Close's to judge */
	if (json_object_is_type(there, json_type_array))
		before = json_object_array_length(there);
	list = joined(field, there, added, places, shown);
	if (json_object_array_length(list) == before) {
		json_object_put(list);
		json_object_object_del(body, field);
		return false;
	}
	(void)json_object_object_add(body, field, list);
	return true;
}

bool crm_lists_append(struct json_object *object, char *const *fields, struct json_object *body,
                      struct json_object *places, struct json_object *shown)
{
	bool is_changed = false;

	for (; *fields; fields++)
		is_changed |= append(object, *fields, body, places, shown);
	return is_changed;
}
