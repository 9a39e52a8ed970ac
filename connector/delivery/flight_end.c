#include "connector/delivery/flight.h"

#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <stdlib.h>

/*
 * How a request ends. A call of several records that is refused as a whole does not: it is cut in
 * halves, which go one after another in its place, and so on until the bad record stands alone. All
 * of them are one flight: it keeps its place in the lanes until the last half has ended, so nobody
 * overtakes.
 */

/* The next half */

/* Nothing of what befell the request before it counts for this one. */
static void take_up(struct flight *f, struct request *half)
{
	struct delivery *d = f->delivery;

	f->request = half;
	f->group = group_get(d, half->group);
	f->n_tries = 0;
	f->first_try_ms = 0;
	f->unknown_at_ms = 0;
	f->unknown_wall_ms = 0;
	backoff_init(&f->backoff, d->seed++);
	strlist_free(f->wire);
	f->wire = NULL;
	free(f->url);
	f->url = NULL;
}

static void go_on(struct flight *f)
{
	if (!f->n_chain) {
		flight_free(f);
		return;
	}
	take_up(f, f->chain[--f->n_chain]);
	flight_make_ready(f);
}

static void halves_are_durable(void *arg, int r)
{
	struct flight *f = arg;

	(void)r; /* only INTENTs can fail for want of space */
	hook_point("halves_durable");
	request_free(f->whole);
	f->whole = NULL;
	flight_make_ready(f);
}

/* Answers that one bad record may be the reason of; all others are about the call itself. */
bool flight_may_halve(const struct flight *f)
{
	const unsigned status = f->request->answer.status;

	return status == 400 || status == 413 || status == 422;
}

bool flight_halve(struct flight *f)
{
	struct delivery *d = f->delivery;
	struct request *whole = f->request, *first, *second;

	if (whole->n_parts < 2 || !d->hooks.halve ||
	    !d->hooks.halve(d->hooks.arg, whole, &first, &second))
		return false;
	f->whole = whole;
	f->chain = mem_grow(f->chain, f->n_chain, &f->cap_chain, sizeof(struct request *));
	f->chain[f->n_chain++] = second;
	d->n_open++;
	take_up(f, first);
	f->step = FLIGHT_LANE;
	journal_halve_request(d->journal, whole, first, second, halves_are_durable, f);
	hook_point("halved");
	return true;
}

/* Lanes that stay closed */

static void open_lanes(void *arg)
{
	struct flight *f = arg;

	for (char **key = f->closed; key && *key; key++)
		journal_put_closed_lane(f->delivery->journal, *key, 0);
	hook_point("lane_opens");
	strlist_free(f->closed);
	f->closed = NULL;
	go_on(f);
}

void flight_linger(struct flight *f, char **takes_closed, uint64_t until_ms)
{
	f->closed = takes_closed;
	f->opens_at_ms = until_ms;
	loop_timer_set(f->delivery->loop, &f->timer, until_ms, open_lanes, f);
}

/*
 * A PUT that was repeated: its first copy may still arrive late and undo whatever comes next, so
 * its lanes stay closed until that is past, also to the halves behind it.
 */
static bool must_linger(const struct flight *f)
{
	const uint64_t now = loop_now_ms(f->delivery->loop);

	return !hook_without("linger") && f->request->class == CLASS_U && f->late_at_ms &&
	       now < f->late_at_ms + f->delivery->config.quarantine_ms;
}

static void close_lanes(struct flight *f, const struct request *r, int64_t until_wall_ms)
{
	for (size_t i = 0; i < r->n_lanes; i++) {
		if (!r->lanes[i].is_owner)
			continue;
		strlist_add(&f->closed, mem_strdup(r->lanes[i].key));
		journal_put_closed_lane(f->delivery->journal, r->lanes[i].key, until_wall_ms);
	}
}

static void linger(struct flight *f)
{
	struct delivery *d = f->delivery;
	const uint64_t until_ms = f->late_at_ms + d->config.quarantine_ms;
	/* A process that comes after this one knows no other clock. */
	const int64_t until_wall_ms =
		loop_wall_ms(d->loop) + (int64_t)(until_ms - loop_now_ms(d->loop));

	close_lanes(f, f->request, until_wall_ms);
	for (size_t i = 0; i < f->n_chain; i++)
		close_lanes(f, f->chain[i], until_wall_ms);
	hook_point("lane_closes");
	flight_linger(f, f->closed, until_ms);
}

/* Its request leaves the lanes, which the next half keeps, or what may still arrive late. */
static void let_go(struct flight *f)
{
	struct delivery *d = f->delivery;
	const bool lingers = must_linger(f);

	if (lingers)
		linger(f);
	f->request = NULL;
	d->n_open--;
	if (!lingers)
		go_on(f);
}

void flight_end(struct flight *f, enum request_state state)
{
	struct delivery *d = f->delivery;
	struct request *r = f->request;

	loop_timer_unset(d->loop, &f->timer);
	r->state = state;
	r->ended_wall_ms = loop_wall_ms(d->loop);
	let_go(f);
	d->hooks.ended(d->hooks.arg, r);
}

bool flight_retake(struct flight *f, bool goes_anew)
{
	const struct delivery *d = f->delivery;
	struct request *r = f->request;

	if ((!goes_anew && (!r->is_remembered || r->answer.status != 404)) || !d->hooks.retake ||
	    !d->hooks.retake(d->hooks.arg, r))
		return false;
	let_go(f);
	return true;
}

void flight_set_known(struct request *r, const char *known)
{
	char *text = mem_strdup(known); /* @known may be the old one */

	free(r->known);
	r->known = text;
}

void flight_hold(struct flight *f, enum reject_class class, const char *known)
{
	struct request *r = f->request;

	flight_set_known(r, known);
	for (size_t i = 0; i < r->n_parts; i++) {
		struct part *p = &r->parts[i];

		p->outcome = OUTCOME_HELD;
		p->class = class;
		free(p->message);
		p->message = mem_strdup(known);
	}
	flight_end(f, REQUEST_HELD);
	hook_point("held");
}
