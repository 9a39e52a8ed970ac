#include "connector/sandbox/api.h"

#include "connector/sandbox/list.h"
#include "connector/sandbox/schema.h"
#include "connector/sandbox/write.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One request on its way through. */
struct visit {
	struct box_api *api;
	struct box_call *call;
	struct box_answer *answer;
	struct json_object *body; /* NULL: none was needed */
};

static const uint64_t second_ms = 1000;

static void tell_rate(const struct box_api *api, const struct box_rate_verdict *v,
                      struct box_answer *answer)
{
	const unsigned long long whole = (v->reset_ms + second_ms - 1) / second_ms;
	const unsigned long long s = v->reset_ms / second_ms, ms = v->reset_ms % second_ms;

	switch (api->rate_form) {
	case SANDBOX_RATE_WHOLE:
		box_answer_header(answer, "RateLimit: limit=%u, remaining=%u, reset=%llu", v->limit,
		                  v->remaining, whole);
		break;
	case SANDBOX_RATE_DECIMAL:
		box_answer_header(answer, "RateLimit: limit=%u, remaining=%u, reset=%llu.%03llu",
		                  v->limit, v->remaining, s, ms);
		break;
	case SANDBOX_RATE_SEMICOLON:
		box_answer_header(answer, "RateLimit: limit=%u; remaining=%u; reset=%llu", v->limit,
		                  v->remaining, whole);
		break;
	case SANDBOX_RATE_OLD:
		box_answer_header(answer, "x-rate-limit-limit: %u", v->limit);
		box_answer_header(answer, "x-rate-limit-remaining: %u", v->remaining);
		box_answer_header(answer, "x-rate-limit-reset: %llu.%03llu", s, ms);
		break;
	case SANDBOX_RATE_NONE:
		return;
	}
	if (!v->is_allowed)
		box_answer_header(answer, "retry-after: %llu", whole);
}

/* Failed authentication counts, too, but a stranger's key is not remembered. */
static bool pass_rate(struct visit *v, const char *key_id)
{
	struct box_rate_verdict verdict;

	if (!v->api->has_rate_limit)
		return true;
	verdict = box_rate_take(v->api->rate, key_id ? key_id : "?", v->call->method, v->call->path,
	                        v->call->now_ms);
	tell_rate(v->api, &verdict, v->answer);
	if (!verdict.is_allowed)
		box_answer_error(v->answer, 429, "Rate limit exceeded");
	return verdict.is_allowed;
}

static bool is_method(const struct visit *v, const char *method)
{
	return strcmp(v->call->method, method) == 0;
}

static bool has_header(const struct box_call *call, const char *name, const char *beginning)
{
	char *value = box_call_header(call, name);
	const bool has = value && strncasecmp(value, beginning, strlen(beginning)) == 0;

	free(value);
	return has;
}

static bool is_so(const struct visit *v, enum box_doubt doubt, const char *value)
{
	return box_doubt_is(&v->api->org->doubts, doubt, value);
}

/* The body as an object, or the answer that refuses it. */
static bool read_body(struct visit *v)
{
	const struct box_call *call = v->call;

	if (!is_so(v, DOUBT_CHUNKED, "accepted") &&
	    has_header(call, "transfer-encoding", "chunked")) {
		box_answer_error(v->answer, 400, "Chunked Transfer-Encoding is not supported.");
		return false;
	}
	if (!has_header(call, "content-type", "application/json")) {
		box_answer_error(v->answer, is_so(v, DOUBT_MEDIA_TYPE, "415") ? 415 : 400,
		                 "Please send valid JSON with a 'Content-Type: application/json' "
		                 "header.");
		return false;
	}
	if (has_header(call, "x-http-method-override", "")) {
		box_answer_error(v->answer, 501,
		                 "The sandbox does not tunnel methods yet: send GET.");
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

static struct box_actor actor_of(const struct visit *v)
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

static const struct operation *operation_of(const struct visit *v, enum http_method method)
{
	return v->api->operations ? operation_match(v->api->operations, method, v->call->path)
	                          : NULL;
}

/* What Close answers with: 200 mostly, 201 or 204 from newer resources. */
static unsigned good_status(const struct visit *v, enum http_method method)
{
	const struct operation *op = operation_of(v, method);

	return op ? op->success_status : 200;
}

static void send_object(struct visit *v, const struct box_object *object, unsigned status)
{
	struct json_object *whole = box_org_render(v->api->org, object->kind, object->data);

	box_answer_json(v->answer, status,
	                box_pick(whole, json_get_string(v->call->params, "_fields")));
}

static void note_applied(struct visit *v, const struct box_object *object)
{
	v->call->is_applied = true;
	(void)snprintf(v->call->object_id, sizeof(v->call->object_id), "%s", object->id);
}

static void write_object(struct visit *v, const struct box_kind *kind, struct box_object *old)
{
	const struct box_actor actor = actor_of(v);
	struct json_object *complaint = NULL;
	const struct box_object *object;
	unsigned status;

	if (!read_body(v))
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
	note_applied(v, object);
	status = good_status(v, old ? METHOD_PUT : METHOD_POST);
	if (status == 201)
		box_answer_header(v->answer, "Location: /api/v1%s%s/", kind->path, object->id);
	send_object(v, object, status);
}

static void delete_object(struct visit *v, struct box_object *object)
{
	const struct box_actor actor = actor_of(v);
	const char *refusal = box_delete(v->api->org, &actor, object);

	if (refusal) {
		box_answer_error(v->answer, 400, "%s", refusal);
		return;
	}
	note_applied(v, object);
	if (good_status(v, METHOD_DELETE) == 204)
		box_answer_text(v->answer, 204, "");
	else if (is_so(v, DOUBT_DELETE_BODY, "empty"))
		box_answer_text(v->answer, 200, "");
	else
		box_answer_json(v->answer, 200, json_object_new_object());
}

static void not_allowed(struct visit *v)
{
	box_answer_error(v->answer, 405, "The method is not allowed for the requested URL.");
}

static void collection(struct visit *v, const struct box_kind *kind)
{
	if (is_method(v, "POST") && (kind->methods & BOX_CAN_POST))
		write_object(v, kind, NULL);
	else if (is_method(v, "GET") && json_get_string(v->call->params, "query"))
		box_answer_error(v->answer, 501,
		                 "The sandbox does not know the old query language yet: use "
		                 "POST /data/search/.");
	else if (is_method(v, "GET"))
		box_list_answer(v->api->org, kind, v->call, v->answer);
	else
		not_allowed(v);
}

/* Whether the item exists does not matter to a method that no item has. */
static void no_item(struct visit *v, const struct box_kind *kind)
{
	if (is_method(v, "POST"))
		not_allowed(v);
	else
		box_answer_error(v->answer, 404, "Empty query: %s matching query does not exist.",
		                 kind->class_name);
}

static void item(struct visit *v, const struct box_kind *kind, const char *id)
{
	char *text = mem_dup(id, strcspn(id, "/"));
	struct box_object *object = box_store_find(v->api->org->store, kind, text);

	if (!object && is_method(v, "GET") && is_so(v, DOUBT_AFTER_DELETE, "seen_once"))
		object = box_store_last_look(v->api->org->store, kind, text);
	free(text);
	if (!object)
		no_item(v, kind);
	else if (is_method(v, "GET"))
		send_object(v, object, 200);
	else if (is_method(v, "PUT") && (kind->methods & BOX_CAN_PUT))
		write_object(v, kind, object);
	else if (is_method(v, "DELETE") && (kind->methods & BOX_CAN_DELETE))
		delete_object(v, object);
	else
		not_allowed(v);
}

static void me(struct visit *v)
{
	if (is_method(v, "GET"))
		send_object(v, v->api->org->user, 200);
	else
		not_allowed(v);
}

static void events(struct visit *v)
{
	struct json_object *page;
	struct err err;

	if (!is_method(v, "GET")) {
		not_allowed(v);
		return;
	}
	page = box_events_page(v->api->org->events, v->api->org, v->call->params, &err);
	if (page)
		box_answer_json(v->answer, 200, page);
	else
		box_answer_error(v->answer, 400, "%s", err.text);
}

static void search(struct visit *v)
{
	struct json_object *found, *complaint = NULL;

	if (!is_method(v, "POST")) {
		not_allowed(v);
		return;
	}
	if (!read_body(v))
		return;
	found = box_search_answer(v->api->org->search, v->api->org, v->body, v->call->now_ms,
	                          &complaint);
	box_answer_json(v->answer, found ? 200 : 400, found ? found : complaint);
}

/* "/custom_field_schema/lead/": the fields of one kind of object, in order. */
static void schema(struct visit *v)
{
	const bool is_put = is_method(v, "PUT");

	if (!is_put && !is_method(v, "GET"))
		not_allowed(v);
	else if (!is_put || read_body(v))
		v->call->is_applied = box_schema_answer(v->api->org, v->call, v->body, v->answer);
}

/* The lead that @field of the body names; NULL after complaining. */
static struct box_object *merged_lead(struct visit *v, const char *field, const char *called)
{
	const char *id = json_get_string(v->body, field);
	struct box_object *lead =
		id ? box_store_find(v->api->org->store, &box_kinds[BOX_LEAD], id) : NULL;
	struct json_object *complaint = json_object_new_object();
	struct json_object *errors = json_object_new_array(), *fields;
	char text[64];

	(void)json_object_object_add(complaint, "errors", errors);
	if (id && !lead) {
		(void)snprintf(text, sizeof(text), "%s lead does not exist.", called);
		(void)json_object_array_add(errors, json_object_new_string(text));
		box_answer_json(v->answer, 404, complaint);
	} else if (!id) {
		fields = json_object_new_object();
		(void)json_object_object_add(fields, field,
		                             json_object_new_string("This field is required."));
		(void)json_object_object_add(complaint, "field-errors", fields);
		box_answer_json(v->answer, 400, complaint);
	} else {
		json_object_put(complaint);
	}
	return lead;
}

static void merge(struct visit *v)
{
	const struct box_actor actor = actor_of(v);
	struct box_object *source, *destination;
	struct json_object *answer;

	if (!is_method(v, "POST")) {
		not_allowed(v);
		return;
	}
	if (!read_body(v))
		return;
	source = merged_lead(v, "source", "Source");
	destination = source ? merged_lead(v, "destination", "Destination") : NULL;
	if (!destination)
		return;
	if (source == destination) {
		box_answer_error(v->answer, 400, "A lead cannot be merged into itself.");
		return;
	}
	box_merge(v->api->org, &actor, source, destination);
	note_applied(v, destination);
	answer = json_object_new_object();
	(void)json_object_object_add(answer, "status", json_object_new_string("ok"));
	box_answer_json(v->answer, 200, answer);
}

static void association(struct visit *v)
{
	const struct box_actor actor = actor_of(v);

	if ((is_method(v, "POST") || is_method(v, "PUT")) && !read_body(v))
		return;
	v->call->is_applied =
		box_association_answer(v->api->org, &actor, v->call, v->body, v->answer);
}

/* What is no collection of objects. */
static const struct {
	const char *path;
	bool has_more; /* the path goes on */
	void (*answer)(struct visit *v);
} pages[] = {
	{"/me/", false, me},
	{"/event/", false, events},
	{"/data/search/", false, search},
	{"/lead/merge/", false, merge},
	{"/custom_field_schema/", true, schema},
};

static bool is_operation(const struct visit *v, enum http_method method)
{
	return operation_of(v, method) != NULL;
}

static bool is_known_operation(const struct visit *v)
{
	return is_operation(v, METHOD_POST) || is_operation(v, METHOD_PUT) ||
	       is_operation(v, METHOD_DELETE);
}

static bool answer_known(struct visit *v)
{
	const struct box_kind *kind;
	const char *id;

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		const size_t len = strlen(pages[i].path);

		if (strncmp(v->call->path, pages[i].path, len) != 0 ||
		    (!v->call->path[len]) == pages[i].has_more)
			continue;
		pages[i].answer(v);
		return true;
	}
	if (box_is_association(v->call->path)) {
		association(v);
		return true;
	}
	kind = box_kind_of_path(v->call->path, &id);
	/* A path of its own may look like an item's, and PUT to all tasks looks like a mistake. */
	if (!kind || (id && is_method(v, "POST") && is_operation(v, METHOD_POST)) ||
	    (!id && is_method(v, "PUT") && is_operation(v, METHOD_PUT)))
		return false;
	if (id)
		item(v, kind, id);
	else
		collection(v, kind);
	return true;
}

static bool lacks_slash(const struct visit *v)
{
	const size_t len = strlen(v->call->path);

	return !len || v->call->path[len - 1] != '/';
}

static bool is_known_path(const char *path)
{
	const char *id;

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (strncmp(path, pages[i].path, strlen(pages[i].path)) == 0)
			return true;
	return box_kind_of_path(path, &id) || box_is_association(path);
}

static void add_param(struct buf *url, const char *name, const char *value)
{
	buf_addf(url, "%c%s=%s", strchr(buf_text(url), '?') ? '&' : '?', name, value);
}

static bool redirect(struct visit *v)
{
	struct buf url = BUF_INIT;
	bool is_known;

	buf_addf(&url, "%s/", v->call->path);
	is_known = is_known_path(buf_text(&url)) || is_known_operation(v);
	json_object_object_foreach(v->call->params, name, value)
	{
		add_param(&url, name, json_object_get_string(value));
	}
	if (is_known) {
		box_answer_header(v->answer, "Location: /api/v1%s", buf_text(&url));
		box_answer_text(v->answer, is_so(v, DOUBT_SLASH, "301") ? 301 : 308, "");
	}
	buf_deinit(&url);
	return is_known;
}

static void route(struct visit *v)
{
	if (lacks_slash(v) ? redirect(v) : answer_known(v))
		return;
	if (is_known_operation(v))
		box_answer_error(
			v->answer, 501,
			"The sandbox knows that Close has %s %s, but does not behave like it "
			"yet.",
			v->call->method, v->call->path);
	else
		box_answer_error(
			v->answer, 404,
			"The requested URL was not found on the server. If you entered the "
			"URL manually please check your spelling and try again.");
}

void box_api_answer(struct box_api *api, struct box_call *call, struct box_answer *answer)
{
	struct visit v = {.api = api, .call = call, .answer = answer};
	const char *key_id = box_auth_check(api->auth, call->authorization);
	char trace[33];

	box_store_make_trace(api->org->store, trace);
	box_store_make_id(api->org->store, "req", call->request_id);
	call->key_id = key_id ? key_id : "";
	box_answer_header(answer, "trace-id: %s", trace);
	if (!pass_rate(&v, key_id))
		return;
	if (key_id)
		route(&v);
	else
		box_answer_error(answer, 401, "Unauthorized");
	json_object_put(v.body);
}
