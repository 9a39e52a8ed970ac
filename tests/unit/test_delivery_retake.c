#include "lib/mem.h"
#include "lib/test_hooks.h"
#include "tests/unit/delivery_case.h"
#include "tests/unit/virtual_clock.h"

#include <string.h>

/* A 404 about something that was only remembered is no reject: it is resolved anew. */

static unsigned n_taken;
static struct request *taken;
static struct part back;
static bool is_durable;

static void wait_is_durable(void *arg, int r)
{
	(void)arg;
	check_eq(r, 0);
	is_durable = true;
	request_free(taken);
	taken = NULL;
}

static bool take_back(struct world *of, struct request *request)
{
	static struct part *const parts[] = {&back};

	n_taken++;
	taken = request;
	back = (struct part){.id = request->parts[0].id,
	                     .is_stored = true,
	                     .record = record_ref(request->parts[0].record),
	                     .draft = mem_strdup("unresolved")};
	journal_retake_request(of->engine.journal, request, parts, wait_is_durable, NULL);
	return true;
}

static bool leave_it(struct world *of, struct request *request)
{
	(void)of;
	(void)request;
	n_taken++;
	return false;
}

static int begin_retakes(void **state)
{
	n_taken = 0;
	is_durable = false;
	return begin(state);
}

static int end_retakes(void **state)
{
	part_deinit(&back);
	back = (struct part){0};
	return end(state);
}

/* A PUT of a lead that was found by memory alone. */
static uint64_t put_remembered(const char *lead)
{
	const struct sketch s = {.method = METHOD_PUT, .class = CLASS_U, .owns = lead};
	struct request *r = world_request(w, &s);

	r->is_remembered = true;
	delivery_submit(w->engine.delivery, r);
	return w->n_made;
}

static void a_404_of_what_was_only_remembered_is_told_to_nobody(void **state)
{
	const uint64_t first = put_remembered("lead_1");
	const uint64_t second = world_put(w, "lead_1");

	(void)state;
	w->retake = take_back;
	world_turn(w);
	world_answer(w, 404, "{}");
	check_eq(n_taken, 1);
	world_turn(w);
	check(is_durable);
	check_eq(ending(first)->n_times, 0);
	check_eq(world_row_state(w, first), -1); /* it waits, and has no request any more */
	check_eq(w->n_stops, 0);

	check_eq(world_number(world_flying(w, 0)), second); /* the lane is free for the next */
	world_answer(w, 200, "{\"id\":\"lead_1\"}");
	world_turn(w);
	check_eq(ending(second)->outcome, OUTCOME_DELIVERED);
	check(delivery_is_idle(w->engine.delivery));
}

static struct waiting_part *found;

static void no_request(void *arg, struct request *takes_request)
{
	(void)arg;
	(void)takes_request;
	fail_msg("there is a request");
}

static void take_waiting(void *arg, struct waiting_part *takes_part)
{
	(void)arg;
	found = takes_part;
}

static void after_a_restart_it_waits_with_the_draft_it_had(void **state)
{
	(void)state;
	put_remembered("lead_1");
	w->retake = take_back;
	world_turn(w);
	world_answer(w, 404, "{}");
	world_turn(w);
	found = NULL;
	check_eq(journal_each_open(w->engine.journal, no_request, take_waiting, NULL, NULL), 0);
	check_text(found->part.draft, "unresolved");
	check_text(found->operation, "lead.update");
	waiting_part_free(found);
}

static void it_is_still_taken_back_where_the_answer_comes_after_a_restart(void **state)
{
	const uint64_t number = put_remembered("lead_1");

	(void)state;
	w->retake = take_back;
	world_turn(w);
	world_restart(w);
	world_pass(w, 60000); /* it was on its way, and goes again */
	world_answer(w, 404, "{}");
	world_turn(w);
	check_eq(n_taken, 1);
	check_eq(ending(number)->n_times, 0);
}

static void where_the_hook_leaves_it_it_is_rejected(void **state)
{
	const uint64_t number = put_remembered("lead_1");

	(void)state;
	w->retake = leave_it;
	world_turn(w);
	world_answer(w, 404, "{}");
	world_turn(w);
	check_eq(n_taken, 1);
	check_eq(ending(number)->outcome, OUTCOME_REJECTED);
	check_eq(ending(number)->class, REJECT_NOT_FOUND);
}

static void other_refusals_and_other_requests_are_rejected_as_ever(void **state)
{
	const uint64_t remembered = put_remembered("lead_1");
	const uint64_t other = world_put(w, "lead_2");

	(void)state;
	w->retake = take_back;
	world_turn(w);
	world_answer(w, 400, "{}");
	world_answer(w, 404, "{}");
	world_turn(w);
	check_eq(n_taken, 0);
	check_eq(ending(remembered)->outcome, OUTCOME_REJECTED);
	check_eq(ending(other)->outcome, OUTCOME_REJECTED);
}

static void a_copy_that_may_still_arrive_keeps_the_lane_closed(void **state)
{
	static const struct fake_reply lost = {.n_sends = 1};
	struct lane_key key = {.key = mem_strdup("lead_1"), .is_owner = true};

	(void)state;
	put_remembered("lead_1");
	w->retake = take_back;
	world_turn(w);
	world_reply(w, &lost);
	world_pass(w, 60000);
	world_answer(w, 404, "{}");
	world_turn(w);
	check_eq(n_taken, 1);
	check(delivery_is_idle(w->engine.delivery));
	check(!delivery_is_free(w->engine.delivery, &key, 1, false));
	world_pass(w, w->config.quarantine_ms);
	check(delivery_is_free(w->engine.delivery, &key, 1, true));
	free(key.key);
}

static void an_object_is_free_when_nothing_about_it_is_open(void **state)
{
	struct lane_key keys[] = {{.key = mem_strdup("lead_1")}, {.key = mem_strdup("lead_2")}};
	const struct sketch s = {.class = CLASS_A, .shares = "lead_2"};

	(void)state;
	check(delivery_is_free(w->engine.delivery, keys, 2, true));
	world_submit(w, &s);
	check(delivery_is_free(w->engine.delivery, keys, 2, false));
	check(!delivery_is_free(w->engine.delivery, keys, 2, true));
	world_put(w, "lead_1");
	check(!delivery_is_free(w->engine.delivery, keys, 2, false));
	w->serve = world_says_yes;
	world_pass(w, 1000);
	check(delivery_is_free(w->engine.delivery, keys, 2, true));
	free(keys[0].key);
	free(keys[1].key);
}

int main(void)
{
#define with_world(fn) cmocka_unit_test_setup_teardown(fn, begin_retakes, end_retakes)
	const struct CMUnitTest tests[] = {
		with_world(a_404_of_what_was_only_remembered_is_told_to_nobody),
		with_world(after_a_restart_it_waits_with_the_draft_it_had),
		with_world(it_is_still_taken_back_where_the_answer_comes_after_a_restart),
		with_world(where_the_hook_leaves_it_it_is_rejected),
		with_world(other_refusals_and_other_requests_are_rejected_as_ever),
		with_world(a_copy_that_may_still_arrive_keeps_the_lane_closed),
		with_world(an_object_is_free_when_nothing_about_it_is_open),
	};

	return run_sentences(tests);
}
