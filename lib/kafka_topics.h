#pragma once

/* Which topics there are, and their partitions, asked through a consumer. */

#include "lib/kafka_consumer.h"

/*
 * Adds the partitions of @topic, or where it begins with ^ those of every topic that fits this
 * pattern as a subscription to it would; each partition once, their offsets are kafka_no_offset.
 * Returns how many topics that is: 0, no topic fits the pattern. -EINVAL: it is no name,
 * -ENOENT: there is no such topic, -EACCES: no right to it; others: not now.
 */
int kafka_topics_within(struct kafka_consumer *consumer, const char *topic, unsigned timeout_ms,
                        struct kafka_places *places, struct err *err);

/* Whether a subscription to @wanted, a name or a pattern, is one to @topic. */
bool kafka_topic_fits(const struct kafka_consumer *consumer, const char *wanted, const char *topic);
