#include "connector/respond/kafka_sink.h"
#include "tests/unit/kafka_cluster.h"

#include "lib/cleanup.h"

#include <stdio.h>

enum { patience_ms = 60000 };

struct scene {
	struct cluster cluster;
	struct loop *loop;
	struct kafka_sink *sink;
	uint64_t from, to, n, bytes; /* accepted, all in all */
	unsigned n_rewound, n_changed;
	bool is_down, is_in_order;
	char why[512];
};

static void accepted(void *arg, uint64_t from, uint64_t to, uint64_t n, uint64_t bytes)
{
	struct scene *s = arg;

	s->is_in_order &= from == s->to + 10 && to == from + (n - 1) * 10;
	s->from = s->from ? s->from : from;
	s->to = to;
	s->n += n;
	s->bytes += bytes;
}

static void rewound(void *arg)
{
	((struct scene *)arg)->n_rewound++;
}

static void changed(void *arg, bool is_down, const char *why)
{
	struct scene *s = arg;

	s->n_changed++;
	s->is_down = is_down;
	(void)snprintf(s->why, sizeof(s->why), "%s", why);
}

/* @error: what the brokers say of the topic from the first question on. */
static void begin_with(struct scene *s, const char *topic, rd_kafka_resp_err_t error)
{
	const struct kafka_sink_hooks hooks = {
		.accepted = accepted, .rewound = rewound, .changed = changed, .arg = s};
	struct err err;

	*s = (struct scene){.is_in_order = true};
	cluster_open(&s->cluster, 1);
	if (error)
		rd_kafka_mock_topic_set_error(s->cluster.mock, topic, error);
	s->loop = loop_new();
	check_eq(kafka_sink_new(s->loop, &s->cluster.conf, topic, &hooks, &s->sink, &err), 0);
}

static void begin(struct scene *s, const char *topic)
{
	begin_with(s, topic, RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void end(struct scene *s)
{
	kafka_sink_free(s->sink);
	loop_free(s->loop);
	cluster_close(&s->cluster);
}

/* Events 10, 20, … as numbers in a journal have gaps; the body is the number. */
static void offer(struct scene *s, unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++) {
		struct event *event = mem_alloc(sizeof(*event));

		check(kafka_sink_has_room(s->sink));
		event->seq = (uint64_t)i * 10;
		event->body = mem_printf("%u", i);
		event->body_len = strlen(event->body);
		event->key = i % 2 ? mem_strdup("odd") : NULL;
		kafka_sink_offer(s->sink, event);
		event_free(event); /* nothing of it is borrowed */
	}
}

static bool turn_until(struct scene *s, const bool *claim, const uint64_t *number, uint64_t wanted)
{
	const uint64_t until = clock_ms() + patience_ms;

	while (!(claim ? *claim : *number >= wanted)) {
		if (clock_ms() > until)
			return false;
		loop_turn(s->loop, 100);
	}
	return true;
}

static bool turn_until_rewound(struct scene *s)
{
	const uint64_t until = clock_ms() + patience_ms;

	while (!s->n_rewound && clock_ms() < until)
		loop_turn(s->loop, 100);
	return s->n_rewound > 0;
}

/* It is told a moment after the events are accepted. */
static void check_comes_up(struct scene *s)
{
	const uint64_t until = clock_ms() + patience_ms;

	while (s->is_down && clock_ms() < until)
		loop_turn(s->loop, 100);
	check(!s->is_down);
}

static void events_are_accepted_in_their_order_when_the_topic_has_them(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, "out");
	offer(&s, 1, 5);
	check_eq(s.n, 0);
	check(turn_until(&s, NULL, &s.n, 5));
	check(s.is_in_order);
	check_eq(s.from, 10);
	check_eq(s.to, 50);
	check_eq(s.bytes, 5);
	check_eq(s.n_changed, 0);
	check_topic(&s.cluster, 5, true, "odd=1 =2 odd=3 =4 odd=5 ");
	end(&s);
}

static void nothing_is_accepted_while_no_broker_is_there_and_no_more_is_taken_than_a_window(
	void **state)
{
	struct scene s;

	(void)state;
	begin(&s, "out");
	rd_kafka_mock_broker_set_down(s.cluster.mock, 1);
	offer(&s, 1, kafka_sink_window);
	check(!kafka_sink_has_room(s.sink));
	check(turn_until(&s, &s.is_down, NULL, 0));
	check(strstr(s.why, "no broker can be reached"));
	check_text(kafka_sink_trouble(s.sink), s.why);
	for (int i = 0; i < 15; i++)
		loop_turn(s.loop, 100);
	check_eq(s.n, 0);
	check_eq(s.n_rewound, 0);

	rd_kafka_mock_broker_set_up(s.cluster.mock, 1);
	check(turn_until(&s, NULL, &s.n, kafka_sink_window));
	check(s.is_in_order);
	check(kafka_sink_has_room(s.sink));
	check_comes_up(&s);
	check_text(kafka_sink_trouble(s.sink), "");
	end(&s);
}

static void what_was_refused_is_asked_for_again_from_the_first_on(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, "out");
	offer(&s, 1, 2);
	check(turn_until(&s, NULL, &s.n, 2));
	rd_kafka_mock_push_request_errors(s.cluster.mock, request_produce, 1,
	                                  RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	offer(&s, 3, 3);
	check(turn_until(&s, &s.is_down, NULL, 0));
	check(strstr(s.why, "no right to topic \"out\""));
	check(!kafka_sink_has_room(s.sink));
	check(turn_until_rewound(&s));
	check_eq(s.n, 2);
	check(s.is_down); /* a new try is no recovery */

	offer(&s, 3, 3);
	check(turn_until(&s, NULL, &s.n, 5));
	check(s.is_in_order);
	check_comes_up(&s);
	check_topic(&s.cluster, 5, false, "1 2 3 4 5 ");
	end(&s);
}

static void a_producer_that_cannot_go_on_is_made_anew(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, "out");
	offer(&s, 1, 2);
	check(turn_until(&s, NULL, &s.n, 2));
	/* What librdkafka calls fatal. */
	rd_kafka_mock_push_request_errors(s.cluster.mock, request_produce, 1,
	                                  RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	offer(&s, 3, 2);
	check(turn_until_rewound(&s));
	check_eq(s.n_rewound, 1);
	offer(&s, 3, 2);
	check(turn_until(&s, NULL, &s.n, 4));
	check(s.is_in_order);
	check_topic(&s.cluster, 4, false, "1 2 3 4 ");
	end(&s);
}

static void a_wait_after_a_failure_can_be_ended(void **state)
{
	struct scene s;
	uint64_t began;

	(void)state;
	begin_with(&s, "nowhere", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	/* Until the waits are long. */
	for (unsigned tries = 0; tries < 4; tries++) {
		offer(&s, 1, 1);
		for (const unsigned before = s.n_rewound; s.n_rewound == before && s.n == 0;) {
			loop_turn(s.loop, 50);
			kafka_sink_try_now(s.sink);
		}
	}
	check_eq(s.n, 0);
	check(s.is_down);
	check(strstr(s.why, "there is no topic \"nowhere\""));
	offer(&s, 1, 1);
	began = clock_ms();
	while (kafka_sink_has_room(s.sink) && clock_ms() < began + 10000)
		loop_turn(s.loop, 50);
	kafka_sink_try_now(s.sink);
	end(&s); /* in the midst of it */
}

static void properties_that_cannot_be_used_are_told(void **state)
{
	const struct kafka_sink_hooks hooks = {.accepted = accepted};
	struct kafka_conf conf = {.brokers = mem_strdup("127.0.0.1:9")};
	struct loop *loop = loop_new();
	struct kafka_sink *sink;
	struct err err = {{0}};

	(void)state;
	kafka_conf_add(&conf, "ssl.ca.location", "/nowhere/ca.pem");
	kafka_conf_add(&conf, "security.protocol", "ssl");
	check(kafka_sink_new(loop, &conf, "out", &hooks, &sink, &err) < 0);
	check(strstr(err.text, "ssl.ca.location"));
	kafka_conf_deinit(&conf);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(events_are_accepted_in_their_order_when_the_topic_has_them),
		sentence(
			nothing_is_accepted_while_no_broker_is_there_and_no_more_is_taken_than_a_window),
		sentence(what_was_refused_is_asked_for_again_from_the_first_on),
		sentence(a_producer_that_cannot_go_on_is_made_anew),
		sentence(a_wait_after_a_failure_can_be_ended),
		sentence(properties_that_cannot_be_used_are_told),
	};

	return run_sentences(sentences);
}
