#pragma once

/*
 * Topics as a source for those who only look: no member of the group, which notices nothing, and
 * nothing is committed. It begins where a new member of the group would, with what the group has
 * committed, and ends where each partition ended when it was opened; records of partitions come in
 * turns, each partition's in its order. No state knows their streams, but those of two partitions
 * differ.
 *
 * It keeps its own time, since no loop does: source_next() fails with -ETIMEDOUT where nothing
 * comes for a while. Beside that -EACCES (login, rights: exit code 77), -ENOENT (no such topic:
 * 78), -ESTALE (records to read are gone meanwhile: 75), all others: brokers cannot be reached
 * (69).
 */

#include "connector/source/kafka_record.h"
#include "connector/source/source.h"
#include "lib/kafka_consumer.h"

struct kafka_peek_options {
	const struct kafka_conf *conf;
	char *const *topics; /* NULL-terminated; ^ begins a pattern */
	const char *group;
	struct kafka_format format;
	enum kafka_start start;
	int64_t start_ms;
	unsigned patience_ms; /* 0: kafka_patience_ms */
	/* Told what a person should know and what stops nothing. */
	void (*tell)(void *arg, const char *sentence);
	void *tell_arg;
};

/* Waits for the brokers, as long as its patience lasts. Errors as above. */
int kafka_peek_open(const struct kafka_peek_options *options, struct source **ret_source,
                    struct err *err);
