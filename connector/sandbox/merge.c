#include "connector/sandbox/merge.h"

#include "connector/sandbox/jobs.h"
#include "connector/sandbox/remove.h"
#include "lib/json.h"

#include <stdio.h>

/* The lead that @field of the body names; NULL after complaining. */
static struct box_object *merged_lead(struct box_visit *v, const char *field, const char *called)
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

/* @merge is the activity that tells of it; whoever is gone by now is not merged. */
static void carry_out(struct box_org *org, const struct box_actor *actor, struct box_object *merge)
{
	const struct box_kind *leads = &box_kinds[BOX_LEAD];
	struct box_object *source =
		box_store_find(org->store, leads, json_get_string(merge->data, "source_lead_id"));
	struct box_object *destination =
		box_store_find(org->store, leads, json_get_string(merge->data, "lead_id"));

	if (source && destination)
		box_merge(org, actor, source, destination);
}

/* The activity says that there is a merge, and stays when it is done. */
static void begin(struct box_visit *v, const struct box_actor *actor,
                  const struct box_object *source, const struct box_object *destination)
{
	struct json_object *body = json_object_new_object();
	struct box_object *merge;

	box_set(body, "lead_id", json_object_new_string(destination->id));
	box_set(body, "source_lead_id", json_object_new_string(source->id));
	box_set(body, "source_lead_name", json_object_get(json_get(source->data, "name")));
	merge = box_make(v->api->org, actor, BOX_LEAD_MERGE, body);
	if (box_visit_so(v, DOUBT_MERGE, "later"))
		box_jobs_add(v->api->org, actor, merge, 2, 0, carry_out);
	else
		carry_out(v->api->org, actor, merge);
}

void box_page_merge(struct box_visit *v)
{
	const struct box_actor actor = box_visit_actor(v);
	struct box_object *source, *destination;
	struct json_object *answer;

	if (!box_visit_read(v))
		return;
	source = merged_lead(v, "source", "Source");
	destination = source ? merged_lead(v, "destination", "Destination") : NULL;
	if (!destination)
		return;
	if (source == destination) {
		box_answer_error(v->answer, 400, "A lead cannot be merged into itself.");
		return;
	}
	begin(v, &actor, source, destination);
	box_visit_note(v, destination);
	answer = json_object_new_object();
	(void)json_object_object_add(answer, "status", json_object_new_string("ok"));
	box_answer_json(v->answer, 200, answer);
}
