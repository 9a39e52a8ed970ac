#include "connector/sandbox/rules.h"
#include "connector/sandbox/write.h"
#include "lib/json.h"

#include <string.h>

/* The finish hooks of e-mails, text messages, comments, and what the feed tells of statuses. */

static void require(struct box_write *write, const char *name)
{
	if (!json_get(write->data, name))
		box_write_blame_text(write, name, "This field is required.");
}

static bool is_one_of(const char *text, const char *const *list)
{
	for (; *list; list++)
		if (box_is_same(text, *list))
			return true;
	return false;
}

void box_check_message(struct box_write *write)
{
	const char *status = json_get_string(write->data, "status");
	const char *before = write->old ? json_get_string(write->old->data, "status") : "draft";

	if (!box_is_same(before, "draft") && !box_is_same(status, "draft"))
		box_write_object(write, "Only drafts can be changed.");
	else if (box_is_same(status, "scheduled"))
		require(write, "date_scheduled");
}

/* Text that the body does not give comes from the template. */
static void take_template(struct box_write *write, enum box_kind_id kind, const char *from,
                          const char *to)
{
	const char *id = json_get_string(write->data, "template_id");
	const struct box_object *template =
		id ? box_store_find(write->org->store, &box_kinds[kind], id) : NULL;
	const char *text = json_get_string(write->data, to);

	if (template && (!text || !*text))
		box_set(write->data, to, json_object_get(json_get(template->data, from)));
}

void box_finish_email(struct box_write *write)
{
	static const char *const from_somebody[] = {"inbox", "scheduled", "outbox", "error", NULL};
	const char *text = json_get_string(write->data, "body_text");

	box_finish_activity(write);
	box_check_message(write);
	if (write->errors)
		return;
	if (is_one_of(json_get_string(write->data, "status"), from_somebody))
		require(write, "sender");
	if (!text || !*text)
		take_template(write, BOX_EMAIL_TEMPLATE, "body", "body_html");
	take_template(write, BOX_EMAIL_TEMPLATE, "subject", "subject");
}

static const char *lead_of_contact(const struct box_write *write)
{
	const char *id = json_get_string(write->data, "contact_id");
	const struct box_object *contact =
		id ? box_store_find(write->org->store, &box_kinds[BOX_CONTACT], id) : NULL;

	return contact ? json_get_string(contact->data, "lead_id") : NULL;
}

/* Where the body names no lead, its contact or its number does. */
static void find_lead(struct box_write *write)
{
	const char *lead = lead_of_contact(write);

	if (json_get(write->data, "lead_id") || write->field_errors)
		return;
	lead = lead ? lead
	            : box_lead_by_phone(write->org, json_get_string(write->data, "remote_phone"));
	if (lead)
		box_write_set(write, "lead_id", lead);
	else
		box_write_blame_text(write, "lead", "This field is required.");
}

/* To be sent it needs a number of Close's to come from. */
static void check_numbers(struct box_write *write)
{
	const char *from = json_get_string(write->data, "local_phone");

	require(write, "local_phone");
	require(write, "remote_phone");
	if (from && !box_org_find(write->org, BOX_PHONE_NUMBER, "number", from))
		box_write_blame_text(write, "local_phone",
		                     "This is not an internal phone number of the organization.");
}

void box_finish_sms(struct box_write *write)
{
	static const char *const sending[] = {"scheduled", "outbox", NULL};
	const char *status = json_get_string(write->data, "status");

	find_lead(write);
	box_finish_activity(write);
	box_check_message(write);
	if (!json_get(write->data, "direction"))
		box_write_set(write, "direction",
		              box_is_same(status, "inbox") ? "inbound" : "outbound");
	take_template(write, BOX_SMS_TEMPLATE, "text", "text");
	if (is_one_of(status, sending) && !write->errors)
		check_numbers(write);
}

static void take_label(struct box_write *write, const char *id_name, const char *label_name)
{
	const char *id = json_get_string(write->data, id_name);
	const struct box_object *status = id ? box_store_find(write->org->store, NULL, id) : NULL;

	if (status && !json_get(write->data, label_name))
		box_set(write->data, label_name, json_object_get(json_get(status->data, "label")));
}

void box_finish_status_change(struct box_write *write)
{
	box_finish_activity(write);
	take_label(write, "old_status_id", "old_status_label");
	take_label(write, "new_status_id", "new_status_label");
}

/* The comments on one object are a thread, which begins with the first of them. */
void box_finish_comment(struct box_write *write)
{
	const char *object_id = json_get_string(write->data, "object_id");
	const struct box_object *thread;
	struct json_object *body;

	if (write->old || write->field_errors)
		return;
	thread = box_org_find(write->org, BOX_COMMENT_THREAD, "object_id", object_id);
	if (!thread) {
		body = json_object_new_object();
		box_set(body, "object_id", json_object_new_string(object_id));
		thread = box_make(write->org, write->actor, BOX_COMMENT_THREAD, body);
	}
	if (thread)
		box_write_set(write, "thread_id", thread->id);
}
