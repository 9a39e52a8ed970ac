#include "connector/sandbox/after.h"

#include "connector/sandbox/jobs.h"
#include "connector/sandbox/sent.h"
#include "lib/json.h"
#include "lib/moment.h"

#include <string.h>
#include <strings.h>

static void copy(struct json_object *to, const char *name, struct json_object *from,
                 const char *key)
{
	box_set(to, name, json_object_get(json_get(from, key)));
}

/* One more member, or another value of one. */
static void change_text(struct box_org *org, const struct box_actor *actor,
                        struct box_object *object, const char *name, const char *text)
{
	struct json_object *data = box_shallow(object->data);

	box_set(data, name, json_object_new_string(text));
	box_change(org, actor, object, data);
}

static bool has_new_status(const struct box_object *object, struct json_object *before)
{
	return before && !box_is_same(json_get_string(before, "status_id"),
	                              json_get_string(object->data, "status_id"));
}

static struct json_object *status_change(const struct box_object *object,
                                         struct json_object *before)
{
	struct json_object *body = json_object_new_object();

	copy(body, "old_status_id", before, "status_id");
	copy(body, "new_status_id", object->data, "status_id");
	return body;
}

void box_after_lead(struct box_org *org, const struct box_actor *actor, struct box_object *object,
                    struct json_object *before)
{
	struct json_object *body;

	if (!has_new_status(object, before))
		return;
	body = status_change(object, before);
	box_set(body, "lead_id", json_object_new_string(object->id));
	(void)box_make(org, actor, BOX_LEAD_STATUS_CHANGE, body);
}

void box_after_opportunity(struct box_org *org, const struct box_actor *actor,
                           struct box_object *object, struct json_object *before)
{
	struct json_object *body;

	if (!has_new_status(object, before))
		return;
	body = status_change(object, before);
	copy(body, "lead_id", object->data, "lead_id");
	box_set(body, "opportunity_id", json_object_new_string(object->id));
	(void)box_make(org, actor, BOX_OPPORTUNITY_STATUS_CHANGE, body);
}

void box_after_task(struct box_org *org, const struct box_actor *actor, struct box_object *object,
                    struct json_object *before)
{
	struct json_object *body;

	if (!json_get_bool(object->data, "is_complete", false) ||
	    json_get_bool(before, "is_complete", false))
		return;
	body = json_object_new_object();
	copy(body, "lead_id", object->data, "lead_id");
	copy(body, "contact_id", object->data, "contact_id");
	copy(body, "task_text", object->data, "text");
	copy(body, "task_assigned_to", object->data, "assigned_to");
	box_set(body, "task_id", json_object_new_string(object->id));
	(void)box_make(org, actor, BOX_TASK_COMPLETED, body);
}

/* Who a message goes to: the number, or the first address. */
static const char *recipient(const struct box_object *message)
{
	struct json_object *to = json_get(message->data, "to");

	if (message->kind == &box_kinds[BOX_SMS])
		return json_get_string(message->data, "remote_phone");
	return to && json_object_array_length(to)
	               ? json_object_get_string(json_object_array_get_idx(to, 0))
	               : NULL;
}

/* Unless somebody has made a draft of it again. */
static void send_message(struct box_org *org, const struct box_actor *actor,
                         struct box_object *message)
{
	const char *status = json_get_string(message->data, "status");

	if (!box_is_same(status, "outbox") && !box_is_same(status, "scheduled"))
		return;
	box_sent_note(org->sent, message, recipient(message));
	change_text(org, actor, message, "status", "sent");
}

/* How long after now it is to go out. */
static uint64_t wait_ms(const struct box_actor *actor, struct json_object *data)
{
	const char *text = json_get_string(data, "date_scheduled");
	int64_t us, wait = json_get_int(data, "send_in", 0) * 1000;

	if (box_is_same(json_get_string(data, "status"), "scheduled") && text &&
	    moment_parse(text, &us, NULL))
		wait = us / 1000 - actor->wall_ms;
	return wait > 0 ? (uint64_t)wait : 0;
}

void box_after_message(struct box_org *org, const struct box_actor *actor,
                       struct box_object *object, struct json_object *before)
{
	const char *status = json_get_string(object->data, "status");

	if ((!box_is_same(status, "outbox") && !box_is_same(status, "scheduled")) ||
	    box_is_same(status, json_get_string(before, "status")))
		return;
	box_jobs_add(org, actor, object, 1, wait_ms(actor, object->data), send_message);
}

static bool is_reply(const char *subject)
{
	return strncasecmp(subject, "re:", 3) == 0;
}

/* The conversation of the same lead about the same subject, or NULL. */
static struct box_object *find_thread(const struct box_org *org, const char *lead_id,
                                      const char *subject)
{
	const struct box_list *below = box_store_below(org->store, lead_id);

	for (size_t i = 0; i < below->n; i++)
		if (below->items[i]->kind == &box_kinds[BOX_EMAIL_THREAD] &&
		    box_is_same(json_get_string(below->items[i]->data, "latest_normalized_subject"),
		                subject))
			return below->items[i];
	return NULL;
}

/* A draft is no part of a conversation yet. */
static void join_thread(struct box_org *org, const struct box_actor *actor,
                        struct box_object *email)
{
	const char *lead_id = json_get_string(email->data, "lead_id");
	const char *subject = json_get_string(email->data, "subject");
	struct json_object *body, *data;
	struct box_object *thread;

	for (subject = subject ? subject : ""; is_reply(subject);)
		subject += 3 + strspn(subject + 3, " ");
	thread = find_thread(org, lead_id, subject);
	if (!thread) {
		body = json_object_new_object();
		copy(body, "lead_id", email->data, "lead_id");
		copy(body, "contact_id", email->data, "contact_id");
		copy(body, "activity_at", email->data, "activity_at");
		box_set(body, "latest_normalized_subject", json_object_new_string(subject));
		thread = box_make(org, actor, BOX_EMAIL_THREAD, body);
	}
	if (!thread)
		return;
	/* It belongs there from the start: nobody is told of a change. */
	data = box_shallow(email->data);
	box_set(data, "thread_id", json_object_new_string(thread->id));
	box_store_replace(org->store, email, data);
	box_search_note(org->search, email, actor->now_ms);
}

void box_after_email(struct box_org *org, const struct box_actor *actor, struct box_object *object,
                     struct json_object *before)
{
	if (!json_get(object->data, "thread_id") &&
	    !box_is_same(json_get_string(object->data, "status"), "draft"))
		join_thread(org, actor, object);
	box_after_message(org, actor, object, before);
}

/* Who is new to the organization becomes a user of it, and is told. */
void box_after_membership(struct box_org *org, const struct box_actor *actor,
                          struct box_object *object, struct json_object *before)
{
	const char *email = json_get_string(object->data, "email");
	struct json_object *data;
	const struct box_object *user;

	if (before || json_get(object->data, "user_id"))
		return;
	user = box_org_find(org, BOX_USER, "email", email);
	if (!user)
		user = box_org_add_person(org, email, email, "", actor->wall_ms);
	data = box_shallow(object->data);
	box_set(data, "user_id", json_object_new_string(user->id));
	box_store_replace(org->store, object, data);
	box_sent_note(org->sent, object, email);
}

/* The list with each address like @email marked; NULL: there is none to be marked. */
static struct json_object *marked(struct json_object *emails, const char *email,
                                  bool is_unsubscribed)
{
	struct json_object *out = json_object_new_array();
	bool is_any = false;

	for (size_t i = 0; i < json_object_array_length(emails); i++) {
		struct json_object *one = json_object_array_get_idx(emails, i);
		const char *address = json_get_string(one, "email");

		if (!address || strcasecmp(address, email) != 0) {
			json_object_array_add(out, json_object_get(one));
			continue;
		}
		is_any = true;
		one = box_shallow(one);
		box_set(one, "is_unsubscribed", json_object_new_boolean(is_unsubscribed));
		json_object_array_add(out, one);
	}
	if (is_any)
		return out;
	json_object_put(out);
	return NULL;
}

void box_mark_unsubscribed(struct box_org *org, const struct box_actor *actor, const char *email,
                           bool is_unsubscribed)
{
	const struct box_list *all = box_store_all(org->store, &box_kinds[BOX_CONTACT]);

	for (size_t i = 0; i < all->n; i++) {
		struct json_object *emails = json_get(all->items[i]->data, "emails"), *data;

		emails = all->items[i]->is_deleted || !emails
		                 ? NULL
		                 : marked(emails, email, is_unsubscribed);
		if (!emails)
			continue;
		data = box_shallow(all->items[i]->data);
		box_set(data, "emails", emails);
		box_change(org, actor, all->items[i], data);
	}
}

void box_after_unsubscribed(struct box_org *org, const struct box_actor *actor,
                            struct box_object *object, struct json_object *before)
{
	(void)before;
	box_mark_unsubscribed(org, actor, json_get_string(object->data, "email"), true);
}

/* The first step goes out at once. */
void box_after_subscription(struct box_org *org, const struct box_actor *actor,
                            struct box_object *object, struct json_object *before)
{
	const char *status = json_get_string(object->data, "status");

	(void)actor;
	if (box_is_same(status, "active") &&
	    !box_is_same(json_get_string(before, "status"), "active"))
		box_sent_note(org->sent, object, json_get_string(object->data, "contact_email"));
}
