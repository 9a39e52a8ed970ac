#include "connector/engine/private.h"

#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * The record that waits for names that were asked for. While it stands aside nothing behind it is
 * read or taken, so there is one at most, and order stays.
 */

struct aside {
	struct record *record;       /* NULL: there is none */
	struct rejected_output *was; /* what is to be taken of it; see intake_send() */
	size_t n_was;
};

struct aside *aside_new(void)
{
	return mem_alloc(sizeof(struct aside));
}

static void let_go(struct aside *aside)
{
	record_unref(aside->record);
	for (size_t i = 0; i < aside->n_was; i++) {
		char *route; /* a copy of ours, which others only read */

		memcpy(&route, &aside->was[i].route, sizeof(route));
		free(route);
	}
	free(aside->was);
	*aside = (struct aside){0};
}

void aside_free(struct aside *aside)
{
	if (aside)
		let_go(aside);
	free(aside);
}

bool aside_is_there(const struct engine *e)
{
	return e->aside->record != NULL;
}

void aside_set(struct engine *e, struct record *record, const struct rejected_output *was,
               size_t n_was)
{
	struct aside *aside = e->aside;

	assert(!aside->record);
	aside->record = record_ref(record);
	aside->was = mem_array(n_was, sizeof(*aside->was));
	for (size_t i = 0; i < n_was; i++) {
		aside->was[i] = was[i];
		aside->was[i].route = mem_strdup(was[i].route);
	}
	aside->n_was = n_was;
	e->input_goes_on |= !naming_is_awaited(e); /* what was needed may be there already */
	hook_point("record_aside");
}

void aside_turn(struct engine *e)
{
	struct aside taken = *e->aside;

	if (!taken.record || naming_is_awaited(e) || e->is_stopping)
		return;
	*e->aside = (struct aside){0};
	intake_send(e, taken.record, taken.was, taken.n_was);
	let_go(&taken);
}
