#include "connector/engine/private.h"

#include "lib/cleanup.h"
#include "lib/json.h"

#include <json-c/linkhash.h>
#include <string.h>

/*
 * Updates of one object that are folded add and remove several values by one list. Whether Close
 * takes lists there is not said anywhere: where it refuses one, or its answer shows that not all of
 * it was taken, the call is divided in its place, and from then on, in later runs too, no call has
 * such a list. Each record stays in one call, so it has one outcome.
 */

static const char fact[] = "add_lists", refused[] = "refused";

void folding_load(struct engine *e)
{
	cleanup_(freep) char *value = journal_meta(e->journal, fact);

	e->adds_singly = value && !strcmp(value, refused);
}

static void remember(struct engine *e)
{
	struct err err;

	if (e->adds_singly)
		return;
	e->adds_singly = true;
	/* Where it cannot be written, the next run finds it out as this one did. */
	(void)journal_set_meta(e->journal, fact, refused, &err);
}

/* The list is at fault, where anything is: Close names it by its key or by its field. */
static bool names_a_list(struct json_object *body, struct json_object *answer)
{
	struct json_object *errors = json_get(answer, "field-errors");
	const char *list;

	if (!json_object_is_type(errors, json_type_object) || !gather_has_list(body, &list))
		return false;
	json_object_object_foreach(errors, key, value)
	{
		const size_t len = strlen(key);

		(void)value;
		if (!strncmp(key, list, len) && (list[len] == '.' || !list[len]))
			return true;
	}
	return false;
}

/* What an answer shows of the object may be narrowed by the URL. */
static bool shows_all(const struct request *request, struct json_object *answer)
{
	return !request->answer.is_cut && !strstr(request->url, "_fields") &&
	       json_object_is_type(answer, json_type_object);
}

bool folding_is_partial(struct engine *e, const struct request *request, struct json_object *answer,
                        bool is_applied)
{
	cleanup_(json_freep) struct json_object *body = NULL;
	bool is_partial;

	if (request->n_parts < 2 || request->method != METHOD_PUT || !request->body ||
	    json_parse(request->body, request->body_len, 0, &body, NULL, NULL) < 0 ||
	    !gather_has_list(body, NULL))
		return false;
	is_partial = is_applied ? shows_all(request, answer) && !gather_took_lists(body, answer)
	                        : names_a_list(body, answer);
	if (is_partial)
		remember(e);
	return is_partial && is_applied;
}

size_t folding_n(const struct engine *e, struct draft *const *drafts, size_t n)
{
	return e->adds_singly && drafts[0]->route->batch->algorithm == BATCH_MERGE
	               ? gather_n_without_list(drafts, n)
	               : n;
}
