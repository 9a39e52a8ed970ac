#include "connector/source/kafka.h"

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "tests/unit/check.h"
#include "tests/unit/kafka_mock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who runs the source: keeps its streams over restarts, and settles what it is told to. */
struct world {
	struct mock_kafka *mock;
	struct kafka_options options;
	struct source_host host;
	struct source *source;
	struct stream *streams[8];
	size_t n_streams;
	char told[1024];
};

static char *const topics[] = {(char[]){"t"}, NULL};

static void begin(void *arg, struct stream *stream, bool is_new)
{
	struct world *w = arg;

	if (!is_new)
		return;
	stream->id = w->n_streams + 1;
	w->streams[w->n_streams++] = stream;
}

static void store(void *arg, struct stream *stream)
{
	(void)arg;
	check(stream->id);
}

static void tell(void *arg, const char *sentence)
{
	struct world *w = arg;

	(void)snprintf(w->told, sizeof(w->told), "%s", sentence);
}

static void start(struct world *w)
{
	w->options.known = w->streams;
	w->options.n_known = w->n_streams;
	check_eq(kafka_open(&w->options, &w->source, NULL), 0);
}

static struct world *world_new(int n_partitions)
{
	struct world *w = mem_alloc(sizeof(*w));

	w->mock = mock_kafka_new();
	mock_kafka_topic(w->mock, "t", n_partitions);
	w->host = (struct source_host){.begin = begin, .store = store, .arg = w};
	w->options = (struct kafka_options){
		.conf = mock_kafka_conf(w->mock),
		.topics = topics,
		.group = "g",
		.journal = "mine",
		.format = {.tombstones = KAFKA_TOMBSTONES_REJECT, .max_record = 1000},
		.session_ms = 3000,
		.ahead = 100,
		.host = &w->host,
		.tell = tell,
		.tell_arg = w,
	};
	return w;
}

static void stop(struct world *w)
{
	source_free(w->source);
	w->source = NULL;
}

static void world_free(struct world *w)
{
	stop(w);
	for (size_t i = 0; i < w->n_streams; i++)
		stream_free(w->streams[i]);
	mock_kafka_free(w->mock);
	free(w);
}

static void produce(struct world *w, int32_t partition, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		mock_kafka_produce(w->mock, "t", partition,
		                   &(struct mock_message){.value = "{}", .timestamp_ms = 1000 + i});
}

/* One turn of a loop: a record, NULL, or the error in *@ret_r. */
static struct record *turn(struct world *w, int *ret_r, struct err *err)
{
	struct record *record = NULL;
	int r = kafka_turn(w->source, clock_monotonic_ms(), err);

	if (r >= 0)
		r = source_next(w->source, &record, err);
	if (r == SOURCE_LATER) {
		struct pollfd fd = {.fd = source_fd(w->source), .events = POLLIN};

		(void)poll(&fd, 1, 50);
	}
	*ret_r = r;
	return r == SOURCE_RECORD ? record : NULL;
}

static struct record *next(struct world *w)
{
	const uint64_t until_ms = clock_monotonic_ms() + 30000;
	struct record *record;
	struct err err = {""};
	int r;

	do {
		record = turn(w, &r, &err);
		if (r < 0)
			fail_msg("%s", err.text);
	} while (!record && clock_monotonic_ms() < until_ms);
	check(record);
	return record;
}

/* Turns for a while, in which no record must come. */
static void rest(struct world *w, unsigned ms)
{
	const uint64_t until_ms = clock_monotonic_ms() + ms;
	int r;

	while (clock_monotonic_ms() < until_ms) {
		check_null(turn(w, &r, NULL));
		check(r >= 0);
	}
}

static void settle(struct world *w, struct record *takes_record)
{
	stream_settle(w->streams[takes_record->stream - 1], takes_record->pos,
	              takes_record->next_pos, 0);
	source_mark(w->source);
	record_unref(takes_record);
}

static int fails_with(struct world *w, struct err *err)
{
	const uint64_t until_ms = clock_monotonic_ms() + 30000;
	int r;

	do
		record_unref(turn(w, &r, err));
	while (r >= 0 && clock_monotonic_ms() < until_ms);
	return r;
}

/* What the group has committed for a partition; its note in *@ret_note, to free(). */
static int64_t committed(struct world *w, int32_t partition, char **ret_note)
{
	const struct kafka_consumer_config config = {.conf = mock_kafka_conf(w->mock),
	                                             .group = "g"};
	struct kafka_places places = {0};
	struct kafka_consumer *c;
	int64_t offset;

	check_eq(kafka_consumer_open(&config, &c, NULL), 0);
	(void)kafka_places_add(&places, "t", partition, 0);
	check_eq(kafka_consumer_committed_within(c, &places, 10000, NULL), 0);
	offset = places.items[0].offset;
	*ret_note = mem_strdup(places.items[0].metadata);
	kafka_places_deinit(&places);
	kafka_consumer_close_within(c, 5000);
	return offset;
}

/* The mock keeps what anybody says; a member of another group says it for this one. */
static void commit_as_another(struct world *w, int64_t offset, const char *note)
{
	const struct kafka_consumer_config config = {
		.conf = mock_kafka_conf(w->mock), .group = "g", .topics = topics};
	struct kafka_places places = {0};
	struct kafka_consumer *c;
	struct kafka_event event;

	check_eq(kafka_consumer_open(&config, &c, NULL), 0);
	event = mock_kafka_await(c, KAFKA_ASSIGN, 30);
	for (size_t i = 0; i < event.places.n; i++)
		event.places.items[i].offset = 0;
	check_eq(kafka_consumer_assign(c, &event.places, NULL), 0);
	kafka_places_add(&places, "t", 0, offset)->metadata = mem_strdup(note);
	check_eq(kafka_consumer_commit_within(c, &places, 10000, NULL), 0);
	kafka_places_deinit(&places);
	kafka_consumer_close_within(c, 5000);
}

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
	rest(w, 1500);
	check_eq(committed(w, 0, &note), 2);
	check_text(note, "closefeed1 mine 0 100 1+1");
	check(kafka_may_send(w->source, 1, clock_monotonic_ms()));

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
	w->options.session_ms = 20000;
	for (int i = 0; i < 2; i++)
		mock_kafka_refuse_commit(w->mock, 15);
	start(w);
	while (kafka_claim(w->source) != KAFKA_OWNS) {
		int r;

		check_null(turn(w, &r, NULL));
	}
	check(!kafka_may_send(w->source, 1, clock_monotonic_ms()));
	record = next(w);
	check(kafka_may_send(w->source, 1, clock_monotonic_ms()));
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
	while (!kafka_has(w->source, 1) || !kafka_may_send(w->source, 1, clock_monotonic_ms())) {
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
	const uint64_t until_ms = clock_monotonic_ms() + 30000;
	enum kafka_reach reach;

	do {
		struct pollfd fd = {.fd = source_fd(w->source), .events = POLLIN};

		check_eq(kafka_turn(w->source, clock_monotonic_ms(), NULL), 0);
		reach = kafka_has(w->source, 1) ? kafka_reach(w->source, 1, pos) : KAFKA_RISES;
		(void)poll(&fd, 1, 50);
	} while (reach == KAFKA_RISES && clock_monotonic_ms() < until_ms);
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
	check(kafka_may_send(w->source, 1, clock_monotonic_ms()));
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
	world_free(w);
}

/* Who reads nothing would not see that the topic is another than the one the state knows. */
static void who_only_owns_knows_a_topic_that_was_made_anew(void **state)
{
	struct world *w = world_new(1);
	struct err err = {""};
	const uint64_t until_ms = clock_monotonic_ms() + 30000;
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
		r = kafka_turn(w->source, clock_monotonic_ms(), &err);
		if (r >= 0 && kafka_has(w->source, 1))
			check_eq(kafka_reach(w->source, 1, 1), KAFKA_RISES);
	} while (r >= 0 && clock_monotonic_ms() < until_ms);
	check_eq(r, -ESTALE);
	check(strstr(err.text, "the topic was made anew"));
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
	check(kafka_may_send(w->source, 1, clock_monotonic_ms()));
	mock_kafka_set_down(w->mock, true);
	began_ms = clock_monotonic_ms();
	while (kafka_may_send(w->source, 1, clock_monotonic_ms())) {
		record_unref(turn(w, &r, NULL));
		check(clock_monotonic_ms() < began_ms + 2500);
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
	produce(w, 0, 1);
	start(w);
	settle(w, next(w));
	for (until_ms = clock_monotonic_ms() + 5000; clock_monotonic_ms() < until_ms;) {
		check_null(turn(w, &r, NULL));
		check(kafka_may_send(w->source, 1, clock_monotonic_ms()));
	}
	check(!kafka_may_send(w->source, 2, clock_monotonic_ms())); /* no stream of its own */
	world_free(w);
}

/* Whoever waits for the descriptor reads, and is not taken for one who does not. */
static void what_comes_after_a_silence_is_there_at_once(void **state)
{
	struct world *w = world_new(1);
	const uint64_t began_ms = clock_monotonic_ms();
	uint64_t produced_ms = 0;
	struct record *record = NULL;
	bool is_there = true;

	(void)state;
	w->options.session_ms = 60000; /* no commit wakes anybody up meanwhile */
	start(w);
	while (!record && clock_monotonic_ms() < began_ms + 15000) {
		struct pollfd fd = {.fd = source_fd(w->source), .events = POLLIN};

		check_eq(kafka_turn(w->source, clock_monotonic_ms(), NULL), 0);
		if (is_there)
			check(source_next(w->source, &record, NULL) >= 0);
		if (!produced_ms && clock_monotonic_ms() > began_ms + 8000) {
			produced_ms = clock_monotonic_ms();
			produce(w, 0, 1);
		}
		is_there = !record && poll(&fd, 1, 200) == 1;
	}
	check(record);
	check(clock_monotonic_ms() < produced_ms + 3000);
	settle(w, record);
	world_free(w);
}

static void a_pattern_that_fits_nothing_is_waited_for(void **state)
{
	char *const patterns[] = {(char[]){"^u"}, (char[]){"^v"}, NULL};
	struct world *w = world_new(1);
	uint64_t until_ms;
	int r;

	(void)state;
	w->options.topics = patterns;
	start(w);
	rest(w, 1500);
	stop(w);
	w->options.until_end = true;
	start(w);
	until_ms = clock_monotonic_ms() + 30000;
	do
		check_null(turn(w, &r, NULL));
	while (r == SOURCE_LATER && clock_monotonic_ms() < until_ms);
	check_eq(r, SOURCE_END);
	world_free(w);
}

static void who_does_not_read_stays_a_member_and_loses_nothing(void **state)
{
	struct world *w = world_new(1);
	uint64_t until_ms;

	(void)state;
	produce(w, 0, 300);
	start(w);
	settle(w, next(w));
	for (until_ms = clock_monotonic_ms() + 5000; clock_monotonic_ms() < until_ms;) {
		check_eq(kafka_turn(w->source, clock_monotonic_ms(), NULL), 0);
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
	rest(w, 5000);
	check_eq(committed(w, 0, &note), 3);
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
	commit_as_another(w, 1, "closefeed1 theirs 0 4 1+1");
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

/* Two members: nothing of a partition that is wanted back may be sent, and all of it comes again
 * elsewhere. */
static void partitions_are_handed_over(void **state)
{
	const uint64_t until_ms = clock_monotonic_ms() + 60000;
	struct world *w = world_new(2);
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
			check(!kafka_may_send(w->source, 1, clock_monotonic_ms()));
			kafka_hand_over(w->source, 1000);
			check_eq(kafka_claim(w->source), KAFKA_WAITS);
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
		check(clock_monotonic_ms() < until_ms);
	}
	kafka_consumer_close_within(other, 5000);
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
		sentence(who_only_owns_knows_a_topic_that_was_made_anew),
		sentence(the_lease_ends_when_commits_are_not_taken),
		sentence(an_idle_owner_keeps_its_lease),
		sentence(what_comes_after_a_silence_is_there_at_once),
		sentence(a_pattern_that_fits_nothing_is_waited_for),
		sentence(who_does_not_read_stays_a_member_and_loses_nothing),
		sentence(the_end_is_where_it_was_when_the_run_began),
		sentence(where_a_new_group_begins_is_committed_though_nothing_came),
		sentence(what_another_owner_may_have_sent_is_in_doubt),
		sentence(a_topic_that_was_made_anew_is_known_by_its_record),
		sentence(a_truncated_topic_is_told_and_not_read),
		sentence(partitions_are_handed_over),
	};

	return run_sentences(tests);
}
