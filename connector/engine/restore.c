#include "connector/engine/lag.h"
#include "connector/engine/partitions.h"
#include "connector/engine/repeats.h"

#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <stdlib.h>
#include <string.h>

/*
 * What an earlier process left open. What had its INTENT takes its lanes at once: it stood first in
 * them. Outputs that only became durable with another output of their record had others before
 * them that did not; those are read again now. So they wait until the source comes to their place,
 * and enter their lanes in its order. A record that a person had taken up again has no place any
 * more: nothing of it is read again, and nothing of it waits.
 */

struct left {
	struct place place;
	size_t number;           /* as the journal told them */
	struct request *request; /* or */
	struct draft *draft;     /* or */
	struct waiting_part *unreadable;
	char *why_unreadable;
	bool is_due; /* it waits for no place */
};

/* How far the source has come among those of a stream. */
struct cursor {
	uint64_t stream;
	size_t at, end;
};

/* A request whose records others have settled. */
struct gone {
	struct request *request;
	bool *keeps_record;
	struct gone *next;
};

struct restore {
	struct left *items; /* by place; released ones are empty */
	size_t n, cap, n_left;
	uint64_t n_frozen;
	struct cursor *cursors; /* one a stream, by its id */
	size_t n_cursors;
	struct gone *gone; /* settled by others, until that is submitted */
};

struct restore *restore_new(void)
{
	return mem_alloc(sizeof(struct restore));
}

void restore_free(struct restore *restore)
{
	if (!restore)
		return;
	for (size_t i = 0; i < restore->n; i++) {
		request_free(restore->items[i].request);
		draft_free(restore->items[i].draft);
	}
	free(restore->items);
	free(restore->cursors);
	free(restore);
}

static bool is_settled(const struct engine *e, const struct record *record)
{
	const struct stream *stream = settle_stream(e, record->stream);

	return !stream || stream_is_settled(stream, record->pos);
}

/* One more output of @record is open. */
static void reopen(struct engine *e, struct record *record)
{
	if (!record->n_open++) {
		/* A retry of a reject: its first outcome is counted, its position long passed. */
		record->is_settled = is_settled(e, record);
		if (!record->is_settled) {
			e->n_unsettled++;
			lag_read(e, record);
			if (record->worst > OUTCOME_FILTERED)
				repeats_take_blind(e->repeats, record);
		}
		seen_hold_left_open(e, record);
	}
	intake_skip(e, record);
}

static struct left *add(struct restore *restore, const struct record *record)
{
	struct left *left;

	restore->items =
		mem_grow(restore->items, restore->n, &restore->cap, sizeof(*restore->items));
	left = &restore->items[restore->n];
	*left = (struct left){.place = {.stream = record->stream, .pos = record->pos},
	                      .number = restore->n,
	                      .is_due = record->is_settled && !hook_without("retries")};
	restore->n++;
	restore->n_left++;
	return left;
}

/*
 * The last of its records that are read in their order: all that was read before had to come before
 * it. Any, where all were taken up again.
 */
static const struct record *last_record(const struct request *r)
{
	const struct record *last = r->parts[0].record;

	for (size_t i = 1; i < r->n_parts; i++) {
		const struct record *record = r->parts[i].record;

		if (!record->is_settled && (last->is_settled || record->pos > last->pos))
			last = record;
	}
	return last;
}

/*
 * Outputs that others have settled: they go, with the rows of their records, and nobody is told. A
 * record of the same call that is not settled is read again, and proven before it is sent.
 */
static void let_go(struct engine *e, struct request *takes_request)
{
	struct restore *restore = e->restore;
	struct request *r = takes_request;
	struct gone *gone = mem_alloc(sizeof(*gone));

	for (size_t i = 0; i < r->n_parts; i++)
		r->parts[i].record->n_open++;
	gone->request = r;
	gone->keeps_record = mem_array(r->n_parts, sizeof(bool));
	gone->next = restore->gone;
	restore->gone = gone;
}

static void is_gone(void *arg, int r)
{
	struct gone *gone = arg;

	(void)r;
	request_free(gone->request);
	free(gone->keeps_record);
	free(gone);
}

static void end_gone(struct engine *e, struct gone *gone)
{
	struct request *r = gone->request;

	r->state = REQUEST_APPLIED;
	r->ended_wall_ms = loop_wall_ms(e->loop);
	for (size_t i = 0; i < r->n_parts; i++) {
		struct record *record = r->parts[i].record;

		r->parts[i].outcome = OUTCOME_SKIPPED;
		gone->keeps_record[i] = --record->n_open > 0 || record->keeps_row;
		e->n_handed_over += !record->n_open && is_settled(e, record);
	}
	journal_end_request(e->journal, r, gone->keeps_record, NULL, is_gone, gone);
}

/* A part that waited, as the call it would have been. */
static struct request *request_of(struct waiting_part *takes_part)
{
	struct request *r = request_new();

	r->parts = mem_alloc(sizeof(*r->parts));
	r->n_parts = 1;
	r->parts[0] = takes_part->part;
	takes_part->part = (struct part){0};
	waiting_part_free(takes_part);
	return r;
}

/* It never stood first in its lanes: it is stored only because another one got its INTENT. */
static bool is_companion(const struct request *r)
{
	return r->state == REQUEST_PLANNED && !r->intent_wall_ms && !r->root &&
	       !hook_without("places");
}

/* The furthest that one of its records has gone from us. */
static enum left_open look(const struct engine *e, const struct request *r)
{
	enum left_open whose = LEFT_TO_US;

	for (size_t i = 0; i < r->n_parts; i++) {
		const enum left_open of_part = partitions_look(e, r->parts[i].record);

		whose = of_part > whose ? of_part : whose;
	}
	return whose;
}

static void take_request(void *arg, struct request *takes_request)
{
	struct engine *e = arg;
	struct request *r = takes_request;

	switch (look(e, r)) {
	case LEFT_TO_US:
		break;
	case LEFT_FROZEN:
		e->restore->n_frozen += r->state != REQUEST_PLANNED;
		request_free(r);
		return;
	case LEFT_TO_OTHERS:
		let_go(e, r);
		return;
	}
	for (size_t i = 0; i < r->n_parts; i++)
		reopen(e, r->parts[i].record);
	if (r->identity_field)
		(void)identities_take(e->identities, r);
	if (is_companion(r)) {
		add(e->restore, last_record(r))->request = r;
	} else {
		offers_take_request(e, r);
		delivery_resume(e->delivery, r);
	}
}

/* The version that shaped it says no more how; people see why, and a retry shapes it anew. */
static void reject_waiting(struct engine *e, const struct waiting_part *w, const char *why)
{
	struct part *p = mem_alloc(sizeof(*p));
	struct rejection rejection = {0};

	*p = (struct part){.id = w->part.id,
	                   .is_stored = true,
	                   .record = record_ref(w->part.record),
	                   .ordinal = w->part.ordinal,
	                   .generation = w->part.generation};
	rejection_set(&rejection, REJECT_UNROUTED, NULL, "%s", why);
	settle_rejected_part(e, p, w->route, w->operation, &rejection);
	rejection_deinit(&rejection);
}

static void take_waiting(void *arg, struct waiting_part *takes_part)
{
	struct engine *e = arg;
	struct waiting_part *w = takes_part;
	struct err err = {0};
	const struct route_set *routes;
	struct draft *draft;
	struct left *left;

	switch (partitions_look(e, w->part.record)) {
	case LEFT_TO_US:
		break;
	case LEFT_FROZEN:
		waiting_part_free(w);
		return;
	case LEFT_TO_OTHERS:
		let_go(e, request_of(w));
		return;
	}
	routes = batches_routes(e, w->config, &err);
	reopen(e, w->part.record);
	left = add(e->restore, w->part.record);
	if (routes && draft_parse(w->part.draft, w->part.record, w->part.ordinal, routes, &draft,
	                          &err) == 0) {
		draft->part = w->part.id;
		draft->generation = w->part.generation;
		left->draft = draft;
		waiting_part_free(w);
	} else {
		left->unreadable = w;
		left->why_unreadable = mem_strdup(err.text);
		left->is_due = true;
	}
}

static void release(struct engine *e, struct left *left)
{
	struct request *request = left->request;
	struct draft *draft = left->draft;
	struct waiting_part *unreadable = left->unreadable;

	if (!request && !draft && !unreadable)
		return;
	left->request = NULL;
	left->draft = NULL;
	left->unreadable = NULL;
	e->restore->n_left--;
	if (draft && (resolve_wants(e, draft) || !gather_is_shared(draft))) {
		resolve_add(e, draft);
	} else if (draft) {
		(void)offers_take(e, draft);
		batches_add(e, draft);
	} else if (request) {
		offers_take_request(e, request);
		batches_clear_way(e, request, NULL);
		delivery_resume(e->delivery, request);
	} else {
		reject_waiting(e, unreadable, left->why_unreadable);
		waiting_part_free(unreadable);
		free(left->why_unreadable);
	}
}

static int compare(const void *a, const void *b)
{
	const struct left *x = a, *y = b;
	const int order = place_compare(&x->place, &y->place);

	if (order)
		return order;
	return x->number < y->number ? -1 : 1;
}

/* The items are sorted now. */
static void make_cursors(struct restore *restore)
{
	struct cursor *c = NULL;

	restore->cursors = mem_array(restore->n, sizeof(*restore->cursors));
	for (size_t i = 0; i < restore->n; i++) {
		const uint64_t stream = restore->items[i].place.stream;

		if (!c || c->stream != stream) {
			c = &restore->cursors[restore->n_cursors++];
			*c = (struct cursor){.stream = stream, .at = i};
		}
		c->end = i + 1;
	}
}

int restore_load(struct engine *e, struct err *err)
{
	struct restore *restore = e->restore;
	struct gone *gone;
	int r = journal_each_open(e->journal, take_request, take_waiting, e, err);

	/* Only now is all of each record known to be open, so that none ends too early. */
	while ((gone = restore->gone)) {
		restore->gone = gone->next;
		end_gone(e, gone);
	}
	for (size_t i = 0; i < restore->n; i++)
		if (restore->items[i].is_due)
			release(e, &restore->items[i]);
	if (restore->n)
		qsort(restore->items, restore->n, sizeof(*restore->items), compare);
	make_cursors(restore);
	return r;
}

static int compare_cursors(const void *a, const void *b)
{
	const struct cursor *x = a, *y = b;

	return x->stream < y->stream ? -1 : x->stream > y->stream;
}

void restore_up_to(struct engine *e, uint64_t stream, uint64_t pos)
{
	struct restore *restore = e->restore;
	const struct cursor key = {.stream = stream};
	struct cursor *c;

	if (!restore->n_left)
		return;
	c = bsearch(&key, restore->cursors, restore->n_cursors, sizeof(key), compare_cursors);
	while (c && c->at < c->end && restore->items[c->at].place.pos <= pos)
		release(e, &restore->items[c->at++]);
}

/* Another one has its name: what was left of it is gone for good. */
static bool was_replaced(const struct engine *e, size_t at)
{
	for (size_t i = at + 1; i < e->n_streams; i++)
		if (!strcmp(e->streams[i]->name, e->streams[at]->name))
			return true;
	return false;
}

/* The first file that was not read to its end and is missing in this run; UINT64_MAX: none. */
static uint64_t first_missing(const struct engine *e)
{
	for (size_t i = 0; i < e->n_streams; i++) {
		const struct stream *s = e->streams[i];

		if (s->kind == STREAM_FILE && !s->handed_to && s->settled_to < s->size &&
		    !was_replaced(e, i))
			return s->id;
	}
	return UINT64_MAX;
}

/* Of partitions all are read, in turns: their records come yet. */
static bool is_being_read(const struct engine *e, uint64_t id)
{
	const struct stream *stream = settle_stream(e, id);

	if (!e->stream || !stream)
		return false;
	return e->stream == stream ||
	       (e->stream->kind == STREAM_PARTITION && stream->kind == STREAM_PARTITION);
}

void restore_rest(struct engine *e, bool also_of_this_stream)
{
	struct restore *restore = e->restore;
	const uint64_t missing = restore->n_left ? first_missing(e) : 0;

	for (size_t i = 0; restore->n_left && i < restore->n; i++) {
		struct left *left = &restore->items[i];

		if (is_being_read(e, left->place.stream) ? also_of_this_stream
		                                         : left->place.stream <= missing)
			release(e, left);
	}
}

void restore_to(struct engine *e, const struct place *place)
{
	struct restore *restore = e->restore;

	for (size_t i = 0; i < restore->n; i++)
		if (restore->items[i].place.stream == place->stream &&
		    restore->items[i].place.pos <= place->pos)
			release(e, &restore->items[i]);
}

bool restore_is_all(const struct engine *e)
{
	return (restore_n(e) || resolve_n(e)) && !batches_n(e) && !e->input_goes_on &&
	       !aside_is_there(e) && delivery_is_idle(e->delivery) &&
	       (!resolve_n(e) || (resolve_is_stuck(e) && !resolve_is_busy(e)));
}

uint64_t restore_n_frozen(const struct engine *e)
{
	return e->restore->n_frozen;
}

size_t restore_n(const struct engine *e)
{
	return e->restore->n_left;
}
