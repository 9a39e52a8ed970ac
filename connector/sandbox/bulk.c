#include "connector/sandbox/after.h"
#include "connector/sandbox/jobs.h"
#include "connector/sandbox/pages.h"
#include "connector/sandbox/remove.h"
#include "connector/sandbox/rules.h"
#include "connector/sandbox/selection.h"
#include "connector/sandbox/sent.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/* Bulk actions: created, then processing, then done to every lead that is selected by then. */

/* A bulk action at work on one lead; returns on how many objects it had an effect. */
struct work {
	struct box_org *org;
	const struct box_actor *actor;
	struct json_object *wanted; /* what the action says */
	const struct box_object *action;
};

static const char *wants(const struct work *work, const char *name)
{
	return json_get_string(work->wanted, name);
}

/* As if somebody had sent a PUT of one member; takes @value. */
static size_t put_member(const struct work *work, struct box_object *object, const char *name,
                         struct json_object *value)
{
	struct json_object *body = json_object_new_object(), *complaint = NULL;
	bool is_done;

	json_object_object_add(body, name, value);
	is_done = box_write(work->org, work->actor, object->kind, object, body, &complaint);
	json_object_put(complaint);
	json_object_put(body);
	return is_done;
}

static size_t edit_field(const struct work *work, struct box_object *lead)
{
	const bool is_clear = box_is_same(wants(work, "type"), "clear_custom_field");
	const char *field = wants(work, "custom_field_id"),
		   *how = wants(work, "custom_field_operation");
	struct json_object *value = json_get(work->wanted, "custom_field_values");
	const bool is_plain = is_clear || !how || strcmp(how, "replace") == 0;
	char *key = mem_printf("custom.%s%s%s", field ? field : wants(work, "custom_field_name"),
	                       is_plain ? "" : ".", is_plain ? "" : how);
	size_t n;

	value = value ? value : json_get(work->wanted, "custom_field_value");
	n = put_member(work, lead, key, is_clear ? NULL : json_object_get(value));
	free(key);
	return n;
}

static size_t edit(const struct work *work, struct box_object *lead)
{
	if (!box_is_same(wants(work, "type"), "set_lead_status"))
		return edit_field(work, lead);
	return put_member(work, lead, "status_id",
	                  json_object_get(json_get(work->wanted, "lead_status_id")));
}

static size_t erase(const struct work *work, struct box_object *lead)
{
	return !box_delete(work->org, work->actor, lead);
}

/* Whoever of the lead can be written to: one, or all of them. */
static void find_contacts(const struct work *work, const struct box_object *lead,
                          struct box_list *contacts)
{
	const bool is_each = box_is_same(wants(work, "contact_preference"), "contact");
	const struct box_list *below = box_store_below(work->org->store, lead->id);

	for (size_t i = 0; i < below->n && (is_each || !contacts->n); i++)
		if (below->items[i]->kind == &box_kinds[BOX_CONTACT] &&
		    box_first_of(below->items[i]->data, "emails", "email"))
			box_list_add(contacts, below->items[i]);
}

static struct json_object *about_contact(const struct box_object *contact)
{
	struct json_object *body = json_object_new_object();

	box_set(body, "contact_id", json_object_new_string(contact->id));
	return body;
}

static void copy(const struct work *work, struct json_object *to, const char *name)
{
	box_set(to, name, json_object_get(json_get(work->wanted, name)));
}

static size_t write_email(const struct work *work, const struct box_object *contact)
{
	struct json_object *body = about_contact(contact), *to = json_object_new_array();
	const struct box_object *made;

	json_object_array_add(
		to, json_object_new_string(box_first_of(contact->data, "emails", "email")));
	box_set(body, "lead_id", json_object_get(json_get(contact->data, "lead_id")));
	box_set(body, "status", json_object_new_string("sent"));
	box_set(body, "to", to);
	copy(work, body, "template_id");
	copy(work, body, "sender");
	made = box_make(work->org, work->actor, BOX_EMAIL, body);
	if (made)
		box_sent_note(work->org->sent, made,
		              box_first_of(contact->data, "emails", "email"));
	return made != NULL;
}

static size_t email(const struct work *work, struct box_object *lead)
{
	struct box_list contacts = {0};
	size_t n = 0;

	find_contacts(work, lead, &contacts);
	for (size_t i = 0; i < contacts.n; i++)
		n += write_email(work, contacts.items[i]);
	free(contacts.items);
	return n;
}

static bool has_had(const struct work *work, const struct box_object *contact)
{
	const struct box_list *all = box_store_all(work->org->store, &box_kinds[BOX_SUBSCRIPTION]);

	for (size_t i = 0; i < all->n; i++)
		if (box_is_same(json_get_string(all->items[i]->data, "contact_id"), contact->id) &&
		    box_is_same(json_get_string(all->items[i]->data, "sequence_id"),
		                wants(work, "sequence_id")))
			return true;
	return false;
}

static size_t subscribe(const struct work *work, const struct box_object *lead)
{
	static const char *const given[] = {"sequence_id", "sender_account_id", "sender_name",
	                                    "sender_email", "calls_assigned_to"};
	struct box_list contacts = {0};
	size_t n = 0;

	find_contacts(work, lead, &contacts);
	for (size_t i = 0; i < contacts.n; i++) {
		struct json_object *body;

		if (has_had(work, contacts.items[i]))
			continue;
		body = about_contact(contacts.items[i]);
		for (size_t g = 0; g < sizeof(given) / sizeof(given[0]); g++)
			copy(work, body, given[g]);
		n += box_make(work->org, work->actor, BOX_SUBSCRIPTION, body) != NULL;
	}
	free(contacts.items);
	return n;
}

/* What becomes of the subscriptions there are. */
static const struct {
	const char *action, *from, *to;
} turns[] = {
	{"pause", "active", "paused"},
	{"resume", "paused", "active"},
	{"resume_finished", "finished", "active"},
};

static size_t turn(const struct work *work, const struct box_object *lead, size_t t)
{
	const struct box_list *below = box_store_below(work->org->store, lead->id);
	const char *sequence = wants(work, "sequence_id");
	size_t n = 0;

	for (size_t i = 0; i < below->n; i++) {
		struct box_object *o = below->items[i];

		if (o->kind == &box_kinds[BOX_SUBSCRIPTION] &&
		    box_is_same(json_get_string(o->data, "status"), turns[t].from) &&
		    (!sequence || box_is_same(json_get_string(o->data, "sequence_id"), sequence)))
			n += put_member(work, o, "status", json_object_new_string(turns[t].to));
	}
	return n;
}

static size_t act_on_subscriptions(const struct work *work, struct box_object *lead)
{
	for (size_t t = 0; t < sizeof(turns) / sizeof(turns[0]); t++)
		if (box_is_same(wants(work, "action_type"), turns[t].action))
			return turn(work, lead, t);
	return subscribe(work, lead);
}

static const struct {
	enum box_kind_id kind;
	size_t (*act)(const struct work *work, struct box_object *lead);
} actions[] = {
	{BOX_BULK_EDIT, edit},
	{BOX_BULK_DELETE, erase},
	{BOX_BULK_EMAIL, email},
	{BOX_BULK_SUBSCRIPTION, act_on_subscriptions},
};

static void set_counts(struct json_object *data, size_t n_leads, size_t n_objects, bool is_done)
{
	box_set(data, "status", json_object_new_string(is_done ? "done" : "processing"));
	box_set(data, "n_leads", json_object_new_int64((int64_t)n_leads));
	box_set(data, "n_objects", json_object_new_int64((int64_t)(is_done ? n_objects : n_leads)));
	box_set(data, "n_leads_processed", json_object_new_int64(is_done ? (int64_t)n_leads : 0));
	box_set(data, "n_objects_processed",
	        json_object_new_int64(is_done ? (int64_t)n_objects : 0));
}

static size_t act(const struct work *work, const struct box_list *leads)
{
	size_t n = 0;

	for (size_t a = 0; a < sizeof(actions) / sizeof(actions[0]); a++)
		for (size_t i = 0;
		     i < leads->n && work->action->kind == &box_kinds[actions[a].kind]; i++)
			n += actions[a].act(work, leads->items[i]);
	return n;
}

static bool has_status(const struct box_object *action, const char *status)
{
	return box_is_same(json_get_string(action->data, "status"), status);
}

static void finish(struct box_org *org, const struct box_actor *actor, struct box_object *action)
{
	struct json_object *data = box_shallow(action->data);
	const struct work work = {org, actor, action->data, action};
	struct box_list leads = {0};
	struct err err;
	size_t n = 0;

	if (has_status(action, "paused")) {
		json_object_put(data);
		return;
	}
	if (box_select_leads(org, actor, action->data, &leads, &err) == 0)
		n = act(&work, &leads);
	set_counts(data, leads.n, n, true);
	box_change(org, actor, action, data);
	free(leads.items);
}

static void begin(struct box_org *org, const struct box_actor *actor, struct box_object *action)
{
	struct json_object *data = box_shallow(action->data);
	struct box_list leads = {0};
	struct err err;

	if (has_status(action, "paused")) {
		json_object_put(data);
		return;
	}
	(void)box_select_leads(org, actor, action->data, &leads, &err);
	set_counts(data, leads.n, 0, false);
	box_change(org, actor, action, data);
	box_jobs_add(org, actor, action, 1, 0, finish);
	free(leads.items);
}

/* What goes on after a pause begins anew: leads may have come or gone since. */
static void set_status(struct box_visit *v, struct box_object *action, const char *status)
{
	const struct box_actor actor = box_visit_actor(v);
	struct json_object *data = box_shallow(action->data);

	box_set(data, "status", json_object_new_string(status));
	box_change(v->api->org, &actor, action, data);
	if (strcmp(status, "resuming") == 0)
		box_jobs_add(v->api->org, &actor, action, 1, 0, begin);
	box_visit_note(v, action);
	box_visit_send(v, action, 200);
}

void box_page_pause_bulk(struct box_visit *v)
{
	struct box_object *action = box_store_find(v->api->org->store, NULL, v->part[1]);
	const char *status;

	if (box_visit_so(v, DOUBT_BULK_PAUSE, "refused")) {
		box_visit_not_allowed(v);
		return;
	}
	if (!action || action->kind->after != box_after_bulk) {
		box_visit_not_there(v, "BulkAction");
		return;
	}
	if (!box_visit_read(v))
		return;
	status = json_get_string(v->body, "status");
	if (box_is_same(status, "paused") && !has_status(action, "done"))
		set_status(v, action, "paused");
	else if (box_is_same(status, "resuming") && has_status(action, "paused"))
		set_status(v, action, "resuming");
	else
		box_visit_blame(v, "status", "Not a valid choice.");
}

void box_after_bulk(struct box_org *org, const struct box_actor *actor, struct box_object *object,
                    struct json_object *before)
{
	if (!before)
		box_jobs_add(org, actor, object, 1, 0, begin);
}

/* What a bulk action needs besides, where one member is a certain word. */
static const struct {
	enum box_kind_id kind;
	const char *key, *word, *needed;
} needs[] = {
	{BOX_BULK_EDIT, "type", "set_lead_status", "lead_status_id"},
	{BOX_BULK_SUBSCRIPTION, "action_type", "subscribe", "sequence_id"},
	{BOX_BULK_SUBSCRIPTION, "action_type", "subscribe", "sender_account_id"},
	{BOX_BULK_SUBSCRIPTION, "action_type", "subscribe", "sender_name"},
	{BOX_BULK_SUBSCRIPTION, "action_type", "subscribe", "sender_email"},
};

static void check_field(struct box_write *write)
{
	const char *id = json_get_string(write->data, "custom_field_id");
	const char *name = json_get_string(write->data, "custom_field_name");

	if (!box_is_same(json_get_string(write->data, "type"), "set_custom_field") &&
	    !box_is_same(json_get_string(write->data, "type"), "clear_custom_field"))
		return;
	if (!id && !name)
		box_write_blame_text(write, "custom_field_id", "This field is required.");
	else if (!(id ? box_store_find(write->org->store, &box_kinds[BOX_LEAD_FIELD], id)
	              : box_org_find(write->org, BOX_LEAD_FIELD, "name", name)))
		box_write_blame_text(write, id ? "custom_field_id" : "custom_field_name",
		                     "Object does not exist.");
}

void box_finish_bulk(struct box_write *write)
{
	static const char *const counts[] = {"n_leads", "n_leads_processed", "n_objects",
	                                     "n_objects_processed"};

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (write->kind == &box_kinds[needs[i].kind] &&
		    box_is_same(json_get_string(write->data, needs[i].key), needs[i].word) &&
		    !json_get(write->data, needs[i].needed))
			box_write_blame_text(write, needs[i].needed, "This field is required.");
	if (write->kind == &box_kinds[BOX_BULK_EDIT])
		check_field(write);
	box_check_selection(write);
	box_write_set(write, "status", "created");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		box_set(write->data, counts[i], json_object_new_int(0));
}
