#include "connector/engine/tap.h"

#include "connector/engine/desk_private.h"
#include "connector/model/origin.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/utf8.h"

#include <stdlib.h>
#include <string.h>

enum tap_kind { TAP_CALL, TAP_EVENT, tap_kinds };
static const char *const counter_names[] = {"calls", "events"};

enum { told_records = 10 }; /* places of a call of many records */

struct entry {
	enum tap_kind kind;
	uint64_t n; /* counts those of its kind, from 1 */
	char *text;
	size_t len;
};

struct watcher {
	struct watcher *next;
	struct control_question *question;
	uint64_t seen[tap_kinds]; /* how many it knows of */
	bool wants[tap_kinds];
	uint64_t until_ms;
};

struct tap {
	struct engine *engine;
	uint64_t n[tap_kinds];        /* that have ended in this run */
	uint64_t until_ms[tap_kinds]; /* somebody watches at least until then; 0: nobody does */
	struct entry kept[tap_kept];  /* a ring */
	size_t first, n_kept, kept_bytes;
	struct watcher *watchers;
	size_t n_watchers;
};

struct tap *tap_new(struct engine *e)
{
	struct tap *tap = mem_alloc(sizeof(*tap));

	tap->engine = e;
	return tap;
}

static void drop_oldest(struct tap *tap)
{
	struct entry *oldest = &tap->kept[tap->first];

	tap->kept_bytes -= oldest->len;
	free(oldest->text);
	*oldest = (struct entry){0};
	tap->first = (tap->first + 1) % tap_kept;
	tap->n_kept--;
}

void tap_free(struct tap *tap)
{
	if (!tap)
		return;
	while (tap->n_kept)
		drop_oldest(tap);
	free(tap);
}

/* What came */

/* Masked before it is cut: half a secret is none that anybody would find. */
static void add_body(struct json_object *o, const struct redact *redact, const char *body,
                     size_t len)
{
	cleanup_(json_freep) struct json_object *value = NULL;
	struct json_object *masked = NULL;
	struct buf text = BUF_INIT;
	const bool is_json = len && json_parse(body, len, 0, &value, NULL, NULL) == 0;
	size_t shown;

	if (!len)
		return;
	(void)json_object_object_add(o, "bytes", json_object_new_uint64(len));
	if (is_json) {
		masked = redact_json(redact, value);
		json_print(masked ? masked : value, &text);
	} else {
		buf_add(&text, body, len);
		(void)redact_text(redact, &text);
	}
	if (is_json && text.len <= tap_body_bytes) {
		(void)json_object_object_add(o, "body", json_object_get(masked ? masked : value));
	} else {
		shown = utf8_cut(buf_text(&text), text.len, tap_body_bytes);
		(void)json_object_object_add(
			o, "body", json_object_new_string_len(buf_text(&text), (int)shown));
		(void)json_object_object_add(o, "is_cut",
		                             json_object_new_boolean(shown < text.len));
	}
	buf_deinit(&text);
	json_object_put(masked);
}

static void add_answer(struct json_object *o, const struct redact *redact,
                       const struct http_answer *answer)
{
	struct json_object *response;

	(void)json_object_object_add(o, "duration_ms", json_object_new_uint64(answer->duration_ms));
	if (answer->curl_code)
		(void)json_object_object_add(o, "error", json_string(answer->error));
	if (!answer->status)
		return;
	response = json_object_new_object();
	(void)json_object_object_add(response, "status", json_object_new_int64(answer->status));
	add_body(response, redact, answer->body, answer->body_len);
	(void)json_object_object_add(o, "response", response);
}

static struct json_object *places_of(const struct request *r)
{
	struct buf text = BUF_INIT;
	struct json_object *places = NULL;

	buf_addc(&text, '[');
	for (size_t i = 0; i < r->n_parts && i < told_records; i++) {
		if (i)
			buf_addc(&text, ',');
		origin_print(r->parts[i].record, &text);
	}
	buf_addc(&text, ']');
	(void)json_parse(text.data, text.len, 0, &places, NULL, NULL);
	buf_deinit(&text);
	return places;
}

static struct json_object *exchange_new(const struct tap *tap, const char *kind)
{
	struct json_object *o = json_object_new_object();
	char at[32];

	(void)json_object_object_add(o, "kind", json_string(kind));
	(void)json_object_object_add(
		o, "at", json_string(clock_rfc3339(loop_wall_ms(tap->engine->loop), at)));
	return o;
}

static void keep(struct tap *tap, enum tap_kind kind, struct json_object *takes_exchange)
{
	cleanup_(json_freep) struct json_object *plain = takes_exchange;
	cleanup_(json_freep) struct json_object *masked = redact_json(tap->engine->redact, plain);
	char *text = json_text(masked ? masked : plain);
	const size_t len = strlen(text);

	while (tap->n_kept == tap_kept || (tap->n_kept && tap->kept_bytes + len > tap_kept_bytes))
		drop_oldest(tap);
	tap->kept[(tap->first + tap->n_kept++) % tap_kept] =
		(struct entry){.kind = kind, .n = tap->n[kind], .text = text, .len = len};
	tap->kept_bytes += len;
}

/* Counts it; false: nobody watches. */
static bool is_watched(struct tap *tap, enum tap_kind kind)
{
	tap->n[kind]++;
	return tap->until_ms[kind] > loop_now_ms(tap->engine->loop);
}

void tap_call(void *arg, const struct delivery_exchange *x, const struct http_answer *answer)
{
	const struct engine *e = arg;
	const struct request *r = x->request;
	struct json_object *o, *request;

	if (!is_watched(e->tap, TAP_CALL))
		return;
	o = exchange_new(e->tap, r ? "call" : "lookup");
	request = json_object_new_object();
	(void)json_object_object_add(request, "method", json_string(x->method));
	(void)json_object_object_add(request, "path", json_string(x->path));
	add_body(request, e->redact, x->body, x->body_len);
	(void)json_object_object_add(o, "request", request);
	add_answer(o, e->redact, answer);
	if (r) {
		(void)json_object_object_add(o, "route", json_string(r->route));
		(void)json_object_object_add(o, "operation", json_string(r->operation));
		(void)json_object_object_add(o, "records", places_of(r));
		(void)json_object_object_add(o, "n_records", json_object_new_uint64(r->n_parts));
	}
	keep(e->tap, TAP_CALL, o);
}

void tap_event(void *arg, const struct event *event, const struct http_answer *answer)
{
	const struct engine *e = arg;
	struct json_object *o, *request;

	if (!is_watched(e->tap, TAP_EVENT))
		return;
	o = exchange_new(e->tap, "event");
	request = json_object_new_object();
	(void)json_object_object_add(o, "event", json_string(event->id));
	(void)json_object_object_add(request, "method", json_string("POST"));
	add_body(request, e->redact, event->body, event->body_len);
	(void)json_object_object_add(o, "request", request);
	add_answer(o, e->redact, answer);
	keep(e->tap, TAP_EVENT, o);
}

/* Who watches */

static bool is_new_to(const struct watcher *w, const struct entry *entry)
{
	return w->wants[entry->kind] && entry->n > w->seen[entry->kind];
}

static const struct entry *kept_at(const struct tap *tap, size_t i)
{
	return &tap->kept[(tap->first + i) % tap_kept];
}

static bool has_news(const struct tap *tap, const struct watcher *w)
{
	for (int kind = 0; kind < tap_kinds; kind++)
		if (w->wants[kind] && tap->n[kind] > w->seen[kind])
			return true;
	return false;
}

static void answer(struct tap *tap, struct watcher *w, bool has_ended)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	uint64_t missed = 0;

	for (int kind = 0; kind < tap_kinds; kind++) {
		(void)json_object_object_add(o, counter_names[kind],
		                             json_object_new_uint64(tap->n[kind]));
		if (w->wants[kind])
			missed += tap->n[kind] - w->seen[kind];
	}
	for (size_t i = 0; i < tap->n_kept; i++)
		if (is_new_to(w, kept_at(tap, i))) {
			(void)json_object_array_add(list, json_string(kept_at(tap, i)->text));
			missed--;
		}
	(void)json_object_object_add(o, "exchanges", list);
	(void)json_object_object_add(o, "missed", json_object_new_uint64(missed));
	(void)json_object_object_add(o, "ended", json_object_new_boolean(has_ended));
	control_reply(w->question, o);
	json_object_put(o);
	free(w);
	tap->n_watchers--;
}

/* What @request has seen of @kind: all there was, where it does not say so. */
static uint64_t seen_of(const struct tap *tap, struct json_object *request, int kind)
{
	const uint64_t n = (uint64_t)json_get_int(request, counter_names[kind], INT64_MAX);

	return n < tap->n[kind] ? n : tap->n[kind];
}

void tap_ask(struct tap *tap, struct json_object *request, struct control_question *question)
{
	const uint64_t now = loop_now_ms(tap->engine->loop);
	const bool is_first = !json_get(request, counter_names[TAP_CALL]);
	struct watcher *w;

	if (tap->n_watchers == tap_watchers) {
		struct json_object *no = desk_refusal(
			EXIT_AGAIN, "%d others watch this run already", (int)tap_watchers);

		control_reply(question, no);
		json_object_put(no);
		return;
	}
	w = mem_alloc(sizeof(*w));
	w->question = question;
	w->until_ms = is_first ? now : now + tap_wait_ms;
	w->wants[TAP_CALL] = true;
	w->wants[TAP_EVENT] = json_get_bool(request, "with_events", false);
	for (int kind = 0; kind < tap_kinds; kind++) {
		w->seen[kind] = seen_of(tap, request, kind);
		if (w->wants[kind])
			tap->until_ms[kind] = now + tap_gone_ms;
	}
	w->next = tap->watchers;
	tap->watchers = w;
	tap->n_watchers++;
}

void tap_turn(struct tap *tap)
{
	const uint64_t now = loop_now_ms(tap->engine->loop);
	struct watcher **at = &tap->watchers;

	while (*at) {
		struct watcher *w = *at;

		if (now < w->until_ms && !has_news(tap, w)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		answer(tap, w, false);
	}
	while (tap->n_kept &&
	       tap->until_ms[TAP_CALL] <= now) /* who watches at all, watches calls */
		drop_oldest(tap);
}

void tap_end(struct tap *tap)
{
	while (tap && tap->watchers) {
		struct watcher *w = tap->watchers;

		tap->watchers = w->next;
		answer(tap, w, !tap->engine->hands_over); /* another goes on with its source */
	}
}
