#include "tests/unit/oauth_world.h"

static void the_first_token_is_asked_for_with_the_one_of_the_pipeline(void **state)
{
	(void)state;
	begin(&a);
	check_eq(oauth_token(a.oauth), 0);
	check_text(fake_url(fake_in_flight(a.http, 0)), "https://close/oauth2/token/");
	check_text(fake_body(fake_in_flight(a.http, 0)),
	           "grant_type=refresh_token&client_id=app&client_secret=a%26secret&refresh_token="
	           "refresh.0");
	check_on_disk("refresh.0", true);
	check(oauth_is_busy(a.oauth));
	give(&a, 1);
	check_eq(oauth_token(a.oauth), 1);
	check_text(a.access, "access.1");
	check_on_disk("refresh.1", false);
	check(!oauth_is_busy(a.oauth));
}

static void it_is_renewed_five_minutes_before_its_end_and_used_until_then(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	pass(&a, 3299000);
	check_eq(fake_n_started(a.http), 1);
	pass(&a, 1000);
	check_eq(fake_n_started(a.http), 2);
	check_eq(oauth_token(a.oauth), 1);
	check(strstr(fake_body(fake_in_flight(a.http, 0)), "refresh_token=refresh.1"));
	give(&a, 2);
	check_eq(oauth_token(a.oauth), 2);
}

static void a_next_process_uses_what_is_there(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	kill_it(&a);
	virtual_clock_pass(1800000);
	begin(&b);
	check_eq(fake_n_started(b.http), 0);
	check_text(b.access, "access.1");
	pass(&b, 1500000);
	check_eq(fake_n_started(b.http), 1); /* half an hour of it was over */
}

static void a_clock_that_was_set_back_never_makes_a_token_live_longer(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	kill_it(&a);
	virtual_clock_set_back(86400000);
	begin(&b);
	check_eq(oauth_token(b.oauth), 1);
	pass(&b, 3300000);
	check_eq(fake_n_started(b.http), 1);
}

static void a_clock_that_was_set_forward_costs_a_refresh_and_no_wait(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	virtual_clock_set_forward(86400000);
	pass(&a, 60000);
	check_eq(fake_n_started(a.http), 2);
	check_eq(oauth_token(a.oauth), 1);
	give(&a, 2);
	pass(&a, 3000000);
	check_eq(fake_n_started(a.http), 2);
}

static void two_processes_ask_once(void **state)
{
	(void)state;
	begin(&a);
	begin(&b);
	check_eq(fake_n_started(a.http), 1);
	check_eq(fake_n_started(b.http), 0);
	check(strstr(oauth_trouble(b.oauth), "Another process"));
	pass(&b, 5000);
	check_eq(fake_n_started(b.http), 0);
	give(&a, 1);
	pass(&b, 1000);
	check_eq(fake_n_started(b.http), 0);
	check_text(b.access, "access.1");
	check_text(oauth_trouble(b.oauth), "");
}

static void a_killed_process_leaves_the_lock_to_the_other(void **state)
{
	(void)state;
	begin(&a);
	begin(&b);
	kill_it(&a);
	pass(&b, 1000);
	check_eq(fake_n_started(b.http), 1);
	give(&b, 1);
	check_eq(oauth_token(b.oauth), 1);
}

static void who_was_refused_takes_what_another_has_renewed(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	begin(&b);
	check_text(b.access, "access.1");
	check(oauth_refused(a.oauth, 1, false));
	check_eq(oauth_token(a.oauth), 0);
	give(&a, 2);
	check(oauth_refused(b.oauth, 1, false));
	check_eq(fake_n_started(b.http), 0);
	check_text(b.access, "access.2");
	check_eq(oauth_token(b.oauth), 2);
}

static void a_refusal_renews_once_for_all_calls_in_flight(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	check(oauth_refused(a.oauth, 1, false));
	check(oauth_refused(a.oauth, 1, false));
	check_eq(fake_n_started(a.http), 2);
	give(&a, 2);
	check(oauth_refused(a.oauth, 1, false)); /* it was sent before */
	check_eq(fake_n_started(a.http), 2);
	check_eq(oauth_token(a.oauth), 2);
}

static void a_call_refused_with_a_second_token_is_not_sent_a_third_time(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	check(oauth_refused(a.oauth, 1, false));
	give(&a, 2);
	check(!oauth_refused(a.oauth, 2, true));
	check_eq(fake_n_started(a.http), 2);
}

static void refusals_of_one_call_after_another_do_not_wear_out_the_server(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	check(oauth_refused(a.oauth, 1, false));
	give(&a, 2);
	check(oauth_refused(a.oauth, 2, false));
	check_eq(fake_n_started(a.http), 2);
	pass(&a, 29000);
	check_eq(fake_n_started(a.http), 2);
	pass(&a, 1000);
	check_eq(fake_n_started(a.http), 3);
}

static void a_token_that_others_ended_twice_is_replaced_by_theirs(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	begin(&b);
	check(oauth_refused(b.oauth, 1, false));
	give(&b, 2);
	check(oauth_refused(a.oauth, 1, false));
	check_text(a.access, "access.2");
	check(oauth_refused(a.oauth, 2, false)); /* what b has is not stored yet */
	check_eq(fake_n_started(a.http), 2);
	give(&a, 3);

	check(oauth_refused(b.oauth, 2, false));
	check_text(b.access, "access.3");
	pass(&b, 31000);
	check(oauth_refused(b.oauth, 3, false));
	check(oauth_refused(a.oauth, 3, false)); /* less than 30 s after its own, and b is asking */
	check_eq(oauth_token(a.oauth), 0);
	give(&b, 4);
	pass(&a, 1000);
	check_text(a.access, "access.4");
	check_eq(fake_n_started(a.http), 2);
}

static void who_may_not_ask_yet_takes_what_another_gets_meanwhile(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	check(oauth_refused(a.oauth, 1, false));
	give(&a, 2);
	begin(&b);
	check(oauth_refused(a.oauth, 2, false));
	check_eq(fake_n_started(a.http), 2);
	check(oauth_refused(b.oauth, 1, false)); /* its first one is access.2 */
	give(&b, 3);
	pass(&a, 1000);
	check_text(a.access, "access.3");
	check_eq(fake_n_started(a.http), 2);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		each(the_first_token_is_asked_for_with_the_one_of_the_pipeline),
		each(it_is_renewed_five_minutes_before_its_end_and_used_until_then),
		each(a_next_process_uses_what_is_there),
		each(a_clock_that_was_set_back_never_makes_a_token_live_longer),
		each(a_clock_that_was_set_forward_costs_a_refresh_and_no_wait),
		each(two_processes_ask_once),
		each(a_killed_process_leaves_the_lock_to_the_other),
		each(who_was_refused_takes_what_another_has_renewed),
		each(a_refusal_renews_once_for_all_calls_in_flight),
		each(a_call_refused_with_a_second_token_is_not_sent_a_third_time),
		each(refusals_of_one_call_after_another_do_not_wear_out_the_server),
		each(a_token_that_others_ended_twice_is_replaced_by_theirs),
		each(who_may_not_ask_yet_takes_what_another_gets_meanwhile),
	};

	return run_sentences(sentences);
}
