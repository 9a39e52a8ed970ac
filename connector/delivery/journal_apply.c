#include "connector/delivery/journal_schema.h"

#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One function per kind of change, all inside the transaction that journal_apply() opens. */

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

	store_bind_int(q, 1, (int64_t)r->row);
	store_bind_int(q, 2, (int64_t)r->stream);
	store_bind_int(q, 3, (int64_t)r->pos);
	store_bind_int(q, 4, (int64_t)r->next_pos);
	store_bind_int(q, 5, (int64_t)r->len);
	store_bind_int(q, 6, (int64_t)r->line);
	store_bind_int(q, 7, r->fault);
	store_bind_blob(q, 8, r->raw, r->raw ? r->len : 0);
	return store_run(q, err);
}

static int put_part(struct journal *j, const struct part *p, uint64_t request, size_t place,
                    const char *route, const char *operation, int64_t at, struct err *err)
{
	struct store_query *q = j->q.put_part;
	int r = p->record->is_stored ? 0 : put_record(j, p->record, err);

	if (r < 0)
		return r;
	store_bind_int(q, 1, (int64_t)p->id);
	store_bind_int(q, 2, (int64_t)p->record->row);
	store_bind_int(q, 3, p->ordinal);
	store_bind_int(q, 4, (int64_t)request);
	store_bind_int(q, 5, (int64_t)place);
	store_bind_int(q, 6, p->outcome);
	store_bind_int(q, 7, p->class);
	store_bind_int(q, 8, p->generation);
	store_bind_int(q, 9, at);
	store_bind_text(q, 10, p->message);
	store_bind_text(q, 11, p->field);
	store_bind_text(q, 12, p->fields);
	store_bind_text(q, 13, route);
	store_bind_text(q, 14, operation);
	return store_run(q, err);
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

static int put_request_row(struct journal *j, const struct request *r, struct err *err)
{
	struct store_query *q = j->q.put_request;
	char *headers = journal_join(r->headers), *notes = journal_join(r->notes);
	char *lanes = lanes_text(r);
	int code;

	store_bind_int(q, 1, (int64_t)r->seq);
	store_bind_text(q, 2, r->id);
	store_bind_int(q, 3, r->state);
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
	code = store_run(q, err);
	free(headers);
	free(notes);
	free(lanes);
	return code;
}

static int put_request(struct journal *j, const struct request *r, struct err *err)
{
	int code;

	if (r->is_stored) {
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
	code = put_request_row(j, r, err);
	if (code >= 0) {
		store_bind_int(j->q.put_payload, 1, (int64_t)r->seq);
		store_bind_blob(j->q.put_payload, 2, r->body, r->body_len);
		code = store_run(j->q.put_payload, err);
	}
	for (size_t i = 0; code >= 0 && i < r->n_parts; i++)
		code = put_part(j, &r->parts[i], r->seq, i, r->route, r->operation,
		                r->intent_wall_ms, err);
	return code;
}

/* Its next event must be another than the one that told it was held, also after a restart. */
static int reopen_request(struct journal *j, const struct request *r, struct err *err)
{
	int code = put_request(j, r, err);

	for (size_t i = 0; code >= 0 && i < r->n_parts; i++)
		code = put_part(j, &r->parts[i], r->seq, i, r->route, r->operation,
		                r->intent_wall_ms, err);
	return code;
}

static int run_with(struct store_query *q, uint64_t id, struct err *err)
{
	store_bind_int(q, 1, (int64_t)id);
	return store_run(q, err);
}

static int put_event(struct journal *j, const struct event *e, struct err *err)
{
	struct store_query *q = j->q.put_event;

	if (!e || !e->owes || hook_without("outbox"))
		return 0;
	store_bind_int(q, 1, (int64_t)e->seq);
	store_bind_text(q, 2, e->id);
	store_bind_text(q, 3, e->lane);
	store_bind_int(q, 4, e->owes);
	store_bind_blob(q, 5, e->body, e->body_len);
	return store_run(q, err);
}

static bool is_gone(enum outcome outcome)
{
	return outcome == OUTCOME_DELIVERED || outcome == OUTCOME_SKIPPED ||
	       outcome == OUTCOME_FILTERED;
}

static int end_parts(struct journal *j, const struct change *c, bool *ret_any_left, struct err *err)
{
	const struct request *r = c->request;
	int code = 0;

	for (size_t i = 0; code >= 0 && i < r->n_parts; i++) {
		const struct part *p = &r->parts[i];

		if (!is_gone(p->outcome)) {
			*ret_any_left = true;
			code = put_part(j, p, r->seq, i, r->route, r->operation, r->ended_wall_ms,
			                err);
			continue;
		}
		code = run_with(j->q.drop_part, p->id, err);
		if (code >= 0 && !c->keeps_record[i])
			code = run_with(p->generation ? j->q.orphan_record : j->q.drop_record,
			                p->record->row, err);
	}
	return code;
}

static int end_request(struct journal *j, const struct change *c, struct err *err)
{
	const struct request *r = c->request;
	bool any_left = false;
	int code = end_parts(j, c, &any_left, err);

	if (code >= 0 && any_left) {
		code = put_request_row(j, r, err);
		store_bind_int(j->q.answer_payload, 1, (int64_t)r->seq);
		store_bind_text(j->q.answer_payload, 2, r->answer.headers);
		store_bind_blob(j->q.answer_payload, 3, r->answer.body, r->answer.body_len);
		if (code >= 0)
			code = store_run(j->q.answer_payload, err);
	} else if (code >= 0) {
		code = run_with(j->q.drop_payload, r->seq, err);
		if (code >= 0)
			code = run_with(j->q.drop_request, r->seq, err);
	}
	return code >= 0 ? put_event(j, c->event, err) : code;
}

static int drop_orphan_request(struct journal *j, uint64_t seq, struct err *err)
{
	int r;

	store_bind_int(j->q.orphan_request, 1, (int64_t)seq);
	r = store_step(j->q.orphan_request, err);
	store_reset(j->q.orphan_request);
	return r > 0 ? run_with(j->q.drop_payload, seq, err) : r;
}

static int drop_part(struct journal *j, uint64_t id, struct err *err)
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
	if (r >= 0 && record)
		r = run_with(j->q.orphan_record, record, err);
	return r >= 0 && request ? drop_orphan_request(j, request, err) : r;
}

static int put_stream(struct journal *j, const struct stream *s, struct err *err)
{
	struct store_query *q = j->q.put_stream;
	struct buf ranges = BUF_INIT;
	int r;

	stream_ranges_text(s, &ranges);
	store_bind_int(q, 1, (int64_t)s->id);
	store_bind_int(q, 2, s->kind);
	store_bind_text(q, 3, s->name);
	store_bind_int(q, 4, (int64_t)s->dev);
	store_bind_int(q, 5, (int64_t)s->ino);
	store_bind_text(q, 6, s->head_hash);
	store_bind_int(q, 7, (int64_t)s->head_len);
	store_bind_text(q, 8, s->tail_hash);
	store_bind_int(q, 9, (int64_t)s->tail_len);
	store_bind_int(q, 10, (int64_t)s->hashed_to);
	store_bind_text(q, 11, s->whole_hash);
	store_bind_int(q, 12, (int64_t)s->size);
	store_bind_int(q, 13, s->mtime_ns);
	store_bind_int(q, 14, (int64_t)s->settled_to);
	store_bind_int(q, 15, (int64_t)s->settled_line);
	store_bind_text(q, 16, buf_text(&ranges));
	store_bind_int(q, 17, (int64_t)s->generation);
	r = store_run(q, err);
	buf_deinit(&ranges);
	return r;
}

static int put_run(struct journal *j, const struct journal_run *run, struct err *err)
{
	struct store_query *q = j->q.put_run;
	const struct run_counts *n = &run->counts;
	const uint64_t counts[] = {n->read,     n->delivered, n->filtered, n->skipped,
	                           n->rejected, n->held,      n->open};

	store_bind_int(q, 1, (int64_t)run->id);
	store_bind_text(q, 2, run->uid);
	store_bind_int(q, 3, run->began_wall_ms);
	store_bind_int(q, 4, run->ended_wall_ms);
	store_bind_text(q, 5, run->reason);
	store_bind_int(q, 6, (int64_t)run->config);
	for (int i = 0; i < 7; i++)
		store_bind_int(q, 7 + i, (int64_t)counts[i]);
	return store_run(q, err);
}

static int accept_events(struct journal *j, const struct change *c, struct err *err)
{
	struct store_query *const both[] = {j->q.accept_last, j->q.accept_bit};
	int r = 0;

	for (int i = 0; r >= 0 && i < 2; i++) {
		store_bind_int(both[i], 1, c->small);
		store_bind_int(both[i], 2, (int64_t)c->number[0]);
		store_bind_int(both[i], 3, (int64_t)c->number[1]);
		r = store_run(both[i], err);
	}
	return r;
}

static int put_object(struct journal *j, const struct change *c, struct err *err)
{
	struct store_query *q = j->q.put_object;
	const char *line_end = strrchr(c->text[2], '\n');
	char *value = mem_dup(c->text[2], (size_t)(line_end - c->text[2]));
	int r;

	store_bind_text(q, 1, c->text[0]);
	store_bind_text(q, 2, c->text[1]);
	store_bind_text(q, 3, value);
	store_bind_text(q, 4, line_end + 1);
	store_bind_int(q, 5, c->wall_ms);
	r = store_run(q, err);
	free(value);
	return r;
}

static int put_decision(struct journal *j, const struct change *c, struct err *err)
{
	struct store_query *q = j->q.put_decision;

	store_bind_int(q, 1, c->wall_ms);
	store_bind_text(q, 2, c->text[0]);
	store_bind_int(q, 3, (int64_t)c->number[0]);
	store_bind_text(q, 4, c->text[1]);
	store_bind_text(q, 5, c->text[2]);
	return store_run(q, err);
}

static int reject_part(struct journal *j, const struct change *c, struct err *err)
{
	int r = put_part(j, c->part, 0, 0, c->text[0], c->text[1], c->wall_ms, err);

	return r >= 0 ? put_event(j, c->event, err) : r;
}

static int apply_closed_lane(struct journal *j, const struct change *c, struct err *err)
{
	struct store_query *q = c->small ? j->q.close_lane : j->q.open_lane;

	store_bind_text(q, 1, c->text[0]);
	return store_run(q, err);
}

static int postpone(struct journal *j, const struct change *c, struct err *err)
{
	store_bind_int(j->q.postpone, 1, (int64_t)c->number[0]);
	store_bind_int(j->q.postpone, 2, c->small);
	store_bind_int(j->q.postpone, 3, c->wall_ms);
	return store_run(j->q.postpone, err);
}

static int apply(struct journal *j, const struct change *c, struct err *err)
{
	switch (c->kind) {
	case CHANGE_PUT_REQUEST:
	case CHANGE_NOTE_REQUEST:
		return put_request(j, c->request, err);
	case CHANGE_REOPEN_REQUEST:
		return reopen_request(j, c->request, err);
	case CHANGE_END_REQUEST:
		return end_request(j, c, err);
	case CHANGE_REJECT_PART:
		return reject_part(j, c, err);
	case CHANGE_DROP_PART:
		return drop_part(j, c->number[0], err);
	case CHANGE_DROP_REQUEST:
		return drop_orphan_request(j, c->number[0], err);
	case CHANGE_STREAM:
		return put_stream(j, c->stream, err);
	case CHANGE_RUN:
		return put_run(j, c->run, err);
	case CHANGE_ACCEPT:
		return accept_events(j, c, err);
	case CHANGE_POSTPONE:
		return postpone(j, c, err);
	case CHANGE_OBJECT:
		return put_object(j, c, err);
	case CHANGE_DECISION:
		return put_decision(j, c, err);
	case CHANGE_CLOSED_LANE:
		return apply_closed_lane(j, c, err);
	}
	return 0;
}

/* People name parts by id: a number is never given to another part. */
static int keep_part_counter(struct journal *j, struct err *err)
{
	char text[24];

	if (j->stored_next_part == j->next_part)
		return 0;
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)j->next_part);
	store_bind_text(j->q.set_meta, 1, "next_part");
	store_bind_text(j->q.set_meta, 2, text);
	j->stored_next_part = j->next_part;
	return store_run(j->q.set_meta, err);
}

int journal_apply(struct journal *j, bool with_intents, struct err *err)
{
	int r = store_begin(j->store, err);

	for (size_t i = 0; r >= 0 && i < j->n_changes; i++) {
		struct change *c = &j->changes[i];

		c->failed = c->is_intent && !with_intents;
		if (!c->failed)
			r = apply(j, c, err);
	}
	hook_point("commit_applied");
	if (r >= 0)
		r = keep_part_counter(j, err);
	if (r >= 0)
		r = store_commit(j->store, err);
	if (r < 0) {
		store_rollback(j->store);
		j->stored_next_part = 0;
	}
	return r;
}
