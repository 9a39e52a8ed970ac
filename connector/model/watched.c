#include "connector/model/route.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/* What routes match and link by. Custom fields may be written by name; answers have their ids. */

static const char custom_prefix[] = "custom.";

struct watching {
	const struct names *names;
	struct watched_field *fields;
	size_t n, cap;
};

static void watch(struct watching *w, const char *kind, const char *name, enum lookup_like like)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->fields[i].kind, kind) == 0 && strcmp(w->fields[i].name, name) == 0)
			return;
	w->fields = mem_grow(w->fields, w->n, &w->cap, sizeof(*w->fields));
	w->fields[w->n++] = (struct watched_field){mem_strdup(kind), mem_strdup(name), like};
}

static const struct name_entry *find_field(const struct name_book *book, const char *written)
{
	size_t n;

	return name_is_field_id(written) ? name_find_id(book, written)
	                                 : name_find(book, written, NULL, &n);
}

/* @written: the name or id behind "custom.". */
static void watch_custom(struct watching *w, const char *kind, const char *written)
{
	bool is_known = false;
	char *name;

	for (size_t i = 0; w->names && i < w->names->n; i++) {
		const struct name_book *book = w->names->books[i];
		const struct name_entry *field =
			name_kind_is_fields_of(book->kind, kind) ? find_field(book, written) : NULL;

		if (!field)
			continue;
		name = mem_printf("%s%s", custom_prefix, field->id);
		watch(w, kind, name, name_like_of_type(field->type));
		free(name);
		is_known = true;
	}
	if (is_known)
		return;
	name = mem_printf("%s%s", custom_prefix, written);
	watch(w, kind, name, LIKE_TEXT);
	free(name);
}

static void watch_rule(struct watching *w, const struct lookup_rule *rule)
{
	for (size_t i = 0; i < rule->n_keys; i++)
		for (size_t f = 0; f < rule->keys[i].n; f++) {
			const char *name = rule->keys[i].fields[f].name;

			if (strncmp(name, custom_prefix, sizeof(custom_prefix) - 1) == 0)
				watch_custom(w, rule->kind, name + sizeof(custom_prefix) - 1);
			else if (lookup_like_of(name) != LIKE_ID)
				watch(w, rule->kind, name, lookup_like_of(name));
		}
}

static void watch_route(struct watching *w, const struct route *route)
{
	watch_rule(w, &route->match);
	for (size_t i = 0; i < route->n_links; i++)
		watch_rule(w, &route->links[i].rule);
}

struct watched_field *route_set_watched(const struct route_set *set, size_t *ret_n)
{
	struct watching w = {.names = set->names};

	for (size_t i = 0; i < set->n; i++) {
		watch_route(&w, &set->items[i]);
		if (set->items[i].update)
			watch_route(&w, set->items[i].update);
	}
	*ret_n = w.n;
	return w.fields;
}

void watched_fields_free(struct watched_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(fields[i].kind);
		free(fields[i].name);
	}
	free(fields);
}
