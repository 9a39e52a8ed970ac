#include "connector/sandbox/rules.h"

#include "connector/sandbox/html.h"
#include "connector/sandbox/validate.h"
#include "connector/sandbox/write.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The finish hooks, kind by kind: rules over several fields of one write. */

/* The first in the organization's order. */
static void default_lead_status(struct box_write *write)
{
	struct box_list all = {0};

	box_org_lead_statuses(write->org, &all);
	box_write_set(write, "status_id", all.n ? all.items[0]->id : NULL);
	free(all.items);
}

/* A status by its label: exactly as it is written in the settings. */
static void take_status_label(struct box_write *write)
{
	const struct box_list *all = box_store_all(write->org->store, &box_kinds[BOX_LEAD_STATUS]);
	const char *label = json_get_string(write->body, "status");
	char *text;

	if (!label)
		return;
	if (box_write_has(write, "status_id")) {
		box_write_object(write, "Only one of status and status_id may be given.");
		return;
	}
	for (size_t i = 0; i < all->n; i++) {
		if (all->items[i]->is_deleted ||
		    !box_is_same(json_get_string(all->items[i]->data, "label"), label))
			continue;
		box_write_set(write, "status_id", all->items[i]->id);
		return;
	}
	text = mem_printf("Not a valid choice. Please go to Customizations in your organization "
	                  "settings and add \"%s\" to the list of lead statuses.",
	                  label);
	box_write_blame_text(write, "status", text);
	free(text);
}

static struct json_object *take_contact(const struct box_write *write, struct json_object *body,
                                        struct json_object **ret_complaint)
{
	if (json_object_is_type(body, json_type_object))
		return box_write_nested(write, &box_kinds[BOX_CONTACT], body, ret_complaint);
	*ret_complaint = json_object_new_string("Value must be of dict type.");
	return NULL;
}

static void take_contacts(struct box_write *write, struct json_object *contacts)
{
	struct json_object *bad = NULL, *errors;

	if (!json_object_is_type(contacts, json_type_array)) {
		box_write_blame_text(write, "contacts", "Value must be of list type.");
		return;
	}
	write->nested = json_object_new_array();
	write->nested_kind = BOX_CONTACT;
	for (size_t i = 0; i < json_object_array_length(contacts); i++) {
		struct json_object *complaint = NULL, *data;
		char index[24];

		data = take_contact(write, json_object_array_get_idx(contacts, i), &complaint);
		if (data) {
			json_object_array_add(write->nested, data);
			continue;
		}
		bad = bad ? bad : json_object_new_object();
		(void)snprintf(index, sizeof(index), "%zu", i);
		json_object_object_add(bad, index, complaint);
	}
	if (!bad)
		return;
	errors = json_object_new_object();
	json_object_object_add(errors, "errors", bad);
	box_write_blame(write, "contacts", errors);
}

void box_finish_lead(struct box_write *write)
{
	struct json_object *contacts;

	take_status_label(write);
	if (!json_get(write->data, "status_id") && !write->field_errors)
		default_lead_status(write);
	if (!json_object_object_get_ex(write->body, "contacts", &contacts))
		return;
	/* On PUT nested contacts are not updatable. */
	if (!write->old && contacts)
		take_contacts(write, contacts);
	else if (write->old && box_doubt_is(&write->org->doubts, DOUBT_LEAD_CONTACTS, "refused"))
		box_write_blame_text(write, "contacts", "Value cannot be changed.");
}

const char *box_first_of(struct json_object *data, const char *list, const char *key)
{
	struct json_object *items = json_get(data, list);

	if (!items || !json_object_array_length(items))
		return NULL;
	return json_get_string(json_object_array_get_idx(items, 0), key);
}

/* A contact's name falls back to what else is known of it. */
static const char *contact_name(struct json_object *data)
{
	const char *name = json_get_string(data, "name");

	if (name && *name)
		return name;
	name = box_first_of(data, "emails", "email");
	return name ? name : box_first_of(data, "phones", "phone");
}

static bool needs_lead(const struct box_write *write)
{
	return box_doubt_is(&write->org->doubts, DOUBT_CONTACT_WITHOUT_LEAD, "refused");
}

/* Since 2025 a contact without a lead gets one of its own, named after it. */
void box_finish_contact(struct box_write *write)
{
	const char *name;

	if (write->above || json_get(write->data, "lead_id"))
		return;
	if (write->old || needs_lead(write)) {
		box_write_blame_text(write, "lead", "This field is required.");
		return;
	}
	name = contact_name(write->data);
	write->new_lead = mem_strdup(name ? name : "Untitled");
}

static const struct box_object *status_of(const struct box_org *org, struct json_object *data)
{
	const char *id = json_get_string(data, "status_id");

	return id ? box_store_find(org->store, &box_kinds[BOX_OPPORTUNITY_STATUS], id) : NULL;
}

/* The first of the pipeline, or of the organization's first pipeline that has one. */
static void default_status(struct box_write *write)
{
	const struct box_list *all = box_store_all(write->org->store, &box_kinds[BOX_PIPELINE]);
	const char *pipeline = json_get_string(write->data, "pipeline_id");

	for (size_t i = 0; i < all->n && !json_get(write->data, "status_id"); i++) {
		struct box_list statuses = {0};

		if (all->items[i]->is_deleted ||
		    (pipeline && !box_is_same(all->items[i]->id, pipeline)))
			continue;
		box_org_statuses(write->org, all->items[i]->id, &statuses);
		if (statuses.n)
			box_write_set(write, "status_id", statuses.items[0]->id);
		free(statuses.items);
	}
}

/* The contact must be one of the lead's. */
static void check_contact(struct box_write *write)
{
	const char *id = json_get_string(write->data, "contact_id");
	const struct box_object *contact =
		id ? box_store_find(write->org->store, &box_kinds[BOX_CONTACT], id) : NULL;

	if (contact && !box_is_same(json_get_string(contact->data, "lead_id"),
	                            json_get_string(write->data, "lead_id")))
		box_write_blame_text(write, "contact", "Object does not exist.");
}

static void default_user(struct box_write *write, const char *key)
{
	if (!json_get(write->data, key))
		box_write_set(write, key, write->org->user->id);
}

/* note and note_html are two forms of one text; the HTML wins. */
static void take_rich_text(struct box_write *write)
{
	const char *html = json_get_string(write->body, "note_html");
	const char *plain = json_get_string(write->body, "note");
	struct buf text = BUF_INIT, clean = BUF_INIT;

	if (html) {
		if (box_html_strip(html, &clean) &&
		    box_doubt_is(&write->org->doubts, DOUBT_HTML_TAGS, "refused"))
			box_write_blame_text(write, "note_html", "Invalid HTML.");
		box_html_text(html, &text);
		box_write_set(write, "note", buf_text(&text));
	} else if (plain) {
		buf_addf(&clean, "<body><p>%s</p></body>", plain);
	}
	if (html || plain)
		box_write_set(write, "note_html", buf_text(&clean));
	buf_deinit(&text);
	buf_deinit(&clean);
}

void box_finish_opportunity(struct box_write *write)
{
	const struct box_object *status;
	char today[moment_bytes];
	const char *pipeline;

	if (write->field_errors)
		return;
	default_status(write);
	status = status_of(write->org, write->data);
	pipeline = status ? json_get_string(status->data, "pipeline_id") : NULL;
	if (json_get_string(write->body, "pipeline_id") && box_write_has(write, "status_id") &&
	    !box_is_same(pipeline, json_get_string(write->body, "pipeline_id")))
		box_write_blame_text(write, "status",
		                     "The status does not belong to the pipeline.");
	box_write_set(write, "pipeline_id", pipeline);
	if (status && box_is_same(json_get_string(status->data, "type"), "won") &&
	    !json_get(write->data, "date_won"))
		box_write_set(write, "date_won",
		              moment_date_text(write->actor->wall_ms * 1000, today));
	default_user(write, "user_id");
	check_contact(write);
	take_rich_text(write);
	if (write->old || json_get(write->data, "lead_id"))
		return;
	if (needs_lead(write))
		box_write_blame_text(write, "lead", "This field is required.");
	else
		write->new_lead = mem_strdup("Untitled");
}

void box_finish_task(struct box_write *write)
{
	struct json_object *due =
		json_get(write->body, "due_date") ? json_get(write->data, "due_date") : NULL;
	char today[moment_bytes];

	/* due_date is the old name of date. */
	if (due && !json_get(write->body, "date"))
		box_set(write->data, "date", json_object_get(due));
	if (!json_get(write->data, "date")) {
		box_write_set(write, "date", moment_date_text(write->actor->wall_ms * 1000, today));
		box_set(write->data, "is_dateless", json_object_new_boolean(true));
	} else if (box_write_has(write, "date") || due) {
		box_set(write->data, "is_dateless", json_object_new_boolean(false));
	}
	box_set(write->data, "due_date", json_object_get(json_get(write->data, "date")));
	default_user(write, "assigned_to");
	if (!write->field_errors)
		check_contact(write);
}

void box_finish_activity(struct box_write *write)
{
	char now[moment_bytes];

	default_user(write, "user_id");
	/* Activities say it in another word than leads do. */
	if (!write->old && json_get(write->data, "created_by_id"))
		box_set(write->data, "created_by",
		        json_object_get(json_get(write->data, "created_by_id")));
	json_object_object_del(write->data, "created_by_id");
	if (!json_get(write->data, "activity_at")) {
		const char *created = json_get_string(write->data, "date_created");

		box_write_set(write, "activity_at",
		              created ? created : moment_text(write->actor->wall_ms * 1000, now));
	}
	if (!write->field_errors)
		check_contact(write);
}

void box_finish_note(struct box_write *write)
{
	box_finish_activity(write);
	take_rich_text(write);
}

const char *box_lead_by_phone(const struct box_org *org, const char *phone)
{
	const struct box_list *all = box_store_all(org->store, &box_kinds[BOX_CONTACT]);

	for (size_t i = 0; phone && i < all->n; i++) {
		struct json_object *data = all->items[i]->data;

		if (!all->items[i]->is_deleted &&
		    box_is_same(box_first_of(data, "phones", "phone"), phone))
			return json_get_string(data, "lead_id");
	}
	return NULL;
}

void box_finish_call(struct box_write *write)
{
	const char *lead;

	if (!json_get(write->data, "lead_id") && !write->field_errors) {
		lead = box_lead_by_phone(write->org, json_get_string(write->data, "phone"));
		if (lead)
			box_write_set(write, "lead_id", lead);
		else
			box_write_blame_text(write, "lead", "This field is required.");
	}
	box_finish_activity(write);
	take_rich_text(write);
}
