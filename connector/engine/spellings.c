#include "connector/engine/private.h"

#include "connector/close/catalogue.h"
#include "connector/close/lookup.h"
#include "connector/engine/nest.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

/*
 * How Close writes what was sent ("650-555-1234": "+16505551234"), as its answers have shown. It is
 * so for the whole account, whichever object had it, so it is kept for good beside what is
 * remembered of objects: kind "spelling", and in the place of the id what is shown.
 */

static const char kind[] = "spelling";
static char contact[] = "contact"; /* has the lists that are added to */
static const char nested[] = "contacts";

bool spellings_of_lists(const struct engine *e)
{
	for (size_t i = 0; i < e->routes.n; i++) {
		const struct route *route = &e->routes.items[i];

		if (route->append || (route->update && route->update->append))
			return true;
	}
	return nest_is_used(&e->routes);
}

/* Who came with it before that was known offers it as well: others may look for what is shown. */
static void offer_shown(struct engine *e, const struct crm_spelling *spelling)
{
	for (size_t i = 0; i < e->n_watched; i++) {
		const struct watched_field *field = &e->watched[i];
		cleanup_(freep) char *sent = NULL, *shown = NULL;

		if (strcmp(field->name, spelling->field) != 0)
			continue;
		sent = lookup_field_text(field->kind, field->name, spelling->sent);
		shown = lookup_field_text(field->kind, field->name, spelling->shown);
		parents_offer_also(e->parents, sent, shown);
	}
}

static void keep(struct engine *e, const struct crm_spelling *spelling, int64_t wall_ms)
{
	cleanup_(freep) char *text = lookup_field_text(kind, spelling->field, spelling->sent);
	struct remembered item = {.kind = mem_strdup(kind),
	                          .field = mem_strdup(spelling->field),
	                          .value = mem_strdup(spelling->sent),
	                          .object_id = mem_strdup(spelling->shown)};

	/* In the place of what was shown for it before. */
	journal_remember(e->journal, text, &item, 1, wall_ms);
	remembered_deinit(&item);
	offer_shown(e, spelling);
}

/*
 * Of contacts in the update of a lead, which Close ignores, the answer shows what others wrote. To
 * json_object_put().
 */
static struct json_object *taken_of(const struct request *r, struct json_object *sent)
{
	const struct operation *op = operation_find(crm_catalogue(), r->operation);
	struct json_object *taken;

	if (!json_get(sent, nested) || (op && operation_field(op, nested)))
		return json_object_get(sent);
	taken = json_made(json_object_new_object());
	json_object_object_foreach(sent, key, value)
	{
		if (strcmp(key, nested) != 0)
			(void)json_object_object_add(taken, key, json_object_get(value));
	}
	return taken;
}

struct crm_spelling *spellings_learn(struct engine *e, const struct request *r,
                                     struct json_object *sent, struct json_object *shown,
                                     size_t *ret_n)
{
	cleanup_(json_freep) struct json_object *taken = taken_of(r, sent);
	const size_t n_lists = e->adds_to_lists ? lookup_n_lists : 0, n = e->n_watched + n_lists;
	cleanup_(freep) struct watched_field *fields = mem_array(n + 1, sizeof(*fields));
	char *names[lookup_n_lists];
	struct crm_spelling *spellings;

	*ret_n = 0;
	if (hook_without("spellings"))
		return NULL;
	if (e->n_watched)
		memcpy(fields, e->watched, e->n_watched * sizeof(*fields));
	for (size_t i = 0; i < n_lists; i++) {
		names[i] = mem_strdup(lookup_lists[i].member);
		fields[e->n_watched + i] =
			(struct watched_field){contact, names[i], lookup_lists[i].like};
	}
	spellings = crm_spellings(taken, shown, r->object, fields, n, ret_n);
	for (size_t i = 0; i < *ret_n; i++)
		keep(e, &spellings[i], loop_wall_ms(e->loop));
	for (size_t i = 0; i < n_lists; i++)
		free(names[i]);
	return spellings;
}

char *spelling_of(const struct engine *e, const char *field, const char *folded)
{
	struct remembered item = {0};
	char *shown = NULL;

	if (journal_find_remembered(e->journal, kind, field, folded, &item, 1))
		shown = mem_strdup(item.object_id);
	remembered_deinit(&item);
	return shown;
}

static void note_item(const struct engine *e, const struct lookup_list *list,
                      struct json_object *item, struct json_object *shown)
{
	const char *text = json_get_string(item, list->member);
	cleanup_(freep) char *folded = text ? lookup_fold(list->like, text) : NULL;
	cleanup_(freep) char *now = folded ? spelling_of(e, list->member, folded) : NULL;
	cleanup_(freep) char *key = now ? crm_shown_key(list->member, folded) : NULL;

	if (key)
		(void)json_object_object_add(shown, key, json_string(now));
}

struct json_object *spellings_in(const struct engine *e, struct json_object *body)
{
	struct json_object *shown = json_made(json_object_new_object());

	for (size_t i = 0; i < lookup_n_lists; i++) {
		struct json_object *items = json_get(body, lookup_lists[i].name);

		if (!json_object_is_type(items, json_type_array))
			continue;
		for (size_t k = 0; k < json_object_array_length(items); k++)
			note_item(e, &lookup_lists[i], json_object_array_get_idx(items, k), shown);
	}
	return shown;
}
