#pragma once

/*
 * Whether a file holds what was read of a stream. The part read is compared by its first bytes, by
 * the 4 KiB before our position and, where inode, size or time of change moved, as a whole. Of a
 * packed file it is the text that is compared; the 4 KiB before our position can only be had by
 * unpacking all before them, so they are looked at together with the whole.
 */

#include "connector/model/stream.h"
#include "connector/source/file_identity.h"
#include "connector/source/window.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct file_compare {
	struct window *window; /* at the start of the file when the next comparison begins */
	const char *name;      /* for messages */
	uint64_t dev, ino, size;
	int64_t mtime_ns;

	uint8_t head[identity_block];
	size_t head_len;
	bool has_head;
	struct identity walk; /* through the part read, to compare it as a whole */
	bool is_walking;

	struct err difference; /* "its first 4096 bytes are not those that were read" */
	bool difference_is_length;
};

enum file_comparison {
	FILE_DIFFERS, /* in what difference says */
	FILE_AGREES,
	FILE_IS_CUT,    /* its packed text agrees as far as it goes, and ends in the middle */
	FILE_COMPARING, /* ask again: this was a bounded part of the work */
};

/* The pointers must stay; @st tells of the file behind @window. */
void file_compare_init(struct file_compare *compare, struct window *window, const struct stat *st,
                       const char *name);
void file_compare_deinit(struct file_compare *compare);

/* Reads the first bytes, which a comparison needs. 1; 0: ask again; or a negative errno. */
int file_compare_take_head(struct file_compare *compare, struct err *err);

/* Returns an enum file_comparison, or a negative errno with a sentence. */
int file_compare_step(struct file_compare *compare, const struct stream *stream, struct err *err);

/* Whether @stream was last seen in this very file. */
bool file_compare_is_inode(const struct file_compare *compare, const struct stream *stream);

/* Whether @stream saw the file as it is now. */
bool file_compare_is_untouched(const struct file_compare *compare, const struct stream *stream);

/* The same of a packed file, and all of it is settled: it need not be unpacked to be known. */
bool file_compare_is_settled(const struct file_compare *compare, const struct stream *stream);
