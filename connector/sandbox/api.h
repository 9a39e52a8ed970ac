#pragma once

/* Everything below /api/v1: rate limits, credentials, routing, and the answers. */

#include "connector/sandbox/auth.h"
#include "connector/sandbox/call.h"
#include "connector/sandbox/org.h"
#include "connector/sandbox/rate.h"
#include "connector/sandbox/sandbox.h"

struct box_api {
	struct box_org *org;
	struct box_auth *auth;
	struct box_rate *rate;
	const struct operation_set *operations;
	enum sandbox_rate_form rate_form;
	bool has_rate_limit;
};

/* Answers @call, and writes into it what was done. */
void box_api_answer(struct box_api *api, struct box_call *call, struct box_answer *answer);
