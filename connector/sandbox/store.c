#include "connector/sandbox/store.h"

#include "lib/json.h"
#include "lib/mem.h"

#include <assert.h>
#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct box_index {
	struct lh_table *table; /* text → struct box_list */
};

struct box_store {
	uint64_t random;
	uint64_t n_made;
	struct box_list all[BOX_N_KINDS];
	size_t n_living[BOX_N_KINDS];
	struct box_index *by_id;
	struct box_index *by_lead;
};

void box_list_add(struct box_list *list, struct box_object *object)
{
	list->items = mem_grow(list->items, list->n, &list->cap, sizeof(struct box_object *));
	list->items[list->n++] = object;
}

void box_list_remove(struct box_list *list, const struct box_object *object)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i] != object)
			continue;
		memmove(list->items + i, list->items + i + 1,
		        (list->n - i - 1) * sizeof(struct box_object *));
		list->n--;
		return;
	}
}

static void free_entry(struct lh_entry *entry)
{
	struct box_list *list = lh_entry_v(entry);

	free(list->items);
	free(list);
	free(lh_entry_k(entry));
}

struct box_index *box_index_new(void)
{
	struct box_index *index = mem_alloc(sizeof(*index));

	index->table = lh_kchar_table_new(64, free_entry);
	if (!index->table)
		mem_exhausted();
	return index;
}

void box_index_free(struct box_index *index)
{
	if (!index)
		return;
	lh_table_free(index->table);
	free(index);
}

static struct box_list *index_list(const struct box_index *index, const char *text)
{
	const struct lh_entry *entry = lh_table_lookup_entry(index->table, text);

	return entry ? lh_entry_v(entry) : NULL;
}

void box_index_add(struct box_index *index, const char *text, struct box_object *object)
{
	struct box_list *list = index_list(index, text);

	if (!list) {
		list = mem_alloc(sizeof(*list));
		if (lh_table_insert(index->table, mem_strdup(text), list) < 0)
			mem_exhausted();
	}
	box_list_add(list, object);
}

void box_index_remove(struct box_index *index, const char *text, const struct box_object *object)
{
	struct box_list *list = index_list(index, text);

	if (!list)
		return;
	box_list_remove(list, object);
	if (!list->n)
		(void)lh_table_delete(index->table, text);
}

const struct box_list *box_index_find(const struct box_index *index, const char *text)
{
	static const struct box_list nothing;
	const struct box_list *list = index_list(index, text);

	return list ? list : &nothing;
}

struct box_store *box_store_new(uint64_t seed)
{
	struct box_store *store = mem_alloc(sizeof(*store));

	store->random = seed;
	store->by_id = box_index_new();
	store->by_lead = box_index_new();
	return store;
}

void box_store_free(struct box_store *store)
{
	if (!store)
		return;
	box_index_free(store->by_id);
	box_index_free(store->by_lead);
	for (size_t k = 0; k < BOX_N_KINDS; k++) {
		for (size_t i = 0; i < store->all[k].n; i++) {
			struct box_object *o = store->all[k].items[i];

			json_object_put(o->data);
			json_object_put(o->indexed);
			free(o->id);
			free(o);
		}
		free(store->all[k].items);
	}
	free(store);
}

/* splitmix64: small, and the same on every machine. */
static uint64_t next_random(struct box_store *store)
{
	uint64_t z = store->random += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void box_store_make_id(struct box_store *store, const char *prefix,
                       char ret_id[static box_id_bytes])
{
	static const char base62[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const size_t len = strlen(prefix);
	uint64_t random = 0;

	assert(len + 1 + box_id_random < box_id_bytes);
	memcpy(ret_id, prefix, len);
	ret_id[len] = '_';
	for (size_t i = 0; i < box_id_random; i++) {
		if (i % 10 == 0)
			random = next_random(store);
		ret_id[len + 1 + i] = base62[random % 62];
		random /= 62;
	}
	ret_id[len + 1 + box_id_random] = '\0';
}

void box_store_make_trace(struct box_store *store, char ret_trace[static 33])
{
	(void)snprintf(ret_trace, 33, "%016llx%016llx", (unsigned long long)next_random(store),
	               (unsigned long long)next_random(store));
}

bool box_store_is_full(const struct box_store *store)
{
	return store->n_made >= box_max_objects;
}

static size_t kind_at(const struct box_kind *kind)
{
	return (size_t)(kind - box_kinds);
}

/* A user or a status belongs to no lead. */
static const char *lead_of(struct json_object *data)
{
	return json_get_string(data, "lead_id");
}

struct box_object *box_store_add(struct box_store *store, const struct box_kind *kind,
                                 struct json_object *data)
{
	struct box_object *o = mem_alloc(sizeof(*o));
	const char *given = json_get_string(data, "id");
	char id[box_id_bytes];

	if (given)
		(void)snprintf(id, sizeof(id), "%s", given);
	else
		box_store_make_id(store, kind->prefix, id);
	box_set(data, "id", json_object_new_string(id));
	*o = (struct box_object){
		.kind = kind, .id = mem_strdup(id), .seq = store->n_made++, .data = data};
	box_list_add(&store->all[kind_at(kind)], o);
	store->n_living[kind_at(kind)]++;
	box_index_add(store->by_id, id, o);
	if (lead_of(data))
		box_index_add(store->by_lead, lead_of(data), o);
	return o;
}

void box_store_replace(struct box_store *store, struct box_object *object, struct json_object *data)
{
	const char *before = lead_of(object->data), *after = lead_of(data);

	if (before && after && strcmp(before, after) != 0) {
		box_index_remove(store->by_lead, before, object);
		box_index_add(store->by_lead, after, object);
	}
	json_object_put(object->data);
	object->data = data;
}

void box_store_remove(struct box_store *store, struct box_object *object)
{
	assert(!object->is_deleted);
	object->is_deleted = true;
	store->n_living[kind_at(object->kind)]--;
	box_index_remove(store->by_id, object->id, object);
	if (lead_of(object->data))
		box_index_remove(store->by_lead, lead_of(object->data), object);
}

struct box_object *box_store_find(const struct box_store *store, const struct box_kind *kind,
                                  const char *id)
{
	const struct box_list *found = box_index_find(store->by_id, id);

	if (!found->n || (kind && found->items[0]->kind != kind))
		return NULL;
	return found->items[0];
}

struct box_object *box_store_last_look(const struct box_store *store, const struct box_kind *kind,
                                       const char *id)
{
	const struct box_list *all = box_store_all(store, kind);

	for (size_t i = 0; i < all->n; i++) {
		struct box_object *object = all->items[i];

		if (!object->is_deleted || object->was_looked_at || strcmp(object->id, id) != 0)
			continue;
		object->was_looked_at = true;
		return object;
	}
	return NULL;
}

const struct box_list *box_store_all(const struct box_store *store, const struct box_kind *kind)
{
	return &store->all[kind_at(kind)];
}

size_t box_store_count(const struct box_store *store, const struct box_kind *kind)
{
	return store->n_living[kind_at(kind)];
}

const struct box_list *box_store_below(const struct box_store *store, const char *lead_id)
{
	return box_index_find(store->by_lead, lead_id);
}

bool box_is_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

struct json_object *box_shallow(struct json_object *object)
{
	struct json_object *copy = json_object_new_object();
	const struct lh_entry *e;

	/* Names that come from our tables need no copy of their own. */
	lh_foreach(json_object_get_object(object), e)
	{
		const unsigned constant = e->k_is_constant ? JSON_C_OBJECT_ADD_CONSTANT_KEY : 0U;
		struct json_object *value = lh_entry_v(e);

		(void)json_object_object_add_ex(copy, lh_entry_k(e), json_object_get(value),
		                                JSON_C_OBJECT_ADD_KEY_IS_NEW | constant);
	}
	return copy;
}

void box_set(struct json_object *object, const char *name, struct json_object *value)
{
	(void)json_object_object_add_ex(object, name, value, JSON_C_OBJECT_ADD_CONSTANT_KEY);
}
