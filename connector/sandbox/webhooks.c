#include "connector/sandbox/webhooks.h"

#include "connector/sandbox/webhook_filter.h"
#include "connector/sandbox/write.h"
#include "lib/crypto.h"
#include "lib/http.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Each subscription has a queue of its own, told in the order of what happened, one event at a
 * time: what cannot be told holds up what came after it, and only of its own subscription.
 */

enum {
	max_bytes = 256 * 1024 * 1024, /* of one queue */
	max_connections = 64,
	timeout_ms = 10000,
	max_answer = 64 * 1024, /* nobody reads it */
};

struct told {
	char *body; /* as it is signed and sent, at every attempt */
	struct told *next;
};

struct subscriber {
	struct box_webhooks *webhooks;
	struct box_object *object;
	struct loop_timer timer;
	struct told *first, *last;
	size_t n_waiting, bytes;
	unsigned n_attempts; /* at the first one */
	uint64_t failing_since_ms;
	bool is_in_flight;
	bool was_told; /* the first one, and is to be told a second time */
	long last_status;
	char *last_error; /* NULL: the last attempt was answered */
	struct subscriber *next;
};

struct pending {
	uint64_t seq, at_ms;
};

struct box_webhooks {
	struct loop *loop;
	struct http *http;
	struct box_org *org;
	struct subscriber *subscribers;
	struct box_webhook_times times;
	uint64_t n_delivered, n_failed;
	struct pending *pending; /* events that somebody may want */
	size_t n_pending, cap_pending;
	struct loop_timer tell_timer;
};

/* The transport refuses every address but this machine's, whatever a name resolves to. */
static struct http *open_http(struct loop *loop)
{
	const struct http_config config = {
		.allow_http = true,
		.check_address = true,
		.allow_loopback = true,
		.max_connections = max_connections,
		.user_agent = "closefeed-sandbox",
	};
	struct http *http = NULL;
	int r = http_new(loop, &config, &http, NULL);

	assert(r == 0);
	return http;
}

struct box_webhooks *box_webhooks_new(struct loop *loop)
{
	struct box_webhooks *webhooks = mem_alloc(sizeof(*webhooks));

	*webhooks = (struct box_webhooks){
		.loop = loop,
		.http = open_http(loop),
		.times = {box_webhook_first_wait_ms, box_webhook_give_up_ms, box_webhook_max_queue},
	};
	return webhooks;
}

static void drop_first(struct subscriber *s)
{
	struct told *first = s->first;

	s->first = first->next;
	if (!s->first)
		s->last = NULL;
	s->n_waiting--;
	s->bytes -= strlen(first->body);
	s->n_attempts = 0;
	s->was_told = false;
	free(first->body);
	free(first);
}

static void subscriber_free(struct subscriber *s)
{
	loop_timer_unset(s->webhooks->loop, &s->timer);
	while (s->first)
		drop_first(s);
	free(s->last_error);
	free(s);
}

/* What is in flight ends with its connections. */
static void forget_all(struct box_webhooks *webhooks)
{
	http_free(webhooks->http);
	webhooks->http = NULL;
	loop_timer_unset(webhooks->loop, &webhooks->tell_timer);
	webhooks->n_pending = 0;
	while (webhooks->subscribers) {
		struct subscriber *s = webhooks->subscribers;

		webhooks->subscribers = s->next;
		subscriber_free(s);
	}
}

void box_webhooks_free(struct box_webhooks *webhooks)
{
	if (!webhooks)
		return;
	forget_all(webhooks);
	free(webhooks->pending);
	free(webhooks);
}

struct box_webhook_times box_webhooks_times(const struct box_webhooks *webhooks)
{
	return webhooks->times;
}

static bool is_active(const struct box_object *subscription)
{
	const char *status = json_get_string(subscription->data, "status");

	return !subscription->is_deleted && status && strcmp(status, "active") == 0;
}

/* What waits is not told any more; what is on its way is let go when it comes back. */
static void drop_waiting(struct subscriber *s)
{
	struct told *first = s->first;

	if (!s->is_in_flight) {
		loop_timer_unset(s->webhooks->loop, &s->timer);
		while (s->first)
			drop_first(s);
		return;
	}
	while (first->next) {
		struct told *second = first->next;

		first->next = second->next;
		s->n_waiting--;
		s->bytes -= strlen(second->body);
		free(second->body);
		free(second);
	}
	s->last = first;
}

static void pause_subscription(struct subscriber *s)
{
	const struct box_actor nobody = {
		.request_id = "",
		.key_id = "",
		.method = "",
		.path = "",
		.wall_ms = loop_wall_ms(s->webhooks->loop),
		.now_ms = loop_now_ms(s->webhooks->loop),
	};
	struct json_object *data = box_shallow(s->object->data);

	drop_waiting(s);
	s->failing_since_ms = 0;
	box_set(data, "status", json_object_new_string("paused"));
	box_change(s->webhooks->org, &nobody, s->object, data);
}

static int nibble(char digit)
{
	return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

/* HMAC-SHA256 of timestamp and body, under the key whose hexadecimal digits the answer showed. */
static void sign(const char *key_hex, const char *timestamp, const char *body,
                 char ret_hex[static sha256_hex])
{
	const size_t key_len = strlen(key_hex) / 2;
	uint8_t key[64], mac[sha256_bytes];
	char *text = mem_printf("%s%s", timestamp, body);

	assert(key_len <= sizeof(key));
	for (size_t i = 0; i < key_len; i++)
		key[i] = (uint8_t)(nibble(key_hex[2 * i]) * 16 + nibble(key_hex[2 * i + 1]));
	crypto_hmac_sha256(key, key_len, text, strlen(text), mac);
	crypto_hex(mac, sizeof(mac), ret_hex);
	free(text);
}

static void plan(struct subscriber *s, uint64_t at_ms);

static void after_success(struct subscriber *s)
{
	struct box_webhooks *webhooks = s->webhooks;
	const bool is_due_again =
		!s->was_told && box_doubt_is(&webhooks->org->doubts, DOUBT_WEBHOOK_REPEAT, "twice");

	s->failing_since_ms = 0;
	if (is_due_again)
		s->was_told = true;
	else
		drop_first(s);
	plan(s, loop_now_ms(webhooks->loop));
}

static uint64_t wait_after(const struct subscriber *s)
{
	uint64_t wait_ms = s->webhooks->times.first_wait_ms;

	for (unsigned i = 1; i < s->n_attempts && wait_ms < box_webhook_longest_wait_ms; i++)
		wait_ms *= 2;
	return wait_ms < box_webhook_longest_wait_ms ? wait_ms : box_webhook_longest_wait_ms;
}

static void after_failure(struct subscriber *s)
{
	const uint64_t now_ms = loop_now_ms(s->webhooks->loop);
	const uint64_t next_ms = now_ms + wait_after(s);

	if (!s->failing_since_ms)
		s->failing_since_ms = now_ms;
	if (next_ms > s->failing_since_ms + s->webhooks->times.give_up_ms)
		pause_subscription(s);
	else
		plan(s, next_ms);
}

static void on_done(void *arg, const struct http_answer *answer)
{
	struct subscriber *s = arg;
	const bool is_good = answer->status >= 200 && answer->status < 300;

	s->is_in_flight = false;
	s->last_status = answer->status;
	free(s->last_error);
	s->last_error = *answer->error ? mem_strdup(answer->error) : NULL;
	*(is_good ? &s->webhooks->n_delivered : &s->webhooks->n_failed) += 1;
	if (!is_active(s->object))
		drop_waiting(s);
	else if (is_good)
		after_success(s);
	else
		after_failure(s);
}

static void send_first(void *arg)
{
	struct subscriber *s = arg;
	char timestamp[24], hash[sha256_hex], at_header[64], hash_header[128];
	const char *headers[] = {"Content-Type: application/json", at_header, hash_header, NULL};
	const struct http_request request = {
		.method = "POST",
		.url = json_get_string(s->object->data, "url"),
		.headers = headers,
		.body = s->first->body,
		.body_len = strlen(s->first->body),
		.timeout_ms = timeout_ms,
		.max_response = max_answer,
		.done = on_done,
		.arg = s,
	};

	if (!is_active(s->object)) {
		drop_waiting(s);
		return;
	}
	(void)snprintf(timestamp, sizeof(timestamp), "%lld",
	               (long long)loop_wall_ms(s->webhooks->loop) / 1000);
	sign(json_get_string(s->object->data, "signature_key"), timestamp, s->first->body, hash);
	(void)snprintf(at_header, sizeof(at_header), "close-sig-timestamp: %s", timestamp);
	(void)snprintf(hash_header, sizeof(hash_header), "close-sig-hash: %s", hash);
	s->is_in_flight = true;
	s->n_attempts++;
	http_start(s->webhooks->http, &request);
}

static void plan(struct subscriber *s, uint64_t at_ms)
{
	if (s->first && !s->is_in_flight)
		loop_timer_set(s->webhooks->loop, &s->timer, at_ms, send_first, s);
}

static struct subscriber *subscriber_of(struct box_webhooks *webhooks, struct box_object *object)
{
	struct subscriber **at = &webhooks->subscribers;
	struct subscriber *s;

	while ((s = *at)) {
		if (s->object == object)
			return s;
		/* Those who left make room. */
		if (s->object->is_deleted && !s->is_in_flight) {
			*at = s->next;
			subscriber_free(s);
		} else {
			at = &s->next;
		}
	}
	*at = s = mem_alloc(sizeof(*s));
	*s = (struct subscriber){.webhooks = webhooks, .object = object};
	return s;
}

static void tell(struct subscriber *s, struct json_object *event)
{
	struct json_object *body = json_object_new_object();
	struct told *told = mem_alloc(sizeof(*told));

	box_set(body, "subscription_id", json_object_new_string(s->object->id));
	box_set(body, "event", json_object_get(event));
	told->body = json_text(body);
	json_object_put(body);
	if (s->last)
		s->last->next = told;
	else
		s->first = told;
	s->last = told;
	s->n_waiting++;
	s->bytes += strlen(told->body);
	if (s->n_waiting > s->webhooks->times.max_queue || s->bytes > max_bytes)
		pause_subscription(s);
	else if (s->n_waiting == 1)
		plan(s, loop_now_ms(s->webhooks->loop));
}

/* @event NULL: it is only asked whether anybody might want to know. */
static bool is_wanted(struct json_object *subscription, const char *type, const char *action,
                      struct json_object *event)
{
	struct json_object *wanted = json_get(subscription, "events");
	struct json_object *all = json_get(subscription, "event_filter");

	for (size_t i = 0; i < json_object_array_length(wanted); i++) {
		struct json_object *one = json_object_array_get_idx(wanted, i);
		struct json_object *extra = json_get(one, "extra_filter");

		if (strcmp(json_get_string(one, "object_type"), type) != 0 ||
		    strcmp(json_get_string(one, "action"), action) != 0)
			continue;
		if (!event || ((!extra || box_webhook_filter_passes(extra, event)) &&
		               (!all || box_webhook_filter_passes(all, event))))
			return true;
	}
	return false;
}

/* Who wants the event gets it. */
static void tell_all(struct box_webhooks *webhooks, struct json_object *event)
{
	const struct box_list *all = box_store_all(webhooks->org->store, &box_kinds[BOX_WEBHOOK]);
	const char *type = json_get_string(event, "object_type");
	const char *action = json_get_string(event, "action");

	for (size_t i = 0; i < all->n; i++) {
		struct box_object *subscription = all->items[i];

		if (is_active(subscription) && is_wanted(subscription->data, type, action, event))
			tell(subscriber_of(webhooks, subscription), event);
	}
}

static void plan_pending(struct box_webhooks *webhooks);

/*
 * Once the request is done that brought them about, so a new lead has its contacts; and once the
 * time is over in which a later event may take one in.
 */
static void tell_pending(void *arg)
{
	struct box_webhooks *webhooks = arg;
	const uint64_t consolidation_ms = box_events_consolidation(webhooks->org->events);
	const uint64_t now_ms = loop_now_ms(webhooks->loop);
	size_t n = 0;

	for (; n < webhooks->n_pending; n++) {
		const struct pending *p = &webhooks->pending[n];
		struct json_object *event;

		if (p->at_ms + consolidation_ms > now_ms)
			break;
		event = box_events_render(webhooks->org->events, webhooks->org, p->seq);
		if (event)
			tell_all(webhooks, event);
		json_object_put(event);
	}
	webhooks->n_pending -= n;
	memmove(webhooks->pending, webhooks->pending + n,
	        webhooks->n_pending * sizeof(*webhooks->pending));
	plan_pending(webhooks);
}

static void plan_pending(struct box_webhooks *webhooks)
{
	if (webhooks->n_pending > 0)
		loop_timer_set(webhooks->loop, &webhooks->tell_timer,
		               webhooks->pending[0].at_ms +
		                       box_events_consolidation(webhooks->org->events),
		               tell_pending, webhooks);
}

void box_webhooks_set_times(struct box_webhooks *webhooks, const struct box_webhook_times *times)
{
	webhooks->times = *times;
	plan_pending(webhooks);
}

static void on_event(void *arg, uint64_t seq, const char *type, const char *action)
{
	struct box_webhooks *webhooks = arg;
	const struct box_list *all = box_store_all(webhooks->org->store, &box_kinds[BOX_WEBHOOK]);
	bool is_for_somebody = false;

	for (size_t i = 0; i < all->n && !is_for_somebody; i++)
		is_for_somebody = is_active(all->items[i]) &&
		                  is_wanted(all->items[i]->data, type, action, NULL);
	if (!is_for_somebody)
		return;
	webhooks->pending = mem_grow(webhooks->pending, webhooks->n_pending, &webhooks->cap_pending,
	                             sizeof(*webhooks->pending));
	webhooks->pending[webhooks->n_pending++] =
		(struct pending){.seq = seq, .at_ms = loop_now_ms(webhooks->loop)};
	plan_pending(webhooks);
}

void box_webhooks_serve(struct box_webhooks *webhooks, struct box_org *org)
{
	forget_all(webhooks);
	webhooks->http = open_http(webhooks->loop);
	webhooks->org = org;
	webhooks->n_delivered = webhooks->n_failed = 0;
	box_events_listen(org->events, on_event, webhooks);
}

static struct json_object *row(const struct subscriber *s)
{
	struct json_object *o = json_object_new_object();

	box_set(o, "subscription_id", json_object_new_string(s->object->id));
	box_set(o, "waiting", json_object_new_int64((int64_t)s->n_waiting));
	box_set(o, "attempts", json_object_new_int64((int64_t)s->n_attempts));
	box_set(o, "last_status", s->last_status ? json_object_new_int64(s->last_status) : NULL);
	box_set(o, "last_error", json_string(s->last_error));
	return o;
}

struct json_object *box_webhooks_list(const struct box_webhooks *webhooks)
{
	struct json_object *out = json_object_new_object(), *data = json_object_new_array();

	for (const struct subscriber *s = webhooks->subscribers; s; s = s->next)
		json_object_array_add(data, row(s));
	box_set(out, "data", data);
	box_set(out, "delivered", json_object_new_int64((int64_t)webhooks->n_delivered));
	box_set(out, "failed", json_object_new_int64((int64_t)webhooks->n_failed));
	return out;
}
