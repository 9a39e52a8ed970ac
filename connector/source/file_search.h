#pragma once

/*
 * Which file is it? A file is one we know if its name or inode is known and its content agrees; or
 * if its content alone agrees over at least 4 KiB and the name it was known by is gone or not among
 * this run's files. So an appended, renamed or copied file goes on where it was, two names in one
 * run are two files, and a file whose read part has changed is noticed, whatever its name.
 *
 * The part read is compared by its first bytes, by the 4 KiB before our position and, where inode,
 * size or time of change moved, as a whole. Of a packed file it is the text that is compared; the
 * 4 KiB before our position can only be had by unpacking all before them, so they are looked at
 * together with the whole.
 */

#include "connector/source/file_identity.h"
#include "connector/source/file_set.h"
#include "connector/source/known.h"
#include "connector/source/window.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum file_verdict {
	FILE_UNDECIDED, /* ask again: this was a bounded part of the work */
	FILE_NEW,       /* none of those known */
	FILE_SAME,      /* goes on */
	FILE_CHANGED,   /* known by name, but its content is another */
};

struct file_search {
	struct window *window; /* at the start of the file */
	const char *name;
	uint64_t dev, ino, size;
	int64_t mtime_ns;
	const struct known *known;
	const struct file_set *set;      /* this run's files */
	const struct known_stream *mine; /* what the file was when this run opened it; or NULL */
	bool is_rotated_away; /* none of this run's files, but what one of them was before */

	uint8_t head[identity_block];
	size_t head_len;
	bool has_head;
	uint64_t head_key;
	unsigned pass;
	struct known_stream *candidate;
	struct identity walk; /* through the part read, to compare it as a whole */
	bool is_walking;

	struct err difference; /* of the candidate */
	bool difference_is_length;

	struct known_stream *found; /* FILE_SAME, FILE_CHANGED: the one it speaks of */
	struct err why;  /* FILE_CHANGED: "its first 4096 bytes are not those that were read" */
	bool is_shorter; /* FILE_CHANGED: … than the part read */
};

/* The pointers must stay; @st tells of the file behind @window. */
void file_search_init(struct file_search *search, struct window *window, const struct stat *st,
                      const char *name);
void file_search_deinit(struct file_search *search);

/*
 * Goes on deciding. Returns an enum file_verdict; whatever the window showed meanwhile, it is at
 * the start of the file again where it is decided. Or a negative errno with a sentence.
 */
int file_search_step(struct file_search *search, struct err *err);

/* Whether @stream saw the file as it is now. */
bool file_search_is_untouched(const struct file_search *search, const struct stream *stream);

/* The same of a packed file, and all of it is settled. */
bool file_search_is_settled(const struct file_search *search, const struct stream *stream);
