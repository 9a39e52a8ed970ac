#pragma once

/*
 * Where a partition that was just assigned is read from: what the state knows of it against what
 * the group has committed and what the broker has. The state's position counts; what another owner
 * may have sent is told apart from what nobody has; and where neither fits the topic as it is, it
 * is not read at all until a person says so.
 */

#include "connector/model/kafka_choice.h"
#include "connector/source/kafka_note.h"
#include "lib/err.h"

struct kafka_place_facts {
	const char *topic;
	int32_t partition;
	struct stream *stream; /* what the state knows; NULL: nothing */
	const char *journal;   /* id of the state */
	int64_t committed;     /* by the group; -1: nothing */
	const char *note;      /* … with it; NULL: none */
	uint64_t low, end;     /* what the broker has: [low, end) */
	uint64_t first;        /* where a group that has committed nothing begins */
	bool accepts;          /* a person has said: go on from what there is */
};

struct kafka_beginning {
	uint64_t offset;
	/* Before it, all is settled, as whoever committed it says. */
	bool settles_before;
	/* Records from here to there may have been sent by another owner: 0, nobody has. */
	uint64_t doubtful_to;
	struct kafka_note note; /* with settled ranges above its offset, where has_note */
	bool has_note;
	bool is_new_stream; /* what the state knows is of another topic by the same name */
	char sentence[400]; /* what a person should know; "": nothing */
};

/* -ESTALE with a sentence that names topic, partition and offsets: nothing may be sent. */
int kafka_begin(const struct kafka_place_facts *facts, struct kafka_beginning *ret_beginning,
                struct err *err);
