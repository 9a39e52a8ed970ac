#include "connector/engine/resolve_private.h"

#include "lib/mem.h"
#include "lib/strlist.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * An offer is an output that may make an object, known by one or several texts ("lead email=a@b"),
 * whose outcome is not durable yet. It is found by its place, which it keeps from the draft to the
 * request and through a restart, so nobody has to carry it along.
 */

struct offer {
	struct mark *by_place;
	struct mark **keys;
	char **texts; /* of keys */
	size_t n, n_made;
	uint64_t number;
	uint64_t made;          /* the least number behind it that has made the same; 0: none has */
	char *held;             /* in words; NULL: it is on its way */
	struct mark *by_object; /* that it changes; NULL: it makes one */
	char *written;          /* crm_written() of that; NULL: nothing that anybody looks for */
	char **about;           /* ids; NULL-terminated or NULL */
	void **waiters;
	size_t n_waiters, cap_waiters;
};

struct parents {
	struct marks *places, *keys, *objects;
};

struct parents *parents_new(void)
{
	struct parents *parents = mem_alloc(sizeof(*parents));

	parents->places = marks_new();
	parents->keys = marks_new();
	parents->objects = marks_new();
	return parents;
}

static char *place_text(const struct output_place *place)
{
	return mem_printf("%llu@%llu.%u", (unsigned long long)place->stream,
	                  (unsigned long long)place->pos, place->ordinal);
}

struct offer *parents_at(const struct parents *parents, const struct output_place *place)
{
	char *text = place_text(place);
	const struct mark *mark = marks_first(parents->places, text);

	free(text);
	return mark ? mark->who : NULL;
}

struct offer *parents_offer(struct parents *parents, const struct output_place *place,
                            uint64_t number, char *const *texts, size_t n)
{
	struct offer *offer = parents_at(parents, place);
	char *text;

	if (offer)
		return offer;
	offer = mem_alloc(sizeof(*offer));
	text = place_text(place);
	offer->number = number;
	offer->by_place = marks_add(parents->places, text, offer, number, true);
	offer->keys = mem_array(n, sizeof(struct mark *));
	offer->texts = mem_array(n, sizeof(char *));
	for (; offer->n < n; offer->n++) {
		offer->texts[offer->n] = mem_strdup(texts[offer->n]);
		offer->keys[offer->n] =
			marks_add(parents->keys, texts[offer->n], offer, number, true);
	}
	free(text);
	return offer;
}

bool offer_has(const struct offer *offer, const char *text)
{
	for (size_t i = 0; i < offer->n; i++)
		if (!strcmp(offer->texts[i], text))
			return true;
	return false;
}

struct offer *parents_find(const struct parents *parents, char *const *texts, size_t n,
                           uint64_t before)
{
	const struct mark *mark = n ? marks_first(parents->keys, texts[0]) : NULL;

	for (; mark && mark->number < before; mark = mark->behind) {
		size_t i = 1;

		while (i < n && offer_has(mark->who, texts[i]))
			i++;
		if (i == n)
			return mark->who;
	}
	return NULL;
}

static bool offers_any(const struct offer *offer, const char *prefix)
{
	for (size_t i = 0; i < offer->n; i++)
		if (!strncmp(offer->texts[i], prefix, strlen(prefix)))
			return true;
	return false;
}

struct offer *parents_find_between(const struct parents *parents, const char *text, uint64_t behind,
                                   uint64_t before, const char *but)
{
	const struct mark *mark = marks_first(parents->keys, text);

	for (; mark && mark->number < before; mark = mark->behind)
		if (mark->number > behind && !(but && offers_any(mark->who, but)))
			return mark->who;
	return NULL;
}

bool parents_is_on_its_way(const struct parents *parents, const char *text)
{
	const struct mark *mark = marks_first(parents->keys, text);

	while (mark && offer_held(mark->who))
		mark = mark->behind;
	return mark != NULL;
}

void offer_wait(struct offer *offer, void *waiter)
{
	offer->waiters =
		mem_grow(offer->waiters, offer->n_waiters, &offer->cap_waiters, sizeof(void *));
	offer->waiters[offer->n_waiters++] = waiter;
}

void offer_leave(struct offer *offer, const void *waiter)
{
	size_t n = 0;

	for (size_t i = 0; i < offer->n_waiters; i++)
		if (offer->waiters[i] != waiter)
			offer->waiters[n++] = offer->waiters[i];
	offer->n_waiters = n;
}

static size_t take_waiters(struct offer *offer, void ***ret_waiters)
{
	const size_t n = offer->n_waiters;

	*ret_waiters = offer->waiters;
	offer->waiters = NULL;
	offer->n_waiters = offer->cap_waiters = 0;
	return n;
}

size_t offer_hold(struct offer *offer, const char *words, void ***ret_waiters)
{
	free(offer->held);
	offer->held = mem_strdup(words);
	return take_waiters(offer, ret_waiters);
}

bool offer_set_about(struct offer *offer, char **takes_ids)
{
	bool is_new = false;

	for (char **id = takes_ids; id && *id; id++)
		is_new |= !strlist_has(offer->about, *id);
	if (is_new) {
		strlist_free(offer->about);
		offer->about = takes_ids;
	} else {
		strlist_free(takes_ids);
	}
	return is_new;
}

char *const *offer_about(const struct offer *offer)
{
	return offer->about;
}

void parents_set_change(struct parents *parents, struct offer *offer, const char *object_id,
                        char *takes_written)
{
	assert(!offer->by_object);
	offer->by_object = marks_add(parents->objects, object_id, offer, offer->number, true);
	offer->written = takes_written;
}

struct offer *parents_find_change(const struct parents *parents, const char *object_id,
                                  const struct lookup_field *field, uint64_t before)
{
	const struct mark *mark = marks_first(parents->objects, object_id);
	const char *harmless = ""; /* many that come one after the other write the same */

	for (; mark && mark->number < before; mark = mark->behind) {
		const struct offer *offer = mark->who;

		if (!field)
			return mark->who;
		if (!offer->written || !strcmp(offer->written, harmless))
			continue;
		if (crm_takes_away(offer->written, field))
			return mark->who;
		harmless = offer->written;
	}
	return NULL;
}

bool offer_is_change(const struct offer *offer)
{
	return offer->by_object != NULL;
}

const char *offer_written(const struct offer *offer)
{
	return offer->written;
}

const char *offer_held(const struct offer *offer)
{
	return offer->held;
}

void offer_set_made(struct offer *offer, size_t n)
{
	offer->n_made = n;
}

char *const *offer_made(const struct offer *offer, size_t *ret_n)
{
	*ret_n = offer->n_made;
	return offer->texts;
}

size_t offer_waiters(const struct offer *offer, void ***ret_waiters)
{
	*ret_waiters = offer->waiters;
	return offer->n_waiters;
}

void parents_offer_also(struct parents *parents, const char *text, const char *also)
{
	const struct mark *mark = strcmp(text, also) != 0 ? marks_first(parents->keys, text) : NULL;

	for (; mark; mark = mark->behind) {
		struct offer *offer = mark->who;

		if (offer_has(offer, also))
			continue;
		offer->texts = mem_resize(offer->texts, offer->n + 1, sizeof(char *));
		offer->keys = mem_resize(offer->keys, offer->n + 1, sizeof(struct mark *));
		offer->texts[offer->n] = mem_strdup(also);
		offer->keys[offer->n++] =
			marks_add(parents->keys, also, offer, offer->number, true);
	}
}

size_t offer_makes_none(struct parents *parents, struct offer *offer, void ***ret_waiters)
{
	size_t n = 0;

	for (size_t i = 0; i < offer->n; i++) {
		if (i < offer->n_made) {
			marks_remove(parents->keys, offer->keys[i]);
			free(offer->texts[i]);
			continue;
		}
		offer->texts[n] = offer->texts[i];
		offer->keys[n++] = offer->keys[i];
	}
	offer->n = n;
	offer->n_made = 0;
	return take_waiters(offer, ret_waiters);
}

void parents_made(struct parents *parents, const struct offer *offer)
{
	for (size_t i = 0; i < offer->n; i++) {
		const struct mark *mark = marks_first(parents->keys, offer->texts[i]);

		for (; mark && mark->number < offer->number; mark = mark->behind) {
			struct offer *before = mark->who;

			if (!before->made || before->made > offer->number)
				before->made = offer->number;
		}
	}
}

bool offer_is_made(const struct offer *offer, uint64_t before)
{
	return offer->made && offer->made < before;
}

size_t parents_end(struct parents *parents, struct offer *offer, void ***ret_waiters)
{
	const size_t n = take_waiters(offer, ret_waiters);

	for (size_t i = 0; i < offer->n; i++) {
		marks_remove(parents->keys, offer->keys[i]);
		free(offer->texts[i]);
	}
	marks_remove(parents->places, offer->by_place);
	if (offer->by_object)
		marks_remove(parents->objects, offer->by_object);
	strlist_free(offer->about);
	free(offer->written);
	free(offer->keys);
	free(offer->texts);
	free(offer->held);
	free(offer);
	return n;
}

struct renaming {
	struct parents *parents;
	const char *from, *to;
};

/* Of "lead custom.cf_A=x" what follows the field, if that is @field; else NULL. */
static const char *behind_field(const char *text, const char *field)
{
	const char *space = strchr(text, ' ');
	const size_t len = strlen(field);

	return space && !strncmp(space + 1, field, len) && space[1 + len] == '=' ? space + 1 + len
	                                                                         : NULL;
}

static void rename_texts(void *who, void *arg)
{
	const struct renaming *renaming = arg;
	struct marks *keys = renaming->parents->keys;
	struct offer *offer = who;

	for (size_t i = 0; i < offer->n; i++) {
		char *text = offer->texts[i];
		const char *behind = behind_field(text, renaming->from);

		if (!behind)
			continue;
		offer->texts[i] = mem_printf("%.*s %s%s", (int)strcspn(text, " "), text,
		                             renaming->to, behind);
		marks_remove(keys, offer->keys[i]);
		offer->keys[i] = marks_add(keys, offer->texts[i], offer, offer->number, true);
		free(text);
	}
}

void parents_rename(struct parents *parents, const char *from, const char *to)
{
	struct renaming renaming = {.parents = parents, .from = from, .to = to};

	marks_each(parents->places, rename_texts, &renaming);
}

static void free_offer(void *who, void *arg)
{
	struct offer *offer = who;

	(void)arg;
	for (size_t i = 0; i < offer->n; i++)
		free(offer->texts[i]);
	free(offer->keys);
	free(offer->texts);
	free(offer->held);
	free(offer->written);
	strlist_free(offer->about);
	free(offer->waiters);
	free(offer);
}

void parents_free(struct parents *parents)
{
	if (!parents)
		return;
	marks_free(parents->keys);
	marks_free(parents->objects);
	marks_each(parents->places, free_offer, NULL);
	marks_free(parents->places);
	free(parents);
}
