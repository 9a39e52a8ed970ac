#pragma once

/*
 * What is kept of an input that is read in order: a file, a standard input or a partition. Settled
 * records are no rows but this: a position before which all is settled, and ranges above it. What
 * is between two records (blank lines, a byte order mark, gaps in Kafka's offsets) is settled by
 * the source itself, so that the position never waits for it.
 *
 * Positions are bytes from 0 (or Kafka offsets). The hashes speak of the part already read,
 * [0, hashed_to); connector/source/file_identity.h says how they are made.
 */

#include "connector/model/record.h"
#include "lib/buf.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream_range {
	uint64_t from, to; /* [from, to) */
	uint64_t n_lines;  /* how many lines that is; 0 where there are none */
};

struct stream {
	uint64_t id; /* row in the state; 0: none yet */
	enum stream_kind kind;
	char *name;          /* as the user wrote it; "-" for standard input */
	uint64_t dev, ino;   /* of the file; 0: none */
	char head_hash[65];  /* of the first head_len bytes; lower-case hex, "" for none */
	uint64_t head_len;   /* at most 4 KiB; of standard input 64 KiB */
	char tail_hash[65];  /* of the tail_len bytes before hashed_to */
	uint64_t tail_len;   /* at most 4 KiB */
	uint64_t hashed_to;  /* how far it was read when the hashes were made */
	char whole_hash[65]; /* chain over the whole blocks of 4 KiB before hashed_to */
	/* Of the file when the part read was last known to be unchanged; of a packed one 0 until
	 * its end was read. */
	uint64_t size;
	int64_t mtime_ns;
	uint64_t settled_to;         /* all before it is settled */
	uint64_t settled_line;       /* lines before settled_to */
	struct stream_range *ranges; /* settled ones above settled_to: sorted, never touching */
	size_t n_ranges, cap_ranges;
	uint64_t generation; /* how many other contents this name had before */
	/* Of a partition: another owner may have sent records before it that are not settled. */
	uint64_t doubtful_to;
	uint64_t handed_to; /* in this run, not stored: records before it were handed out */
};

struct stream *stream_new(enum stream_kind kind, const char *name);
void stream_free(struct stream *stream); /* NULL is ignored */
void stream_freep(struct stream **stream);

/*
 * Settles [@pos, @next_pos), @n_lines lines long; twice is the same as once. Cheap in any order:
 * a binary search, and a move of the ranges behind it (there are never more than unsettled
 * records).
 */
void stream_settle(struct stream *stream, uint64_t pos, uint64_t next_pos, uint64_t n_lines);

/* Whether the record at @pos is settled. */
bool stream_is_settled(const struct stream *stream, uint64_t pos);

/* The range above settled_to that holds @pos, or NULL. Valid until the next stream_settle(). */
const struct stream_range *stream_range_at(const struct stream *stream, uint64_t pos);

/* Behind the last settled byte: where the highest range ends, or settled_to. */
uint64_t stream_settled_end(const struct stream *stream);

/* The ranges as text for the state: "gap+bytes/lines …", each relative to the end before it. */
void stream_ranges_text(const struct stream *stream, struct buf *out);

/* Replaces the ranges by those of @text (settled_to must be set). -EBADMSG: no such text. */
int stream_ranges_parse(struct stream *stream, const char *text, struct err *err);
