#include "tests/unit/delivery_case.h"

#include "lib/mem.h"

#include <string.h>

/* What calls are authorized with ends, is refused, and comes anew. */

static unsigned n_refused, last_refused;

static bool another_comes(struct world *of, unsigned credential, bool again)
{
	n_refused++;
	last_refused = credential;
	of->credential = again ? of->credential : 0;
	return !again;
}

static int begin_with_another(void **state)
{
	n_refused = 0;
	(void)begin(state);
	w->unauthorized = another_comes;
	return 0;
}

static void without_a_credential_nothing_is_begun_and_nothing_fails(void **state)
{
	uint64_t n;

	(void)state;
	w->credential = 0;
	n = world_create(w, "77");
	world_pass(w, 60000);
	check_eq(fake_n_started(w->engine.http), 0);
	check_eq(world_row_state(w, n), -1);
	check_eq(w->n_stops, 0);
	w->credential = 1;
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 1);
}

static void what_was_refused_is_sent_again_with_the_next(void **state)
{
	const uint64_t n = world_create(w, "77");

	(void)state;
	world_turn(w);
	world_answer(w, 401, "{}");
	world_turn(w);
	check_eq(last_refused, 1);
	check_eq(world_row_state(w, n), REQUEST_PLANNED); /* nothing was done: no proof is needed */
	world_pass(w, 60000);
	check_eq(http_in_flight(w->engine.http), 0);
	w->credential = 2;
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 1);
	world_answer(w, 200, "{\"id\":\"lead_1\"}");
	world_turn(w);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check_eq(fake_n_started(w->engine.http), 2);
	check_eq(w->n_stops, 0);
}

static void those_in_flight_are_all_sent_again_in_their_lanes(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		(void)world_create(w, NULL);
	world_turn(w);
	for (int i = 0; i < 5; i++)
		world_answer(w, 401, "{}");
	check_eq(n_refused, 5);
	w->credential = 2;
	w->serve = world_says_yes;
	world_turn(w);
	check_eq(world_n_open(w), 0);
	check_eq(fake_n_started(w->engine.http), 10);
}

static void refused_again_it_stops_the_run_and_is_not_lost(void **state)
{
	const uint64_t n = world_create(w, "77");

	(void)state;
	world_turn(w);
	world_answer(w, 401, "{}");
	w->credential = 2;
	world_turn(w);
	world_answer(w, 401, "{}");
	world_turn(w);
	check_eq(w->code, EXIT_REFUSED);
	check_text(w->sentence, "twice");
	check_eq(world_row_state(w, n), REQUEST_PLANNED);
	world_pass(w, 60000);
	check_eq(fake_n_started(w->engine.http), 2);
}

static void a_row_of_refusals_ends_with_an_answer(void **state)
{
	(void)state;
	(void)world_create(w, "77");
	world_turn(w);
	world_answer(w, 401, "{}");
	w->credential = 2;
	world_turn(w);
	world_answer(w, 429, "{}");
	world_pass(w, 3000);
	world_answer(w, 401, "{}"); /* an hour later, say */
	check_eq(w->n_stops, 0);
}

static void told(void *arg, const struct http_answer *answer)
{
	(void)answer;
	*(bool *)arg = true;
}

static void a_call_is_asked_again_and_then_stops_too(void **state)
{
	static bool is_told;
	struct delivery_call call = {.method = CALL_GET, .group = "read:me"};

	(void)state;
	call.url = mem_strdup("/me/");
	call.arg = &is_told;
	call.done = told;
	delivery_ask(w->engine.delivery, &call);
	world_turn(w);
	world_answer(w, 401, "{}");
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 0);
	w->credential = 2;
	world_turn(w);
	world_answer(w, 401, "{}");
	check(is_told);
	check_eq(w->code, EXIT_REFUSED);
	check_eq(last_refused, 2);
}

int main(void)
{
#define in_world(fn) cmocka_unit_test_setup_teardown(fn, begin_with_another, end)
	const struct CMUnitTest tests[] = {
		in_world(without_a_credential_nothing_is_begun_and_nothing_fails),
		in_world(what_was_refused_is_sent_again_with_the_next),
		in_world(those_in_flight_are_all_sent_again_in_their_lanes),
		in_world(refused_again_it_stops_the_run_and_is_not_lost),
		in_world(a_row_of_refusals_ends_with_an_answer),
		in_world(a_call_is_asked_again_and_then_stops_too),
	};

	return run_sentences(tests);
}
