#include "connector/delivery/lanes.h"

#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * A lane exists while somebody is in it. Entries of a lane form a list in order of entering; an
 * entry is granted when all before it allow it. A request is ready when all its entries are
 * granted.
 */

struct lane;

struct lane_entry {
	struct lane_place *place;
	struct lane *lane;
	struct lane_entry *before, *behind;
	bool is_owner, is_granted;
};

struct lane {
	struct lane *next; /* in its hash bucket */
	uint64_t hash;
	char *key;
	struct lane_entry *first, *last;
	struct lane_entry
		*waiting; /* first not granted; all before it are, all behind it are not */
};

struct lane_place {
	struct request *request; /* NULL: a closed lane */
	void (*ready)(void *arg, struct request *request);
	void *arg;
	size_t n, n_granted;
	struct lane_entry entries[];
};

struct lanes {
	struct lane **buckets;
	size_t n_buckets, n_lanes;
	void (*is_empty)(void *arg, const char *key);
	void *arg;
};

static uint64_t hash_text(const char *text)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 1099511628211u;
	return h;
}

struct lanes *lanes_new(void)
{
	struct lanes *l = mem_alloc(sizeof(*l));

	l->n_buckets = 256;
	l->buckets = mem_array(l->n_buckets, sizeof(struct lane *));
	return l;
}

void lanes_free(struct lanes *lanes)
{
	if (!lanes)
		return;
	for (size_t i = 0; i < lanes->n_buckets; i++)
		while (lanes->buckets[i]) {
			struct lane *lane = lanes->buckets[i];

			lanes->buckets[i] = lane->next;
			free(lane->key);
			free(lane);
		}
	free(lanes->buckets);
	free(lanes);
}

static void rehash(struct lanes *l)
{
	size_t n = l->n_buckets * 2;
	struct lane **buckets = mem_array(n, sizeof(struct lane *));

	for (size_t i = 0; i < l->n_buckets; i++)
		while (l->buckets[i]) {
			struct lane *lane = l->buckets[i];

			l->buckets[i] = lane->next;
			lane->next = buckets[lane->hash % n];
			buckets[lane->hash % n] = lane;
		}
	free(l->buckets);
	l->buckets = buckets;
	l->n_buckets = n;
}

static struct lane *find_lane(const struct lanes *l, const char *key, uint64_t hash)
{
	struct lane *lane = l->buckets[hash % l->n_buckets];

	while (lane && (lane->hash != hash || strcmp(lane->key, key) != 0))
		lane = lane->next;
	return lane;
}

static struct lane *get_lane(struct lanes *l, const char *key)
{
	const uint64_t hash = hash_text(key);
	struct lane *lane = find_lane(l, key, hash);

	if (lane)
		return lane;

	if (l->n_lanes >= l->n_buckets)
		rehash(l);
	assert(l->n_buckets > 0);
	lane = mem_alloc(sizeof(*lane));
	lane->hash = hash;
	lane->key = mem_strdup(key);
	lane->next = l->buckets[hash % l->n_buckets];
	l->buckets[hash % l->n_buckets] = lane;
	l->n_lanes++;
	return lane;
}

static void drop_lane(struct lanes *l, struct lane *lane)
{
	struct lane **at = &l->buckets[lane->hash % l->n_buckets];

	while (*at != lane)
		at = &(*at)->next;
	*at = lane->next;
	l->n_lanes--;
	free(lane->key);
	free(lane);
}

/* Everybody before @e in its lane lets it go: nobody is there, or all of them share, as it does. */
static bool may_go(const struct lane_entry *e)
{
	if (!e->before || hook_without("lanes"))
		return true;
	/* Sharers are granted in order, so a granted one before us has only sharers before it. */
	return !e->is_owner && !e->before->is_owner && e->before->is_granted;
}

static void grant_next(struct lane *lane)
{
	while (lane->waiting && may_go(lane->waiting)) {
		struct lane_entry *e = lane->waiting;

		e->is_granted = true;
		lane->waiting = e->behind;
		if (++e->place->n_granted == e->place->n && e->place->request)
			e->place->ready(e->place->arg, e->place->request);
	}
}

static void join(struct lanes *l, struct lane_place *place, size_t i, const char *key,
                 bool is_owner)
{
	struct lane_entry *e = &place->entries[i];
	struct lane *lane = get_lane(l, key);

	*e = (struct lane_entry){
		.place = place, .lane = lane, .before = lane->last, .is_owner = is_owner};
	if (lane->last)
		lane->last->behind = e;
	else
		lane->first = e;
	lane->last = e;
	e->is_granted = may_go(e);
	if (e->is_granted)
		place->n_granted++;
	else if (!lane->waiting)
		lane->waiting = e;
}

static struct lane_place *new_place(size_t n)
{
	struct lane_place *p = mem_alloc(sizeof(*p) + n * sizeof(struct lane_entry));

	p->n = n;
	return p;
}

struct lane_place *lanes_enter(struct lanes *lanes, struct request *request,
                               void (*ready)(void *arg, struct request *request), void *arg)
{
	struct lane_place *p = new_place(request->n_lanes);

	p->request = request;
	p->ready = ready;
	p->arg = arg;
	for (size_t i = 0; i < p->n; i++)
		join(lanes, p, i, request->lanes[i].key, request->lanes[i].is_owner);
	if (p->n_granted == p->n)
		ready(arg, request);
	return p;
}

struct lane_place *lanes_close(struct lanes *lanes, const char *key)
{
	struct lane_place *p = new_place(1);

	join(lanes, p, 0, key, true);
	return p;
}

void lanes_watch(struct lanes *lanes, void (*is_empty)(void *arg, const char *key), void *arg)
{
	lanes->is_empty = is_empty;
	lanes->arg = arg;
}

void lanes_leave(struct lanes *lanes, struct lane_place *place)
{
	for (size_t i = 0; i < place->n; i++) {
		struct lane_entry *e = &place->entries[i];
		struct lane *lane = e->lane;

		if (e->before)
			e->before->behind = e->behind;
		else
			lane->first = e->behind;
		if (e->behind)
			e->behind->before = e->before;
		else
			lane->last = e->before;
		if (lane->waiting == e)
			lane->waiting = e->behind;
	}
	/* All entries are out before anybody is called: a caller may enter the same lanes again. */
	for (size_t i = 0; i < place->n; i++) {
		struct lane *lane = place->entries[i].lane;

		if (lane->first) {
			grant_next(lane);
			continue;
		}
		if (lanes->is_empty)
			lanes->is_empty(lanes->arg, lane->key);
		drop_lane(lanes, lane);
	}
	free(place);
}

bool lanes_is_free(const struct lanes *lanes, const char *key, bool or_shared)
{
	const struct lane *lane = find_lane(lanes, key, hash_text(key));

	for (const struct lane_entry *e = lane ? lane->first : NULL; e; e = e->behind)
		if (e->is_owner || or_shared)
			return false;
	return true;
}

const char *lanes_waited_for(const struct lane_place *place)
{
	for (size_t i = 0; i < place->n; i++)
		if (place->entries[i].behind)
			return place->entries[i].lane->key;
	return NULL;
}

bool lanes_is_ready(const struct lane_place *place)
{
	return place->n_granted == place->n;
}
