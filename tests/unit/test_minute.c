#include "lib/minute.h"
#include "tests/unit/check.h"

/* Counted in virtual time: nothing here waits. */

static void nothing_came_so_nobody_can_say_when_it_is_done(void **state)
{
	struct minute m;

	(void)state;
	minute_begin(&m, 5000);
	check_eq(minute_rate(&m, 5000), 0);
	check_eq(minute_rate(&m, 500000), 0);
	check_eq(minute_forecast_ms(10, 0), -1);
	check_eq(minute_forecast_ms(0, 0), 0); /* it is done */
}

static void a_steady_pace_is_told_as_it_is(void **state)
{
	struct minute m;

	(void)state;
	minute_begin(&m, 0);
	for (uint64_t ms = 0; ms < 180000; ms += 500)
		minute_add(&m, 1, ms);
	check(minute_rate(&m, 180000) >= 118 && minute_rate(&m, 180000) <= 122);
	check_eq(minute_forecast_ms(240, 120), 120000);
}

static void a_minute_that_has_not_passed_is_reckoned_from_what_has(void **state)
{
	struct minute m;

	(void)state;
	minute_begin(&m, 1000000);
	minute_add(&m, 50, 1004000);
	check_eq(minute_rate(&m, 1010000), 300); /* 50 in ten seconds */
	minute_begin(&m, 1000000);
	minute_add(&m, 5, 1000001);
	check_eq(minute_rate(&m, 1000002), 300); /* and no thousands of a burst in a millisecond */
}

static void what_is_older_than_a_minute_does_not_count(void **state)
{
	struct minute m;

	(void)state;
	minute_begin(&m, 0);
	minute_add(&m, 6000, 100000);
	check(minute_rate(&m, 158000) >= 6000);
	check_eq(minute_rate(&m, 161000), 0);
	minute_add(&m, 1, 161000); /* its slot had another minute's count */
	check_eq(minute_rate(&m, 161500), 1);
	minute_add(&m, 1, 10000000); /* a long silence */
	check_eq(minute_rate(&m, 10000500), 1);
}

static void a_stall_slows_the_forecast_down(void **state)
{
	struct minute m;

	(void)state;
	minute_begin(&m, 0);
	for (uint64_t ms = 0; ms < 120000; ms += 100)
		minute_add(&m, 1, ms);
	check(minute_rate(&m, 120000) > 580);
	check(minute_rate(&m, 150000) < 320); /* half a minute without any */
	check_eq(minute_rate(&m, 181000), 0);
}

static void huge_numbers_do_not_wrap(void **state)
{
	(void)state;
	check_eq(minute_forecast_ms(UINT64_MAX, 1), INT64_MAX);
	check(minute_forecast_ms(UINT64_MAX / 2, 1000000) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(nothing_came_so_nobody_can_say_when_it_is_done),
		sentence(a_steady_pace_is_told_as_it_is),
		sentence(a_minute_that_has_not_passed_is_reckoned_from_what_has),
		sentence(what_is_older_than_a_minute_does_not_count),
		sentence(a_stall_slows_the_forecast_down),
		sentence(huge_numbers_do_not_wrap),
	};

	return run_sentences(tests);
}
