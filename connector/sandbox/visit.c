#include "connector/sandbox/visit.h"

#include "connector/sandbox/list.h"
#include "connector/sandbox/validate.h"
#include "lib/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { a_megabyte = 1024 * 1024 };

bool box_visit_is(const struct box_visit *v, const char *method)
{
	return strcmp(v->call->method, method) == 0;
}

bool box_visit_so(const struct box_visit *v, enum box_doubt doubt, const char *value)
{
	return box_doubt_is(&v->api->org->doubts, doubt, value);
}

static bool has_header(const struct box_call *call, const char *name, const char *beginning)
{
	char *value = box_call_header(call, name);
	const bool has = value && strncasecmp(value, beginning, strlen(beginning)) == 0;

	free(value);
	return has;
}

bool box_visit_read(struct box_visit *v)
{
	const struct box_call *call = v->call;

	if (v->body)
		return true;
	if (!box_visit_so(v, DOUBT_CHUNKED, "accepted") &&
	    has_header(call, "transfer-encoding", "chunked")) {
		box_answer_error(v->answer, 400, "Chunked Transfer-Encoding is not supported.");
		return false;
	}
	if (!has_header(call, "content-type", "application/json")) {
		box_answer_error(v->answer, box_visit_so(v, DOUBT_MEDIA_TYPE, "415") ? 415 : 400,
		                 "Please send valid JSON with a 'Content-Type: application/json' "
		                 "header.");
		return false;
	}
	if (call->body_len > a_megabyte && box_visit_so(v, DOUBT_BODY_SIZE, "1m")) {
		box_answer_error(v->answer, 413, "Request entity too large.");
		return false;
	}
	if (json_parse(call->body, call->body_len, 0, &v->body, NULL, NULL) < 0) {
		box_answer_error(v->answer, 400, "The request contains invalid JSON.");
		return false;
	}
	if (json_object_is_type(v->body, json_type_object))
		return true;
	box_answer_error(v->answer, 400, "JSON data must be a dict.");
	return false;
}

bool box_visit_check(struct box_visit *v, const struct box_field *fields)
{
	struct json_object *complaint = box_check_fields(v->api->org, fields, v->body);

	if (complaint)
		box_answer_json(v->answer, 400, complaint);
	return !complaint;
}

bool box_visit_is_oauth(const struct box_visit *v)
{
	static const char scheme[] = "Bearer ";

	return strncasecmp(v->call->authorization, scheme, strlen(scheme)) == 0;
}

struct box_actor box_visit_actor(const struct box_visit *v)
{
	return (struct box_actor){
		.request_id = v->call->request_id,
		.key_id = v->call->key_id,
		.method = v->call->method,
		.path = v->call->path,
		.wall_ms = v->call->wall_ms,
		.now_ms = v->call->now_ms,
	};
}

const struct operation *box_visit_operation(const struct box_visit *v, enum http_method method)
{
	return v->api->operations ? operation_match(v->api->operations, method, v->call->path)
	                          : NULL;
}

unsigned box_visit_good_status(const struct box_visit *v, enum http_method method)
{
	const struct operation *op = box_visit_operation(v, method);

	return op ? op->success_status : 200;
}

void box_visit_note(struct box_visit *v, const struct box_object *object)
{
	v->call->is_applied = true;
	(void)snprintf(v->call->object_id, sizeof(v->call->object_id), "%s", object->id);
}

void box_visit_send(struct box_visit *v, const struct box_object *object, unsigned status)
{
	struct json_object *whole = box_org_render(v->api->org, object->kind, object->data);

	box_answer_json(v->answer, status,
	                box_pick(whole, json_get_string(v->call->params, "_fields")));
}

void box_visit_send_all(struct box_visit *v, const struct box_list *list)
{
	struct json_object *out = json_object_new_object(), *data = json_object_new_array();
	const char *fields = json_get_string(v->call->params, "_fields");

	for (size_t i = 0; i < list->n; i++)
		json_object_array_add(data,
		                      box_pick(box_org_render(v->api->org, list->items[i]->kind,
		                                              list->items[i]->data),
		                               fields));
	json_object_object_add(out, "data", data);
	json_object_object_add(out, "has_more", json_object_new_boolean(false));
	box_answer_json(v->answer, 200, out);
}

void box_visit_blame(struct box_visit *v, const char *name, const char *text)
{
	struct json_object *errors = json_object_new_object();

	json_object_object_add(errors, name, json_object_new_string(text));
	box_answer_json(v->answer, 400, box_complaint(NULL, errors));
}

void box_visit_not_allowed(struct box_visit *v)
{
	box_answer_error(v->answer, 405, "The method is not allowed for the requested URL.");
}

void box_visit_not_there(struct box_visit *v, const char *class_name)
{
	box_answer_error(v->answer, 404, "Empty query: %s matching query does not exist.",
	                 class_name);
}

void box_visit_deleted(struct box_visit *v)
{
	if (box_visit_good_status(v, METHOD_DELETE) == 204)
		box_answer_text(v->answer, 204, "");
	else if (box_visit_so(v, DOUBT_DELETE_BODY, "empty"))
		box_answer_text(v->answer, 200, "");
	else
		box_answer_json(v->answer, 200, json_object_new_object());
}
