#include "connector/close/lookup.h"
#include "connector/close/values.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Which keys an object fits is found by the values of one field, sorted, so that a page of 200
 * objects is not held against 250 keys one by one; what is found so is held against the whole key.
 */

/* Whether one value of an object is the one that is looked for. */
struct fitting {
	const struct lookup_field *field;
	bool is_there;
};

static void fit_value(void *arg, const char *text)
{
	struct fitting *fitting = arg;
	char *folded;

	if (fitting->is_there)
		return;
	folded = lookup_fold(fitting->field->like, text);
	fitting->is_there = lookup_is_value(fitting->field, folded);
	free(folded);
}

bool crm_lookup_fits(struct json_object *object, const char *kind, const struct lookup_key *key)
{
	for (size_t i = 0; i < key->n; i++) {
		struct fitting fitting = {.field = &key->fields[i]};

		crm_each_value(object, kind, key->fields[i].name, fit_value, &fitting);
		if (!fitting.is_there)
			return false;
	}
	return true;
}

struct entry {
	const char *folded;
	size_t key;
};

struct index {
	struct entry *entries; /* by what was folded */
	size_t n;
	const char *field;
	enum lookup_like like;
};

/* One object that is held against all keys. */
struct looking {
	const struct index *index;
	const struct lookup_key *const *keys;
	struct crm_found_list *found;
	struct json_object *object;
	const char *kind;
};

static int by_folded(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	const int r = strcmp(x->folded, y->folded);

	return r ? r : (x->key > y->key) - (x->key < y->key);
}

static void add_entries(struct index *index, const struct lookup_key *key, size_t i)
{
	const struct lookup_field *field = NULL;

	for (size_t k = 0; !field && k < key->n; k++)
		if (strcmp(key->fields[k].name, index->field) == 0)
			field = &key->fields[k];
	if (field)
		index->entries[index->n++] = (struct entry){field->folded, i};
	if (field && field->shown)
		index->entries[index->n++] = (struct entry){field->shown, i};
}

static struct index index_of(const struct lookup_key *const *keys, size_t n_keys)
{
	const struct lookup_field *first = &keys[0]->fields[0];
	struct index index = {.entries = mem_array(2 * n_keys, sizeof(*index.entries)),
	                      .field = first->name,
	                      .like = first->like};

	for (size_t i = 0; i < n_keys; i++)
		add_entries(&index, keys[i], i);
	if (index.n)
		qsort(index.entries, index.n, sizeof(*index.entries), by_folded);
	return index;
}

/* The first entry that is not before @folded. */
static size_t first_entry(const struct index *index, const char *folded)
{
	size_t low = 0, high = index->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (strcmp(index->entries[middle].folded, folded) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void add_found(struct looking *looking, size_t key)
{
	const char *id = json_get_string(looking->object, "id");
	struct crm_found_list *found = looking->found;

	/* Pages of a changing list can overlap. */
	for (size_t i = 0; i < found->n; i++)
		if (found->items[i].key == key && strcmp(found->items[i].id, id) == 0)
			return;
	found->items = mem_resize(found->items, found->n + 1, sizeof(*found->items));
	found->items[found->n++] = (struct crm_found){
		.key = key,
		.id = mem_strdup(id),
		.lead_id = mem_strdup(json_get_string(looking->object, "lead_id")),
	};
}

static void look_value(void *arg, const char *text)
{
	struct looking *looking = arg;
	const struct index *index = looking->index;
	char *folded = lookup_fold(index->like, text);

	for (size_t i = first_entry(index, folded);
	     i < index->n && strcmp(index->entries[i].folded, folded) == 0; i++)
		if (crm_lookup_fits(looking->object, looking->kind,
		                    looking->keys[index->entries[i].key]))
			add_found(looking, index->entries[i].key);
	free(folded);
}

int crm_lookup_read(struct json_object *answer, const char *kind,
                    const struct lookup_key *const *keys, size_t n_keys,
                    struct crm_found_list *found, struct err *err)
{
	struct json_object *data = json_get(answer, "data");
	struct index index;

	if (!json_object_is_type(data, json_type_array))
		return err_set(err, -EBADMSG, "the answer of %s has no list \"data\"",
		               crm_search_path);
	for (size_t i = 0; i < json_object_array_length(data); i++)
		if (!json_get_string(json_object_array_get_idx(data, i), "id"))
			return err_set(err, -EBADMSG,
			               "the answer of %s has an object without an id",
			               crm_search_path);
	index = index_of(keys, n_keys);
	for (size_t i = 0; i < json_object_array_length(data); i++) {
		struct looking looking = {&index, keys, found, json_object_array_get_idx(data, i),
		                          kind};

		crm_each_value(looking.object, kind, index.field, look_value, &looking);
	}
	free(index.entries);
	free(found->cursor);
	found->cursor = mem_strdup(json_get_string(answer, "cursor"));
	return 0;
}

void crm_found_deinit(struct crm_found_list *found)
{
	for (size_t i = 0; i < found->n; i++) {
		free(found->items[i].id);
		free(found->items[i].lead_id);
	}
	free(found->items);
	free(found->cursor);
	*found = (struct crm_found_list){0};
}
