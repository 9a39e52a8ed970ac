#include "connector/model/operation.h"

#include <string.h>

/*
 * What objects in a field of a body hold, from its type: "array<object{email*,type}>". A list with
 * nothing but an id names things that are there, and says nothing of what may stand beside it.
 */

static const char *members_of(const struct operation_field *field)
{
	static const char opening[] = "object{";
	const char *list = strstr(field->type, opening);

	if (!list)
		return NULL;
	list += strlen(opening);
	return strncmp(list, "id*}", 4) == 0 ? NULL : list;
}

bool operation_lists_members(const struct operation_field *field)
{
	return members_of(field) != NULL;
}

/* The next name behind @name, which begins a member; NULL: that was the last. */
static const char *next_member(const char *name)
{
	name += strcspn(name, ",}");
	return *name == ',' ? name + 1 : NULL;
}

bool operation_has_member(const struct operation_field *field, const char *name)
{
	const size_t len = strlen(name);
	const char *member = members_of(field);

	if (!member || !strcmp(name, "custom") || !strncmp(name, "custom.", 7))
		return true;
	for (; member; member = next_member(member)) {
		const size_t end = strcspn(member, "*,}");

		if (end == len && !strncmp(member, name, len))
			return true;
	}
	return false;
}

const struct operation *operation_of_items(const struct operation_set *set,
                                           const struct operation *op, const char *field)
{
	if (!set || strcmp(op->name, "lead.create") != 0 || strcmp(field, "contacts") != 0)
		return NULL;
	return operation_find(set, "contact.create");
}
