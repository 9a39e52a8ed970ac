#include "connector/delivery/journal_schema.h"
#include "tests/unit/delivery_case.h"
#include "tests/unit/virtual_clock.h"

#include <stdio.h>
#include <string.h>

/* The network is down, the server fails, the disk is full: what waits, what is tried, what stops.
 */

static const struct fake_reply not_sent, broken = {.n_sends = 1, .status = 503};

static void unreachable(struct world *of, struct http_transfer *t)
{
	(void)of;
	fake_end(t, &not_sent);
}

static bool is_trial(const struct http_transfer *t)
{
	return !strcmp(fake_url(t), "http://close/api/v1/me/");
}

/* delivery.retry_for */

static void unreachable_for_retry_for_stops_with_69_at_that_time(void **state)
{
	const uint64_t n = world_create(w, "77");

	(void)state;
	w->serve = unreachable;
	world_turn(w); /* the first failure */
	world_pass(w, 3599900);
	check_eq(w->n_stops, 0);
	world_pass(w, 100);
	check_eq(w->n_stops, 1);
	check_eq(w->code, EXIT_UNREACHABLE);
	check(strstr(w->sentence, "Nothing was sent"));
	check(strstr(w->sentence, "3600 s (delivery.retry_for)"));
	check_eq(world_row_state(w, n), REQUEST_PLANNED);
	check_eq(ending(n)->n_times, 0);
}

static void a_success_before_that_starts_the_time_again(void **state)
{
	(void)state;
	w->serve = unreachable;
	(void)world_create(w, "1");
	world_pass(w, 3000000);
	w->serve = world_says_yes;
	world_pass(w, 70000);
	check_eq(ending(1)->outcome, OUTCOME_DELIVERED);
	w->serve = unreachable;
	(void)world_create(w, "2");
	world_pass(w, 3500000);
	check_eq(w->n_stops, 0);
	world_pass(w, 200000);
	check_eq(w->n_stops, 1);
}

static void only_updates_fail(struct world *of, struct http_transfer *t)
{
	if (!strcmp(fake_method(t), "PUT"))
		fake_end(t, &broken);
	else
		world_says_yes(of, t);
}

static void the_sentence_says_why_though_other_groups_are_well(void **state)
{
	static const struct sketch other = {.class = CLASS_C, .group = "delete-other"};

	(void)state;
	(void)world_put(w, "lead_A");
	w->serve = only_updates_fail;
	for (int i = 0; i < 370 && !w->n_stops; i++) {
		(void)world_submit(w, &other);
		world_pass(w, 10000);
	}
	check_eq(w->code, EXIT_UNREACHABLE);
	check(strstr(w->sentence, "503"));
}

static void a_wait_for_quota_in_between_does_not_delay_the_end(void **state)
{
	static const struct fake_reply last = {.n_sends = 1, .status = 0, .headers = NULL};
	static const struct fake_reply limited = {
		.n_sends = 1, .status = 429, .headers = "RateLimit: limit=9, remaining=0, reset=3"};

	(void)state;
	w->config.retry_for_ms = 20000;
	world_restart(w);
	(void)world_put(w, "lead_A");
	(void)world_put(w, "lead_B");
	world_turn(w);
	world_reply(w, &last);
	world_reply(w, &limited);
	world_pass(w, 19900); /* they are sent again, and no answer comes */
	check_eq(w->n_stops, 0);
	world_pass(w, 100);
	check_eq(w->n_stops, 1);
}

static void a_group_in_which_nothing_waits_stops_no_run(void **state)
{
	(void)state;
	(void)world_create(w, NULL);
	world_turn(w);
	world_answer(w, 0, NULL);
	check_eq(ending(1)->outcome, OUTCOME_HELD);
	world_pass(w, 4000000);
	check_eq(w->n_stops, 0);
	/* And what comes much later has all the time there is. */
	(void)world_put(w, "lead_A");
	world_turn(w);
	world_answer(w, 0, NULL);
	w->serve = unreachable;
	world_pass(w, 3500000);
	check_eq(w->n_stops, 0);
}

/* The breaker */

static void fail_five_times(void)
{
	for (uint64_t i = 0; i < 5; i++) {
		char lead[16];

		(void)snprintf(lead, sizeof(lead), "lead_%llu", (unsigned long long)i);
		(void)world_put(w, lead);
	}
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 5);
	for (int i = 0; i < 5; i++)
		world_reply(w, &broken);
}

static void after_five_failures_only_me_is_asked(void **state)
{
	(void)state;
	fail_five_times();
	for (int i = 0; i < 5; i++)
		(void)world_create(w, NULL);
	world_pass(w, 120000);
	check_eq(http_in_flight(w->engine.http), 1);
	check(is_trial(world_flying(w, 0)));
	check_text(fake_method(world_flying(w, 0)), "GET");
	check_eq(fake_n_started(w->engine.http), 6);
}

static void when_me_is_answered_one_request_goes_alone_and_then_all(void **state)
{
	(void)state;
	fail_five_times();
	world_pass(w, 60000);
	world_answer(w, 200, "{\"id\":\"user_1\"}");
	world_pass(w, 5000);
	check_eq(http_in_flight(w->engine.http), 1);
	check(world_number(world_flying(w, 0)));
	world_answer(w, 200, "{}");
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 4);
}

static void when_the_one_fails_me_is_asked_again(void **state)
{
	(void)state;
	fail_five_times();
	world_pass(w, 60000);
	world_answer(w, 200, "{\"id\":\"user_1\"}");
	world_pass(w, 100);
	world_reply(w, &broken);
	world_pass(w, 60000);
	check_eq(http_in_flight(w->engine.http), 1);
	check(is_trial(world_flying(w, 0)));
}

static void ten_failures_among_twenty_open_it_though_the_last_succeeded(void **state)
{
	static const struct sketch sketch = {.method = METHOD_PUT, .class = CLASS_R};

	(void)state;
	for (int i = 0; i < 10; i++) {
		(void)world_submit(w, &sketch);
		(void)world_submit(w, &sketch);
		world_turn(w);
		world_reply(w, &not_sent);
		world_answer(w, 200, "{}");
	}
	(void)world_create(w, NULL);
	world_pass(w, 1000);
	check_eq(http_in_flight(w->engine.http), 1);
	check(is_trial(world_flying(w, 0)));
	w->serve = world_says_yes;
	world_pass(w, 70000);
	check(delivery_is_idle(w->engine.delivery));
}

static void creates_fail_and_me_answers(struct world *of, struct http_transfer *t)
{
	if (is_trial(t))
		world_says_yes(of, t);
	else
		fake_end(t, &broken);
}

/* Else a server that fails only at creates would have the whole input unknown in a minute. */
static void while_only_me_is_answered_few_creates_are_risked(void **state)
{
	char identity[16];

	(void)state;
	for (int i = 0; i < 200; i++) {
		(void)snprintf(identity, sizeof(identity), "%d", i);
		(void)world_create(w, identity);
	}
	w->serve = creates_fail_and_me_answers;
	world_pass(w, 600000);
	/* Eight were on their way at first; then one for each back-off, up to a minute long. */
	check(fake_n_started(w->engine.http) < 2 * 60);
	check_eq(w->n_stops, 0);
	w->serve = world_says_yes;
	world_pass(w, 70000);
	check_eq(ending(200)->outcome, OUTCOME_DELIVERED);
}

static void trouble_of_one_group_stops_no_other(void **state)
{
	static const struct sketch other = {.class = CLASS_C, .group = "delete-other"};

	(void)state;
	fail_five_times();
	(void)world_submit(w, &other);
	world_turn(w);
	for (unsigned at = 0; at < http_in_flight(w->engine.http); at++)
		if (world_number(world_flying(w, at)) == 6)
			return;
	fail_msg("the request of the other group was not sent");
}

/* Calls */

static const struct http_answer *final;
static unsigned n_done;

static void call_done(void *arg, const struct http_answer *answer)
{
	(void)arg;
	n_done++;
	final = answer;
}

static void ask(void)
{
	const struct delivery_call call = {.method = CALL_POST,
	                                   .group = "search",
	                                   .url = strdup("/data/search/"),
	                                   .body = strdup("{}"),
	                                   .done = call_done};

	n_done = 0;
	delivery_ask(w->engine.delivery, &call);
}

static void a_call_is_tried_until_there_is_a_final_answer(void **state)
{
	static const struct fake_reply limited = {
		.n_sends = 1, .status = 429, .headers = "RateLimit: limit=9, remaining=0, reset=1"};
	static const struct fake_reply cut = {
		.n_sends = 1, .status = 200, .body = "{\"data\":[", .is_cut = true};
	const struct fake_reply *const replies[] = {&not_sent, &broken, &limited, &cut};

	(void)state;
	ask();
	world_turn(w);
	for (size_t i = 0; i < sizeof(replies) / sizeof(*replies); i++) {
		check_eq(http_in_flight(w->engine.http), 1);
		world_reply(w, replies[i]);
		check_eq(n_done, 0);
		world_pass(w, 5000);
	}
	world_answer(w, 200, "{\"data\":[]}");
	check_eq(n_done, 1);
	check(final);
}

static void five_calls_answered_by_a_web_page_stop_with_69(void **state)
{
	(void)state;
	ask();
	world_turn(w);
	for (int i = 0; i < 5; i++) {
		check_eq(w->n_stops, 0);
		check_eq(n_done, 0);
		world_answer(w, 200, "<html>Please log in");
		world_pass(w, 20000);
	}
	check_eq(w->n_stops, 1);
	check_eq(w->code, EXIT_UNREACHABLE);
	check_eq(n_done, 1);
	check_null(final);
	check_eq(http_in_flight(w->engine.http), 0);
}

static void a_stop_tells_those_whose_call_is_not_made_any_more(void **state)
{
	(void)state;
	ask();
	delivery_stop(w->engine.delivery, EXIT_AGAIN, "a signal");
	check_eq(n_done, 1);
	check_null(final);
	ask();
	check_eq(n_done, 1);
	check_null(final);
}

static void a_call_that_backs_off_hears_of_a_stop_too(void **state)
{
	(void)state;
	ask();
	world_turn(w);
	world_reply(w, &broken);
	delivery_stop(w->engine.delivery, EXIT_AGAIN, "a signal");
	world_pass(w, 60000);
	check_eq(n_done, 1);
	check_null(final);
}

static void proofs_have_a_connection_though_requests_hold_all_others(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		(void)world_create(w, NULL);
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 8);
	ask();
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 9);
	world_answer(w, 200, "{}");
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 8 + 1 - 1);
}

/* A full disk: more than is in reserve does not fit any more, little things do. */

static void limit_pages(const char *pages)
{
	char sql[80];

	(void)snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %s", pages);
	check_eq(store_exec(w->engine.journal->store, sql, NULL), 0);
}

static void with_a_full_disk_outcomes_are_recorded_and_nothing_new_is_sent(void **state)
{
	static const struct sketch large = {.class = CLASS_A, .body_bytes = 12 << 20};
	const uint64_t small = world_create(w, NULL);
	struct delivery_state look;
	uint64_t n;

	(void)state;
	world_turn(w);
	limit_pages("1"); /* that is: no more than there are */
	n = world_submit(w, &large);
	delivery_turn(w->engine.delivery);
	world_answer(w, 200, "{}");
	world_commit(w);
	check(ending(small)->is_durable);
	check_eq(ending(small)->outcome, OUTCOME_DELIVERED);
	check_eq(fake_n_started(w->engine.http), 1);
	check_eq(world_row_state(w, n), -1);
	check(delivery_is_quiet(w->engine.delivery));
	delivery_look(w->engine.delivery, &look);
	check(look.is_full);
	check(strstr(look.trouble, "disk"));
	world_pass(w, 30000);
	check_eq(fake_n_started(w->engine.http), 1);
	check_eq(w->n_stops, 0);

	limit_pages("1000000");
	world_pass(w, 1100);
	check_eq(fake_n_started(w->engine.http), 2);
	check_eq(world_row_state(w, n), REQUEST_INTENT);
	world_answer(w, 200, "{}");
	world_turn(w);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
}

static void an_intent_without_room_leaves_a_stored_request_planned(void **state)
{
	static const struct sketch large = {.class = CLASS_A, .body_bytes = 12 << 20};
	const struct sketch stored = {.class = CLASS_D};
	const uint64_t n = world_submit(w, &stored);

	(void)state;
	world_turn(w);
	world_reply(w, &not_sent);
	world_turn(w);
	limit_pages("1");
	virtual_clock_pass(600);
	(void)world_submit(w, &large);
	world_turn(w); /* both INTENTs in one transaction, which finds no room */
	check_eq(http_in_flight(w->engine.http), 0);
	world_commit(w);
	check_eq(world_row_state(w, n), REQUEST_PLANNED);
}

int main(void)
{
#define in_world(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		in_world(unreachable_for_retry_for_stops_with_69_at_that_time),
		in_world(a_success_before_that_starts_the_time_again),
		in_world(the_sentence_says_why_though_other_groups_are_well),
		in_world(a_wait_for_quota_in_between_does_not_delay_the_end),
		in_world(a_group_in_which_nothing_waits_stops_no_run),
		in_world(after_five_failures_only_me_is_asked),
		in_world(when_me_is_answered_one_request_goes_alone_and_then_all),
		in_world(when_the_one_fails_me_is_asked_again),
		in_world(ten_failures_among_twenty_open_it_though_the_last_succeeded),
		in_world(while_only_me_is_answered_few_creates_are_risked),
		in_world(trouble_of_one_group_stops_no_other),
		in_world(a_call_is_tried_until_there_is_a_final_answer),
		in_world(five_calls_answered_by_a_web_page_stop_with_69),
		in_world(a_stop_tells_those_whose_call_is_not_made_any_more),
		in_world(a_call_that_backs_off_hears_of_a_stop_too),
		in_world(proofs_have_a_connection_though_requests_hold_all_others),
		in_world(with_a_full_disk_outcomes_are_recorded_and_nothing_new_is_sent),
		in_world(an_intent_without_room_leaves_a_stored_request_planned),
	};

	return run_sentences(tests);
}
