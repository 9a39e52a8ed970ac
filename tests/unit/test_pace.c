#include "lib/pace.h"
#include "tests/unit/check.h"

#include <string.h>

/*
 * A server that counts as Close was seen to, behind a network that delays each way by a random
 * time, and a client with some requests at once. Time is a number.
 */

enum { max_calls = 512, window_ms = 8000, n_windows = 40 };

struct setting {
	const char *name;
	uint32_t limit, start_limit;
	unsigned share, concurrency;
	unsigned way_ms, jitter_ms; /* one way: way + 0…jitter */
	unsigned think_ms;          /* the client waits so long between its requests */
	bool is_rounded;            /* reset in whole seconds, rounded up */
	bool is_silent;             /* no headers at all */
	bool is_idle_free;          /* windows follow one another for ever from time 1 */
	unsigned others_per_window; /* requests of somebody else, at the start of each window */
};

struct call {
	uint64_t at_server_ms, back_ms; /* 0: free */
	bool was_counted, is_refused;
	struct rate_info rate;
};

struct sim {
	const struct setting *s;
	uint64_t now_ms, window_end_ms, random;
	uint32_t used;
	uint64_t n_ok, n_refused, n_windows, worst_window;
	struct call calls[max_calls];
};

static uint64_t random_below(struct sim *sim, uint64_t n)
{
	sim->random = sim->random * 6364136223846793005U + 1442695040888963407U;
	return n ? (sim->random >> 33) % n : 0;
}

static void serve(struct sim *sim, struct call *c)
{
	const struct setting *s = sim->s;
	uint64_t reset_ms;

	if (sim->now_ms >= sim->window_end_ms) {
		const bool is_idle = sim->now_ms >= sim->window_end_ms + window_ms;

		if (s->is_idle_free)
			while (sim->window_end_ms <= sim->now_ms)
				sim->window_end_ms += window_ms;
		else if (is_idle)
			sim->window_end_ms = sim->now_ms + window_ms;
		else
			sim->window_end_ms += window_ms;
		sim->used = s->others_per_window;
		sim->n_windows++;
	}
	c->was_counted = true;
	c->is_refused = sim->used >= s->limit;
	sim->used += !c->is_refused;
	if (sim->used > sim->worst_window)
		sim->worst_window = sim->used;
	reset_ms = sim->window_end_ms - sim->now_ms;
	if (s->is_rounded)
		reset_ms = (reset_ms + 999) / 1000 * 1000;
	if (!s->is_silent)
		c->rate = (struct rate_info){true,    true, true, s->limit, s->limit - sim->used,
		                             reset_ms};
}

static void move(struct sim *sim, struct pace *p, unsigned group)
{
	for (unsigned i = 0; i < sim->s->concurrency; i++) {
		struct call *c = &sim->calls[i];

		if (c->back_ms && !c->was_counted && c->at_server_ms <= sim->now_ms)
			serve(sim, c);
		if (!c->back_ms || c->back_ms > sim->now_ms)
			continue;
		c->back_ms = 0;
		sim->n_ok += !c->is_refused;
		sim->n_refused += c->is_refused;
		pace_answer(p, group, &c->rate, sim->now_ms);
		if (c->is_refused)
			pace_hold(p, group,
			          sim->now_ms + (c->rate.has_reset ? c->rate.reset_ms : 1000));
	}
}

static void send(struct sim *sim, struct pace *p, unsigned group)
{
	const struct setting *s = sim->s;

	for (unsigned i = 0; i < s->concurrency; i++) {
		struct call *c = &sim->calls[i];

		if (c->back_ms)
			continue;
		if (pace_take(p, group, sim->now_ms))
			return;
		c->at_server_ms = sim->now_ms + s->way_ms + random_below(sim, s->jitter_ms + 1);
		c->back_ms = c->at_server_ms + 1 + s->way_ms + random_below(sim, s->jitter_ms + 1);
		c->was_counted = c->is_refused = false;
		c->rate = (struct rate_info){0};
		if (s->think_ms)
			return;
	}
}

static void run(struct sim *sim, const struct setting *s, uint64_t for_ms, uint64_t seed)
{
	struct pace *p = pace_new(s->share, 0, 0);
	const unsigned group = pace_group(p, "write", s->start_limit, window_ms);

	*sim = (struct sim){.s = s, .random = seed, .window_end_ms = s->is_idle_free ? 5000 : 0};
	for (sim->now_ms = 1; sim->now_ms < for_ms; sim->now_ms++) {
		move(sim, p, group);
		if (!s->think_ms || sim->now_ms % s->think_ms == 0)
			send(sim, p, group);
	}
	pace_free(p);
}

static const struct setting settings[] = {
	{.name = "near", .limit = 160, .share = 90, .concurrency = 8, .way_ms = 5},
	{.name = "far",
         .limit = 160,
         .share = 90,
         .concurrency = 8,
         .way_ms = 100,
         .jitter_ms = 50},
	{.name = "whole share",
         .limit = 160,
         .share = 100,
         .concurrency = 8,
         .way_ms = 20,
         .jitter_ms = 20},
	{.name = "rounded",
         .limit = 160,
         .share = 90,
         .concurrency = 8,
         .way_ms = 20,
         .jitter_ms = 100,
         .is_rounded = true},
	{.name = "many at once",
         .limit = 160,
         .share = 90,
         .concurrency = 256,
         .way_ms = 50,
         .jitter_ms = 100},
	{.name = "search",
         .limit = 16,
         .share = 90,
         .concurrency = 8,
         .way_ms = 30,
         .jitter_ms = 60},
	{.name = "overtaking",
         .limit = 240,
         .share = 90,
         .concurrency = 32,
         .way_ms = 10,
         .jitter_ms = 900},
	{.name = "fixed phase",
         .limit = 160,
         .share = 100,
         .concurrency = 32,
         .way_ms = 10,
         .jitter_ms = 50,
         .is_idle_free = true},
	{.name = "silent",
         .limit = 160,
         .share = 90,
         .concurrency = 8,
         .way_ms = 20,
         .jitter_ms = 30,
         .is_silent = true},
	{.name = "one", .limit = 1, .share = 90, .concurrency = 8, .way_ms = 20, .jitter_ms = 30},
};

static void the_share_is_used_whole_and_never_passed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		for (uint64_t seed = 1; seed <= 3; seed++) {
			static struct sim sim;
			struct setting s = settings[i];
			uint64_t ours;

			s.start_limit = s.limit;
			run(&sim, &s, n_windows * window_ms, seed);
			ours = (uint64_t)s.limit * s.share / 100;
			ours = ours ? ours : 1;
			if (sim.n_refused * 100 > sim.n_ok)
				fail_msg("%s: %u refused of %u", s.name, (unsigned)sim.n_refused,
				         (unsigned)sim.n_ok);
			if (sim.n_ok * 100 < n_windows * ours * 99 || sim.worst_window > ours)
				fail_msg("%s: %u in %u windows of %u, worst %u", s.name,
				         (unsigned)sim.n_ok, n_windows, (unsigned)ours,
				         (unsigned)sim.worst_window);
		}
	}
}

static void a_wrong_start_value_is_corrected_both_ways(void **state)
{
	static struct sim sim;
	struct setting s = {
		.name = "start", .limit = 160, .share = 90, .concurrency = 8, .way_ms = 20};

	(void)state;
	s.start_limit = 16;
	run(&sim, &s, n_windows * window_ms, 1);
	check(sim.n_ok >= (n_windows - 1) * 144U);
	check_eq(sim.n_refused, 0);
	s.start_limit = 100000;
	run(&sim, &s, n_windows * window_ms, 1);
	check(sim.n_ok >= (n_windows - 1) * 144U);
	check_eq(sim.worst_window, 144);
}

static void what_others_use_is_left_to_them(void **state)
{
	static struct sim sim;
	struct setting s = {.name = "others",
	                    .limit = 160,
	                    .start_limit = 160,
	                    .share = 90,
	                    .concurrency = 8,
	                    .way_ms = 20,
	                    .others_per_window = 100};

	(void)state;
	run(&sim, &s, n_windows * window_ms, 1);
	check_eq(sim.worst_window, 144);
	check_eq(sim.n_refused, 0);
	check(sim.n_ok >= n_windows * 44U - 44);
	s.others_per_window = 160;
	run(&sim, &s, n_windows * window_ms, 1);
	/* Somebody else eats it all: we ask a few times a window and are told no. */
	check_eq(sim.n_ok, 0);
	check(sim.n_refused <= n_windows * 8U);
}

static void a_slow_stream_with_pauses_is_never_refused(void **state)
{
	static struct sim sim;
	struct setting s = {.name = "slow",
	                    .limit = 20,
	                    .start_limit = 20,
	                    .share = 100,
	                    .concurrency = 16,
	                    .way_ms = 200,
	                    .jitter_ms = 400};

	(void)state;
	for (s.think_ms = 50; s.think_ms < 20000; s.think_ms = s.think_ms * 3 + 17) {
		for (uint64_t seed = 1; seed <= 3; seed++) {
			run(&sim, &s, n_windows * window_ms, seed);
			if (sim.n_refused * 100 > sim.n_ok)
				fail_msg("every %u ms: %u refused of %u", s.think_ms,
				         (unsigned)sim.n_refused, (unsigned)sim.n_ok);
		}
	}
}

static const struct rate_info nothing_said;

static struct rate_info said(uint32_t limit, uint32_t remaining, uint64_t reset_ms)
{
	return (struct rate_info){true, true, true, limit, remaining, reset_ms};
}

/* So much after the end that answers tell the next window is begun. */
enum { border_ms = 20 };

static void an_answer_of_the_window_before_says_nothing_of_this_one(void **state)
{
	struct pace *p = pace_new(100, 0, 0);
	const unsigned g = pace_group(p, "write", 10, 8000);
	struct rate_info rate = said(10, 9, 8000);

	(void)state;
	check_eq(pace_take(p, g, 1000), 0);
	pace_answer(p, g, &rate, 1000); /* the window ends at 9000 */
	check_eq(pace_take(p, g, 8990), 0);
	check_eq(pace_take(p, g, 9000 + border_ms), 0);
	rate = said(10, 9, 7970);
	pace_answer(p, g, &rate, 9030);
	rate = said(10, 0, 5); /* sent at 8990, overtaken on its way back */
	pace_answer(p, g, &rate, 9040);
	for (int i = 0; i < 9; i++)
		check_eq(pace_take(p, g, 9050), 0);
	check_eq(pace_take(p, g, 9050), 17000 + border_ms - 9050);
	pace_free(p);
}

static void the_smallest_remaining_of_a_window_counts(void **state)
{
	struct pace *p = pace_new(100, 0, 0);
	const unsigned g = pace_group(p, "write", 10, 8000);
	struct rate_info rate;

	(void)state;
	check_eq(pace_take(p, g, 1000), 0);
	check_eq(pace_take(p, g, 1000), 0);
	rate = said(10, 3, 7900);
	pace_answer(p, g, &rate, 1100);
	rate = said(10, 9, 7990);
	pace_answer(p, g, &rate, 1110); /* older than the one before it */
	for (int i = 0; i < 3; i++)
		check_eq(pace_take(p, g, 1200), 0);
	check_eq(pace_take(p, g, 1200), 7800 + border_ms);
	pace_free(p);
}

static void whole_seconds_do_not_stretch_the_window(void **state)
{
	struct pace *p = pace_new(100, 0, 0);
	const unsigned g = pace_group(p, "write", 2, 8000);
	struct rate_info rate;

	(void)state;
	check_eq(pace_take(p, g, 1000), 0);
	check_eq(pace_take(p, g, 1000), 0);
	rate = said(2, 1, 8000);
	pace_answer(p, g, &rate, 1050);
	rate = said(2, 0, 7000); /* 6.1 s rounded up, and it says more of the end than the first */
	pace_answer(p, g, &rate, 1900);
	check_eq(pace_take(p, g, 2000), 8900 + border_ms - 2000);
	pace_free(p);
}

static void a_hold_keeps_everything_back_and_the_longest_wins(void **state)
{
	struct pace *p = pace_new(100, 0, 0);
	const unsigned g = pace_group(p, "write", 10, 8000),
		       other = pace_group(p, "read", 10, 8000);

	(void)state;
	pace_hold(p, g, 5000);
	pace_hold(p, g, 3000);
	check_eq(pace_take(p, g, 1000), 4000);
	check_eq(pace_take(p, other, 1000), 0);
	check_eq(pace_take(p, g, 5000), 0);
	pace_free(p);
}

static void what_was_not_sent_is_there_again(void **state)
{
	struct pace *p = pace_new(100, 0, 0);
	const unsigned g = pace_group(p, "write", 1, 8000);

	(void)state;
	check_eq(pace_take(p, g, 1000), 0);
	check(pace_take(p, g, 1000) > 0);
	pace_give_back(p, g);
	check_eq(pace_take(p, g, 1000), 0);
	pace_free(p);
}

static void answers_that_never_came_do_not_stop_the_next_windows(void **state)
{
	struct pace *p = pace_new(100, 0, 0);
	const unsigned g = pace_group(p, "write", 2, 8000);

	(void)state;
	for (uint64_t now = 1000; now < 100000; now += 10000) {
		check_eq(pace_take(p, g, now), 0);
		check_eq(pace_take(p, g, now), 0);
		check(pace_take(p, g, now) > 0);
		pace_answer(p, g, &nothing_said, now + 9000);
		pace_answer(p, g, &nothing_said, now + 9000);
	}
	pace_free(p);
}

static void groups_have_one_number_and_windows_of_their_own(void **state)
{
	struct pace *p = pace_new(100, 0, 0);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		check_eq(pace_group(p, "write", 1, 8000), 0);
		check_eq(pace_group(p, "search", 1, 8000), 1);
	}
	check_eq(pace_take(p, 0, 1000), 0);
	check_eq(pace_take(p, 1, 1000), 0);
	pace_free(p);
}

static void the_ceiling_holds_in_every_stretch_of_its_length(void **state)
{
	static uint64_t taken[4000];
	struct pace *p = pace_new(100, 60, 60000);
	const unsigned g = pace_group(p, "write", 1000, 1000);
	uint64_t random = 1, now = 1;
	unsigned n = 0;

	(void)state;
	while (n < 4000) {
		random = random * 6364136223846793005U + 1442695040888963407U;
		now += (random >> 33) % (random >> 60 ? 400 : 90000);
		while (n < 4000 && !pace_take(p, g, now)) {
			pace_answer(p, g, &nothing_said, now);
			taken[n++] = now;
		}
	}
	for (unsigned i = 60; i < n; i++)
		check(taken[i] - taken[i - 60] > 60000);
	pace_free(p);
}

struct kept {
	uint64_t now, at_ms[10];
};

static void keep(void *arg, uint64_t slot)
{
	struct kept *kept = arg;

	check(slot < 10);
	kept->at_ms[slot] = kept->now;
}

static void what_a_process_before_has_taken_counts(void **state)
{
	struct kept kept = {.now = 1000};
	struct pace *p = pace_new(100, 10, 60000);

	(void)state;
	(void)pace_group(p, "write", 1000, 1000);
	pace_keep(p, keep, &kept);
	for (; kept.now < 17000; kept.now += 1000)
		(void)pace_take(p, 0, kept.now);
	pace_free(p);

	/* It had taken ten, one a second; the next has a lower ceiling. */
	p = pace_new(100, 4, 60000);
	(void)pace_group(p, "write", 1000, 1000);
	for (unsigned i = 0; i < 10; i++)
		pace_was_taken(p, kept.at_ms[i]);
	check(pace_take(p, 0, 17000) > 7000 + 60000 - 17000);
	check_eq(pace_take(p, 0, 7000 + 60000 + 300), 0);
	check(pace_take(p, 0, 7000 + 60000 + 300) > 0);
	pace_free(p);

	/* Slots go on behind those that were restored. */
	p = pace_new(100, 10, 60000);
	(void)pace_group(p, "write", 1000, 1000);
	for (unsigned i = 0; i < 3; i++)
		pace_was_taken(p, kept.at_ms[i]);
	kept = (struct kept){.now = 20000};
	pace_keep(p, keep, &kept);
	check_eq(pace_take(p, 0, kept.now), 0);
	check_eq(kept.at_ms[3], 20000);
	pace_free(p);
}

static void a_steady_stream_comes_near_the_ceiling(void **state)
{
	struct pace *p = pace_new(100, 20, 1000);
	const unsigned g = pace_group(p, "write", 1000, 1000);
	unsigned n = 0;

	(void)state;
	for (uint64_t now = 1; now <= 100000; now++) {
		while (!pace_take(p, g, now)) {
			pace_answer(p, g, &nothing_said, now);
			n++;
		}
	}
	check(n >= 1960 && n <= 2000);
	pace_free(p);
}

static void a_huge_ceiling_is_kept_with_little_memory(void **state)
{
	struct pace *p = pace_new(100, 1000000, 60000);
	const unsigned g = pace_group(p, "write", 10000000, 60000);
	unsigned n = 0;

	(void)state;
	for (uint64_t now = 1; now <= 60000; now++) {
		while (!pace_take(p, g, now)) {
			pace_answer(p, g, &nothing_said, now);
			n++;
		}
	}
	check(n <= 1000000);
	check(n >= 900000);
	pace_free(p);
}

static void lookups_leave_half_of_the_ceiling_to_writes_that_wait(void **state)
{
	struct pace *p = pace_new(100, 10, 1000);
	const unsigned write = pace_group(p, "write", 100000, 1000);
	const unsigned search = pace_group(p, "search", 100000, 1000);
	unsigned n_writes = 0, n_searches = 0;

	(void)state;
	pace_set_lookup(p, search);
	for (uint64_t now = 1; now <= 20000; now++) {
		while (!pace_take(p, search, now)) {
			pace_answer(p, search, &nothing_said, now);
			n_searches++;
		}
		if (now < 10000)
			continue; /* until then nobody else wants any: all is theirs */
		while (!pace_take(p, write, now)) {
			pace_answer(p, write, &nothing_said, now);
			n_writes++;
		}
	}
	check(n_writes >= 45);
	check(n_searches >= 95 + 40);
	pace_free(p);
}

static void writes_that_went_away_do_not_hold_lookups_back(void **state)
{
	struct pace *p = pace_new(100, 2, 1000);
	const unsigned write = pace_group(p, "write", 100, 1000);
	const unsigned search = pace_group(p, "search", 100, 1000);

	(void)state;
	pace_set_lookup(p, search);
	check_eq(pace_take(p, search, 1), 0);
	check_eq(pace_take(p, search, 1), 0);
	check(pace_take(p, write, 2) > 0);
	check_eq(pace_take(p, search, 1500), 0);
	check(pace_take(p, search, 1500) > 0); /* the other half is kept for a second */
	check_eq(pace_take(p, search, 2100), 0);
	pace_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(the_share_is_used_whole_and_never_passed),
		sentence(a_wrong_start_value_is_corrected_both_ways),
		sentence(what_others_use_is_left_to_them),
		sentence(a_slow_stream_with_pauses_is_never_refused),
		sentence(an_answer_of_the_window_before_says_nothing_of_this_one),
		sentence(the_smallest_remaining_of_a_window_counts),
		sentence(whole_seconds_do_not_stretch_the_window),
		sentence(a_hold_keeps_everything_back_and_the_longest_wins),
		sentence(what_was_not_sent_is_there_again),
		sentence(answers_that_never_came_do_not_stop_the_next_windows),
		sentence(groups_have_one_number_and_windows_of_their_own),
		sentence(the_ceiling_holds_in_every_stretch_of_its_length),
		sentence(what_a_process_before_has_taken_counts),
		sentence(a_steady_stream_comes_near_the_ceiling),
		sentence(a_huge_ceiling_is_kept_with_little_memory),
		sentence(lookups_leave_half_of_the_ceiling_to_writes_that_wait),
		sentence(writes_that_went_away_do_not_hold_lookups_back),
	};

	return run_sentences(tests);
}
