#include "connector/shape/steps.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

/*
 * Close reads a custom field from a key of its own: "custom.cf_…". The nested form, "custom": {…},
 * erases on an update every field it does not list, so it never leaves this house.
 */

static const char prefix[] = "custom.";

static bool refuse_twice(struct shaping *s, const char *key)
{
	rejection_set(s->rejection, REJECT_FIELD, key,
	              "\"%s\" stands twice: as a key of its own and inside a nested custom object",
	              key);
	return false;
}

/* Puts the members of @custom into @object (which the caller owns) under keys of their own. */
static bool flatten(struct shaping *s, struct json_object *object, struct json_object *custom)
{
	json_object_object_foreach(custom, name, value)
	{
		char *key = mem_printf("%s%s", prefix, name);
		const bool is_twice = json_object_object_get_ex(object, key, NULL);

		if (is_twice)
			(void)refuse_twice(s, key);
		else
			(void)json_object_object_add(object, key, json_object_get(value));
		free(key);
		if (is_twice)
			return false;
	}
	return true;
}

static bool refuse_shape(struct shaping *s)
{
	rejection_set(s->rejection, REJECT_FIELD, "custom",
	              "\"custom\" holds no object of fields and values, so it names no custom "
	              "field; write \"custom.NAME\" or \"custom.cf_…\"");
	return false;
}

/* Takes "custom" out of @object, which the caller owns, and puts its members beside the others. */
static bool flatten_in(struct shaping *s, struct json_object *object)
{
	struct json_object *custom = NULL;
	bool is_done;

	if (!json_object_object_get_ex(object, "custom", &custom))
		return true;
	/* Null would erase all fields at once: too much to be meant by one empty cell. */
	if (custom && !json_object_is_type(custom, json_type_object))
		return refuse_shape(s);
	(void)json_object_get(custom);
	json_object_object_del(object, "custom");
	is_done = !custom || flatten(s, object, custom);
	json_object_put(custom);
	return is_done;
}

static bool holds_custom(struct json_object *object)
{
	return json_object_is_type(object, json_type_object) &&
	       json_object_object_get_ex(object, "custom", NULL);
}

static struct json_object *copy_members(struct json_object *object)
{
	struct json_object *copy = json_made(json_object_new_object());

	json_object_object_foreach(object, key, value)(void) json_object_object_add_ex(
		copy, key, json_object_get(value), JSON_C_OBJECT_ADD_KEY_IS_NEW);
	return copy;
}

bool shape_contact(struct shaping *s, struct json_object *contact, struct json_object **ret_contact)
{
	struct json_object *flat;
	bool is_good = true;

	*ret_contact = NULL;
	if (!json_object_is_type(contact, json_type_object)) {
		*ret_contact = json_object_get(contact);
		return true;
	}
	flat = holds_custom(contact) ? copy_members(contact) : json_object_get(contact);
	if (holds_custom(contact))
		is_good = flatten_in(s, flat);
	is_good = is_good && shape_field_names(s, "contact", flat, ret_contact);
	json_object_put(flat);
	return is_good;
}

/* The contacts that a new lead comes with have custom fields of their own. */
static bool name_contacts(struct shaping *s)
{
	struct json_object *contacts = json_get(s->draft->body, "contacts"), *named, *contact;
	const bool is_list = json_object_is_type(contacts, json_type_array);
	const size_t n = is_list ? json_object_array_length(contacts) : 0;
	bool changes = false, is_good = true;

	named = json_made(json_object_new_array());
	for (size_t i = 0; i < n && is_good; i++) {
		is_good = shape_contact(s, json_object_array_get_idx(contacts, i), &contact);
		changes |= contact != json_object_array_get_idx(contacts, i);
		(void)json_object_array_add(named, contact);
	}
	if (is_good && changes) {
		shape_own_body(s);
		(void)json_object_object_add(s->draft->body, "contacts", named);
	} else {
		json_object_put(named);
	}
	return is_good;
}

/* The body's own fields, by their ids. */
static bool name_fields(struct shaping *s)
{
	char *kind = shape_fields_kind(s);
	struct json_object *named = NULL;
	const bool is_good = shape_field_names(s, kind, s->draft->body, &named);

	free(kind);
	if (!is_good)
		return false;
	s->owns_body |= named != s->draft->body;
	json_object_put(s->draft->body);
	s->draft->body = named;
	return true;
}

bool shape_custom(struct shaping *s)
{
	const struct operation *op = s->draft->op;

	if (!op || !operation_field(op, "custom.cf_"))
		return true;
	if (json_object_object_get_ex(s->draft->body, "custom", NULL)) {
		shape_own_body(s);
		if (!flatten_in(s, s->draft->body))
			return false;
		draft_note(s->draft, "the nested custom object was written as keys of its own: the "
		                     "nested form erases every field it does not list");
	}
	if (!name_fields(s))
		return false;
	return strcmp(op->name, "lead.create") != 0 || name_contacts(s);
}
