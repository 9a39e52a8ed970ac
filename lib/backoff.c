#include "lib/backoff.h"

static const uint64_t first_ms = 500, longest_ms = 60000;

enum { row_limit = 5, window = 20, window_limit = 10 };

void backoff_init(struct backoff *b, uint64_t seed)
{
	*b = (struct backoff){.random = seed};
}

/* splitmix64 (Steele, Lea, Flood 2014): any seed will do, also 0 and neighbours. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint64_t backoff_next(struct backoff *b)
{
	uint64_t ceiling_ms = first_ms;

	for (unsigned i = 0; i < b->n_tries && ceiling_ms < longest_ms; i++)
		ceiling_ms *= 2;
	if (ceiling_ms >= longest_ms)
		ceiling_ms = longest_ms;
	else
		b->n_tries++;
	return 1 + next_random(&b->random) % ceiling_ms;
}

void breaker_init(struct breaker *b)
{
	*b = (struct breaker){.state = BREAKER_CLOSED};
}

static void open_breaker(struct breaker *b)
{
	breaker_init(b);
	b->state = BREAKER_OPEN;
}

static void remember(struct breaker *b, bool is_failure)
{
	b->in_a_row = is_failure ? b->in_a_row + 1 : 0;
	b->failures = (b->failures << 1 | is_failure) & ((1U << window) - 1);
	b->n_known += b->n_known < window;
	if (b->in_a_row >= row_limit ||
	    (b->n_known == window && __builtin_popcount(b->failures) >= window_limit))
		open_breaker(b);
}

void breaker_failed(struct breaker *b)
{
	switch (b->state) {
	case BREAKER_CLOSED:
		remember(b, true);
		return;
	case BREAKER_HALF_OPEN:
		open_breaker(b);
		return;
	case BREAKER_OPEN:
		return;
	}
}

void breaker_succeeded(struct breaker *b)
{
	switch (b->state) {
	case BREAKER_CLOSED:
		remember(b, false);
		return;
	case BREAKER_HALF_OPEN:
		breaker_init(b);
		return;
	case BREAKER_OPEN:
		return;
	}
}

void breaker_half_open(struct breaker *b)
{
	if (b->state == BREAKER_OPEN)
		b->state = BREAKER_HALF_OPEN;
}

bool breaker_is_open(const struct breaker *b)
{
	return b->state == BREAKER_OPEN;
}
