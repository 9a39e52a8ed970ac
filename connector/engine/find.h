#pragma once

/*
 * Finds a record in the input beside whoever reads it: which of the known streams its file is, by
 * the rules a run goes by, and the record itself. It works on copies of the streams, a bounded part
 * at a time.
 */

#include "connector/model/record.h"
#include "connector/model/stream.h"
#include "connector/pipeline/pipeline.h"
#include "lib/err.h"

#include <stddef.h>

struct finding;

/*
 * For the record at @pos of the file people know as @name, or only for its stream. Errors as
 * ndjson_open(): -ESTALE where the part already read has changed.
 */
struct finding_wish {
	const char *name;
	uint64_t pos;
	bool only_stream;
};
int finding_new(const struct pipeline *pipeline, struct stream *const *streams, size_t n,
                const struct finding_wish *wish, struct finding **ret_finding, struct err *err);
void finding_free(struct finding *finding); /* NULL is ignored */

enum finding_step {
	FINDING_MORE,    /* ask again */
	FINDING_SETTLED, /* an earlier run settled it */
	FINDING_STREAM,  /* nobody has settled it; only the stream was wished for */
	FINDING_RECORD,
};

/*
 * A bounded part of the work. Returns an enum finding_step or a negative errno with a sentence:
 * -ENOENT where no such record is there any more.
 */
int finding_step(struct finding *finding, struct err *err);

/* The record that was found; the finding's. */
struct record *finding_record(const struct finding *finding);
/*
 * The copy of its stream, with the hashes of all up to the record. Its id is 0 where it is a new
 * one; then the caller may take it (and the finding forgets it).
 */
struct stream *finding_stream(const struct finding *finding);
struct stream *finding_take_stream(struct finding *finding);
