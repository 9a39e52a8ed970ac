#include "connector/source/kafka.h"

#include "lib/cleanup.h"
#include "tests/unit/kafka_world.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void a_pattern_that_fits_nothing_is_waited_for(void **state)
{
	char *const patterns[] = {(char[]){"^u"}, (char[]){"^v"}, NULL};
	struct world *w = world_new(1);
	uint64_t until_ms;
	int r;

	(void)state;
	w->options.topics = patterns;
	start(w);
	for (until_ms = world_now(w) + mock_kafka_ms;
	     !kafka_fits_nothing(w->source) && world_now(w) < until_ms;)
		rest(w, 100);
	check(kafka_fits_nothing(w->source));
	check(strstr(w->told, "no topic fits the pattern"));
	stop(w);
	w->options.until_end = true;
	start(w);
	until_ms = world_now(w) + mock_kafka_ms;
	do
		check_null(turn(w, &r, NULL));
	while (r == SOURCE_LATER && world_now(w) < until_ms);
	check_eq(r, SOURCE_END);
	world_free(w);
}

static void the_end_is_where_it_was_when_the_run_began(void **state)
{
	struct world *w = world_new(2);
	int n = 0, r;

	(void)state;
	produce(w, 0, 3);
	produce(w, 1, 2);
	w->options.until_end = true;
	start(w);
	do {
		struct record *record = turn(w, &r, NULL);

		if (record) {
			n++;
			settle(w, record);
		}
	} while (r != SOURCE_END);
	check_eq(n, 5);
	stop(w);
	{
		cleanup_(freep) char *note = NULL;

		check_eq(committed(w, 0, &note), 3);
	}
	world_free(w);
}

static void where_a_new_group_begins_is_committed_though_nothing_came(void **state)
{
	struct world *w = world_new(1);
	cleanup_(freep) char *note = NULL;

	(void)state;
	produce(w, 0, 3);
	w->options.start = KAFKA_START_END;
	start(w);
	await_committed(w, 0, 3, &note);
	produce(w, 0, 1);
	stop(w);
	start(w);
	{
		struct record *record = next(w);

		check_eq(record->pos, 3);
		settle(w, record);
	}
	world_free(w);
}

static void what_another_owner_may_have_sent_is_in_doubt(void **state)
{
	struct world *w = world_new(1);

	(void)state;
	produce(w, 0, 6);
	mock_kafka_commit(w->mock, "g", "t", 1, "closefeed1 theirs 0 4 1+1");
	start(w);
	for (uint64_t i = 1; i < 6; i++) {
		struct record *record;

		if (i == 2)
			continue; /* they had settled it */
		record = next(w);
		check_eq(record->pos, i);
		check_eq(kafka_is_doubtful(w->source, 1, i), i < 4);
		record_unref(record);
	}
	check_eq(w->streams[0]->doubtful_to, 4);
	world_free(w);
}

static int fails_with(struct world *w, struct err *err)
{
	const uint64_t until_ms = world_now(w) + mock_kafka_ms;
	int r;

	do
		record_unref(turn(w, &r, err));
	while (r >= 0 && world_now(w) < until_ms);
	return r;
}

static void a_topic_that_was_made_anew_is_known_by_its_record(void **state)
{
	struct world *w = world_new(1);
	struct err err = {""};

	(void)state;
	produce(w, 0, 3);
	start(w);
	for (int i = 0; i < 3; i++)
		settle(w, next(w));
	stop(w);
	(void)snprintf(w->streams[0]->tail_hash, sizeof(w->streams[0]->tail_hash), "%s",
	               "00000000deadbeef");
	start(w);
	check_eq(fails_with(w, &err), -ESTALE);
	check_text(
		err.text,
		"partition 0 of topic \"t\": another record is at offset 2 than the one that was "
		"read there: the topic was made anew. Nothing was sent. If that is meant, "
		"`run --accept-offsets` goes on from what there is");
	world_free(w);
}

/* Who reads nothing would not see that the topic is another than the one the state knows. */
static void who_only_owns_knows_a_topic_that_was_made_anew(void **state)
{
	struct world *w = world_new(1);
	struct err err = {""};
	const uint64_t until_ms = world_now(w) + mock_kafka_ms;
	int r;

	(void)state;
	produce(w, 0, 3);
	start(w);
	settle(w, next(w));
	stop(w);
	(void)snprintf(w->streams[0]->tail_hash, sizeof(w->streams[0]->tail_hash), "%s",
	               "00000000deadbeef");
	w->options.is_only_owner = true;
	start(w);
	do {
		r = kafka_turn(w->source, world_now(w), &err);
		if (r >= 0 && kafka_has(w->source, 1))
			check_eq(kafka_reach(w->source, 1, 1), KAFKA_RISES);
	} while (r >= 0 && world_now(w) < until_ms);
	check_eq(r, -ESTALE);
	check(strstr(err.text, "the topic was made anew"));
	world_free(w);
}

static void a_truncated_topic_is_told_and_not_read(void **state)
{
	struct world *w = world_new(1);
	struct err err = {""};

	(void)state;
	produce(w, 0, 3);
	w->streams[0] = stream_new(STREAM_PARTITION, "t/0");
	w->streams[0]->id = w->n_streams = 1;
	stream_settle(w->streams[0], 0, 50, 0);
	start(w);
	check_eq(fails_with(w, &err), -ESTALE);
	check(strstr(err.text, "the topic was made anew, or its end is lost"));
	stop(w);
	w->options.accepts_offsets = true;
	start(w);
	{
		struct record *record = next(w);

		check_eq(record->pos, 0);
		check_eq(record->stream, 2);
		check_eq(w->streams[1]->generation, 1);
		settle(w, record);
	}
	world_free(w);
}

/* Much is held, since it was read before its ceiling stood, and is taken slowly, as Close wants. */
static void the_group_is_heard_while_much_is_held(void **state)
{
	enum { some = 300, n_records = 800 };
	struct world *w = world_new(1);
	struct kafka_consumer *other;
	const struct kafka_consumer_config config = {
		.conf = mock_kafka_conf(w->mock), .group = "g", .topics = topics};
	unsigned n = 0;
	int r;

	(void)state;
	w->options.ahead = kafka_ahead_max;
	produce(w, 0, n_records);
	for (int i = 0; i < 8; i++)
		mock_kafka_refuse_commit(w->mock, 14); /* the coordinator is loading */
	start(w);
	settle(w, next(w));
	check_eq(kafka_consumer_open(&config, &other, NULL), 0);
	while (kafka_claim(w->source) != KAFKA_HANDS_OVER) {
		struct record *record = turn(w, &r, NULL);

		check(r >= 0);
		if (!record)
			continue;
		settle(w, record);
		check(++n < some);
		(void)usleep(50000);
	}
	kafka_consumer_close_within(other, mock_kafka_ms);
	world_free(w);
}

/* Two members: nothing of a partition that is wanted back may be sent, and all of it comes again
 * elsewhere. */
static void partitions_are_handed_over(void **state)
{
	struct world *w = world_new(2);
	const uint64_t until_ms = world_now(w) + mock_kafka_ms;
	struct kafka_consumer *other;
	const struct kafka_consumer_config config = {
		.conf = mock_kafka_conf(w->mock), .group = "g", .topics = topics};
	struct kafka_event event;
	size_t n_other = 0;
	int r;

	(void)state;
	produce(w, 0, 2);
	start(w);
	settle(w, next(w));
	check_eq(kafka_consumer_open(&config, &other, NULL), 0);
	while (n_other != 1 || kafka_n_partitions(w->source) != 1) {
		record_unref(turn(w, &r, NULL));
		check(r >= 0);
		if (kafka_claim(w->source) == KAFKA_HANDS_OVER) {
			check(!kafka_may_send(w->source, 1, world_now(w)));
			kafka_hand_over(w->source, 1000);
			check_eq(kafka_claim(w->source), KAFKA_WAITS);
		} else if (kafka_claim(w->source) == KAFKA_HAS_LOST) {
			check(w->longest_pause_ms > 5000); /* the machine's own */
			kafka_hand_over(w->source, 1000);
		}
		kafka_consumer_poll(other, &event);
		if (event.kind == KAFKA_ASSIGN) {
			n_other = event.places.n;
			for (size_t i = 0; i < n_other; i++)
				event.places.items[i].offset = 0;
			check_eq(kafka_consumer_assign(other, &event.places, NULL), 0);
		} else if (event.kind == KAFKA_REVOKE || event.kind == KAFKA_LOST) {
			check_eq(kafka_consumer_unassign(other, NULL), 0);
			n_other = 0;
		}
		check(world_now(w) < until_ms);
	}
	kafka_consumer_close_within(other, mock_kafka_ms);
	world_free(w);
}

/* As librdkafka does when its JoinGroup is taken for that of another process. */
static void be_fenced(struct world *w, int *ret_r, struct err *err)
{
	enum { heartbeat = 12, fenced_instance = 82 };
	const uint64_t until_ms = world_now(w) + mock_kafka_ms;

	mock_kafka_refuse(w->mock, heartbeat, fenced_instance);
	do {
		record_unref(turn(w, ret_r, err));
		check(world_now(w) < until_ms);
	} while (*ret_r >= 0 && kafka_claim(w->source) != KAFKA_HAS_LOST);
}

static void a_place_that_was_taken_is_taken_back_once(void **state)
{
	struct world *w = world_new(1);
	struct record *record;
	struct err err = {""};
	int r;

	(void)state;
	w->moment_ms = 20; /* a minute is long, however slowly the group forms anew */
	produce(w, 0, 1);
	start(w);
	record_unref(next(w));
	be_fenced(w, &r, &err);
	check(r >= 0);
	check(!kafka_has_lease(w->source, world_now(w)));
	check(strstr(w->told, "takes it back once"));

	/* Another engine goes on, with what was not settled. */
	kafka_hand_over(w->source, 1000);
	w->options.n_known = w->n_streams;
	check_eq(kafka_go_on(w->source, &w->options, &err), 0);
	record = next(w);
	check_eq(record->pos, 0);
	record_unref(record);
	check(kafka_has_lease(w->source, world_now(w)));

	be_fenced(w, &r, &err);
	check_eq(r, -EBUSY);
	check(strstr(err.text, "group g: another process with the same state"));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_pattern_that_fits_nothing_is_waited_for),
		sentence(the_end_is_where_it_was_when_the_run_began),
		sentence(where_a_new_group_begins_is_committed_though_nothing_came),
		sentence(what_another_owner_may_have_sent_is_in_doubt),
		sentence(a_topic_that_was_made_anew_is_known_by_its_record),
		sentence(who_only_owns_knows_a_topic_that_was_made_anew),
		sentence(a_truncated_topic_is_told_and_not_read),
		sentence(partitions_are_handed_over),
		sentence(the_group_is_heard_while_much_is_held),
		sentence(a_place_that_was_taken_is_taken_back_once),
	};

	return run_sentences(tests);
}
