#pragma once

/*
 * Writes messages to one topic, in their order within each partition and each once as long as the
 * producer lives (idempotence), acknowledged by all replicas in sync. Nothing is ever given up by
 * time: a message waits until brokers take it. No call blocks. Behind it are librdkafka's threads;
 * all callbacks come from kafka_producer_poll().
 */

#include "lib/kafka.h"

#include <stdint.h>

struct kafka_producer;

/* What closefeed sets itself, because its promises rest on it; NULL-terminated. */
extern const char *const kafka_producer_own[];

struct kafka_producer_hooks {
	/* What became of message @number: true, it is in the topic; false, it is not known to be.
	 */
	void (*told)(void *arg, uint64_t number, bool is_taken);
	void *arg;
};

struct kafka_message {
	uint64_t number; /* names it to told() */
	const char *key; /* NULL: none */
	const char *value;
	size_t value_len;
	const char *content_type; /* its header */
};

/* -EINVAL with a sentence where the properties do not go together. */
int kafka_producer_new(const struct kafka_conf *conf, const char *topic,
                       const struct kafka_producer_hooks *hooks,
                       struct kafka_producer **ret_producer, struct err *err);

/*
 * Ends it, waiting at most @max_ms. What was not told about is not known; it can still arrive. NULL
 * is ignored.
 */
void kafka_producer_free(struct kafka_producer *producer, unsigned max_ms);

/* Readable (level) when kafka_producer_poll() has something to tell. */
int kafka_producer_fd(const struct kafka_producer *producer);
void kafka_producer_poll(struct kafka_producer *producer);

/*
 * Takes @message, which is copied. -EAGAIN: its queue is full; -EMSGSIZE, -ENOENT, -EIO with a
 * sentence: it cannot be written.
 */
int kafka_producer_send(struct kafka_producer *producer, const struct kafka_message *message,
                        struct err *err);

/* What waits in it and is not on the wire is told as not taken, by the next polls. */
void kafka_producer_give_back(struct kafka_producer *producer);

/* Nothing goes on, whatever else happens: no broker, wrong password, … Until something was taken.
 */
bool kafka_producer_is_down(const struct kafka_producer *producer);
/* The newest trouble as a sentence; "" where there was none since something was taken. */
const char *kafka_producer_trouble(const struct kafka_producer *producer);
