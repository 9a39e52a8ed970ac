#include "connector/sandbox/routes.h"

#include "connector/sandbox/item.h"
#include "connector/sandbox/list.h"
#include "connector/sandbox/merge.h"
#include "connector/sandbox/pages.h"
#include "connector/sandbox/schema.h"
#include "connector/sandbox/webhook_rules.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

static void me(struct box_visit *v)
{
	box_visit_send(v, v->api->org->user, 200);
}

/* The key a call came with, but not its secret. */
static void api_keys(struct box_visit *v)
{
	const struct box_org *org = v->api->org;
	struct json_object *out = json_object_new_object(), *one = json_object_new_object();
	struct json_object *data = json_object_new_array();

	box_set(one, "id", json_object_new_string(v->call->key_id));
	box_set(one, "user_id", json_object_new_string(org->user->id));
	box_set(one, "organization_id", json_object_new_string(org->id));
	box_set(one, "date_created", json_object_get(json_get(org->user->data, "date_created")));
	box_set(one, "date_updated", json_object_get(json_get(org->user->data, "date_updated")));
	json_object_array_add(data, box_pick(one, json_get_string(v->call->params, "_fields")));
	box_set(out, "data", data);
	box_set(out, "has_more", json_object_new_boolean(false));
	box_answer_json(v->answer, 200, out);
}

static void activities(struct box_visit *v)
{
	box_list_activities(v->api->org, v->call, v->answer);
}

static void events(struct box_visit *v)
{
	struct err err;
	struct json_object *page =
		box_events_page(v->api->org->events, v->api->org, v->call->params, &err);

	if (page)
		box_answer_json(v->answer, 200, page);
	else
		box_answer_error(v->answer, 400, "%s", err.text);
}

static void search(struct box_visit *v)
{
	struct json_object *found, *complaint = NULL;

	if (!box_visit_read(v))
		return;
	found = box_search_answer(v->api->org->search, v->api->org, v->body, v->call->now_ms,
	                          &complaint);
	box_answer_json(v->answer, found ? 200 : 400, found ? found : complaint);
}

/* "/custom_field_schema/lead/": the fields of one kind of object, in order. */
static void schema(struct box_visit *v)
{
	if (box_visit_is(v, "GET") || box_visit_read(v))
		v->call->is_applied = box_schema_answer(v->api->org, v->call, v->body, v->answer);
}

static void association(struct box_visit *v)
{
	const struct box_actor actor = box_visit_actor(v);

	if ((box_visit_is(v, "POST") || box_visit_is(v, "PUT")) && !box_visit_read(v))
		return;
	v->call->is_applied =
		box_association_answer(v->api->org, &actor, v->call, v->body, v->answer);
}

/*
 * What is no plain collection of objects, or no plain item of one. A path's "{}" is any one
 * segment,
 * "*" at its end whatever is left.
 */
static const struct page {
	const char *method; /* NULL: the page sees to that itself */
	const char *path;
	void (*answer)(struct box_visit *v);
} pages[] = {
	{"GET", "/me/", me},
	{"GET", "/api_key/", api_keys},
	{"GET", "/activity/", activities},
	{"GET", "/event/", events},
	{"POST", "/data/search/", search},
	{"POST", "/lead/merge/", box_page_merge},
	{"POST", "/webhook/", box_page_subscribe},
	{"PUT", "/task/", box_page_tasks},
	{"POST", "/group/{}/member/", box_page_add_member},
	{"DELETE", "/group/{}/member/{}/", box_page_remove_member},
	{"POST", "/membership/", box_page_invite},
	{"PUT", "/membership/", box_page_memberships},
	{"GET", "/membership/{}/pinned_views/", box_page_pinned_views},
	{"PUT", "/membership/{}/pinned_views/", box_page_pinned_views},
	{"POST", "/send_as/bulk/", box_page_send_as_bulk},
	{"DELETE", "/send_as/", box_page_send_as_delete},
	{"GET", "/comment_thread/", box_page_threads},
	{"DELETE", "/comment/{}/", box_page_delete_comment},
	{"POST", "/activity/meeting/{}/integration/", box_page_integrate_meeting},
	{"POST", "/phone_number/request/internal/", box_page_request_number},
	{"GET", "/blocked_phone_number/settings/", box_page_blocking},
	{"PUT", "/blocked_phone_number/settings/", box_page_blocking},
	{"DELETE", "/unsubscribe/email/{}/", box_page_resubscribe},
	{"POST", "/playbook/{}/archive/", box_page_archive},
	{"POST", "/playbook/{}/unarchive/", box_page_archive},
	{"POST", "/scheduling_link/integration/", box_page_put_link},
	{"DELETE", "/scheduling_link/integration/{}/", box_page_delete_link},
	{"POST", "/shared_scheduling_link_association/unmap/", box_page_unmap_link},
	{"PUT", "/bulk_action/{}/{}/", box_page_pause_bulk},
	{"GET", "/export/", box_page_exports},
	{"GET", "/export/{}/", box_page_export},
	{"POST", "/files/upload/", box_page_upload},
	{"POST", "/enrich_field/", box_page_enrich},
	{"POST", "/report/activity/", box_page_activity_report},
	{"POST", "/report/funnel/opportunity/stages/", box_page_funnel},
	{"POST", "/report/funnel/opportunity/totals/", box_page_funnel},
	{"GET", "/custom_field_schema/*", schema},
	{"PUT", "/custom_field_schema/*", schema},
	{NULL, "/custom_field/shared/{}/association/*", association},
	{NULL, "/custom_field/shared/{}/association/", association},
};

enum { n_pages = sizeof(pages) / sizeof(pages[0]) };

/* Where the path's parts begin; a part ends at its slash. */
static bool fits(const char *pattern, const char *path, const char *ret_parts[static 2])
{
	size_t n = 0;

	for (; *pattern; pattern++) {
		if (*pattern == '*')
			return *path != '\0';
		if (*pattern != '{') {
			if (*pattern != *path++)
				return false;
			continue;
		}
		ret_parts[n++] = path;
		if (*path == '/')
			return false;
		path += strcspn(path, "/");
		pattern++; /* its "}" */
	}
	return !*path;
}

static bool is_method(const struct page *page, const char *method)
{
	return !page->method || strcmp(page->method, method) == 0;
}

/* What is known of a path. */
struct match {
	const struct page *page; /* NULL: none answers it by this method */
	const char *parts[2];
	bool is_path;    /* some page answers it, by whatever method */
	bool is_literal; /* and by name */
};

static struct match find_page(const char *path, const char *method)
{
	struct match match = {0};

	for (size_t i = 0; i < n_pages && !match.page; i++) {
		const char *parts[2] = {NULL, NULL};

		if (!fits(pages[i].path, path, parts))
			continue;
		match.is_path = true;
		match.is_literal |= !strpbrk(pages[i].path, "{*");
		if (!is_method(&pages[i], method))
			continue;
		match.page = &pages[i];
		memcpy(match.parts, parts, sizeof(parts));
	}
	return match;
}

static void answer_page(struct box_visit *v, const struct match *match)
{
	for (size_t i = 0; i < 2; i++)
		v->part[i] = match->parts[i]
		                     ? mem_dup(match->parts[i], strcspn(match->parts[i], "/"))
		                     : NULL;
	match->page->answer(v);
	for (size_t i = 0; i < 2; i++) {
		free(v->part[i]);
		v->part[i] = NULL;
	}
}

static enum http_method method_of(const struct box_visit *v)
{
	if (box_visit_is(v, "DELETE"))
		return METHOD_DELETE;
	return box_visit_is(v, "PUT") ? METHOD_PUT : METHOD_POST;
}

/* What only applications may do that people have let in. */
static bool is_kept_from(const struct box_visit *v)
{
	const struct operation *op =
		box_visit_is(v, "GET") ? NULL : box_visit_operation(v, method_of(v));

	return op && op->is_oauth_only && !box_visit_is_oauth(v) &&
	       box_visit_so(v, DOUBT_OAUTH_ONLY, "refused");
}

bool box_route(struct box_visit *v)
{
	const struct match match = find_page(v->call->path, v->call->method);
	const char *id = NULL;
	const struct box_kind *kind = box_kind_of_path(v->call->path, &id);

	if (is_kept_from(v))
		box_answer_error(v->answer, 403,
		                 "This endpoint is only available to OAuth applications.");
	else if (match.page)
		answer_page(v, &match);
	else if (kind && !id)
		box_collection(v, kind);
	else if (match.is_literal || (match.is_path && !kind))
		box_visit_not_allowed(v);
	else if (kind)
		box_item(v, kind, id);
	return match.is_path || kind;
}

bool box_route_knows(const char *path)
{
	const char *id;

	return find_page(path, "").is_path || box_kind_of_path(path, &id);
}
