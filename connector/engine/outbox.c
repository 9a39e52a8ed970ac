#include "connector/engine/tap.h"

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What is owed to receivers. Events are rows until every sink has accepted them; memory holds only
 * the few that are with the sender. The file sink takes events in the order of seq and accepts a
 * turn's worth at once; the webhook accepts one by one. Topics are in outbox_kafka.c.
 */

enum {
	refill_by = 256,
	owed_at_most = 20000, /* beyond it nothing more is read until the receiver catches up */
	file_batch = 500,
	file_sync_bytes = 1 << 20,
};

unsigned outbox_sinks(const struct engine *e)
{
	return (e->file_sink ? SINK_FILE : 0u) | (e->webhook ? SINK_WEBHOOK : 0u) |
	       (e->topics[outbox_responses].sink ? SINK_KAFKA : 0u) |
	       (e->topics[outbox_rejects].sink ? SINK_REJECTS : 0u);
}

enum event_sink outbox_main_sink(const struct engine *e)
{
	if (e->webhook)
		return SINK_WEBHOOK;
	if (e->topics[outbox_responses].sink)
		return SINK_KAFKA;
	/* A file keeps what was written to it; it is for those who have nothing else. */
	return e->file_sink ? SINK_FILE : 0;
}

/* A topic takes events in an order of its own, so nobody else knows which are told to all. */
static bool is_shared(const struct engine *e)
{
	return e->topics[outbox_responses].sink != NULL;
}

/* File */

static void append(struct engine *e, const struct event *event)
{
	file_sink_append(e->file_sink, event->body, event->body_len);
	hook_point("file_appended");
	e->file_appended_to = event->seq;
	e->file_bytes += event->body_len;
	if (!(event->owes & SINK_WEBHOOK)) {
		e->file_told.n++;
		e->file_told.bytes += event->body_len;
	}
	if (!e->file_from) {
		e->file_from = event->seq;
		e->file_since_ms = loop_now_ms(e->loop);
	}
	e->file_to = event->seq;
}

static void append_owed(void *arg, struct event *takes_event)
{
	struct engine *e = arg;

	append(e, takes_event);
	event_free(takes_event);
}

static int sync_file(struct engine *e, struct err *err)
{
	int r;

	if (!e->file_from)
		return 0;
	r = file_sink_sync(e->file_sink, err);
	if (r < 0)
		return r;
	hook_point("file_synced");
	e->file_told.is_shared = is_shared(e);
	journal_accept_events(e->journal, SINK_FILE, e->file_from, e->file_to, e->file_told);
	e->file_told = (struct told_events){0};
	e->file_from = e->file_to = e->file_bytes = 0;
	return 0;
}

/*
 * What an earlier run still owed the file, or what is to be sent again, comes before anything new:
 * until it has caught up, new events are rows, too.
 */
static int catch_up_file(struct engine *e, struct err *err)
{
	const uint64_t before = e->file_appended_to;
	int r;

	if (!e->file_is_behind || e->file_is_broken)
		return 0;
	r = journal_each_owed(e->journal, SINK_FILE, before, file_batch, append_owed, e, err);
	e->file_is_behind = e->file_appended_to != before;
	return r;
}

/* Webhook */

static void offer(void *arg, struct event *takes_event)
{
	struct engine *e = arg;

	if (e->is_flushing)
		takes_event->next_try_wall_ms = 0;
	e->webhook_offered_to = takes_event->seq;
	webhook_offer(e->webhook, takes_event);
}

static void accepted(void *arg, uint64_t seq, size_t body_len)
{
	struct engine *e = arg;

	hook_point("webhook_accepted");
	e->n_owed_webhook--;
	journal_accept_events(
		e->journal, SINK_WEBHOOK, seq, seq,
		(struct told_events){.n = 1, .bytes = body_len, .is_shared = is_shared(e)});
}

static void postponed(void *arg, uint64_t seq, unsigned attempts, int64_t next_try_wall_ms)
{
	struct engine *e = arg;

	journal_postpone_event(e->journal, seq, attempts, next_try_wall_ms);
	hook_point("webhook_postponed");
}

static void begin_pause(struct engine *e)
{
	struct err err;

	e->is_paused = true;
	if (pause_begin(e->journal, e->pipeline, loop_wall_ms(e->loop), &err) < 0)
		delivery_stop(e->delivery, EXIT_LOCAL, err.text);
	hook_point("webhook_paused");
}

static void changed(void *arg, enum webhook_state state, const char *why)
{
	struct engine *e = arg;

	switch (state) {
	case WEBHOOK_FLOWING:
		engine_greet(e, "the receiver of the responses takes events again");
		break;
	case WEBHOOK_DOWN:
		engine_greet(
			e,
			"the receiver of the responses takes no events (%s); they are kept and "
			"tried again",
			why);
		break;
	case WEBHOOK_GONE:
		begin_pause(e);
		engine_greet(e,
		             "%s; events are kept, and nothing more is sent to it until `closefeed "
		             "responses resume` says so",
		             why);
		break;
	}
}

bool outbox_is_gone(const struct engine *e)
{
	return e->is_paused;
}

const char *outbox_trouble(const struct engine *e)
{
	const struct outbox_topic *topic = topics_waited_for(e);

	if (e->webhook && (e->n_owed_webhook || !topic))
		return webhook_trouble(e->webhook);
	return topic ? kafka_sink_trouble(topic->sink) : "";
}

const char *outbox_waits_for(const struct engine *e)
{
	const struct outbox_topic *topic = topics_waited_for(e);

	return e->n_owed_webhook || !topic ? "the receiver of the responses" : topic->label;
}

/* Everything that is owed is with the sender; only then may a new event skip the way over the disk.
 */
static bool is_caught_up(const struct engine *e)
{
	return webhook_pending(e->webhook) == e->n_owed_webhook;
}

static void refill(struct engine *e)
{
	struct err err;

	if (!e->webhook || is_caught_up(e) || !webhook_has_room(e->webhook) || outbox_is_gone(e))
		return;
	if (journal_each_owed(e->journal, SINK_WEBHOOK, e->webhook_offered_to, refill_by, offer, e,
	                      &err) < 0)
		delivery_stop(e->delivery, EXIT_LOCAL, err.text);
}

static int open_webhook(struct engine *e, struct err *err)
{
	const struct pipeline *p = e->pipeline;
	const struct webhook_config config = {
		.url = p->webhook_url,
		.secrets = {p->webhook_secrets[0], p->webhook_secrets[1]},
		.headers = (const char *const *)p->webhook_headers,
		.timeout_ms = (unsigned)p->webhook_timeout_ms,
		.allow_private = p->webhook_allow_private,
		.hooks = {.arg = e,
	                  .accepted = accepted,
	                  .postponed = postponed,
	                  .heard = tap_event,
	                  .changed = changed},
	};

	return webhook_new(e->loop, &config, &e->webhook, err);
}

/* Both */

int outbox_open(struct engine *e, enum exit_code *ret_code, struct err *err)
{
	const struct pipeline *p = e->pipeline;
	struct journal_totals totals;
	int r = journal_totals(e->journal, &totals, err);

	*ret_code = EXIT_LOCAL;
	if (r < 0)
		return r;
	if (p->responses_file) {
		r = file_sink_open(p->responses_file, &e->file_sink, err);
		if (r < 0)
			return err_prefix(err, r, "responses.file");
		e->file_is_behind = totals.owed_file > 0;
	}
	if (p->webhook_url) {
		*ret_code = EXIT_PIPELINE;
		r = open_webhook(e, err);
		if (r < 0)
			return err_prefix(err, r, "responses.webhook");
		e->n_owed_webhook = totals.owed_webhook;
		e->is_paused = pause_since(e->journal, p) != 0;
	}
	*ret_code = EXIT_PIPELINE;
	return topics_open(e, &totals, err);
}

void outbox_close(struct engine *e)
{
	topics_close(e);
	webhook_free(e->webhook);
	file_sink_close(e->file_sink);
}

static void offer_one(struct engine *e, struct event *takes_event)
{
	struct event *event = takes_event;

	topics_offer(e, event);
	if (event->owes & SINK_FILE && !e->file_is_broken && !e->file_is_behind)
		append(e, event);
	if (!(event->owes & SINK_WEBHOOK)) {
		event_free(event);
		return;
	}
	if (is_caught_up(e) && webhook_has_room(e->webhook) && !outbox_is_gone(e)) {
		e->n_owed_webhook++;
		offer(e, event);
		return;
	}
	e->n_owed_webhook++;
	event_free(event);
}

void outbox_offer(struct engine *e, struct event *takes_event)
{
	while (takes_event) {
		struct event *also = steal(&takes_event->also);

		offer_one(e, takes_event);
		takes_event = also;
	}
}

/* Some turns share one sync: what is appended and not synced is owed by its rows. */
static bool file_is_due(const struct engine *e)
{
	return e->file_from && (e->file_bytes >= file_sync_bytes ||
	                        loop_now_ms(e->loop) >= e->file_since_ms + outbox_file_wait_ms);
}

void outbox_turn(struct engine *e)
{
	struct err err;

	if (catch_up_file(e, &err) < 0 || (file_is_due(e) && sync_file(e, &err) < 0)) {
		/*
		 * The rows are still there: the next run appends them, and in their order. What is
		 * on the wire may end meanwhile; its outcomes need no file.
		 */
		e->file_is_broken = true;
		e->file_from = e->file_to = 0;
		delivery_stop(e->delivery, EXIT_LOCAL, err.text);
	}
	if (topics_catch_up(e, &err) < 0)
		delivery_stop(e->delivery, EXIT_LOCAL, err.text);
	refill(e);
	if (e->is_trying_now && e->webhook && !e->is_paused)
		webhook_try_now(e->webhook);
	if (e->is_trying_now)
		topics_try_now(e);
	e->is_trying_now = false;
}

bool outbox_is_empty(const struct engine *e)
{
	return e->file_from == 0 && !e->file_is_behind && topics_n_owed(e) == 0 &&
	       (e->n_owed_webhook == 0 || outbox_is_gone(e));
}

uint64_t outbox_n_owed(const struct engine *e)
{
	return e->n_owed_webhook + topics_n_owed(e);
}

bool outbox_is_busy(const struct engine *e)
{
	return (e->file_is_behind && !e->file_is_broken) || topics_are_busy(e);
}

bool outbox_is_full(const struct engine *e)
{
	return e->n_owed_webhook >= owed_at_most || topics_are_full(e, owed_at_most);
}

bool outbox_is_hopeless(const struct engine *e)
{
	return e->n_owed_webhook >= owed_at_most && outbox_is_gone(e);
}

/*
 * Not at once: while a commit tells what is durable now, rows of events are there that are offered
 * only later in the same commit.
 */
void outbox_try_now(struct engine *e)
{
	e->is_trying_now = true;
}

void outbox_resume(struct engine *e)
{
	e->is_paused = false;
	outbox_try_now(e);
}

void outbox_owe(struct engine *e, enum event_sink sink, uint64_t n)
{
	switch (sink) {
	case SINK_WEBHOOK:
		e->n_owed_webhook += n;
		break;
	case SINK_FILE:
		e->file_is_behind |= n > 0;
		break;
	case SINK_KAFKA:
		e->topics[outbox_responses].n_owed += n;
		e->topics[outbox_responses].is_behind |= n > 0;
		break;
	case SINK_REJECTS: /* copies are not sent again */
		break;
	}
}
