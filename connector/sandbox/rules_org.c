#include "connector/sandbox/rules.h"
#include "connector/sandbox/write.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/* The finish hooks of people and what they share: groups, roles, numbers, links, sequences. */

void box_finish_group(struct box_write *write)
{
	const char *name = json_get_string(write->data, "name");
	const struct box_object *other = box_org_find(write->org, BOX_GROUP, "name", name);

	if (other && other != write->old)
		box_write_blame_text(write, "name", "A group with this name already exists.");
	if (!write->old)
		box_set(write->data, "members", json_object_new_array());
}

void box_finish_organization(struct box_write *write)
{
	struct json_object *statuses = json_get(write->body, "lead_statuses");

	if (!statuses || write->field_errors)
		return;
	if (json_object_is_type(statuses, json_type_array))
		box_org_order(write->org, write->org->id, statuses);
	else
		box_write_blame_text(write, "lead_statuses", "Value must be of list type.");
}

void box_finish_membership(struct box_write *write)
{
	static const char *const usual[] = {"admin", "superuser", "user", "restricteduser"};
	const char *role = json_get_string(write->data, "role_id");
	bool is_known = !role; /* that has been complained about */

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		is_known |= box_is_same(role, usual[i]);
	if (!is_known && !box_store_find(write->org->store, &box_kinds[BOX_ROLE], role))
		box_write_blame_text(write, "role", "Object does not exist.");
}

void box_finish_send_as(struct box_write *write)
{
	const char *allowing = json_get_string(write->data, "allowing_user_id");

	if (allowing && !box_is_same(allowing, write->org->user->id))
		box_write_blame_text(write, "allowing_user",
		                     "You can only allow others to send as yourself.");
}

/* Rents the next number there is. */
static void take_number(struct box_write *write)
{
	const bool is_group = box_is_same(json_get_string(write->data, "sharing"), "group");
	const size_t n = box_store_all(write->org->store, write->kind)->n;
	char *number = mem_printf("+1555%07zu", 100000 + n);

	box_write_set(write, "number", number);
	free(number);
	box_write_set(write, "type", "internal");
	box_set(write->data, "is_group_number", json_object_new_boolean(is_group));
	box_write_set(write, "user_id", is_group ? NULL : write->org->user->id);
}

void box_finish_phone_number(struct box_write *write)
{
	const char *greeting = json_get_string(write->data, "voicemail_greeting_url");

	if (greeting && strncmp(greeting, "https://", strlen("https://")) != 0)
		box_write_blame_text(write, "voicemail_greeting_url",
		                     "The URL must begin with https://.");
	if (!write->old)
		take_number(write);
}

void box_finish_shared_link_use(struct box_write *write)
{
	if (!json_get(write->data, "user_scheduling_link_id") && !json_get(write->data, "url"))
		box_write_blame_text(write, "user_scheduling_link", "This field is required.");
	box_write_set(write, "user_id", write->org->user->id);
}

static bool is_shared(const struct box_org *org, struct json_object *step, const char *key)
{
	const char *id = json_get_string(step, key);
	const struct box_object *template = id ? box_store_find(org->store, NULL, id) : NULL;

	return !template || json_get_bool(template->data, "is_shared", false);
}

void box_finish_sequence(struct box_write *write)
{
	struct json_object *steps = json_get(write->data, "steps");

	if (write->field_errors)
		return;
	for (size_t i = 0; steps && i < json_object_array_length(steps); i++) {
		struct json_object *step = json_object_array_get_idx(steps, i);
		char id[box_id_bytes];

		if (!is_shared(write->org, step, "email_template_id") ||
		    !is_shared(write->org, step, "sms_template_id")) {
			box_write_object(write,
			                 "This template is not shared with the organization.");
			return;
		}
		if (json_get(step, "id"))
			continue;
		box_store_make_id(write->org->store, "seqstep", id);
		box_set(step, "id", json_object_new_string(id));
	}
}

void box_finish_subscription(struct box_write *write)
{
	const char *id = json_get_string(write->data, "contact_id");
	const struct box_object *contact =
		id ? box_store_find(write->org->store, &box_kinds[BOX_CONTACT], id) : NULL;

	if (write->old || !contact)
		return;
	box_write_set(write, "lead_id", json_get_string(contact->data, "lead_id"));
	if (!json_get(write->data, "contact_email"))
		box_write_set(write, "contact_email",
		              box_first_of(contact->data, "emails", "email"));
}
