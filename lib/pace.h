#pragma once

/*
 * Pacing against a server that counts requests per endpoint group over fixed windows: a group has
 * `limit` requests in each window, they may be spent at once, the next window begins where the last
 * one ended while requests go on, and with the first request after an idle spell. Answers carry
 * what is left and when the window ends; services that say nothing are paced by the start values.
 *
 * It never sleeps and reads no clock: monotonic milliseconds come in, a wait goes out. Every
 * request taken must be reported back once, by pace_answer() or pace_give_back(), since one on its
 * way over the border of a window may count in either and is therefore counted in both.
 */

#include <stdbool.h>
#include <stdint.h>

/* What one answer said of the rate limit of its endpoint group. */
struct rate_info {
	bool has_limit, has_remaining, has_reset;
	uint32_t limit;     /* calls in a whole window */
	uint32_t remaining; /* of them left, whoever used the others */
	uint64_t reset_ms;  /* from the answer until the window is renewed; at most a day */
};

struct pace;

/*
 * @share_percent (1 to 100) of each limit is used; the rest stays for others of the same
 * credential. At most @rate_n requests of all groups together in any @rate_per_ms; 0: no such
 * ceiling.
 */
struct pace *pace_new(unsigned share_percent, uint64_t rate_n, uint64_t rate_per_ms);
void pace_free(struct pace *p);

/* The number of the group called @name; new ones begin with @limit in @window_ms (at least 1). */
unsigned pace_group(struct pace *p, const char *name, uint32_t limit, uint64_t window_ms);

/* Groups of lookups take at most half of the ceiling while others wait for it. */
void pace_set_lookup(struct pace *p, unsigned group);

/*
 * The ceiling outlives a process: @keep is told of each request as it is taken, with a slot below
 * rate_n that comes again when the request in it counts no more.
 */
void pace_keep(struct pace *p, void (*keep)(void *arg, uint64_t slot), void *arg);

/*
 * One that a process before this one has taken. They come oldest first, before any is taken here,
 * and get the slots from 0 on.
 */
void pace_was_taken(struct pace *p, uint64_t at_ms);

/* Takes one request and returns 0, or takes nothing and returns the milliseconds to wait (≥ 1). */
uint64_t pace_take(struct pace *p, unsigned group, uint64_t now_ms);

/* A request taken was not sent. */
void pace_give_back(struct pace *p, unsigned group);

/* A request taken has ended; @rate is what its answer said, all false where none came. */
void pace_answer(struct pace *p, unsigned group, const struct rate_info *rate, uint64_t now_ms);

/* The server refused: nothing more before @until_ms. Never shortens a hold. */
void pace_hold(struct pace *p, unsigned group, uint64_t until_ms);
