#pragma once

/*
 * Newline-delimited JSON from a file, from the files of a folder or of a pattern, one after another
 * in natural order of their names, or from standard input. A record is a JSON object on a line of
 * its own; blank lines are none; a byte order mark, CR LF and a missing last line end are accepted.
 * A line that is no record is handed out with its fault and its position; one longer than
 * max_record is passed over without being kept. What is packed with gzip or zstd is unpacked on the
 * way. Memory does not grow with the length of the input.
 *
 * Files that come while it is read are read too. With is_follow there is no end: files may grow, be
 * rotated, truncated, replaced, deleted, and come at any time.
 */

#include "connector/model/stream.h"
#include "connector/source/source.h"
#include "lib/buf.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ndjson_options {
	const char *path;    /* what to open; ends with name, or "-": standard input */
	const char *name;    /* as the user wrote it: for events, messages and the state */
	uint64_t max_record; /* bytes, without line end */
	/* The part already read has changed: begin anew instead of -ESTALE. */
	bool starts_anew_on_change;
	bool is_follow;              /* of standard input it means nothing */
	struct stream *const *known; /* oldest first; must stay until source_free() */
	size_t n_known;
	/* NULL: nobody keeps a state. Every record is handed out, and nothing is hashed. */
	const struct source_host *host;
	/* Told what a person should know and what stops nothing; NULL: nobody listens. */
	void (*tell)(void *arg, const char *sentence);
	void *tell_arg;
	int stdin_fd; /* what standard input is; borrowed (0 but in tests) */
};

/*
 * Opens the input and finds out which file the first one is. Returns 0; -ENOENT (also: no file
 * matches), -EACCES, -ESPIPE (neither a file nor a folder), -E2BIG (too many files), -EBADMSG
 * (named like a packed file and none, or damaged), -EILSEQ (UTF-16) or what else the system said,
 * where it cannot be read; or -ESTALE where the part already read has changed. The same can come
 * from source_next() for later files, and for standard input, which is known only when it begins to
 * flow: up to 64 KiB are waited for where an earlier standard input might have begun so. From there
 * -ENODATA tells of a packed file that ends in the middle: its whole records were handed out.
 */
int ndjson_open(const struct ndjson_options *options, struct source **ret_source, struct err *err);

/*
 * What there is to read behind @path, for a person: "in.ndjson from line 1, 12 lines", "in.gz from
 * its beginning", "3 files of exports/". Reads a plain file to count its lines.
 */
void ndjson_describe(const char *path, const char *name, struct buf *out);
