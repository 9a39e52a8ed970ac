#pragma once

/*
 * librdkafka's own mock cluster, for tests without a broker. It has no transactions, no static
 * members, no retention worth the name; the first assignment of a group takes it three seconds.
 */

#include "lib/kafka_consumer.h"

#include <stddef.h>
#include <stdint.h>

/* How long tests wait for what comes within a moment, unless the machine stands still. */
enum { mock_kafka_ms = 200000 };

struct mock_kafka;

struct mock_kafka *mock_kafka_new(void);
void mock_kafka_free(struct mock_kafka *mock);

/*
 * How to reach it, as a member that notices soon when others come or go, and may be silent for
 * 12 s: as long as a machine may stand still. Who joins after another came or went waits a second
 * less than that.
 */
const struct kafka_conf *mock_kafka_conf(const struct mock_kafka *mock);
/* Members that come from now on may be silent for a minute: where no other comes or goes. */
void mock_kafka_be_patient(struct mock_kafka *mock);
void mock_kafka_topic(struct mock_kafka *mock, const char *topic, int n_partitions);

struct mock_message {
	const char *key, *value; /* NULL: none */
	const char *header, *header_value;
	int64_t timestamp_ms;
};
/* Waits until the cluster has it. */
void mock_kafka_produce(struct mock_kafka *mock, const char *topic, int32_t partition,
                        const struct mock_message *message);
/* The next commit of offsets is answered with this code of the protocol. */
void mock_kafka_refuse_commit(struct mock_kafka *mock, int code);
/* The next request with this number (of the protocol) is. */
void mock_kafka_refuse(struct mock_kafka *mock, int api, int code);
/* Questions about the topic, which then is none, are. */
void mock_kafka_refuse_topic(struct mock_kafka *mock, const char *topic, int code);
void mock_kafka_set_down(struct mock_kafka *mock, bool is_down);

/*
 * Polls until an event of this @kind comes and passes over others; fails the test where it does
 * not. What it returns is borrowed as that of kafka_consumer_poll() is.
 */
struct kafka_event mock_kafka_await(struct kafka_consumer *consumer, enum kafka_event_kind kind);

/* Joins the group as one more member, commits this for partition 0 of the topic, and leaves. */
void mock_kafka_commit(struct mock_kafka *mock, const char *group, const char *topic,
                       int64_t offset, const char *note);
/* What the group has committed; with @ret_note (or NULL) its note, to free(). Joins nothing. */
int64_t mock_kafka_committed(struct mock_kafka *mock, const char *group, const char *topic,
                             int32_t partition, char **ret_note);
