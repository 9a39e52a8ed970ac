#include "connector/sandbox/pages.h"

#include "connector/sandbox/after.h"
#include "connector/sandbox/item.h"
#include "connector/sandbox/list.h"
#include "connector/sandbox/remove.h"
#include "lib/json.h"
#include "lib/moment.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The object of @kind that the path's first part names; NULL: it has answered that there is none.
 */
static struct box_object *find(struct box_visit *v, enum box_kind_id kind)
{
	struct box_object *object =
		box_store_find(v->api->org->store, &box_kinds[kind], v->part[0]);

	if (!object)
		box_visit_not_there(v, box_kinds[kind].class_name);
	return object;
}

/* GET /comment_thread/: its filters are called after what they list. */
void box_page_threads(struct box_visit *v)
{
	static const struct {
		const char *param, *filter;
	} filters[] = {{"ids", "id__in"}, {"object_ids", "object_id__in"}};
	struct json_object *params = json_object_new_object();
	struct box_list threads = {0};

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		const char *list = json_get_string(v->call->params, filters[i].param);

		if (list)
			box_set(params, filters[i].filter, json_object_new_string(list));
	}
	if (box_list_find(v->api->org, &box_kinds[BOX_COMMENT_THREAD], params, v->answer, &threads))
		box_visit_send_all(v, &threads);
	free(threads.items);
	json_object_put(params);
}

static bool has_text(const struct box_org *org, const char *thread_id)
{
	const struct box_list *all = box_store_all(org->store, &box_kinds[BOX_COMMENT]);

	for (size_t i = 0; i < all->n; i++) {
		const char *body = json_get_string(all->items[i]->data, "body");

		if (!all->items[i]->is_deleted && body && *body &&
		    box_is_same(json_get_string(all->items[i]->data, "thread_id"), thread_id))
			return true;
	}
	return false;
}

/* It loses its text; when the last one has, the thread goes, and all its comments with it. */
void box_page_delete_comment(struct box_visit *v)
{
	const struct box_actor actor = box_visit_actor(v);
	struct box_object *comment = find(v, BOX_COMMENT), *thread;
	struct json_object *data;

	if (!comment)
		return;
	data = box_shallow(comment->data);
	box_set(data, "body", json_object_new_string(""));
	box_change(v->api->org, &actor, comment, data);
	thread = box_store_find(v->api->org->store, &box_kinds[BOX_COMMENT_THREAD],
	                        json_get_string(comment->data, "thread_id"));
	if (thread && !has_text(v->api->org, thread->id))
		(void)box_delete(v->api->org, &actor, thread);
	box_visit_note(v, comment);
	box_visit_deleted(v);
}

/* One integration per application and meeting; an empty one changes nothing. */
void box_page_integrate_meeting(struct box_visit *v)
{
	static const struct box_field fields[] = {
		{.name = "integration_data", .type = BOX_MAP},
		{NULL},
	};
	const struct box_actor actor = box_visit_actor(v);
	struct box_object *meeting = find(v, BOX_MEETING);
	struct json_object *data, *integrations, *wanted;

	if (!meeting || !box_visit_read(v) || !box_visit_check(v, fields))
		return;
	wanted = json_get(v->body, "integration_data");
	if (wanted) {
		integrations = json_object_new_array();
		data = box_shallow(meeting->data);
		json_object_array_add(integrations, json_object_get(v->body));
		box_set(data, "integrations", integrations);
		box_change(v->api->org, &actor, meeting, data);
		box_visit_note(v, meeting);
	}
	box_visit_send(v, meeting, 200);
}

void box_page_request_number(struct box_visit *v)
{
	box_item_write(v, &box_kinds[BOX_PHONE_NUMBER], NULL);
}

void box_page_blocking(struct box_visit *v)
{
	static const struct box_field fields[] = {
		{.name = "reject_anonymous_inbound_calls",
	         .type = BOX_BOOLEAN,
	         .flags = BOX_REQUIRED},
		{NULL},
	};
	struct box_org *org = v->api->org;
	struct json_object *out;

	if (box_visit_is(v, "PUT")) {
		if (!box_visit_read(v) || !box_visit_check(v, fields))
			return;
		org->rejects_anonymous_calls = json_get_bool(v->body, fields[0].name, false);
		v->call->is_applied = true;
	}
	out = json_object_new_object();
	box_set(out, fields[0].name, json_object_new_boolean(org->rejects_anonymous_calls));
	box_answer_json(v->answer, 200, out);
}

/* DELETE /unsubscribe/email/ana@northwind.example/ */
void box_page_resubscribe(struct box_visit *v)
{
	const struct box_actor actor = box_visit_actor(v);
	const struct box_list *all =
		box_store_all(v->api->org->store, &box_kinds[BOX_UNSUBSCRIBED]);
	bool is_any = false;

	for (size_t i = 0; i < all->n; i++) {
		const char *email = json_get_string(all->items[i]->data, "email");

		if (all->items[i]->is_deleted || strcasecmp(email, v->part[0]) != 0)
			continue;
		is_any = true;
		(void)box_delete(v->api->org, &actor, all->items[i]);
		box_visit_note(v, all->items[i]);
	}
	if (!is_any) {
		box_visit_not_there(v, box_kinds[BOX_UNSUBSCRIBED].class_name);
		return;
	}
	box_mark_unsubscribed(v->api->org, &actor, v->part[0], false);
	box_visit_deleted(v);
}

/* POST /playbook/{}/archive/, and /unarchive/ */
void box_page_archive(struct box_visit *v)
{
	const struct box_actor actor = box_visit_actor(v);
	const bool is_archived = strstr(v->call->path, "/archive/") != NULL;
	struct box_object *playbook = find(v, BOX_PLAYBOOK);
	struct json_object *data;
	char now[moment_bytes];

	if (!playbook)
		return;
	(void)moment_text(v->call->wall_ms * 1000, now);
	data = box_shallow(playbook->data);
	box_set(data, "archived_at", is_archived ? json_object_new_string(now) : NULL);
	box_set(data, "archived_by_id",
	        is_archived ? json_object_new_string(v->api->org->user->id) : NULL);
	box_change(v->api->org, &actor, playbook, data);
	box_visit_note(v, playbook);
	box_visit_send(v, playbook, 200);
}

static struct box_object *link_of(const struct box_visit *v, const char *source_id)
{
	return box_org_find(v->api->org, BOX_SCHEDULING_LINK, "source_id", source_id);
}

/* Made or changed, by the id it has where it comes from. */
void box_page_put_link(struct box_visit *v)
{
	static const struct box_field fields[] = {
		{.name = "source_id", .type = BOX_TEXT, .flags = BOX_REQUIRED},
		{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED},
		{.name = "url", .type = BOX_URL, .flags = BOX_REQUIRED},
		{NULL},
	};

	if (box_visit_read(v) && box_visit_check(v, fields))
		box_item_write(v, &box_kinds[BOX_SCHEDULING_LINK],
		               link_of(v, json_get_string(v->body, "source_id")));
}

void box_page_delete_link(struct box_visit *v)
{
	const struct box_actor actor = box_visit_actor(v);
	struct box_object *link = link_of(v, v->part[0]);

	if (!link) {
		box_visit_not_there(v, box_kinds[BOX_SCHEDULING_LINK].class_name);
		return;
	}
	(void)box_delete(v->api->org, &actor, link);
	box_visit_note(v, link);
	box_visit_deleted(v);
}

void box_page_unmap_link(struct box_visit *v)
{
	static const struct box_field fields[] = {
		{.name = "shared_scheduling_link_id",
	         .type = BOX_REFERENCE,
	         .ref = BOX_SHARED_LINK,
	         .flags = BOX_REQUIRED},
		{NULL},
	};
	const struct box_actor actor = box_visit_actor(v);
	struct box_object *use;

	if (!box_visit_read(v) || !box_visit_check(v, fields))
		return;
	while ((use = box_org_find(v->api->org, BOX_SHARED_LINK_USE, fields[0].name,
	                           json_get_string(v->body, fields[0].name)))) {
		(void)box_delete(v->api->org, &actor, use);
		box_visit_note(v, use);
	}
	box_answer_json(v->answer, 200, json_object_new_object());
}
