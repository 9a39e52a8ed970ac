#pragma once

/*
 * Where records come from. A source hands out one record at a time, in its order, when it is asked;
 * pausing is not asking. It never blocks: where nothing is there it says so, and the loop watches
 * its descriptor. What was settled in an earlier run is never handed out again; what was handed out
 * and not settled is, after a restart.
 *
 * Another kind of source is another source_type, with its struct source as the first member.
 */

#include "connector/model/record.h"
#include "connector/model/stream.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>

struct source;

enum source_next {
	SOURCE_END,    /* nothing will come any more */
	SOURCE_RECORD, /* one was handed out */
	SOURCE_LATER,  /* not now: when source_fd() can be read, or in the next turn without one */
};

struct source_position {
	uint64_t bytes; /* read so far, what an earlier run settled included */
	uint64_t size;  /* of the whole input; 0: not known */
	uint64_t line;  /* lines before that; 0: there are none */
};

struct source_type {
	const char *name; /* "ndjson" */
	int (*next)(struct source *source, struct record **ret_record, struct err *err);
	int (*fd)(const struct source *source);
	void (*mark)(struct source *source);
	bool (*know)(struct source *source, struct stream *stream);
	struct source_position (*position)(const struct source *source);
	void (*free)(struct source *source);
};

struct source {
	const struct source_type *type;
};

/*
 * Who runs the source. Records of several partitions come in turns, each partition's in its order;
 * files and standard input come one after another.
 */
struct source_host {
	/*
	 * Told which stream the next records are of, each time it is another. A new one (id 0) is
	 * the host's from here on and gets its id now; one that goes on is among those the host
	 * named as known, or was new before, and says what this state has settled of it. The source
	 * settles in it what lies between records, so it must stay until source_free().
	 */
	void (*begin)(void *arg, struct stream *stream, bool is_new);
	/*
	 * Something of the stream should be stored that no record's settling will store: its file
	 * has another name or time, its end was reached, or what is between two records of a
	 * partition (handed_to then says how far it has come).
	 */
	void (*store)(void *arg, struct stream *stream);
	/*
	 * Of a partition that is given back, when all that has ended is durable: behind the last
	 * record of it that may have been sent and is not settled. NULL: whatever was handed out.
	 */
	uint64_t (*sent_to)(void *arg, const struct stream *stream);
	/* Whether all that is settled is durable: else nobody is told yet. NULL: it always is. */
	bool (*is_durable)(void *arg);
	/*
	 * Of a partition: the ranges, sorted, that its next owner is to do again though they are
	 * settled; valid until the next call. NULL: none.
	 */
	size_t (*untold)(void *arg, const struct stream *stream,
	                 const struct stream_range **ret_ranges);
	void *arg;
};

/*
 * Returns an enum source_next, with a record of the caller's for SOURCE_RECORD; its read_wall_ms
 * is for the caller to set. A line that is no record is handed out with its fault. Or a negative
 * errno with a sentence: -ESTALE where the part already read is no longer the same (run again, or
 * begin anew: exit code 75), any other where the input cannot be read (exit code 65).
 */
int source_next(struct source *source, struct record **ret_record, struct err *err);

/* What to watch for reading after SOURCE_LATER; -1: nothing, ask again in the next turn. */
int source_fd(const struct source *source);

/*
 * Brings the hashes in its streams up to what was handed out. To be called in the same turn in
 * which a stream is stored, so that no settled byte is stored without the hash that vouches for it.
 */
void source_mark(struct source *source);

/*
 * @stream was made beside the source, of an input it has not come to: it is known from now on, and
 * must stay until source_free(). False: not now, since it is just finding out which input one is.
 */
bool source_know(struct source *source, struct stream *stream);

struct source_position source_position(const struct source *source);

void source_free(struct source *source); /* NULL is ignored */
void source_freep(struct source **source);
