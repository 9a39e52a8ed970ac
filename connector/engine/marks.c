#include "connector/engine/resolve_private.h"

#include "lib/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct mark_key {
	struct mark_key *next; /* in its hash bucket */
	char *text;
	struct mark *first, *last;
	size_t n_owners;
};

enum { n_buckets = 4096 }; /* what is marked is bounded by what is open, a few texts each */

struct marks {
	struct mark_key *buckets[n_buckets];
	size_t n_keys;
};

struct marks *marks_new(void)
{
	return mem_alloc(sizeof(struct marks));
}

static struct mark_key **bucket_of(struct marks *marks, const char *text)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 1099511628211u;
	return &marks->buckets[h % n_buckets];
}

static struct mark_key *find_key(struct marks *marks, const char *text)
{
	struct mark_key *key = *bucket_of(marks, text);

	while (key && strcmp(key->text, text) != 0)
		key = key->next;
	return key;
}

static void drop_key(struct marks *marks, struct mark_key *key)
{
	struct mark_key **at = bucket_of(marks, key->text);

	while (*at != key)
		at = &(*at)->next;
	*at = key->next;
	marks->n_keys--;
	free(key->text);
	free(key);
}

struct mark *marks_add(struct marks *marks, const char *text, void *who, uint64_t number,
                       bool is_owner)
{
	struct mark *mark = mem_alloc(sizeof(*mark)), *before;
	struct mark_key *key = find_key(marks, text);

	if (!key) {
		struct mark_key **bucket = bucket_of(marks, text);

		key = mem_alloc(sizeof(*key));
		key->text = mem_strdup(text);
		key->next = *bucket;
		*bucket = key;
		marks->n_keys++;
	}
	/* Nearly always it is the last. */
	for (before = key->last; before && before->number > number;)
		before = before->before;
	key->n_owners += is_owner;
	*mark = (struct mark){.key = key, .who = who, .number = number, .is_owner = is_owner};
	mark->before = before;
	mark->behind = before ? before->behind : key->first;
	*(before ? &before->behind : &key->first) = mark;
	*(mark->behind ? &mark->behind->before : &key->last) = mark;
	return mark;
}

void marks_remove(struct marks *marks, struct mark *mark)
{
	struct mark_key *key = mark->key;

	*(mark->before ? &mark->before->behind : &key->first) = mark->behind;
	*(mark->behind ? &mark->behind->before : &key->last) = mark->before;
	key->n_owners -= mark->is_owner;
	free(mark);
	if (!key->first)
		drop_key(marks, key);
}

const struct mark *marks_first(struct marks *marks, const char *text)
{
	const struct mark_key *key = marks->n_keys ? find_key(marks, text) : NULL;

	return key ? key->first : NULL;
}

const struct mark *marks_ahead(struct marks *marks, const char *text, uint64_t number,
                               bool is_owner)
{
	const struct mark_key *key = marks->n_keys ? find_key(marks, text) : NULL;
	const struct mark *mark;

	if (!key || key->first->number >= number || (!is_owner && !key->n_owners))
		return NULL;
	mark = key->last;
	while (mark && (mark->number >= number || (!is_owner && !mark->is_owner)))
		mark = mark->before;
	return mark;
}

void marks_each(struct marks *marks, void (*take)(void *who, void *arg), void *arg)
{
	for (size_t i = 0; marks->n_keys && i < n_buckets; i++)
		for (struct mark_key *key = marks->buckets[i]; key; key = key->next)
			for (struct mark *mark = key->first; mark; mark = mark->behind)
				take(mark->who, arg);
}

void marks_free(struct marks *marks)
{
	if (!marks)
		return;
	for (size_t i = 0; marks->n_keys && i < n_buckets; i++)
		while (marks->buckets[i])
			marks_remove(marks, marks->buckets[i]->first);
	free(marks);
}
