#include "connector/source/kafka.h"

#include "lib/cleanup.h"
#include "tests/unit/kafka_world.h"

#include <poll.h>
#include <stdlib.h>

static void records_come_in_order_and_what_is_settled_is_committed(void **state)
{
	struct world *w = world_new(1);
	cleanup_(freep) char *note = NULL;
	struct record *records[5];

	(void)state;
	produce(w, 0, 5);
	start(w);
	for (uint64_t i = 0; i < 5; i++) {
		records[i] = next(w);
		check_eq(records[i]->pos, i);
		check_eq(records[i]->stream, 1);
	}
	check_text(w->streams[0]->name, "t/0");
	/* The second waits for the first. */
	settle(w, records[0]);
	settle(w, records[1]);
	settle(w, records[3]);
	await_committed(w, 0, 2, &note);
	check_text(note, "closefeed1 mine 0 100 1+1");
	check(kafka_may_send(w->source, 1, world_now(w)));

	/* At the end all is told, and that nothing else was handed out. */
	stop(w);
	free(steal(&note));
	check_eq(committed(w, 0, &note), 2);
	check_text(note, "closefeed1 mine 0 5 1+1");

	/* The rest comes again. */
	record_unref(records[2]);
	record_unref(records[4]);
	start(w);
	records[2] = next(w);
	check_eq(records[2]->pos, 2);
	records[4] = next(w);
	check_eq(records[4]->pos, 4);
	record_unref(records[2]);
	record_unref(records[4]);
	world_free(w);
}

static void nothing_is_handed_out_before_its_ceiling_is_committed(void **state)
{
	struct world *w = world_new(1);
	struct kafka_note said;
	struct record *record;

	(void)state;
	produce(w, 0, 1);
	w->options.ahead = 10;
	/* A coordinator that has no time for the first commits, nor for heartbeats meanwhile. */
	mock_kafka_be_patient(w->mock);
	w->options.session_ms = 60000;
	for (int i = 0; i < 2; i++)
		mock_kafka_refuse_commit(w->mock, 15);
	start(w);
	while (kafka_claim(w->source) != KAFKA_OWNS) {
		int r;

		check_null(turn(w, &r, NULL));
	}
	check(!kafka_may_send(w->source, 1, world_now(w)));
	record = next(w);
	check(kafka_may_send(w->source, 1, world_now(w)));
	{
		cleanup_(freep) char *note = NULL;

		check_eq(committed(w, 0, &note), 0);
		check(kafka_note_parse(note, &said));
		check(said.ceiling > record->pos);
	}
	settle(w, record);
	world_free(w);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void what_a_kill_could_undo_is_not_committed(void **state)
{
	cleanup_(freep) char *note = NULL;
	struct world *w = world_new(1);

	(void)state;
	produce(w, 0, 1);
	start(w);
	settle(w, next(w));
	w->host.is_durable = never;
	rest(w, 1500);
	stop(w);
	check_eq(committed(w, 0, &note), 0);
	w->host.is_durable = NULL;
	start(w);
	while (!kafka_has(w->source, 1))
		rest(w, 1);
	stop(w);
	free(steal(&note));
	check_eq(committed(w, 0, &note), 1);
	world_free(w);
}

static uint64_t sent_to_300(void *arg, const struct stream *stream)
{
	(void)arg;
	(void)stream;
	return 300;
}

/* One that waits far behind the others: all that was sent since may be unknown yet. */
static void the_first_ceiling_is_above_all_that_was_sent_before(void **state)
{
	cleanup_(freep) char *note = NULL;
	struct world *w = world_new(1);
	struct kafka_note said;

	(void)state;
	w->options.ahead = 10;
	w->host.sent_to = sent_to_300;
	start(w);
	while (!kafka_has(w->source, 1) || !kafka_may_send(w->source, 1, world_now(w))) {
		int r;

		check_null(turn(w, &r, NULL));
	}
	check(kafka_covers(w->source, 1, 299));
	check_eq(committed(w, 0, &note), 0);
	check(kafka_note_parse(note, &said));
	check_eq(said.ceiling, 300);
	/* What is above it waits until it has risen. */
	check(!kafka_covers(w->source, 1, 300));
	while (!kafka_covers(w->source, 1, 300)) {
		int r;

		check_null(turn(w, &r, NULL));
	}
	world_free(w);
}

static void a_ceiling_rises_before_it_is_reached(void **state)
{
	struct world *w = world_new(1);

	(void)state;
	produce(w, 0, 60);
	w->options.ahead = 10;
	start(w);
	for (uint64_t i = 0; i < 60; i++) {
		struct record *record = next(w);

		check_eq(record->pos, i);
		settle(w, record);
	}
	world_free(w);
}

static enum kafka_reach reach(struct world *w, uint64_t pos)
{
	const uint64_t until_ms = world_now(w) + mock_kafka_ms;
	enum kafka_reach reach;

	do {
		struct pollfd fd = {.fd = source_fd(w->source), .events = POLLIN};

		check_eq(kafka_turn(w->source, world_now(w), NULL), 0);
		reach = kafka_has(w->source, 1) ? kafka_reach(w->source, 1, pos) : KAFKA_RISES;
		(void)poll(&fd, 1, 50);
	} while (reach == KAFKA_RISES && world_now(w) < until_ms);
	return reach;
}

static void a_record_is_sent_before_its_turn_when_the_ceiling_is_above_it(void **state)
{
	struct world *w = world_new(1);
	struct kafka_note said;

	(void)state;
	produce(w, 0, 5);
	w->options.ahead = 1;
	w->options.is_only_owner = true;
	start(w);
	check_eq(reach(w, 0), KAFKA_REACHES);
	check_eq(kafka_reach(w->source, 1, 3), KAFKA_RISES);
	check_eq(reach(w, 3), KAFKA_REACHES);
	check(kafka_may_send(w->source, 1, world_now(w)));
	{
		cleanup_(freep) char *note = NULL;

		check_eq(committed(w, 0, &note), 0);
		check(kafka_note_parse(note, &said));
		check_eq(said.ceiling, 4);
	}
	check_eq(kafka_reach(w->source, 1, kafka_ahead_max - 1), KAFKA_RISES);
	/* What is in hand is counted as read. */
	check_eq(kafka_reach(w->source, 1, kafka_ahead_max + 5), KAFKA_IS_FAR);
	world_free(w);
}

static void what_was_sent_before_its_turn_is_passed(void **state)
{
	struct world *w = world_new(1);
	struct record *record;

	(void)state;
	produce(w, 0, 4);
	start(w);
	settle(w, next(w));
	stream_settle(w->streams[0], 2, 3, 0);
	stop(w);
	start(w);
	for (uint64_t pos = 1; pos <= 3; pos += 2) {
		record = next(w);
		check_eq(record->pos, pos);
		settle(w, record);
	}
	/* Or before it was seen: the end is never shown before the position. */
	stream_settle(w->streams[0], 4, 9, 0);
	check_eq(kafka_lag(w->source, 0).position, 9);
	check_eq(kafka_lag(w->source, 0).end, 9);
	world_free(w);
}

static void the_lease_ends_when_commits_are_not_taken(void **state)
{
	struct world *w = world_new(1);
	uint64_t began_ms;
	int r;

	(void)state;
	produce(w, 0, 1);
	start(w);
	settle(w, next(w));
	check(kafka_may_send(w->source, 1, world_now(w)));
	mock_kafka_set_down(w->mock, true);
	began_ms = world_now(w);
	while (kafka_may_send(w->source, 1, world_now(w))) {
		check(w->now_ms < began_ms + 2500);
		record_unref(turn(w, &r, NULL));
	}
	mock_kafka_set_down(w->mock, false);
	world_free(w);
}

static void an_idle_owner_keeps_its_lease(void **state)
{
	struct world *w = world_new(1);
	uint64_t until_ms;
	int r;

	(void)state;
	/* A lease of 6 s, to be renewed every 3 s. */
	w->options.session_ms = 9000;
	mock_kafka_be_patient(w->mock);
	produce(w, 0, 1);
	start(w);
	settle(w, next(w));
	for (until_ms = world_now(w) + 8000; world_now(w) < until_ms;) {
		check_null(turn(w, &r, NULL));
		check(kafka_may_send(w->source, 1, world_now(w)));
	}
	check(!kafka_may_send(w->source, 2, world_now(w))); /* no stream of its own */
	world_free(w);
}

/* Whoever waits for the descriptor reads, and is not taken for one who does not. */
static void what_comes_after_a_silence_is_there_at_once(void **state)
{
	struct world *w = world_new(1);
	const uint64_t began_ms = world_now(w);
	uint64_t produced_ms = 0;
	struct record *record = NULL;
	bool is_there = true;

	(void)state;
	mock_kafka_be_patient(w->mock);
	w->options.session_ms = 60000; /* no commit wakes anybody up meanwhile */
	start(w);
	while (!record && world_now(w) < began_ms + mock_kafka_ms) {
		struct pollfd fd = {.fd = source_fd(w->source), .events = POLLIN};

		check_eq(kafka_turn(w->source, world_now(w), NULL), 0);
		if (is_there)
			check(source_next(w->source, &record, NULL) >= 0);
		if (!produced_ms && world_now(w) > began_ms + 8000) {
			produced_ms = world_now(w);
			produce(w, 0, 1);
		}
		is_there = !record && poll(&fd, 1, 100) == 1;
	}
	check(record);
	check(world_now(w) < produced_ms + 5000);
	settle(w, record);
	world_free(w);
}

static void who_does_not_read_stays_a_member_and_loses_nothing(void **state)
{
	struct world *w = world_new(1);
	uint64_t until_ms;

	(void)state;
	mock_kafka_be_patient(w->mock);
	produce(w, 0, 300);
	start(w);
	settle(w, next(w));
	for (until_ms = world_now(w) + 5000; world_now(w) < until_ms;) {
		check_eq(kafka_turn(w->source, world_now(w), NULL), 0);
		(void)poll(NULL, 0, 100);
	}
	check_eq(kafka_claim(w->source), KAFKA_OWNS);
	for (uint64_t i = 1; i < 300; i++) {
		struct record *record = next(w);

		check_eq(record->pos, i);
		settle(w, record);
	}
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(records_come_in_order_and_what_is_settled_is_committed),
		sentence(nothing_is_handed_out_before_its_ceiling_is_committed),
		sentence(what_a_kill_could_undo_is_not_committed),
		sentence(the_first_ceiling_is_above_all_that_was_sent_before),
		sentence(a_ceiling_rises_before_it_is_reached),
		sentence(a_record_is_sent_before_its_turn_when_the_ceiling_is_above_it),
		sentence(what_was_sent_before_its_turn_is_passed),
		sentence(the_lease_ends_when_commits_are_not_taken),
		sentence(an_idle_owner_keeps_its_lease),
		sentence(what_comes_after_a_silence_is_there_at_once),
		sentence(who_does_not_read_stays_a_member_and_loses_nothing),
	};

	return run_sentences(tests);
}
