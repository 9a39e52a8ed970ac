#include "connector/gather/encode.h"
#include "connector/gather/gather.h"
#include "connector/gather/gather_body.h"
#include "connector/model/effects.h"
#include "connector/model/origin.h"
#include "lib/cleanup.h"
#include "lib/jq.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/plural.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <assert.h>
#include <json-c/linkhash.h>
#include <string.h>

bool gather_is_shared(const struct draft *draft)
{
	const struct route *route = draft->route;

	return route->batch && !draft->n_rows &&
	       (route->batch->algorithm != BATCH_MERGE || route->method != METHOD_POST);
}

/* What is known of a path outside the catalogue: repeating a POST there may do it twice. */
static enum delivery_class class_of(const struct draft *draft)
{
	if (draft->op)
		return draft->op->class;
	return draft->route->method == METHOD_POST ? CLASS_D : CLASS_U;
}

static void add_part(struct request *request, const struct draft *draft)
{
	request->parts = mem_resize(request->parts, request->n_parts + 1, sizeof(struct part));
	request->parts[request->n_parts++] = (struct part){
		.record = record_ref(draft->record),
		.ordinal = draft->ordinal,
		.id = draft->part,
		.generation = draft->generation,
		.number = draft->number,
	};
}

/* All but body, parts, notes and identity. */
static struct request *new_request(const struct draft *draft)
{
	const struct route *route = draft->route;
	struct request *request = request_new();

	request->method = route->method;
	request->class = class_of(draft);
	request->format = route->format;
	request->route = mem_strdup(route->name);
	request->operation = mem_strdup(draft_operation(draft));
	request->object = mem_strdup(draft->op && draft->op->object ? draft->op->object : "");
	request->url = mem_strdup(draft->url);
	request->headers = strlist_copy(draft->headers);
	return request;
}

static bool write_body(struct request *request, const struct route *route, struct json_object *body,
                       struct rejection *ret_rejection)
{
	struct buf text = BUF_INIT;

	if (!route->has_body)
		return true;
	if (!encode_body(route->format, body, &text, ret_rejection)) {
		buf_deinit(&text);
		return false;
	}
	request->body_len = text.len;
	request->body = buf_take(&text);
	return true;
}

bool gather_can_write(const struct draft *draft, struct rejection *ret_rejection)
{
	struct buf text = BUF_INIT;
	bool can_write = draft->route->format == CONTENT_JSON;

	if (!can_write)
		can_write = encode_body(draft->route->format, draft->body, &text, ret_rejection);
	buf_deinit(&text);
	return can_write;
}

struct request *gather_single(const struct draft *draft, struct rejection *ret_rejection)
{
	struct request *request = new_request(draft);

	if (!write_body(request, draft->route, draft->body, ret_rejection)) {
		request_free(request);
		return NULL;
	}
	request->identity_field = mem_strdup(draft->identity_field);
	request->identity_value = mem_strdup(draft->identity_value);
	request->notes = strlist_copy(draft->notes);
	request->written = draft->written ? json_text(draft->written) : NULL;
	if (!draft->n_rows)
		add_part(request, draft);
	for (size_t i = 0; i < draft->n_rows; i++) {
		add_part(request, draft->rows[i]);
		request->parts[i].draft = draft_text(draft->rows[i]);
	}
	return request;
}

/* What a program gave: once is right. */
struct outputs {
	struct json_object *first;
	size_t n;
};

static bool take_output(void *arg, struct json_object *output)
{
	struct outputs *outputs = arg;

	if (!outputs->n++)
		outputs->first = json_object_get(output);
	return outputs->n < 2;
}

static bool refuse_outputs(const struct route *route, const char *why,
                           struct rejection *ret_rejection)
{
	rejection_set(ret_rejection, REJECT_TRANSFORM, NULL,
	              "the batch program of route %s %s; it must make exactly one body of the "
	              "list of its records",
	              route->name, why);
	return false;
}

/* *@body, a list, becomes what the batch's program makes of it. */
static bool run_program(struct draft *const *drafts, struct jq_set *jq, struct json_object **body,
                        struct rejection *ret_rejection)
{
	const struct route *route = drafts[0]->route;
	cleanup_(json_freep) struct json_object *source = origin_source(drafts[0]->record);
	const struct jq_where where = origin_where(drafts[0]->record);
	struct jq_input *input = jq_input_new(*body, source, &where);
	struct outputs outputs = {0};
	struct err err;
	const int r = jq_run(jq, route->batch->jq, input, take_output, &outputs, &err);

	jq_input_free(input);
	json_object_put(*body);
	*body = outputs.first;
	if (r < 0) {
		rejection_set(ret_rejection, REJECT_TRANSFORM, NULL,
		              "the batch program of route %s fails on its records: %s", route->name,
		              err.text);
		return false;
	}
	if (!outputs.n)
		return refuse_outputs(route, "gave nothing", ret_rejection);
	if (outputs.n > 1)
		return refuse_outputs(route, "gave more than one value", ret_rejection);
	/* Nobody else has what a program made. */
	for (size_t i = 0; json_object_is_type(*body, json_type_object) && i < route->n_exclude;
	     i++)
		(void)exclude_apply(route->exclude[i], *body);
	return true;
}

/*
 * What a batch puts around its records, or its program makes of them, may do what none of them
 * does.
 */
static bool is_allowed(const struct request *request, const struct draft *draft,
                       struct json_object *body, struct rejection *ret_rejection)
{
	cleanup_(freep) char *field = NULL, *why = NULL;

	if (hook_without("guards"))
		return true;
	for (const struct effect_rule *r = NULL; !why && (r = effect_rule_next(draft->op, r));) {
		if ((draft->route->allow & r->effect) || !r->shows(body))
			continue;
		field = mem_strdup(r->field);
		why = effect_rule_text(r, body);
	}
	if (!why)
		why = effects_unselected(draft->op, request->url, body, &field);
	if (why)
		rejection_set(ret_rejection, REJECT_GUARD, field, "%s", why);
	return !why;
}

static bool make_body(struct request *request, struct draft *const *drafts, size_t n,
                      struct jq_set *jq, struct rejection *ret_rejection)
{
	const struct route *route = drafts[0]->route;
	cleanup_(json_freep) struct json_object *body = NULL;

	switch (route->batch->algorithm) {
	case BATCH_ARRAY:
		body = gather_list(drafts, n);
		break;
	case BATCH_KEYED_ARRAY:
		body = gather_keyed(route->batch, drafts[0]->with, gather_list(drafts, n));
		break;
	case BATCH_MERGE:
		body = gather_fold(drafts, n);
		break;
	case BATCH_NEST:
		body = gather_nested(drafts, n);
		break;
	case BATCH_EXPRESSION:
		body = gather_list(drafts, n);
		if (!run_program(drafts, jq, &body, ret_rejection))
			return false;
		break;
	}
	return is_allowed(request, drafts[0], body, ret_rejection) &&
	       write_body(request, route, body, ret_rejection);
}

static bool has_note(const struct request *request, const char *note)
{
	for (char *const *n = request->notes; n && *n; n++)
		if (!strcmp(*n, note))
			return true;
	return false;
}

/* Adds the notes that no record before brought; returns how many there was no room for. */
static size_t add_notes(struct request *request, char *const *notes)
{
	size_t n_left = 0;

	for (; notes && *notes; notes++) {
		if (has_note(request, *notes))
			continue;
		if (strlist_len(request->notes) < gather_max_notes)
			request_note(request, *notes);
		else
			n_left++;
	}
	return n_left;
}

/* A field has one name, whichever records of the call have it. */
static void add_written(struct request *request, struct draft *const *drafts, size_t n)
{
	cleanup_(json_freep) struct json_object *all = json_object_new_object();

	for (size_t i = 0; i < n; i++) {
		if (!drafts[i]->written)
			continue;
		json_object_object_foreach(drafts[i]->written, key, name)(void)
			json_object_object_add(all, key, json_object_get(name));
	}
	if (json_object_object_length(all))
		request->written = json_text(all);
}

static void add_drafts(struct request *request, struct draft *const *drafts, size_t n)
{
	size_t n_left = 0;

	add_written(request, drafts, n);
	for (size_t i = 0; i < n; i++) {
		add_part(request, drafts[i]);
		request->parts[i].draft = draft_text(drafts[i]);
		n_left += add_notes(request, drafts[i]->notes);
	}
	if (n_left)
		strlist_add(&request->notes,
		            mem_printf("%zu more note%s about records of this call", n_left,
		                       plural(n_left, "", "s")));
}

struct request *gather_batch(struct draft *const *drafts, size_t n, struct jq_set *jq,
                             struct rejection *ret_rejection)
{
	struct request *request;

	assert(n && drafts[0]->route->batch);
	request = new_request(drafts[0]);
	if (!make_body(request, drafts, n, jq, ret_rejection)) {
		request_free(request);
		return NULL;
	}
	if (n > 1 && drafts[0]->route->batch->algorithm == BATCH_MERGE)
		strlist_add(&request->notes, mem_printf("%zu records in one update", n));
	add_drafts(request, drafts, n);
	return request;
}
