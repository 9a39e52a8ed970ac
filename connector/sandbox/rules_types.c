#include "connector/sandbox/fields.h"
#include "connector/sandbox/rules.h"
#include "connector/sandbox/write.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The finish hooks of what an organization is set up with: pipelines, custom fields and types. */

static bool is_among(const char *text, const char *const *list)
{
	for (; text && *list; list++)
		if (strcmp(text, *list) == 0)
			return true;
	return false;
}

void box_finish_opportunity_status(struct box_write *write)
{
	const struct box_object *pipeline = box_org_first(write->org, BOX_PIPELINE);

	if (json_get(write->data, "pipeline_id") || write->above)
		return;
	if (pipeline)
		box_write_set(write, "pipeline_id", pipeline->id);
	else
		box_write_blame_text(write, "pipeline", "This field is required.");
}

/* A new pipeline brings its statuses along. */
static void take_statuses(struct box_write *write, struct json_object *statuses)
{
	write->nested = json_object_new_array();
	write->nested_kind = BOX_OPPORTUNITY_STATUS;
	for (size_t i = 0; i < json_object_array_length(statuses); i++) {
		struct json_object *one = json_object_array_get_idx(statuses, i), *complaint = NULL;
		struct json_object *data =
			json_object_is_type(one, json_type_object)
				? box_write_nested(write, &box_kinds[BOX_OPPORTUNITY_STATUS], one,
		                                   &complaint)
				: NULL;

		if (data)
			json_object_array_add(write->nested, data);
		else
			box_write_blame(
				write, "statuses",
				complaint ? complaint
					  : json_object_new_string("Value must be of dict type."));
	}
}

static struct box_object *status_at(const struct box_write *write, struct json_object *statuses,
                                    size_t i)
{
	const char *id = json_get_string(json_object_array_get_idx(statuses, i), "id");

	return id ? box_store_find(write->org->store, &box_kinds[BOX_OPPORTUNITY_STATUS], id)
	          : NULL;
}

/* Reorders the pipeline's statuses, and pulls those in that stand in another one. */
static void pull_statuses(struct box_write *write, struct json_object *statuses)
{
	for (size_t i = 0; i < json_object_array_length(statuses); i++)
		if (!status_at(write, statuses, i))
			box_write_blame_text(write, "statuses", "Object does not exist.");
	if (write->field_errors)
		return;
	for (size_t i = 0; i < json_object_array_length(statuses); i++) {
		struct box_object *status = status_at(write, statuses, i);
		struct json_object *data = box_shallow(status->data);

		box_set(data, "pipeline_id", json_object_new_string(write->old->id));
		box_change(write->org, write->actor, status, data);
	}
	box_org_order(write->org, write->old->id, statuses);
}

void box_finish_pipeline(struct box_write *write)
{
	struct json_object *statuses = json_get(write->body, "statuses");

	if (!statuses && write->old)
		return;
	if (!statuses)
		box_write_blame_text(write, "statuses", "This field is required.");
	else if (!json_object_is_type(statuses, json_type_array))
		box_write_blame_text(write, "statuses", "Value must be of list type.");
	else if (write->old)
		pull_statuses(write, statuses);
	else
		take_statuses(write, statuses);
}

void box_finish_custom_field(struct box_write *write)
{
	static const char *const multiple[] = {"choices", "user", "contact", "custom_object", NULL};
	const char *type = json_get_string(write->data, "type");
	const bool is_many = json_get_bool(write->data, "accepts_multiple_values", false);

	if (!type)
		return;
	if (strcmp(type, "choices") == 0 && !json_get(write->data, "choices"))
		box_write_blame_text(write, "choices", "This field is required.");
	if (strcmp(type, "textarea") == 0 && write->kind != &box_kinds[BOX_ACTIVITY_FIELD])
		box_write_blame_text(write, "type", "Not a valid choice.");
	if (strcmp(type, "custom_object") == 0 &&
	    !json_get(write->data, "referenced_custom_type_id"))
		box_write_blame_text(write, "referenced_custom_type", "This field is required.");
	if (is_many && !is_among(type, multiple))
		box_write_blame_text(write, "accepts_multiple_values",
		                     "This type of field does not accept multiple values.");
}

void box_finish_type(struct box_write *write)
{
	struct json_object *fields = json_get(write->body, "fields");
	struct box_target target = {&box_kinds[BOX_CUSTOM_ACTIVITY], NULL};

	/* The order of an activity type's fields; that of an object type's is the schema's. */
	if (!write->old || write->field_errors || write->kind != &box_kinds[BOX_ACTIVITY_TYPE] ||
	    !json_object_is_type(fields, json_type_array))
		return;
	target.type_id = write->old->id;
	box_fields_order(write->org, &target, fields);
}

/* Blames each required field that has no value. */
static void require_fields(struct box_write *write)
{
	const struct box_target target = box_target_of(write->kind, write->data);
	struct box_list all = {0};

	box_fields_list(write->org, &target, &all);
	for (size_t i = 0; i < all.n; i++) {
		char *key = mem_printf("custom.%s", all.items[i]->id);

		if (box_field_is_required(all.items[i], &target) && !json_get(write->data, key))
			box_write_blame_text(write, key, "This field is required.");
		free(key);
	}
	free(all.items);
}

void box_finish_custom_activity(struct box_write *write)
{
	const char *status = json_get_string(write->data, "status");

	if (!write->field_errors && status && strcmp(status, "published") == 0)
		require_fields(write);
	box_finish_activity(write);
}

void box_finish_custom_object(struct box_write *write)
{
	if (!write->field_errors)
		require_fields(write);
}
