#include "connector/engine/private.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * source.key: what a record is known by, wherever it comes from. What became of a key is in the
 * journal; here is which keys are open. A record whose key is open waits until that outcome is
 * durable, and is looked up then. It holds nothing while it waits, so nobody waits for it, and it
 * counts as unsettled like all that was read.
 */

struct key_waiter {
	struct key_waiter *next;
	struct record *record;
};

struct open_key {
	struct open_key *next; /* in its bucket */
	uint8_t key[record_key_bytes];
	struct place place; /* of its record */
	/* People take up outputs of a record one by one, so one record may hold it several times.
	 */
	size_t n_holders;
	struct key_waiter *first, *last;
	struct open_key *next_free;
	bool is_listed; /* among the free ones */
};

enum { n_buckets = 4096 }; /* records that are open are bounded */

struct seen {
	struct open_key *buckets[n_buckets];
	struct open_key *first_free, *last_free; /* their waiters may go on */
};

struct seen *seen_new(void)
{
	return mem_alloc(sizeof(struct seen));
}

static void free_key(struct open_key *k)
{
	while (k->first) {
		struct key_waiter *w = k->first;

		k->first = w->next;
		record_unref(w->record);
		free(w);
	}
	free(k);
}

void seen_free(struct seen *seen)
{
	for (size_t i = 0; seen && i < n_buckets; i++)
		while (seen->buckets[i]) {
			struct open_key *k = seen->buckets[i];

			seen->buckets[i] = k->next;
			free_key(k);
		}
	free(seen);
}

/* Where the key stands or would stand; it is a hash, so any of its bits will do. */
static struct open_key **slot_of(struct seen *seen, const uint8_t *key)
{
	struct open_key **at = &seen->buckets[(key[0] | (unsigned)key[1] << 8) % n_buckets];

	while (*at && memcmp((*at)->key, key, record_key_bytes) != 0)
		at = &(*at)->next;
	return at;
}

void seen_hold(struct engine *e, struct record *record)
{
	struct open_key **at, *k;

	if (!record->has_key || record->holds_key)
		return;
	at = slot_of(e->seen, record->key);
	if (!*at) {
		*at = mem_alloc(sizeof(struct open_key));
		memcpy((*at)->key, record->key, record_key_bytes);
	}
	k = *at;
	k->place = (struct place){.stream = record->stream, .pos = record->pos};
	k->n_holders++;
	record->holds_key = true;
}

/* Its outcome is there */

static void list_free(struct engine *e, struct open_key *k)
{
	if (k->is_listed)
		return;
	k->is_listed = true;
	k->next_free = NULL;
	if (e->seen->last_free)
		e->seen->last_free->next_free = k;
	else
		e->seen->first_free = k;
	e->seen->last_free = k;
	e->input_goes_on = true;
}

static void forget(struct engine *e, const uint8_t *key)
{
	struct open_key **at = slot_of(e->seen, key), *k = *at;

	*at = k->next;
	free_key(k);
}

static void release(struct engine *e, const struct record *record)
{
	struct open_key *k = *slot_of(e->seen, record->key);

	assert(k && k->n_holders);
	if (--k->n_holders)
		return;
	if (k->first)
		list_free(e, k);
	else if (!k->is_listed)
		forget(e, record->key);
}

void seen_let_go(struct engine *e, struct record *record)
{
	if (!record->holds_key)
		return;
	record->holds_key = false;
	release(e, record);
}

struct key_ending {
	struct engine *engine;
	struct record *record;
};

static void ending_is_durable(void *arg, int r)
{
	struct key_ending *end = arg;

	(void)r; /* only INTENTs can fail for want of space */
	release(end->engine, end->record);
	record_unref(end->record);
	free(end);
}

void seen_end(struct engine *e, struct record *record)
{
	struct key_ending *end;

	if (!record->holds_key || record->n_open)
		return;
	record->holds_key = false;
	end = mem_alloc(sizeof(*end));
	end->engine = e;
	end->record = record_ref(record);
	journal_put_seen(e->journal, record, record->worst, loop_wall_ms(e->loop),
	                 ending_is_durable, end);
	hook_point("key_asked");
}

/* A record that was read */

static bool read_key(const struct route_set *routes, struct record *record,
                     struct rejection *ret_rejection)
{
	struct buf key = BUF_INIT;
	uint8_t hash[sha256_bytes];

	record->has_key = shape_key(routes, record, &key, ret_rejection);
	if (record->has_key) {
		crypto_sha256(buf_text(&key), key.len, hash);
		memcpy(record->key, hash, record_key_bytes);
	}
	buf_deinit(&key);
	return record->has_key;
}

static void drop_value(struct record *record)
{
	json_object_put(record->value);
	record->value = NULL;
}

/* It was read once already, so it can be read. */
static void make_value(struct record *record)
{
	int r;

	if (record->value)
		return;
	r = json_parse(record->raw, record_raw_len(record), 0, &record->value, NULL, NULL);
	assert(r == 0);
}

static void reject(struct engine *e, struct record *record, const struct rejection *rejection)
{
	struct part *p = mem_alloc(sizeof(*p));

	p->record = record_ref(record);
	p->takes_rest = true;
	drop_value(record);
	record->n_open = 1;
	settle_rejected_part(e, p, "", "", rejection);
}

static void skip(struct engine *e, struct record *record)
{
	drop_value(record);
	record->n_open = 1;
	hook_point("key_known");
	settle_part(e, record, OUTCOME_SKIPPED);
}

/* What was rejected of the records with a key. */
struct reject_list {
	struct rejected_output *items;
	size_t n, cap;
	char **routes; /* their names */
	bool has_done;
};

static void add_reject(void *arg, const struct part_row *row)
{
	struct reject_list *l = arg;
	char *route = mem_strdup(row->route);

	strlist_add(&l->routes, route);
	l->items = mem_grow(l->items, l->n, &l->cap, sizeof(*l->items));
	l->items[l->n++] = (struct rejected_output){
		.ordinal = row->part.ordinal, .takes_rest = row->part.takes_rest, .route = route};
	l->has_done |= row->part.record->has_done;
}

/* Its rejects go when its own outcome is there; until then a kill leaves them as they were. */
static int take_again(struct engine *e, struct record *record, struct err *err)
{
	struct reject_list l = {0};
	int r = journal_each_reject_of(e->journal, record->key, add_reject, &l, err);

	if (r >= 0) {
		hook_point("key_again");
		make_value(record);
		seen_hold(e, record);
		/* Nothing of it was ever done: then all of it is taken, whatever it gives now. */
		record->has_done = l.has_done;
		intake_send(e, record, l.items, l.has_done ? l.n : 0);
	}
	strlist_free(l.routes);
	free(l.items);
	return r;
}

static int look_up(struct engine *e, struct record *record, struct err *err)
{
	enum outcome outcome;
	int r = journal_find_seen(e->journal, record->key, &outcome, err);

	if (r < 0)
		return r;
	switch (outcome) {
	case OUTCOME_OPEN:
		make_value(record);
		seen_hold(e, record);
		intake_send(e, record, NULL, 0);
		break;
	case OUTCOME_REJECTED:
		return take_again(e, record, err);
	case OUTCOME_FILTERED:
	case OUTCOME_SKIPPED:
	case OUTCOME_DELIVERED:
	case OUTCOME_HELD:
		skip(e, record);
		break;
	}
	return 0;
}

/* Without an answer it might be sent twice; it is read again by the next run. */
static void decide(struct engine *e, struct record *record)
{
	struct err err;

	if (look_up(e, record, &err) < 0)
		delivery_stop(e->delivery, EXIT_LOCAL, err.text);
}

static void wait(struct open_key *k, struct record *record)
{
	struct key_waiter *w = mem_alloc(sizeof(*w));

	w->record = record_ref(record);
	drop_value(record); /* its bytes stay and are bounded, its tree need not */
	if (k->first)
		k->last->next = w;
	else
		k->first = w;
	k->last = w;
	hook_point("key_waits");
}

void seen_take(struct engine *e, struct record *record)
{
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	struct open_key *k;

	if (!read_key(&e->pipeline->routes, record, &rejection)) {
		reject(e, record, &rejection);
		return;
	}
	k = *slot_of(e->seen, record->key);
	if (k)
		wait(k, record);
	else
		decide(e, record);
}

/* Those that waited */

/* In the order they were read, until one of them has the key. */
static void go_on(struct engine *e, struct open_key *k)
{
	while (k->first && !k->n_holders && !e->is_stopping && intake_may_take(e)) {
		struct key_waiter *w = k->first;

		k->first = w->next;
		decide(e, w->record);
		record_unref(w->record);
		free(w);
	}
}

void seen_turn(struct engine *e)
{
	struct seen *seen = e->seen;

	while (seen->first_free && !e->is_stopping && intake_may_take(e)) {
		struct open_key *k = seen->first_free;

		go_on(e, k);
		if (k->first && !k->n_holders)
			return;
		seen->first_free = k->next_free;
		if (!seen->first_free)
			seen->last_free = NULL;
		k->is_listed = false;
		if (!k->first && !k->n_holders)
			forget(e, k->key);
	}
}

bool seen_first_held(const struct engine *e, struct place *ret_place)
{
	bool is_there = false;

	for (size_t i = 0; i < n_buckets; i++)
		for (const struct open_key *k = e->seen->buckets[i]; k; k = k->next) {
			if (!k->first || !k->n_holders ||
			    (is_there && place_compare(&k->place, ret_place) >= 0))
				continue;
			*ret_place = k->place;
			is_there = true;
		}
	return is_there;
}

/* What people take up, and what an earlier run left open */

static bool refuse(struct err *ret_why, const char *why)
{
	(void)err_set(ret_why, -EBUSY, "%s", why);
	return false;
}

static bool is_held_by_another(struct engine *e, const struct record *record)
{
	const struct open_key *k = *slot_of(e->seen, record->key);

	return k && (k->place.stream != record->stream || k->place.pos != record->pos);
}

bool seen_admits(struct engine *e, const struct record *record, struct err *ret_why)
{
	return !record->has_key || !is_held_by_another(e, record) ||
	       refuse(ret_why, "a record with its source.key was read since and is not finished; "
	                       "that one takes the place of this reject");
}

bool seen_admits_named(struct engine *e, const struct route_set *routes, struct record *record,
                       struct rejection *ret_rejection, struct err *ret_why)
{
	enum outcome outcome = OUTCOME_OPEN;

	if (record->has_key || !routes->key)
		return seen_admits(e, record, ret_why);
	if (!read_key(routes, record, ret_rejection))
		return false;
	if (journal_find_seen(e->journal, record->key, &outcome, ret_why) < 0 ||
	    !seen_admits(e, record, ret_why))
		return false;
	if (outcome != OUTCOME_OPEN && outcome != OUTCOME_REJECTED)
		return refuse(ret_why, "another record with its source.key is settled already; "
		                       "sent again it would be there twice, so drop it");
	journal_put_key(e->journal, record);
	return true;
}

bool seen_admits_new(struct engine *e, const struct route_set *routes, struct record *record,
                     bool is_again, struct err *ret_why)
{
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	enum outcome outcome = OUTCOME_OPEN;

	if (!routes->key)
		return true;
	if (!read_key(routes, record, &rejection))
		return refuse(ret_why, rejection.message);
	if (*slot_of(e->seen, record->key))
		return refuse(ret_why, "a record with its source.key is on its way; its outcome "
		                       "says whether this one is to be sent");
	if (journal_find_seen(e->journal, record->key, &outcome, ret_why) < 0)
		return false;
	if (outcome == OUTCOME_OPEN || is_again)
		return true;
	return refuse(ret_why, outcome == OUTCOME_REJECTED
	                               ? "a record with its source.key was rejected: mend that "
	                                 "one (`closefeed rejects list`)"
	                               : "a record with its source.key is settled already; "
	                                 "--again sends this one all the same");
}

void seen_hold_left_open(struct engine *e, struct record *record)
{
	cleanup_(rejection_deinit) struct rejection rejection = {0};

	if (!record->has_key && e->pipeline->routes.key && record->raw) {
		make_value(record);
		if (read_key(&e->pipeline->routes, record, &rejection))
			journal_put_key(e->journal, record);
		drop_value(record);
	}
	seen_hold(e, record);
}
