#include "connector/cli/preview_made.h"

#include "connector/model/origin.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>

struct made {
	struct json_object *places; /* by key */
};

struct made *made_new(void)
{
	struct made *made = mem_alloc(sizeof(*made));

	made->places = json_object_new_object();
	return made;
}

void made_free(struct made *made)
{
	json_object_put(made->places);
	free(made);
}

/* A key is one of a lead where only objects of that are meant. */
static char *key_text(const struct lookup *match, size_t at)
{
	cleanup_(freep) char *text = lookup_key_text(match->kind, &match->keys[at]);

	return mem_printf("%s\n%s", match->lead_id ? match->lead_id : "", text);
}

const char *made_before(struct made *made, const struct draft *create)
{
	const struct lookup *match = create->match;
	const struct record *record = create->record;
	const char *place = NULL;

	for (size_t i = 0; !place && i < match->n_keys; i++) {
		cleanup_(freep) char *key = key_text(match, i);

		place = json_get_string(made->places, key);
	}
	for (size_t i = 0; !place && i < match->n_keys; i++) {
		cleanup_(freep) char *key = key_text(match, i);
		cleanup_(freep) char *text = NULL;

		if (json_object_object_length(made->places) >= made_max_keys)
			break;
		text = origin_place(record);
		(void)json_object_object_add(made->places, key, json_string(text));
	}
	return place;
}

void made_forget(struct made *made, const struct lookup *match)
{
	for (size_t i = 0; i < match->n_keys; i++) {
		cleanup_(freep) char *key = key_text(match, i);

		json_object_object_del(made->places, key);
	}
}
