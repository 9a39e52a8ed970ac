#include "connector/engine/nest.h"

#include "connector/close/errors.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/redact.h"

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
	contacts = nest_errors_of_contacts(answer);
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
