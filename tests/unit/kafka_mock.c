#include "tests/unit/kafka_mock.h"

#include "lib/clock.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { offset_commit_api = 8 };

struct mock_kafka {
	rd_kafka_t *producer;
	rd_kafka_mock_cluster_t *cluster;
	struct kafka_conf conf;
};

struct mock_kafka *mock_kafka_new(void)
{
	struct mock_kafka *m = mem_alloc(sizeof(*m));
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256];

	check_eq(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", why, sizeof(why)), 0);
	check_eq(rd_kafka_conf_set(conf, "log_level", "3", why, sizeof(why)), 0);
	check_eq(rd_kafka_conf_set(conf, "linger.ms", "0", why, sizeof(why)), 0);
	m->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	check(m->producer);
	m->cluster = rd_kafka_handle_mock_cluster(m->producer);
	m->conf.brokers = mem_strdup(rd_kafka_mock_cluster_bootstraps(m->cluster));
	kafka_conf_add(&m->conf, "session.timeout.ms", "12000");
	kafka_conf_add(&m->conf, "heartbeat.interval.ms", "200");
	return m;
}

void mock_kafka_free(struct mock_kafka *mock)
{
	rd_kafka_destroy(mock->producer);
	kafka_conf_deinit(&mock->conf);
	free(mock);
}

const struct kafka_conf *mock_kafka_conf(const struct mock_kafka *mock)
{
	return &mock->conf;
}

void mock_kafka_be_patient(struct mock_kafka *mock)
{
	kafka_conf_add(&mock->conf, "session.timeout.ms", "60000"); /* the last one counts */
}

void mock_kafka_topic(struct mock_kafka *mock, const char *topic, int n_partitions)
{
	check_eq(rd_kafka_mock_topic_create(mock->cluster, topic, n_partitions, 1), 0);
}

void mock_kafka_produce(struct mock_kafka *mock, const char *topic, int32_t partition,
                        const struct mock_message *message)
{
	const struct mock_message *m = message;
	rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
	rd_kafka_resp_err_t code;

	if (m->header)
		(void)rd_kafka_header_add(headers, m->header, -1, m->header_value,
		                          m->header_value ? (ssize_t)strlen(m->header_value) : 0);
	code = rd_kafka_producev(
		mock->producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
		RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		RD_KAFKA_V_KEY((void *)(uintptr_t)m->key, m->key ? strlen(m->key) : 0),
		RD_KAFKA_V_VALUE((void *)(uintptr_t)m->value, m->value ? strlen(m->value) : 0),
		RD_KAFKA_V_TIMESTAMP(m->timestamp_ms), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
	check_eq(code, 0);
	check_eq(rd_kafka_flush(mock->producer, mock_kafka_ms), 0);
}

void mock_kafka_refuse_commit(struct mock_kafka *mock, int code)
{
	mock_kafka_refuse(mock, offset_commit_api, code);
}

void mock_kafka_refuse(struct mock_kafka *mock, int api, int code)
{
	rd_kafka_mock_push_request_errors(mock->cluster, (int16_t)api, 1,
	                                  (rd_kafka_resp_err_t)code);
}

void mock_kafka_refuse_topic(struct mock_kafka *mock, const char *topic, int code)
{
	rd_kafka_mock_topic_set_error(mock->cluster, topic, (rd_kafka_resp_err_t)code);
}

void mock_kafka_set_down(struct mock_kafka *mock, bool is_down)
{
	check_eq(is_down ? rd_kafka_mock_broker_set_down(mock->cluster, 1)
	                 : rd_kafka_mock_broker_set_up(mock->cluster, 1),
	         0);
}

struct kafka_event mock_kafka_await(struct kafka_consumer *consumer, enum kafka_event_kind kind)
{
	const uint64_t until_ms = clock_monotonic_ms() + mock_kafka_ms;
	struct kafka_event event;

	do {
		struct pollfd fd = {.fd = kafka_consumer_fd(consumer), .events = POLLIN};

		kafka_consumer_poll(consumer, &event);
		if (event.kind == kind)
			return event;
		if (event.kind == KAFKA_NOTHING)
			(void)poll(&fd, 1, 1000);
	} while (clock_monotonic_ms() < until_ms);
	fail_msg("no event of kind %d came", kind);
	return event;
}

void mock_kafka_commit(struct mock_kafka *mock, const char *group, const char *topic,
                       int64_t offset, const char *note)
{
	char *const topics[] = {(char *)(uintptr_t)topic, NULL};
	const struct kafka_consumer_config config = {
		.conf = &mock->conf, .group = group, .topics = topics};
	struct kafka_places places = {0};
	struct kafka_consumer *c;
	struct kafka_event event;

	check_eq(kafka_consumer_open(&config, &c, NULL), 0);
	event = mock_kafka_await(c, KAFKA_ASSIGN);
	for (size_t i = 0; i < event.places.n; i++)
		event.places.items[i].offset = 0;
	check_eq(kafka_consumer_assign(c, &event.places, NULL), 0);
	kafka_places_add(&places, topic, 0, offset)->metadata = mem_strdup(note);
	check_eq(kafka_consumer_commit_within(c, &places, mock_kafka_ms, NULL), 0);
	kafka_places_deinit(&places);
	kafka_consumer_close_within(c, mock_kafka_ms);
}

int64_t mock_kafka_committed(struct mock_kafka *mock, const char *group, const char *topic,
                             int32_t partition, char **ret_note)
{
	const struct kafka_consumer_config config = {.conf = &mock->conf, .group = group};
	struct kafka_places places = {0};
	struct kafka_consumer *c;
	int64_t offset;

	check_eq(kafka_consumer_open(&config, &c, NULL), 0);
	(void)kafka_places_add(&places, topic, partition, 0);
	check_eq(kafka_consumer_committed_within(c, &places, mock_kafka_ms, NULL), 0);
	offset = places.items[0].offset;
	if (ret_note)
		*ret_note = mem_strdup(places.items[0].metadata);
	kafka_places_deinit(&places);
	kafka_consumer_close_within(c, mock_kafka_ms);
	return offset;
}
