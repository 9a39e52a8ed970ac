#pragma once

/*
 * One input of a source: a file or standard input. It finds out which of the known streams this is,
 * passes what earlier runs settled, and hands out the records behind that, one at a time and never
 * blocking. reader.c opens and decides, reader_lines.c reads lines.
 */

#include "connector/model/record.h"
#include "connector/source/file_identity.h"
#include "connector/source/file_search.h"
#include "connector/source/file_set.h"
#include "connector/source/known.h"
#include "connector/source/source.h"
#include "connector/source/window.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What all inputs of a source have in common. */
struct reading {
	uint64_t max_record;
	bool starts_anew_on_change;
	bool is_follow; /* files grow, and are rotated: their end is not the end */
	struct file_set set;
	const struct source_host *host;                /* NULL: nobody keeps a state */
	struct known known;                            /* with a host */
	void (*tell)(void *arg, const char *sentence); /* NULL: nobody listens */
	void *tell_arg;
};

struct reader {
	struct reading *reading;
	char *name;
	const char *shown; /* for messages */
	int fd;            /* of standard input for the loop to watch, or -1 */
	uint64_t dev, ino;
	bool is_final;  /* what stands behind the last line end is a record, also with follow */
	bool is_left;   /* what was rotated away: nothing of the set has its place */
	bool only_rest; /* of what is known: a file that is none of those known is not read */
	struct window window;
	struct identity identity;
	struct file_search *search; /* of a file, until it is decided */
	struct stream *stream;      /* NULL until it is known which */
	struct known_stream *item;  /* the same, with a host and for a file */
	bool is_kind_known;         /* of standard input: packed or not */
	bool is_cut;                /* it ends inside its packed text */
	bool is_complete;           /* all of it was settled earlier, as size and time say */
	bool is_dirty;              /* the stream has something to store that no record will */
	uint64_t opened_size;
	int64_t opened_mtime_ns;
	/*
	 * What earlier runs settled. A copy: settling in this run joins ranges of the stream across
	 * `at`, and the lines behind it could not be told from those before it.
	 */
	struct stream_range *earlier;
	size_t n_earlier, i_earlier; /* i_earlier: the one that comes next, or holds at */
	uint64_t at;                 /* all before it was passed */
	uint64_t line;               /* lines before at */
	size_t n_searched;           /* bytes behind at that hold no line end */
	bool may_be_in_line;         /* at was set, not read up to: is it behind a line end? */
	bool is_start_checked;       /* for a byte order mark */
	bool is_in_long; /* at is inside a line that is too long, which began at long_pos */
	uint64_t long_pos;
	bool long_ends_in_cr;
};

enum reader_next {
	READER_END,
	READER_RECORD,
	READER_LATER, /* a bounded part of the work was done: ask again in the next turn */
	READER_IDLE,  /* nothing is there at the moment */
};

/*
 * Opens the file at @path, which people know as @name. A negative errno with a sentence: -ENOENT,
 * -EACCES, -ESPIPE (no regular file), -EBADMSG (named like a packed file and none), -EILSEQ
 * (UTF-16) or what else the system said.
 */
int reader_open(struct reading *reading, const char *path, const char *name,
                struct reader **ret_reader, struct err *err);

/* Standard input, @fd, which is borrowed; @known are the streams it may go on. */
int reader_open_stdin(struct reading *reading, int fd, struct reader **ret_reader, struct err *err);

enum reader_decision {
	READER_UNDECIDED, /* ask again */
	READER_DECIDED,
};

/*
 * Decides which file it is, as far as one call goes; reader_next() does so too. Returns an enum
 * reader_decision or a negative errno with a sentence, as ndjson_open() does.
 */
int reader_decide(struct reader *reader, struct err *err);

/* Returns an enum reader_next or a negative errno with a sentence, as source_next() does. */
int reader_next(struct reader *reader, struct record **ret_record, struct err *err);

/* Tells a person, where somebody listens. */
void reading_tell(const struct reading *reading, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Nobody will write to it any more: its end is the end now. */
void reader_finish(struct reader *reader);

/* source_mark() for this input. */
void reader_mark(struct reader *reader);

/* Whether something is there that is no whole line yet. */
bool reader_has_rest(const struct reader *reader);

/* How much of the file as it stands on the disk was passed. */
uint64_t reader_file_bytes(const struct reader *reader);

void reader_free(struct reader *reader); /* NULL is ignored */

/*
 * Marks how far it came, has stored what should be, and frees it. Opened again in this run, the
 * file goes on there.
 */
void reader_close(struct reader *reader); /* NULL is ignored */
