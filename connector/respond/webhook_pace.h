#pragma once

/*
 * How fast a webhook is sent to, and when again after a failure. Two kinds of trouble:
 *
 * - The receiver's: it is tried again after a back-off of at most 60 s. Five failures in a row, or
 * ten among twenty, and it is down: then one event at a time tries it. Once one is accepted,
 * everything that waited goes at once, over more and more connections.
 * - The event's own: the receiver accepted others since this event was tried before. Then the event
 *   waits by itself: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h, … (the schedule of Standard
 * Webhooks), and only its lane waits with it.
 *
 * Pure: time comes in.
 */

#include "lib/backoff.h"

#include <stdbool.h>
#include <stdint.h>

/* What the receiver said to one event. */
enum webhook_verdict {
	WEBHOOK_ACCEPTED, /* 2xx */
	WEBHOOK_REFUSED,  /* anything else, redirects too: they are never followed */
	WEBHOOK_FAILED,   /* no answer, or a server error */
	WEBHOOK_BUSY,     /* 429, 502, 503, 504: it asks for less */
	WEBHOOK_ENDED,    /* 410: never again */
};

/* @status as HTTP has it; 0: no answer came. */
enum webhook_verdict webhook_judge(long status);

struct webhook_pace {
	struct breaker breaker;
	struct backoff backoff;
	uint64_t seed;
	uint64_t not_before_ms; /* nothing is sent earlier */
	unsigned limit, max;    /* events in flight, now and at most */
};

void webhook_pace_init(struct webhook_pace *p, unsigned max, uint64_t seed);

bool webhook_pace_is_down(const struct webhook_pace *p);

/* May one more be sent while @n_in_flight are? If so, it is taken to have been sent. */
bool webhook_pace_send(struct webhook_pace *p, unsigned n_in_flight, uint64_t now_ms);

/* An event was accepted. What was sent before a pause began does not end it. */
void webhook_pace_accepted(struct webhook_pace *p, uint64_t now_ms);

/*
 * The receiver failed. Returns when the event may be tried again. @retry_after_ms is what a busy
 * receiver asked for, 0: nothing; more than an hour counts as an hour.
 */
uint64_t webhook_pace_failed(struct webhook_pace *p, enum webhook_verdict verdict,
                             uint64_t retry_after_ms, uint64_t now_ms);

/* How long event @seq waits by itself after its @n_failures-th failure of its own, from 1. */
uint64_t webhook_own_wait_ms(uint64_t seq, unsigned n_failures);

/* The value of a Retry-After header (RFC 9110 10.2.3) in milliseconds; 0 where it says nothing. */
uint64_t webhook_retry_after_ms(const char *value, int64_t wall_ms);
