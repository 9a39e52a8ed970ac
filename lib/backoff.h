#pragma once

/* When to try again, and when to stop trying for a while. Pure: no clock, no sleep, own randomness.
 */

#include <stdbool.h>
#include <stdint.h>

/*
 * Exponential back-off with full jitter: the n-th wait is anything between 1 ms and 0.5 s · 2ⁿ, at
 * most 60 s, so those who failed together do not come back together.
 */
struct backoff {
	uint64_t random;
	unsigned n_tries;
};

/* Starts again from the shortest wait. Different @seed, different waits. */
void backoff_init(struct backoff *b, uint64_t seed);

/* The milliseconds to wait before the next try. */
uint64_t backoff_next(struct backoff *b);

/*
 * A circuit breaker: five failures in a row, or ten among the last twenty outcomes, open it. While
 * it is open outcomes of what was still on its way change nothing. Somebody then finds out whether
 * the other side is well and says breaker_half_open(); the next outcome closes or opens it.
 */
struct breaker {
	enum { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN } state;
	unsigned in_a_row;
	uint32_t failures; /* the last twenty outcomes, a bit each, set for a failure */
	unsigned n_known;  /* how many of them there are */
};

void breaker_init(struct breaker *b);
void breaker_failed(struct breaker *b);
void breaker_succeeded(struct breaker *b);
void breaker_half_open(struct breaker *b);
bool breaker_is_open(const struct breaker *b);
