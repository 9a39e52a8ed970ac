#include "connector/respond/webhook.h"

#include "connector/respond/webhook_pace.h"
#include "connector/respond/webhook_queue.h"
#include "lib/crypto.h"
#include "lib/http.h"
#include "lib/mem.h"
#include "lib/net.h"
#include "lib/webhook_signature.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	default_timeout_ms = 20000,
	max_response = 64 * 1024,
	n_own_headers = 4,
	resend_refused = 42, /* the curl code of lib/http.h for a second sending */
	/*
	 * Of an event from before a restart. A shorter wait was for a receiver that was down, and
	 * may be well by now; a longer one than there is was written by a clock that jumped.
	 */
	shortest_wait_ms = 60 * 1000,
	longest_wait_ms = 12 * 3600 * 1000,
};

struct webhook {
	struct loop *loop;
	struct http *http;
	char *url;
	char **headers;
	size_t n_headers;
	unsigned timeout_ms;
	struct webhook_key keys[2];
	size_t n_keys;
	struct webhook_hooks hooks;

	struct webhook_queue queue;
	struct webhook_pace pace;
	enum webhook_state state;
	char trouble[256];
	uint64_t n_accepted;
	unsigned n_in_flight;
	struct loop_timer timer;
};

static void start(struct webhook *w, struct webhook_item *item);
static void pump(struct webhook *w);

static void enter(struct webhook *w, enum webhook_state state, const char *why)
{
	if (w->state == state || w->state == WEBHOOK_GONE)
		return;
	w->state = state;
	w->hooks.changed(w->hooks.arg, state, why);
}

static void say_why(const struct http_answer *answer, char *text, size_t size)
{
	if (answer->status)
		(void)snprintf(text, size, "the receiver answered %ld", answer->status);
	else
		(void)snprintf(text, size, "%s", answer->error);
}

static void accept_item(struct webhook *w, struct webhook_item *item)
{
	const uint64_t seq = item->event->seq;
	const size_t body_len = item->event->body_len;

	w->n_accepted++;
	w->trouble[0] = '\0';
	webhook_pace_accepted(&w->pace, loop_now_ms(w->loop));
	webhook_queue_accept(&w->queue, item);
	if (!webhook_pace_is_down(&w->pace)) {
		webhook_queue_hurry(&w->queue);
		enter(w, WEBHOOK_FLOWING, "the receiver accepts again");
	}
	w->hooks.accepted(w->hooks.arg, seq, body_len);
}

/* Trouble is the event's own if the receiver is up and took others since this one was tried before.
 */
static bool is_own_trouble(const struct webhook *w, const struct webhook_item *item)
{
	return item->was_tried && w->n_accepted != item->accepted_then &&
	       !webhook_pace_is_down(&w->pace);
}

static void postpone_item(struct webhook *w, struct webhook_item *item,
                          const struct http_answer *answer)
{
	const uint64_t now_ms = loop_now_ms(w->loop), seq = item->event->seq;
	const int64_t wall_ms = loop_wall_ms(w->loop);
	const bool is_own = is_own_trouble(w, item);
	const unsigned attempts = ++item->event->attempts;
	uint64_t due_ms;

	if (is_own)
		due_ms = now_ms + webhook_own_wait_ms(seq, ++item->own_failures);
	else
		due_ms = webhook_pace_failed(
			&w->pace, webhook_judge(answer->status),
			webhook_retry_after_ms(http_answer_header(answer, "retry-after"), wall_ms),
			now_ms);
	item->was_tried = true;
	item->was_sent_again = false;
	item->accepted_then = w->n_accepted;
	webhook_queue_postpone(&w->queue, item, due_ms, is_own);

	w->hooks.postponed(w->hooks.arg, seq, attempts, wall_ms + (int64_t)(due_ms - now_ms));
	say_why(answer, w->trouble, sizeof(w->trouble));
	if (webhook_pace_is_down(&w->pace))
		enter(w, WEBHOOK_DOWN, w->trouble);
}

/*
 * The receiver closed an idle connection just when we used it again: no sign of trouble. Sending
 * once more is harmless, since receivers know events by their id.
 */
static bool met_a_stale_connection(struct webhook_item *item, const struct http_answer *answer)
{
	if (answer->status || answer->curl_code != resend_refused || item->was_sent_again)
		return false;
	item->was_sent_again = true;
	return true;
}

static void done(void *arg, const struct http_answer *answer)
{
	struct webhook_item *item = arg;
	struct webhook *w = item->sender;

	w->n_in_flight--;
	if (w->hooks.heard)
		w->hooks.heard(w->hooks.arg, item->event, answer);
	if (met_a_stale_connection(item, answer)) {
		start(w, item);
		return;
	}
	switch (webhook_judge(answer->status)) {
	case WEBHOOK_ACCEPTED:
		accept_item(w, item);
		break;
	case WEBHOOK_ENDED:
		postpone_item(w, item, answer);
		enter(w, WEBHOOK_GONE,
		      "the receiver answered 410: it wants no more events, so none is sent");
		break;
	case WEBHOOK_REFUSED:
	case WEBHOOK_FAILED:
	case WEBHOOK_BUSY:
		postpone_item(w, item, answer);
		break;
	}
	pump(w);
}

static void start(struct webhook *w, struct webhook_item *item)
{
	struct event *event = item->event;
	const int64_t now_s = loop_wall_ms(w->loop) / 1000;
	char id[128], timestamp[64], signature[webhook_signature_max], signed_line[160];
	const char **headers = mem_array(w->n_headers + n_own_headers + 1, sizeof(*headers));
	struct http_request request = {
		.method = "POST",
		.url = w->url,
		.headers = headers,
		.body = event->body,
		.body_len = event->body_len,
		.timeout_ms = w->timeout_ms,
		.max_response = max_response,
		.done = done,
		.arg = item,
	};

	item->sender = w;
	webhook_sign(w->keys, w->n_keys, event->id, now_s, event->body, event->body_len, signature);
	(void)snprintf(id, sizeof(id), "webhook-id: %s", event->id);
	(void)snprintf(timestamp, sizeof(timestamp), "webhook-timestamp: %" PRId64, now_s);
	(void)snprintf(signed_line, sizeof(signed_line), "webhook-signature: %s", signature);
	for (size_t i = 0; i < w->n_headers; i++)
		headers[i] = w->headers[i];
	headers[w->n_headers] = "content-type: application/cloudevents+json";
	headers[w->n_headers + 1] = id;
	headers[w->n_headers + 2] = timestamp;
	headers[w->n_headers + 3] = signed_line;
	http_start(w->http, &request);
	free(headers);
	w->n_in_flight++;
}

static void on_timer(void *arg)
{
	struct webhook *w = arg;

	webhook_queue_wake(&w->queue, loop_now_ms(w->loop));
	pump(w);
}

/* Sends what may be sent now, and comes back when more may be. */
static void pump(struct webhook *w)
{
	const uint64_t now_ms = loop_now_ms(w->loop);
	uint64_t wake_ms;

	if (w->state == WEBHOOK_GONE) {
		loop_timer_unset(w->loop, &w->timer);
		return;
	}
	while (webhook_queue_is_ready(&w->queue) &&
	       webhook_pace_send(&w->pace, w->n_in_flight, now_ms))
		start(w, webhook_queue_next(&w->queue));

	wake_ms = webhook_queue_wake_ms(&w->queue);
	if (webhook_queue_is_ready(&w->queue) && w->pace.not_before_ms > now_ms &&
	    w->pace.not_before_ms < wake_ms)
		wake_ms = w->pace.not_before_ms;
	if (wake_ms == UINT64_MAX)
		loop_timer_unset(w->loop, &w->timer);
	else
		loop_timer_set(w->loop, &w->timer, wake_ms, on_timer, w);
}

static int read_secrets(struct webhook *w, const struct webhook_config *config, struct err *err)
{
	for (size_t i = 0; i < 2 && config->secrets[i]; i++) {
		const int r = webhook_key_parse(config->secrets[i], &w->keys[i], err);

		if (r < 0)
			return err_prefix(err, r, "responses.webhook.secret");
		w->n_keys++;
	}
	return 0;
}

static int open_http(struct webhook *w, const struct webhook_config *config, struct err *err)
{
	const struct http_config http = {
		.allow_http = !strncmp(config->url, "http://", strlen("http://")),
		.check_address = true,
		.allow_private = config->allow_private,
		.allow_loopback = net_url_is_loopback(config->url),
		.max_connections = webhook_connections,
		.user_agent = "closefeed/" CLOSEFEED_VERSION,
	};

	return http_new(w->loop, &http, &w->http, err);
}

static void copy_headers(struct webhook *w, const char *const *headers)
{
	if (!headers)
		return;
	while (headers[w->n_headers])
		w->n_headers++;
	w->headers = mem_array(w->n_headers, sizeof(*w->headers));
	for (size_t i = 0; i < w->n_headers; i++)
		w->headers[i] = mem_strdup(headers[i]);
}

int webhook_new(struct loop *loop, const struct webhook_config *config,
                struct webhook **ret_webhook, struct err *err)
{
	struct webhook *w = mem_alloc(sizeof(*w));
	uint64_t seed;
	int r;

	w->loop = loop;
	w->url = mem_strdup(config->url);
	w->timeout_ms = config->timeout_ms ? config->timeout_ms : default_timeout_ms;
	w->hooks = config->hooks;
	copy_headers(w, config->headers);
	crypto_random(&seed, sizeof(seed));
	webhook_pace_init(&w->pace, webhook_connections, seed);
	webhook_queue_init(&w->queue);

	r = read_secrets(w, config, err);
	if (r == 0)
		r = open_http(w, config, err);
	if (r < 0) {
		webhook_free(w);
		return r;
	}
	*ret_webhook = w;
	return 0;
}

void webhook_free(struct webhook *webhook)
{
	if (!webhook)
		return;
	http_free(webhook->http);
	loop_timer_unset(webhook->loop, &webhook->timer);
	webhook_queue_deinit(&webhook->queue);
	webhook_key_deinit(&webhook->keys[0]);
	webhook_key_deinit(&webhook->keys[1]);
	for (size_t i = 0; i < webhook->n_headers; i++)
		free(webhook->headers[i]);
	free(webhook->headers);
	free(webhook->url);
	free(webhook);
}

bool webhook_has_room(const struct webhook *webhook)
{
	return webhook->state != WEBHOOK_GONE && webhook->queue.n_items < webhook_pending_max &&
	       webhook->queue.n_bytes < webhook_pending_bytes;
}

void webhook_offer(struct webhook *webhook, struct event *takes_event)
{
	const int64_t wall_ms = loop_wall_ms(webhook->loop);
	int64_t wait_ms = takes_event->next_try_wall_ms - wall_ms;

	if (wait_ms > longest_wait_ms)
		wait_ms = longest_wait_ms;
	webhook_queue_add(
		&webhook->queue, takes_event,
		wait_ms > shortest_wait_ms ? loop_now_ms(webhook->loop) + (uint64_t)wait_ms : 0);
	pump(webhook);
}

void webhook_try_now(struct webhook *webhook)
{
	struct webhook *w = webhook;

	if (w->state == WEBHOOK_GONE) {
		w->state = WEBHOOK_FLOWING;
		webhook_pace_init(&w->pace, webhook_connections, w->pace.seed + 1);
	}
	w->pace.not_before_ms = 0;
	webhook_queue_wake(&w->queue, UINT64_MAX);
	pump(w);
}

size_t webhook_pending(const struct webhook *webhook)
{
	return webhook->queue.n_items;
}

enum webhook_state webhook_state(const struct webhook *webhook)
{
	return webhook->state;
}

const char *webhook_trouble(const struct webhook *webhook)
{
	return webhook->trouble;
}
