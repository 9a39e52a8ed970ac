#include "tests/unit/delivery_case.h"
#include "tests/unit/virtual_clock.h"

#include <string.h>

/* Partitions come and go: what may be sent only now, and what somebody else may have sent. */

static bool is_ours;

static bool may_send(struct world *of, const struct request *request)
{
	(void)of;
	(void)request;
	return is_ours;
}

static uint64_t taken_over_ms;

static uint64_t in_doubt(struct world *of, const struct request *request)
{
	(void)request;
	return taken_over_ms + of->config.quarantine_ms;
}

/* From now on. */
static void doubt_all(void)
{
	taken_over_ms = loop_now_ms(w->engine.loop);
	w->doubt_until_ms = in_doubt;
}

static void nothing_gets_its_intent_without_a_lease(void **state)
{
	uint64_t n;

	(void)state;
	w->may_send = may_send;
	is_ours = false;
	n = world_put(w, "lead_A");
	world_pass(w, 5000);
	check_eq(fake_n_started(w->engine.http), 0);
	check_eq(world_row_state(w, n), -1);
	is_ours = true;
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 1);
	check(fake_pass(world_flying(w, 0)));
}

static void the_last_gate_closes_on_what_has_its_intent(void **state)
{
	uint64_t n;

	(void)state;
	w->may_send = may_send;
	is_ours = true;
	n = world_create(w, NULL);
	/* More often than a server may fail before it is left alone. */
	for (int i = 0; i < 8; i++) {
		world_turn(w);
		check_eq(world_row_state(w, n), REQUEST_INTENT);
		is_ours = false;
		check(!fake_pass(world_flying(w, 0)));
		fake_end(world_flying(w, 0), &(struct fake_reply){.n_sends = 0});
		world_turn(w);
		check_eq(world_row_state(w, n), REQUEST_PLANNED);
		check_eq(http_in_flight(w->engine.http), 0);
		is_ours = true;
	}
	world_turn(w);
	world_answer(w, 200, "{\"id\":\"lead_1\"}");
	world_turn(w);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
}

static void a_create_in_doubt_that_cannot_be_proven_is_held_unsent(void **state)
{
	uint64_t n;

	(void)state;
	doubt_all();
	n = world_create(w, NULL);
	world_pass(w, 2000);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check_eq(fake_n_started(w->engine.http), 0);
	check(strstr(ending(n)->known,
	             "Another process, which had this partition before, may have sent it."));
}

static void a_create_in_doubt_is_sent_when_it_is_proven_absent(void **state)
{
	uint64_t n;

	(void)state;
	doubt_all();
	n = world_create(w, "77");
	world_pass(w, 2000);
	check_eq(fake_n_started(w->engine.http), 0);
	check_eq(world_row_state(w, n), REQUEST_UNKNOWN);
	delivery_proven_absent(w->engine.delivery, w->live[n]);
	world_turn(w);
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 1); /* and is not in doubt again */
	world_answer(w, 200, "{\"id\":\"lead_1\"}");
	world_turn(w);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
}

static void a_create_in_doubt_that_is_found_was_made(void **state)
{
	uint64_t n;

	(void)state;
	doubt_all();
	n = world_create(w, "77");
	world_pass(w, 2000);
	delivery_proven_applied(w->engine.delivery, w->live[n], "lead_9", NULL);
	world_turn(w);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check_text(ending(n)->object_id, "lead_9");
	check_eq(fake_n_started(w->engine.http), 0);
}

static void an_update_in_doubt_is_sent_once_more(void **state)
{
	uint64_t n;

	(void)state;
	doubt_all();
	n = world_put(w, "lead_A");
	world_pass(w, 2000);
	check_eq(http_in_flight(w->engine.http), 1);
	world_answer(w, 200, "{}");
	world_turn(w);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check_eq(fake_n_started(w->engine.http), 1);
}

/* However long its turn took to come: all copies of the other are as old as the takeover. */
static void updates_in_doubt_wait_for_the_takeover_alone(void **state)
{
	const uint64_t quarantine_ms = w->config.quarantine_ms;

	(void)state;
	doubt_all();
	for (unsigned i = 0; i < 3; i++)
		(void)world_put(w, "lead_A");
	world_pass(w, 100);
	world_answer(w, 200, "{}");
	world_pass(w, quarantine_ms - 1000);
	check_eq(fake_n_started(w->engine.http), 1);
	world_pass(w, 1000);
	check_eq(http_in_flight(w->engine.http), 1);
	world_answer(w, 200, "{}");
	world_pass(w, 100);
	check_eq(http_in_flight(w->engine.http), 1);
	world_answer(w, 200, "{}");
	world_turn(w);
	check_eq(fake_n_started(w->engine.http), 3);
}

static void what_is_in_doubt_stays_so_over_a_restart(void **state)
{
	uint64_t n;

	(void)state;
	doubt_all();
	n = world_create(w, "77");
	world_pass(w, 2000);
	w->doubt_until_ms = NULL;
	world_restart(w);
	world_pass(w, 2000);
	check_eq(fake_n_started(w->engine.http), 0);
	check_eq(world_row_state(w, n), REQUEST_UNKNOWN);
}

#define in_world(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_world(nothing_gets_its_intent_without_a_lease),
		in_world(the_last_gate_closes_on_what_has_its_intent),
		in_world(a_create_in_doubt_that_cannot_be_proven_is_held_unsent),
		in_world(a_create_in_doubt_is_sent_when_it_is_proven_absent),
		in_world(a_create_in_doubt_that_is_found_was_made),
		in_world(an_update_in_doubt_is_sent_once_more),
		in_world(updates_in_doubt_wait_for_the_takeover_alone),
		in_world(what_is_in_doubt_stays_so_over_a_restart),
	};

	return run_sentences(tests);
}
