#include "connector/shape/steps.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

/* What Close would ignore inside the objects of a body, as far as the catalogue lists their keys.
 */

struct search {
	char **found;
	bool drops; /* what is found is left out; the objects are our own */
};

static void add(struct search *search, const char *path, const char *key)
{
	char *name = mem_printf("%s.%s", path, key);

	if (strlist_has(search->found, name))
		free(name);
	else
		strlist_add(&search->found, name);
}

/* As deep as the objects are known: two levels. NOLINTBEGIN(misc-no-recursion) */

static void search_value(struct search *search, const struct operation_field *field,
                         const struct operation *of_items, const char *name,
                         struct json_object *value);

static void search_object(struct search *search, const struct operation_field *field,
                          const struct operation *of_items, const char *path,
                          struct json_object *object)
{
	json_object_object_foreach(object, key, value)
	{
		const struct operation_field *inner =
			of_items ? operation_field(of_items, key) : NULL;
		cleanup_(freep) char *name = NULL;

		if (!operation_has_member(field, key)) {
			add(search, path, key);
			if (search->drops)
				json_object_object_del(object, key);
		} else if (inner && operation_lists_members(inner)) {
			name = mem_printf("%s.%s", path, key);
			search_value(search, inner, NULL, name, value);
		}
	}
}

static void search_value(struct search *search, const struct operation_field *field,
                         const struct operation *of_items, const char *name,
                         struct json_object *value)
{
	cleanup_(freep) char *path = NULL;

	if (json_object_is_type(value, json_type_object))
		search_object(search, field, of_items, name, value);
	if (!json_object_is_type(value, json_type_array))
		return;
	path = mem_printf("%s[]", name);
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *item = json_object_array_get_idx(value, i);

		if (json_object_is_type(item, json_type_object))
			search_object(search, field, of_items, path, item);
	}
}

/* NOLINTEND(misc-no-recursion) */

/* The value of @key with members of ours, down to the last; numbers keep their digits. */
static void own_value(struct shaping *s, const char *key, struct json_object *value)
{
	cleanup_(freep) char *text = json_text(value);
	struct json_object *own = NULL;

	(void)json_parse(text, strlen(text), 0, &own, NULL, NULL);
	(void)json_object_object_add(s->draft->body, key, own);
}

static void search_body(const struct shaping *s, const struct operation *op, struct search *search)
{
	json_object_object_foreach(s->draft->body, key, value)
	{
		const struct operation_field *field = operation_field(op, key);

		if (field && operation_lists_members(field))
			search_value(search, field,
			             operation_of_items(s->routes->operations, op, key), key,
			             value);
	}
}

char **shape_unknown_members(const struct shaping *s, const struct operation *op)
{
	struct search search = {0};

	search_body(s, op, &search);
	return search.found;
}

void shape_drop_members(struct shaping *s, const struct operation *op)
{
	struct search search = {.drops = true};

	json_object_object_foreach(s->draft->body, key, value)
	{
		const struct operation_field *field = operation_field(op, key);

		if (value && field && operation_lists_members(field))
			own_value(s, key, value);
	}
	search_body(s, op, &search);
	strlist_free(search.found);
}
