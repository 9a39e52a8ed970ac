#include "lib/kafka_producer.h"
#include "tests/unit/kafka_cluster.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

struct told {
	struct kafka_producer *producer;
	unsigned n_taken, n_back, n_from_send;
	uint64_t last; /* number + 1 of the last that was taken */
	bool is_in_order;
};

static void take(void *arg, uint64_t number, bool is_taken)
{
	struct told *told = arg;

	told->n_taken += is_taken;
	told->n_back += !is_taken;
	if (is_taken) {
		told->is_in_order &= number == told->last;
		told->last = number + 1;
	}
}

static void make(struct told *told, const struct kafka_conf *conf, const char *topic)
{
	const struct kafka_producer_hooks hooks = {.told = take, .arg = told};
	struct err err = {0};

	*told = (struct told){.is_in_order = true};
	if (kafka_producer_new(conf, topic, &hooks, &told->producer, &err) < 0)
		fail_msg("%s", err.text);
}

static int send_text(struct told *told, uint64_t number, const char *key, const char *text,
                     struct err *err)
{
	const struct kafka_message message = {.number = number,
	                                      .key = key,
	                                      .value = text,
	                                      .value_len = strlen(text),
	                                      .content_type = "text/plain"};

	return kafka_producer_send(told->producer, &message, err);
}

static void send_numbers(struct told *told, unsigned from, unsigned n)
{
	char text[16];

	for (unsigned i = from; i < from + n; i++) {
		(void)snprintf(text, sizeof(text), "%u", i);
		check_eq(send_text(told, i, "k", text, NULL), 0);
	}
}

/* Waits on the descriptor alone, as the loop does. */
static void wait_for(struct told *told, unsigned n, unsigned max_ms)
{
	const uint64_t until = clock_ms() + max_ms;

	while (told->n_taken + told->n_back < n && clock_ms() < until) {
		struct pollfd fd = {.fd = kafka_producer_fd(told->producer), .events = POLLIN};

		if (poll(&fd, 1, (int)(until - clock_ms())) > 0)
			kafka_producer_poll(told->producer);
	}
}

static void messages_arrive_once_and_in_their_order(void **state)
{
	struct cluster c = {0};
	struct told told;
	char *text;

	(void)state;
	cluster_open(&c, 1);
	make(&told, &c.conf, "out");
	send_numbers(&told, 0, 5);
	check_eq(told.n_taken, 0); /* nobody is told from within */
	wait_for(&told, 5, 20000);
	check_eq(told.n_taken, 5);
	check(told.is_in_order);
	check_text(kafka_producer_trouble(told.producer), "");
	text = cluster_read(&c, 0, 5, true);
	check_text(text, "k=0 k=1 k=2 k=3 k=4 ");
	free(text);
	kafka_producer_free(told.producer, 2000);
	cluster_close(&c);
}

static void an_answer_that_is_lost_makes_no_twin_and_keeps_the_order(void **state)
{
	struct cluster c = {0};
	struct told told;
	char *text;

	(void)state;
	cluster_open(&c, 1);
	make(&told, &c.conf, "out");
	send_numbers(&told, 0, 2);
	wait_for(&told, 2, 20000);
	rd_kafka_mock_push_request_errors(c.mock, request_produce, 3, RD_KAFKA_RESP_ERR__TRANSPORT,
	                                  RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
	                                  RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
	send_numbers(&told, 2, 3);
	wait_for(&told, 5, 20000);
	check_eq(told.n_taken, 5);
	check(told.is_in_order);
	text = cluster_read(&c, 0, 5, false);
	check_text(text, "0 1 2 3 4 ");
	free(text);
	kafka_producer_free(told.producer, 2000);
	cluster_close(&c);
}

static void a_message_waits_as_long_as_no_broker_is_there(void **state)
{
	struct cluster c = {0};
	struct told told;

	(void)state;
	cluster_open(&c, 1);
	rd_kafka_mock_broker_set_down(c.mock, 1);
	make(&told, &c.conf, "out");
	send_numbers(&told, 0, 3);
	wait_for(&told, 1, 600);
	check_eq(told.n_taken + told.n_back, 0);
	check(kafka_producer_is_down(told.producer));
	check(strstr(kafka_producer_trouble(told.producer), "no broker can be reached"));
	check(strstr(kafka_producer_trouble(told.producer), c.conf.brokers));
	check_null(strstr(kafka_producer_trouble(told.producer), "/bootstrap"));

	rd_kafka_mock_broker_set_up(c.mock, 1);
	wait_for(&told, 3, 20000);
	check_eq(told.n_taken, 3);
	check(told.is_in_order);
	check(!kafka_producer_is_down(told.producer));
	check_text(kafka_producer_trouble(told.producer), "");
	kafka_producer_free(told.producer, 2000);
	cluster_close(&c);
}

static void what_brokers_refuse_comes_back_with_a_sentence(void **state)
{
	static const struct {
		rd_kafka_resp_err_t code;
		const char *says;
	} cases[] = {
		{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "no right to topic \"out\""},
		{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "raise its max.message.bytes"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct cluster c = {0};
		struct told told;

		cluster_open(&c, 1);
		make(&told, &c.conf, "out");
		rd_kafka_mock_push_request_errors(c.mock, request_produce, 1, cases[i].code);
		send_numbers(&told, 0, 1);
		wait_for(&told, 1, 20000);
		check_eq(told.n_back, 1);
		check(kafka_producer_is_down(told.producer));
		check(strstr(kafka_producer_trouble(told.producer), cases[i].says));
		kafka_producer_free(told.producer, 2000);
		cluster_close(&c);
	}
}

static void a_topic_that_is_not_there_is_named(void **state)
{
	struct cluster c = {0};
	struct told told;

	(void)state;
	cluster_open(&c, 1);
	rd_kafka_mock_topic_set_error(c.mock, "nowhere", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	make(&told, &c.conf, "nowhere");
	send_numbers(&told, 0, 1);
	wait_for(&told, 1, 20000);
	check_eq(told.n_back, 1);
	check(strstr(kafka_producer_trouble(told.producer), "there is no topic \"nowhere\""));
	kafka_producer_free(told.producer, 2000);
	cluster_close(&c);
}

static void what_waits_can_be_taken_back(void **state)
{
	struct cluster c = {0};
	struct told told;

	(void)state;
	cluster_open(&c, 1);
	rd_kafka_mock_broker_set_down(c.mock, 1);
	make(&told, &c.conf, "out");
	send_numbers(&told, 0, 3);
	kafka_producer_give_back(told.producer);
	wait_for(&told, 3, 20000);
	check_eq(told.n_back, 3);
	kafka_producer_free(told.producer, 2000);
	cluster_close(&c);
}

static void a_full_queue_takes_nothing_more(void **state)
{
	struct cluster c = {0};
	struct told told;
	struct err err;

	(void)state;
	cluster_open(&c, 1);
	rd_kafka_mock_broker_set_down(c.mock, 1);
	kafka_conf_add(&c.conf, "queue.buffering.max.messages", "2");
	make(&told, &c.conf, "out");
	send_numbers(&told, 0, 2);
	check_eq(send_text(&told, 2, NULL, "2", &err), -EAGAIN);
	kafka_producer_free(told.producer, 2000);
	cluster_close(&c);
}

static void one_key_goes_to_one_partition_and_stays_in_order(void **state)
{
	struct cluster c = {0};
	struct told told;
	unsigned n_used = 0;
	char key[8], text[8];

	(void)state;
	cluster_open(&c, 4);
	make(&told, &c.conf, "out");
	for (unsigned i = 0; i < 40; i++) {
		(void)snprintf(key, sizeof(key), "k%u", i % 8);
		(void)snprintf(text, sizeof(text), "%u", 10 + i);
		check_eq(send_text(&told, i, key, text, NULL), 0);
	}
	wait_for(&told, 40, 20000);
	check_eq(told.n_taken, 40);
	for (int partition = 0; partition < 4; partition++) {
		char *all = cluster_read(&c, partition, 0, true);

		n_used += *all != '\0';
		for (unsigned i = 0; i < 8; i++) {
			unsigned n = 0;
			const char *at = all;

			(void)snprintf(key, sizeof(key), "k%u=", i);
			for (int last = 0; (at = strstr(at, key)) != NULL; n++) {
				at += strlen(key);
				check(atoi(at) > last);
				last = atoi(at);
			}
			check(n == 0 || n == 5); /* all of a key, or none */
		}
		free(all);
	}
	check(n_used > 1);
	kafka_producer_free(told.producer, 2000);
	cluster_close(&c);
}

static void an_end_waits_no_longer_than_it_may(void **state)
{
	struct cluster c = {0};
	struct told told;
	uint64_t began;

	(void)state;
	cluster_open(&c, 1);
	make(&told, &c.conf, "out");
	send_numbers(&told, 0, 1);
	wait_for(&told, 1, 20000);
	rd_kafka_mock_broker_set_rtt(c.mock, 1, 60000);
	send_numbers(&told, 1, 100);
	wait_for(&told, 2, 100);
	began = clock_ms();
	kafka_producer_free(told.producer, 300);
	check(clock_ms() - began < 2000);
	rd_kafka_mock_broker_set_rtt(c.mock, 1, 0);
	cluster_close(&c);
}

static void properties_that_do_not_go_together_are_told(void **state)
{
	const struct kafka_producer_hooks hooks = {.told = take};
	struct kafka_conf conf = {.brokers = mem_strdup("127.0.0.1:9")};
	struct kafka_producer *producer;
	struct err err = {0};

	(void)state;
	kafka_conf_add(&conf, "security.protocol", "ssl");
	kafka_conf_add(&conf, "ssl.ca.location", "/nowhere/ca.pem");
	check_eq(kafka_producer_new(&conf, "out", &hooks, &producer, &err), -EINVAL);
	check(strstr(err.text, "librdkafka does not start"));
	check(strstr(err.text, "ssl.ca.location"));
	kafka_conf_deinit(&conf);
}

static void properties_of_consumers_are_passed_over(void **state)
{
	struct cluster c = {0};
	struct told told;

	(void)state;
	cluster_open(&c, 1);
	kafka_conf_add(&c.conf, "session.timeout.ms", "60000");
	kafka_conf_add(&c.conf, "fetch.min.bytes", "10");
	make(&told, &c.conf, "out");
	send_numbers(&told, 0, 1);
	wait_for(&told, 1, 20000);
	check_eq(told.n_taken, 1);
	kafka_producer_free(told.producer, 2000);
	cluster_close(&c);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(messages_arrive_once_and_in_their_order),
		sentence(an_answer_that_is_lost_makes_no_twin_and_keeps_the_order),
		sentence(a_message_waits_as_long_as_no_broker_is_there),
		sentence(what_brokers_refuse_comes_back_with_a_sentence),
		sentence(a_topic_that_is_not_there_is_named),
		sentence(what_waits_can_be_taken_back),
		sentence(a_full_queue_takes_nothing_more),
		sentence(one_key_goes_to_one_partition_and_stays_in_order),
		sentence(an_end_waits_no_longer_than_it_may),
		sentence(properties_that_do_not_go_together_are_told),
		sentence(properties_of_consumers_are_passed_over),
	};

	return run_sentences(sentences);
}
