#include "connector/engine/private.h"

#include "lib/cleanup.h"

#include <stdlib.h>
#include <string.h>

/*
 * Keys of another source.key, and records from before there was one, are not known. So a state
 * remembers by which it was begun (or that it was by none): only with that one is it safe to read
 * a changed file from its start unasked.
 */

static const char begun_by[] = "source_key_begun", last[] = "source_key";

static void warn(struct engine *e, const char *was)
{
	const char *key = template_text(e->pipeline->routes.key);

	if (*was)
		engine_greet(e,
		             "source.key was \"%s\" and is \"%s\" now: what was read until now is "
		             "not known by it, and is sent again where it comes again",
		             was, key);
	else
		engine_greet(e,
		             "source.key \"%s\" is new: what was read until now is not known by "
		             "it, and is sent again where it comes again",
		             key);
}

int key_change_note(struct engine *e, bool *ret_is_known, struct err *err)
{
	cleanup_(freep) char *begun = journal_meta(e->journal, begun_by);
	cleanup_(freep) char *was = journal_meta(e->journal, last);
	const char *key = template_text(e->pipeline->routes.key);
	/* A state without a word about it that has read something did that without a key. */
	const bool is_first = !begun && !e->n_streams;
	int r = 0;

	*ret_is_known = is_first || (begun && !strcmp(begun, key));
	if (!is_first && (!was || strcmp(was, key) != 0))
		warn(e, was ? was : "");
	if (!begun)
		r = journal_set_meta(e->journal, begun_by, is_first ? key : "", err);
	if (r >= 0 && (!was || strcmp(was, key) != 0))
		r = journal_set_meta(e->journal, last, key, err);
	return r;
}
