#pragma once

/*
 * The response event: what a receiver is told of one request that ended, or of one record that was
 * rejected, held or skipped without one. CloudEvents 1.0 in JSON (github.com/cloudevents/spec,
 * structured mode); schemas/event.schema.json describes it. It is printed straight into a buffer:
 * at 20,000 events a second there is no time for trees.
 */

#include "connector/model/outcome.h"
#include "connector/model/request.h"
#include "lib/buf.h"
#include "lib/redact.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	event_id_bytes = 57,           /* "clo_", 52 characters, NUL */
	event_body_max = 256 * 1024,   /* bytes of a body that an event carries */
	event_record_max = 512 * 1024, /* bytes of records that a copy of a reject carries */
};

/* What the id of an event is made of: all of it is durable before anything is told. */
struct event_origin {
	const char *journal_id;
	const char *request_id; /* NULL: told without a request, then by the record's place */
	uint64_t stream, pos;   /* of the record */
	unsigned ordinal;       /* which output of the record */
	unsigned generation;    /* counts the outcomes of one record */
};

/* The same id for the same origin, always; another for any other. */
void event_id(const struct event_origin *origin, char ret_id[static event_id_bytes]);

struct event_input {
	const char *id;                /* of event_id() */
	const char *pipeline;          /* its name; the source is "closefeed/<name>" */
	const char *run;               /* names the run */
	int64_t wall_ms;               /* when it ended */
	const char *base_url;          /* of the API, without last slash */
	const struct request *request; /* NULL: there was none; then the next three are used */
	const char *route, *operation;
	const struct part *part;
	enum outcome outcome;    /* delivered, rejected, held or skipped */
	enum reject_class class; /* REJECT_NONE where nothing is wrong */
	const char *message;     /* the sentence of what is wrong; NULL with REJECT_NONE */
	const char *field;       /* the user's name of the field it is about; NULL: none */
	const char *fields;      /* JSON object text, names → messages; NULL: @field alone */
	const char *note;        /* without a request: what a person should know; NULL: nothing */
	bool include_request;    /* carry the request's body */
	bool include_response;   /* carry the answer's body */
	bool answer_is_json;     /* the answer's body was parsed without a fault */
	/* A copy for people who mend: each record as it was read, "text", or "base64" where it is
	 * no UTF-8. */
	bool include_records;
};

/*
 * Adds the event as one line of JSON (without line end), redacted. A body longer than
 * event_body_max is cut, becomes a text, and a note says so. Records that are more than
 * event_record_max together are left out from there on, with a note, too.
 */
void event_print(const struct event_input *in, const struct redact *redact, struct buf *out);

/*
 * What the event is about, to order it by: its subject, else the key of the message it was made of
 * (of several, the first), as text and redacted. To free(); NULL: nothing.
 */
char *event_key(const struct event_input *in, const struct redact *redact);
