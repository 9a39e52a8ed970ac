#pragma once

/*
 * The content of an input as its hashes: what makes it recognisable later, by file_search.h for
 * files and by reader_stdin.c.
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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* How many of the bytes before @pos are whole blocks. */
static inline uint64_t identity_whole_blocks(uint64_t pos)
{
	return pos - pos % identity_block;
}

/* Writes the hashes of [0, @to) into @stream; @tail are the @tail_len bytes before @to. */
void identity_mark(const struct identity *id, uint64_t to, const void *tail, size_t tail_len,
                   struct stream *stream);

/* Whether the chain stands where that of @stream ends, and is another: the content differs. */
bool identity_contradicts(const struct identity *id, const struct stream *stream);
