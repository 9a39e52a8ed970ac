#include "lib/kafka_producer.h"
#include "tests/unit/kafka_cluster.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

struct scene {
	struct cluster cluster;
	struct kafka_producer *producer;
	unsigned n_taken, n_back;
	uint64_t last; /* number + 1 of the last that was taken */
	bool is_in_order;
};

static void take(void *arg, uint64_t number, bool is_taken)
{
	struct scene *s = arg;

	s->n_taken += is_taken;
	s->n_back += !is_taken;
	if (is_taken) {
		s->is_in_order &= number == s->last;
		s->last = number + 1;
	}
}

static void begin(struct scene *s, int n_partitions)
{
	*s = (struct scene){.is_in_order = true};
	cluster_open(&s->cluster, n_partitions);
}

static void make(struct scene *s, const char *topic)
{
	const struct kafka_producer_hooks hooks = {.told = take, .arg = s};
	struct err err = {0};

	if (kafka_producer_new(&s->cluster.conf, topic, &hooks, &s->producer, &err) < 0)
		fail_msg("%s", err.text);
}

static void end(struct scene *s)
{
	kafka_producer_free(s->producer, 2000);
	cluster_close(&s->cluster);
}

static int send_text(struct scene *s, uint64_t number, const char *key, const char *text,
                     struct err *err)
{
	const struct kafka_message message = {.number = number,
	                                      .key = key,
	                                      .value = text,
	                                      .value_len = strlen(text),
	                                      .content_type = "text/plain"};

	return kafka_producer_send(s->producer, &message, err);
}

static void send_numbers(struct scene *s, unsigned from, unsigned n)
{
	char text[16];

	for (unsigned i = from; i < from + n; i++) {
		(void)snprintf(text, sizeof(text), "%u", i);
		check_eq(send_text(s, i, "k", text, NULL), 0);
	}
}

/* Waits on the descriptor alone, as the loop does. */
static void wait_for(struct scene *s, unsigned n, unsigned max_ms)
{
	const uint64_t until = clock_ms() + max_ms;

	while (s->n_taken + s->n_back < n && clock_ms() < until) {
		struct pollfd fd = {.fd = kafka_producer_fd(s->producer), .events = POLLIN};

		if (poll(&fd, 1, (int)(until - clock_ms())) > 0)
			kafka_producer_poll(s->producer);
	}
}

static void messages_arrive_once_and_in_their_order(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, 1);
	make(&s, "out");
	send_numbers(&s, 0, 5);
	check_eq(s.n_taken, 0); /* nobody is told from within */
	wait_for(&s, 5, cluster_patience_ms);
	check_eq(s.n_taken, 5);
	check(s.is_in_order);
	check_text(kafka_producer_trouble(s.producer), "");
	check_topic(&s.cluster, 5, true, "k=0 k=1 k=2 k=3 k=4 ");
	end(&s);
}

static void an_answer_that_is_lost_makes_no_twin_and_keeps_the_order(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, 1);
	make(&s, "out");
	send_numbers(&s, 0, 2);
	wait_for(&s, 2, cluster_patience_ms);
	rd_kafka_mock_push_request_errors(
		s.cluster.mock, request_produce, 3, RD_KAFKA_RESP_ERR__TRANSPORT,
		RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
	send_numbers(&s, 2, 3);
	wait_for(&s, 5, cluster_patience_ms);
	check_eq(s.n_taken, 5);
	check(s.is_in_order);
	check_topic(&s.cluster, 5, false, "0 1 2 3 4 ");
	end(&s);
}

static void a_message_waits_as_long_as_no_broker_is_there(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, 1);
	rd_kafka_mock_broker_set_down(s.cluster.mock, 1);
	make(&s, "out");
	send_numbers(&s, 0, 3);
	for (const uint64_t until = clock_ms() + cluster_patience_ms;
	     !kafka_producer_is_down(s.producer) && clock_ms() < until;)
		wait_for(&s, 1, 20);
	wait_for(&s, 1, 600);
	check_eq(s.n_taken + s.n_back, 0);
	check(kafka_producer_is_down(s.producer));
	check(strstr(kafka_producer_trouble(s.producer), "no broker can be reached"));
	check(strstr(kafka_producer_trouble(s.producer), s.cluster.conf.brokers));
	check_null(strstr(kafka_producer_trouble(s.producer), "/bootstrap"));

	rd_kafka_mock_broker_set_up(s.cluster.mock, 1);
	wait_for(&s, 3, cluster_patience_ms);
	check_eq(s.n_taken, 3);
	check(s.is_in_order);
	check(!kafka_producer_is_down(s.producer));
	check_text(kafka_producer_trouble(s.producer), "");
	end(&s);
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
		struct scene s;

		begin(&s, 1);
		make(&s, "out");
		rd_kafka_mock_push_request_errors(s.cluster.mock, request_produce, 1,
		                                  cases[i].code);
		send_numbers(&s, 0, 1);
		wait_for(&s, 1, cluster_patience_ms);
		check_eq(s.n_back, 1);
		check(kafka_producer_is_down(s.producer));
		check(strstr(kafka_producer_trouble(s.producer), cases[i].says));
		end(&s);
	}
}

static void a_topic_that_is_not_there_is_named(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, 1);
	rd_kafka_mock_topic_set_error(s.cluster.mock, "nowhere",
	                              RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	make(&s, "nowhere");
	send_numbers(&s, 0, 1);
	wait_for(&s, 1, cluster_patience_ms);
	check_eq(s.n_back, 1);
	check(strstr(kafka_producer_trouble(s.producer), "there is no topic \"nowhere\""));
	end(&s);
}

static void what_waits_can_be_taken_back(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, 1);
	rd_kafka_mock_broker_set_down(s.cluster.mock, 1);
	make(&s, "out");
	send_numbers(&s, 0, 3);
	kafka_producer_give_back(s.producer);
	wait_for(&s, 3, cluster_patience_ms);
	check_eq(s.n_back, 3);
	end(&s);
}

static void a_full_queue_takes_nothing_more(void **state)
{
	struct scene s;
	struct err err;

	(void)state;
	begin(&s, 1);
	rd_kafka_mock_broker_set_down(s.cluster.mock, 1);
	kafka_conf_add(&s.cluster.conf, "queue.buffering.max.messages", "2");
	make(&s, "out");
	send_numbers(&s, 0, 2);
	check_eq(send_text(&s, 2, NULL, "2", &err), -EAGAIN);
	end(&s);
}

static void one_key_goes_to_one_partition_and_stays_in_order(void **state)
{
	struct scene s;
	unsigned n_used = 0;
	char key[8], text[8];

	(void)state;
	begin(&s, 4);
	make(&s, "out");
	for (unsigned i = 0; i < 40; i++) {
		(void)snprintf(key, sizeof(key), "k%u", i % 8);
		(void)snprintf(text, sizeof(text), "%u", 10 + i);
		check_eq(send_text(&s, i, key, text, NULL), 0);
	}
	wait_for(&s, 40, cluster_patience_ms);
	check_eq(s.n_taken, 40);
	for (int partition = 0; partition < 4; partition++) {
		char *all = cluster_read(&s.cluster, partition, 0, true);

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
	end(&s);
}

static void an_end_waits_no_longer_than_it_may(void **state)
{
	struct scene s;
	uint64_t began;

	(void)state;
	begin(&s, 1);
	make(&s, "out");
	send_numbers(&s, 0, 1);
	wait_for(&s, 1, cluster_patience_ms);
	rd_kafka_mock_broker_set_rtt(s.cluster.mock, 1, 120000);
	send_numbers(&s, 1, 100);
	wait_for(&s, 2, 100);
	began = clock_ms();
	kafka_producer_free(s.producer, 300);
	check(clock_ms() - began < 60000); /* less than an answer takes */
	rd_kafka_mock_broker_set_rtt(s.cluster.mock, 1, 0);
	cluster_close(&s.cluster);
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
	struct scene s;

	(void)state;
	begin(&s, 1);
	kafka_conf_add(&s.cluster.conf, "session.timeout.ms", "60000");
	kafka_conf_add(&s.cluster.conf, "fetch.min.bytes", "10");
	make(&s, "out");
	send_numbers(&s, 0, 1);
	wait_for(&s, 1, cluster_patience_ms);
	check_eq(s.n_taken, 1);
	end(&s);
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
