#include "connector/sandbox/schema.h"

#include "connector/sandbox/fields.h"
#include "connector/sandbox/validate.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

static const char schema_path[] = "/custom_field_schema/";
static const char shared_path[] = "/custom_field/shared/";
static const char association_part[] = "/association/";

static bool is_method(const struct box_call *call, const char *method)
{
	return strcmp(call->method, method) == 0;
}

static void not_allowed(struct box_answer *answer)
{
	box_answer_error(answer, 405, "The method is not allowed for the requested URL.");
}

/* {"errors": [], "field-errors": {name: text}} */
static void blame(struct box_answer *answer, const char *name, const char *text)
{
	struct json_object *errors = json_object_new_object();

	box_set(errors, name, json_object_new_string(text));
	box_answer_json(answer, 400, box_complaint(NULL, errors));
}

bool box_schema_answer(struct box_org *org, const struct box_call *call, struct json_object *body,
                       struct box_answer *answer)
{
	const char *name = call->path + strlen(schema_path);
	struct json_object *out, *wanted = json_get(body, "fields");
	struct box_target target;
	char *called;

	if (!box_target_read(org, name, false, &target)) {
		box_answer_error(answer, 404, "The requested URL was not found on the server.");
		return false;
	}
	if (body && !json_object_is_type(wanted, json_type_array)) {
		blame(answer, "fields", "This field is required.");
		return false;
	}
	if (body)
		box_fields_order(org, &target, wanted);
	out = json_object_new_object();
	called = mem_dup(name, strlen(name) - 1);
	box_set(out, "object_type", json_object_new_string(called));
	box_set(out, "fields", box_fields_render(org, &target));
	box_answer_json(answer, 200, out);
	free(called);
	return body != NULL;
}

/* One request about the associations of one field. */
struct visit {
	struct box_org *org;
	const struct box_actor *actor;
	struct box_object *field;
	struct json_object *body;
	struct box_answer *answer;
};

/* What of an association may be changed; false: it was blamed. */
static bool take_settings(const struct visit *v, struct json_object *association)
{
	struct json_object *required, *roles;

	if (json_object_object_get_ex(v->body, "required", &required)) {
		if (!json_object_is_type(required, json_type_boolean)) {
			blame(v->answer, "required", "Value must be of bool type.");
			return false;
		}
		box_set(association, "required", json_object_get(required));
	}
	if (json_object_object_get_ex(v->body, "editable_with_roles", &roles)) {
		if (!json_object_is_type(roles, json_type_array)) {
			blame(v->answer, "editable_with_roles", "Value must be of list type.");
			return false;
		}
		box_set(association, "editable_with_roles", json_object_get(roles));
	}
	return true;
}

/* What the body wants the field to be associated with; false: it was blamed. */
static bool read_target(const struct visit *v, struct box_target *ret_target)
{
	const char *type = json_get_string(v->body, "object_type");
	char *type_key = mem_printf("%s_id", type ? type : ""), *name;
	const char *type_id = json_get_string(v->body, type_key);
	bool is_known;

	name = mem_printf("%s%s%s", type ? type : "", type_id ? "/" : "", type_id ? type_id : "");
	is_known = type && box_target_read(v->org, name, true, ret_target);
	if (!type)
		blame(v->answer, "object_type", "This field is required.");
	else if (!is_known && strncmp(type, "custom_", strlen("custom_")) == 0)
		blame(v->answer,
		      strcmp(type, "custom_object_type") == 0 ? "custom_object_type"
		                                              : "custom_activity_type",
		      type_id ? "Object does not exist." : "This field is required.");
	else if (!is_known)
		blame(v->answer, "object_type", "Not a valid choice.");
	free(type_key);
	free(name);
	return is_known;
}

static bool create(const struct visit *v)
{
	struct json_object *one, *all;
	struct box_target target;
	const char *type_key;

	if (!read_target(v, &target))
		return false;
	if (box_field_association(v->field, &target, NULL)) {
		blame(v->answer, "object_type",
		      "The field is already associated with this object type.");
		return false;
	}
	one = json_object_new_object();
	type_key = box_target_type_key(&target);
	box_set(one, "object_type", json_object_new_string(box_target_name(&target)));
	if (type_key)
		box_set(one, type_key, json_object_new_string(target.type_id));
	box_set(one, "editable_with_roles", json_object_new_array());
	box_set(one, "required", json_object_new_boolean(false));
	if (!take_settings(v, one)) {
		json_object_put(one);
		return false;
	}
	all = box_field_associations(v->field);
	json_object_array_add(all, json_object_get(one));
	box_field_associate(v->org, v->actor, v->field, all);
	box_answer_json(v->answer, 201, one);
	return true;
}

static bool update(const struct visit *v, const struct box_target *target)
{
	struct json_object *all, *one;
	size_t at = 0;

	one = box_shallow(box_field_association(v->field, target, &at));
	if (!take_settings(v, one)) {
		json_object_put(one);
		return false;
	}
	all = box_field_associations(v->field);
	(void)json_object_array_put_idx(all, at, json_object_get(one));
	box_field_associate(v->org, v->actor, v->field, all);
	box_answer_json(v->answer, 200, one);
	return true;
}

static bool dissociate(const struct visit *v, const struct box_target *target)
{
	box_field_dissociate(v->org, v->actor, v->field, target);
	box_answer_text(v->answer, 204, "");
	return true;
}

static bool one_association(const struct visit *v, const struct box_call *call, const char *name)
{
	struct json_object *association = NULL;
	struct box_target target;

	if (box_target_read(v->org, name, true, &target))
		association = box_field_association(v->field, &target, NULL);
	if (!association)
		box_answer_error(v->answer, 404,
		                 "Empty query: SharedCustomFieldAssociation matching query does "
		                 "not exist.");
	else if (is_method(call, "GET"))
		box_answer_json(v->answer, 200, json_object_get(association));
	else if (is_method(call, "PUT"))
		return update(v, &target);
	else if (!is_method(call, "DELETE"))
		not_allowed(v->answer);
	else
		return dissociate(v, &target);
	return false;
}

bool box_association_answer(struct box_org *org, const struct box_actor *actor,
                            const struct box_call *call, struct json_object *body,
                            struct box_answer *answer)
{
	const char *id = call->path + strlen(shared_path);
	char *field_id = mem_dup(id, strcspn(id, "/"));
	const char *name = id + strlen(field_id) + strlen(association_part);
	const struct visit v = {org, actor,
	                        box_store_find(org->store, &box_kinds[BOX_SHARED_FIELD], field_id),
	                        body, answer};

	free(field_id);
	if (!v.field) {
		box_answer_error(answer, 404,
		                 "Empty query: SharedCustomField matching query does not exist.");
		return false;
	}
	if (*name)
		return one_association(&v, call, name);
	if (is_method(call, "POST"))
		return create(&v);
	not_allowed(answer);
	return false;
}
