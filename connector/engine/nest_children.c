#include "connector/engine/nest.h"

#include "connector/close/lookup.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <assert.h>
#include <json-c/linkhash.h>
#include <string.h>

/*
 * The rows of a lead that is there. What contacts it has is only known while no call about it is on
 * its way; so is which of them a row means, by one of its e-mails. Rows that mean one contact go
 * one after another.
 */

struct adding {
	struct engine *engine;
	struct resolving *of;
	struct json_object *contacts; /* borrowed */
	char **taken; /* e-mails and ids of contacts that rows have been sent about */
	struct draft **later;
	size_t n_later;
};

/* E-mails */

static struct json_object *emails_of(struct json_object *contact)
{
	struct json_object *emails = json_get(contact, "emails");

	return json_object_is_type(emails, json_type_array) ? emails : NULL;
}

/* Folded; to free(). NULL: the item has none. */
static char *email_at(struct json_object *emails, size_t i)
{
	const char *email = json_get_string(json_object_array_get_idx(emails, i), "email");

	return email ? lookup_fold(LIKE_EMAIL, email) : NULL;
}

static size_t n_emails(struct json_object *emails)
{
	return emails ? json_object_array_length(emails) : 0;
}

static bool share_email(struct json_object *a, struct json_object *b)
{
	struct json_object *of_a = emails_of(a), *of_b = emails_of(b);

	for (size_t i = 0; i < n_emails(of_a); i++) {
		cleanup_(freep) char *email = email_at(of_a, i);

		for (size_t k = 0; email && *email && k < n_emails(of_b); k++) {
			cleanup_(freep) char *other = email_at(of_b, k);

			if (other && !strcmp(email, other))
				return true;
		}
	}
	return false;
}

/* The lead's contact that a row means; NULL: none, so it is a new one. */
static struct json_object *find_contact(struct json_object *contacts, struct json_object *child)
{
	for (size_t i = 0; i < json_object_array_length(contacts); i++) {
		struct json_object *contact = json_object_array_get_idx(contacts, i);

		if (share_email(contact, child))
			return contact;
	}
	return NULL;
}

/* Whether a row before it was sent about the same contact; else it is noted that this one is. */
static bool is_taken(struct adding *a, struct json_object *child, const char *id)
{
	struct json_object *emails = emails_of(child);
	char **names = NULL;
	bool is_taken = false;

	if (id)
		strlist_add(&names, mem_strdup(id));
	for (size_t i = 0; i < n_emails(emails); i++) {
		char *email = email_at(emails, i);

		if (email && *email)
			strlist_add(&names, email);
		else
			free(email);
	}
	for (char **name = names; name && *name; name++)
		for (char **t = a->taken; t && *t; t++)
			is_taken |= !strcmp(*name, *t);
	for (char **name = names; name && *name && !is_taken; name++)
		strlist_add(&a->taken, mem_strdup(*name));
	strlist_free(names);
	return is_taken;
}

/* Calls */

static struct json_object *copy_of(struct json_object *child)
{
	struct json_object *copy = json_made(json_object_new_object());

	if (!child)
		return copy;
	json_object_object_foreach(child, key, value)(void)
		json_object_object_add(copy, key, json_object_get(value));
	return copy;
}

static bool has_field(const struct operation *op, const char *name)
{
	for (const struct operation_field *f = op->body_fields; f->name; f++)
		if (!strcmp(f->name, name))
			return true;
	return false;
}

/* Sends @takes_body as the row's output; of a change @object_id says whose. */
static void send(struct engine *e, struct draft *row, const struct operation *op, char *takes_url,
                 struct json_object *takes_body, const char *object_id)
{
	const struct route route = {.index = row->route->index,
	                            .name = row->route->name,
	                            .op = op,
	                            .method = op->method,
	                            .has_body = true};
	struct draft *call = draft_new(row->record, &route, row->ordinal);
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	struct request *request;

	call->url = takes_url;
	call->body = takes_body;
	call->part = row->part;
	call->generation = row->generation;
	call->number = row->number;
	if (row->written)
		call->written = json_object_get(row->written);
	if (object_id) /* where it is refused, the contact is there all the same */
		offers_bring(e, call, object_id, row->number);
	request = intake_request(e, &e->pipeline->routes, call, &rejection);
	assert(request); /* JSON can always be written */
	request->config = batches_config(e, row->route);
	free(request->parts[0].draft);
	request->parts[0].draft = draft_text(row);
	outputs_have(request);
	batches_clear_way(e, request, NULL);
	delivery_submit(e->delivery, request);
}

static void create_contact(struct adding *a, struct draft *row)
{
	const struct operation_set *operations = a->engine->pipeline->routes.operations;
	struct json_object *body = copy_of(row->child);

	(void)json_object_object_add(body, "lead_id", json_string(a->of->nest_lead));
	send(a->engine, row, operation_find(operations, "contact.create"), mem_strdup("/contact/"),
	     body, NULL);
}

static void skip_row(struct engine *e, const struct draft *row, const char *why)
{
	outputs_skip(e, draft_part(row), row->route->name, draft_operation(row), why);
}

/* What of a row's child changes the contact: its lists are added to, and the rest is replaced. */
static struct json_object *changes_of(const struct engine *e, struct json_object *child,
                                      struct json_object *contact, const struct operation *create,
                                      const struct operation *update, struct json_object *places)
{
	cleanup_(json_freep) struct json_object *shown = spellings_in(e, child);
	struct json_object *body = copy_of(child);
	char **fields = NULL;

	json_object_object_foreach(child, key, value)
	{
		const bool is_create_only = has_field(create, key) && !has_field(update, key);

		if (is_create_only || json_object_equal(json_get(contact, key), value))
			json_object_object_del(body, key);
	}
	for (size_t i = 0; i < lookup_n_lists; i++)
		if (json_object_is_type(json_get(body, lookup_lists[i].name), json_type_array))
			strlist_add(&fields, mem_strdup(lookup_lists[i].name));
	if (fields)
		(void)crm_lists_append(contact, fields, body, places, shown);
	strlist_free(fields);
	return body;
}

static void update_contact(struct adding *a, struct draft *row, struct json_object *contact)
{
	const struct operation_set *operations = a->engine->pipeline->routes.operations;
	const struct operation *update = operation_find(operations, "contact.update");
	const char *id = json_get_string(contact, "id");
	struct json_object *written = copy_of(row->written);
	struct json_object *body =
		changes_of(a->engine, row->child, contact,
	                   operation_find(operations, "contact.create"), update, written);

	json_object_put(row->written);
	row->written = written;
	if (json_object_object_length(body)) {
		send(a->engine, row, update, mem_printf("/contact/%s/", id), body, id);
		return;
	}
	json_object_put(body);
	skip_row(a->engine, row, "nothing changes: the lead has this contact already");
}

/* Takes the row. */
static void add_row(struct adding *a, struct draft *row)
{
	struct json_object *contact = row->child ? find_contact(a->contacts, row->child) : NULL;

	if (row->child && is_taken(a, row->child, json_get_string(contact, "id"))) {
		a->later[a->n_later++] = row;
		return;
	}
	if (!row->child)
		skip_row(a->engine, row, "nothing changes: the lead is there already");
	else if (contact)
		update_contact(a, row, contact);
	else
		create_contact(a, row);
	draft_free(row);
}

static void add_rows(struct engine *e, struct resolving *r, struct json_object *contacts)
{
	struct draft *d = r->draft;
	struct adding a = {.engine = e,
	                   .of = r,
	                   .contacts = contacts,
	                   .later = mem_array(d->n_rows, sizeof(struct draft *))};

	hook_point("nest_children");
	for (size_t i = 0; i < d->n_rows; i++)
		add_row(&a, d->rows[i]);
	d->n_rows = 0;
	strlist_free(a.taken);
	if (a.n_later)
		resolve_add_again(e, nest_fold(a.later, a.n_later));
	else
		free(a.later);
}

/* Who comes first */

/* The first who offers an e-mail of @row's contact and came between these numbers; NULL: nobody. */
static struct offer *maker_between(const struct engine *e, const struct draft *row, uint64_t behind,
                                   const char *but)
{
	struct json_object *emails = emails_of(row->child);
	struct offer *maker = NULL;

	if (hook_without("nest_makers"))
		return NULL;
	for (size_t i = 0; !maker && i < n_emails(emails); i++) {
		cleanup_(freep) char *email = email_at(emails, i);
		cleanup_(freep) char *text =
			email && *email ? lookup_field_text("contact", "email", email) : NULL;

		if (text)
			maker = parents_find_between(e->parents, text, behind, row->number, but);
	}
	return maker;
}

/* Who came before @row and may make its contact, or bring its e-mail to one; NULL: nobody. */
static struct offer *maker_before(const struct engine *e, const struct draft *row)
{
	return maker_between(e, row, 0, NULL);
}

/* One of @rows has the contact of @row, too. */
static bool is_among(struct draft *const *rows, size_t n, const struct draft *row)
{
	for (size_t i = 0; i < n; i++)
		if (share_email(rows[i]->child, row->child))
			return true;
	return false;
}

size_t nest_part_between(const struct engine *e, struct draft **rows, size_t n,
                         struct draft ***ret_behind)
{
	struct draft **behind = mem_array(n, sizeof(struct draft *));
	size_t n_first = 0, n_behind = 0;

	for (size_t i = 0; i < n; i++) {
		if (maker_between(e, rows[i], rows[0]->number, nest_offers) ||
		    is_among(behind, n_behind, rows[i]))
			behind[n_behind++] = rows[i];
		else
			rows[n_first++] = rows[i];
	}
	if (!n_behind)
		free(steal(&behind));
	*ret_behind = behind;
	return n_behind;
}

/* Rows for whose contacts others are on their way come again: they wait for those, alone. */
static void part_those_behind(struct engine *e, struct resolving *r)
{
	struct draft *d = r->draft;
	struct draft **behind = mem_array(d->n_rows, sizeof(struct draft *));
	size_t n = 0, n_behind = 0;

	for (size_t i = 0; i < d->n_rows; i++) {
		if (maker_before(e, d->rows[i]))
			behind[n_behind++] = d->rows[i];
		else
			d->rows[n++] = d->rows[i];
	}
	d->n_rows = n;
	if (n_behind)
		resolve_add_again(e, nest_fold(behind, n_behind))->is_again = r->is_again;
	else
		free(behind);
}

/* What contacts it has */

static bool is_free(struct engine *e, const char *id)
{
	struct request *call = request_new();
	bool is;

	request_add_lane(call, id, true);
	is = resolve_is_free(e, call);
	request_free(call);
	return is;
}

static void read_contacts(struct engine *e, struct resolving *r)
{
	char name[] = "contacts", *fields[] = {name, NULL};
	cleanup_(freep) char *url = mem_printf("/lead/%s/", r->nest_lead);

	resolve_read_lists(e, r, url, fields);
}

/* Whether @row, whose contact it is, would be the next about it. */
static bool is_next(struct engine *e, const struct draft *row, const char *contact_id)
{
	struct request *call = request_new();
	bool is;

	request_add_lane(call, contact_id, true);
	is = !marks_ahead(e->resolve->closed, contact_id, row->number, true) &&
	     !resolve_is_parked(e, row, call) && resolve_is_free(e, call);
	request_free(call);
	return is;
}

/*
 * Others are about the contact of its one row, so what was read of it may not be what the row will
 * find: it waits for them, and reads again.
 */
static bool waits_for_contact(struct engine *e, struct resolving *r, const char *contact_id)
{
	free(r->target);
	r->target = mem_strdup(contact_id);
	if (!resolve_must_wait(e, r)) {
		if (is_free(e, contact_id))
			return false;
		r->wait = WAIT_LANE;
	}
	json_object_put(steal(&r->lists));
	r->lists_status = 0;
	return true;
}

/* Rows about whose contacts others are come again, each alone. */
static bool wait_for_contacts(struct engine *e, struct resolving *r, struct json_object *contacts)
{
	struct draft *d = r->draft;
	size_t n = 0;

	if (hook_without("nest_contacts"))
		return false;
	for (size_t i = 0; i < d->n_rows; i++) {
		struct json_object *contact =
			d->rows[i]->child ? find_contact(contacts, d->rows[i]->child) : NULL;
		const char *id = json_get_string(contact, "id");

		if (id && d->n_rows == 1)
			return waits_for_contact(e, r, id);
		if (!id || is_next(e, d->rows[i], id))
			d->rows[n++] = d->rows[i];
		else
			resolve_add_again(e, nest_alone(d->rows[i]))->is_again = r->is_again;
	}
	d->n_rows = n;
	return false;
}

static bool has_children(const struct draft *d)
{
	for (size_t i = 0; i < d->n_rows; i++)
		if (d->rows[i]->child)
			return true;
	return false;
}

/* It is gone: what was remembered of it is forgotten, and its rows ask again, once. */
static void lead_is_gone(struct engine *e, struct resolving *r)
{
	struct draft **rows = steal(&r->draft->rows);
	const size_t n = r->draft->n_rows;

	r->draft->n_rows = 0;
	journal_forget_object(e->journal, r->nest_lead);
	for (size_t i = 0; i < n; i++)
		rows[i]->is_settled_on = false;
	resolve_add_again(e, nest_fold(rows, n));
}

enum step nest_add_children(struct engine *e, struct resolving *r)
{
	struct json_object *contacts;

	if (!has_children(r->draft)) {
		add_rows(e, r, NULL);
		return STEP_GONE;
	}
	if (!r->lists_status) {
		struct offer *maker = maker_before(e, r->draft->rows[0]);

		if (maker)
			return resolve_wait_for_parent(e, r, maker);
		part_those_behind(e, r);
	}
	if (!r->lists_status && !is_free(e, r->nest_lead)) {
		r->wait = WAIT_LANE;
		return STEP_WAIT;
	}
	if (!r->lists_status) {
		read_contacts(e, r);
		return STEP_WAIT;
	}
	hook_point("contacts_answered");
	contacts = json_get(r->lists, "contacts");
	if (r->lists_status == 404 && !r->is_again) {
		lead_is_gone(e, r);
	} else if (r->lists_status / 100 == 2 && json_object_is_type(contacts, json_type_array)) {
		if (wait_for_contacts(e, r, contacts))
			return STEP_WAIT;
		add_rows(e, r, contacts);
	} else {
		resolve_reject(e, r,
		               r->lists_status == 403   ? REJECT_PERMISSION
		               : r->lists_status == 404 ? REJECT_NOT_FOUND
		                                        : REJECT_UNEXPECTED_ANSWER,
		               NULL, "the contacts of %s cannot be read: Close answered %u",
		               r->nest_lead, r->lists_status);
	}
	return STEP_GONE;
}
