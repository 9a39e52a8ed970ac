#pragma once

/*
 * Writes events to a topic: CloudEvents' Kafka binding, structured mode (the value is the event,
 * the header content-type says so). Events are taken in the order of seq, and accepted only when
 * the brokers have said that all replicas in sync have them. No body is kept for that: when
 * something fails, what is not accepted is asked for again. While brokers are away, what it has
 * waits in the producer, and no more than a window of it.
 */

#include "connector/model/event.h"
#include "lib/err.h"
#include "lib/kafka.h"
#include "lib/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	kafka_sink_window = 4096,              /* events on their way at most */
	kafka_sink_window_bytes = 4 * 1048576, /* and bytes of them */
};

struct kafka_sink;

/* All are called from the loop, never from inside kafka_sink_offer(), and must not free the sink.
 */
struct kafka_sink_hooks {
	/* The topic has all that was offered from event @from to event @to. */
	void (*accepted)(void *arg, uint64_t from, uint64_t to, uint64_t n, uint64_t bytes);
	/* What was offered and not accepted is to be offered again, from the first on. */
	void (*rewound)(void *arg);
	/* It takes nothing (@why is a sentence for people), or again it does ("" then). */
	void (*changed)(void *arg, bool is_down, const char *why);
	void *arg;
};

/* -EINVAL with a sentence for properties that cannot be used. Strings are copied. */
int kafka_sink_new(struct loop *loop, const struct kafka_conf *conf, const char *topic,
                   const struct kafka_sink_hooks *hooks, struct kafka_sink **ret_sink,
                   struct err *err);

/* Ends in bounded time, without calling a hook. NULL is ignored. */
void kafka_sink_free(struct kafka_sink *sink);

/* Room for one more? */
bool kafka_sink_has_room(const struct kafka_sink *sink);

/* Takes @event (its texts are copied): there is room, and it is the next behind the one before. */
void kafka_sink_offer(struct kafka_sink *sink, const struct event *event);

/* Does not wait any longer after a failure. */
void kafka_sink_try_now(struct kafka_sink *sink);

/* Why nothing is accepted, for people; "" where nothing is wrong. */
const char *kafka_sink_trouble(const struct kafka_sink *sink);
