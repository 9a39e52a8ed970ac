#include "connector/shape/steps.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/*
 * What an upsert makes has to be found by what it was looked for, or the next record about it makes
 * another one. Custom fields of match are written into the body; the others have to be there.
 */

static const struct {
	const char *field, *list;
} lists[] = {{"email", "emails"}, {"phone", "phones"}, {"url", "urls"}};

enum { n_lists = sizeof(lists) / sizeof(lists[0]) };

static bool says(struct json_object *value, const struct lookup_field *field)
{
	cleanup_(freep) char *folded =
		value ? lookup_fold(field->like, json_object_get_string(value)) : NULL;

	return folded && strcmp(folded, field->folded) == 0;
}

/* Some item of @list has it as @member. */
static bool lists_it(struct json_object *list, const char *member, const struct lookup_field *field)
{
	const size_t n =
		json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++)
		if (says(json_get(json_object_array_get_idx(list, i), member), field))
			return true;
	return false;
}

static bool brings(struct json_object *body, const struct lookup_field *field)
{
	struct json_object *contacts = json_get(body, "contacts");
	size_t list = 0;

	while (list < n_lists && strcmp(lists[list].field, field->name) != 0)
		list++;
	if (list == n_lists)
		return strcmp(field->name, "name") != 0 || says(json_get(body, "name"), field);
	if (says(json_get(body, field->name), field) ||
	    lists_it(json_get(body, lists[list].list), field->name, field))
		return true;
	for (size_t i = 0; json_object_is_type(contacts, json_type_array) &&
	                   i < json_object_array_length(contacts);
	     i++)
		if (lists_it(json_get(json_object_array_get_idx(contacts, i), lists[list].list),
		             field->name, field))
			return true;
	return false;
}

/* The first field of @key that the body does not bring; NULL: it brings all. */
static const struct lookup_field *missing(struct json_object *body, const struct lookup_key *key)
{
	for (size_t i = 0; i < key->n; i++)
		if (!brings(body, &key->fields[i]))
			return &key->fields[i];
	return NULL;
}

bool shape_is_found_again(struct shaping *s)
{
	const struct route *route = s->route;
	const struct lookup *match = s->draft->match;
	const struct lookup_field *first = NULL;

	/* A lead of rows is known by what they have in common. */
	if (!route->update || !match || (route->batch && route->batch->algorithm == BATCH_NEST))
		return true;
	for (size_t i = 0; i < match->n_keys; i++) {
		const struct lookup_field *field = missing(s->draft->body, &match->keys[i]);

		if (!field)
			return true;
		first = first ? first : field;
	}
	if (!first)
		return true;
	rejection_set(
		s->rejection, REJECT_MATCH, first->name,
		"the %s that would be made has not the %s it is looked for by (\"%.80s\"), so "
		"it would not be found, and the next record would make another; write it into "
		"the body",
		match->kind, first->name, first->value);
	return false;
}
