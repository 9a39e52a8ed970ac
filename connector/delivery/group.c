#include "connector/delivery/flight.h"

#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * An endpoint group shares quota and trouble. Its breaker opens after repeated failures; then,
 * after a back-off, GET /me/ is tried instead of anybody's record, and the group goes on when that
 * is answered. What counts for retry_for is the time since the group's first failure after its last
 * success.
 */

struct group *group_get(struct delivery *d, const char *name)
{
	unsigned calls = 0, window_ms = 0;
	struct group *g = d->groups;

	while (g && strcmp(g->name, name) != 0)
		g = g->next;
	if (g)
		return g;

	d->config.group_start(name, &calls, &window_ms);
	g = mem_alloc(sizeof(*g));
	g->name = mem_strdup(name);
	g->delivery = d;
	g->pace = pace_group(d->pace, name, calls, window_ms);
	breaker_init(&g->breaker);
	backoff_init(&g->backoff, d->seed++);
	g->next = d->groups;
	d->groups = g;
	return g;
}

void groups_free(struct delivery *d)
{
	while (d->groups) {
		struct group *g = d->groups;

		d->groups = g->next;
		loop_timer_unset(d->loop, &g->timer);
		loop_timer_unset(d->loop, &g->trial_timer);
		free(g->name);
		free(g);
	}
}

static void trial_done(void *arg, const struct http_answer *answer)
{
	struct group *g = arg;

	g->is_trial_out = false;
	if (answer)
		breaker_half_open(&g->breaker);
}

static void ask_me(void *arg)
{
	struct group *g = arg;
	const struct delivery_call trial = {.method = CALL_GET,
	                                    .group = "read:me",
	                                    .url = mem_strdup("/me/"),
	                                    .done = trial_done,
	                                    .arg = g};

	delivery_ask(g->delivery, &trial);
}

static void try_if_open(struct group *g)
{
	struct loop *loop = g->delivery->loop;

	if (!breaker_is_open(&g->breaker) || g->is_trial_out || g->delivery->is_stopped)
		return;
	g->is_trial_out = true;
	loop_timer_set(loop, &g->trial_timer, loop_now_ms(loop) + backoff_next(&g->backoff), ask_me,
	               g);
}

void group_succeeded(struct group *g)
{
	g->failing_since_ms = 0;
	g->last_success_ms = loop_now_ms(g->delivery->loop);
	backoff_init(&g->backoff, g->delivery->seed++);
	breaker_succeeded(&g->breaker);
	try_if_open(g); /* also the twentieth outcome opens it, where ten of them were failures */
}

bool group_has_work(const struct group *g)
{
	for (const struct call *c = g->delivery->calls; c; c = c->behind)
		if (c->group == g)
			return true;
	for (const struct flight *f = g->delivery->all; f; f = f->behind)
		if (f->request && f->group == g && f->step != FLIGHT_LANE &&
		    f->step != FLIGHT_PROBING)
			return true;
	return false;
}

static void give_up_or_wake(void *arg)
{
	struct group *g = arg;
	struct delivery *d = g->delivery;
	const uint64_t give_up_ms = g->failing_since_ms + d->config.retry_for_ms;
	char sentence[700];

	if (!g->failing_since_ms)
		return; /* it only was to wake the loop */
	if (loop_now_ms(d->loop) < give_up_ms) {
		loop_timer_set(d->loop, &g->timer, give_up_ms, give_up_or_wake, g);
		return;
	}
	if (!group_has_work(g)) {
		g->failing_since_ms = 0; /* nobody has tried since */
		return;
	}
	(void)snprintf(
		sentence, sizeof(sentence),
		"%s Tried for %llu s (delivery.retry_for). Nothing is lost: run again when it "
		"answers",
		g->trouble, (unsigned long long)(d->config.retry_for_ms / 1000));
	delivery_stop(d, EXIT_UNREACHABLE, sentence);
}

void group_failed(struct group *g, const char *sentence)
{
	struct delivery *d = g->delivery;
	const uint64_t now = loop_now_ms(d->loop);

	(void)snprintf(g->trouble, sizeof(g->trouble), "%s", sentence);
	if (!g->failing_since_ms)
		g->failing_since_ms = now;
	loop_timer_set(d->loop, &g->timer, g->failing_since_ms + d->config.retry_for_ms,
	               give_up_or_wake, g);

	breaker_failed(&g->breaker);
	try_if_open(g);
}

bool group_unreadable(struct group *g, const char *sentence)
{
	struct delivery *d = g->delivery;
	char stop[800];

	if (!limits_unreadable(&d->limits))
		return false;
	(void)snprintf(
		stop, sizeof(stop),
		"five times in a row: %s Does something stand between here and Close, such as "
		"a log-in page, or is close.base_url wrong? Nothing is lost: run again when "
		"it is gone",
		sentence);
	delivery_stop(d, EXIT_UNREACHABLE, stop);
	return true;
}

void group_limited(struct group *g, const struct rate_info *rate)
{
	struct delivery *d = g->delivery;
	const uint64_t now = loop_now_ms(d->loop);
	/* Without a word of how long, a second's pause; with one, a little more than it says. */
	const uint64_t wait = rate->has_reset ? rate->reset_ms : 1000;

	pace_hold(d->pace, g->pace, now + wait + wait / 20 + 50);
}

bool group_take(struct group *g)
{
	struct delivery *d = g->delivery;
	const uint64_t now = loop_now_ms(d->loop);
	const uint64_t wait = pace_take(d->pace, g->pace, now);

	g->quota_at_ms = wait ? now + wait : 0;
	if (!wait)
		return true;
	if (!g->failing_since_ms || now + wait < g->failing_since_ms + d->config.retry_for_ms)
		loop_timer_set(d->loop, &g->timer, now + wait, give_up_or_wake, g);
	return false;
}
