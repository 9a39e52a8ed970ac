#include "connector/engine/private.h"

#include "lib/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* An open-addressing set of "kind\nfield=value" texts. */

struct identities {
	char **slots;
	size_t n_slots, n_used, n_live; /* used: by an identity or a mark */
};

static char gone[1]; /* marks a slot whose text was removed */

struct identities *identities_new(void)
{
	struct identities *set = mem_alloc(sizeof(*set));

	set->n_slots = 64;
	set->slots = mem_array(set->n_slots, sizeof(char *));
	return set;
}

void identities_free(struct identities *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->n_slots; i++)
		if (set->slots[i] != gone)
			free(set->slots[i]);
	free(set->slots);
	free(set);
}

static size_t hash(const char *text)
{
	size_t h = 14695981039346656037u; /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211u;
	return h;
}

static void put(char **slots, size_t n_slots, char *text)
{
	size_t at;

	assert(n_slots > 0);
	at = hash(text) % n_slots;

	while (slots[at])
		at = (at + 1) % n_slots;
	slots[at] = text;
}

/* New slots, without the marks; more of them only where identities and not marks fill the old. */
static void renew(struct identities *set)
{
	const size_t n_slots = set->n_live * 4 > set->n_slots ? set->n_slots * 2 : set->n_slots;
	char **slots = mem_array(n_slots, sizeof(char *));

	for (size_t i = 0; i < set->n_slots; i++)
		if (set->slots[i] && set->slots[i] != gone)
			put(slots, n_slots, set->slots[i]);
	set->n_used = set->n_live;
	free(set->slots);
	set->slots = slots;
	set->n_slots = n_slots;
}

static char *text_of(const struct request *r)
{
	return mem_printf("%s\n%s=%s", r->object, r->identity_field, r->identity_value);
}

static size_t find(const struct identities *set, const char *text)
{
	size_t at = hash(text) % set->n_slots;

	while (set->slots[at] && (set->slots[at] == gone || strcmp(set->slots[at], text) != 0))
		at = (at + 1) % set->n_slots;
	return at;
}

bool identities_take(struct identities *set, const struct request *request)
{
	char *text = text_of(request);

	if (set->slots[find(set, text)]) {
		free(text);
		return false;
	}
	if ((set->n_used + 1) * 2 > set->n_slots)
		renew(set);
	put(set->slots, set->n_slots, text);
	set->n_used++;
	set->n_live++;
	return true;
}

void identities_release(struct identities *set, const struct request *request)
{
	char *text = text_of(request);
	const size_t at = find(set, text);

	free(text);
	if (!set->slots[at])
		return;
	free(set->slots[at]);
	set->slots[at] = gone; /* still used: searches walk over it */
	set->n_live--;
}
