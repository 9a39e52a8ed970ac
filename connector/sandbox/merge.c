#include "connector/sandbox/merge.h"

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
	box_merge(v->api->org, &actor, source, destination);
	box_visit_note(v, destination);
	answer = json_object_new_object();
	(void)json_object_object_add(answer, "status", json_object_new_string("ok"));
	box_answer_json(v->answer, 200, answer);
}
