#pragma once

/* What the files of the reader share. */

#include "connector/source/reader.h"

struct reader *reader_new(struct reading *reading, const char *name, enum stream_kind kind);

/* It is this stream: what is settled of it will be passed over, and the host is told. */
void reader_begin(struct reader *reader, struct stream *stream, bool is_new);

/* What came of looking at the bytes that are there. */
enum step {
	STEP_PASSED, /* something was passed: look again */
	STEP_RECORD,
	STEP_WANTS_MORE,
	STEP_END,
	STEP_NOTHING, /* this does not apply here */
};

/* One look at the bytes that are there: an enum step, or a negative errno with a sentence. */
int reader_look(struct reader *reader, struct record **ret_record, struct err *err);

/*
 * The first bytes of a text: how many of them are a byte order mark. Other encodings would be
 * thousands of rejects, each saying something else than the cause: -EILSEQ, or -EBADMSG for what is
 * packed twice, with a sentence.
 */
int reader_check_start(const struct reader *reader, const char *bytes, size_t len, struct err *err);

/* reader_decide() for standard input. */
enum step reader_decide_stdin(struct reader *reader);
