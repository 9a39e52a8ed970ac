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
#include "lib/kafka_consumer.h"

/* What the group has committed, and what the broker has, of the same partitions. */
struct kafka_answers {
	struct kafka_places committed, low, end, first;
};
void kafka_answers_deinit(struct kafka_answers *answers);
/* Of @place, as it was answered; @fallback: it was not. */
uint64_t kafka_offset_of(const struct kafka_places *answer, const struct kafka_place *place,
                         uint64_t fallback);
/* What to ask for to know `first`: an offset of lib/kafka_consumer.h or a time. */
int64_t kafka_start_at(enum kafka_start start, int64_t start_ms);

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
