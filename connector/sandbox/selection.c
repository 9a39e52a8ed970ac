#include "connector/sandbox/selection.h"

#include "connector/sandbox/old_query.h"
#include "connector/sandbox/query.h"
#include "lib/json.h"

#include <stdlib.h>

static struct json_object *node(const char *type)
{
	struct json_object *o = json_object_new_object();

	box_set(o, "type", json_object_new_string(type));
	return o;
}

/* What is asked for, of leads. */
static struct json_object *about_leads(struct json_object *query)
{
	struct json_object *both = node("and"), *all = json_object_new_array(),
			   *kind = node("object_type");

	box_set(kind, "object_type", json_object_new_string("lead"));
	json_object_array_add(all, kind);
	if (query)
		json_object_array_add(all, json_object_get(query));
	box_set(both, "queries", all);
	return both;
}

/* The selection as a search; the caller's. */
static int search_of(const struct box_org *org, const struct box_actor *actor,
                     struct json_object *selection, struct json_object **ret_search,
                     struct err *err)
{
	const struct box_old_clock clock = {.wall_ms = actor->wall_ms};
	const char *text = json_get_string(selection, "query");
	struct json_object *query = json_get(selection, "s_query");
	struct box_old_query old;
	int r = 0;

	if (text && *text) {
		r = box_old_query_read(org, &clock, text, &old, err);
		*ret_search = r < 0 ? NULL : old.search;
		return r;
	}
	/* Smart Views and exports put the query one level deeper. */
	if (json_get(query, "query"))
		query = json_get(query, "query");
	if (json_object_is_type(query, json_type_object) && !json_object_object_length(query))
		query = NULL;
	if (query)
		r = box_query_check(query, org->store, err);
	*ret_search = r < 0 ? NULL : json_object_new_object();
	if (r < 0)
		return r;
	box_set(*ret_search, "query", about_leads(query));
	box_set(*ret_search, "sort", json_object_get(json_get(selection, "sort")));
	return 0;
}

int box_select_leads(struct box_org *org, const struct box_actor *actor,
                     struct json_object *selection, struct box_list *ret_leads, struct err *err)
{
	const int64_t limit = json_get_int(selection, "results_limit", INT64_MAX);
	struct box_list found = {0};
	struct json_object *search;
	int r = search_of(org, actor, selection, &search, err);

	if (r < 0)
		return r;
	box_search_list(org->search, org, &box_kinds[BOX_LEAD], search, actor->now_ms, &found);
	for (size_t i = 0; i < found.n && (int64_t)ret_leads->n < limit; i++)
		if (!found.items[i]->is_deleted)
			box_list_add(ret_leads, found.items[i]);
	free(found.items);
	json_object_put(search);
	return 0;
}

void box_check_selection(struct box_write *write)
{
	const char *text = json_get_string(write->data, "query");
	struct box_list leads = {0};
	struct err err;

	if (!write->field_errors &&
	    box_select_leads(write->org, write->actor, write->data, &leads, &err) < 0)
		box_write_blame_text(write, text && *text ? "query" : "s_query", err.text);
	free(leads.items);
}
