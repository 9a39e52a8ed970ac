#include "connector/sandbox/selection.h"

#include "lib/json.h"
#include "lib/mem.h"

#include <string.h>

enum { page = 200 };

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

/* The selection as a search, to be asked page by page. */
static struct json_object *search_of(struct json_object *selection)
{
	struct json_object *body = json_object_new_object();
	struct json_object *query = json_get(selection, "s_query");
	struct json_object *limit = json_get(selection, "results_limit");

	/* Smart Views and exports put the query one level deeper. */
	if (json_get(query, "query"))
		query = json_get(query, "query");
	if (query && !json_object_object_length(query))
		query = NULL;
	box_set(body, "query", about_leads(query));
	box_set(body, "sort", json_object_get(json_get(selection, "sort")));
	box_set(body, "_limit", json_object_new_int(page));
	if (limit)
		box_set(body, "results_limit", json_object_get(limit));
	return body;
}

static void take_page(const struct box_org *org, struct json_object *found,
                      struct box_list *ret_leads)
{
	struct json_object *data = json_get(found, "data");

	for (size_t i = 0; i < json_object_array_length(data); i++) {
		struct box_object *lead =
			box_store_find(org->store, &box_kinds[BOX_LEAD],
		                       json_get_string(json_object_array_get_idx(data, i), "id"));

		if (lead)
			box_list_add(ret_leads, lead);
	}
}

bool box_select_leads(struct box_org *org, struct json_object *selection, uint64_t now_ms,
                      struct box_list *ret_leads, char **ret_why)
{
	struct json_object *body = search_of(selection), *found, *complaint = NULL;
	bool has_more = true;

	while (has_more) {
		found = box_search_answer(org->search, org, body, now_ms, &complaint);
		if (!found) {
			*ret_why = json_text(json_get(complaint, "field-errors"));
			json_object_put(complaint);
			break;
		}
		take_page(org, found, ret_leads);
		has_more = json_get(found, "cursor") != NULL;
		box_set(body, "cursor", json_object_get(json_get(found, "cursor")));
		json_object_put(found);
	}
	json_object_put(body);
	return !has_more;
}
