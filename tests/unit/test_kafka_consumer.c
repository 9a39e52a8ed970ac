#include "lib/kafka_consumer.h"

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "tests/unit/check.h"
#include "tests/unit/kafka_mock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { illegal_generation = 22, fenced_instance = 82 };

static char *const topics[] = {(char[]){"t"}, NULL};

static struct kafka_consumer *join(struct mock_kafka *mock)
{
	const struct kafka_consumer_config config = {
		.conf = mock_kafka_conf(mock), .group = "g", .topics = topics};
	struct kafka_consumer *c;
	struct err err;

	check_eq(kafka_consumer_open(&config, &c, &err), 0);
	return c;
}

/* Owns all it gets, from the beginning. */
static struct kafka_consumer *join_and_assign(struct mock_kafka *mock)
{
	struct kafka_consumer *c = join(mock);
	const struct kafka_event event = mock_kafka_await(c, KAFKA_ASSIGN);

	for (size_t i = 0; i < event.places.n; i++)
		event.places.items[i].offset = 0;
	check_eq(kafka_consumer_assign(c, &event.places, NULL), 0);
	return c;
}

static struct mock_kafka *cluster_with(unsigned n_messages)
{
	struct mock_kafka *mock = mock_kafka_new();

	mock_kafka_topic(mock, "t", 2);
	for (unsigned i = 0; i < n_messages; i++) {
		char value[16];

		(void)snprintf(value, sizeof(value), "%u", i);
		mock_kafka_produce(mock, "t", 0, &(struct mock_message){.value = value});
	}
	return mock;
}

static void messages_come_with_all_they_carry_and_then_the_end(void **state)
{
	struct mock_kafka *mock = mock_kafka_new();
	struct kafka_consumer *c;
	struct kafka_event event;

	(void)state;
	mock_kafka_topic(mock, "t", 1);
	mock_kafka_produce(mock, "t", 0,
	                   &(struct mock_message){.key = "k",
	                                          .value = "{}",
	                                          .header = "h",
	                                          .header_value = "v",
	                                          .timestamp_ms = 1700000000123});
	mock_kafka_produce(mock, "t", 0, &(struct mock_message){.key = "gone"});
	mock_kafka_produce(mock, "t", 0, &(struct mock_message){.value = ""});
	c = join_and_assign(mock);

	event = mock_kafka_await(c, KAFKA_MESSAGE);
	check_text(event.message.topic, "t");
	check_eq(event.message.partition, 0);
	check_eq(event.message.offset, 0);
	check_eq(event.message.key_len, 1);
	check_eq(*event.message.key, 'k');
	check_eq(event.message.value_len, 2);
	check_eq(event.message.timestamp_ms, 1700000000123);
	check_eq(event.message.n_headers, 1);
	check_text(event.message.headers[0].name, "h");
	check_eq(event.message.headers[0].len, 1);

	event = mock_kafka_await(c, KAFKA_MESSAGE);
	check_eq(event.message.offset, 1);
	check_null(event.message.value);
	check_eq(event.message.n_headers, 0);
	event = mock_kafka_await(c, KAFKA_MESSAGE);
	check(event.message.value);
	check_eq(event.message.value_len, 0);
	check_null(event.message.key);

	event = mock_kafka_await(c, KAFKA_END);
	check_eq(event.places.items[0].offset, 3);
	kafka_consumer_close_within(c, mock_kafka_ms);
	mock_kafka_free(mock);
}

static void the_descriptor_wakes_when_a_message_comes(void **state)
{
	struct mock_kafka *mock = cluster_with(0);
	struct kafka_consumer *c = join_and_assign(mock);
	struct pollfd fd = {.fd = kafka_consumer_fd(c), .events = POLLIN};
	const uint64_t until_ms = clock_monotonic_ms() + mock_kafka_ms;
	struct kafka_event event;

	(void)state;
	(void)mock_kafka_await(c, KAFKA_END);
	(void)mock_kafka_await(c, KAFKA_END);
	do {
		do
			kafka_consumer_poll(c, &event);
		while (event.kind != KAFKA_NOTHING);
		check(clock_monotonic_ms() < until_ms);
	} while (poll(&fd, 1, 100) != 0);
	mock_kafka_produce(mock, "t", 1, &(struct mock_message){.value = "{}"});
	check_eq(poll(&fd, 1, mock_kafka_ms), 1);
	event = mock_kafka_await(c, KAFKA_MESSAGE);
	check_eq(event.message.partition, 1);
	kafka_consumer_close_within(c, mock_kafka_ms);
	mock_kafka_free(mock);
}

static void a_commit_brings_back_its_ticket_and_stays_with_its_metadata(void **state)
{
	struct mock_kafka *mock = cluster_with(3);
	struct kafka_consumer *c = join_and_assign(mock);
	struct kafka_places places = {0}, asked = {0};
	struct kafka_event event;
	struct err err;

	(void)state;
	kafka_places_add(&places, "t", 0, 2)->metadata = mem_strdup("who 17");
	check_eq(kafka_consumer_commit(c, &places, 41, &err), 0);
	event = mock_kafka_await(c, KAFKA_COMMITTED);
	check_eq(event.ticket, 41);
	check_eq(event.trouble, KAFKA_FINE);
	check_eq(event.places.items[0].trouble, KAFKA_FINE);

	(void)kafka_places_add(&asked, "t", 0, 0);
	(void)kafka_places_add(&asked, "t", 1, 0);
	check_eq(kafka_consumer_committed_within(c, &asked, mock_kafka_ms, &err), 0);
	check_eq(asked.items[0].offset, 2);
	check_text(asked.items[0].metadata, "who 17");
	check_eq(asked.items[1].offset, kafka_no_offset);
	check_null(asked.items[1].metadata);

	places.items[0].offset = 3;
	check_eq(kafka_consumer_commit_within(c, &places, mock_kafka_ms, &err), 0);
	check_eq(kafka_consumer_committed_within(c, &asked, mock_kafka_ms, &err), 0);
	check_eq(asked.items[0].offset, 3);
	kafka_places_deinit(&places);
	kafka_places_deinit(&asked);
	kafka_consumer_close_within(c, mock_kafka_ms);
	mock_kafka_free(mock);
}

static void going_on_with_what_is_not_paused_reads_nothing_twice(void **state)
{
	struct mock_kafka *mock = cluster_with(6);
	struct kafka_consumer *c = join_and_assign(mock);

	(void)state;
	check_eq(mock_kafka_await(c, KAFKA_MESSAGE).message.offset, 0);
	check_eq(mock_kafka_await(c, KAFKA_MESSAGE).message.offset, 1);
	kafka_consumer_pause(c, "t", 0, false);
	check_eq(mock_kafka_await(c, KAFKA_MESSAGE).message.offset, 2);
	kafka_consumer_pause(c, "t", 0, true);
	kafka_consumer_pause(c, "t", 0, true);
	kafka_consumer_pause(c, "t", 0, false);
	kafka_consumer_pause(c, "t", 0, false);
	check_eq(mock_kafka_await(c, KAFKA_MESSAGE).message.offset, 3);
	kafka_consumer_close_within(c, mock_kafka_ms);
	mock_kafka_free(mock);
}

static void a_paused_partition_is_silent(void **state)
{
	struct mock_kafka *mock = cluster_with(4);
	struct kafka_consumer *c = join_and_assign(mock);
	struct kafka_event event;

	(void)state;
	check_eq(mock_kafka_await(c, KAFKA_MESSAGE).message.offset, 0);
	kafka_consumer_pause(c, "t", 0, true);
	for (int i = 0; i < 10; i++) {
		kafka_consumer_poll(c, &event);
		check(event.kind != KAFKA_MESSAGE);
		(void)poll(NULL, 0, 20);
	}
	kafka_consumer_pause(c, "t", 0, false);
	check_eq(mock_kafka_await(c, KAFKA_MESSAGE).message.offset, 1);
	kafka_consumer_close_within(c, mock_kafka_ms);
	mock_kafka_free(mock);
}

static void nothing_is_committed_for_what_is_not_owned(void **state)
{
	struct mock_kafka *mock = cluster_with(1);
	struct kafka_consumer *c = join_and_assign(mock);
	struct kafka_places places = {0}, asked = {0};
	struct err err;

	(void)state;
	(void)kafka_places_add(&places, "t", 7, 1);
	check_eq(kafka_consumer_commit(c, &places, 1, &err), -ESTALE);
	places.items[0].partition = 0;
	check_eq(kafka_consumer_unassign(c, &err), 0);
	check_eq(kafka_consumer_commit(c, &places, 1, &err), -ESTALE);
	check_text(err.text, "the commit of offsets: the group has given this process up");
	check_eq(kafka_consumer_commit_within(c, &places, 1000, &err), -ESTALE);
	(void)kafka_places_add(&asked, "t", 0, 0);
	check_eq(kafka_consumer_committed_within(c, &asked, mock_kafka_ms, &err), 0);
	check_eq(asked.items[0].offset, kafka_no_offset);
	kafka_places_deinit(&places);
	kafka_places_deinit(&asked);
	kafka_consumer_close_within(c, mock_kafka_ms);
	mock_kafka_free(mock);
}

static void a_refused_generation_is_a_lost_assignment(void **state)
{
	struct mock_kafka *mock = cluster_with(1);
	struct kafka_consumer *c = join_and_assign(mock);
	const uint64_t until_ms = clock_monotonic_ms() + mock_kafka_ms;
	bool is_lost = false, is_refused = false;
	struct kafka_places places = {0};
	struct kafka_event event;

	(void)state;
	(void)kafka_places_add(&places, "t", 0, 1);
	mock_kafka_refuse_commit(mock, illegal_generation);
	check_eq(kafka_consumer_commit(c, &places, 5, NULL), 0);
	while (!is_lost || !is_refused) {
		kafka_consumer_poll(c, &event);
		is_lost |= event.kind == KAFKA_LOST;
		is_refused |= event.kind == KAFKA_COMMITTED && event.trouble == KAFKA_NOT_OURS;
		check(clock_monotonic_ms() < until_ms);
	}
	check(kafka_consumer_is_lost(c));
	check_eq(kafka_consumer_commit(c, &places, 6, NULL), -ESTALE);
	check_eq(kafka_consumer_unassign(c, NULL), 0);
	kafka_places_deinit(&places);
	kafka_consumer_close_within(c, mock_kafka_ms);
	mock_kafka_free(mock);
}

static void places_are_found_by_beginning_and_end(void **state)
{
	struct mock_kafka *mock = cluster_with(5);
	struct kafka_consumer *c = join(mock);
	struct kafka_places places = {0};
	struct err err;

	(void)state;
	(void)kafka_places_add(&places, "t", 0, KAFKA_AT_END);
	(void)kafka_places_add(&places, "t", 1, KAFKA_AT_BEGINNING);
	check_eq(kafka_consumer_look_up_within(c, &places, mock_kafka_ms, &err), 0);
	check_eq(places.items[0].offset, 5);
	check_eq(places.items[1].offset, 0);
	kafka_places_deinit(&places);
	{
		cleanup_(freep) char *cluster = kafka_consumer_cluster_within(c, mock_kafka_ms);

		check(cluster && *cluster);
	}
	kafka_consumer_close_within(c, mock_kafka_ms);
	mock_kafka_free(mock);
}

/* The longest time that passed between two looks: more than a moment where the machine stood still.
 */
static uint64_t longest_pause(void)
{
	static uint64_t looked_ms, longest_ms;
	const uint64_t now_ms = clock_monotonic_ms();

	if (looked_ms && now_ms - looked_ms > longest_ms)
		longest_ms = now_ms - looked_ms;
	looked_ms = now_ms;
	return longest_ms;
}

/* Answers what comes; returns how many partitions are owned now, of @n before. */
static size_t serve(struct kafka_consumer *c, size_t n)
{
	struct kafka_event event;

	kafka_consumer_poll(c, &event);
	if (event.kind == KAFKA_ASSIGN) {
		check_eq(kafka_consumer_assign(c, &event.places, NULL), 0);
		return event.places.n;
	}
	if (event.kind == KAFKA_REVOKE || event.kind == KAFKA_LOST) {
		/* Who is asked for partitions in time does not lose them. */
		if (longest_pause() < 5000) {
			check_eq(event.kind, KAFKA_REVOKE);
			check(!kafka_consumer_is_lost(c));
			check_eq(event.places.n, n);
		}
		check_eq(kafka_consumer_unassign(c, NULL), 0);
		return 0;
	}
	if (event.kind == KAFKA_NOTHING)
		(void)poll(NULL, 0, 10);
	return n;
}

static void partitions_are_shared_with_a_member_that_joins(void **state)
{
	const uint64_t until_ms = clock_monotonic_ms() + mock_kafka_ms;
	struct mock_kafka *mock = cluster_with(3);
	struct kafka_consumer *first = join_and_assign(mock), *second = join(mock);
	size_t n_first = 2, n_second = 0;

	(void)state;
	while (n_first != 1 || n_second != 1) {
		(void)longest_pause();
		n_first = serve(first, n_first);
		n_second = serve(second, n_second);
		check(clock_monotonic_ms() < until_ms);
	}
	kafka_consumer_close_within(second, mock_kafka_ms);
	kafka_consumer_close_within(first, mock_kafka_ms);
	mock_kafka_free(mock);
}

static void a_broker_that_is_away_is_told_and_closing_does_not_wait_for_it(void **state)
{
	const struct kafka_conf nowhere = {.brokers = (char[]){"127.0.0.1:1"}};
	const struct kafka_consumer_config config = {
		.conf = &nowhere, .group = "g", .topics = topics};
	struct kafka_consumer *c;
	struct kafka_event event;
	uint64_t began_ms;
	struct err err;

	(void)state;
	check_eq(kafka_consumer_open(&config, &c, &err), 0);
	do
		event = mock_kafka_await(c, KAFKA_TROUBLE);
	while (strcmp(event.sentence,
	              "127.0.0.1:1: no broker can be reached: check brokers, and that no "
	              "firewall stands between") != 0);
	check_eq(event.trouble, KAFKA_UNREACHABLE);
	began_ms = clock_monotonic_ms();
	kafka_consumer_close_within(c, 5000);
	check(clock_monotonic_ms() - began_ms < 60000);
}

/* librdkafka ends it meanwhile, and has something to say to whoever listened. */
static void a_close_that_is_cut_short_leaves_nothing_that_is_used_again(void **state)
{
	struct mock_kafka *mock = cluster_with(1);
	struct kafka_consumer *c = join_and_assign(mock);

	(void)state;
	(void)mock_kafka_await(c, KAFKA_MESSAGE);
	mock_kafka_set_down(mock, true);
	(void)poll(NULL, 0, 300);
	kafka_consumer_close_within(c, 0);
	(void)poll(NULL, 0, 300);
	mock_kafka_set_down(mock, false);
	(void)poll(NULL, 0, 300);
	mock_kafka_free(mock);
}

static void what_promises_rest_on_cannot_be_set_otherwise(void **state)
{
	static const char *const eager[][2] = {{"enable.auto.commit", "true"},
	                                       {"auto.commit.interval.ms", "50"},
	                                       {"auto.offset.reset", "earliest"},
	                                       {"enable.auto.offset.store", "true"}};
	struct mock_kafka *mock = cluster_with(3);
	struct kafka_conf conf = {.brokers = mock_kafka_conf(mock)->brokers};
	const struct kafka_consumer_config config = {.conf = &conf, .group = "g", .topics = topics};
	struct kafka_places asked = {0};
	struct kafka_consumer *c;
	struct kafka_event event;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		kafka_conf_add(&conf, eager[i][0], eager[i][1]);
	check_eq(kafka_consumer_open(&config, &c, NULL), 0);
	event = mock_kafka_await(c, KAFKA_ASSIGN);
	for (size_t i = 0; i < event.places.n; i++)
		event.places.items[i].offset = 0;
	check_eq(kafka_consumer_assign(c, &event.places, NULL), 0);
	for (int i = 0; i < 3; i++)
		(void)mock_kafka_await(c, KAFKA_MESSAGE);
	(void)poll(NULL, 0, 300);
	(void)kafka_places_add(&asked, "t", 0, 0);
	check_eq(kafka_consumer_committed_within(c, &asked, mock_kafka_ms, NULL), 0);
	check_eq(asked.items[0].offset, kafka_no_offset);
	kafka_places_deinit(&asked);
	kafka_consumer_close_within(c, mock_kafka_ms);
	conf.brokers = NULL;
	kafka_conf_deinit(&conf);
	mock_kafka_free(mock);
}

static void errors_are_of_the_kind_one_acts_on(void **state)
{
	struct err err;

	(void)state;
	check_eq(kafka_trouble_of(0), KAFKA_FINE);
	check_eq(kafka_trouble_of(illegal_generation), KAFKA_NOT_OURS);
	check_eq(kafka_trouble_of(fenced_instance), KAFKA_FENCED);
	check_eq(kafka_trouble_of(29), KAFKA_REFUSED); /* a topic nobody allowed us to read */
	check_eq(kafka_trouble_of(3), KAFKA_NO_TOPIC);
	check_eq(kafka_trouble_of(14), KAFKA_LATER); /* the coordinator has just begun */
	check_eq(kafka_trouble_of(1), KAFKA_NO_OFFSET);
	check_eq(kafka_trouble_of(-1), KAFKA_OTHER);
	check_eq(kafka_fail(&err, 29, "topic t"), -EACCES);
	check_text(err.text, "topic t: this user may not read the topic (READ)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(messages_come_with_all_they_carry_and_then_the_end),
		sentence(the_descriptor_wakes_when_a_message_comes),
		sentence(a_commit_brings_back_its_ticket_and_stays_with_its_metadata),
		sentence(going_on_with_what_is_not_paused_reads_nothing_twice),
		sentence(a_paused_partition_is_silent),
		sentence(nothing_is_committed_for_what_is_not_owned),
		sentence(a_refused_generation_is_a_lost_assignment),
		sentence(places_are_found_by_beginning_and_end),
		sentence(partitions_are_shared_with_a_member_that_joins),
		sentence(a_broker_that_is_away_is_told_and_closing_does_not_wait_for_it),
		sentence(a_close_that_is_cut_short_leaves_nothing_that_is_used_again),
		sentence(what_promises_rest_on_cannot_be_set_otherwise),
		sentence(errors_are_of_the_kind_one_acts_on),
	};

	return run_sentences(tests);
}
