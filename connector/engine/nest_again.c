#include "connector/engine/nest.h"

#include "connector/close/errors.h"
#include "connector/gather/gather.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/redact.h"

#include <assert.h>
#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Rows that go anew. A lead that Close refused for some of its contacts was not made, so it may be
 * sent without them; and a row that carried the update of a lead has its contact still to come.
 */

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
	struct part *part;
	cleanup_(freep) char *text = json_text(errors);

	assert(row);
	crm_error_read(text, strlen(text), errors, row->child, row->written, &error);
	part = draft_part(row);
	part->is_stored = true;
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

/* Errors of a list's items under their places in @own, of those that it has; NULL: none. */
static struct json_object *errors_of_items(struct json_object *errors, struct json_object *list,
                                           struct json_object *own)
{
	struct json_object *mine = json_object_new_object();

	json_object_object_foreach(errors, number, value)
	{
		struct json_object *item =
			json_object_array_get_idx(list, strtoul(number, NULL, 10));

		for (size_t i = 0; item && i < json_object_array_length(own); i++) {
			char place[32];

			if (!json_object_equal(json_object_array_get_idx(own, i), item))
				continue;
			(void)snprintf(place, sizeof(place), "%zu", i);
			(void)json_object_object_add(mine, place, json_object_get(value));
			break;
		}
	}
	if (json_object_object_length(mine))
		return mine;
	json_object_put(mine);
	return NULL;
}

/* What @error says of a field is about this row's value of it; NULL: it is not. */
static struct json_object *error_of_row(struct json_object *error, struct json_object *sent,
                                        struct json_object *own)
{
	struct json_object *items = json_get(error, "errors"), *mine, *wrapped;

	if (!json_object_is_type(sent, json_type_array) ||
	    !json_object_is_type(own, json_type_array) ||
	    !json_object_is_type(items, json_type_object))
		return own && json_object_equal(sent, own) ? json_object_get(error) : NULL;
	mine = errors_of_items(items, sent, own);
	if (!mine)
		return NULL;
	wrapped = json_object_new_object();
	(void)json_object_object_add(wrapped, "errors", mine);
	return wrapped;
}

/* Of the errors of a contact that several rows are, those of one row; NULL: it has none. */
static struct json_object *errors_of_row(struct json_object *errors, struct json_object *sent,
                                         const struct draft *row)
{
	struct json_object *fields = json_get(errors, "field-errors"), *all;
	struct json_object *mine = json_object_new_object();

	assert(row);
	if (json_object_is_type(fields, json_type_object)) {
		json_object_object_foreach(fields, key, value)
		{
			struct json_object *error =
				error_of_row(value, json_get(sent, key), json_get(row->child, key));

			if (error)
				(void)json_object_object_add(mine, key, error);
		}
	}
	if (!json_object_object_length(mine)) {
		json_object_put(mine);
		return NULL;
	}
	all = json_object_new_object();
	(void)json_object_object_add(all, "field-errors", mine);
	return all;
}

/* Which rows are at fault where Close refuses a contact. */
struct refused {
	struct draft **rows;
	const size_t *at;
	size_t n;
	struct json_object *sent;
};

/* Where none of them is found to be at fault, all are. */
static void reject_contact(struct engine *e, const struct request *request, struct refused *f,
                           size_t number, struct json_object *errors)
{
	bool is_any = false;

	for (int all = 0; all < 2 && !is_any; all++)
		for (size_t i = 0; i < f->n; i++) {
			cleanup_(json_freep) struct json_object *mine = NULL;

			if (f->at[i] != number)
				continue;
			mine = all ? json_object_get(errors)
			           : errors_of_row(errors,
			                           json_object_array_get_idx(f->sent, number),
			                           f->rows[i]);
			if (!mine)
				continue;
			is_any = true;
			reject_row(e, request, f->rows[i], mine);
			draft_free(steal(&f->rows[i]));
		}
}

void nest_reject_refused(struct engine *e, const struct request *request, struct draft **drafts)
{
	cleanup_(json_freep) struct json_object *answer = NULL, *sent = NULL;
	cleanup_(freep) size_t *at = mem_array(request->n_parts, sizeof(*at));
	struct refused refused = {.rows = drafts, .at = at, .n = request->n_parts};
	struct json_object *contacts;

	(void)json_parse(request->answer.body, request->answer.body_len, 0, &answer, NULL, NULL);
	contacts = nest_errors_of_contacts(answer);
	if (!contacts)
		return;
	sent = gather_children(drafts, refused.n, at);
	refused.sent = sent;
	json_object_object_foreach(contacts, number, errors)
		reject_contact(e, request, &refused, strtoul(number, NULL, 10), errors);
}
