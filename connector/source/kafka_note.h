#pragma once

/*
 * The note that is committed with an offset, for whoever owns the partition next: whose it is, how
 * far records may have been sent (`ceiling`: none at or above it was), and which of those from the
 * offset on are settled. A note that is too long for Kafka leaves settled ranges out, which costs
 * the next owner a question each; it never says more than is so.
 */

#include "connector/model/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { kafka_note_max = 4000 }; /* Kafka's own limit is 4,096 bytes */

struct kafka_note {
	char journal[64];    /* id of the state */
	uint64_t generation; /* of the stream in it */
	uint64_t ceiling;
	uint64_t offset;    /* committed with it; kafka_note_parse() leaves it to its caller */
	const char *ranges; /* "gap+length …" from there on; borrowed of the text */
};

/*
 * The note of @stream, for an offset of its settled_to; what is in one of the @n_untold ranges is
 * not told as settled. To free().
 */
char *kafka_note_text(const char *journal, const struct stream *stream, uint64_t ceiling,
                      const struct stream_range *untold, size_t n_untold);

/* False: somebody else's, or damaged. @text may be NULL, and must outlive the note. */
bool kafka_note_parse(const char *text, struct kafka_note *ret_note);

/* Settles in @stream, however far that is, what the note says is settled above its offset. */
void kafka_note_settle(const struct kafka_note *note, struct stream *stream);

/* Settles what of [@from, @to) is not settled yet. */
void kafka_settle_gap(struct stream *stream, uint64_t from, uint64_t to);
