#include "connector/engine/resolve_private.h"

#include "connector/close/lookup.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/*
 * What updates have lately taken away from objects. A search that was asked before such an update
 * was applied may still find the object by it, and so may one that was asked soon after it, since
 * search lags behind.
 */

enum {
	max_updates = 4096, /* more than are applied while a question is out */
	search_lag_ms = 60000,
};

struct update {
	char *written; /* crm_written(); NULL: none was kept here yet */
	uint64_t number, at_ms;
	struct mark *by_object, *by_lead; /* by_lead: NULL where it is no contact of a known lead */
};

struct taken {
	struct marks *objects;
	struct update updates[max_updates]; /* update N in slot N % max_updates */
	uint64_t n;
};

struct taken *taken_new(void)
{
	struct taken *taken = mem_alloc(sizeof(*taken));

	taken->objects = marks_new();
	return taken;
}

static void drop(struct taken *taken, struct update *u)
{
	if (!u->written)
		return;
	marks_remove(taken->objects, u->by_object);
	if (u->by_lead)
		marks_remove(taken->objects, u->by_lead);
	free(u->written);
	*u = (struct update){0};
}

void taken_add(struct taken *taken, const char *object_id, const char *lead_id, const char *written,
               uint64_t now_ms)
{
	struct update *u = &taken->updates[taken->n % max_updates];

	drop(taken, u);
	u->written = mem_strdup(written);
	u->number = taken->n++;
	u->at_ms = now_ms;
	u->by_object = marks_add(taken->objects, object_id, u, u->number, true);
	if (lead_id)
		u->by_lead = marks_add(taken->objects, lead_id, u, u->number, true);
}

struct asked_at taken_now(const struct taken *taken, uint64_t now_ms)
{
	return (struct asked_at){.n_updates = taken->n, .ms = now_ms};
}

bool taken_knows(const struct taken *taken, const struct asked_at *asked)
{
	return asked->n_updates + max_updates >= taken->n;
}

bool taken_from(const struct taken *taken, const char *object_id, const struct lookup_field *field,
                const struct asked_at *asked)
{
	const struct mark *mark = marks_first(taken->objects, object_id);

	for (; mark; mark = mark->behind) {
		const struct update *u = mark->who;

		if ((u->number >= asked->n_updates || u->at_ms + search_lag_ms > asked->ms) &&
		    crm_takes_away(u->written, field))
			return true;
	}
	return false;
}

void taken_free(struct taken *taken)
{
	for (size_t i = 0; taken && i < max_updates; i++)
		free(taken->updates[i].written);
	if (taken)
		marks_free(taken->objects);
	free(taken);
}
