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

/* What an update leaves of them */

static const char *other_name(const char *field)
{
	if (is_kind(field, "name"))
		return "label";
	return is_kind(field, "label") ? "name" : field;
}

static void copy_member(struct json_object *from, const char *key, struct json_object *to)
{
	struct json_object *value;

	if (json_object_object_get_ex(from, key, &value))
		(void)json_object_object_add(to, key, json_object_get(value));
}

char *crm_written(struct json_object *body, const char *kind, const struct watched_field *watched,
                  size_t n_watched)
{
	const bool is_contact = is_kind(kind, "contact");
	struct json_object *written;
	char *text = NULL;

	if (!json_object_is_type(body, json_type_object))
		return NULL;
	written = json_object_new_object();
	for (size_t i = 0; i < n_watched; i++) {
		const char *name = watched[i].name;
		char *removed = mem_printf("%s.remove", name);

		if (is_contact && crm_contact_list(name)) {
			copy_member(body, crm_contact_list(name), written);
		} else if (is_kind(watched[i].kind, kind)) {
			copy_member(body, name, written);
			copy_member(body, other_name(name), written);
			copy_member(body, removed, written);
		}
		free(removed);
	}
	if (json_object_object_length(written))
		text = json_text(written);
	json_object_put(written);
	return text;
}

struct keeping {
	const struct lookup_field *field;
	bool is_there;
};

static void compare_value(void *arg, const char *text)
{
	struct keeping *keeping = arg;
	char *folded = lookup_fold(keeping->field->like, text);

	keeping->is_there |= lookup_is_value(keeping->field, folded);
	free(folded);
}

/* Whether @field of @object, which has the lists of a contact or is of another kind, is the same.
 */
static bool has_value(struct json_object *object, const char *kind, const char *key,
                      const struct lookup_field *field)
{
	struct keeping keeping = {.field = field};

	crm_each_value(object, kind, key, compare_value, &keeping);
	return keeping.is_there;
}

static bool leaves_out(struct json_object *written, const struct lookup_field *field)
{
	const char *list = crm_contact_list(field->name);
	char *removed;
	bool is_removed;

	if (list && json_object_object_get_ex(written, list, NULL))
		return !has_value(written, "contact", field->name, field);
	if (json_object_object_get_ex(written, field->name, NULL) ||
	    json_object_object_get_ex(written, other_name(field->name), NULL))
		return !has_value(written, "", field->name, field);
	removed = mem_printf("%s.remove", field->name);
	is_removed = has_value(written, "", removed, field);
	free(removed);
	return is_removed;
}

bool crm_takes_away(const char *written, const struct lookup_field *field)
{
	struct json_object *object = NULL;
	bool takes = false;

	if (json_parse(written, strlen(written), 0, &object, NULL, NULL) == 0)
		takes = leaves_out(object, field);
	json_object_put(object);
	return takes;
}
