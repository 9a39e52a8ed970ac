#pragma once

/*
 * What one attempt proves about its request: the table of the delivery protocol as a pure function.
 * A code of libcurl is never evidence; what counts is whether the request left (n_sends) and the
 * status line.
 */

#include "connector/model/operation.h"
#include "connector/model/outcome.h"
#include "connector/model/verdict.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

struct crm_attempt {
	enum http_method method;
	/* No operation of Close, and base_url is another host: answers need not be JSON there. */
	bool is_other_host;
	bool was_unknown; /* an earlier attempt of this request may have been done */
	unsigned n_sends; /* 0: nothing left this process */
	unsigned status;  /* 0: no complete status line */
	const char *body; /* as far as it came; may be NULL */
	size_t body_len;
	bool is_complete; /* the whole body came */
	bool is_json;     /* and is one JSON value */
	const char
		*error; /* why the transfer ended early, for the sentence; "" or NULL: no reason */
};

struct crm_judgement {
	enum verdict verdict;
	enum reject_class class; /* of REJECTED and FORBIDDEN; else REJECT_NONE */
};

struct crm_judgement crm_judge(const struct crm_attempt *attempt);

/* What is known after @attempt, as a sentence for people; to free(). */
char *crm_attempt_text(const struct crm_attempt *attempt);

/* The id of the object a 2xx answer shows (may be NULL); NULL where there is none. */
const char *crm_object_id(struct json_object *answer);
