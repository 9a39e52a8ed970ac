#pragma once

/*
 * One call to Close with everything needed to send it, judge its answer and tell its outcome; it is
 * the same after a restart and after the pipeline was edited, so it points at no route.
 */

#include "connector/model/operation.h"
#include "connector/model/outcome.h"
#include "connector/model/record.h"
#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum request_state {
	REQUEST_PLANNED, /* may simply be sent; without a row it is volatile */
	REQUEST_INTENT,  /* has permission to send; found at start: UNKNOWN */
	REQUEST_APPLIED,
	REQUEST_REFUSED,
	REQUEST_SPLIT,
	REQUEST_UNKNOWN,
	REQUEST_PROBING, /* applied for sure, only its id is looked up */
	REQUEST_HELD,
};

struct lane_key {
	char *key;     /* "lead_A1", "identity custom.cf_B2=77" */
	bool is_owner; /* owners exclude everybody, sharers only owners */
};

/* One output of one record: the unit outcomes belong to. */
struct part {
	uint64_t id;    /* row; 0: none yet */
	bool is_stored; /* the row is durable */
	struct record *record;
	unsigned ordinal;
	/*
	 * Rejected before it was known what would come of it, and nothing came behind it: taken up
	 * again, it is all outputs from this ordinal on.
	 */
	bool takes_rest;
	/*
	 * What this output would send by itself (draft_text()), kept where the request can be
	 * halved or the output waits for others; NULL: the request says it all.
	 */
	char *draft;
	unsigned generation; /* counts its outcomes */
	/* Its place among all that came into this process, also when it comes again; 0: none. */
	uint64_t number;
	enum outcome outcome;
	enum reject_class class;
	char *message;
	char *field;
	char *fields; /* JSON object text: the user's field names → messages; NULL: none */
};

struct answer {
	unsigned status; /* 0: none came */
	char *headers;   /* JSON object text of the headers worth keeping; NULL: none */
	char *body;      /* redacted, cut at its bound; NULL: none */
	size_t body_len;
	bool is_json; /* the body is one JSON value */
	bool is_cut;  /* more came than is kept */
};

struct request {
	uint64_t seq;   /* row, and place in its lanes; 0: none yet */
	bool is_stored; /* the row is durable */
	char id[27];    /* random, base32: only names it */
	enum request_state state;
	enum http_method method;
	enum delivery_class class;
	char *route;     /* name */
	char *operation; /* name; "" outside the catalogue */
	char *object;    /* kind: "lead"; "" outside the catalogue */
	char *group;     /* endpoint group for pacing */
	char *url;       /* path and query below base_url */
	char **headers;  /* NULL-terminated or NULL */
	char *body;      /* as it is sent; NULL: none */
	size_t body_len;
	enum content_format format;
	/* Of a half: the whole it was cut from (its seq) and where in that it begins; 0: a whole.
	 */
	uint64_t root;
	size_t root_at;
	char *identity_field, *identity_value;
	struct lane_key *lanes;
	size_t n_lanes;
	struct part *parts;
	size_t n_parts;
	char **notes;
	/* Names that keys of the body stand for: JSON object text, see name_written(); NULL: none.
	 */
	char *written;
	uint64_t config;      /* row of the pipeline version that rendered it */
	unsigned attempts;    /* times the gate let it pass */
	unsigned resends;     /* after proven absence */
	unsigned crash_count; /* starts that found it in INTENT: the process before has died */
	int64_t intent_wall_ms;
	int64_t ended_wall_ms;
	uint32_t duration_ms; /* of the last attempt */
	struct answer answer;
	char *object_id;
	bool found_by_lookup;
	/*
	 * What it is about was remembered, so Close's 404 may only mean that it is remembered
	 * wrongly: its parts have drafts that can be resolved anew.
	 */
	bool is_remembered;
	char *known; /* held or unknown: the plain sentence of what is known */
	/* What a person is told beside a refusal, in this process; NULL: nothing. */
	char *hint;
};

struct request *request_new(void);
void request_free(struct request *request); /* NULL is ignored */
void request_add_lane(struct request *request, const char *key, bool is_owner);
/* Adds what it sends, as text: method, URL, headers and body. Two that add the same send the same.
 */
void request_print(const struct request *request, struct buf *out);
/* Adds a sentence for preview and the event. */
void request_note(struct request *request, const char *note);
void part_deinit(struct part *part);
void answer_deinit(struct answer *answer);
