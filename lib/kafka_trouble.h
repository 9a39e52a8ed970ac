#pragma once

/* What an error of Kafka is, for those who read topics. */

#include "lib/err.h"

/* What an error of a broker or of librdkafka is, for those who have to act on it. */
enum kafka_trouble {
	KAFKA_FINE,
	KAFKA_UNREACHABLE, /* it goes on trying by itself */
	KAFKA_LATER,       /* ask again in a while */
	KAFKA_REFUSED,     /* credentials, rights or certificates */
	KAFKA_NO_TOPIC,    /* no such topic or partition */
	KAFKA_NO_OFFSET,   /* the place to read from is not there (any more) */
	KAFKA_NOT_OURS,    /* this member does not own what it speaks of (any more) */
	KAFKA_FENCED,      /* another process has taken this one's place in the group */
	KAFKA_DAMAGED,     /* what came does not agree with its checksum */
	KAFKA_OTHER,
};

enum kafka_trouble kafka_trouble_of(int code); /* of librdkafka */

/* A sentence about @code that begins with @doing; returns a negative errno for it. */
int kafka_fail(struct err *err, int code, const char *doing);
