#include "connector/close/values.h"

#include "lib/json.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *field, *list;
} in_contacts[] = {{"email", "emails"}, {"phone", "phones"}, {"url", "urls"}};

const char *crm_contact_list(const char *field)
{
	for (size_t i = 0; i < sizeof(in_contacts) / sizeof(in_contacts[0]); i++)
		if (strcmp(in_contacts[i].field, field) == 0)
			return in_contacts[i].list;
	return NULL;
}

static void tell_one(struct json_object *value, crm_value_fn *fn, void *arg)
{
	char *text;

	if (json_object_is_type(value, json_type_string)) {
		fn(arg, json_object_get_string(value));
	} else if (value && !json_object_is_type(value, json_type_object)) {
		text = json_text(value);
		fn(arg, text);
		free(text);
	}
}

/* A value of its own, or a list of them. */
static void tell(struct json_object *value, crm_value_fn *fn, void *arg)
{
	if (!json_object_is_type(value, json_type_array)) {
		tell_one(value, fn, arg);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *item = json_object_array_get_idx(value, i);

		if (!json_object_is_type(item, json_type_array))
			tell_one(item, fn, arg);
	}
}

static void tell_items(struct json_object *contact, const char *field, crm_value_fn *fn, void *arg)
{
	struct json_object *items = json_get(contact, crm_contact_list(field));

	if (!json_object_is_type(items, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(items); i++)
		tell_one(json_get(json_object_array_get_idx(items, i), field), fn, arg);
}

static void tell_contacts(struct json_object *lead, const char *field, crm_value_fn *fn, void *arg)
{
	struct json_object *contacts = json_get(lead, "contacts");

	if (!json_object_is_type(contacts, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(contacts); i++)
		tell_items(json_object_array_get_idx(contacts, i), field, fn, arg);
}

void crm_each_value(struct json_object *object, const char *kind, const char *field,
                    crm_value_fn *fn, void *arg)
{
	const bool is_listed = crm_contact_list(field) != NULL;
	struct json_object *value = json_get(object, field);

	if (is_listed && strcmp(kind, "contact") == 0) {
		tell_items(object, field, fn, arg);
		return;
	}
	/* A status says "label" where others say "name", and may be meant by either. */
	if (!value && strcmp(field, "name") == 0)
		value = json_get(object, "label");
	if (!value && strcmp(field, "label") == 0)
		value = json_get(object, "name");
	tell(value, fn, arg);
	if (is_listed && strcmp(kind, "lead") == 0)
		tell_contacts(object, field, fn, arg);
}
