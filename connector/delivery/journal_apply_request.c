#include "connector/delivery/journal_schema.h"

#include "lib/buf.h"
#include "lib/test_hooks.h"

#include <stdlib.h>

/*
 * Requests, their parts and records. A part has a row from the first INTENT of its record to its
 * delivery; the row of a record stands as long as one of its parts has one.
 */

static char *lanes_text(const struct request *r)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < r->n_lanes; i++)
		buf_addf(&b, "%s%c %s", i ? "\n" : "", r->lanes[i].is_owner ? 'o' : 's',
		         r->lanes[i].key);
	return b.len ? buf_take(&b) : NULL;
}

static int put_record(struct journal *j, const struct record *r, struct err *err)
{
	struct store_query *q = j->q.put_record;
	char *message = record_message_text(r);
	int ret;

	store_bind_int(q, 1, (int64_t)r->row);
	store_bind_int(q, 2, (int64_t)r->stream);
	store_bind_int(q, 3, (int64_t)r->pos);
	store_bind_int(q, 4, (int64_t)r->next_pos);
	store_bind_int(q, 5, (int64_t)r->len);
	store_bind_int(q, 6, (int64_t)r->line);
	store_bind_int(q, 7, r->fault);
	store_bind_blob(q, 8, r->raw, r->raw ? record_raw_len(r) : 0);
	store_bind_int(q, 9, r->worst);
	store_bind_blob(q, 10, r->has_key ? r->key : NULL, sizeof(r->key));
	store_bind_int(q, 11, r->has_done);
	store_bind_text(q, 12, message);
	ret = store_run(q, err);
	free(message);
	return ret;
}

struct part_place {
	uint64_t request; /* 0: none */
	size_t place;
	const char *route, *operation;
	uint64_t config;
	int64_t wall_ms;
};

static int put_part(struct journal *j, const struct part *p, const struct part_place *at,
                    struct err *err)
{
	struct store_query *q = j->q.put_part;
	int r = p->record->is_stored ? 0 : put_record(j, p->record, err);

	if (r < 0)
		return r;
	store_bind_int(q, 1, (int64_t)p->id);
	store_bind_int(q, 2, (int64_t)p->record->row);
	store_bind_int(q, 3, p->ordinal);
	store_bind_int(q, 4, (int64_t)at->request);
	store_bind_int(q, 5, (int64_t)at->place);
	store_bind_int(q, 6, p->outcome);
	store_bind_int(q, 7, p->class);
	store_bind_int(q, 8, p->generation);
	store_bind_int(q, 9, at->wall_ms);
	store_bind_text(q, 10, p->message);
	store_bind_text(q, 11, p->field);
	store_bind_text(q, 12, p->fields);
	store_bind_text(q, 13, at->route);
	store_bind_text(q, 14, at->operation);
	store_bind_int(q, 15, (int64_t)at->config);
	store_bind_text(q, 16, p->draft);
	store_bind_int(q, 17, p->takes_rest);
	return store_run(q, err);
}

static int put_part_of(struct journal *j, const struct request *r, size_t i, int64_t wall_ms,
                       struct err *err)
{
	const struct part_place at = {.request = r->seq,
	                              .place = i,
	                              .route = r->route,
	                              .operation = r->operation,
	                              .config = r->config,
	                              .wall_ms = wall_ms};

	return put_part(j, &r->parts[i], &at, err);
}

static int put_parts(struct journal *j, const struct request *r, struct err *err)
{
	int code = 0;

	for (size_t i = 0; code >= 0 && i < r->n_parts; i++)
		code = put_part_of(j, r, i, r->intent_wall_ms, err);
	return code;
}

/* The lowest and highest id of its parts: they are found by them, without an index to keep up. */
static uint64_t part_border(const struct request *r, bool is_last)
{
	uint64_t border = r->parts[0].id;

	for (size_t i = 1; i < r->n_parts; i++)
		if (is_last ? r->parts[i].id > border : r->parts[i].id < border)
			border = r->parts[i].id;
	return border;
}

static int put_request_row(struct journal *j, const struct request *r, enum request_state state,
                           struct err *err)
{
	struct store_query *q = j->q.put_request;
	char *headers = journal_join(r->headers), *notes = journal_join(r->notes);
	char *lanes = lanes_text(r);
	int code;

	store_bind_int(q, 1, (int64_t)r->seq);
	store_bind_text(q, 2, r->id);
	store_bind_int(q, 3, state);
	store_bind_int(q, 4, r->method);
	store_bind_int(q, 5, r->class);
	store_bind_text(q, 6, r->route);
	store_bind_text(q, 7, r->operation);
	store_bind_text(q, 8, r->object);
	store_bind_text(q, 9, r->group);
	store_bind_text(q, 10, r->url);
	store_bind_text(q, 11, headers);
	store_bind_text(q, 12, lanes);
	store_bind_text(q, 13, notes);
	store_bind_text(q, 14, r->identity_field);
	store_bind_text(q, 15, r->identity_value);
	store_bind_int(q, 16, (int64_t)r->config);
	store_bind_int(q, 17, r->attempts);
	store_bind_int(q, 18, r->resends);
	store_bind_int(q, 19, r->crash_count);
	store_bind_int(q, 20, r->intent_wall_ms);
	store_bind_int(q, 21, r->ended_wall_ms);
	store_bind_int(q, 22, r->duration_ms);
	store_bind_int(q, 23, r->answer.status);
	store_bind_text(q, 24, r->object_id);
	store_bind_int(q, 25, r->found_by_lookup);
	store_bind_text(q, 26, r->known);
	store_bind_int(q, 27, (int64_t)part_border(r, false));
	store_bind_int(q, 28, (int64_t)part_border(r, true));
	store_bind_int(q, 29, r->format);
	store_bind_int(q, 30, (int64_t)r->root);
	store_bind_int(q, 31, (int64_t)r->root_at);
	store_bind_text(q, 32, r->written);
	store_bind_int(q, 33, r->is_remembered);
	code = store_run(q, err);
	free(headers);
	free(notes);
	free(lanes);
	return code;
}

int journal_apply_note_request(struct journal *j, const struct request *r, struct err *err)
{
	struct store_query *q = j->q.note_request;

	store_bind_int(q, 1, (int64_t)r->seq);
	store_bind_int(q, 2, r->state);
	store_bind_int(q, 3, r->attempts);
	store_bind_int(q, 4, r->resends);
	store_bind_int(q, 5, r->crash_count);
	store_bind_text(q, 6, r->known);
	store_bind_int(q, 7, r->intent_wall_ms);
	return store_run(q, err);
}

/* The row, what it sends, and its parts; a part that waited moves here. */
static int put_whole(struct journal *j, const struct request *r, enum request_state state,
                     struct err *err)
{
	int code = put_request_row(j, r, state, err);

	if (code >= 0) {
		store_bind_int(j->q.put_payload, 1, (int64_t)r->seq);
		store_bind_blob(j->q.put_payload, 2, r->body, r->body_len);
		code = store_run(j->q.put_payload, err);
	}
	return code >= 0 ? put_parts(j, r, err) : code;
}

int journal_apply_put_request(struct journal *j, const struct request *r, struct err *err)
{
	return r->is_stored ? journal_apply_note_request(j, r, err)
	                    : put_whole(j, r, r->state, err);
}

/* PLANNED whatever it is by now: its INTENT is a change of its own, and may find no room. */
int journal_apply_put_planned(struct journal *j, const struct request *r, struct err *err)
{
	return hook_without("companions") ? 0 : put_whole(j, r, REQUEST_PLANNED, err);
}

int journal_apply_put_waiting(struct journal *j, const struct change *c, struct err *err)
{
	const struct part_place at = {
		.route = c->text[0], .operation = c->text[1], .config = c->number[0]};

	return hook_without("companions") ? 0 : put_part(j, c->part, &at, err);
}

static int run_with(struct store_query *q, uint64_t id, struct err *err)
{
	store_bind_int(q, 1, (int64_t)id);
	return store_run(q, err);
}

static int drop_request(struct journal *j, uint64_t seq, struct err *err)
{
	int r = run_with(j->q.drop_payload, seq, err);

	return r >= 0 ? run_with(j->q.drop_request, seq, err) : r;
}

int journal_apply_halve_request(struct journal *j, const struct change *c, struct err *err)
{
	int r = 0;

	if (hook_without("halves")) /* the mutant that trusts memory */
		return 0;
	for (int i = 0; r >= 0 && i < 2; i++)
		r = put_whole(j, c->halves[i], REQUEST_PLANNED, err);
	return r >= 0 ? drop_request(j, c->request->seq, err) : r;
}

/* Its next event must be another than the one that told it was held, also after a restart. */
int journal_apply_reopen_request(struct journal *j, const struct request *r, struct err *err)
{
	int code = journal_apply_note_request(j, r, err);

	return code >= 0 ? put_parts(j, r, err) : code;
}

int journal_apply_retake(struct journal *j, const struct change *c, struct err *err)
{
	const struct request *r = c->request;
	const struct part_place at = {
		.route = r->route, .operation = r->operation, .config = r->config};
	int code = 0;

	for (size_t i = 0; code >= 0 && i < r->n_parts; i++)
		code = put_part(j, c->parts[i], &at, err);
	return code >= 0 ? drop_request(j, r->seq, err) : code;
}

static bool is_gone(enum outcome outcome)
{
	return outcome == OUTCOME_DELIVERED || outcome == OUTCOME_SKIPPED ||
	       outcome == OUTCOME_FILTERED;
}

static int note_record(struct journal *j, const struct record *record, struct err *err)
{
	struct store_query *q = j->q.note_record;

	store_bind_int(q, 1, (int64_t)record->row);
	store_bind_int(q, 2, record->worst);
	store_bind_int(q, 3, record->has_done);
	return store_run(q, err);
}

/*
 * What becomes of the record of an ended part. As long as its row stands for other parts it must
 * say how bad it was so far, and whether a part of it is done; a reject of it may have been dropped
 * meanwhile, so whether its row is still needed is asked of the rows, but for the usual record with
 * a single output.
 */
static int end_record(struct journal *j, const struct part *p, bool keeps, struct err *err)
{
	const struct record *record = p->record;
	int r = 0;

	if (record->n_open || (record->has_done && (keeps || p->generation)))
		r = note_record(j, record, err);
	if (r < 0 || record->n_open || !is_gone(p->outcome))
		return r;
	return run_with(keeps || p->generation ? j->q.orphan_record : j->q.drop_record, record->row,
	                err);
}

static int end_parts(struct journal *j, const struct change *c, bool *ret_any_left, struct err *err)
{
	const struct request *r = c->request;
	int code = 0;

	for (size_t i = 0; code >= 0 && i < r->n_parts; i++) {
		const struct part *p = &r->parts[i];

		if (is_gone(p->outcome)) {
			code = run_with(j->q.drop_part, p->id, err);
			if (code >= 0)
				code = journal_open_keys(j, p->id, err);
		} else {
			*ret_any_left = true;
			code = put_part_of(j, r, i, r->ended_wall_ms, err);
		}
		if (code >= 0)
			code = end_record(j, p, c->keeps_record[i], err);
	}
	return code;
}

int journal_apply_end_request(struct journal *j, const struct change *c, struct err *err)
{
	const struct request *r = c->request;
	bool any_left = false;
	int code = end_parts(j, c, &any_left, err);

	if (code >= 0 && any_left) {
		code = put_request_row(j, r, r->state, err);
		store_bind_int(j->q.answer_payload, 1, (int64_t)r->seq);
		store_bind_text(j->q.answer_payload, 2, r->answer.headers);
		store_bind_blob(j->q.answer_payload, 3, r->answer.body, r->answer.body_len);
		if (code >= 0)
			code = store_run(j->q.answer_payload, err);
	} else if (code >= 0) {
		code = drop_request(j, r->seq, err);
	}
	return code >= 0 ? journal_apply_event(j, c->event, err) : code;
}

int journal_apply_drop_orphan_request(struct journal *j, uint64_t seq, struct err *err)
{
	int r;

	store_bind_int(j->q.orphan_request, 1, (int64_t)seq);
	r = store_step(j->q.orphan_request, err);
	store_reset(j->q.orphan_request);
	return r > 0 ? run_with(j->q.drop_payload, seq, err) : r;
}

int journal_apply_drop_part(struct journal *j, uint64_t id, int64_t wall_ms, struct err *err)
{
	struct store_query *q = j->q.delete_part;
	uint64_t record = 0, request = 0;
	int r;

	store_bind_int(q, 1, (int64_t)id);
	r = store_step(q, err);
	if (r > 0) {
		record = (uint64_t)store_int(q, 0);
		request = (uint64_t)store_int(q, 1);
		r = store_run(q, err);
	}
	if (r >= 0)
		r = journal_open_keys(j, id, err);
	if (r >= 0 && record)
		r = journal_keep_key(j, record, wall_ms, err);
	if (r >= 0 && record)
		r = run_with(j->q.orphan_record, record, err);
	return r >= 0 && request ? journal_apply_drop_orphan_request(j, request, err) : r;
}

/* Its record's row may have gone with the last of the other outputs. */
int journal_apply_reject_part(struct journal *j, const struct change *c, struct err *err)
{
	const struct part_place at = {
		.route = c->text[0], .operation = c->text[1], .wall_ms = c->wall_ms};
	int r = put_record(j, c->part->record, err);

	if (r >= 0)
		r = put_part(j, c->part, &at, err);
	if (r >= 0)
		r = end_record(j, c->part, true, err);
	return r >= 0 ? journal_apply_event(j, c->event, err) : r;
}
