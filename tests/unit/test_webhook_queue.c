#include "connector/respond/webhook_queue.h"

#include "lib/mem.h"
#include "tests/unit/check.h"

#include <stdio.h>

static uint64_t last_seq;

static void add(struct webhook_queue *q, const char *lane, uint64_t due_ms)
{
	struct event *event = mem_alloc(sizeof(*event));

	event->seq = ++last_seq;
	event->lane = mem_strdup(lane);
	event->body_len = 10;
	webhook_queue_add(q, event, due_ms);
}

static struct webhook_queue begin(void)
{
	struct webhook_queue q;

	last_seq = 0;
	webhook_queue_init(&q);
	return q;
}

static struct webhook_item *take(struct webhook_queue *q, uint64_t seq)
{
	struct webhook_item *item = webhook_queue_next(q);

	check(item);
	check_eq(item->event->seq, seq);
	return item;
}

static void a_lane_has_one_event_out_and_keeps_its_order(void **state)
{
	struct webhook_queue q = begin();
	struct webhook_item *one, *other;

	(void)state;
	add(&q, "a", 0);
	add(&q, "a", 0);
	add(&q, "b", 0);
	check_eq(q.n_items, 3);
	check_eq(q.n_bytes, 30);
	one = take(&q, 1);
	other = take(&q, 3);
	check(!webhook_queue_is_ready(&q));
	check_null(webhook_queue_next(&q));
	webhook_queue_accept(&q, one);
	one = take(&q, 2);
	webhook_queue_accept(&q, other);
	webhook_queue_accept(&q, one);
	check_null(webhook_queue_next(&q));
	check_eq(q.n_items, 0);
	check_eq(q.n_bytes, 0);
	webhook_queue_deinit(&q);
}

static void an_event_added_while_its_lane_is_out_waits_behind(void **state)
{
	struct webhook_queue q = begin();
	struct webhook_item *one;

	(void)state;
	add(&q, "a", 0);
	one = take(&q, 1);
	add(&q, "a", 0);
	check_null(webhook_queue_next(&q));
	webhook_queue_accept(&q, one);
	(void)take(&q, 2);
	webhook_queue_deinit(&q);
}

static void what_is_postponed_holds_its_lane_until_its_moment(void **state)
{
	struct webhook_queue q = begin();

	(void)state;
	add(&q, "a", 0);
	add(&q, "a", 0);
	webhook_queue_postpone(&q, take(&q, 1), 500, false);
	check_eq(webhook_queue_wake_ms(&q), 500);
	webhook_queue_wake(&q, 499);
	check_null(webhook_queue_next(&q));
	webhook_queue_wake(&q, 500);
	check_eq(webhook_queue_wake_ms(&q), UINT64_MAX);
	webhook_queue_accept(&q, take(&q, 1));
	(void)take(&q, 2);
	webhook_queue_deinit(&q);
}

static void hurry_ends_every_wait_but_those_of_events_with_trouble_of_their_own(void **state)
{
	struct webhook_queue q = begin();

	(void)state;
	add(&q, "own", 0);
	add(&q, "theirs", 0);
	add(&q, "from before", 900);
	webhook_queue_postpone(&q, take(&q, 1), 700, true);
	webhook_queue_postpone(&q, take(&q, 2), 800, false);
	webhook_queue_hurry(&q);
	check_eq(webhook_queue_wake_ms(&q), 700);
	webhook_queue_accept(&q, take(&q, 2));
	check_null(webhook_queue_next(&q));
	webhook_queue_hurry(&q);
	check_eq(webhook_queue_wake_ms(&q), 700);
	webhook_queue_wake(&q, 1000);
	webhook_queue_accept(&q, take(&q, 3));
	webhook_queue_accept(&q, take(&q, 1));
	webhook_queue_deinit(&q);
}

static void lanes_take_turns(void **state)
{
	struct webhook_queue q = begin();
	char name[8];

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 3000; i++) {
			(void)snprintf(name, sizeof(name), "%d", i);
			add(&q, name, 0);
		}
	for (uint64_t seq = 1; seq <= 6000; seq++)
		webhook_queue_accept(&q, take(&q, seq));
	check_eq(q.n_items, 0);
	webhook_queue_deinit(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_lane_has_one_event_out_and_keeps_its_order),
		sentence(an_event_added_while_its_lane_is_out_waits_behind),
		sentence(what_is_postponed_holds_its_lane_until_its_moment),
		sentence(hurry_ends_every_wait_but_those_of_events_with_trouble_of_their_own),
		sentence(lanes_take_turns),
	};

	return run_sentences(tests);
}
