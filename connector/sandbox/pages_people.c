#include "connector/sandbox/pages.h"

#include "connector/sandbox/item.h"
#include "connector/sandbox/remove.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

static struct box_object *find_group(struct box_visit *v)
{
	struct box_object *group =
		box_store_find(v->api->org->store, &box_kinds[BOX_GROUP], v->part[0]);

	if (!group)
		box_visit_not_there(v, "Group");
	return group;
}

/* Where the user stands among the members; their number where not at all. */
static size_t member_at(const struct box_object *group, const char *user_id)
{
	struct json_object *members = json_get(group->data, "members");
	const size_t n = json_object_array_length(members);
	size_t i = 0;

	while (i < n &&
	       !box_is_same(json_get_string(json_object_array_get_idx(members, i), "user_id"),
	                    user_id))
		i++;
	return i;
}

static struct json_object *member(const char *user_id)
{
	struct json_object *one = json_object_new_object();

	box_set(one, "user_id", json_object_new_string(user_id));
	return one;
}

/* The members without the one at @but, and with @user_id at the end (NULL: nobody). */
static void change_members(struct box_visit *v, struct box_object *group, size_t but,
                           const char *user_id)
{
	const struct box_actor actor = box_visit_actor(v);
	struct json_object *before = json_get(group->data, "members");
	struct json_object *after = json_object_new_array(), *data = box_shallow(group->data);

	for (size_t i = 0; i < json_object_array_length(before); i++)
		if (i != but)
			json_object_array_add(
				after, json_object_get(json_object_array_get_idx(before, i)));
	if (user_id)
		json_object_array_add(after, member(user_id));
	box_set(data, "members", after);
	box_change(v->api->org, &actor, group, data);
	box_visit_note(v, group);
}

void box_page_add_member(struct box_visit *v)
{
	struct box_object *group = find_group(v);
	const char *id;

	if (!group || !box_visit_read(v))
		return;
	id = json_get_string(v->body, "user_id");
	if (!id || !box_store_find(v->api->org->store, &box_kinds[BOX_USER], id)) {
		box_visit_blame(v, id ? "user" : "user_id",
		                id ? "Object does not exist." : "This field is required.");
		return;
	}
	if (member_at(group, id) == json_object_array_length(json_get(group->data, "members")))
		change_members(v, group, SIZE_MAX, id);
	box_answer_json(v->answer, box_visit_good_status(v, METHOD_POST), member(id));
}

void box_page_remove_member(struct box_visit *v)
{
	struct box_object *group = find_group(v);
	size_t at;

	if (!group)
		return;
	if (!box_store_find(v->api->org->store, &box_kinds[BOX_USER], v->part[1])) {
		box_visit_not_there(v, "User");
		return;
	}
	at = member_at(group, v->part[1]);
	if (at < json_object_array_length(json_get(group->data, "members")))
		change_members(v, group, at, NULL);
	box_visit_deleted(v);
}

/* Whoever is in the organization already stays in it, with the role that is asked for. */
void box_page_invite(struct box_visit *v)
{
	static const struct box_field fields[] = {
		{.name = "email", .type = BOX_EMAIL_TEXT, .flags = BOX_REQUIRED},
		{.name = "role_id", .type = BOX_TEXT, .flags = BOX_REQUIRED},
		{NULL},
	};
	struct box_object *old;

	if (!box_visit_read(v) || !box_visit_check(v, fields))
		return;
	old = box_org_find(v->api->org, BOX_MEMBERSHIP, "email", json_get_string(v->body, "email"));
	box_item_write(v, &box_kinds[BOX_MEMBERSHIP], old);
}

/* The texts of "memb_1,memb_2", one after the other; NULL at the end. To free(). */
static char *next_id(const char **ids)
{
	const size_t len = strcspn(*ids, ",");
	char *id = len ? mem_dup(*ids, len) : NULL;

	*ids += len + ((*ids)[len] == ',');
	return id;
}

/* PUT of all that `_params` or the query name. */
void box_page_memberships(struct box_visit *v)
{
	const struct box_kind *kind = &box_kinds[BOX_MEMBERSHIP];
	const struct box_actor actor = box_visit_actor(v);
	struct json_object *complaint = NULL;
	struct box_list done = {0};
	const char *ids;
	char *id;

	if (!box_visit_read(v))
		return;
	ids = json_get_string(json_get(v->body, "_params"), "id__in");
	ids = ids ? ids : json_get_string(v->call->params, "id__in");
	if (!ids || !*ids) {
		box_visit_blame(v, "_params", "This field is required.");
		return;
	}
	while (!complaint && (id = next_id(&ids))) {
		struct box_object *object = box_store_find(v->api->org->store, kind, id);

		free(id);
		if (object && box_write(v->api->org, &actor, kind, object, v->body, &complaint)) {
			box_list_add(&done, object);
			box_visit_note(v, object);
		}
	}
	if (complaint)
		box_answer_json(v->answer, 400, complaint);
	else
		box_visit_send_all(v, &done);
	free(done.items);
}

static void send_views(struct box_visit *v, struct json_object *ids)
{
	struct box_list views = {0};

	for (size_t i = 0; ids && i < json_object_array_length(ids); i++) {
		struct box_object *view =
			box_store_find(v->api->org->store, &box_kinds[BOX_SMART_VIEW],
		                       json_object_get_string(json_object_array_get_idx(ids, i)));

		if (view)
			box_list_add(&views, view);
	}
	box_visit_send_all(v, &views);
	free(views.items);
}

void box_page_pinned_views(struct box_visit *v)
{
	const struct box_actor actor = box_visit_actor(v);
	struct box_object *membership =
		box_store_find(v->api->org->store, &box_kinds[BOX_MEMBERSHIP], v->part[0]);
	struct json_object *ids, *data;

	if (!membership) {
		box_visit_not_there(v, "Membership");
		return;
	}
	if (box_visit_is(v, "PUT")) {
		static const struct box_field fields[] = {
			{.name = "saved_view_ids",
		         .type = BOX_REFERENCES,
		         .ref = BOX_SMART_VIEW,
		         .flags = BOX_REQUIRED},
			{NULL},
		};

		if (!box_visit_read(v) || !box_visit_check(v, fields))
			return;
		ids = json_get(v->body, "saved_view_ids");
		data = box_shallow(membership->data);
		box_set(data, "saved_view_ids", json_object_get(ids));
		box_change(v->api->org, &actor, membership, data);
		box_visit_note(v, membership);
	}
	send_views(v, json_get(membership->data, "saved_view_ids"));
}

static struct box_object *find_permission(const struct box_org *org, const char *allowed)
{
	const struct box_list *all = box_store_all(org->store, &box_kinds[BOX_SEND_AS]);

	for (size_t i = 0; i < all->n; i++)
		if (!all->items[i]->is_deleted &&
		    box_is_same(json_get_string(all->items[i]->data, "allowed_user_id"), allowed))
			return all->items[i];
	return NULL;
}

/* Permissions are all of the one user there is to give them. */
static void permit(struct box_visit *v, struct json_object *ids, bool is_allowed)
{
	const struct box_actor actor = box_visit_actor(v);
	struct box_org *org = v->api->org;

	for (size_t i = 0; ids && i < json_object_array_length(ids); i++) {
		const char *id = json_object_get_string(json_object_array_get_idx(ids, i));
		struct box_object *old = find_permission(org, id);
		struct json_object *body;

		if (old && !is_allowed) {
			(void)box_delete(org, &actor, old);
		} else if (!old && is_allowed) {
			body = json_object_new_object();
			box_set(body, "allowing_user_id", json_object_new_string(org->user->id));
			box_set(body, "allowed_user_id", json_object_new_string(id));
			(void)box_make(org, &actor, BOX_SEND_AS, body);
		}
	}
	v->call->is_applied = true;
}

void box_page_send_as_bulk(struct box_visit *v)
{
	static const struct box_field fields[] = {
		{.name = "allowed_user_ids", .type = BOX_REFERENCES, .ref = BOX_USER},
		{.name = "disallowed_user_ids", .type = BOX_REFERENCES, .ref = BOX_USER},
		{NULL},
	};
	const struct box_list *all = box_store_all(v->api->org->store, &box_kinds[BOX_SEND_AS]);

	if (!box_visit_read(v) || !box_visit_check(v, fields))
		return;
	permit(v, json_get(v->body, "allowed_user_ids"), true);
	permit(v, json_get(v->body, "disallowed_user_ids"), false);
	box_visit_send_all(v, all);
}

void box_page_send_as_delete(struct box_visit *v)
{
	const struct box_actor actor = box_visit_actor(v);
	const char *allowing = json_get_string(v->call->params, "allowing_user_id");
	const char *allowed = json_get_string(v->call->params, "allowed_user_id");
	struct box_object *old = allowed ? find_permission(v->api->org, allowed) : NULL;

	if (!allowing || !allowed) {
		box_visit_blame(v, allowing ? "allowed_user_id" : "allowing_user_id",
		                "This field is required.");
	} else if (!old || !box_is_same(allowing, v->api->org->user->id)) {
		box_visit_not_there(v, "SendAs");
	} else {
		(void)box_delete(v->api->org, &actor, old);
		box_visit_note(v, old);
		box_visit_deleted(v);
	}
}
