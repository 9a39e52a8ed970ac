#include "lib/token_life.h"

#include "tests/unit/check.h"

static const struct tokens hour = {.got_wall_ms = 1000000, .life_ms = 3600000};
static const struct tokens minute = {.got_wall_ms = 1000000, .life_ms = 60000};

static void an_hour_is_renewed_five_minutes_and_left_ten_seconds_before_its_end(void **state)
{
	const struct token_life life = token_life_of(&hour, 0, 7000);

	(void)state;
	check_eq(life.due_ms, 7000 + 3300000);
	check_eq(life.due_wall_ms, 1000000 + 3300000);
	check_eq(life.end_ms, 7000 + 3590000);
}

static void a_minute_is_renewed_a_fifth_and_left_a_twentieth_before_its_end(void **state)
{
	const struct token_life life = token_life_of(&minute, 0, 7000);

	(void)state;
	check_eq(life.due_ms, 7000 + 48000);
	check_eq(life.end_ms, 7000 + 57000);
}

static void what_is_over_of_it_is_not_lived_again(void **state)
{
	(void)state;
	check_eq(token_life_of(&hour, 1800000, 7000).due_ms, 7000 + 1500000);
	check_eq(token_life_of(&hour, 3500000, 7000).due_ms, 7000);
	check_eq(token_life_of(&hour, 3500000, 7000).end_ms, 7000 + 90000);
	check_eq(token_life_of(&hour, 9000000, 7000).end_ms, 7000);
}

static void either_clock_makes_it_due(void **state)
{
	const struct token_life life = token_life_of(&hour, 0, 7000);

	(void)state;
	check(!token_life_is_due(&life, life.due_ms - 1, life.due_wall_ms - 1));
	check(token_life_is_due(&life, life.due_ms, life.due_wall_ms - 1));
	check(token_life_is_due(&life, life.due_ms - 1, life.due_wall_ms));
}

static void a_clock_that_was_set_back_makes_nothing_younger_than_new(void **state)
{
	(void)state;
	check_eq(token_age_ms(&hour, 1000), 0);
	check_eq(token_age_ms(&hour, 1000005), 5);
}

static void it_is_fresh_until_the_next_is_due_or_to_its_end(void **state)
{
	const int64_t got = 1000000;

	(void)state;
	check(token_is_fresh(&hour, got + 3299999, false));
	check(!token_is_fresh(&hour, got + 3300000, false));
	check(token_is_fresh(&hour, got + 3589999, true));
	check(!token_is_fresh(&hour, got + 3590000, true));
	check(!token_is_fresh(&(struct tokens){.got_wall_ms = got}, got, true));
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		cmocka_unit_test(
			an_hour_is_renewed_five_minutes_and_left_ten_seconds_before_its_end),
		cmocka_unit_test(a_minute_is_renewed_a_fifth_and_left_a_twentieth_before_its_end),
		cmocka_unit_test(what_is_over_of_it_is_not_lived_again),
		cmocka_unit_test(either_clock_makes_it_due),
		cmocka_unit_test(a_clock_that_was_set_back_makes_nothing_younger_than_new),
		cmocka_unit_test(it_is_fresh_until_the_next_is_due_or_to_its_end),
	};

	return run_sentences(sentences);
}
