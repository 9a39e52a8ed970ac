#include "connector/engine/resolve_private.h"

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <stdlib.h>
#include <string.h>

/*
 * delivery.on_reject: park. What was rejected closes the lanes of its target until a person has
 * settled it, or a record with its key has taken its place. Those who come behind it wait.
 */

/* One rejected part and a lane it closes. */
struct closer {
	uint64_t part;
	char *words; /* "rejected lead.update of signups.ndjson line 2" */
	struct output_place place;
	bool has_key;
	uint8_t key[record_key_bytes];
	struct mark *mark;
};

struct parking {
	struct marks *lanes;
	struct closer **closers;
	size_t n, cap;
};

struct parking *parking_new(void)
{
	struct parking *parking = mem_alloc(sizeof(*parking));

	parking->lanes = marks_new();
	return parking;
}

static void free_closer(struct closer *c)
{
	free(c->words);
	free(c);
}

void parking_free(struct parking *parking)
{
	if (!parking)
		return;
	for (size_t i = 0; i < parking->n; i++)
		free_closer(parking->closers[i]);
	free(parking->closers);
	marks_free(parking->lanes);
	free(parking);
}

static void close_lane(struct engine *e, const struct part *part, const char *operation,
                       const char *lane)
{
	struct parking *parking = e->parking;
	struct closer *c = mem_alloc(sizeof(*c));
	cleanup_(freep) char *what = mem_printf("rejected %s", operation);

	c->part = part->id;
	c->place = (struct output_place){
		.stream = part->record->stream, .pos = part->record->pos, .ordinal = part->ordinal};
	c->words = offers_words(what, part->record);
	c->has_key = part->record->has_key;
	memcpy(c->key, part->record->key, sizeof(c->key));
	c->mark = marks_add(parking->lanes, lane, c, part->id, true);
	parking->closers =
		mem_grow(parking->closers, parking->n, &parking->cap, sizeof(struct closer *));
	parking->closers[parking->n++] = c;
}

/* Whether a lane is one of a target; that of all calls to a URL is not. */
static bool is_target(const struct lane_key *lane)
{
	return lane->is_owner && strncmp(lane->key, "batch ", strlen("batch ")) != 0;
}

void parking_take(struct engine *e, const struct request *request)
{
	if (!e->pipeline->park_rejects)
		return;
	for (size_t i = 0; i < request->n_parts; i++) {
		const struct part *p = &request->parts[i];

		parking_open(e, p->id);
		for (size_t k = 0; p->outcome == OUTCOME_REJECTED && k < request->n_lanes; k++)
			if (is_target(&request->lanes[k])) {
				journal_close_key(e->journal, p->id, CLOSING_LANE,
				                  request->lanes[k].key);
				close_lane(e, p, request->operation, request->lanes[k].key);
			}
	}
}

char **parking_lanes(const struct engine *e, const struct request *call)
{
	char **lanes = NULL;

	for (size_t i = 0; e->pipeline->park_rejects && i < call->n_lanes; i++)
		if (is_target(&call->lanes[i]))
			strlist_add(&lanes, mem_strdup(call->lanes[i].key));
	return lanes;
}

char **parking_lanes_of(const struct engine *e, const struct draft *draft)
{
	struct request *call;
	char **lanes;

	if (!draft || !e->pipeline->park_rejects)
		return NULL;
	call = request_new();
	resolve_lanes_of(draft, call);
	lanes = parking_lanes(e, call);
	request_free(call);
	return lanes;
}

void parking_take_part(struct engine *e, const struct part *part, const char *operation,
                       char *const *lanes)
{
	if (!lanes || hook_without("park"))
		return;
	parking_open(e, part->id);
	for (; *lanes; lanes++) {
		journal_close_key(e->journal, part->id, CLOSING_LANE, *lanes);
		close_lane(e, part, operation, *lanes);
	}
}

static bool is_opened(struct engine *e, bool (*opens)(const struct closer *c, const void *what),
                      const void *what)
{
	struct parking *parking = e->parking;
	const size_t n = parking->n;

	for (size_t i = parking->n; i-- > 0;) {
		struct closer *c = parking->closers[i];

		if (!opens(c, what))
			continue;
		marks_remove(parking->lanes, c->mark);
		free_closer(c);
		parking->closers[i] = parking->closers[--parking->n];
	}
	if (parking->n == n)
		return false;
	resolve_wake_people(e);
	return true;
}

static bool is_of_part(const struct closer *c, const void *part)
{
	const uint64_t *id = part;

	return c->part == *id;
}

void parking_open(struct engine *e, uint64_t part)
{
	(void)is_opened(e, is_of_part, &part);
}

static bool has_key(const struct closer *c, const void *record)
{
	const struct record *r = record;

	return c->has_key && r->has_key && !memcmp(c->key, r->key, sizeof(c->key));
}

void parking_end(struct engine *e, const struct part *part)
{
	if (!e->parking->n || part->outcome == OUTCOME_REJECTED || part->outcome == OUTCOME_HELD)
		return;
	parking_open(e, part->id);
	(void)is_opened(e, has_key, part->record);
}

/* What closefeed rejects itself ends before those that were read before it. */
static bool is_behind(const struct closer *c, const struct draft *draft)
{
	const struct record *record = draft->record;

	if (c->place.stream != record->stream)
		return false;
	return c->place.pos > record->pos ||
	       (c->place.pos == record->pos && c->place.ordinal > draft->ordinal);
}

const char *parking_before(const struct engine *e, const struct draft *draft,
                           const struct request *call)
{
	for (size_t i = 0; e->parking->n && i < call->n_lanes; i++) {
		const struct mark *mark = marks_first(e->parking->lanes, call->lanes[i].key);

		for (; mark; mark = mark->behind) {
			const struct closer *c = mark->who;

			/* Not itself, nor what takes its place. */
			if (c->part != draft->part && !has_key(c, draft->record) &&
			    !is_behind(c, draft))
				return c->words;
		}
	}
	return NULL;
}

/* What earlier runs left */

struct lane_of_part {
	struct engine *engine;
	const char *lane;
};

static void take_row(void *arg, const struct part_row *row)
{
	const struct lane_of_part *l = arg;

	close_lane(l->engine, &row->part, row->operation, l->lane);
}

static void take_closed(void *arg, const char *key, uint64_t part)
{
	struct lane_of_part l = {.engine = arg, .lane = key};
	const uint64_t ids[] = {part, 0};

	(void)journal_each_part(l.engine->journal, OUTCOME_REJECTED, ids, REJECT_NONE, take_row, &l,
	                        NULL);
}

int parking_load(struct engine *e, struct err *err)
{
	if (!e->pipeline->park_rejects)
		return 0;
	return journal_each_closed(e->journal, CLOSING_LANE, take_closed, e, err);
}
