#include "connector/sandbox/org.h"
#include "connector/sandbox/rules.h"
#include "lib/json.h"

#include <stdlib.h>
#include <string.h>

/* The render hooks of what an organization shares. */

static struct json_object *render_list(struct box_org *org, const struct box_list *list)
{
	struct json_object *out = json_object_new_array();

	for (size_t i = 0; i < list->n; i++)
		if (!list->items[i]->is_deleted)
			json_object_array_add(out, box_org_render(org, list->items[i]->kind,
			                                          list->items[i]->data));
	return out;
}

static void add_all(struct box_org *org, struct json_object *out, const char *name,
                    enum box_kind_id kind)
{
	box_set(out, name, render_list(org, box_store_all(org->store, &box_kinds[kind])));
}

/* Those of @kind that name @id under @key. */
static void add_users(struct box_org *org, struct json_object *out, const char *name,
                      enum box_kind_id kind, const char *key, const char *id)
{
	const struct box_list *all = box_store_all(org->store, &box_kinds[kind]);
	struct box_list some = {0};

	for (size_t i = 0; i < all->n; i++) {
		const char *named = json_get_string(all->items[i]->data, key);

		if (named && strcmp(named, id) == 0)
			box_list_add(&some, all->items[i]);
	}
	box_set(out, name, render_list(org, &some));
	free(some.items);
}

void box_render_organization(struct box_org *org, struct json_object *data, struct json_object *out)
{
	struct box_list statuses = {0};

	(void)data;
	box_org_lead_statuses(org, &statuses);
	box_set(out, "lead_statuses", render_list(org, &statuses));
	free(statuses.items);
	add_all(org, out, "memberships", BOX_MEMBERSHIP);
	box_set(out, "inactive_memberships", json_object_new_array());
	add_all(org, out, "opportunity_statuses", BOX_OPPORTUNITY_STATUS);
	add_all(org, out, "pipelines", BOX_PIPELINE);
	add_all(org, out, "lead_custom_fields", BOX_LEAD_FIELD);
	add_all(org, out, "contact_custom_fields", BOX_CONTACT_FIELD);
	add_all(org, out, "opportunity_custom_fields", BOX_OPPORTUNITY_FIELD);
}

/* What is said of the user stands beside: "user_email", "user_first_name". */
void box_render_membership(struct box_org *org, struct json_object *data, struct json_object *out)
{
	const char *id = json_get_string(data, "user_id");
	const struct box_object *user =
		id ? box_store_find(org->store, &box_kinds[BOX_USER], id) : NULL;

	if (!user)
		return;
	box_set(out, "user_email", json_object_get(json_get(user->data, "email")));
	box_set(out, "user_first_name", json_object_get(json_get(user->data, "first_name")));
	box_set(out, "user_last_name", json_object_get(json_get(user->data, "last_name")));
}

void box_render_thread(struct box_org *org, struct json_object *data, struct json_object *out)
{
	box_render_activity(org, data, out);
	add_users(org, out, "emails", BOX_EMAIL, "thread_id", json_get_string(data, "id"));
}

void box_render_comment_thread(struct box_org *org, struct json_object *data,
                               struct json_object *out)
{
	add_users(org, out, "comments", BOX_COMMENT, "thread_id", json_get_string(data, "id"));
}

static void rename_key(struct json_object *out, const char *from, const char *to)
{
	box_set(out, to, json_object_get(json_get(out, from)));
	json_object_object_del(out, from);
}

void box_render_playbook(struct box_org *org, struct json_object *data, struct json_object *out)
{
	(void)org;
	rename_key(out, "date_created", "created_at");
	rename_key(out, "date_updated", "updated_at");
	rename_key(out, "created_by", "created_by_id");
	rename_key(out, "updated_by", "updated_by_id");
	box_set(out, "archived_at", json_object_get(json_get(data, "archived_at")));
	box_set(out, "archived_by_id", json_object_get(json_get(data, "archived_by_id")));
}

void box_render_smart_view(struct box_org *org, struct json_object *data, struct json_object *out)
{
	box_set(out, "is_shared",
	        json_object_new_boolean(json_get(data, "sharing_settings") != NULL));
	box_set(out, "is_user_dependent", json_object_new_boolean(false));
	box_set(out, "user_id", json_object_new_string(org->user->id));
}

void box_render_shared_link(struct box_org *org, struct json_object *data, struct json_object *out)
{
	add_users(org, out, "associations", BOX_SHARED_LINK_USE, "shared_scheduling_link_id",
	          json_get_string(data, "id"));
}
