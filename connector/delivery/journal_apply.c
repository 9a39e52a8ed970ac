#include "connector/delivery/journal_schema.h"

#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * One function per kind of change, all inside the transaction that journal_apply() opens; those of
 * requests and parts are in journal_apply_request.c, of events, keys and objects in files of their
 * own.
 */

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
	store_bind_int(q, 18, (int64_t)s->doubtful_to);
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

int journal_apply_decision(struct journal *j, const struct change *c, struct err *err)
{
	struct store_query *q = j->q.put_decision;

	store_bind_int(q, 1, c->wall_ms);
	store_bind_text(q, 2, c->text[0]);
	store_bind_int(q, 3, (int64_t)c->number[0]);
	store_bind_text(q, 4, c->text[1]);
	store_bind_text(q, 5, c->text[2]);
	return store_run(q, err);
}

static int put_names(struct journal *j, const struct change *c, struct err *err)
{
	struct store_query *q = j->q.put_names;

	store_bind_text(q, 1, c->text[0]);
	store_bind_text(q, 2, c->text[1]);
	store_bind_int(q, 3, c->wall_ms);
	return store_run(q, err);
}

static int edit_record(struct journal *j, const struct change *c, struct err *err)
{
	struct store_query *q = j->q.edit_record;

	store_bind_int(q, 1, (int64_t)c->number[0]);
	store_bind_blob(q, 2, c->text[0], strlen(c->text[0]));
	return store_run(q, err);
}

static int apply_closed_lane(struct journal *j, const struct change *c, struct err *err)
{
	struct store_query *q = c->wall_ms ? j->q.close_lane : j->q.open_lane;

	store_bind_text(q, 1, c->text[0]);
	if (c->wall_ms)
		store_bind_int(q, 2, c->wall_ms);
	return store_run(q, err);
}

static int apply(struct journal *j, const struct change *c, struct err *err)
{
	switch (c->kind) {
	case CHANGE_PUT_REQUEST:
		return journal_apply_put_request(j, c->request, err);
	case CHANGE_NOTE_REQUEST:
		return journal_apply_note_request(j, c->request, err);
	case CHANGE_PUT_PLANNED:
		return journal_apply_put_planned(j, c->request, err);
	case CHANGE_PUT_WAITING:
		return journal_apply_put_waiting(j, c, err);
	case CHANGE_HALVE_REQUEST:
		return journal_apply_halve_request(j, c, err);
	case CHANGE_REOPEN_REQUEST:
		return journal_apply_reopen_request(j, c->request, err);
	case CHANGE_END_REQUEST:
		return journal_apply_end_request(j, c, err);
	case CHANGE_REJECT_PART:
		return journal_apply_reject_part(j, c, err);
	case CHANGE_EDIT_RECORD:
		return edit_record(j, c, err);
	case CHANGE_DROP_PART:
		return journal_apply_drop_part(j, c->number[0], c->wall_ms, err);
	case CHANGE_DROP_REQUEST:
		return journal_apply_drop_orphan_request(j, c->number[0], err);
	case CHANGE_STREAM:
		return put_stream(j, c->stream, err);
	case CHANGE_RUN:
		return put_run(j, c->run, err);
	case CHANGE_ACCEPT:
		return journal_apply_accept(j, c, err);
	case CHANGE_POSTPONE:
		return journal_apply_postpone(j, c, err);
	case CHANGE_RESEND:
		return journal_apply_resend(j, c, err);
	case CHANGE_OBJECT:
		return journal_apply_object(j, c, err);
	case CHANGE_REMEMBER:
	case CHANGE_REMEMBER_FOUND:
		return journal_apply_remember(j, c, err);
	case CHANGE_OUTDATE:
		return journal_apply_outdate(j, c, err);
	case CHANGE_FORGET_OBJECT:
		return journal_apply_forget_object(j, c, err);
	case CHANGE_KNOW:
		return journal_apply_know(j, c, err);
	case CHANGE_CLOSE_KEY:
		return journal_apply_close_key(j, c, err);
	case CHANGE_RETAKE:
		return journal_apply_retake(j, c, err);
	case CHANGE_DECISION:
		return journal_apply_decision(j, c, err);
	case CHANGE_CLOSED_LANE:
		return apply_closed_lane(j, c, err);
	case CHANGE_KEY:
		return journal_apply_key(j, c, err);
	case CHANGE_SEEN:
		return journal_apply_seen(j, c, err);
	case CHANGE_NAMES:
		return put_names(j, c, err);
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
	const struct told_account told = j->told;
	int r = store_begin(j->store, err);

	for (size_t i = 0; r >= 0 && i < j->n_changes; i++) {
		struct change *c = &j->changes[i];

		c->failed = c->needs_room && !with_intents;
		if (!c->failed)
			r = apply(j, c, err);
	}
	hook_point("commit_applied");
	if (r >= 0)
		r = keep_part_counter(j, err);
	if (r >= 0)
		r = journal_keep_told(j, err);
	if (r >= 0)
		r = store_commit(j->store, err);
	if (r < 0) {
		store_rollback(j->store);
		j->stored_next_part = 0;
		j->told = told;
	}
	return r;
}
