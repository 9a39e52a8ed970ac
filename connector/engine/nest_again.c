#include "connector/engine/nest.h"

#include "connector/close/errors.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/redact.h"

#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Rows that go anew. A lead that Close refused for some of its contacts was not made, so it may be
 * sent without them; and a row that carried the update of a lead has its contact still to come.
 */

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

/*
 * Errors about single contacts and about nothing else, by their numbers; NULL: others. Close nests
 * them: {"field-errors": {"contacts": {"errors": {"1": {"errors": [], "field-errors": {…}}}}}}
 */
static struct json_object *errors_of_contacts(struct json_object *answer)
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
	    !errors_of_contacts(answer))
		return false;
	row = row_at(request, 0);
	return row != NULL;
}

void nest_settle_on(const struct request *request, struct draft *const *drafts)
{
	for (size_t i = 0; request->answer.status / 100 == 2 && i < request->n_parts; i++)
		drafts[i]->is_settled_on = true;
}

/* The contact as if it had been sent alone. */
static void reject_row(struct engine *e, const struct request *request, const struct draft *row,
                       struct json_object *errors)
{
	struct rejection rejection = {.class = REJECT_VALIDATION};
	struct crm_error error = {0};
	struct part *part = mem_alloc(sizeof(*part));
	cleanup_(freep) char *text = json_text(errors);

	crm_error_read(text, strlen(text), errors, row->child, row->written, &error);
	*part = (struct part){.id = row->part,
	                      .is_stored = true,
	                      .record = record_ref(row->record),
	                      .ordinal = row->ordinal,
	                      .generation = row->generation};
	if (error.fields) {
		cleanup_(freep) char *fields = json_text(error.fields);

		part->fields = redact_copy(e->redact, fields);
	}
	rejection.message = mem_strdup(error.message);
	rejection.field = mem_strdup(error.field);
	crm_error_deinit(&error);
	settle_rejected_part(e, part, request->route, request->operation, &rejection);
	rejection_deinit(&rejection);
}

void nest_reject_refused(struct engine *e, const struct request *request, struct draft **drafts)
{
	cleanup_(json_freep) struct json_object *answer = NULL;
	struct json_object *contacts;
	size_t number = 0;

	(void)json_parse(request->answer.body, request->answer.body_len, 0, &answer, NULL, NULL);
	contacts = errors_of_contacts(answer);
	for (size_t i = 0; contacts && i < request->n_parts; i++) {
		struct json_object *errors;
		char name[32];

		if (!drafts[i]->child)
			continue;
		(void)snprintf(name, sizeof(name), "%zu", number++);
		errors = json_get(contacts, name);
		if (!errors)
			continue;
		reject_row(e, request, drafts[i], errors);
		draft_free(steal(&drafts[i]));
	}
}
