#pragma once

/* What the two halves of the NDJSON source share: ndjson.c opens, ndjson_lines.c reads lines. */

#include "connector/source/file_identity.h"
#include "connector/source/ndjson.h"
#include "connector/source/window.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ndjson {
	struct source source; /* first: what the others see */
	char *name;
	const char *shown; /* for messages */
	int fd;            /* for the loop to watch, or -1 */
	uint64_t max_record;
	bool starts_anew_on_change;
	struct stream *const *known;
	size_t n_known;
	const struct source_host *host; /* NULL: nobody keeps a state */
	struct window window;
	struct identity identity;
	struct stream *stream; /* NULL until it is known which */
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

/* What came of looking at the bytes that are there. */
enum step {
	STEP_PASSED, /* something was passed: look again */
	STEP_RECORD,
	STEP_WANTS_MORE,
	STEP_END,
	STEP_NOTHING, /* this does not apply here */
};

/* One look at the bytes that are there: an enum step, or a negative errno with a sentence. */
int ndjson_look(struct ndjson *n, struct record **ret_record, struct err *err);

/* Other encodings would be thousands of rejects, each saying something else than the cause. */
int ndjson_check_first_bytes(const struct ndjson *n, const char *bytes, size_t len,
                             struct err *err);

/* Where to begin reading so that the hashes find the bytes they need before @pos. */
uint64_t ndjson_read_from(const struct ndjson *n, uint64_t pos);
