#include "connector/gather/gather.h"
#include "connector/gather/gather_body.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

/* Rows of one company become the lead they are about, with what each of them puts into it. */

/* Members of @more that @object has not; the user's null is a value. */
static void fill_missing(struct json_object *object, struct json_object *more)
{
	if (!json_object_is_type(more, json_type_object))
		return;
	json_object_object_foreach(more, key, value)
	{
		if (!json_object_object_get_ex(object, key, NULL))
			(void)json_object_object_add(object, key, json_object_get(value));
	}
}

static struct json_object *new_object(void)
{
	struct json_object *object = json_object_new_object();

	if (!object)
		mem_exhausted();
	return object;
}

struct json_object *gather_nested(struct draft *const *drafts, size_t n)
{
	struct json_object *body = new_object(), *list = json_object_new_array();

	if (!list)
		mem_exhausted();
	for (size_t i = 0; i < n; i++) {
		fill_missing(body, drafts[i]->body);
		if (drafts[i]->child)
			(void)json_object_array_add(list, json_object_get(drafts[i]->child));
	}
	if (json_object_array_length(list))
		(void)json_object_object_add(body, drafts[0]->route->batch->into, list);
	else
		json_object_put(list);
	return body;
}

/* The names of fields that rows write; a field has one, whichever row has it. */
static void fill_written(struct draft *nest, const struct draft *row)
{
	if (!row->written)
		return;
	if (!nest->written)
		nest->written = new_object();
	fill_missing(nest->written, row->written);
}

static void add_notes(struct draft *nest, char *const *notes)
{
	for (; notes && *notes; notes++) {
		char **n = nest->notes;

		while (n && *n && strcmp(*n, *notes) != 0)
			n++;
		if ((!n || !*n) && strlist_len(nest->notes) < gather_max_notes)
			draft_note(nest, "%s", *notes);
	}
}

/* What is asked about the company, and its identity: the first row's, whose place it takes. */
static void take_first(struct draft *nest, struct draft *first)
{
	nest->url = mem_strdup(first->url);
	nest->by = mem_strdup(first->by);
	nest->headers = strlist_copy(first->headers);
	nest->identity_field = mem_strdup(first->identity_field);
	nest->identity_value = mem_strdup(first->identity_value);
	nest->match = steal(&first->match);
	nest->links = steal(&first->links);
	nest->n_links = first->n_links;
	first->n_links = 0;
	nest->refused = steal(&first->refused);
}

static struct draft *fold_updates(struct draft **rows, size_t n)
{
	struct draft *update = steal(&rows[0]->update);

	if (!update)
		return NULL;
	/* Its body is shared with nobody: what is rendered once is one draft's. */
	for (size_t i = 1; i < n; i++) {
		if (!rows[i]->update)
			continue;
		fill_missing(update->body, rows[i]->update->body);
		fill_written(update, rows[i]->update);
		add_notes(update, rows[i]->update->notes);
	}
	return update;
}

struct draft *gather_nest(struct draft **takes_drafts, size_t n)
{
	struct draft *first = takes_drafts[0];
	struct draft *nest = draft_new(first->record, first->route, first->ordinal);

	/* What each row was, before the first loses what it asks: a row may have to go anew. */
	for (size_t i = 0; i < n; i++)
		if (!takes_drafts[i]->unresolved)
			takes_drafts[i]->unresolved = draft_text(takes_drafts[i]);
	nest->body = gather_nested(takes_drafts, n);
	for (size_t i = 0; i < n; i++) {
		fill_written(nest, takes_drafts[i]);
		add_notes(nest, takes_drafts[i]->notes);
	}
	take_first(nest, first);
	nest->update = fold_updates(takes_drafts, n);
	nest->rows = takes_drafts;
	nest->n_rows = n;
	return nest;
}
