#pragma once

/*
 * Which file is it? A file is one we know if its name or inode is known and its content agrees; or
 * if its content alone agrees over at least 4 KiB and the name it was known by is gone or not among
 * this run's files. So an appended, renamed or copied file goes on where it was, two names in one
 * run are two files, and a file whose read part has changed is noticed, whatever its name.
 *
 * A name is more than itself here: what was read is at home where its name or inode is among this
 * run's files and holds it. A log that was rotated has its name still, but it is another's; and the
 * inode of a file that is gone is soon given to the next one. So where a stream seems to be at
 * home, that file is looked at before the one in question is taken for it, or for a change of it.
 */

#include "connector/source/file_compare.h"
#include "connector/source/file_set.h"
#include "connector/source/known.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum file_verdict {
	FILE_UNDECIDED, /* ask again: this was a bounded part of the work */
	FILE_NEW,       /* none of those known */
	FILE_SAME,      /* goes on */
	FILE_CHANGED,   /* known by name, but its content is another */
	FILE_WAITS,     /* it ends inside its packed text, before it can be told from found */
};

struct file_home;

struct file_search {
	struct file_compare compare;
	const struct known *known;
	const struct file_set *set;      /* this run's files */
	const struct known_stream *mine; /* what the file was when this run opened it; or NULL */
	bool is_rotated_away; /* none of this run's files, but what one of them was before */
	bool is_follow;       /* what is cut may yet become whole */

	uint64_t head_key;
	unsigned pass;
	struct known_stream *candidate;
	bool is_weighing;                /* the candidate: it is not decided about yet */
	enum file_comparison comparison; /* with it */
	bool is_elsewhere;               /* at home in another file of this run */
	unsigned n_homes;                /* of it that were looked at */
	struct file_home *home;          /* the one being looked at; or NULL */
	struct known_stream *longest;    /* of those whose content alone agrees; or NULL */

	struct known_stream *found; /* but for FILE_NEW: the one it speaks of */
	struct err why;  /* FILE_CHANGED: "its first 4096 bytes are not those that were read" */
	bool is_shorter; /* FILE_CHANGED: … than the part read */
};

/* The pointers must stay; @st tells of the file behind @window, which is at its start. */
void file_search_init(struct file_search *search, struct window *window, const struct stat *st,
                      const char *name);
void file_search_deinit(struct file_search *search);

/*
 * Goes on deciding. Returns an enum file_verdict; whatever the window showed meanwhile, it is at
 * the start of the file again where it is decided. Or a negative errno with a sentence.
 */
int file_search_step(struct file_search *search, struct err *err);
