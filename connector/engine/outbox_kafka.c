#include "connector/engine/private.h"

#include "lib/test_hooks.h"

#include <stdio.h>

/*
 * Topics take events in the order of seq. An event goes to the sink when it is durable, as long as
 * the sink has room and nothing older waits; else its row waits, and rows are read again from where
 * the sink is. What a failure made the sink forget is read again in the same way.
 */

enum { refill_by = 256 };

static void accepted(void *arg, uint64_t from, uint64_t to, uint64_t n, uint64_t bytes)
{
	struct outbox_topic *t = arg;
	struct engine *e = t->engine;
	const bool is_shared = t->as == SINK_KAFKA && (e->webhook || e->file_sink);

	hook_point("kafka_accepted");
	t->accepted_to = to;
	t->n_owed -= n < t->n_owed ? n : t->n_owed;
	journal_accept_events(e->journal, t->as, from, to,
	                      (struct told_events){.n = n, .bytes = bytes, .is_shared = is_shared});
}

static void rewound(void *arg)
{
	struct outbox_topic *t = arg;

	t->offered_to = t->accepted_to;
	t->is_behind = t->n_owed > 0;
}

static void changed(void *arg, bool is_down, const char *why)
{
	const struct outbox_topic *t = arg;

	if (is_down)
		engine_greet(t->engine, "%s takes no events (%s); they are kept and tried again",
		             t->label, why);
	else
		engine_greet(t->engine, "%s takes events again", t->label);
}

static int open_topic(struct engine *e, struct outbox_topic *t, const char *key,
                      const struct pipeline_topic *p, struct err *err)
{
	const struct kafka_sink_hooks hooks = {
		.accepted = accepted, .rewound = rewound, .changed = changed, .arg = t};
	int r;

	t->engine = e;
	if (!p->topic)
		return 0;
	(void)snprintf(t->label, sizeof(t->label), "topic %s", p->topic);
	t->is_behind = t->n_owed > 0;
	r = kafka_sink_new(e->loop, &p->conf, p->topic, &hooks, &t->sink, err);
	return r < 0 ? err_prefix(err, r, "%s", key) : 0;
}

int topics_open(struct engine *e, const struct journal_totals *totals, struct err *err)
{
	const struct pipeline *p = e->pipeline;
	struct outbox_topic *responses = &e->topics[outbox_responses];
	struct outbox_topic *rejects = &e->topics[outbox_rejects];
	int r;

	*responses = (struct outbox_topic){.as = SINK_KAFKA, .n_owed = totals->owed_kafka};
	*rejects = (struct outbox_topic){.as = SINK_REJECTS, .n_owed = totals->owed_rejects};
	r = open_topic(e, responses, "responses.kafka", &p->responses_kafka, err);
	return r < 0 ? r : open_topic(e, rejects, "rejects.kafka", &p->rejects_kafka, err);
}

void topics_close(struct engine *e)
{
	for (size_t i = 0; i < outbox_topics; i++)
		kafka_sink_free(e->topics[i].sink);
}

static void hand_over(struct outbox_topic *t, const struct event *event)
{
	hook_point("kafka_offered");
	t->offered_to = event->seq;
	kafka_sink_offer(t->sink, event);
}

void topics_offer(struct engine *e, const struct event *event)
{
	for (size_t i = 0; i < outbox_topics; i++) {
		struct outbox_topic *t = &e->topics[i];

		if (!t->sink || !(event->owes & t->as))
			continue;
		t->n_owed++;
		if (!t->is_behind && kafka_sink_has_room(t->sink))
			hand_over(t, event);
		else
			t->is_behind = true;
	}
}

static void take_owed(void *arg, struct event *takes_event)
{
	struct outbox_topic *t = arg;

	if (kafka_sink_has_room(t->sink))
		hand_over(t, takes_event);
	event_free(takes_event);
}

static bool can_catch_up(const struct outbox_topic *t)
{
	return t->sink && t->is_behind && kafka_sink_has_room(t->sink);
}

int topics_catch_up(struct engine *e, struct err *err)
{
	for (size_t i = 0; i < outbox_topics; i++) {
		struct outbox_topic *t = &e->topics[i];
		const uint64_t before = t->offered_to;
		int r;

		if (!can_catch_up(t))
			continue;
		r = journal_each_owed(e->journal, t->as, before, refill_by, take_owed, t, err);
		if (r < 0)
			return r;
		t->is_behind = t->offered_to != before;
	}
	return 0;
}

bool topics_are_busy(const struct engine *e)
{
	return can_catch_up(&e->topics[outbox_responses]) ||
	       can_catch_up(&e->topics[outbox_rejects]);
}

/* What a sink is owed that is no longer in the pipeline waits until it is there again. */
static uint64_t n_owed(const struct outbox_topic *t)
{
	return t->sink ? t->n_owed : 0;
}

uint64_t topics_n_owed(const struct engine *e)
{
	return n_owed(&e->topics[outbox_responses]) + n_owed(&e->topics[outbox_rejects]);
}

bool topics_are_full(const struct engine *e, uint64_t n_at_most)
{
	return n_owed(&e->topics[outbox_responses]) >= n_at_most ||
	       n_owed(&e->topics[outbox_rejects]) >= n_at_most;
}

void topics_try_now(struct engine *e)
{
	for (size_t i = 0; i < outbox_topics; i++)
		if (e->topics[i].sink)
			kafka_sink_try_now(e->topics[i].sink);
}

const struct outbox_topic *topics_waited_for(const struct engine *e)
{
	const struct outbox_topic *found = NULL;

	for (size_t i = 0; i < outbox_topics; i++) {
		const struct outbox_topic *t = &e->topics[i];

		if (n_owed(t) && (!found || *kafka_sink_trouble(t->sink)))
			found = t;
		if (found && *kafka_sink_trouble(found->sink))
			break;
	}
	return found;
}
