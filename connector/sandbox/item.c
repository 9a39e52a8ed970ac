#include "connector/sandbox/item.h"

#include "connector/sandbox/lead_list.h"
#include "connector/sandbox/list.h"
#include "connector/sandbox/remove.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

void box_item_write(struct box_visit *v, const struct box_kind *kind, struct box_object *old)
{
	const struct box_actor actor = box_visit_actor(v);
	struct json_object *complaint = NULL;
	const struct box_object *object;
	unsigned status;

	if (!box_visit_read(v))
		return;
	if (!old && box_store_is_full(v->api->org->store)) {
		box_answer_error(v->answer, 402, "The sandbox holds no more than %d objects.",
		                 box_max_objects);
		return;
	}
	object = box_write(v->api->org, &actor, kind, old, v->body, &complaint);
	if (!object) {
		box_answer_json(v->answer, 400, complaint);
		return;
	}
	box_visit_note(v, object);
	status = box_visit_good_status(v, old ? METHOD_PUT : METHOD_POST);
	if (status == 201)
		box_answer_header(v->answer, "Location: /api/v1%s%s/", kind->path, object->id);
	box_visit_send(v, object, status);
}

static void delete_object(struct box_visit *v, struct box_object *object)
{
	const struct box_actor actor = box_visit_actor(v);
	const char *refusal = box_delete(v->api->org, &actor, object);

	if (refusal) {
		box_answer_error(v->answer, 400, "%s", refusal);
		return;
	}
	box_visit_note(v, object);
	box_visit_deleted(v);
}

/* Some lists are only shown by one of certain filters; false: it has answered so. */
static bool is_asked_for(struct box_visit *v, const struct box_kind *kind)
{
	for (const char *const *need = kind->needs; need && *need; need++)
		if (json_get_string(v->call->params, *need))
			return true;
	if (kind->needs)
		box_visit_blame(v, kind->needs[0], "This field is required.");
	return !kind->needs;
}

static void list(struct box_visit *v, const struct box_kind *kind)
{
	if (json_get_string(v->call->params, "query") && kind == &box_kinds[BOX_LEAD])
		box_lead_list_answer(v->api->org, v->call, v->answer);
	else if (is_asked_for(v, kind))
		box_list_answer(v->api->org, kind, v->call, v->answer);
}

void box_collection(struct box_visit *v, const struct box_kind *kind)
{
	if (box_visit_is(v, "POST") && (kind->methods & BOX_CAN_POST))
		box_item_write(v, kind, NULL);
	else if (box_visit_is(v, "GET") && (kind->methods & BOX_CAN_GET))
		list(v, kind);
	else
		box_visit_not_allowed(v);
}

/* Whether the item exists does not matter to a method that no item has. */
static void no_item(struct box_visit *v, const struct box_kind *kind)
{
	if (box_visit_is(v, "POST"))
		box_visit_not_allowed(v);
	else
		box_visit_not_there(v, kind->class_name);
}

static bool has_method(const struct box_visit *v, const struct box_kind *kind)
{
	static const struct {
		const char *method;
		enum box_method bit;
	} methods[] = {{"GET", BOX_CAN_GET}, {"PUT", BOX_CAN_PUT}, {"DELETE", BOX_CAN_DELETE}};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (box_visit_is(v, methods[i].method))
			return kind->methods & methods[i].bit;
	return false;
}

void box_item(struct box_visit *v, const struct box_kind *kind, const char *id)
{
	const bool can = has_method(v, kind);
	char *text = mem_dup(id, strcspn(id, "/"));
	struct box_object *object = box_store_find(v->api->org->store, kind, text);

	if (!object && box_visit_is(v, "GET") && box_visit_so(v, DOUBT_AFTER_DELETE, "seen_once"))
		object = box_store_last_look(v->api->org->store, kind, text);
	free(text);
	if (!object && (can || !box_visit_is(v, "GET")))
		no_item(v, kind);
	else if (!can)
		box_visit_not_allowed(v);
	else if (box_visit_is(v, "GET"))
		box_visit_send(v, object, 200);
	else if (box_visit_is(v, "PUT"))
		box_item_write(v, kind, object);
	else
		delete_object(v, object);
}
