#include "connector/gather/gather.h"
#include "connector/gather/gather_body.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <assert.h>
#include <json-c/linkhash.h>
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

struct json_object *gather_nested(struct draft *const *drafts, size_t n)
{
	struct json_object *body = json_made(json_object_new_object()),
			   *list = gather_children(drafts, n, NULL);

	for (size_t i = 0; i < n; i++)
		fill_missing(body, drafts[i]->body);
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
		nest->written = json_made(json_object_new_object());
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

static struct json_object *reparse(struct buf *text)
{
	struct json_object *value = NULL;
	const int r = json_parse(buf_text(text), text->len, json_depth_limit, &value, NULL, NULL);

	assert(r == 0); /* it was printed here */
	buf_deinit(text);
	return value;
}

static struct lookup *copy_lookup(const struct lookup *lookup)
{
	struct lookup *copy = lookup ? mem_alloc(sizeof(*copy)) : NULL;
	cleanup_(json_freep) struct json_object *kept = NULL;
	struct buf text = BUF_INIT;

	if (!lookup)
		return NULL;
	lookup_print(lookup, &text);
	kept = reparse(&text);
	(void)lookup_read(kept, copy);
	return copy;
}

static void copy_links(struct draft *draft, const struct draft *from)
{
	draft->n_links = from->n_links;
	draft->links = mem_array(from->n_links, sizeof(*draft->links));
	for (size_t i = 0; i < from->n_links; i++) {
		cleanup_(json_freep) struct json_object *kept = NULL;
		struct buf text = BUF_INIT;

		draft_link_print(&from->links[i], &text);
		kept = reparse(&text);
		(void)draft_link_read(kept, &draft->links[i]);
	}
}

/* What is asked about the company, and its identity: the first row's, whose place it takes. */
static struct draft *like_first(const struct draft *first)
{
	struct draft *nest = draft_new(first->record, first->route, first->ordinal);

	nest->url = mem_strdup(first->url);
	nest->by = mem_strdup(first->by);
	nest->headers = strlist_copy(first->headers);
	nest->identity_field = mem_strdup(first->identity_field);
	nest->identity_value = mem_strdup(first->identity_value);
	nest->match = copy_lookup(first->match);
	copy_links(nest, first);
	if (first->refused) {
		nest->refused = mem_alloc(sizeof(*nest->refused));
		rejection_set(nest->refused, first->refused->class, first->refused->field, "%s",
		              first->refused->message);
	}
	return nest;
}

static void fill_row(struct draft *nest, const struct draft *row)
{
	fill_missing(nest->body, row->body);
	fill_written(nest, row);
	add_notes(nest, row->notes);
}

static struct draft *fold_updates(struct draft *const *rows, size_t n)
{
	struct draft *update = rows[0]->update ? like_first(rows[0]->update) : NULL;

	if (!update)
		return NULL;
	update->body = json_made(json_object_new_object());
	for (size_t i = 0; i < n; i++)
		if (rows[i]->update)
			fill_row(update, rows[i]->update);
	return update;
}

struct draft *gather_nest(struct draft **takes_rows, size_t n)
{
	struct draft *nest = like_first(takes_rows[0]);

	nest->body = gather_nested(takes_rows, n);
	for (size_t i = 0; i < n; i++)
		fill_row(nest, takes_rows[i]);
	nest->update = fold_updates(takes_rows, n);
	nest->rows = takes_rows;
	nest->n_rows = n;
	return nest;
}
