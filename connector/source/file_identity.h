#pragma once

/*
 * Which file is it? A file is one we know if its name or inode is known and its content agrees, or
 * if its content alone agrees over at least 4 KiB. So an appended, renamed or copied file goes on
 * where it was, and one whose read part has changed is noticed, whatever its name.
 *
 * What a stream keeps of the content, all of the part read, [0, hashed_to):
 *   head    SHA-256 of its first bytes, at most 4 KiB (standard input: 64 KiB)
 *   tail    SHA-256 of its last bytes, at most 4 KiB
 *   whole   a chain over its whole blocks of 4 KiB: c(0) = 32 zero bytes, c(i+1) = SHA-256(c(i),
 * block i) A chain and no plain hash, since it can be taken up again from its value alone: behind a
 * million records a restart reads head and tail, and the whole part only if size or time of change
 * moved. The bytes behind the last whole block are always in the tail.
 */

#include "connector/model/stream.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum { identity_block = 4096, identity_stdin_head = 65536 };

/* The hashes of what passes by. */
struct identity {
	struct buf head;
	size_t head_max;
	uint8_t chain[sha256_bytes];
	uint64_t chained_to; /* a multiple of identity_block */
};

void identity_init(struct identity *id, enum stream_kind kind);
void identity_deinit(struct identity *id);

/* Takes the chain up where @stream left it; @head are the first bytes of the file. */
void identity_resume(struct identity *id, const struct stream *stream, const void *head,
                     size_t head_len);

/* @bytes stand at @pos: keeps those that are part of the head. Positions must not leave gaps. */
void identity_see(struct identity *id, uint64_t pos, const void *bytes, size_t len);

/* The block at chained_to: goes into the chain. */
void identity_add_block(struct identity *id, const void *block);

/* Writes the hashes of [0, @to) into @stream; @tail are the @tail_len bytes before @to. */
void identity_mark(const struct identity *id, uint64_t to, const void *tail, size_t tail_len,
                   struct stream *stream);

/* Whether the chain stands where that of @stream ends, and is another: the content differs. */
bool identity_contradicts(const struct identity *id, const struct stream *stream);

enum identity_verdict {
	IDENTITY_NEW,     /* none of those known */
	IDENTITY_SAME,    /* goes on */
	IDENTITY_CHANGED, /* known by name, but its content is another: the sentence says where */
};

/*
 * Decides for the regular file @fd, called @name, among the known streams. Returns an enum
 * identity_verdict with the stream it speaks of (NULL for IDENTITY_NEW) and, for IDENTITY_CHANGED,
 * a sentence in @err without the file's name ("its first 4096 bytes are not those that were read").
 * Or a negative errno with a sentence. A stream that goes on gets the name, inode, size and time.
 */
int identity_find_file(int fd, const struct stat *st, const char *name, struct stream *const *known,
                       size_t n_known, struct stream **ret_stream, struct err *err);

/* How many first bytes of standard input must be there to decide; 0: none. */
size_t identity_stdin_wants(struct stream *const *known, size_t n_known);

/* The known standard input that began like @head: the longest such beginning; NULL: it is new. */
struct stream *identity_find_stdin(struct stream *const *known, size_t n_known, const void *head,
                                   size_t head_len);
