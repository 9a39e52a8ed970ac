#include "connector/sandbox/write.h"

#include "connector/sandbox/custom.h"
#include "connector/sandbox/fields.h"
#include "connector/sandbox/validate.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/moment.h"

#include <stdlib.h>
#include <string.h>

void box_write_blame(struct box_write *write, const char *name, struct json_object *complaint)
{
	if (!write->field_errors)
		write->field_errors = json_object_new_object();
	json_object_object_add(write->field_errors, name, complaint);
}

void box_write_blame_text(struct box_write *write, const char *name, const char *text)
{
	box_write_blame(write, name, json_object_new_string(text));
}

void box_write_object(struct box_write *write, const char *text)
{
	if (!write->errors)
		write->errors = json_object_new_array();
	json_object_array_add(write->errors, json_object_new_string(text));
}

bool box_write_has(const struct box_write *write, const char *name)
{
	return json_object_object_get_ex(write->body, name, NULL);
}

void box_write_set(struct box_write *write, const char *name, const char *text)
{
	box_set(write->data, name, json_string(text));
}

static bool exists(void *arg, enum box_kind_id kind, const char *id)
{
	const struct box_org *org = arg;

	return box_store_find(org->store, kind == BOX_N_KINDS ? NULL : &box_kinds[kind], id) !=
	       NULL;
}

static void blame_field(struct box_write *write, const struct box_field *field,
                        struct json_object *complaint)
{
	char *name = box_blamed_name(field);

	box_write_blame(write, name, complaint);
	free(name);
}

static bool is_changed(const struct box_write *write, const char *name, struct json_object *value)
{
	return !json_object_equal(json_get(write->old->data, name), value);
}

/* What an object made together with another one refers to that one by. */
static const char *link_name(enum box_kind_id kind)
{
	return kind == BOX_OPPORTUNITY_STATUS ? "pipeline_id" : "lead_id";
}

/* A nested contact's lead is the one that is being made. */
static bool is_given_by_nesting(const struct box_write *write, const struct box_field *field)
{
	return write->above && strcmp(field->name, link_name(write->above->nested_kind)) == 0;
}

/* The key of the body the field comes in. */
static const char *sent_name(const struct box_write *write, const struct box_field *field)
{
	if (write->kind == &box_kinds[BOX_OPPORTUNITY_STATUS] && strcmp(field->name, "type") == 0)
		return box_doubt_value(&write->org->doubts, DOUBT_STATUS_TYPE);
	return field->name;
}

/* Keys that are nobody's, where they are not to be passed over. */
static void refuse_unknown_keys(struct box_write *write)
{
	if ((write->kind != &box_kinds[BOX_CONTACT] &&
	     write->kind != &box_kinds[BOX_OPPORTUNITY]) ||
	    box_doubt_is(&write->org->doubts, DOUBT_UNKNOWN_KEYS, "ignored"))
		return;
	json_object_object_foreach(write->body, key, value)
	{
		(void)value;
		if (!box_kind_field(write->kind, key) && strncmp(key, "custom", 6) != 0)
			box_write_blame_text(write, key, "Extra inputs are not permitted");
	}
}

static void take_field(struct box_write *write, const struct box_field *field)
{
	const struct box_check check = {
		exists, write->org, box_doubt_is(&write->org->doubts, DOUBT_EMAIL_CASE, "lowered")};
	const char *name = sent_name(write, field);
	struct json_object *value, *clean = NULL, *error = NULL;
	bool has = true;

	if (is_given_by_nesting(write, field) || (write->old && (field->flags & BOX_CREATE_ONLY)))
		return;
	if (json_object_object_get_ex(write->body, name, &value))
		has = box_validate(field, value, &check, &clean, &error);
	else if (write->old && !(field->flags & BOX_NEEDED))
		return;
	else if (field->flags & BOX_REQUIRED)
		error = json_object_new_string("This field is required.");
	else
		clean = box_default(field, &has);

	if (!error && has && write->old && (field->flags & BOX_LOCKED) &&
	    is_changed(write, field->name, clean)) {
		json_object_put(clean);
		error = json_object_new_string("Value cannot be changed.");
	}
	if (error && name != field->name)
		box_write_blame(write, name, error);
	else if (error)
		blame_field(write, field, error);
	else if (has)
		box_set(write->data, field->name, clean);
}

static void build(struct box_write *write)
{
	write->data = write->old ? box_shallow(write->old->data) : json_object_new_object();
	if (!write->old)
		box_set(write->data, "id", NULL); /* its place in answers */
	for (const struct box_field *f = write->kind->fields; f->name; f++)
		take_field(write, f);
	refuse_unknown_keys(write);
	if (write->kind->custom != BOX_N_KINDS)
		box_custom_take(write);
	if (write->kind->finish)
		write->kind->finish(write);
}

struct json_object *box_check_fields(struct box_org *org, const struct box_field *fields,
                                     struct json_object *body)
{
	const struct box_check check = {exists, org, false};
	struct box_write write = {.org = org, .body = body};

	for (const struct box_field *f = fields; f->name; f++) {
		struct json_object *value = NULL, *clean = NULL, *error = NULL;

		if (!json_object_object_get_ex(body, f->name, &value) && !(f->flags & BOX_REQUIRED))
			continue;
		if (!box_validate(f, value, &check, &clean, &error))
			blame_field(&write, f, error);
		json_object_put(clean);
	}
	return write.field_errors ? box_complaint(NULL, write.field_errors) : NULL;
}

static bool is_good(const struct box_write *write)
{
	return !write->errors && !write->field_errors;
}

/* Drops what was built and returns the body of the 400. */
static struct json_object *complain(struct box_write *write)
{
	json_object_put(write->data);
	json_object_put(write->nested);
	free(write->new_lead);
	return box_complaint(write->errors, write->field_errors);
}

struct json_object *box_write_nested(const struct box_write *above, const struct box_kind *kind,
                                     struct json_object *body, struct json_object **ret_complaint)
{
	struct box_write write = {.org = above->org,
	                          .actor = above->actor,
	                          .kind = kind,
	                          .above = above,
	                          .body = body};

	build(&write);
	if (is_good(&write))
		return write.data;
	*ret_complaint = complain(&write);
	return NULL;
}

/* Who and when, where the body did not say. */
static void stamp(const struct box_org *org, const struct box_actor *actor, bool is_new,
                  struct json_object *data)
{
	struct json_object *now, *user = json_get(org->user->data, "id");
	char text[moment_bytes];

	now = json_object_new_string(moment_text(actor->wall_ms * 1000, text));
	if (is_new) {
		box_set(data, "organization_id", json_object_get(org->id_text));
		if (!json_get(data, "date_created"))
			box_set(data, "date_created", json_object_get(now));
		if (!json_get(data, "created_by"))
			box_set(data, "created_by", json_object_get(user));
	}
	box_set(data, "date_updated", now);
	box_set(data, "updated_by", json_object_get(user));
}

void box_tell(struct box_org *org, const struct box_actor *actor, const struct box_object *object,
              const char *action, struct json_object *previous)
{
	const struct box_event event = {
		.object = object,
		.action = action,
		.data = object->data,
		.previous = previous,
		.request_id = actor->request_id,
		.key_id = actor->key_id,
		.method = actor->method,
		.path = actor->path,
		.wall_ms = actor->wall_ms,
	};

	box_events_add(org->events, org->store, &event);
}

static struct box_object *insert(struct box_org *org, const struct box_actor *actor,
                                 const struct box_kind *kind, struct json_object *data)
{
	struct box_object *object;

	stamp(org, actor, true, data);
	object = box_store_add(org->store, kind, data);
	box_search_note(org->search, object, actor->now_ms);
	box_tell(org, actor, object, "created", NULL);
	if (kind->after)
		kind->after(org, actor, object, NULL);
	return object;
}

static void insert_below(const struct box_write *write, const char *id)
{
	for (size_t i = 0; i < json_object_array_length(write->nested); i++) {
		struct json_object *data = json_object_array_get_idx(write->nested, i);

		box_set(data, link_name(write->nested_kind), json_object_new_string(id));
		(void)insert(write->org, write->actor, &box_kinds[write->nested_kind],
		             json_object_get(data));
	}
}

static void make_lead(struct box_write *write)
{
	struct json_object *body = json_object_new_object();
	const struct box_object *lead;

	json_object_object_add(body, "name", json_object_new_string(write->new_lead));
	lead = box_make(write->org, write->actor, BOX_LEAD, body);
	if (lead)
		box_write_set(write, "lead_id", lead->id);
	free(write->new_lead);
	write->new_lead = NULL;
}

static struct box_object *commit_create(struct box_write *write)
{
	struct box_object *object;

	if (write->new_lead)
		make_lead(write);
	object = insert(write->org, write->actor, write->kind, write->data);
	if (write->nested)
		insert_below(write, object->id);
	json_object_put(write->nested);
	return object;
}

/* What the changed keys held before; NULL where nothing changed. */
static struct json_object *changes(struct json_object *before, struct json_object *after)
{
	struct json_object *changed = NULL, *value;

	json_object_object_foreach(after, key, now)
	{
		if (json_object_equal(json_get(before, key), now))
			continue;
		changed = changed ? changed : json_object_new_object();
		json_object_object_add(changed, key, json_object_get(json_get(before, key)));
	}
	json_object_object_foreach(before, old_key, old)
	{
		if (json_object_object_get_ex(after, old_key, &value))
			continue;
		changed = changed ? changed : json_object_new_object();
		json_object_object_add(changed, old_key, json_object_get(old));
	}
	return changed;
}

void box_change(struct box_org *org, const struct box_actor *actor, struct box_object *object,
                struct json_object *data)
{
	struct json_object *previous = changes(object->data, data), *before;

	if (!previous) {
		json_object_put(data);
		return;
	}
	before = json_object_get(object->data);
	stamp(org, actor, false, data);
	box_store_replace(org->store, object, data);
	box_search_note(org->search, object, actor->now_ms);
	box_tell(org, actor, object, "updated", previous);
	if (object->kind->after)
		object->kind->after(org, actor, object, before);
	json_object_put(before);
	json_object_put(previous);
}

const struct box_object *box_write_as(struct box_org *org, const struct box_actor *actor,
                                      const struct box_kind *kind, const char *id,
                                      struct json_object *body, struct json_object **ret_complaint)
{
	struct box_write write = {.org = org, .actor = actor, .kind = kind, .body = body};

	build(&write);
	if (is_good(&write)) {
		box_write_set(&write, "id", id);
		return commit_create(&write);
	}
	*ret_complaint = complain(&write);
	return NULL;
}

const struct box_object *box_write(struct box_org *org, const struct box_actor *actor,
                                   const struct box_kind *kind, struct box_object *old,
                                   struct json_object *body, struct json_object **ret_complaint)
{
	struct box_write write = {
		.org = org, .actor = actor, .kind = kind, .old = old, .body = body};

	if (!old)
		return box_write_as(org, actor, kind, NULL, body, ret_complaint);
	build(&write);
	if (!is_good(&write)) {
		*ret_complaint = complain(&write);
		return NULL;
	}
	box_change(org, actor, old, write.data);
	return old;
}

struct box_object *box_make(struct box_org *org, const struct box_actor *actor,
                            enum box_kind_id kind, struct json_object *body)
{
	struct json_object *complaint = NULL;
	const struct box_object *made =
		box_write(org, actor, &box_kinds[kind], NULL, body, &complaint);

	json_object_put(complaint);
	json_object_put(body);
	return made ? box_store_find(org->store, &box_kinds[kind], made->id) : NULL;
}
