#pragma once

/*
 * Questions to the brokers of those who look at topics without being a member of the group: nobody
 * is told of them, nothing is committed. They wait, and read the clock: not for the loop.
 */

#include "lib/kafka_consumer.h"

#include <stdbool.h>
#include <stdint.h>

enum { kafka_patience_ms = 10000 }; /* for brokers to answer at all */

struct kafka_asking {
	struct kafka_consumer *consumer;
	uint64_t until_ms;
	struct err trouble; /* what stands in the way, as far as it was told */
	bool is_refused;    /* at the door: the same for every question */
};

/* No member: @group is only asked about. -EINVAL with a sentence: a property is wrong. */
int kafka_asking_init(struct kafka_asking *asking, const struct kafka_conf *conf, const char *group,
                      unsigned patience_ms, struct err *err);
void kafka_asking_deinit(struct kafka_asking *asking); /* safe on a zeroed struct */

/*
 * The questions of lib/kafka_consumer.h and lib/kafka_topics.h, asked again until there is an
 * answer. -EACCES, -ENOENT, -EINVAL: it is no; any other error: no answer came in time.
 */
int kafka_ask_topics(struct kafka_asking *asking, const char *topic, struct kafka_places *places,
                     struct err *err);
int kafka_ask_committed(struct kafka_asking *asking, struct kafka_places *places, struct err *err);
int kafka_ask_offsets(struct kafka_asking *asking, struct kafka_places *places, struct err *err);

/* Remembers what stands in the way: the first sentence, since what follows from it says less. */
void kafka_asking_remember(struct kafka_asking *asking, const char *sentence);

/* Waits a moment for the next event. */
void kafka_asking_wait(const struct kafka_asking *asking);
