#include "connector/close/lookup.h"
#include "connector/close/values.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/* Values are gathered object by object, and what stands there twice is left out at the end. */

struct remembering {
	const struct watched_field *watched;
	size_t n_watched;
	struct remembered *items;
	size_t n, cap;
};

/* Of whom values are noted down. */
struct noting {
	struct remembering *all;
	const struct watched_field *field;
	const char *id, *lead_id;
};

static void note_value(void *arg, const char *text)
{
	const struct noting *noting = arg;
	struct remembering *all = noting->all;
	char *value = lookup_fold(noting->field->like, text);

	if (!*value) {
		free(value);
		return;
	}
	all->items = mem_grow(all->items, all->n, &all->cap, sizeof(*all->items));
	all->items[all->n++] = (struct remembered){
		.kind = mem_strdup(noting->field->kind),
		.field = mem_strdup(noting->field->name),
		.value = value,
		.object_id = mem_strdup(noting->id),
		.lead_id = mem_strdup(noting->lead_id),
	};
}

static bool is_kind(const char *kind, const char *wanted)
{
	return strcmp(kind, wanted) == 0;
}

/* @id and @lead_id: of the object, where they are known. */
static void remember_one(struct remembering *all, struct json_object *object, const char *kind,
                         const char *id, const char *lead_id)
{
	for (size_t i = 0; i < all->n_watched; i++) {
		const struct watched_field *field = &all->watched[i];
		struct noting noting = {all, field, id, lead_id};

		if (is_kind(field->kind, kind)) {
			crm_each_value(object, kind, field->name, note_value, &noting);
		} else if (is_kind(kind, "contact") && is_kind(field->kind, "lead") &&
		           crm_contact_list(field->name) && (lead_id || !*id)) {
			noting.id = *id ? lead_id : "";
			noting.lead_id = NULL;
			crm_each_value(object, kind, field->name, note_value, &noting);
		}
	}
}

/* What they have is their lead's as well, which has been noted; drop_twins() sees to that. */
static void remember_contacts(struct remembering *all, struct json_object *lead, const char *id)
{
	struct json_object *contacts = json_get(lead, "contacts");

	if (!json_object_is_type(contacts, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(contacts); i++) {
		struct json_object *contact = json_object_array_get_idx(contacts, i);
		const char *own = json_get_string(contact, "id");

		/* An id of its own, or none yet like its lead. */
		if (own || !*id)
			remember_one(all, contact, "contact", own && *id ? own : "",
			             *id ? id : NULL);
	}
}

static int compare(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int by_all(const void *a, const void *b)
{
	const struct remembered *x = a, *y = b;
	int r = strcmp(x->kind, y->kind);

	r = r ? r : strcmp(x->field, y->field);
	r = r ? r : strcmp(x->value, y->value);
	r = r ? r : strcmp(x->object_id, y->object_id);
	return r ? r : compare(x->lead_id, y->lead_id);
}

static void drop_twins(struct remembering *all)
{
	size_t n = 0;

	if (all->n)
		qsort(all->items, all->n, sizeof(*all->items), by_all);
	for (size_t i = 0; i < all->n; i++) {
		if (n && by_all(&all->items[n - 1], &all->items[i]) == 0)
			remembered_deinit(&all->items[i]);
		else
			all->items[n++] = all->items[i];
	}
	all->n = n;
}

struct remembered *crm_remember(struct json_object *object, const char *kind,
                                const struct watched_field *watched, size_t n_watched,
                                size_t *ret_n)
{
	struct remembering all = {.watched = watched, .n_watched = n_watched};
	const char *id = json_get_string(object, "id");
	const char *lead_id = is_kind(kind, "lead") ? NULL : json_get_string(object, "lead_id");

	remember_one(&all, object, kind, id ? id : "", lead_id);
	if (is_kind(kind, "lead"))
		remember_contacts(&all, object, id ? id : "");
	drop_twins(&all);
	*ret_n = all.n;
	return all.items;
}
