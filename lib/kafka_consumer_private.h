#pragma once

/* What lib/kafka_consumer*.c share. */

#include "lib/kafka_consumer.h"
#include "lib/kafka_private.h"

struct pending;

/* A partition that is assigned. */
struct owned {
	char *topic;
	int32_t partition;
	bool is_paused;
};

struct kafka_consumer {
	rd_kafka_t *rk;
	char *brokers, *group;     /* for sentences */
	rd_kafka_queue_t *queue;   /* what is polled */
	rd_kafka_queue_t *commits; /* results of commits */
	int fd;
	struct pending *first, *last;
	struct pending *current;     /* the caller has it */
	rd_kafka_message_t *message; /* the caller has it */
	rd_kafka_message_t *behind;  /* came behind what is pending */
	struct kafka_header *headers;
	size_t cap_headers;
	struct owned *owned;
	size_t n_owned;
	bool is_assigned; /* what is committed is ours */
	bool is_fatal, is_closing;
};

/* Adds what librdkafka says of partitions. */
void kafka_places_take(struct kafka_places *places, const rd_kafka_topic_partition_list_t *list);
void kafka_forget_owned(struct kafka_consumer *consumer);
