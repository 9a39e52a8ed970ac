#include "lib/pace.h"

#include "lib/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * Which window does an answer speak of? Answers overtake one another, and each was written a little
 * before it is read, so now + reset is never before the true end of its window but may be late by
 * the way back, and by up to a second where reset is in whole seconds. The ends of two windows are
 * a whole window apart. So an end within half a window of ours is ours and the earliest seen is the
 * best; a later one says that a new window began; an earlier one comes from the window before.
 *
 * How much is used? Never less than the requests of ours that may have counted in this window:
 * those taken in it and those that were on their way when it began. And, as others count too, never
 * less than the most that any answer reported plus what is on its way now.
 */

enum { max_ring = 100000, come_again_ms = 1000, max_border_ms = 20 };

struct window {
	bool is_open;
	bool is_guess; /* no answer has spoken of it yet */
	uint64_t end_ms;
	uint64_t n_taken;   /* ours, that may have counted in it */
	uint64_t n_carried; /* of them on their way when it began, no answer yet */
	uint64_t n_seen;    /* used by anybody, as answers said */
};

struct pace_group {
	char *name;
	uint32_t limit;
	uint64_t window_ms;
	bool is_lookup;
	uint64_t n_out; /* taken and not reported back */
	uint64_t hold_until_ms;
	struct window window;
};

/* The ceiling: when the last requests were taken. The last @n_live of them are within per_ms. */
struct ring {
	struct taken {
		uint64_t at_ms;
		bool is_lookup;
	} * taken;
	uint64_t n, next, n_live, n_lookups; /* lookups among the live ones */
	uint64_t per_ms;
	uint64_t others_until_ms; /* one that is no lookup was refused, and comes again by then */
	void (*keep)(void *arg, uint64_t slot);
	void *arg;
};

struct pace {
	unsigned share_percent;
	struct ring ring;
	struct pace_group *groups;
	size_t n_groups, cap_groups;
};

static void ring_init(struct ring *ring, uint64_t n, uint64_t per_ms)
{
	if (!n)
		return;
	/* k times smaller in a k times shorter time allows no more in the whole, and is smaller. */
	if (n > max_ring) {
		const uint64_t k = (n + max_ring - 1) / max_ring;

		n /= k;
		per_ms = (per_ms + k - 1) / k;
	}
	ring->n = n;
	/* What leaves evenly does not arrive evenly; a hundredth keeps the promise at the far end.
	 */
	ring->per_ms = per_ms + (per_ms / 100 > 250 ? 250 : per_ms / 100) + 1;
	ring->taken = mem_array(n, sizeof(struct taken));
}

static struct taken *ring_oldest(const struct ring *ring)
{
	return &ring->taken[(ring->next + ring->n - ring->n_live) % ring->n];
}

static void ring_expire(struct ring *ring, uint64_t now_ms)
{
	while (ring->n_live && ring_oldest(ring)->at_ms + ring->per_ms <= now_ms) {
		ring->n_lookups -= ring_oldest(ring)->is_lookup;
		ring->n_live--;
	}
}

static uint64_t ring_wait(struct ring *ring, bool is_lookup, uint64_t now_ms)
{
	uint64_t free_at_ms;

	if (!ring->n)
		return 0;
	ring_expire(ring, now_ms);
	if (ring->n_live == ring->n) {
		free_at_ms = ring_oldest(ring)->at_ms + ring->per_ms;
		if (!is_lookup)
			ring->others_until_ms = free_at_ms + come_again_ms;
		return free_at_ms - now_ms;
	}
	if (is_lookup && now_ms < ring->others_until_ms && ring->n_lookups >= ring->n / 2)
		return 1; /* the one that waits goes first */
	return 0;
}

static void ring_take(struct ring *ring, bool is_lookup, uint64_t now_ms)
{
	if (!ring->n)
		return;
	if (ring->keep)
		ring->keep(ring->arg, ring->next);
	ring->taken[ring->next] = (struct taken){.at_ms = now_ms, .is_lookup = is_lookup};
	ring->next = (ring->next + 1) % ring->n;
	ring->n_live++;
	ring->n_lookups += is_lookup;
	if (!is_lookup)
		ring->others_until_ms = 0;
}

void pace_keep(struct pace *p, void (*keep)(void *arg, uint64_t slot), void *arg)
{
	p->ring.keep = keep;
	p->ring.arg = arg;
}

void pace_was_taken(struct pace *p, uint64_t at_ms)
{
	struct ring *ring = &p->ring;

	assert(!ring->keep);
	/* There may be more than count here, where the ceiling was lowered: the newest last
	 * longest. */
	if (ring->n && ring->n_live == ring->n)
		ring->n_live--;
	ring_take(ring, false, at_ms);
}

struct pace *pace_new(unsigned share_percent, uint64_t rate_n, uint64_t rate_per_ms)
{
	struct pace *p = mem_alloc(sizeof(*p));

	assert(share_percent >= 1 && share_percent <= 100);
	p->share_percent = share_percent;
	ring_init(&p->ring, rate_n, rate_per_ms);
	return p;
}

void pace_free(struct pace *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_groups; i++)
		free(p->groups[i].name);
	free(p->groups);
	free(p->ring.taken);
	free(p);
}

unsigned pace_group(struct pace *p, const char *name, uint32_t limit, uint64_t window_ms)
{
	assert(limit && window_ms);
	for (size_t i = 0; i < p->n_groups; i++) {
		if (!strcmp(p->groups[i].name, name))
			return (unsigned)i;
	}
	p->groups = mem_grow(p->groups, p->n_groups, &p->cap_groups, sizeof(struct pace_group));
	p->groups[p->n_groups] = (struct pace_group){
		.name = mem_strdup(name),
		.limit = limit,
		.window_ms = window_ms,
	};
	return (unsigned)p->n_groups++;
}

static struct pace_group *group_at(const struct pace *p, unsigned group)
{
	assert(group < p->n_groups);
	return &p->groups[group];
}

void pace_set_lookup(struct pace *p, unsigned group)
{
	group_at(p, group)->is_lookup = true;
}

/* What of a window's limit is ours. */
static uint64_t budget(const struct pace *p, const struct pace_group *g)
{
	const uint64_t ours = (uint64_t)g->limit * p->share_percent / 100;

	return ours ? ours : 1;
}

static uint64_t used(const struct pace_group *g)
{
	const struct window *w = &g->window;
	const uint64_t seen = w->n_seen + g->n_out;

	return w->n_taken > seen ? w->n_taken : seen;
}

static void open_window(struct pace_group *g, uint64_t end_ms, bool is_guess)
{
	g->window = (struct window){
		.is_open = true,
		.is_guess = is_guess,
		.end_ms = end_ms,
		.n_taken = g->n_out,
		.n_carried = g->n_out,
	};
}

static uint64_t window_wait(const struct pace *p, struct pace_group *g, uint64_t now_ms)
{
	if (!g->window.is_open || now_ms >= g->window.end_ms)
		open_window(g, now_ms + g->window_ms, true);
	return used(g) < budget(p, g) ? 0 : g->window.end_ms - now_ms;
}

uint64_t pace_take(struct pace *p, unsigned group, uint64_t now_ms)
{
	struct pace_group *g = group_at(p, group);
	uint64_t wait;

	if (now_ms < g->hold_until_ms)
		wait = g->hold_until_ms - now_ms;
	else
		wait = window_wait(p, g, now_ms);
	if (!wait)
		wait = ring_wait(&p->ring, g->is_lookup, now_ms);
	if (wait)
		return wait;

	ring_take(&p->ring, g->is_lookup, now_ms);
	g->window.n_taken++;
	g->n_out++;
	return 0;
}

void pace_give_back(struct pace *p, unsigned group)
{
	struct pace_group *g = group_at(p, group);

	assert(g->n_out);
	g->n_out--;
	/* All that are on their way are counted in the window that is open. */
	if (g->window.n_taken)
		g->window.n_taken--;
	if (g->window.n_carried > g->n_out)
		g->window.n_carried = g->n_out;
}

/* One that was on its way over the border turns out to have counted before it. */
static void uncount_carried(struct window *w)
{
	if (!w->n_carried)
		return;
	w->n_carried--;
	if (w->n_taken)
		w->n_taken--;
}

static void learn_limit(struct pace_group *g, const struct rate_info *rate)
{
	if (!rate->has_limit || !rate->limit || rate->limit == g->limit)
		return;
	g->limit = rate->limit;
	g->window.n_seen = 0; /* it was counted against another limit */
}

static void learn_length(struct pace_group *g, const struct rate_info *rate)
{
	const bool is_first = rate->has_limit && rate->remaining + 1 == rate->limit;

	/* Where nothing remains, reset may be a penalty's and not the window's. */
	if (!rate->has_remaining || !rate->remaining || !rate->reset_ms)
		return;
	if (rate->reset_ms > g->window_ms || is_first)
		g->window_ms = rate->reset_ms;
}

/*
 * The clock is read once a turn, a little before the answers of that turn are: the end would seem
 * to come that much too early, and the server may cut off parts of a millisecond.
 */
static uint64_t border_ms(const struct pace_group *g)
{
	return g->window_ms / 100 < max_border_ms ? g->window_ms / 100 : max_border_ms;
}

/* False: the answer speaks of a window that is over. */
static bool learn_end(struct pace_group *g, const struct rate_info *rate, uint64_t now_ms)
{
	const uint64_t tolerance_ms = g->window_ms / 2;
	struct window *w = &g->window;
	uint64_t end_ms;

	learn_length(g, rate);
	end_ms = now_ms + rate->reset_ms + border_ms(g);
	if (!w->is_open || now_ms >= w->end_ms || end_ms > w->end_ms + tolerance_ms) {
		open_window(g, end_ms, false);
		w->n_taken++; /* this one has just counted in it */
		return true;
	}
	if (end_ms + tolerance_ms < w->end_ms) {
		/* The window before ours ends about now at the latest; else ours was mistaken. */
		if (w->n_carried && end_ms <= now_ms + 1000)
			return false;
		w->end_ms = end_ms;
	} else if (w->is_guess || end_ms < w->end_ms) {
		w->end_ms = end_ms;
	}
	w->is_guess = false;
	return true;
}

void pace_answer(struct pace *p, unsigned group, const struct rate_info *rate, uint64_t now_ms)
{
	struct pace_group *g = group_at(p, group);
	struct window *w = &g->window;
	bool is_current = true;

	assert(g->n_out);
	g->n_out--;
	if (rate->has_reset) {
		is_current = learn_end(g, rate, now_ms);
	} else if (w->n_carried) {
		is_current = false; /* it cannot be told from those of the window before */
		w->n_carried--;
	} else if (w->is_guess && now_ms < w->end_ms) {
		/* The server counted our first request before this answer came, not when we sent
		 * it. */
		w->end_ms = now_ms + g->window_ms;
		w->is_guess = false;
	}
	if (!is_current) {
		if (rate->has_reset)
			uncount_carried(w);
		return;
	}
	learn_limit(g, rate);
	if (rate->has_remaining && rate->remaining < g->limit &&
	    g->limit - rate->remaining > w->n_seen)
		w->n_seen = g->limit - rate->remaining;
}

void pace_hold(struct pace *p, unsigned group, uint64_t until_ms)
{
	struct pace_group *g = group_at(p, group);

	if (until_ms > g->hold_until_ms)
		g->hold_until_ms = until_ms;
}
