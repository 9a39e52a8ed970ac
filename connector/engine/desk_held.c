#include "connector/engine/desk_private.h"

#include "connector/model/lookup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <stdlib.h>
#include <string.h>

/* Held items: a person says what is true of them. */

static void end_parts(struct engine *e, struct request *r, enum outcome outcome,
                      const char *message)
{
	for (size_t i = 0; i < r->n_parts; i++) {
		struct part *p = &r->parts[i];

		p->outcome = outcome;
		p->class = outcome == OUTCOME_REJECTED ? REJECT_GIVEN_UP : REJECT_NONE;
		p->generation++;
		free(p->message);
		p->message = mem_strdup(message);
		desk_begin_record(e, p->record);
		/* What a person gave up may be there: nobody may take it for never sent. */
		p->record->has_done |= outcome == OUTCOME_REJECTED;
	}
}

void desk_send_held(struct desk *desk, struct errand *errand)
{
	struct engine *e = desk->engine;
	struct desk_row c;
	struct request *r = NULL;

	errand->parts[errand->n_begun++] = (struct errand_part){.id = errand->ids[0]};
	desk_row_load(e->journal, OUTCOME_HELD, errand->ids[0], &c);
	if (!c.is_there || journal_load_request(e->journal, c.row.request, &r, NULL) < 0) {
		errand->parts[0].has_ended = true;
		errand_result(errand, errand->ids[0], "held", NULL, "it is held no more");
	} else {
		end_parts(e, r, OUTCOME_OPEN, NULL);
		r->state = REQUEST_PLANNED;
		r->resends = r->crash_count = 0;
		journal_reopen_request(e->journal, r);
		hook_point("resolve_sends");
		delivery_submit(e->delivery, r);
	}
	desk_row_deinit(&c);
}

static void end_held(struct engine *e, struct request *r, const char *object_id)
{
	if (object_id) {
		end_parts(e, r, OUTCOME_DELIVERED, NULL);
		r->state = REQUEST_APPLIED;
		free(r->object_id);
		r->object_id = mem_strdup(object_id);
	} else {
		end_parts(e, r, OUTCOME_REJECTED,
		          "a person gave it up; whether Close has it is not known");
		r->state = REQUEST_REFUSED;
	}
	r->ended_wall_ms = loop_wall_ms(e->loop);
	settle_request(e, r);
}

static const char *wrong_decision(const char *action, const char *object_id)
{
	if (!action || (strcmp(action, "applied") != 0 && strcmp(action, "send") != 0 &&
	                strcmp(action, "give-up") != 0))
		return "the decision must be applied, send or give-up";
	if (!strcmp(action, "applied") && (!object_id || !*object_id))
		return "--applied needs the id of the object in Close";
	return NULL;
}

/* An id of another kind is a slip of the pen, and later records would be linked to it. */
static bool is_another_kind(const struct request *r, const char *action, const char *object_id)
{
	const char *prefix = lookup_id_prefix(r->object);

	return !strcmp(action, "applied") && strncmp(object_id, prefix, strlen(prefix)) != 0;
}

size_t desk_n_records(const struct request *request)
{
	size_t n = 0;

	/* A call holds them in their order; two outputs of one record stand together. */
	for (size_t i = 0; i < request->n_parts; i++)
		n += i == 0 || request->parts[i].record->row != request->parts[i - 1].record->row;
	return n;
}

/* A decision is about the whole request, whichever of its parts was named. */
static bool is_being_decided(const struct desk *desk, uint64_t request)
{
	const struct errand *errand = desk->errands;

	while (errand && errand->held != request)
		errand = errand->next;
	return errand != NULL;
}

struct json_object *desk_resolve(struct desk *desk, struct json_object *request,
                                 struct errand **ret_errand)
{
	struct engine *e = desk->engine;
	const char *action = json_get_string(request, "action");
	const char *object_id = json_get_string(request, "object_id");
	const char *wrong = wrong_decision(action, object_id);
	const uint64_t id = (uint64_t)json_get_int(request, "id", 0);
	struct request *r = NULL;
	struct errand *errand;
	struct desk_row c;

	if (wrong)
		return desk_refusal(EXIT_USAGE, "%s", wrong);
	desk_row_load(e->journal, OUTCOME_HELD, id, &c);
	if (c.is_there && c.row.request && is_being_decided(desk, c.row.request)) {
		desk_row_deinit(&c);
		return desk_refusal(EXIT_AGAIN,
		                    "somebody decided about the call of %llu just now, and that is "
		                    "not finished yet",
		                    (unsigned long long)id);
	}
	if (c.is_there)
		(void)journal_load_request(e->journal, c.row.request, &r, NULL);
	desk_row_deinit(&c);
	if (!r || r->state != REQUEST_HELD) {
		request_free(r);
		return desk_refusal(EXIT_USAGE,
		                    "no held item has the id %llu; `held list` shows them",
		                    (unsigned long long)id);
	}

	if (is_another_kind(r, action, object_id)) {
		struct json_object *refusal =
			desk_refusal(EXIT_USAGE, "%s is no object of %s: its ids begin with %s",
		                     object_id, r->operation, lookup_id_prefix(r->object));

		request_free(r);
		return refusal;
	}

	errand = errand_new(desk);
	errand->held = r->seq;
	errand->n_records = desk_n_records(r);
	errand->n_ids = 1;
	errand->ids = mem_array(1, sizeof(*errand->ids));
	errand->ids[0] = id;
	errand->parts = mem_array(1, sizeof(*errand->parts));
	*ret_errand = errand;
	journal_put_decision(e->journal, "held", id, action, object_id, loop_wall_ms(e->loop));
	hook_point("resolve_asked");
	if (!strcmp(action, "send")) {
		errand->is_resend = true; /* begun when the organization is known to be ours */
		request_free(r);
	} else {
		errand->parts[errand->n_begun++] = (struct errand_part){.id = id};
		end_held(e, r, strcmp(action, "applied") ? NULL : object_id);
	}
	return NULL;
}
