#include "connector/shape/steps.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <ctype.h>
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

/*
 * Close reads a custom field from a key of its own: "custom.cf_…". The nested form, "custom": {…},
 * erases on an update every field it does not list, so it never leaves this house.
 */

static const char prefix[] = "custom.";

static bool is_alnum(char c)
{
	return isalnum((unsigned char)c);
}

/* "cf_…" or "lcf_…", and then ".add" or ".remove" or nothing. */
static bool is_field_id(const char *name)
{
	size_t n = 0;

	if (strncmp(name, "cf_", 3) == 0)
		name += 3;
	else if (strncmp(name, "lcf_", 4) == 0)
		name += 4;
	else
		return false;
	while (is_alnum(name[n]))
		n++;
	name += n;
	return n && (!*name || strcmp(name, ".add") == 0 || strcmp(name, ".remove") == 0);
}

static bool refuse_name(struct shaping *s, const char *key)
{
	rejection_set(s->rejection, REJECT_FIELD, key,
	              "\"%s\" names a custom field, and names are not available yet; write its id "
	              "instead: \"custom.cf_…\" (Close shows it in Settings, Custom Fields)",
	              key);
	return false;
}

static bool refuse_twice(struct shaping *s, const char *key)
{
	rejection_set(s->rejection, REJECT_FIELD, key,
	              "\"%s\" stands twice: as a key of its own and inside a nested custom object",
	              key);
	return false;
}

static bool check_names(struct shaping *s, struct json_object *object)
{
	json_object_object_foreach(object, key, value)
	{
		(void)value;
		if (strncmp(key, prefix, sizeof(prefix) - 1) == 0 &&
		    !is_field_id(key + sizeof(prefix) - 1))
			return refuse_name(s, key);
	}
	return true;
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
	              "\"custom\" holds no object of field ids and values, so it names no custom "
	              "field; write \"custom.cf_…\"");
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
	struct json_object *copy = json_object_new_object();

	if (!copy)
		mem_exhausted();
	json_object_object_foreach(object, key, value)(void) json_object_object_add_ex(
		copy, key, json_object_get(value), JSON_C_OBJECT_ADD_KEY_IS_NEW);
	return copy;
}

/* A new reference to the contact, without a nested custom object; NULL where it is rejected. */
static struct json_object *flat_contact(struct shaping *s, struct json_object *contact)
{
	struct json_object *copy;

	if (!holds_custom(contact))
		return json_object_get(contact);
	copy = copy_members(contact);
	if (flatten_in(s, copy))
		return copy;
	json_object_put(copy);
	return NULL;
}

/* The contacts that a new lead comes with have custom fields of their own. */
static bool flatten_contacts(struct shaping *s)
{
	struct json_object *contacts = json_get(s->draft->body, "contacts"), *flat, *contact;
	const bool is_list = json_object_is_type(contacts, json_type_array);
	const size_t n = is_list ? json_object_array_length(contacts) : 0;
	bool changes = false;

	for (size_t i = 0; i < n; i++) {
		contact = json_object_array_get_idx(contacts, i);
		changes |= holds_custom(contact);
	}
	if (changes) {
		flat = json_object_new_array();
		if (!flat)
			mem_exhausted();
		for (size_t i = 0; i < n; i++) {
			contact = json_object_array_get_idx(contacts, i);
			contact = contact ? flat_contact(s, contact) : NULL;
			(void)json_object_array_add(flat, contact);
		}
		shape_own_body(s);
		(void)json_object_object_add(s->draft->body, "contacts", flat);
		contacts = flat;
	}
	for (size_t i = 0; i < n && !s->rejection->class; i++) {
		contact = json_object_array_get_idx(contacts, i);
		if (json_object_is_type(contact, json_type_object))
			(void)check_names(s, contact);
	}
	return s->rejection->class == REJECT_NONE;
}

bool shape_custom(struct shaping *s)
{
	const struct operation *op = s->route->op;

	if (!op || !operation_field(op, "custom.cf_"))
		return true;
	if (json_object_object_get_ex(s->draft->body, "custom", NULL)) {
		shape_own_body(s);
		if (!flatten_in(s, s->draft->body))
			return false;
		draft_note(s->draft, "the nested custom object was written as keys of its own: the "
		                     "nested form erases every field it does not list");
	}
	if (!check_names(s, s->draft->body))
		return false;
	return strcmp(op->name, "lead.create") != 0 || flatten_contacts(s);
}
