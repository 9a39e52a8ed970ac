#pragma once

/* A list of places in partitions, as it goes to and fro between us and Kafka. */

#include "lib/kafka_trouble.h"

#include <stddef.h>
#include <stdint.h>

enum { kafka_no_offset = -1 };

struct kafka_place {
	char *topic;
	int32_t partition;
	int64_t offset;             /* or kafka_no_offset */
	char *metadata;             /* of a committed offset; NULL: none */
	enum kafka_trouble trouble; /* what came back for this one */
	int code;                   /* librdkafka's, for kafka_fail() */
};

struct kafka_places {
	struct kafka_place *items;
	size_t n, cap;
};

/* Adds one, whose metadata may be set by the caller; valid until the next is added. */
struct kafka_place *kafka_places_add(struct kafka_places *places, const char *topic,
                                     int32_t partition, int64_t offset);
struct kafka_place *kafka_places_find(const struct kafka_places *places, const char *topic,
                                      int32_t partition);
/* Empties it; safe on a zeroed struct. */
void kafka_places_deinit(struct kafka_places *places);
