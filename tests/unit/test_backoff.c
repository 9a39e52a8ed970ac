#include "lib/backoff.h"
#include "tests/unit/check.h"

static void waits_grow_to_a_minute_and_never_pass_their_ceiling(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct backoff b;
		uint64_t ceiling = 500;

		backoff_init(&b, seed);
		for (int i = 0; i < 30; i++) {
			const uint64_t wait = backoff_next(&b);

			check(wait >= 1 && wait <= ceiling);
			ceiling = ceiling * 2 > 60000 ? 60000 : ceiling * 2;
		}
	}
}

static void waits_fill_the_whole_range_evenly(void **state)
{
	unsigned n_low = 0, n = 20000;
	uint64_t sum = 0;

	(void)state;
	for (uint64_t seed = 0; seed < n; seed++) {
		struct backoff b;
		uint64_t wait = 0;

		backoff_init(&b, seed);
		for (int i = 0; i < 8; i++)
			wait = backoff_next(&b); /* the eighth: up to 60 s */
		sum += wait;
		n_low += wait <= 6000;
	}
	check(sum / n > 29000 && sum / n < 31000);
	check(n_low > n / 10 - 200 && n_low < n / 10 + 200);
}

static void neighbouring_seeds_wait_differently_and_a_seed_always_alike(void **state)
{
	struct backoff a, b, again;
	unsigned n_equal = 0;

	(void)state;
	backoff_init(&a, 7);
	backoff_init(&b, 8);
	backoff_init(&again, 7);
	for (int i = 0; i < 100; i++) {
		const uint64_t wait = backoff_next(&a);

		n_equal += wait == backoff_next(&b);
		check_eq(wait, backoff_next(&again));
	}
	check(n_equal < 10);
}

static void five_failures_in_a_row_open_the_breaker(void **state)
{
	struct breaker b;

	(void)state;
	breaker_init(&b);
	for (int i = 0; i < 4; i++)
		breaker_failed(&b);
	breaker_succeeded(&b);
	for (int i = 0; i < 4; i++)
		breaker_failed(&b);
	check(!breaker_is_open(&b));
	breaker_failed(&b);
	check(breaker_is_open(&b));
}

static void half_of_the_last_twenty_open_it_but_not_of_the_first_ten(void **state)
{
	struct breaker b;

	(void)state;
	breaker_init(&b);
	for (int i = 0; i < 9; i++) {
		breaker_failed(&b);
		breaker_succeeded(&b);
	}
	breaker_succeeded(&b);
	check(!breaker_is_open(&b));
	breaker_failed(&b);
	check(breaker_is_open(&b));
}

static void old_failures_are_forgotten(void **state)
{
	struct breaker b;

	(void)state;
	breaker_init(&b);
	for (int i = 0; i < 1000; i++) {
		if (i % 5 < 2)
			breaker_failed(&b);
		else
			breaker_succeeded(&b);
		check(!breaker_is_open(&b)); /* two of five are fewer than half */
	}
}

static void only_a_trial_leads_out_of_open(void **state)
{
	struct breaker b;

	(void)state;
	breaker_init(&b);
	breaker_half_open(&b);
	check_eq(b.state, BREAKER_CLOSED);
	for (int i = 0; i < 5; i++)
		breaker_failed(&b);
	breaker_succeeded(&b); /* was on its way before */
	breaker_failed(&b);
	check(breaker_is_open(&b));
	breaker_half_open(&b);
	check(!breaker_is_open(&b));
	breaker_failed(&b);
	check(breaker_is_open(&b)); /* one is enough now */
	breaker_half_open(&b);
	breaker_succeeded(&b);
	for (int i = 0; i < 4; i++)
		breaker_failed(&b);
	check(!breaker_is_open(&b)); /* it starts afresh */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(waits_grow_to_a_minute_and_never_pass_their_ceiling),
		sentence(waits_fill_the_whole_range_evenly),
		sentence(neighbouring_seeds_wait_differently_and_a_seed_always_alike),
		sentence(five_failures_in_a_row_open_the_breaker),
		sentence(half_of_the_last_twenty_open_it_but_not_of_the_first_ten),
		sentence(old_failures_are_forgotten),
		sentence(only_a_trial_leads_out_of_open),
	};

	return run_sentences(tests);
}
