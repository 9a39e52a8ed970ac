#pragma once

/*
 * One record as it was read: where it stands and what it says. Shared by everything made of it, so
 * it is counted; plain data otherwise.
 */

#include "connector/model/outcome.h"
#include "lib/err.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stream_kind { STREAM_FILE, STREAM_STDIN, STREAM_PARTITION };

/* Why a line is no record; the reject class that goes with it. */
enum record_fault { RECORD_OK, RECORD_JSON, RECORD_TOO_LONG, RECORD_TOMBSTONE };

/* Of a hash: among a thousand million keys two are the same once in 10^20 times. */
enum { record_key_bytes = 16 };

struct request;
struct draft;

/* One output of a record that has several, until it is durable: who has it now. */
struct record_output {
	struct request *request; /* handed to delivery */
	struct draft *draft;     /* waits in gather */
};

struct record {
	unsigned refs;
	uint64_t stream; /* row id of its stream in the state */
	enum stream_kind kind;
	char *source_name;   /* file as the user named it ("-" for standard input), or topic */
	int32_t partition;   /* Kafka */
	uint64_t pos;        /* byte offset of the line in the file, or Kafka offset */
	uint64_t next_pos;   /* where the next record may begin */
	uint64_t len;        /* bytes of the record, without line end */
	uint64_t line;       /* from 1; 0 where there are no lines */
	char *raw;           /* the bytes (NUL behind); NULL when too long to keep */
	uint64_t edited_len; /* bytes of raw where a person has edited it; 0: len */
	struct json_object *value; /* NULL unless fault is RECORD_OK; then always an object */
	enum record_fault fault;
	char *fault_text; /* the sentence for a person, where fault is set */
	/* Of a message of Kafka. */
	struct json_object *message_key; /* NULL: none, or neither JSON nor text */
	struct json_object *headers;     /* an object of texts; NULL elsewhere */
	int64_t timestamp_ms;            /* since 1970; -1: none */
	bool is_tombstone;               /* it has no value */
	bool is_ignored;                 /* counted as filtered, and never shaped */
	int64_t read_wall_ms;            /* {@now} */
	uint64_t row;                    /* in the state; 0: none */
	bool is_stored;                  /* the row is durable */
	/* What it is known by, wherever it comes from: a hash of what source.key makes of it. */
	bool has_key;
	uint8_t key[record_key_bytes];
	bool holds_key;   /* others with its key wait for its outcome */
	bool holds_bytes; /* its own count among those that are open, so that less is read */
	/* The account of its outputs, kept by the engine. */
	unsigned n_open;    /* outputs without an outcome */
	enum outcome worst; /* of those that have one */
	bool keeps_row;     /* an output was rejected or held */
	bool has_done; /* one was delivered or skipped: rejects of it are not the whole record */
	/* By ordinal, of a record with several outputs; NULL: one output, or all are durable. */
	struct record_output *outputs;
	unsigned n_outputs;
	bool is_asked;      /* its outputs are on their way to the disk */
	bool is_settled;    /* an earlier outcome is counted: it is taken up again */
	bool is_ahead;      /* a person has it sent, and some before it were not read yet */
	bool is_given_back; /* … and for that it is not sent: what waits of it goes */
};

struct record *record_new(void); /* refs = 1 */
struct record *record_ref(struct record *r);
void record_unref(struct record *r); /* NULL is ignored */
void record_unrefp(struct record **r);

/*
 * What a message of Kafka carries beside its value, as text for the state (to free(); NULL: it is
 * none); and back, for a record that has the name of its stream as source_name. -EBADMSG: no such
 * text.
 */
char *record_message_text(const struct record *r);
int record_message_parse(struct record *r, const char *text, struct err *err);

/* How many bytes raw is. */
uint64_t record_raw_len(const struct record *r);
/* A person's text in the place of raw; it is no longer at fault, and its value is to be parsed. */
void record_edit(struct record *r, const char *text);
