#include "connector/engine/desk_private.h"
#include "connector/engine/lag.h"

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/plural.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Rows become the answers people and programs read. */

static void set_text(struct json_object *o, const char *key, const char *text)
{
	if (text)
		(void)json_object_object_add(o, key, json_object_new_string(text));
}

static void set_number(struct json_object *o, const char *key, uint64_t n)
{
	(void)json_object_object_add(o, key, json_object_new_uint64(n));
}

struct json_object *desk_refusal(enum exit_code code, const char *format, ...)
{
	struct json_object *o = json_object_new_object();
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vprintf(format, args);
	va_end(args);
	set_text(o, "error", text);
	set_number(o, "exit", code);
	free(text);
	return o;
}

uint64_t *desk_ids(struct json_object *request)
{
	struct json_object *list = json_get(request, "ids");
	const uint64_t one = (uint64_t)json_get_int(request, "id", 0);
	uint64_t *ids;
	size_t n;

	if (!list && !one)
		return NULL;
	n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	ids = mem_array(n + 2, sizeof(*ids));
	for (size_t i = 0; i < n; i++)
		ids[i] = (uint64_t)json_object_get_int64(json_object_array_get_idx(list, i));
	if (one)
		ids[n] = one;
	return ids;
}

static void set_message(struct json_object *o, const struct record *r)
{
	set_text(o, "topic", r->source_name);
	(void)json_object_object_add(o, "partition", json_object_new_int(r->partition));
	set_number(o, "offset", r->pos);
	if (r->message_key)
		(void)json_object_object_add(o, "key", json_object_get(r->message_key));
}

struct json_object *desk_place(const struct record *r)
{
	struct json_object *o = json_object_new_object(), *bytes;

	if (r->kind == STREAM_PARTITION) {
		set_message(o, r);
		return o;
	}
	bytes = json_object_new_array();
	set_text(o, "file", r->source_name);
	set_number(o, "line", r->line);
	(void)json_object_array_add(bytes, json_object_new_uint64(r->pos));
	(void)json_object_array_add(bytes, json_object_new_uint64(r->len));
	(void)json_object_object_add(o, "bytes", bytes);
	return o;
}

struct json_object *desk_parsed(const char *text, size_t len)
{
	struct json_object *value = NULL;

	if (!text)
		return NULL;
	if (json_parse(text, len, 0, &value, NULL, NULL) == 0)
		return value;
	return json_object_new_string_len(text, (int)len);
}

struct listing {
	struct journal *journal;
	struct json_object *items;
	bool is_full;
	const char *base_url;
	uint64_t left_out; /* past what one answer holds */
};

enum { listed_at_most = 10000 };

static void add_request(struct json_object *o, const struct request *r, const char *base_url)
{
	struct json_object *q = json_object_new_object();
	cleanup_(freep) char *url = mem_printf("%s%s", base_url, r->url);

	set_text(q, "method", http_method_name(r->method));
	set_text(q, "url", url);
	if (r->headers) {
		struct json_object *headers = json_object_new_array();

		for (char **h = r->headers; *h; h++)
			(void)json_object_array_add(headers, json_object_new_string(*h));
		(void)json_object_object_add(q, "headers", headers);
	}
	if (r->body)
		(void)json_object_object_add(q, "body", desk_parsed(r->body, r->body_len));
	(void)json_object_object_add(o, "request", q);
	if (!r->answer.status)
		return;
	q = json_object_new_object();
	set_number(q, "status", r->answer.status);
	if (r->answer.headers)
		(void)json_object_object_add(
			q, "headers", desk_parsed(r->answer.headers, strlen(r->answer.headers)));
	if (r->answer.body)
		(void)json_object_object_add(q, "body",
		                             desk_parsed(r->answer.body, r->answer.body_len));
	(void)json_object_object_add(o, "response", q);
}

static void add_attempts(struct listing *l, struct json_object *o, const struct part_row *row)
{
	struct request *r;

	if (!row->request || journal_load_request(l->journal, row->request, &r, NULL) < 0)
		return;
	set_number(o, "attempts", r->attempts);
	if (r->answer.status)
		set_number(o, "status", r->answer.status);
	if (row->part.outcome == OUTCOME_HELD) {
		set_text(o, "known", r->known);
		if (desk_n_records(r) > 1)
			set_number(o, "shared_by", desk_n_records(r));
	}
	if (l->is_full)
		add_request(o, r, l->base_url);
	request_free(r);
}

static void add_item(void *arg, const struct part_row *row)
{
	struct listing *l = arg;
	const struct part *p = &row->part;
	struct json_object *o, *records;
	char at[32];

	if (json_object_array_length(l->items) >= listed_at_most) {
		l->left_out++;
		return;
	}
	o = json_object_new_object();
	records = json_object_new_array();

	set_number(o, "id", p->id);
	set_text(o, "class", reject_class_name(p->class));
	set_text(o, "message", p->message);
	set_text(o, "field", p->field);
	if (p->fields)
		(void)json_object_object_add(o, "fields",
		                             desk_parsed(p->fields, strlen(p->fields)));
	(void)json_object_array_add(records, desk_place(p->record));
	(void)json_object_object_add(o, "records", records);
	set_text(o, "route", row->route);
	set_text(o, "operation", row->operation);
	set_text(o, "at", clock_rfc3339(row->at_wall_ms, at));
	set_text(o, "advice", reject_class_advice(p->class));
	add_attempts(l, o, row);
	if (l->is_full && p->record->raw)
		(void)json_object_object_add(
			o, "record",
			json_object_new_string_len(p->record->raw, (int)record_raw_len(p->record)));
	(void)json_object_array_add(l->items, o);
}

static struct json_object *list(struct journal *journal, const struct pipeline *pipeline,
                                enum outcome outcome, const char *key, bool is_full,
                                struct json_object *request)
{
	cleanup_(freep) uint64_t *ids = desk_ids(request);
	const char *class = json_get_string(request, "class");
	struct listing l = {.journal = journal,
	                    .items = json_object_new_array(),
	                    .is_full = is_full,
	                    .base_url = pipeline->base_url};
	struct json_object *o = json_object_new_object();
	struct err err;

	(void)json_object_object_add(o, key, l.items);
	if (journal_each_part(journal, outcome, ids, class ? reject_class_find(class) : REJECT_NONE,
	                      add_item, &l, &err) < 0) {
		json_object_put(o);
		return desk_refusal(EXIT_LOCAL, "%s", err.text);
	}
	if (l.left_out)
		set_number(o, "left_out", l.left_out);
	if (is_full && ids && json_object_array_length(l.items) == 0) {
		json_object_put(o);
		return desk_refusal(EXIT_USAGE,
		                    "there is no %s item with this id; `%s list` shows them",
		                    outcome_name(outcome), key);
	}
	return o;
}

static struct json_object *counts_of(const struct run_counts *n)
{
	struct json_object *o = json_object_new_object();

	set_number(o, "read", n->read);
	set_number(o, "delivered", n->delivered);
	set_number(o, "filtered", n->filtered);
	set_number(o, "skipped", n->skipped);
	set_number(o, "rejected", n->rejected);
	set_number(o, "held", n->held);
	set_number(o, "open", n->open);
	return o;
}

static void add_place(void *arg, struct stream *takes_stream)
{
	struct json_object *o = arg, *place;

	if (takes_stream->kind == STREAM_PARTITION) { /* "partitions" tells of those */
		stream_free(takes_stream);
		return;
	}
	place = json_object_new_object();
	set_text(place, "file", takes_stream->name);
	set_number(place, "line", takes_stream->settled_line);
	set_number(place, "bytes", takes_stream->settled_to);
	(void)json_object_object_add(o, "source", place); /* the newest wins */
	stream_free(takes_stream);
}

static void add_sentence(struct json_object *list, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_sentence(struct json_object *list, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vprintf(format, args);
	va_end(args);
	(void)json_object_array_add(list, json_object_new_string(text));
	free(text);
}

static uint64_t n_owed(const struct journal_totals *t)
{
	return t->owed_webhook + t->owed_file + t->owed_kafka + t->owed_rejects;
}

/* Receivers, as far as they are waited for. */
static void say_responses(struct json_object *o, struct json_object *sentences,
                          const struct journal_totals *t, struct engine *e, int64_t paused_wall_ms)
{
	const unsigned long long n = t->owed_webhook, all = n_owed(t);
	const char *trouble = e ? outbox_trouble(e) : "";
	char at[32];

	if (paused_wall_ms) {
		set_text(o, "responses_paused", clock_rfc3339(paused_wall_ms, at));
		add_sentence(sentences,
		             "responses are paused: the receiver answered 410 Gone at %s; %llu "
		             "event%s kept, and none is sent until `closefeed responses resume`",
		             at, n, plural(n, " is", "s are"));
	} else if (!e && all) {
		add_sentence(sentences,
		             "%llu event%s for a receiver: the next run sends them, or `closefeed "
		             "responses flush`",
		             all, plural(all, " waits", "s wait"));
	} else if (e && all && *trouble) {
		add_sentence(sentences, "%s takes no events (%s); %llu event%s",
		             outbox_waits_for(e), trouble, all, plural(all, " waits", "s wait"));
	}
}

static void say(struct json_object *sentences, const struct journal_totals *t, struct engine *e,
                const struct journal_run *last)
{
	struct engine_view view;
	char at[16];

	if (e) {
		engine_look(e, &view);
		if (*view.waiting)
			add_sentence(sentences, "%s", view.waiting);
		if (e->is_stopping && !e->hands_over)
			add_sentence(sentences, "stopping: %s", e->stop_reason);
	} else if (last) {
		add_sentence(sentences, "last run ended at %s: %s",
		             last->ended_wall_ms ? clock_local_hms(last->ended_wall_ms, at) : "?",
		             last->ended_wall_ms ? last->reason
		                                 : "it was killed; run again to go on");
	}
	if (t->held)
		add_sentence(sentences,
		             "%llu held: only a person can decide (`closefeed held list`)",
		             (unsigned long long)t->held);
	if (t->rejected)
		add_sentence(sentences,
		             "%llu rejected, kept with the reason (`closefeed rejects list`)",
		             (unsigned long long)t->rejected);
}

static void add_totals(struct json_object *o, const struct journal_totals *t, uint64_t n_frozen)
{
	set_number(o, "open", t->open);
	set_number(o, "unknown", t->unknown > n_frozen ? t->unknown - n_frozen : 0);
	set_number(o, "frozen", n_frozen);
	set_number(o, "held", t->held);
	set_number(o, "rejected", t->rejected);
	set_number(o, "events_owed", n_owed(t));
}

struct json_object *desk_never_run(const struct pipeline *pipeline)
{
	static const struct journal_totals none;
	static const struct run_counts no_counts;
	struct json_object *o = json_object_new_object(), *sentences = json_object_new_array();

	set_text(o, "pipeline", pipeline->name);
	(void)json_object_object_add(o, "running", json_object_new_boolean(false));
	(void)json_object_object_add(o, "run", NULL);
	(void)json_object_object_add(o, "counts", counts_of(&no_counts));
	add_sentence(sentences, "no state yet: never run");
	(void)json_object_object_add(o, "sentences", sentences);
	add_totals(o, &none, 0);
	lag_print(o, sentences, NULL, NULL, pipeline);
	return o;
}

static struct json_object *status(struct journal *journal, struct engine *e,
                                  const struct pipeline *pipeline)
{
	struct json_object *o = json_object_new_object(), *sentences = json_object_new_array();
	struct journal_totals t = {0};
	struct journal_run last = {0};
	struct engine_view view;
	bool has_run = true;

	(void)journal_totals(journal, &t, NULL);
	if (e) {
		engine_look(e, &view);
		last = e->run;
		last.counts = view.counts;
	} else {
		has_run = journal_last_run(journal, &last, NULL) == 0;
	}
	set_text(o, "pipeline", pipeline->name);
	(void)json_object_object_add(o, "running", json_object_new_boolean(e != NULL));
	if (e)
		set_number(o, "pid", (uint64_t)getpid());
	(void)json_object_object_add(o, "run", has_run ? json_object_new_uint64(last.id) : NULL);
	(void)json_object_object_add(o, "counts", counts_of(&last.counts));
	say(sentences, &t, e, has_run ? &last : NULL);
	say_responses(o, sentences, &t, e, pause_since(journal, pipeline));
	(void)json_object_object_add(o, "sentences", sentences);
	add_totals(o, &t, e ? restore_n_frozen(e) : 0);
	if (!pipeline->kafka.topics)
		(void)journal_each_stream(journal, add_place, o, NULL);
	lag_print(o, sentences, journal, e, pipeline);
	return o;
}

struct history {
	struct json_object *runs;
	struct engine *engine;
};

/* Counts of a run that was killed are nowhere: they are written when it ends. */
static void add_run(void *arg, const struct journal_run *run, const char *sha256)
{
	struct history *h = arg;
	struct json_object *o = json_object_new_object();
	const bool is_on = h->engine && h->engine->run.id == run->id;
	struct engine_view view;
	char at[32];

	set_number(o, "run", run->id);
	set_text(o, "id", run->uid);
	set_text(o, "began", clock_rfc3339(run->began_wall_ms, at));
	if (run->ended_wall_ms) {
		set_text(o, "ended", clock_rfc3339(run->ended_wall_ms, at));
		set_number(o, "duration_ms", (uint64_t)(run->ended_wall_ms - run->began_wall_ms));
	} else if (is_on) {
		set_number(o, "duration_ms",
		           (uint64_t)(engine_wall_ms(h->engine) - run->began_wall_ms));
	}
	set_text(o, "state", run->ended_wall_ms ? "ended" : is_on ? "running" : "killed");
	if (run->ended_wall_ms)
		set_text(o, "reason", run->reason);
	if (is_on)
		engine_look(h->engine, &view);
	if (is_on || run->ended_wall_ms)
		(void)json_object_object_add(o, "counts",
		                             counts_of(is_on ? &view.counts : &run->counts));
	set_text(o, "pipeline", sha256);
	(void)json_object_array_add(h->runs, o);
}

static struct json_object *runs(struct journal *journal, struct engine *e,
                                struct json_object *request)
{
	struct history h = {.runs = json_object_new_array(), .engine = e};
	struct json_object *o = json_object_new_object();
	struct err err;

	(void)json_object_object_add(o, "runs", h.runs);
	if (journal_each_run(journal, (uint64_t)json_get_int(request, "n", 10), add_run, &h,
	                     &err) >= 0)
		return o;
	json_object_put(o);
	return desk_refusal(EXIT_LOCAL, "%s", err.text);
}

struct json_object *desk_read(struct journal *journal, struct engine *e,
                              const struct pipeline *pipeline, const char *verb,
                              struct json_object *request)
{
	if (!strcmp(verb, "status"))
		return status(journal, e, pipeline);
	if (!strcmp(verb, "runs"))
		return runs(journal, e, request);
	if (!strcmp(verb, "rejects.export"))
		return desk_export(journal, request);
	if (!strcmp(verb, "rejects.list") || !strcmp(verb, "rejects.show"))
		return list(journal, pipeline, OUTCOME_REJECTED, "rejects", verb[8] == 's',
		            request);
	if (!strcmp(verb, "held.list") || !strcmp(verb, "held.show"))
		return list(journal, pipeline, OUTCOME_HELD, "held", verb[5] == 's', request);
	return NULL;
}
