#include "connector/sandbox/pages.h"

#include "connector/sandbox/list.h"
#include "connector/sandbox/table.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

enum { max_bulk = 1000 };

/*
 * What the query or `_params` of the body say, in one object; the caller's. Where a list shows one
 * type unless told, a change is of all.
 */
static struct json_object *filters_of(const struct box_visit *v)
{
	struct json_object *all = box_shallow(v->call->params);
	struct json_object *params = json_get(v->body, "_params");

	if (json_object_is_type(params, json_type_object)) {
		json_object_object_foreach(params, name, value)
		{
			json_object_object_add(all, name, json_object_get(value));
		}
	}
	if (!json_get(all, "_type"))
		box_set(all, "_type", json_object_new_string("all"));
	return all;
}

/* One after the other: the 400 says how many were changed before the one that was not. */
static void change_tasks(struct box_visit *v, const struct box_list *tasks)
{
	const struct box_actor actor = box_visit_actor(v);
	struct json_object *complaint = NULL, *out;
	size_t n = 0;

	while (n < tasks->n && box_write(v->api->org, &actor, tasks->items[n]->kind,
	                                 tasks->items[n], v->body, &complaint)) {
		box_visit_note(v, tasks->items[n]);
		n++;
	}
	out = complaint ? complaint : json_object_new_object();
	box_set(out, "count", json_object_new_int64((int64_t)n));
	box_answer_json(v->answer, complaint ? 400 : 200, out);
}

/* PUT /task/: without a filter it is every task there is. */
void box_page_tasks(struct box_visit *v)
{
	struct json_object *filters, *refused, *errors;
	struct box_list tasks = {0};

	if (!box_visit_read(v))
		return;
	filters = filters_of(v);
	if (box_list_find(v->api->org, &box_kinds[BOX_TASK], filters, v->answer, &tasks)) {
		if (tasks.n <= max_bulk) {
			change_tasks(v, &tasks);
		} else {
			refused = json_object_new_object();
			errors = json_object_new_array();
			json_object_array_add(
				errors,
				json_object_new_string("It's not allowed to update more than 1000 "
			                               "objects at once"));
			box_set(refused, "errors", errors);
			box_answer_json(v->answer, 400, refused);
		}
	}
	free(tasks.items);
	json_object_put(filters);
}

void box_page_exports(struct box_visit *v)
{
	const enum box_kind_id kinds[] = {BOX_LEAD_EXPORT, BOX_OPPORTUNITY_EXPORT};
	struct box_list exports = {0};

	for (size_t k = 0; k < 2; k++) {
		const struct box_list *all =
			box_store_all(v->api->org->store, &box_kinds[kinds[k]]);

		for (size_t i = 0; i < all->n; i++)
			box_list_add(&exports, all->items[i]);
	}
	box_visit_send_all(v, &exports);
	free(exports.items);
}

void box_page_export(struct box_visit *v)
{
	const struct box_object *export = box_store_find(v->api->org->store, NULL, v->part[0]);

	if (export && strcmp(export->kind->prefix, "exp") == 0)
		box_visit_send(v, export, 200);
	else
		box_visit_not_there(v, "Export");
}

/* What a form for the file's place would need; nothing is ever put there. */
void box_page_upload(struct box_visit *v)
{
	static const struct box_field needed[] = {
		{.name = "filename", .type = BOX_TEXT, .flags = BOX_REQUIRED},
		{.name = "content_type", .type = BOX_TEXT, .flags = BOX_REQUIRED},
		{NULL},
	};
	struct json_object *out, *upload, *fields, *download;
	char key[box_id_bytes], *text;

	if (!box_visit_read(v) || !box_visit_check(v, needed))
		return;
	out = json_object_new_object();
	upload = json_object_new_object();
	fields = json_object_new_object();
	download = json_object_new_object();
	box_store_make_id(v->api->org->store, "file", key);
	text = mem_printf("%s/%s", key, json_get_string(v->body, "filename"));
	box_set(fields, "key", json_object_new_string(text));
	free(text);
	box_set(fields, "Content-Type", json_object_get(json_get(v->body, "content_type")));
	box_set(fields, "policy", json_object_new_string("sandbox"));
	box_set(fields, "signature", json_object_new_string("sandbox"));
	box_set(upload, "url", json_object_new_string("https://files.sandbox.example/"));
	box_set(upload, "fields", fields);
	text = mem_printf("https://app.close.com/go/file/%s/%s/", v->api->org->id, key);
	box_set(download, "url", json_object_new_string(text));
	free(text);
	box_set(out, "upload", upload);
	box_set(out, "download", download);
	v->call->is_applied = true;
	box_answer_json(v->answer, 200, out);
}

/* The custom field and the object it is to be filled in; false: it has answered. */
static bool read_enrichment(struct box_visit *v, struct box_object **ret_object)
{
	const bool is_contact = box_is_same(json_get_string(v->body, "object_type"), "contact");
	const struct box_store *store = v->api->org->store;
	const char *field = json_get_string(v->body, "field_id");

	*ret_object = box_store_find(store, &box_kinds[is_contact ? BOX_CONTACT : BOX_LEAD],
	                             json_get_string(v->body, "object_id"));
	if (!box_is_same(json_get_string(v->body, "organization_id"), v->api->org->id))
		box_visit_blame(v, "organization", "Object does not exist.");
	else if (!*ret_object)
		box_visit_blame(v, "object", "Object does not exist.");
	else if (!box_store_find(store, &box_kinds[is_contact ? BOX_CONTACT_FIELD : BOX_LEAD_FIELD],
	                         field))
		box_visit_blame(v, "field", "Object does not exist.");
	else
		return true;
	return false;
}

static const struct box_field enrich_fields[] = {
	NEEDED("organization_id", BOX_TEXT),
	NEEDED_CHOICE("object_type", "lead", "contact"),
	NEEDED("object_id", BOX_TEXT),
	NEEDED("field_id", BOX_TEXT),
	{.name = "set_new_value", .type = BOX_BOOLEAN},
	{.name = "overwrite_existing_value", .type = BOX_BOOLEAN},
	{NULL},
};

/* Close asks a machine what belongs there; the stand-in always finds the same. */
void box_page_enrich(struct box_visit *v)
{
	static const char found[] = "found by the sandbox";
	const struct box_actor actor = box_visit_actor(v);
	struct json_object *body, *complaint = NULL, *out;
	struct box_object *object;
	char *key;

	if (!box_visit_read(v) || !box_visit_check(v, enrich_fields) ||
	    !read_enrichment(v, &object))
		return;
	key = mem_printf("custom.%s", json_get_string(v->body, "field_id"));
	body = json_object_new_object();
	json_object_object_add(body, key, json_object_new_string(found));
	if (json_get_bool(v->body, "set_new_value", true) &&
	    (!json_get(object->data, key) ||
	     json_get_bool(v->body, "overwrite_existing_value", false)) &&
	    box_write(v->api->org, &actor, object->kind, object, body, &complaint))
		box_visit_note(v, object);
	out = json_object_new_object();
	box_set(out, "value", json_object_new_string(found));
	box_answer_json(v->answer, 200, out);
	json_object_put(complaint);
	json_object_put(body);
	free(key);
}

/* What the metrics of activity reports count: by the word they begin with. */
static const struct {
	const char *word;
	enum box_kind_id kind;
} counted[] = {
	{"calls", BOX_CALL},       {"emails", BOX_EMAIL}, {"sms", BOX_SMS},
	{"leads", BOX_LEAD},       {"notes", BOX_NOTE},   {"meetings", BOX_MEETING},
	{"contacts", BOX_CONTACT}, {"tasks", BOX_TASK},   {"opportunities", BOX_OPPORTUNITY},
};

static int64_t count(const struct box_org *org, const char *metric)
{
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
		if (strncmp(metric, counted[i].word, strlen(counted[i].word)) == 0)
			return (int64_t)box_store_count(org->store, &box_kinds[counted[i].kind]);
	return 0;
}

static const struct box_field report_fields[] = {
	NEEDED_CHOICE("type", "overview", "comparison"),
	NEEDED("metrics", BOX_TEXTS),
	{NULL},
};

void box_page_activity_report(struct box_visit *v)
{
	struct json_object *out, *aggregations, *totals, *metrics;

	if (!box_visit_read(v) || !box_visit_check(v, report_fields))
		return;
	metrics = json_get(v->body, "metrics");
	out = json_object_new_object();
	aggregations = json_object_new_object();
	totals = json_object_new_object();
	for (size_t i = 0; i < json_object_array_length(metrics); i++) {
		const char *metric = json_object_get_string(json_object_array_get_idx(metrics, i));

		json_object_object_add(totals, metric,
		                       json_object_new_int64(count(v->api->org, metric)));
	}
	box_set(aggregations, "totals", totals);
	box_set(out, "type", json_object_get(json_get(v->body, "type")));
	box_set(out, "aggregations", aggregations);
	box_set(out, "data", json_object_new_array());
	box_answer_json(v->answer, 200, out);
}

/* How many opportunities stand in the status, and what they are worth. */
static struct json_object *stage(const struct box_org *org, const struct box_object *status)
{
	const struct box_list *all = box_store_all(org->store, &box_kinds[BOX_OPPORTUNITY]);
	struct json_object *out = json_object_new_object();
	int64_t n = 0, value = 0;

	for (size_t i = 0; i < all->n; i++) {
		if (all->items[i]->is_deleted ||
		    !box_is_same(json_get_string(all->items[i]->data, "status_id"), status->id))
			continue;
		n++;
		value += json_get_int(all->items[i]->data, "value", 0);
	}
	box_set(out, "status_id", json_object_new_string(status->id));
	box_set(out, "label", json_object_get(json_get(status->data, "label")));
	box_set(out, "count", json_object_new_int64(n));
	box_set(out, "value", json_object_new_int64(value));
	return out;
}

static const struct box_field funnel_fields[] = {
	{.name = "pipeline", .type = BOX_REFERENCE, .ref = BOX_PIPELINE, .flags = BOX_REQUIRED},
	NEEDED_CHOICE("type", "created-cohort", "active-stage-cohort"),
	{NULL},
};

void box_page_funnel(struct box_visit *v)
{
	struct json_object *out, *stages;
	struct box_list statuses = {0};

	if (!box_visit_read(v) || !box_visit_check(v, funnel_fields))
		return;
	out = json_object_new_object();
	stages = json_object_new_array();
	box_org_statuses(v->api->org, json_get_string(v->body, "pipeline"), &statuses);
	for (size_t i = 0; i < statuses.n; i++)
		json_object_array_add(stages, stage(v->api->org, statuses.items[i]));
	free(statuses.items);
	box_set(out, "type", json_object_get(json_get(v->body, "type")));
	box_set(out, "stages", stages);
	box_answer_json(v->answer, 200, out);
}
