#include "tests/unit/delivery_case.h"
#include "tests/unit/virtual_clock.h"

#include <string.h>

/* Requests whose answer was lost, and what a restart makes of them. */

static void lose_the_answer(void)
{
	world_answer(w, 0, NULL);
}

/* PUT and DELETE */

static void a_put_with_a_lost_answer_is_sent_again_in_its_lane(void **state)
{
	const uint64_t first = world_put(w, "lead_A");

	(void)state;
	(void)world_put(w, "lead_A");
	world_turn(w);
	lose_the_answer();
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 0);
	check_eq(world_row_state(w, first), REQUEST_UNKNOWN);
	world_pass(w, 600);
	check_eq(http_in_flight(w->engine.http), 1);
	check_eq(world_number(world_flying(w, 0)), first);
}

static void its_lane_stays_closed_until_a_late_copy_cannot_come_any_more(void **state)
{
	const uint64_t first = world_put(w, "lead_A");
	uint64_t second;

	(void)state;
	world_turn(w);
	lose_the_answer();
	world_pass(w, 600);
	world_answer(w, 200, "{}");
	check_eq(ending(first)->outcome, OUTCOME_DELIVERED);
	second = world_put(w, "lead_A");
	world_pass(w, 329000);
	check_eq(http_in_flight(w->engine.http), 0);
	world_pass(w, 1000);
	check_eq(world_number(world_flying(w, 0)), second);
}

/* PUTs @lead, loses the answer, and is heard the second time, 600 ms later. */
static void repeat_put(const char *lead)
{
	(void)world_put(w, lead);
	world_turn(w);
	lose_the_answer();
	world_pass(w, 600);
	world_answer(w, 200, "{}");
	world_turn(w);
}

/* Nothing goes for @ms, and half a second later request @number does. */
static void check_goes_after(uint64_t ms, uint64_t number)
{
	world_pass(w, ms);
	check_eq(http_in_flight(w->engine.http), 0);
	world_pass(w, 500);
	check_eq(world_number(world_flying(w, 0)), number);
}

static void count_lane(void *arg, const char *key, int64_t until_wall_ms)
{
	unsigned *n = arg;

	(void)key;
	check(until_wall_ms > 0);
	(*n)++;
}

static unsigned n_closed_lanes(void)
{
	unsigned n = 0;

	check_eq(journal_each_closed_lane(w->engine.journal, count_lane, &n, NULL), 0);
	return n;
}

static void a_lane_that_was_closed_is_closed_for_the_rest_after_a_restart(void **state)
{
	uint64_t second;

	(void)state;
	repeat_put("lead_A");
	world_pass(w, 150000);
	world_restart(w);
	world_pass(w, 150000); /* a process that is restarted often gets there too */
	world_restart(w);
	check_eq(n_closed_lanes(), 1);
	second = world_put(w, "lead_A");
	check_goes_after(29200, second);
	check_eq(n_closed_lanes(), 0);
	world_answer(w, 200, "{}");
	world_turn(w);
	world_restart(w);
	(void)world_put(w, "lead_A");
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 1);
}

static void a_lane_whose_time_passed_while_nothing_ran_is_open(void **state)
{
	(void)state;
	repeat_put("lead_A");
	virtual_clock_pass(329500);
	world_restart(w);
	(void)world_put(w, "lead_A");
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 1);
	check_eq(n_closed_lanes(), 0);
}

static void a_clock_set_back_closes_a_lane_for_one_quarantine_at_most(void **state)
{
	(void)state;
	repeat_put("lead_A");
	virtual_clock_set_back(86400000);
	world_restart(w);
	world_pass(w, 300000);
	world_restart(w);
	check_goes_after(29700, world_put(w, "lead_A"));
}

static void a_closed_lane_is_told_while_somebody_waits_in_it(void **state)
{
	struct delivery_state look;

	(void)state;
	repeat_put("lead_A");
	world_pass(w, 10000);
	repeat_put("lead_B");
	delivery_look(w->engine.delivery, &look);
	check_eq(look.n_closed, 0);
	check(delivery_is_idle(w->engine.delivery)); /* a run may end now */

	(void)world_put(w, "lead_B");
	delivery_look(w->engine.delivery, &look);
	check_eq(look.n_closed, 1);
	check_text(look.closed, "lead_B");
	check_eq(look.first_opens_at_ms, loop_now_ms(w->engine.loop) - 600 + 330000);
	check_eq(look.last_opens_at_ms, look.first_opens_at_ms);
	check_eq(look.waiting_lane, 1);

	world_restart(w); /* of what waits nothing was stored, of the lanes all */
	(void)world_put(w, "lead_B");
	(void)world_put(w, "lead_A");
	(void)world_put(w, "lead_A");
	delivery_look(w->engine.delivery, &look);
	check_eq(look.n_closed, 2);
	check_text(look.closed, "lead_A");
	check_eq(look.last_opens_at_ms - look.first_opens_at_ms, 10600);
	world_pass(w, 319500);
	delivery_look(w->engine.delivery, &look);
	check_eq(look.n_closed, 1);
	check_text(look.closed, "lead_B");
}

static void every_lane_it_owned_is_closed_after_a_restart(void **state)
{
	static const struct sketch s = {
		.method = METHOD_PUT, .class = CLASS_U, .owns = "lead_A", .identity = "7"};

	(void)state;
	(void)world_submit(w, &s);
	world_turn(w);
	lose_the_answer();
	world_pass(w, 600);
	world_answer(w, 200, "{}");
	world_turn(w);
	world_restart(w);
	(void)world_put(w, "lead_A");
	(void)world_create(w, "7");
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 0);
	world_pass(w, 330000);
	check_eq(http_in_flight(w->engine.http), 2);
}

static void what_was_unknown_stays_unknown_though_its_repetition_was_not_sent(void **state)
{
	static const struct fake_reply not_sent;
	const uint64_t n = world_put(w, "lead_A");

	(void)state;
	world_turn(w);
	lose_the_answer();
	world_pass(w, 600);
	world_reply(w, &not_sent);
	world_turn(w);
	/* Were it simply planned, the next process would forget to close its lane. */
	check_eq(world_row_state(w, n), REQUEST_UNKNOWN);
	world_restart(w);
	world_pass(w, 600);
	world_answer(w, 200, "{}");
	(void)world_put(w, "lead_A");
	world_pass(w, 300000);
	check_eq(http_in_flight(w->engine.http), 0);
}

static const struct sketch deletes = {.method = METHOD_DELETE, .class = CLASS_U, .owns = "lead_A"};

static void a_404_after_a_lost_answer_to_a_delete_is_success(void **state)
{
	const uint64_t n = world_submit(w, &deletes);

	(void)state;
	world_turn(w);
	lose_the_answer();
	world_pass(w, 600);
	world_answer(w, 404, "{}");
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
}

static void a_404_to_a_delete_that_was_never_sent_before_is_a_reject(void **state)
{
	static const struct fake_reply not_sent;
	const uint64_t n = world_submit(w, &deletes);

	(void)state;
	world_turn(w);
	world_reply(w, &not_sent);
	world_pass(w, 600);
	world_answer(w, 404, "{}");
	check_eq(ending(n)->outcome, OUTCOME_REJECTED);
	check_eq(ending(n)->class, REJECT_NOT_FOUND);
}

static void a_404_to_a_delete_found_on_its_way_at_the_start_is_success(void **state)
{
	const uint64_t n = world_submit(w, &deletes);

	(void)state;
	world_turn(w);
	world_restart(w);
	world_pass(w, 600);
	world_answer(w, 404, "{}");
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
}

/* Requests to the one fail, all others are answered. */
static void one_fails(struct world *of, struct http_transfer *t)
{
	static const struct fake_reply broken = {.n_sends = 1, .status = 503};

	if (world_number(t) == 1)
		fake_end(t, &broken);
	else
		world_says_yes(of, t);
}

static void eight_tries_over_ten_minutes_while_others_succeed_are_held_for_a_person(void **state)
{
	const uint64_t n = world_put(w, "lead_A");
	uint64_t passed_ms = 0;

	(void)state;
	w->serve = one_fails;
	while (!ending(n)->n_times && passed_ms < 3000000) {
		if (w->n_made < 300)
			(void)world_create(w, NULL);
		world_pass(w, 10000);
		passed_ms += 10000;
		if (passed_ms < 600000)
			check_eq(ending(n)->n_times, 0);
	}
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check_eq(ending(n)->class, REJECT_SERVER);
	check(strstr(ending(n)->known, "while other calls succeeded"));
	check(passed_ms <= 700000);
	check_eq(w->n_stops, 0);
}

static void while_nothing_succeeds_it_is_tried_until_the_run_stops(void **state)
{
	const uint64_t n = world_put(w, "lead_A");

	(void)state;
	w->serve = one_fails;
	world_pass(w, 3500000);
	check_eq(ending(n)->n_times, 0);
	check_eq(w->n_stops, 0);
}

/* Creates */

static void check_held_at_once(const struct sketch *s)
{
	const uint64_t n = world_submit(w, s);

	world_turn(w);
	lose_the_answer();
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check_eq(ending(n)->class, REJECT_UNKNOWN);
	check(strstr(ending(n)->known, "no answer came"));
	check(strstr(ending(n)->known, "closefeed held resolve"));
	world_pass(w, 400000);
	check_eq(fake_n_started(w->engine.http), 1);
	world_restart(w);
	world_pass(w, 400000);
	check_eq(fake_n_started(w->engine.http), 0);
}

static void a_create_without_identity_is_held_at_once(void **state)
{
	static const struct sketch s = {.class = CLASS_A};

	(void)state;
	check_held_at_once(&s);
}

static void a_create_of_class_c_is_held_at_once(void **state)
{
	static const struct sketch s = {.class = CLASS_C, .object = "note", .shares = "lead_A"};

	(void)state;
	check_held_at_once(&s);
}

static void what_cannot_be_undone_is_held_at_once(void **state)
{
	static const struct sketch s = {.class = CLASS_D, .object = "email"};

	(void)state;
	check_held_at_once(&s);
}

static void a_create_with_identity_waits_for_proof_in_its_lane(void **state)
{
	const uint64_t n = world_create(w, "77");

	(void)state;
	(void)world_create(w, "77");
	world_turn(w);
	lose_the_answer();
	world_pass(w, 1000000);
	check_eq(fake_n_started(w->engine.http), 1);
	check_eq(world_row_state(w, n), REQUEST_UNKNOWN);
	check_eq(ending(n)->n_times, 0);
	check(!delivery_is_idle(w->engine.delivery));
}

static void with_on_unknown_hold_a_create_with_identity_is_held_too(void **state)
{
	uint64_t n;

	(void)state;
	w->config.hold_unknown = true;
	world_restart(w);
	n = world_create(w, "77");
	world_turn(w);
	lose_the_answer();
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check(strstr(ending(n)->known, "on_unknown is hold"));
}

static void proven_absent_it_is_sent_again_three_times_and_then_held(void **state)
{
	const uint64_t n = world_create(w, "77");

	(void)state;
	for (unsigned resends = 0; resends < 4; resends++) {
		world_turn(w);
		check_eq(fake_n_started(w->engine.http), resends + 1);
		lose_the_answer();
		check_eq(w->live[n]->resends, resends);
		delivery_proven_absent(w->engine.delivery, w->live[n]);
	}
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check_eq(ending(n)->class, REJECT_SERVER);
	world_pass(w, 1000);
	check_eq(fake_n_started(w->engine.http), 4);
}

static void proven_absent_it_is_planned_durably_and_keeps_its_count(void **state)
{
	const uint64_t n = world_create(w, "77");

	(void)state;
	world_turn(w);
	lose_the_answer();
	delivery_proven_absent(w->engine.delivery, w->live[n]);
	world_commit(w);
	check_eq(world_row_state(w, n), REQUEST_PLANNED);
	world_restart(w);
	check_eq(w->live[n]->resends, 1);
	world_turn(w);
	check_eq(world_number(world_flying(w, 0)), n);
}

/* Restart */

static void what_was_on_its_way_at_the_end_is_unknown_and_counts_as_a_crash(void **state)
{
	const uint64_t n = world_create(w, "77");

	(void)state;
	world_turn(w);
	world_restart(w);
	world_turn(w);
	check_eq(world_row_state(w, n), REQUEST_UNKNOWN);
	check_eq(w->live[n]->crash_count, 1);
	check_eq(http_in_flight(w->engine.http), 0);
	check(strstr(w->live[n]->known, "was ended while"));
	/* A second restart finds it UNKNOWN: it was not this record that ended us. */
	world_restart(w);
	world_turn(w);
	check_eq(w->live[n]->crash_count, 1);
}

static void what_was_left_on_its_way_at_an_end_in_order_is_no_crash(void **state)
{
	const uint64_t n = world_create(w, "77");

	(void)state;
	world_turn(w);
	check_eq(world_row_state(w, n), REQUEST_INTENT);
	delivery_leave(w->engine.delivery);
	world_commit(w);
	check_eq(world_row_state(w, n), REQUEST_UNKNOWN);
	world_restart(w);
	check_eq(w->live[n]->crash_count, 0);
	check_eq(w->live[n]->state, REQUEST_UNKNOWN);
	check(strstr(w->live[n]->known, "was ended while"));
	check_eq(http_in_flight(w->engine.http), 0);
}

static void a_create_that_cannot_be_proven_is_held_after_a_crash(void **state)
{
	static const struct sketch s = {.class = CLASS_D};
	const uint64_t n = world_submit(w, &s);

	(void)state;
	world_turn(w);
	world_restart(w);
	world_turn(w);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check_eq(fake_n_started(w->engine.http), 0);
}

static void after_three_crashes_a_record_is_set_aside_so_that_others_go_on(void **state)
{
	const uint64_t n = world_put(w, "lead_A"), other = world_put(w, "lead_B");

	(void)state;
	world_turn(w);
	for (unsigned crashes = 1; crashes <= 3; crashes++) {
		check_eq(world_row_state(w, n), REQUEST_INTENT);
		world_restart(w);
		check_eq(w->live[n]->crash_count, crashes);
		if (crashes == 1) {
			/* Only this one is on its way at the next crashes. */
			world_pass(w, 600);
			fake_end(world_flying(w, world_number(world_flying(w, 0)) == n),
			         &(struct fake_reply){.n_sends = 1, .status = 200, .body = "{}"});
		}
		world_pass(w, 600);
	}
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check(strstr(ending(n)->known, "three times"));
	check_eq(ending(other)->outcome, OUTCOME_DELIVERED);
}

static void an_outcome_that_was_not_durable_is_unknown_again(void **state)
{
	const uint64_t n = world_create(w, "77");

	(void)state;
	world_turn(w);
	world_answer(w, 201, "{\"id\":\"lead_1\"}");
	check_eq(ending(n)->n_times, 1);
	world_restart(w); /* before the commit */
	check_eq(ending(n)->n_times, 0);
	check_eq(w->live[n]->state, REQUEST_UNKNOWN);
}

static void order_in_a_lane_survives_a_restart(void **state)
{
	static const struct fake_reply limited = {
		.n_sends = 1, .status = 429, .headers = "RateLimit: limit=9, remaining=0, reset=1"};
	const uint64_t first = world_put(w, "lead_A");

	(void)state;
	world_turn(w);
	world_reply(w, &limited);
	world_turn(w);
	world_restart(w);
	(void)world_put(w, "lead_A");
	for (uint64_t n = first; n <= 2; n++) {
		world_turn(w);
		check_eq(http_in_flight(w->engine.http), 1);
		check_eq(world_number(world_flying(w, 0)), n);
		world_answer(w, 200, "{}");
	}
}

int main(void)
{
#define in_world(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		in_world(a_put_with_a_lost_answer_is_sent_again_in_its_lane),
		in_world(its_lane_stays_closed_until_a_late_copy_cannot_come_any_more),
		in_world(a_lane_that_was_closed_is_closed_for_the_rest_after_a_restart),
		in_world(a_lane_whose_time_passed_while_nothing_ran_is_open),
		in_world(a_clock_set_back_closes_a_lane_for_one_quarantine_at_most),
		in_world(a_closed_lane_is_told_while_somebody_waits_in_it),
		in_world(every_lane_it_owned_is_closed_after_a_restart),
		in_world(what_was_unknown_stays_unknown_though_its_repetition_was_not_sent),
		in_world(a_404_after_a_lost_answer_to_a_delete_is_success),
		in_world(a_404_to_a_delete_that_was_never_sent_before_is_a_reject),
		in_world(a_404_to_a_delete_found_on_its_way_at_the_start_is_success),
		in_world(eight_tries_over_ten_minutes_while_others_succeed_are_held_for_a_person),
		in_world(while_nothing_succeeds_it_is_tried_until_the_run_stops),
		in_world(a_create_without_identity_is_held_at_once),
		in_world(a_create_of_class_c_is_held_at_once),
		in_world(what_cannot_be_undone_is_held_at_once),
		in_world(a_create_with_identity_waits_for_proof_in_its_lane),
		in_world(with_on_unknown_hold_a_create_with_identity_is_held_too),
		in_world(proven_absent_it_is_sent_again_three_times_and_then_held),
		in_world(proven_absent_it_is_planned_durably_and_keeps_its_count),
		in_world(what_was_on_its_way_at_the_end_is_unknown_and_counts_as_a_crash),
		in_world(what_was_left_on_its_way_at_an_end_in_order_is_no_crash),
		in_world(a_create_that_cannot_be_proven_is_held_after_a_crash),
		in_world(after_three_crashes_a_record_is_set_aside_so_that_others_go_on),
		in_world(an_outcome_that_was_not_durable_is_unknown_again),
		in_world(order_in_a_lane_survives_a_restart),
	};

	return run_sentences(tests);
}
