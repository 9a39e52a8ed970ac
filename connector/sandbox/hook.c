#include "connector/sandbox/hook.h"

#include "lib/json.h"
#include "lib/mem.h"
#include "lib/webhook_signature.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

enum { max_events = 200000, max_deliveries = 200000, tolerance_s = 300 };

struct event {
	char *id;
	uint64_t n_attempts, n_accepted;
};

struct delivery {
	const struct event *event;
	char *body;
};

struct box_hook {
	struct webhook_key key; /* no bytes: no check */
	struct lh_table *by_id; /* id → struct event */
	struct event **events;  /* in the order of their first attempt */
	size_t n, cap;
	struct delivery
		*deliveries; /* those accepted, in order; the first ones, when there are many */
	size_t n_deliveries, cap_deliveries;
	uint64_t n_attempts, n_refused;
};

struct box_hook *box_hook_new(const char *secret)
{
	struct box_hook *hook = mem_alloc(sizeof(*hook));

	/* What is no secret by the rules is taken as it is: a receiver may be careless. */
	if (secret && webhook_key_parse(secret, &hook->key, NULL) < 0)
		hook->key = (struct webhook_key){(uint8_t *)mem_strdup(secret), strlen(secret)};
	hook->by_id = lh_kchar_table_new(64, NULL);
	if (!hook->by_id)
		mem_exhausted();
	return hook;
}

void box_hook_clear(struct box_hook *hook)
{
	while (hook->n_deliveries)
		free(hook->deliveries[--hook->n_deliveries].body);
	while (hook->n) {
		struct event *e = hook->events[--hook->n];

		(void)lh_table_delete(hook->by_id, e->id);
		free(e->id);
		free(e);
	}
	hook->n_attempts = hook->n_refused = 0;
}

void box_hook_free(struct box_hook *hook)
{
	if (!hook)
		return;
	box_hook_clear(hook);
	lh_table_free(hook->by_id);
	free(hook->events);
	free(hook->deliveries);
	webhook_key_deinit(&hook->key);
	free(hook);
}

static struct event *event_of(struct box_hook *hook, const char *id)
{
	const struct lh_entry *entry = lh_table_lookup_entry(hook->by_id, id);
	struct event *e;

	if (entry)
		return lh_entry_v(entry);
	if (hook->n == max_events)
		return NULL;
	e = mem_alloc(sizeof(*e));
	e->id = mem_strdup(id);
	if (lh_table_insert(hook->by_id, e->id, e) < 0)
		mem_exhausted();
	hook->events = mem_grow(hook->events, hook->n, &hook->cap, sizeof(struct event *));
	hook->events[hook->n++] = e;
	return e;
}

static bool is_timely(const struct box_call *call, const char *timestamp)
{
	char *end;
	const long long at = strtoll(timestamp, &end, 10);
	const long long now = call->wall_ms / 1000;

	return *timestamp && !*end && at <= now + tolerance_s && at >= now - tolerance_s;
}

/* Why the delivery is not to be believed, or NULL. */
static const char *complaint_about(const struct box_hook *hook, const struct box_call *call,
                                   const char *id, const char *timestamp, const char *signatures)
{
	if (!id)
		return "The header webhook-id is missing.";
	if (!hook->key.bytes)
		return NULL;
	if (!timestamp || !signatures)
		return "The headers webhook-timestamp and webhook-signature are needed.";
	if (!is_timely(call, timestamp))
		return "webhook-timestamp is more than five minutes off.";
	if (!webhook_verify(&hook->key, id, strtoll(timestamp, NULL, 10), call->body,
	                    call->body_len, signatures))
		return "The signature is wrong.";
	return NULL;
}

static void keep(struct box_hook *hook, const struct box_call *call, const char *id,
                 bool is_accepted)
{
	struct event *e = event_of(hook, id);

	if (!e)
		return;
	e->n_attempts++;
	if (!is_accepted)
		return;
	e->n_accepted++;
	if (hook->n_deliveries == max_deliveries)
		return;
	hook->deliveries = mem_grow(hook->deliveries, hook->n_deliveries, &hook->cap_deliveries,
	                            sizeof(*hook->deliveries));
	hook->deliveries[hook->n_deliveries++] =
		(struct delivery){e, mem_dup(call->body, call->body_len)};
}

void box_hook_receive(struct box_hook *hook, const struct box_call *call, bool is_accepted,
                      struct box_answer *answer)
{
	char *id = box_call_header(call, "webhook-id");
	char *timestamp = box_call_header(call, "webhook-timestamp");
	char *signatures = box_call_header(call, "webhook-signature");
	const char *complaint = complaint_about(hook, call, id, timestamp, signatures);

	hook->n_attempts++;
	if (complaint) {
		hook->n_refused++;
		box_answer_error(answer, 401, "%s", complaint);
	} else {
		keep(hook, call, id, is_accepted);
		box_answer_json(answer, 200, json_object_new_object());
	}
	free(id);
	free(timestamp);
	free(signatures);
}

static struct json_object *body_of(const struct delivery *d)
{
	struct json_object *body = NULL;

	if (json_parse(d->body, strlen(d->body), 0, &body, NULL, NULL) < 0)
		body = json_object_new_string(d->body);
	return body;
}

static struct json_object *deliveries_of(const struct box_hook *hook)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < hook->n_deliveries; i++) {
		const struct delivery *d = &hook->deliveries[i];
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "id", json_object_new_string(d->event->id));
		json_object_object_add(o, "event", body_of(d));
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *events_of(const struct box_hook *hook)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < hook->n; i++) {
		const struct event *e = hook->events[i];
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "id", json_object_new_string(e->id));
		json_object_object_add(o, "attempts",
		                       json_object_new_int64((int64_t)e->n_attempts));
		json_object_object_add(o, "accepted",
		                       json_object_new_int64((int64_t)e->n_accepted));
		json_object_array_add(list, o);
	}
	return list;
}

struct json_object *box_hook_list(const struct box_hook *hook)
{
	struct json_object *out = json_object_new_object();

	json_object_object_add(out, "data", deliveries_of(hook));
	json_object_object_add(out, "count", json_object_new_int64((int64_t)hook->n));
	json_object_object_add(out, "attempts", json_object_new_int64((int64_t)hook->n_attempts));
	json_object_object_add(out, "refused", json_object_new_int64((int64_t)hook->n_refused));
	json_object_object_add(out, "events", events_of(hook));
	return out;
}
