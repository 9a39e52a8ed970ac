#pragma once

/*
 * A stand-in for Close on this machine: `/api/v1` from memory, with Close's validation, rate
 * limits, lagging search and event log, with faults to order, and with a webhook receiver to try
 * with. It is what people try closefeed with and what its tests run against. It never sends
 * anything to anybody.
 */

#include "connector/model/operation.h"
#include "connector/sandbox/doubts.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How rate limits are told in headers. */
enum sandbox_rate_form {
	SANDBOX_RATE_WHOLE,     /* RateLimit: limit=160, remaining=159, reset=8 */
	SANDBOX_RATE_DECIMAL,   /* the same with reset=7.512 */
	SANDBOX_RATE_SEMICOLON, /* with ";" between */
	SANDBOX_RATE_OLD,       /* x-rate-limit-limit and so on */
	SANDBOX_RATE_NONE,
};

struct sandbox_config {
	uint16_t port;           /* on 127.0.0.1; 0: a free one */
	const char *const *keys; /* API keys; none: api_sandbox.key */
	size_t n_keys;
	const char *const *faults; /* "reset_after every=10 path=/lead/" */
	size_t n_faults;
	const char *data;                       /* a file of objects to begin with; NULL: none */
	const char *hook_secret;                /* NULL: /_sandbox/hook checks no signatures */
	const struct operation_set *operations; /* what Close has; NULL: unknown paths are 404 */
	uint64_t seed;                          /* the same seed gives the same ids */
	uint64_t window_ms;                     /* of the rate limits; Close's is 8000 */
	uint64_t lag_ms;                        /* of search behind writes */
	uint64_t latency_ms;                    /* before every answer */
	enum sandbox_rate_form rate_form;
	struct box_doubts doubts;
	bool has_rate_limit;
};

/* What --help tells below the flags: the faults and the switches, a line each. */
void sandbox_explain(struct buf *out);

struct sandbox;

/* Listens at once. Texts of @config are borrowed for the sandbox's life. */
int sandbox_new(struct loop *loop, const struct sandbox_config *config,
                struct sandbox **ret_sandbox, struct err *err);
void sandbox_free(struct sandbox *sandbox);

uint16_t sandbox_port(const struct sandbox *sandbox);
/* A key it accepts. */
const char *sandbox_key(const struct sandbox *sandbox);
/* The loop's time of the last request, or of the start. */
uint64_t sandbox_last_request_ms(const struct sandbox *sandbox);
