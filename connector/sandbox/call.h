#pragma once

/*
 * A request as it came, with what became of it, and its answer while it is made. The call outlives
 * its exchange: it is what the request log keeps, and what a late apply works from.
 */

#include "connector/sandbox/store.h"
#include "lib/buf.h"
#include "lib/http_server.h"

struct box_call {
	uint64_t seq;               /* from 1 */
	char *method, *path;        /* the path below /api/v1, decoded */
	bool is_tunnelled;          /* it came as a POST that says it is a GET */
	struct json_object *params; /* of the query: name → text */
	struct buf headers;  /* "name: value\n", names in lower case, without Authorization */
	char *authorization; /* NULL: none; never shown */
	char *body;
	size_t body_len;
	uint64_t now_ms;
	int64_t wall_ms;
	char request_id[box_id_bytes];

	/* What became of it. */
	const char *key_id; /* of the key or app; "" before it is known */
	unsigned token;     /* the number of the access token it came with; 0: none */
	unsigned status;    /* 0: no answer was meant to arrive */
	bool is_applied;    /* something was created, changed or deleted */
	char object_id[box_id_bytes];
	const char *fault; /* static name of the fault it met, or NULL */
	unsigned n_users;  /* the log, and whoever still works on it */
};

/* Copies everything out of @exchange. @prefix is cut off the path. */
struct box_call *box_call_new(const struct http_exchange *exchange, const char *prefix,
                              uint64_t now_ms, int64_t wall_ms);
struct box_call *box_call_ref(struct box_call *call);
void box_call_unref(struct box_call *call);

/* The value of a header, to free(); NULL: it was not sent. @name in lower case. */
char *box_call_header(const struct box_call *call, const char *name);

struct box_answer {
	unsigned status;
	struct json_object *json; /* NULL: @text is the body */
	char *text;               /* NULL: no body */
	char *headers[16];
	size_t n_headers;
};

void box_answer_deinit(struct box_answer *answer);

/* Each of these replaces the body, and takes the JSON it is given. */
void box_answer_json(struct box_answer *answer, unsigned status, struct json_object *json);
/* {"error": "…"} */
void box_answer_error(struct box_answer *answer, unsigned status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void box_answer_text(struct box_answer *answer, unsigned status, const char *text);

/* "Name: value"; one too many is left out. */
void box_answer_header(struct box_answer *answer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void box_answer_send(const struct box_answer *answer, struct http_exchange *exchange);
