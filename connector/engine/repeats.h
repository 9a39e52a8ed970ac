#pragma once

/*
 * Which settled records of a partition its next owner is to do again all the same. That one does
 * again, as a whole, what is not settled: also those outputs of a record that have ended while
 * others have not. What was done since about the same object would then be overwritten by what came
 * before it; so it must be done again too, and with it all that came behind it in a lane of its
 * own.
 *
 * Kept in memory: of a record that an earlier process left half done it is not known what it was
 * about, so all behind it is to be done again. Whoever has the state itself does nothing again.
 */

#include "connector/model/request.h"
#include "connector/model/stream.h"

struct repeats;
struct repeats *repeats_new(void);
void repeats_free(struct repeats *repeats); /* NULL is ignored */

/* @request has ended, and its records count its parts as ended. */
void repeats_take(struct repeats *repeats, const struct request *request);
/* An output of @record has ended, and what it was about is not known. */
void repeats_take_blind(struct repeats *repeats, const struct record *record);

/*
 * The ranges of @stream, sorted, that are not to be told as settled; the last may have no end
 * (UINT64_MAX). Valid until the next call.
 */
size_t repeats_ranges(struct repeats *repeats, const struct stream *stream,
                      const struct stream_range **ret_ranges);
