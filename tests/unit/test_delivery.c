#include "tests/unit/delivery_case.h"
#include "tests/unit/virtual_clock.h"

#include <string.h>

/* What is sent, when, and what each answer leads to. */

/* INTENT */

static int state_when_it_left;

static void look_at_the_disk(void *arg, struct http_transfer *t)
{
	state_when_it_left = world_state_after_power_loss(arg, world_number(t));
}

static void an_intent_is_durable_before_its_request_leaves(void **state)
{
	(void)state;
	state_when_it_left = -1;
	fake_http_watch(w->engine.http, look_at_the_disk, w);
	(void)world_create(w, "77");
	delivery_turn(w->engine.delivery);
	check_eq(fake_n_started(w->engine.http), 0);
	world_commit(w);
	check_eq(fake_n_started(w->engine.http), 1);
	check_eq(state_when_it_left, REQUEST_INTENT);
}

static void what_waits_for_its_turn_has_no_row(void **state)
{
	uint64_t second;

	(void)state;
	(void)world_put(w, "lead_A");
	second = world_put(w, "lead_A");
	world_turn(w);
	check_eq(world_row_state(w, 1), REQUEST_INTENT);
	check_eq(world_row_state(w, second), -1);
}

static void an_answer_ends_it_durably_and_frees_its_row(void **state)
{
	const uint64_t n = world_create(w, "77");

	(void)state;
	world_turn(w);
	world_answer(w, 201, "{\"id\":\"lead_9\"}");
	check_eq(ending(n)->n_times, 1);
	check(!ending(n)->is_durable);
	world_turn(w);
	check(ending(n)->is_durable);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check_text(ending(n)->object_id, "lead_9");
	check_eq(world_row_state(w, n), -1);
	check(delivery_is_idle(w->engine.delivery));
}

/* Lanes and connections */

static void calls_of_one_lane_never_overlap_and_keep_their_order(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		(void)world_put(w, "lead_A");
	for (uint64_t n = 1; n <= 5; n++) {
		world_turn(w);
		check_eq(http_in_flight(w->engine.http), 1);
		check_eq(world_number(world_flying(w, 0)), n);
		world_answer(w, 200, "{}");
	}
}

static void sharers_of_a_lane_go_together_and_its_owner_after_them(void **state)
{
	static const struct sketch shares = {.class = CLASS_C, .shares = "lead_A"};

	(void)state;
	(void)world_submit(w, &shares);
	(void)world_submit(w, &shares);
	(void)world_put(w, "lead_A");
	(void)world_submit(w, &shares);
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 2);
	world_answer(w, 200, "{}");
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 1);
	world_answer(w, 200, "{}");
	world_turn(w);
	check_eq(world_number(world_flying(w, 0)), 3);
	check_eq(http_in_flight(w->engine.http), 1);
}

static void no_more_are_on_the_wire_than_concurrency(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++)
		(void)world_create(w, NULL);
	for (unsigned left = 30; left; left--) {
		world_turn(w);
		check_eq(http_in_flight(w->engine.http), left < 8 ? left : 8);
		world_answer(w, 200, "{}");
	}
	check_eq(fake_n_started(w->engine.http), 30);
}

/* Stored in another order than they stand in their lane. */
static void what_is_planned_keeps_its_place_in_its_lanes_through_a_restart(void **state)
{
	const uint64_t first = world_put(w, "lead_A"), second = world_put(w, "lead_A");

	(void)state;
	journal_put_planned(w->engine.journal, w->live[second], false, NULL, NULL);
	journal_put_planned(w->engine.journal, w->live[first], false, NULL, NULL);
	world_commit(w);
	world_restart(w);
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 1);
	check_eq(world_number(world_flying(w, 0)), first);
}

/* Other outputs */

static struct request *other_output;

static void store_other(struct world *of, struct request *request)
{
	if (request == other_output || other_output->is_stored)
		return;
	check_eq(request->state, REQUEST_INTENT);
	check(!request->is_stored);
	journal_put_planned(of->engine.journal, other_output, true, NULL, NULL);
}

static void other_outputs_are_durable_before_the_first_one_leaves(void **state)
{
	uint64_t second;

	(void)state;
	(void)world_put(w, "lead_B");
	second = world_put(w, "lead_B"); /* waits in its lane */
	other_output = w->live[second];
	w->begins = store_other;
	delivery_turn(w->engine.delivery);
	check_eq(fake_n_started(w->engine.http), 0);
	world_commit(w);
	check_eq(fake_n_started(w->engine.http), 1);
	check_eq(world_state_after_power_loss(w, second), REQUEST_PLANNED);
	world_answer(w, 200, "{}");
	world_turn(w);
	check_eq(world_row_state(w, second), REQUEST_INTENT);
	world_answer(w, 200, "{}");
	world_turn(w);
	check_eq(world_row_state(w, second), -1);
}

/* What is sent */

static void the_content_type_is_that_of_the_format(void **state)
{
	static const char *const types[] = {"application/json", "application/x-www-form-urlencoded",
	                                    "application/xml"};

	(void)state;
	for (int format = CONTENT_JSON; format <= CONTENT_XML; format++) {
		static const struct sketch s = {.class = CLASS_R};
		struct request *r = world_request(w, &s);

		r->format = (enum content_format)format;
		delivery_submit(w->engine.delivery, r);
		world_turn(w);
		check_text(fake_header(world_flying(w, 0), "Content-Type"), types[format]);
		world_answer(w, 200, "{}");
	}
}

/* 429 */

static void a_429_holds_its_group_until_the_window_is_renewed(void **state)
{
	static const struct sketch other = {.class = CLASS_C, .group = "delete-other"};
	static const struct fake_reply limited = {
		.n_sends = 1,
		.status = 429,
		.headers = "RateLimit: limit=100, remaining=0, reset=5"};

	(void)state;
	(void)world_create(w, "1");
	world_turn(w);
	world_reply(w, &limited);
	(void)world_create(w, "2");
	(void)world_submit(w, &other);
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 1);
	check_eq(world_number(world_flying(w, 0)), 3);
	check_eq(world_row_state(w, 1), REQUEST_PLANNED);
	world_pass(w, 4900);
	check_eq(http_in_flight(w->engine.http), 1);
	world_pass(w, 500);
	check_eq(http_in_flight(w->engine.http), 3);
	check_eq(ending(1)->n_times, 0);
}

static void always_limited(struct world *of, struct http_transfer *t)
{
	static const struct fake_reply reply = {
		.n_sends = 1,
		.status = 429,
		.headers = "RateLimit: limit=100, remaining=0, reset=60"};

	(void)of;
	fake_end(t, &reply);
}

static void a_429_uses_up_no_try_and_never_becomes_unknown(void **state)
{
	const uint64_t n = world_put(w, "lead_A");

	(void)state;
	w->serve = always_limited;
	world_pass(w, 1200000);
	check(w->live[n]->attempts > 10);
	check_eq(w->live[n]->state, REQUEST_PLANNED);
	check_eq(w->n_stops, 0);
	w->serve = world_says_yes;
	world_pass(w, 70000);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
}

/* Not sent */

static void what_was_not_sent_is_planned_and_goes_again_after_a_back_off(void **state)
{
	static const struct fake_reply not_sent;
	const uint64_t n = world_create(w, "1");

	(void)state;
	world_turn(w);
	world_reply(w, &not_sent);
	check_eq(w->live[n]->state, REQUEST_PLANNED);
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 0);
	check_eq(world_row_state(w, n), REQUEST_PLANNED);
	check_eq(w->live[n]->attempts, 0);
	world_pass(w, 600);
	check_eq(world_number(world_flying(w, 0)), n);
	check_eq(world_row_state(w, n), REQUEST_INTENT);
}

static void a_restart_simply_sends_what_was_planned(void **state)
{
	static const struct fake_reply not_sent;
	static const struct sketch dangerous = {.class = CLASS_D};
	const uint64_t n = world_submit(w, &dangerous);

	(void)state;
	world_turn(w);
	world_reply(w, &not_sent);
	world_turn(w);
	world_restart(w);
	world_turn(w);
	check_eq(world_number(world_flying(w, 0)), n);
	check_eq(w->live[n]->crash_count, 0);
}

/* Refusals of the whole run */

static void check_stops(long status, enum exit_code code)
{
	uint64_t n = world_create(w, "1");

	world_turn(w);
	world_answer(w, status, "{}");
	check_eq(w->n_stops, 1);
	check_eq(w->code, code);
	check(strlen(w->sentence) > 20);
	world_pass(w, 5000);
	check_eq(world_row_state(w, n), REQUEST_PLANNED);
	check_eq(ending(n)->n_times, 0);
	check_eq(fake_n_started(w->engine.http), 1);
	world_restart(w);
	world_turn(w);
	world_answer(w, 200, "{\"id\":\"lead_1\"}");
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
}

static void a_401_stops_with_77_and_rejects_nothing(void **state)
{
	(void)state;
	check_stops(401, EXIT_REFUSED);
}

static void a_402_stops_with_77_and_rejects_nothing(void **state)
{
	(void)state;
	check_stops(402, EXIT_REFUSED);
}

static void a_redirect_stops_with_78_and_rejects_nothing(void **state)
{
	(void)state;
	check_stops(301, EXIT_PIPELINE);
}

static uint64_t one(const struct sketch *s, long status, const char *body)
{
	const uint64_t n = world_submit(w, s);

	world_turn(w);
	world_answer(w, status, body);
	world_turn(w);
	return n;
}

static void five_403_in_a_row_on_one_operation_stop_with_77(void **state)
{
	static const struct sketch a = {.operation = "lead.create"},
				   b = {.operation = "note.create"};
	uint64_t n;

	(void)state;
	for (int i = 0; i < 4; i++) {
		n = one(&a, 403, "{}");
		check_eq(ending(n)->outcome, OUTCOME_REJECTED);
		check_eq(ending(n)->class, REJECT_PERMISSION);
		(void)one(&b, 200, "{}");
	}
	check_eq(w->n_stops, 0);
	(void)one(&a, 403, "{}");
	check_eq(w->n_stops, 1);
	check_eq(w->code, EXIT_REFUSED);
}

static void a_success_between_ends_the_row_of_403(void **state)
{
	static const struct sketch known = {.operation = "lead.create"},
				   unknown = {.operation = ""};
	static const struct sketch *const both[] = {&known, &unknown};

	(void)state;
	for (size_t kind = 0; kind < 2; kind++)
		for (int i = 0; i < 12; i++)
			(void)one(both[kind], i % 4 == 3 ? 200 : 403, "{}");
	check_eq(w->n_stops, 0);
}

static void five_unreadable_answers_in_a_row_stop_with_69(void **state)
{
	static const char *const identities[] = {"1", "2", "3", "4", "5", "6", "7"};
	struct sketch s = {.class = CLASS_A};

	(void)state;
	for (int i = 0; i < 7; i++) {
		s.identity = identities[i];
		/* The third is Close's, so the row begins again behind it. */
		(void)one(&s, 200, i == 2 ? "{}" : "<html>");
		check_eq(w->n_stops, 0);
	}
	s.identity = "8";
	(void)one(&s, 200, "<html>");
	check_eq(w->code, EXIT_UNREACHABLE);
	check_eq(w->n_stops, 1);
}

static void a_route_whose_first_25_calls_are_rejected_stops_with_75(void **state)
{
	static const struct sketch s = {.operation = "lead.create"};

	(void)state;
	for (int i = 0; i < 24; i++)
		(void)one(&s, 400, "{\"field-errors\":{\"name\":\"Too short\"}}");
	check_eq(w->n_stops, 0);
	check_eq(ending(1)->class, REJECT_VALIDATION);
	check(strstr(ending(1)->message, "Too short"));
	(void)one(&s, 400, "{}");
	check_eq(w->code, EXIT_AGAIN);
	check_eq(ending(25)->outcome, OUTCOME_REJECTED);
}

/* Stopping */

static void a_stop_replans_what_has_its_intent_but_was_not_sent(void **state)
{
	const uint64_t n = world_create(w, "1");

	(void)state;
	delivery_turn(w->engine.delivery);
	check(!delivery_is_quiet(w->engine.delivery));
	delivery_stop(w->engine.delivery, EXIT_AGAIN, "a signal");
	world_commit(w);
	check_eq(fake_n_started(w->engine.http), 0);
	check(delivery_is_quiet(w->engine.delivery));
	world_commit(w);
	check_eq(world_row_state(w, n), REQUEST_PLANNED);
}

static void after_a_stop_what_is_on_the_wire_still_ends_and_nothing_else_goes(void **state)
{
	const uint64_t a = world_create(w, "1");

	(void)state;
	world_turn(w);
	(void)world_create(w, "2");
	delivery_stop(w->engine.delivery, EXIT_AGAIN, "a signal");
	delivery_stop(w->engine.delivery, EXIT_REFUSED, "too late to count");
	check_eq(w->n_stops, 1);
	world_turn(w);
	check_eq(fake_n_started(w->engine.http), 1);
	world_answer(w, 200, "{\"id\":\"lead_1\"}");
	world_turn(w);
	check_eq(ending(a)->outcome, OUTCOME_DELIVERED);
	check(delivery_is_quiet(w->engine.delivery));
	check_eq(world_row_state(w, 2), -1);
}

static void what_is_still_answered_while_it_winds_down_can_stop_it(void **state)
{
	(void)state;
	(void)world_create(w, "1");
	world_turn(w);
	(void)world_create(w, "2");
	delivery_wind_down(w->engine.delivery);
	world_turn(w);
	check_eq(fake_n_started(w->engine.http), 1);
	check_eq(w->n_stops, 0);
	world_answer(w, 401, "{}");
	world_turn(w);
	check_eq(w->n_stops, 1);
	check_eq(w->code, EXIT_REFUSED);
	check(delivery_is_quiet(w->engine.delivery));
	delivery_stop(w->engine.delivery, EXIT_AGAIN, "too late to count");
	check_eq(w->n_stops, 1);
}

/* LeakSanitizer is the judge; what is freed once too often is ASan's. */
static void freed_in_every_state_at_once_it_leaks_nothing(void **state)
{
	static const struct fake_reply not_sent;
	static const char *const leads[] = {"lead_A", "lead_B", "lead_A", "lead_A", "lead_B",
	                                    "lead_C", "lead_B", "lead_C", "lead_C"};

	(void)state;
	(void)world_create(w, "not sent: backs off");
	(void)world_create(w, "lost: is looked for");
	(void)world_put(w, "lead_lost");
	world_turn(w);
	world_reply(w, &not_sent);
	world_answer(w, 0, NULL);
	world_answer(w, 502, NULL);
	(void)world_put(w, "lead_lost");
	for (size_t i = 0; i < sizeof(leads) / sizeof(*leads); i++)
		(void)world_put(w, leads[i]);
	w->proves = true;
	world_turn(w);
	(void)world_create(w, "never looked at");
	(void)world_create(w, "its INTENT is not committed");
	delivery_turn(w->engine.delivery);
}

/* As they leave, lanes are opened to others that are about to be freed as well. */
static void freed_with_long_queues_in_several_lanes_it_touches_nothing_freed(void **state)
{
	static const char *const leads[] = {"lead_A", "lead_A", "lead_B", "lead_B",
	                                    "lead_C", "lead_C", "lead_C", "lead_B"};

	(void)state;
	for (size_t i = 0; i < sizeof(leads) / sizeof(*leads); i++)
		(void)world_put(w, leads[i]);
	world_turn(w);
}

int main(void)
{
#define in_world(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		in_world(an_intent_is_durable_before_its_request_leaves),
		in_world(what_waits_for_its_turn_has_no_row),
		in_world(an_answer_ends_it_durably_and_frees_its_row),
		in_world(calls_of_one_lane_never_overlap_and_keep_their_order),
		in_world(sharers_of_a_lane_go_together_and_its_owner_after_them),
		in_world(no_more_are_on_the_wire_than_concurrency),
		in_world(what_is_planned_keeps_its_place_in_its_lanes_through_a_restart),
		in_world(other_outputs_are_durable_before_the_first_one_leaves),
		in_world(the_content_type_is_that_of_the_format),
		in_world(a_429_holds_its_group_until_the_window_is_renewed),
		in_world(a_429_uses_up_no_try_and_never_becomes_unknown),
		in_world(what_was_not_sent_is_planned_and_goes_again_after_a_back_off),
		in_world(a_restart_simply_sends_what_was_planned),
		in_world(a_401_stops_with_77_and_rejects_nothing),
		in_world(a_402_stops_with_77_and_rejects_nothing),
		in_world(a_redirect_stops_with_78_and_rejects_nothing),
		in_world(five_403_in_a_row_on_one_operation_stop_with_77),
		in_world(a_success_between_ends_the_row_of_403),
		in_world(five_unreadable_answers_in_a_row_stop_with_69),
		in_world(a_route_whose_first_25_calls_are_rejected_stops_with_75),
		in_world(a_stop_replans_what_has_its_intent_but_was_not_sent),
		in_world(after_a_stop_what_is_on_the_wire_still_ends_and_nothing_else_goes),
		in_world(what_is_still_answered_while_it_winds_down_can_stop_it),
		in_world(freed_in_every_state_at_once_it_leaks_nothing),
		in_world(freed_with_long_queues_in_several_lanes_it_touches_nothing_freed),
	};

	return run_sentences(tests);
}
