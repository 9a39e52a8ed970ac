#pragma once

/* Brokers within the test: librdkafka's mock cluster, and reading from it. */

#include "lib/kafka.h"
#include "tests/unit/check.h"

#include "lib/buf.h"
#include "lib/mem.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct cluster {
	rd_kafka_t *home;
	rd_kafka_mock_cluster_t *mock;
	struct kafka_conf conf;
};

/* How long to wait for what comes within a moment, unless the machine stands still. */
enum { cluster_patience_ms = 120000 };

/* rdkafka_mock.h promises that these numbers are those of the protocol. */
enum { request_produce = 0, request_metadata = 3 };

static inline uint64_t clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline void cluster_open(struct cluster *c, int n_partitions)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256];

	rd_kafka_conf_set_log_cb(conf, NULL);
	c->home = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	c->mock = rd_kafka_mock_cluster_new(c->home, 1);
	check(c->mock);
	check_eq(rd_kafka_mock_topic_create(c->mock, "out", n_partitions, 1), 0);
	c->conf = (struct kafka_conf){
		.brokers = mem_strdup(rd_kafka_mock_cluster_bootstraps(c->mock))};
	kafka_conf_add(&c->conf, "topic.metadata.propagation.max.ms", "100");
	kafka_conf_add(&c->conf, "reconnect.backoff.max.ms", "100");
}

static inline void cluster_close(struct cluster *c)
{
	rd_kafka_mock_cluster_destroy(c->mock);
	rd_kafka_destroy(c->home);
	kafka_conf_deinit(&c->conf);
}

/* All values of a partition, which are @n or more, a space behind each; @with_keys: "key=value ".
 */
static inline char *cluster_read(struct cluster *c, int partition, int n, bool with_keys)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	const uint64_t until = clock_ms() + cluster_patience_ms;
	struct buf text = BUF_INIT;
	rd_kafka_topic_t *topic;
	rd_kafka_t *reader;

	rd_kafka_conf_set_log_cb(conf, NULL);
	(void)rd_kafka_conf_set(conf, "bootstrap.servers", c->conf.brokers, NULL, 0);
	(void)rd_kafka_conf_set(conf, "enable.partition.eof", "true", NULL, 0);
	reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
	topic = rd_kafka_topic_new(reader, "out", NULL);
	check_eq(rd_kafka_consume_start(topic, partition, RD_KAFKA_OFFSET_BEGINNING), 0);
	for (int have = 0; clock_ms() < until;) {
		rd_kafka_message_t *m = rd_kafka_consume(topic, partition, 1000);
		const bool is_end = m && m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && have >= n;

		if (m && !m->err) {
			have++;
			if (with_keys)
				buf_addf(&text, "%.*s=", (int)m->key_len, (const char *)m->key);
			buf_addf(&text, "%.*s ", (int)m->len, (const char *)m->payload);
		}
		if (m)
			rd_kafka_message_destroy(m);
		if (is_end)
			break;
	}
	(void)rd_kafka_consume_stop(topic, partition);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(reader);
	return text.len ? buf_take(&text) : mem_strdup("");
}

/* Partition 0 of "out" holds exactly @wanted, as cluster_read() writes it. */
static inline void check_topic(struct cluster *c, int n, bool with_keys, const char *wanted)
{
	char *text = cluster_read(c, 0, n, with_keys);

	check_text(text, wanted);
	free(text);
}
