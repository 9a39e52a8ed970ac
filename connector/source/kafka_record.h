#pragma once

/*
 * A message of Kafka as a record. Its key is there as JSON: an object or a quoted text where it is
 * one, any other UTF-8 as text; a key that is neither is not there. The same of the values of
 * headers, of which the last of a name counts.
 */

#include "connector/model/kafka_choice.h"
#include "connector/model/record.h"
#include "lib/kafka_consumer.h"

struct kafka_format {
	enum kafka_tombstones tombstones;
	bool is_framed; /* confluent: five bytes stand before the JSON */
	uint64_t max_record;
};

/* One of the caller's, without a stream. What is no record has its fault. */
struct record *kafka_record(const struct kafka_message *message, const struct kafka_format *format);
