#pragma once

/*
 * A moving window over an input: what is being read and the 4 KiB before it, however long the input
 * is. Files are read by position and watched while they are read: one that becomes shorter, or
 * whose part just read turns into something else, is an error and never read on. Packed input
 * (gzip, zstd) is unpacked on the way: positions are those of the text.
 */

#include "lib/err.h"
#include "lib/unpack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum { window_history = 4096, window_chunk = 131072 };

struct window {
	int fd;
	bool is_file;
	const char *name; /* for messages; borrowed */
	char *data;       /* the bytes at [base, base + len) */
	size_t len, cap;
	uint64_t base;
	bool is_end;   /* when last read, nothing followed */
	uint64_t size; /* of a file, when it was last looked at; packed where it is packed */
	int64_t mtime_ns;
	bool became_shorter, was_rewritten; /* why -ESTALE was returned */
	struct unpack *unpack;              /* NULL: it is no packed input */
	char *packed; /* bytes read and not unpacked yet: [packed_at, packed_len) */
	size_t packed_at, packed_len;
};

/* Takes @fd; @st tells of a file and is NULL for anything that is read as it comes. */
void window_init(struct window *w, int fd, const char *name, const struct stat *st);
void window_deinit(struct window *w);

/* What is in the window, from byte 0 on, and what follows are packed bytes: it is empty then. */
void window_unpack(struct window *w, enum unpack_kind kind);

/* A file only: what is read next stands at @pos, of a packed one always 0. The window is empty. */
void window_seek(struct window *w, uint64_t pos);

/*
 * Reads on, forgetting what is more than window_history before @pos. Returns 1 with more bytes or
 * is_end set, 0 where nothing is there at the moment, -ESTALE where a file changed under us,
 * -ENODATA where it ends inside its packed text, or another negative errno with a sentence.
 */
int window_fill(struct window *w, uint64_t pos, struct err *err);

/* How much of the file as it stands on the disk that is. */
uint64_t window_file_bytes(const struct window *w);

static inline uint64_t window_end(const struct window *w)
{
	return w->base + w->len;
}

/* The bytes at @pos, which must be in the window. */
static inline const char *window_at(const struct window *w, uint64_t pos)
{
	return w->data + (pos - w->base);
}
