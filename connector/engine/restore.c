#include "connector/engine/private.h"

#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <stdlib.h>

/*
 * What an earlier process left open. What had its INTENT takes its lanes at once: it stood first in
 * them. Outputs that only became durable with another output of their record had others before
 * them that did not; those are read again now. So they wait until the source comes to their place,
 * and enter their lanes in its order.
 */

struct left {
	struct place place;
	size_t number;           /* as the journal told them */
	struct request *request; /* or */
	struct draft *draft;
};

struct restore {
	struct left *items; /* by place; released ones are empty */
	size_t n, cap, n_left;
	size_t at; /* the next of the stream that is read */
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
		if (!record->is_settled)
			e->n_unsettled++;
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
	                      .number = restore->n};
	restore->n++;
	restore->n_left++;
	return left;
}

/* Where the last of its records stands: all that was read before had to come before it. */
static const struct record *last_record(const struct request *r)
{
	const struct record *last = r->parts[0].record;

	for (size_t i = 1; i < r->n_parts; i++)
		if (r->parts[i].record->pos > last->pos)
			last = r->parts[i].record;
	return last;
}

/* It never stood first in its lanes: it is stored only because another one got its INTENT. */
static bool is_companion(const struct request *r)
{
	return r->state == REQUEST_PLANNED && !r->intent_wall_ms && !r->root &&
	       !hook_without("places");
}

static void take_request(void *arg, struct request *takes_request)
{
	struct engine *e = arg;
	struct request *r = takes_request;

	for (size_t i = 0; i < r->n_parts; i++)
		reopen(e, r->parts[i].record);
	if (r->identity_field)
		(void)identities_take(e->identities, r);
	if (is_companion(r))
		add(e->restore, last_record(r))->request = r;
	else
		delivery_resume(e->delivery, r);
}

/* The version that shaped it says no more how; people see why, and a retry shapes it anew. */
static void reject_waiting(struct engine *e, const struct waiting_part *w, const struct err *err)
{
	struct part *p = mem_alloc(sizeof(*p));
	struct rejection rejection = {0};

	*p = (struct part){.id = w->part.id,
	                   .is_stored = true,
	                   .record = record_ref(w->part.record),
	                   .ordinal = w->part.ordinal,
	                   .generation = w->part.generation};
	rejection_set(&rejection, REJECT_UNROUTED, NULL, "%s", err->text);
	settle_rejected_part(e, p, w->route, w->operation, &rejection);
	rejection_deinit(&rejection);
}

static void take_waiting(void *arg, struct waiting_part *takes_part)
{
	struct engine *e = arg;
	struct waiting_part *w = takes_part;
	struct err err = {0};
	const struct route_set *routes = batches_routes(e, w->config, &err);
	struct draft *draft;

	reopen(e, w->part.record);
	if (routes && draft_parse(w->part.draft, w->part.record, w->part.ordinal, routes, &draft,
	                          &err) == 0) {
		draft->part = w->part.id;
		draft->generation = w->part.generation;
		add(e->restore, w->part.record)->draft = draft;
	} else {
		reject_waiting(e, w, &err);
	}
	waiting_part_free(w);
}

static int compare(const void *a, const void *b)
{
	const struct left *x = a, *y = b;

	if (x->place.stream != y->place.stream)
		return x->place.stream < y->place.stream ? -1 : 1;
	if (x->place.pos != y->place.pos)
		return x->place.pos < y->place.pos ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

int restore_load(struct engine *e, struct err *err)
{
	struct restore *restore = e->restore;
	int r = journal_each_open(e->journal, take_request, take_waiting, e, err);

	if (restore->n)
		qsort(restore->items, restore->n, sizeof(*restore->items), compare);
	if (e->stream)
		restore_stream(e, e->stream);
	return r;
}

static void release(struct engine *e, struct left *left)
{
	struct request *request = left->request;
	struct draft *draft = left->draft;

	if (!request && !draft)
		return;
	left->request = NULL;
	left->draft = NULL;
	e->restore->n_left--;
	if (draft) {
		batches_add(e, draft);
	} else {
		batches_clear_way(e, request, NULL);
		delivery_resume(e->delivery, request);
	}
}

static bool is_here(const struct restore *restore, uint64_t stream)
{
	return restore->at < restore->n && restore->items[restore->at].place.stream == stream;
}

void restore_up_to(struct engine *e, uint64_t pos)
{
	struct restore *restore = e->restore;

	while (is_here(restore, e->stream->id) && restore->items[restore->at].place.pos <= pos)
		release(e, &restore->items[restore->at++]);
}

void restore_stream(struct engine *e, const struct stream *stream)
{
	struct restore *restore = e->restore;

	if (e->stream && e->stream != stream)
		restore_up_to(e, UINT64_MAX);
	restore->at = 0;
	while (restore->at < restore->n && restore->items[restore->at].place.stream != stream->id)
		restore->at++;
}

void restore_rest(struct engine *e, bool also_of_this_stream)
{
	struct restore *restore = e->restore;

	for (size_t i = 0; restore->n_left && i < restore->n; i++)
		if (also_of_this_stream || !e->stream ||
		    restore->items[i].place.stream != e->stream->id)
			release(e, &restore->items[i]);
}

size_t restore_n(const struct engine *e)
{
	return e->restore->n_left;
}
