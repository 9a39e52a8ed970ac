#include "connector/engine/nest.h"

#include "lib/cleanup.h"
#include "lib/json.h"

#include <json-c/linkhash.h>
#include <string.h>

/* Whether rows go anew: what of nest the judging of an answer needs, and nothing of the engine. */

/* The draft of a row as it is kept; NULL: it is none of nest. */
static struct json_object *row_at(const struct request *request, size_t i)
{
	const char *text = request->parts[i].draft;
	struct json_object *row = NULL;

	if (text)
		(void)json_parse(text, strlen(text), json_depth_limit, &row, NULL, NULL);
	if (json_get_string(row, "by"))
		return row;
	json_object_put(row);
	return NULL;
}

static bool is_empty_list(struct json_object *list)
{
	return !json_object_is_type(list, json_type_array) || !json_object_array_length(list);
}

struct json_object *nest_errors_of_contacts(struct json_object *answer)
{
	struct json_object *fields = json_get(answer, "field-errors");
	struct json_object *contacts = json_get(json_get(fields, "contacts"), "errors");

	if (!json_object_is_type(contacts, json_type_object) ||
	    !json_object_object_length(contacts) || json_object_object_length(fields) != 1 ||
	    !is_empty_list(json_get(answer, "errors")))
		return NULL;
	json_object_object_foreach(contacts, number, value)
	{
		(void)value;
		if (!*number || number[strspn(number, "0123456789")])
			return NULL;
	}
	return contacts;
}

/* It says no more of its lead, but has a contact. */
static bool has_contact_to_come(const struct request *request)
{
	cleanup_(json_freep) struct json_object *row = row_at(request, 0);

	return json_get(row, "child") && !json_get_bool(row, "is_settled_on", false);
}

bool nest_goes_anew(const struct request *request, struct json_object *answer, bool is_applied)
{
	cleanup_(json_freep) struct json_object *row = NULL;

	if (!request->n_parts || !request->parts[0].draft)
		return false;
	if (is_applied)
		return !strcmp(request->operation, "lead.update") && request->n_parts == 1 &&
		       has_contact_to_come(request);
	if (request->answer.status != 400 || strcmp(request->operation, "lead.create") != 0 ||
	    !nest_errors_of_contacts(answer))
		return false;
	row = row_at(request, 0);
	return row != NULL;
}
