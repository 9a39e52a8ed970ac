#include "connector/engine/desk_private.h"

#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/*
 * Errands: what a person asked for and waits for. A part that is taken up again keeps its row until
 * its new outcome is durable, so a kill in between leaves it as it was.
 */

enum { begun_at_once = 256 };

void errand_result(struct errand *errand, uint64_t id, const char *outcome, const char *object_id,
                   const char *message)
{
	struct json_object *o = json_object_new_object();

	(void)json_object_object_add(o, "id", json_object_new_uint64(id));
	(void)json_object_object_add(o, "outcome", json_object_new_string(outcome));
	if (object_id)
		(void)json_object_object_add(o, "object_id", json_object_new_string(object_id));
	if (message)
		(void)json_object_object_add(o, "message", json_object_new_string(message));
	if (errand->n_records > 1)
		(void)json_object_object_add(o, "shared_by",
		                             json_object_new_uint64(errand->n_records));
	(void)json_object_array_add(errand->results, o);
	errand->n_ended++;
}

static void choose(void *arg, const struct part_row *row)
{
	struct desk_row *c = arg;

	c->row = *row;
	c->row.part.record = record_ref(row->part.record);
	c->row.part.message = mem_strdup(row->part.message);
	c->row.part.field = mem_strdup(row->part.field);
	c->row.part.fields = mem_strdup(row->part.fields);
	c->row.route = mem_strdup(row->route);
	c->row.operation = mem_strdup(row->operation);
	c->is_there = true;
}

void desk_row_deinit(struct desk_row *row)
{
	if (!row->is_there)
		return;
	part_deinit(&row->row.part);
	free(row->row.route);
	free(row->row.operation);
}

void desk_row_load(struct journal *journal, enum outcome outcome, uint64_t id, struct desk_row *ret)
{
	const uint64_t ids[] = {id, 0};

	*ret = (struct desk_row){0};
	(void)journal_each_part(journal, outcome, ids, REJECT_NONE, choose, ret, NULL);
}

/* One decision at a time */

struct errand_part *errand_part_of(const struct errand *errand, uint64_t id)
{
	for (size_t i = 0; i < errand->n_begun; i++)
		if (errand->parts[i].id == id)
			return &errand->parts[i];
	return NULL;
}

struct errand *errand_holder(const struct desk *desk, const struct errand *but, uint64_t id)
{
	struct errand *errand = desk->errands;

	while (errand && (errand == but || !errand_part_of(errand, id)))
		errand = errand->next;
	return errand;
}

bool errand_join(struct desk *desk, struct errand *errand, struct errand_part *mine)
{
	const struct errand *holder = errand_holder(desk, errand, mine->id);

	if (!holder)
		return false;
	for (size_t i = 0; i < json_object_array_length(holder->results); i++) {
		struct json_object *result = json_object_array_get_idx(holder->results, i);

		if ((uint64_t)json_get_int(result, "id", 0) != mine->id)
			continue;
		(void)json_object_array_add(errand->results, json_object_get(result));
		mine->has_ended = true;
		errand->n_ended++;
		break;
	}
	return true;
}

void desk_begin_record(struct engine *e, struct record *r)
{
	seen_hold(e, r);
	r->n_open++;
	r->is_settled = true;
	r->keeps_row = false;
	r->worst = OUTCOME_OPEN;
}

struct errand *errand_new(struct desk *desk)
{
	struct errand *errand = mem_alloc(sizeof(*errand));

	errand->desk = desk;
	errand->results = json_object_new_array();
	errand->next = desk->errands;
	desk->errands = errand;
	return errand;
}

void errand_go_on(struct desk *desk, struct errand *errand)
{
	while (errand->n_begun < errand->n_ids && !naming_is_awaited(desk->engine) &&
	       errand->n_begun - errand->n_ended < begun_at_once) {
		if (errand->is_resend)
			desk_send_held(desk, errand);
		else
			desk_begin_retry(desk, errand, errand->ids[errand->n_begun]);
	}
}
