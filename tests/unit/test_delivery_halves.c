#include "lib/buf.h"
#include "lib/test_hooks.h"
#include "tests/unit/delivery_case.h"
#include "tests/unit/virtual_clock.h"
#include "tests/unit/world_batch.h"

#include <stdio.h>
#include <string.h>

/* A call of several records that is refused as a whole goes in halves, in its own place. */

enum { max_records = 64 };

/* The other side: refuses every call with a bad record in it. */

static bool is_bad[max_records + 1];
static long refusal;
static unsigned n_applied[max_records + 1];
static struct buf seen = BUF_INIT; /* the calls that came: "1-8 1-4 …" */

static int begin_batches(void **state)
{
	memset(is_bad, 0, sizeof(is_bad));
	memset(n_applied, 0, sizeof(n_applied));
	refusal = 400;
	buf_deinit(&seen);
	return begin(state);
}

static int end_batches(void **state)
{
	buf_deinit(&seen);
	return end(state);
}

static void see(const uint64_t *numbers, size_t n)
{
	buf_addf(&seen, "%s%llu", seen.len ? " " : "", (unsigned long long)numbers[0]);
	if (n > 1)
		buf_addf(&seen, "-%llu", (unsigned long long)numbers[n - 1]);
}

static void serve(struct world *of, struct http_transfer *t)
{
	const struct fake_reply no = {.n_sends = 1, .status = refusal, .body = "{}"};
	uint64_t numbers[max_records];
	const size_t n = world_numbers(t, numbers, max_records);
	bool is_refused = false;

	if (!n) {
		buf_addf(&seen, " %s", fake_method(t));
		world_says_yes(of, t);
		return;
	}
	see(numbers, n);
	for (size_t i = 0; i < n; i++)
		is_refused |= is_bad[numbers[i]];
	for (size_t i = 0; !is_refused && i < n; i++)
		n_applied[numbers[i]]++;
	if (is_refused)
		fake_end(t, &no);
	else
		world_says_yes(of, t);
}

static void submit_batch(enum delivery_class class, uint64_t first, uint64_t last)
{
	delivery_submit(w->engine.delivery, world_batch(w, class, first, last));
	w->n_made = last;
}

static const struct fake_reply not_sent, too_large = {.n_sends = 1, .status = 413, .body = "{}"};

static void run_batch(uint64_t n)
{
	w->config.max_rejects = REJECTS_NONE;
	world_restart(w);
	w->serve = serve;
	submit_batch(CLASS_U, 1, n);
	world_pass(w, 2000);
}

static void check_outcomes(uint64_t n)
{
	for (uint64_t i = 1; i <= n; i++) {
		check_eq(ending(i)->n_times, 1);
		check(ending(i)->is_durable);
		check_eq(ending(i)->outcome, is_bad[i] ? OUTCOME_REJECTED : OUTCOME_DELIVERED);
		check_eq(n_applied[i], is_bad[i] ? 0 : 1);
		check_eq(world_row_state(w, i), -1);
	}
	check(delivery_is_idle(w->engine.delivery));
}

/* How it is cut */

static void one_bad_record_is_cut_out_and_the_others_go_in_their_order(void **state)
{
	(void)state;
	is_bad[3] = true;
	run_batch(8);
	check_text(buf_text(&seen), "1-8 1-4 1-2 3-4 3 4 5-8");
	check_outcomes(8);
	check_eq(ending(3)->class, REJECT_VALIDATION);
}

static void two_bad_records_are_both_cut_out(void **state)
{
	(void)state;
	is_bad[1] = is_bad[6] = true;
	run_batch(7);
	check_text(buf_text(&seen), "1-7 1-3 1 2-3 4-7 4-5 6-7 6 7");
	check_outcomes(7);
}

static void where_all_are_bad_each_stands_alone_at_last(void **state)
{
	(void)state;
	for (int i = 1; i <= 4; i++)
		is_bad[i] = true;
	run_batch(4);
	check_text(buf_text(&seen), "1-4 1-2 1 2 3-4 3 4");
	check_outcomes(4);
}

static void only_answers_one_record_can_be_the_reason_of_are_halved(void **state)
{
	static const struct {
		long status;
		bool is_halved;
	} answers[] = {{400, true},  {413, true},  {422, true},  {403, false},
	               {404, false}, {405, false}, {409, false}, {410, false}};

	(void)state;
	w->serve = serve;
	for (uint64_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		const uint64_t good = 2 * i + 1, bad = good + 1;
		char all[32], halved[64];

		(void)snprintf(all, sizeof(all), "%d-%d", (int)good, (int)bad);
		(void)snprintf(halved, sizeof(halved), "%s %d %d", all, (int)good, (int)bad);
		refusal = answers[i].status;
		is_bad[bad] = true;
		buf_deinit(&seen);
		submit_batch(CLASS_U, good, bad);
		world_pass(w, 1000);
		check_text(buf_text(&seen), answers[i].is_halved ? halved : all);
		check_eq(ending(good)->outcome,
		         answers[i].is_halved ? OUTCOME_DELIVERED : OUTCOME_REJECTED);
		check_eq(ending(bad)->outcome, OUTCOME_REJECTED);
	}
}

static void what_cannot_be_halved_is_rejected_as_a_whole(void **state)
{
	struct request *r = world_batch(w, CLASS_U, 1, 3);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		free(r->parts[i].draft);
		r->parts[i].draft = NULL;
	}
	is_bad[2] = true;
	w->serve = serve;
	delivery_submit(w->engine.delivery, r);
	world_pass(w, 1000);
	check_text(buf_text(&seen), "1-3");
	for (uint64_t n = 1; n <= 3; n++)
		check_eq(ending(n)->outcome, OUTCOME_REJECTED);
}

static void the_refused_whole_is_no_reject_of_the_run(void **state)
{
	(void)state;
	for (int i = 1; i <= 4; i++)
		is_bad[i] = true;
	w->config.max_rejects = REJECTS_COUNT;
	w->config.max_rejects_n = 4;
	world_restart(w);
	w->serve = serve;
	submit_batch(CLASS_U, 1, 4);
	world_pass(w, 1000);
	check_outcomes(4);
	check_eq(w->n_stops, 0);
}

static void a_refusal_is_an_answer_and_no_trouble_of_the_group(void **state)
{
	(void)state;
	refusal = 413;
	for (int i = 1; i <= max_records; i++)
		is_bad[i] = true;
	w->config.max_rejects = REJECTS_NONE;
	w->config.retry_for_ms = 60000;
	world_restart(w);
	submit_batch(CLASS_U, 1, 2);
	world_turn(w);
	world_reply(w, &not_sent); /* now the group is failing */
	w->serve = serve;
	world_pass(w, 5000);
	check_outcomes(2);
	w->serve = NULL;
	submit_batch(CLASS_U, 3, 4);
	world_pass(w, 120000); /* no answer for twice retry_for, but it succeeded since */
	check_eq(w->n_stops, 0);
}

/* Its place */

static void nobody_overtakes_what_goes_in_halves(void **state)
{
	static const struct sketch in_lane = {
		.class = CLASS_U, .owns = "record 8", .method = METHOD_PUT};

	(void)state;
	is_bad[2] = true;
	w->serve = serve;
	submit_batch(CLASS_U, 1, 8);
	w->n_made = 20;
	(void)world_submit(w, &in_lane);
	submit_batch(CLASS_U, 31, 32); /* of the same URL */
	world_pass(w, 2000);
	check(strstr(buf_text(&seen), "1-8 1-4 1-2 1 2 3-4 5-8 ") == buf_text(&seen));
	check(strstr(buf_text(&seen), " PUT"));
	check(strstr(buf_text(&seen), " 31-32"));
}

static void halves_are_counted_each_and_wait_like_others_in_a_lane(void **state)
{
	struct delivery_state look;
	struct delivery_load load;

	(void)state;
	is_bad[1] = true;
	submit_batch(CLASS_U, 1, 4);
	world_turn(w);
	check_eq(world_n_open(w), 1);
	serve(w, world_flying(w, 0)); /* the halves are not durable yet */
	check_eq(world_n_open(w), 2);
	check(delivery_is_quiet(w->engine.delivery));
	delivery_look(w->engine.delivery, &look);
	check_eq(look.waiting_lane, 2);
	world_turn(w);
	world_turn(w);
	delivery_look(w->engine.delivery, &look);
	delivery_look_load(w->engine.delivery, &load);
	check_eq(look.in_flight, 1);
	check_eq(look.waiting_lane, 1);
	check_eq(load.n_waiting, 1);
	check_eq(load.n_ready, 0);
	check_eq(load.volatile_bytes, 0);
	serve(w, world_flying(w, 0));
	world_turn(w);
	world_turn(w);
	check_eq(world_n_open(w), 3);
	delivery_look(w->engine.delivery, &look);
	check_eq(look.in_flight + look.waiting_lane, 3);
	w->serve = serve;
	world_pass(w, 1000);
	check_outcomes(4);
}

static void a_half_goes_only_when_both_are_on_the_disk(void **state)
{
	(void)state;
	is_bad[1] = true;
	submit_batch(CLASS_U, 1, 4);
	world_turn(w);
	serve(w, world_flying(w, 0));
	check_eq(world_state_after_power_loss(w, 4), REQUEST_INTENT);
	delivery_turn(w->engine.delivery);
	check_eq(http_in_flight(w->engine.http), 0);
	world_commit(w);
	check_eq(world_state_after_power_loss(w, 1), REQUEST_PLANNED);
	check_eq(world_state_after_power_loss(w, 4), REQUEST_PLANNED);
	world_turn(w);
	check_eq(world_state_after_power_loss(w, 1), REQUEST_INTENT);
	check_eq(world_state_after_power_loss(w, 4), REQUEST_PLANNED);
}

/* Trouble in a half */

/* The halves of 1 to 4 after a refusal, with 1-2 on the wire. */
static void put_first_half_on_the_wire(enum delivery_class class)
{
	submit_batch(class, 1, 4);
	world_turn(w);
	world_reply(w, &too_large);
	world_turn(w);
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 1);
}

static void an_unknown_half_is_repeated_and_the_other_waits_for_it(void **state)
{
	struct delivery_state look;

	(void)state;
	put_first_half_on_the_wire(CLASS_U);
	world_answer(w, 0, NULL);
	check_eq(w->live[1]->state, REQUEST_UNKNOWN);
	check_eq(w->live[3]->state, REQUEST_PLANNED);
	world_turn(w);
	check_eq(http_in_flight(w->engine.http), 0);
	w->serve = serve;
	world_pass(w, 2000);
	check_text(buf_text(&seen), "1-2");
	/* Its first copy may still come, and would undo what comes next. */
	delivery_look(w->engine.delivery, &look);
	check_eq(look.n_closed, 1);
	check_text(look.closed, w->live[3]->url);
	world_pass(w, 320000);
	check_text(buf_text(&seen), "1-2");
	world_pass(w, 10000);
	check_text(buf_text(&seen), "1-2 3-4");
	check_outcomes(4);
}

static void a_half_that_lingers_keeps_the_lanes_of_the_other_closed_also_after_a_kill(void **state)
{
	(void)state;
	delivery_submit(w->engine.delivery, world_batch_in(w, CLASS_U, 1, 4, NULL));
	world_turn(w);
	world_reply(w, &too_large);
	world_turn(w);
	world_turn(w);
	world_answer(w, 0, NULL);
	w->serve = serve;
	world_pass(w, 2000);
	check_text(buf_text(&seen), "1-2");
	world_restart(w);
	world_pass(w, 320000);
	check_text(buf_text(&seen), "1-2");
	world_pass(w, 20000);
	check_text(buf_text(&seen), "1-2 3-4");
	check_outcomes(4);
}

static void the_late_copy_of_a_refused_whole_is_waited_for_at_the_end(void **state)
{
	static const struct sketch in_lane = {
		.class = CLASS_U, .owns = "record 1", .method = METHOD_PUT};

	(void)state;
	submit_batch(CLASS_U, 1, 2);
	world_turn(w);
	world_answer(w, 0, NULL);
	is_bad[1] = is_bad[2] = true;
	w->serve = serve;
	world_pass(w, 2000);
	w->n_made = 20;
	(void)world_submit(w, &in_lane);
	world_pass(w, 300000);
	check(!strstr(buf_text(&seen), "PUT"));
	world_pass(w, 40000);
	check_text(buf_text(&seen), "1-2 1 2 PUT");
}

static const struct fake_reply *to_four; /* what calls of four records are answered */

/* Calls of fewer are left to the test. */
static void serve_fours(struct world *of, struct http_transfer *t)
{
	uint64_t numbers[max_records];
	const size_t n = world_numbers(t, numbers, max_records);

	if (!n)
		world_says_yes(of, t);
	else if (n == 4)
		fake_end(t, to_four);
}

/* Nothing of what befell the whole is held against its halves. */
static void a_half_begins_anew(void **state)
{
	static const struct fake_reply broken = {.n_sends = 1, .status = 503};

	(void)state;
	submit_batch(CLASS_U, 1, 4);
	w->serve = serve_fours;
	to_four = &broken;
	world_pass(w, 1200000); /* many tries, and nothing of its group succeeds */
	to_four = &too_large;
	world_pass(w, 120000);
	check(strstr(fake_url(world_flying(w, 0)), "n=2"));
	world_reply(w, &not_sent);
	world_turn(w);
	check_eq(world_row_state(w, 1), REQUEST_PLANNED); /* nothing of it is unknown */
	world_pass(w, 1000);
	world_answer(w, 0, NULL);
	check_eq(ending(1)->n_times, 0); /* and it was tried once */
	w->serve = serve;
	world_pass(w, 400000);
	check_outcomes(4);
}

static void a_half_that_may_not_be_repeated_is_held_and_the_other_goes_on(void **state)
{
	(void)state;
	put_first_half_on_the_wire(CLASS_D);
	world_answer(w, 0, NULL);
	check_eq(ending(1)->outcome, OUTCOME_HELD);
	check_eq(ending(2)->outcome, OUTCOME_HELD);
	w->serve = serve;
	world_pass(w, 1000);
	check_text(buf_text(&seen), "3-4");
	check_eq(ending(3)->outcome, OUTCOME_DELIVERED);
	check_eq(ending(4)->n_times, 1);
	check(delivery_is_idle(w->engine.delivery));
}

static void a_half_that_was_not_sent_or_limited_is_planned_again(void **state)
{
	static const struct fake_reply limited = {
		.n_sends = 1,
		.status = 429,
		.headers = "RateLimit: limit=100, remaining=0, reset=1"};
	static const struct fake_reply *const replies[] = {&not_sent, &limited};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		put_first_half_on_the_wire(CLASS_D);
		world_reply(w, replies[i]);
		world_turn(w);
		check_eq(world_row_state(w, 1), REQUEST_PLANNED);
		buf_deinit(&seen);
		w->serve = serve;
		world_pass(w, 3000);
		check_text(buf_text(&seen), "1-2 3-4");
		check_eq(ending(4)->outcome, OUTCOME_DELIVERED);
		w->serve = NULL;
	}
}

static void a_stop_keeps_the_halves_that_did_not_go_and_the_next_run_sends_them(void **state)
{
	(void)state;
	put_first_half_on_the_wire(CLASS_D);
	delivery_stop(w->engine.delivery, EXIT_AGAIN, "a signal");
	world_answer(w, 200, "{}");
	world_pass(w, 1000);
	check_eq(ending(2)->outcome, OUTCOME_DELIVERED);
	check_eq(http_in_flight(w->engine.http), 0);
	check_eq(world_row_state(w, 3), REQUEST_PLANNED);
	world_restart(w);
	w->serve = serve;
	world_pass(w, 1000);
	check_text(buf_text(&seen), "3-4");
	check_eq(ending(4)->outcome, OUTCOME_DELIVERED);
}

/* LeakSanitizer is the judge. */
static void freed_in_the_middle_of_a_chain_it_leaks_nothing(void **state)
{
	(void)state;
	is_bad[1] = is_bad[31] = true;
	submit_batch(CLASS_U, 1, 8);
	submit_batch(CLASS_U, 31, 32);
	world_turn(w);
	serve(w, world_flying(w, 0));
	world_turn(w);
	world_turn(w);
	serve(w, world_flying(w, 0)); /* its halves are on the way to the disk */
}

/* Kills */

enum { n_records = 8, max_steps = 400 };

static unsigned step, kill_at[2];
static bool applied_since_commit;

static void read_what_is_left(void)
{
	uint64_t first = 0;

	for (uint64_t n = 1; n <= n_records + 1; n++) {
		const bool is_left = n <= n_records && !w->live[n] && !w->endings[n].n_times;

		if (is_left && !first)
			first = n;
		if (!is_left && first) {
			submit_batch(CLASS_U, first, n - 1);
			first = 0;
		}
	}
}

static bool is_killed(void)
{
	step++;
	if (step != kill_at[0] && step != kill_at[1])
		return false;
	world_restart(w);
	read_what_is_left();
	return true;
}

static void serve_and_note(void)
{
	struct http_transfer *t;

	while ((t = fake_in_flight(w->engine.http, 0))) {
		uint64_t numbers[max_records];

		(void)world_numbers(t, numbers, max_records);
		serve(w, t);
		applied_since_commit |= n_applied[numbers[0]] > 0 && !is_bad[numbers[0]];
	}
}

/* A turn that may be cut off between any two of its steps; not while an answer is forgotten. */
static void turn_with_kills(void)
{
	virtual_clock_pass(1000);
	loop_turn(w->engine.loop, 0);
	delivery_turn(w->engine.delivery);
	if (!applied_since_commit && is_killed())
		return;
	world_commit(w);
	applied_since_commit = false;
	if (is_killed())
		return;
	serve_and_note();
	if (!applied_since_commit)
		(void)is_killed();
}

static const char *wrong_with(uint64_t n)
{
	if (n_applied[n] > 1)
		return "was sent twice";
	if (ending(n)->n_times != 1)
		return ending(n)->n_times ? "ended twice" : "is lost";
	if (!is_bad[n] && ending(n)->outcome == OUTCOME_REJECTED)
		return "is good, and was rejected";
	return n_applied[n] == (is_bad[n] ? 0 : 1) ? NULL : "did not end as it was told";
}

/* From the batch to the last outcome: what went wrong, or NULL. */
static const char *live_through(unsigned first_kill, unsigned second_kill)
{
	const char *wrong = NULL;

	memset(n_applied, 0, sizeof(n_applied));
	world_init(w);
	w->config.max_rejects = REJECTS_NONE;
	w->config.quarantine_ms = 3000;
	world_restart(w);
	step = 0;
	kill_at[0] = first_kill;
	kill_at[1] = second_kill;
	applied_since_commit = false;
	submit_batch(CLASS_U, 1, n_records);
	for (int i = 0; i < max_steps && !delivery_is_idle(w->engine.delivery); i++)
		turn_with_kills();
	world_commit(w);
	check(delivery_is_idle(w->engine.delivery));
	for (uint64_t n = 1; n <= n_records && !wrong; n++)
		wrong = wrong_with(n);
	world_deinit(w);
	return wrong;
}

static void killed_at_any_step_each_record_is_sent_once_and_each_bad_one_rejected_once(void **state)
{
	const char *wrong;
	unsigned n_steps;

	(void)state;
	is_bad[3] = is_bad[7] = true;
	check_null(live_through(0, 0));
	n_steps = step;
	check(n_steps > 20);
	for (unsigned first = 1; first <= n_steps; first++)
		for (unsigned second = first; second < first + 3; second++)
			if ((wrong = live_through(first, second)))
				fail_msg("killed at steps %u and %u: a record %s", first, second,
				         wrong);
	buf_deinit(&seen);
}

static void without_halves_on_the_disk_a_kill_has_good_records_rejected(void **state)
{
	const char *wrong = NULL;

	(void)state;
	is_bad[7] = true;
	check_eq(setenv("CLOSEFEED_WITHOUT", "halves", 1), 0);
	if (!hook_without("halves")) {
		print_message("this build has no test hooks (-Dtest_hooks=true)\n");
		check_eq(unsetenv("CLOSEFEED_WITHOUT"), 0);
		skip();
	}
	for (unsigned at = 1; at < 100 && !wrong; at++)
		wrong = live_through(at, 0);
	check_eq(unsetenv("CLOSEFEED_WITHOUT"), 0);
	check_text(wrong, "is good, and was rejected");
	buf_deinit(&seen);
}

int main(void)
{
#define with_batches(fn) cmocka_unit_test_setup_teardown(fn, begin_batches, end_batches)
	const struct CMUnitTest tests[] = {
		with_batches(one_bad_record_is_cut_out_and_the_others_go_in_their_order),
		with_batches(two_bad_records_are_both_cut_out),
		with_batches(where_all_are_bad_each_stands_alone_at_last),
		with_batches(only_answers_one_record_can_be_the_reason_of_are_halved),
		with_batches(what_cannot_be_halved_is_rejected_as_a_whole),
		with_batches(the_refused_whole_is_no_reject_of_the_run),
		with_batches(a_refusal_is_an_answer_and_no_trouble_of_the_group),
		with_batches(nobody_overtakes_what_goes_in_halves),
		with_batches(halves_are_counted_each_and_wait_like_others_in_a_lane),
		with_batches(a_half_goes_only_when_both_are_on_the_disk),
		with_batches(an_unknown_half_is_repeated_and_the_other_waits_for_it),
		with_batches(
			a_half_that_lingers_keeps_the_lanes_of_the_other_closed_also_after_a_kill),
		with_batches(the_late_copy_of_a_refused_whole_is_waited_for_at_the_end),
		with_batches(a_half_begins_anew),
		with_batches(a_half_that_may_not_be_repeated_is_held_and_the_other_goes_on),
		with_batches(a_half_that_was_not_sent_or_limited_is_planned_again),
		with_batches(a_stop_keeps_the_halves_that_did_not_go_and_the_next_run_sends_them),
		with_batches(freed_in_the_middle_of_a_chain_it_leaks_nothing),
		sentence(
			killed_at_any_step_each_record_is_sent_once_and_each_bad_one_rejected_once),
		sentence(without_halves_on_the_disk_a_kill_has_good_records_rejected),
	};

	return run_sentences(tests);
}
