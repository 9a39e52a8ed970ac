#include "connector/delivery/limits.h"
#include "tests/unit/check.h"

#include <string.h>

static void a_route_whose_first_25_calls_are_all_rejected_stops(void **state)
{
	struct limits l;
	char text[256];

	(void)state;
	limits_init(&l, LIMIT_DEFAULT, 0);
	for (int i = 0; i < 24; i++)
		check_null(limits_reject(&l, "leads", text));
	check(limits_reject(&l, "leads", text));
	limits_deinit(&l);
}

static void one_delivered_among_the_first_25_lets_the_route_go_on_to_1000_in_a_row(void **state)
{
	struct limits l;
	char text[256];

	(void)state;
	limits_init(&l, LIMIT_DEFAULT, 0);
	limits_delivered(&l, "leads", "lead.create");
	for (int i = 0; i < 999; i++)
		check_null(limits_reject(&l, "leads", text));
	check(limits_reject(&l, "leads", text));
	limits_deinit(&l);
}

static void a_count_and_a_share_are_obeyed_and_none_never_stops(void **state)
{
	struct limits l;
	char text[256];

	(void)state;
	limits_init(&l, LIMIT_COUNT, 2);
	check_null(limits_reject(&l, "r", text));
	check_null(limits_reject(&l, "r", text));
	check(limits_reject(&l, "r", text));
	limits_deinit(&l);

	limits_init(&l, LIMIT_SHARE, 10);
	for (int i = 0; i < 89; i++)
		limits_delivered(&l, "r", "o");
	for (int i = 0; i < 10; i++)
		check_null(
			limits_reject(&l, "r", text)); /* fewer than 100 answers, then 10% of 99 */
	check(limits_reject(&l, "r", text));           /* 11 of 100 */
	limits_deinit(&l);

	limits_init(&l, LIMIT_NONE, 0);
	for (int i = 0; i < 5000; i++)
		check_null(limits_reject(&l, "r", text));
	limits_deinit(&l);
}

static void five_403_in_a_row_on_one_operation_stop_and_a_success_between_starts_over(void **state)
{
	struct limits l;

	(void)state;
	limits_init(&l, LIMIT_DEFAULT, 0);
	for (int i = 0; i < 4; i++)
		check(!limits_forbidden(&l, "lead.create"));
	check(!limits_forbidden(&l, "contact.create"));
	limits_delivered(&l, "r", "lead.create");
	for (int i = 0; i < 4; i++)
		check(!limits_forbidden(&l, "lead.create"));
	check(limits_forbidden(&l, "lead.create"));
	limits_deinit(&l);
}

static void five_unreadable_answers_in_a_row_stop(void **state)
{
	struct limits l;

	(void)state;
	limits_init(&l, LIMIT_DEFAULT, 0);
	for (int i = 0; i < 4; i++)
		check(!limits_unreadable(&l));
	limits_readable(&l);
	for (int i = 0; i < 4; i++)
		check(!limits_unreadable(&l));
	check(limits_unreadable(&l));
	limits_deinit(&l);
}

static void as_many_deletes_as_allowed_are_made_and_not_one_more(void **state)
{
	struct limits l;
	char text[400];

	(void)state;
	limits_init(&l, LIMIT_DEFAULT, 0);
	check(!limits_may_destroy(&l, 0, text));
	check(strstr(text, "delivery.max_destroys: 0") && !strstr(text, "run again"));
	l.n_destroyed = 99;
	check(limits_may_destroy(&l, 100, text));
	l.n_destroyed = 100;
	check(!limits_may_destroy(&l, 100, text));
	check(strstr(text, "100 deletes and merges") && strstr(text, "delivery.max_destroys"));
	l.n_destroyed = 1;
	check(!limits_may_destroy(&l, 1, text));
	check(strstr(text, "1 delete or merge,"));
	limits_deinit(&l);
}

static void who_goes_on_with_the_counts_of_another_stops_where_that_would_have(void **state)
{
	struct limits before, l;
	char text[256];

	(void)state;
	limits_init(&before, LIMIT_COUNT, 2);
	check(!limits_reject(&before, "r", text));
	check(!limits_reject(&before, "r", text));
	for (int i = 0; i < 4; i++) {
		check(!limits_forbidden(&before, "lead.create"));
		check(!limits_unreadable(&before));
	}
	before.n_destroyed = 7;

	limits_init(&l, LIMIT_COUNT, 2);
	limits_go_on(&l, &before);
	check(strstr(limits_reject(&l, "r", text), "3 calls"));
	check(limits_forbidden(&l, "lead.create"));
	check(limits_unreadable(&l));
	check_eq(l.n_destroyed, 7);
	limits_deinit(&before);
	limits_deinit(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_route_whose_first_25_calls_are_all_rejected_stops),
		sentence(one_delivered_among_the_first_25_lets_the_route_go_on_to_1000_in_a_row),
		sentence(a_count_and_a_share_are_obeyed_and_none_never_stops),
		sentence(five_403_in_a_row_on_one_operation_stop_and_a_success_between_starts_over),
		sentence(five_unreadable_answers_in_a_row_stop),
		sentence(as_many_deletes_as_allowed_are_made_and_not_one_more),
		sentence(who_goes_on_with_the_counts_of_another_stops_where_that_would_have),
	};

	return run_sentences(tests);
}
