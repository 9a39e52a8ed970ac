#include "connector/engine/waiting.h"

#include "connector/gather/gather.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/*
 * An index of the lanes that drafts in gather will enter. What is called before them must not be
 * about the same object, or the order of the source would be lost. Two drafts that wait in
 * different groups never get into each other's way: whoever adds a draft has the others sent first.
 * So where an owner of a lane waits, all who wait for that lane share its call.
 */

struct waiting_key;

struct waiter {
	struct waiter *before, *behind; /* of the same key */
	struct waiting_key *key;
	const struct draft *draft;
	bool is_owner;
};

struct waiting_lanes {
	size_t n;
	struct waiter waiters[];
};

struct waiting_key {
	struct waiting_key *next; /* in its hash bucket */
	char *text;
	struct waiter *first;
	size_t n_owners;
};

enum { n_buckets = 4096 }; /* drafts that wait are bounded, a few lanes each */

struct waiting {
	struct waiting_key *buckets[n_buckets];
	size_t n_keys;
};

struct waiting *waiting_new(void)
{
	return mem_alloc(sizeof(struct waiting));
}

void waiting_free(struct waiting *waiting)
{
	free(waiting);
}

static struct waiting_key **bucket_of(struct waiting *w, const char *text)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 1099511628211u;
	return &w->buckets[h % n_buckets];
}

static struct waiting_key *find_key(struct waiting *w, const char *text)
{
	struct waiting_key *key = *bucket_of(w, text);

	while (key && strcmp(key->text, text) != 0)
		key = key->next;
	return key;
}

static struct waiting_key *get_key(struct waiting *w, const char *text)
{
	struct waiting_key *key = find_key(w, text);
	struct waiting_key **bucket = bucket_of(w, text);

	if (key)
		return key;
	key = mem_alloc(sizeof(*key));
	key->text = mem_strdup(text);
	key->next = *bucket;
	*bucket = key;
	w->n_keys++;
	return key;
}

static void drop_key(struct waiting *w, struct waiting_key *key)
{
	struct waiting_key **at = bucket_of(w, key->text);

	while (*at != key)
		at = &(*at)->next;
	*at = key->next;
	w->n_keys--;
	free(key->text);
	free(key);
}

void waiting_add(struct waiting *waiting, struct draft *draft, const struct request *call)
{
	struct waiting_lanes *lanes =
		mem_alloc(sizeof(*lanes) + call->n_lanes * sizeof(struct waiter));

	lanes->n = call->n_lanes;
	for (size_t i = 0; i < call->n_lanes; i++) {
		struct waiter *w = &lanes->waiters[i];

		*w = (struct waiter){.key = get_key(waiting, call->lanes[i].key),
		                     .draft = draft,
		                     .is_owner = call->lanes[i].is_owner};
		w->behind = w->key->first;
		if (w->behind)
			w->behind->before = w;
		w->key->first = w;
		w->key->n_owners += w->is_owner;
	}
	draft->lanes = lanes;
}

void waiting_remove(struct waiting *waiting, struct draft *draft)
{
	struct waiting_lanes *lanes = draft->lanes;

	for (size_t i = 0; lanes && i < lanes->n; i++) {
		struct waiter *w = &lanes->waiters[i];

		if (w->before)
			w->before->behind = w->behind;
		else
			w->key->first = w->behind;
		if (w->behind)
			w->behind->before = w->before;
		w->key->n_owners -= w->is_owner;
		if (!w->key->first)
			drop_key(waiting, w->key);
	}
	free(lanes);
	draft->lanes = NULL;
}

/* The first that waits for @key and stands in the way of @joining, or of any call (NULL). */
static const struct draft *obstacle(const struct waiting_key *key, const struct draft *joining)
{
	for (const struct waiter *w = key->first; w; w = w->behind) {
		if (!joining || !gather_shares_call(w->draft, joining))
			return w->draft;
		if (key->n_owners)
			return NULL; /* and neither do the others, which share its call */
	}
	return NULL;
}

const struct draft *waiting_before(struct waiting *waiting, const struct request *call,
                                   const struct draft *joining)
{
	for (size_t i = 0; waiting->n_keys && i < call->n_lanes; i++) {
		const struct waiting_key *key = find_key(waiting, call->lanes[i].key);
		const struct draft *draft = NULL;

		if (key && (call->lanes[i].is_owner || key->n_owners))
			draft = obstacle(key, joining);
		if (draft)
			return draft;
	}
	return NULL;
}
