#pragma once

/*
 * A moving window over an input: what is being read and the 4 KiB before it, however long the input
 * is. Files are read by position and watched while they are read: one that becomes shorter, or
 * whose part just read turns into something else, is an error and never read on.
 */

#include "lib/err.h"

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
	bool is_end;   /* the input said that nothing follows */
	uint64_t size; /* of a file, when it was last looked at */
	int64_t mtime_ns;
};

/* Takes @fd; @st tells of a file and is NULL for anything that is read as it comes. */
void window_init(struct window *w, int fd, const char *name, const struct stat *st);
void window_deinit(struct window *w);

/* A file only: what is read next stands at @pos. The window is empty then. */
void window_seek(struct window *w, uint64_t pos);

/*
 * Reads on, forgetting what is more than window_history before @pos. Returns 1 with more bytes or
 * is_end set, 0 where nothing is there at the moment, -ESTALE where a file changed under us, or
 * another negative errno with a sentence.
 */
int window_fill(struct window *w, uint64_t pos, struct err *err);

static inline uint64_t window_end(const struct window *w)
{
	return w->base + w->len;
}

/* The bytes at @pos, which must be in the window. */
static inline const char *window_at(const struct window *w, uint64_t pos)
{
	return w->data + (pos - w->base);
}
