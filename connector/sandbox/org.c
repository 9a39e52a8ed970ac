#include "connector/sandbox/org.h"

#include "connector/sandbox/jobs.h"
#include "connector/sandbox/sent.h"
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
	{BOX_PHONE_NUMBER, "{\"number\":\"+16505550126\",\"type\":\"internal\",\"country\":\"US\","
                           "\"sharing\":\"group\",\"is_group_number\":true}"},
};

/* Adds what nobody posted: @data without its usual members. */
static const struct box_object *place(struct box_org *org, enum box_kind_id kind,
                                      struct json_object *data, int64_t wall_ms)
{
	char now[moment_bytes];

	(void)moment_text(wall_ms * 1000, now);
	box_set(data, "organization_id", json_object_get(org->id_text));
	box_set(data, "date_created", json_object_new_string(now));
	box_set(data, "date_updated", json_object_new_string(now));
	return box_store_add(org->store, &box_kinds[kind], data);
}

void box_org_enlist(struct box_org *org, const struct box_object *user, int64_t wall_ms)
{
	struct json_object *data = json_object_new_object();

	box_set(data, "user_id", json_object_new_string(user->id));
	box_set(data, "email", json_object_get(json_get(user->data, "email")));
	box_set(data, "role_id", json_object_new_string("admin"));
	box_set(data, "auto_record_calls", json_object_new_string("unset"));
	(void)place(org, BOX_MEMBERSHIP, data, wall_ms);
}

static void furnish(struct box_org *org, int64_t wall_ms)
{
	for (size_t i = 0; i < sizeof(furniture) / sizeof(furniture[0]); i++) {
		struct json_object *data = NULL;
		int r = json_parse(furniture[i].text, strlen(furniture[i].text), 0, &data, NULL,
		                   NULL);

		assert(r == 0);
		if (furniture[i].kind == BOX_OPPORTUNITY_STATUS)
			json_object_object_add(
				data, "pipeline_id",
				json_object_new_string(box_org_first(org, BOX_PIPELINE)->id));
		(void)place(org, furniture[i].kind, data, wall_ms);
		org->user = box_org_first(org, BOX_USER);
	}
	box_org_enlist(org, org->user, wall_ms);
}

/* Its id is in everything else, so it comes first. */
static void found(struct box_org *org)
{
	struct json_object *data = json_object_new_object();
	const struct box_object *organization;

	box_set(data, "name", json_object_new_string("Sandbox"));
	box_set(data, "currency", json_object_new_string("USD"));
	organization = box_store_add(org->store, &box_kinds[BOX_ORGANIZATION], data);
	(void)snprintf(org->id, sizeof(org->id), "%s", organization->id);
	org->id_text = json_object_get(json_get(data, "id"));
}

struct box_org *box_org_new(uint64_t seed, uint64_t lag_ms, int64_t wall_ms)
{
	struct box_org *org = mem_alloc(sizeof(*org));

	org->store = box_store_new(seed);
	org->search = box_search_new(org->store, lag_ms);
	org->events = box_events_new();
	org->jobs = box_jobs_new();
	org->sent = box_sent_new();
	found(org);
	org->orders = json_object_new_object();
	furnish(org, wall_ms);
	return org;
}

void box_org_free(struct box_org *org)
{
	if (!org)
		return;
	box_jobs_free(org->jobs);
	box_sent_free(org->sent);
	box_events_free(org->events);
	box_search_free(org->search);
	box_store_free(org->store);
	json_object_put(org->orders);
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

void box_org_order(struct box_org *org, const char *name, struct json_object *wanted)
{
	struct json_object *ids = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(wanted); i++) {
		const char *id = json_get_string(json_object_array_get_idx(wanted, i), "id");

		if (id)
			json_object_array_add(ids, json_object_new_string(id));
	}
	json_object_object_add(org->orders, name, ids);
}

/* Moves the object called @id to place @to, if it stands behind; true if it does now. */
static bool move_to(struct box_list *list, size_t to, const char *id)
{
	for (size_t i = to; i < list->n; i++) {
		struct box_object *object = list->items[i];

		if (strcmp(object->id, id) != 0)
			continue;
		memmove(list->items + to + 1, list->items + to,
		        (i - to) * sizeof(struct box_object *));
		list->items[to] = object;
		return true;
	}
	return false;
}

void box_org_sort(const struct box_org *org, const char *name, struct box_list *list)
{
	struct json_object *ids = json_get(org->orders, name);
	size_t to = 0;

	for (size_t i = 0; ids && i < json_object_array_length(ids); i++)
		to += move_to(list, to, json_object_get_string(json_object_array_get_idx(ids, i)));
}

void box_org_statuses(const struct box_org *org, const char *pipeline_id, struct box_list *ret_list)
{
	const struct box_list *all = box_store_all(org->store, &box_kinds[BOX_OPPORTUNITY_STATUS]);

	for (size_t i = 0; i < all->n; i++)
		if (!all->items[i]->is_deleted &&
		    strcmp(json_get_string(all->items[i]->data, "pipeline_id"), pipeline_id) == 0)
			box_list_add(ret_list, all->items[i]);
	box_org_sort(org, pipeline_id, ret_list);
}

void box_org_lead_statuses(const struct box_org *org, struct box_list *ret_list)
{
	const struct box_list *all = box_store_all(org->store, &box_kinds[BOX_LEAD_STATUS]);

	for (size_t i = 0; i < all->n; i++)
		if (!all->items[i]->is_deleted)
			box_list_add(ret_list, all->items[i]);
	box_org_sort(org, org->id, ret_list);
}

const struct box_object *box_org_add_person(struct box_org *org, const char *email,
                                            const char *first, const char *last, int64_t wall_ms)
{
	struct json_object *data = json_object_new_object();

	box_set(data, "email", json_object_new_string(email));
	box_set(data, "first_name", json_object_new_string(first));
	box_set(data, "last_name", json_object_new_string(last));
	return place(org, BOX_USER, data, wall_ms);
}

const struct box_object *box_org_add_user(struct box_org *org, const char *email, const char *first,
                                          const char *last, int64_t wall_ms)
{
	const struct box_object *user = box_org_add_person(org, email, first, last, wall_ms);

	box_org_enlist(org, user, wall_ms);
	return user;
}

struct box_object *box_org_first(const struct box_org *org, enum box_kind_id kind)
{
	const struct box_list *all = box_store_all(org->store, &box_kinds[kind]);

	for (size_t i = 0; i < all->n; i++)
		if (!all->items[i]->is_deleted)
			return all->items[i];
	return NULL;
}

struct box_object *box_org_find(const struct box_org *org, enum box_kind_id kind, const char *key,
                                const char *text)
{
	const struct box_list *all = box_store_all(org->store, &box_kinds[kind]);

	for (size_t i = 0; text && i < all->n; i++) {
		const char *value = json_get_string(all->items[i]->data, key);

		if (!all->items[i]->is_deleted && value && strcmp(value, text) == 0)
			return all->items[i];
	}
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
