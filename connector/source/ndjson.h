#pragma once

/*
 * Newline-delimited JSON from a file or from standard input. A record is a JSON object on a line of
 * its own; blank lines are none; a byte order mark, CR LF and a missing last line end are accepted.
 * A line that is no record is handed out with its fault and its position; one longer than
 * max_record is passed over without being kept. Memory does not grow with the input.
 */

#include "connector/model/stream.h"
#include "connector/source/source.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ndjson_options {
	const char *path;    /* what to open; "-": standard input */
	const char *name;    /* as the user wrote it: for events, messages and the state */
	uint64_t max_record; /* bytes, without line end */
	/* The part already read has changed: begin anew instead of -ESTALE. */
	bool starts_anew_on_change;
	struct stream *const *known; /* oldest first; must stay until source_free() */
	size_t n_known;
	/* NULL: nobody keeps a state. Every record is handed out, and nothing is hashed. */
	const struct source_host *host;
	int stdin_fd; /* what standard input is; borrowed (0 but in tests) */
};

/*
 * Opens the input and, for a file, finds out which one it is. Returns 0; -ENOENT, -EACCES, -EISDIR,
 * -ESPIPE (neither a file nor a folder), -ENOTSUP (compressed), -EILSEQ (UTF-16) or what else the
 * system said, where it cannot be read; or -ESTALE where the part already read has changed. The
 * same can come from source_next() for standard input, which is known only when it begins to flow:
 * up to 64 KiB are waited for where an earlier standard input might have begun so.
 */
int ndjson_open(const struct ndjson_options *options, struct source **ret_source, struct err *err);

/* Lines of the file at @path as an editor counts them; for "-" 0. A negative errno as from open. */
int ndjson_count_lines(const char *path, uint64_t *ret_n_lines, struct err *err);
