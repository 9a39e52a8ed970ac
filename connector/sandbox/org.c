#include "connector/sandbox/org.h"

#include "lib/json.h"
#include "lib/mem.h"
#include "lib/moment.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a new organization has. */
static const struct {
	enum box_kind_id kind;
	const char *text;
} furniture[] = {
	{BOX_USER,
         "{\"email\":\"ana@sandbox.example\",\"first_name\":\"Ana\",\"last_name\":\"Ruiz\"}"},
	{BOX_PIPELINE, "{\"name\":\"Sales\"}"},
	{BOX_LEAD_STATUS, "{\"label\":\"Potential\"}"},
	{BOX_LEAD_STATUS, "{\"label\":\"Bad Fit\"}"},
	{BOX_LEAD_STATUS, "{\"label\":\"Qualified\"}"},
	{BOX_LEAD_STATUS, "{\"label\":\"Customer\"}"},
	{BOX_OPPORTUNITY_STATUS, "{\"label\":\"Active\",\"type\":\"active\"}"},
	{BOX_OPPORTUNITY_STATUS, "{\"label\":\"Won\",\"type\":\"won\"}"},
	{BOX_OPPORTUNITY_STATUS, "{\"label\":\"Lost\",\"type\":\"lost\"}"},
};

static void furnish(struct box_org *org, int64_t wall_ms)
{
	char now[moment_bytes];

	(void)moment_text(wall_ms * 1000, now);
	for (size_t i = 0; i < sizeof(furniture) / sizeof(furniture[0]); i++) {
		const struct box_kind *kind = &box_kinds[furniture[i].kind];
		struct json_object *data = NULL;
		int r = json_parse(furniture[i].text, strlen(furniture[i].text), 0, &data, NULL,
		                   NULL);

		assert(r == 0);
		json_object_object_add(data, "organization_id", json_object_get(org->id_text));
		json_object_object_add(data, "date_created", json_object_new_string(now));
		json_object_object_add(data, "date_updated", json_object_new_string(now));
		if (furniture[i].kind == BOX_OPPORTUNITY_STATUS)
			json_object_object_add(data, "pipeline_id",
			                       json_object_new_string(org->pipeline->id));
		(void)box_store_add(org->store, kind, data);
		org->user = box_org_first(org, BOX_USER);
		org->pipeline = box_org_first(org, BOX_PIPELINE);
	}
}

struct box_org *box_org_new(uint64_t seed, uint64_t lag_ms, int64_t wall_ms)
{
	struct box_org *org = mem_alloc(sizeof(*org));

	org->store = box_store_new(seed);
	org->search = box_search_new(org->store, lag_ms);
	org->events = box_events_new();
	box_store_make_id(org->store, "orga", org->id);
	org->id_text = json_object_new_string(org->id);
	furnish(org, wall_ms);
	return org;
}

void box_org_free(struct box_org *org)
{
	if (!org)
		return;
	box_events_free(org->events);
	box_search_free(org->search);
	box_store_free(org->store);
	json_object_put(org->id_text);
	free(org);
}

struct json_object *box_org_render(struct box_org *org, const struct box_kind *kind,
                                   struct json_object *data)
{
	struct json_object *out = box_shallow(data);

	if (kind->render)
		kind->render(org, data, out);
	return out;
}

struct box_object *box_org_first(const struct box_org *org, enum box_kind_id kind)
{
	const struct box_list *all = box_store_all(org->store, &box_kinds[kind]);

	for (size_t i = 0; i < all->n; i++)
		if (!all->items[i]->is_deleted)
			return all->items[i];
	return NULL;
}

const char *box_org_user_name(const struct box_org *org, const char *user_id, char *buffer,
                              size_t bytes)
{
	const struct box_object *user =
		user_id ? box_store_find(org->store, &box_kinds[BOX_USER], user_id) : NULL;

	if (!user)
		return NULL;
	(void)snprintf(buffer, bytes, "%s %s", json_get_string(user->data, "first_name"),
	               json_get_string(user->data, "last_name"));
	return buffer;
}
