#include "lib/buf.h"
#include "tests/unit/check.h"
#include "tests/unit/delivery_world.h"
#include "tests/unit/virtual_clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/*
 * Notes on one lead, without an identity, whose answers were lost: told apart by time, by who made
 * what, and by their number. Q is 330 s.
 */

static struct world world;
static struct world *const w = &world;

#define BODY(more_) "{\"lead_id\":\"lead_A\"," more_ "}"
static const char called[] = BODY("\"note\":\"Called\"");
static const char titled[] = BODY("\"note\":\"Called\",\"title\":\"T\"");

/* What the list of the lead shows. */
static struct {
	const char *more; /* its contents */
	int64_t made_wall_ms;
} notes[8];
static size_t n_notes, n_lists;

static struct tm split_time(int64_t wall_ms)
{
	const time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	(void)gmtime_r(&seconds, &tm);
	return tm;
}

static void tell_list(struct http_transfer *t)
{
	struct buf out = BUF_INIT;
	char date[64], made[64];
	struct tm tm;

	buf_adds(&out, "{\"data\":[");
	for (size_t i = 0; i < n_notes; i++) {
		tm = split_time(notes[i].made_wall_ms);
		(void)strftime(made, sizeof(made), "%Y-%m-%dT%H:%M:%S", &tm);
		buf_addf(&out, "%s{\"id\":\"acti_%zu\",\"date_created\":\"%s.999\",%s",
		         i ? "," : "", i + 1, made, notes[i].more + 1);
	}
	buf_adds(&out, "],\"has_more\":false}");
	tm = split_time(loop_wall_ms(w->engine.loop));
	(void)strftime(date, sizeof(date), "date: %a, %d %b %Y %H:%M:%S GMT", &tm);
	n_lists++;
	fake_end(t, &(struct fake_reply){
			    .n_sends = 1, .status = 200, .headers = date, .body = buf_text(&out)});
	buf_deinit(&out);
}

static void serve(struct world *of, struct http_transfer *t)
{
	(void)of;
	if (strstr(fake_url(t), "/activity/note/?lead_id=lead_A"))
		tell_list(t);
	else if (strstr(fake_url(t), "/event/"))
		fake_end(t, &(struct fake_reply){.n_sends = 1, .status = 403, .body = "{}"});
}

static int begin(void **state)
{
	(void)state;
	world_init(w);
	n_notes = n_lists = 0;
	w->proves = true;
	w->serve = serve;
	w->engine.clock_offset_ms =
		loop_wall_ms(w->engine.loop) - (int64_t)loop_now_ms(w->engine.loop);
	proof_set_user(w->engine.proof, "user_us", 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_deinit(w);
	return 0;
}

static void there_is(const char *body)
{
	notes[n_notes].more = body;
	notes[n_notes++].made_wall_ms = loop_wall_ms(w->engine.loop);
}

static uint64_t send_note(const char *body, enum delivery_class class)
{
	const struct sketch s = {.class = class,
	                         .object = "activity.note",
	                         .operation = "activity.note.create",
	                         .url = "/activity/note/",
	                         .body = body};
	const uint64_t n = world_submit(w, &s);

	world_turn(w);
	return n;
}

static uint64_t lose_note(const char *body, enum delivery_class class)
{
	const uint64_t n = send_note(body, class);

	fake_end(world_flying(w, http_in_flight(w->engine.http) - 1),
	         &(struct fake_reply){.n_sends = 1});
	return n;
}

static const struct ending *ending(uint64_t number)
{
	return &w->endings[number];
}

static void the_one_that_is_there_was_delivered_at_once(void **state)
{
	const uint64_t n = lose_note(called, CLASS_C);

	(void)state;
	there_is(BODY("\"note\":\"Other\""));
	there_is(called);
	world_pass(w, 2000);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check_text(ending(n)->object_id, "acti_2");
}

static void several_that_are_in_doubt_share_a_list(void **state)
{
	const uint64_t first = lose_note(called, CLASS_C), second = lose_note(called, CLASS_C);
	const uint64_t other = lose_note(titled, CLASS_C);

	(void)state;
	world_pass(w, 300);
	check_eq(n_lists, 1);
	check_eq(ending(first)->n_times + ending(second)->n_times + ending(other)->n_times, 0);
}

static void equal_ones_are_as_many_as_there_are(void **state)
{
	const uint64_t first = lose_note(called, CLASS_C), second = lose_note(called, CLASS_C);

	(void)state;
	there_is(called);
	world_pass(w, 2000);
	check_text(ending(first)->object_id, "acti_1");
	check_eq(ending(second)->n_times, 0);
	there_is(called);
	world_pass(w, 10000);
	check_text(ending(second)->object_id, "acti_2");
}

static void what_is_of_another_on_its_way_is_not_taken(void **state)
{
	const uint64_t lost = lose_note(called, CLASS_C), slow = send_note(called, CLASS_C);

	(void)state;
	there_is(called);
	world_pass(w, 12000);
	check(n_lists > 1);
	check_eq(ending(lost)->n_times, 0);
	world_answer(w, 200, "{\"id\":\"acti_1\"}");
	world_pass(w, 40000);
	check_text(ending(slow)->object_id, "acti_1");
	check_eq(ending(lost)->n_times, 0);
}

static void what_close_has_made_for_sure_comes_first(void **state)
{
	const uint64_t lost = lose_note(called, CLASS_C), sure = send_note(called, CLASS_C);

	(void)state;
	world_reply(w, &(struct fake_reply){
			       .n_sends = 1, .status = 200, .body = "{\"i", .is_cut = true});
	there_is(called);
	world_pass(w, 12000);
	check_text(ending(sure)->object_id, "acti_1");
	check_eq(ending(lost)->n_times, 0);
}

static void more_than_were_sent_are_for_a_person(void **state)
{
	const uint64_t n = lose_note(called, CLASS_C);
	uint64_t second;

	(void)state;
	there_is(called);
	there_is(called);
	world_pass(w, 2000);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check(strstr(ending(n)->known, "acti_1 or another"));
	/* Either may be of the held one now. */
	n_notes = 0;
	world_pass(w, 60000);
	second = lose_note(called, CLASS_C);
	there_is(called);
	world_pass(w, 2000);
	check_eq(ending(second)->outcome, OUTCOME_HELD);
}

static void one_that_says_nearly_the_same_is_for_a_person(void **state)
{
	const uint64_t plain = lose_note(called, CLASS_C), with = lose_note(titled, CLASS_C);

	(void)state;
	there_is(titled);
	world_pass(w, 2000);
	check_eq(ending(plain)->outcome, OUTCOME_HELD);
	check_eq(ending(with)->outcome, OUTCOME_DELIVERED); /* nothing else says so */
}

static void one_of_long_ago_is_not_ours(void **state)
{
	uint64_t n;

	(void)state;
	there_is(called);
	world_pass(w, 60000);
	n = lose_note(called, CLASS_C);
	world_pass(w, 20000);
	check_eq(ending(n)->n_times, 0);
}

static void absence_is_proven_when_its_list_shows_something_newer(void **state)
{
	const uint64_t n = lose_note(called, CLASS_C);

	(void)state;
	world_pass(w, 10000);
	there_is(BODY("\"note\":\"Other\""));
	world_pass(w, 400000);
	check_eq(w->live[n]->resends, 1);
	check_eq(http_in_flight(w->engine.http), 1);
}

static void without_anything_newer_it_is_held(void **state)
{
	const uint64_t n = lose_note(called, CLASS_C);

	(void)state;
	world_pass(w, 700000);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check(strstr(ending(n)->known, "Nothing with its contents was found"));
}

static void one_that_may_be_it_is_never_absent(void **state)
{
	const uint64_t n = lose_note(titled, CLASS_C);

	(void)state;
	there_is(called); /* which does not tell its title */
	world_pass(w, 10000);
	there_is(BODY("\"note\":\"Other\""));
	world_pass(w, 720000);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check(strstr(ending(n)->known, "acti_1"));
}

static void no_next_record_is_waited_for_where_something_may_be_it(void **state)
{
	static char feed[] = "feed", *topics[] = {feed, NULL};
	uint64_t n;

	(void)state;
	w->pipeline.kafka.topics = topics;
	w->engine.options.reads_source = true;
	n = lose_note(titled, CLASS_C);
	there_is(called);
	world_pass(w, 720000);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check(strstr(ending(n)->known, "acti_1"));
}

static void what_really_sends_may_be_found_and_is_never_sent_again(void **state)
{
	const uint64_t lost = lose_note(called, CLASS_D);
	uint64_t found;

	(void)state;
	world_pass(w, 10000);
	there_is(BODY("\"note\":\"Other\""));
	world_pass(w, 350000);
	check_eq(ending(lost)->outcome, OUTCOME_HELD);
	found = lose_note(titled, CLASS_D);
	there_is(titled);
	world_pass(w, 2000);
	check_eq(ending(found)->outcome, OUTCOME_DELIVERED);
}

static void whose_key_it_is_must_be_known(void **state)
{
	uint64_t n;

	(void)state;
	proof_set_user(w->engine.proof, NULL, 0);
	n = lose_note(called, CLASS_C);
	there_is(called);
	world_pass(w, 200);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check_eq(n_lists, 0);
}

static void what_another_user_has_sent_is_for_a_person(void **state)
{
	const uint64_t n = send_note(called, CLASS_C);

	(void)state;
	there_is(called);
	world_restart(w);
	proof_set_user(w->engine.proof, "user_new", loop_wall_ms(w->engine.loop) + 1);
	world_pass(w, 200);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check_eq(n_lists, 0);
}

static void after_a_restart_an_older_one_may_be_it_or_not(void **state)
{
	const uint64_t n = send_note(called, CLASS_C);

	(void)state;
	there_is(called);
	notes[0].made_wall_ms -= 3600000;
	world_pass(w, 200);
	world_restart(w);
	w->engine.run.began_wall_ms = loop_wall_ms(w->engine.loop);
	proof_set_user(w->engine.proof, "user_us", 0);
	world_pass(w, 10000);
	there_is(BODY("\"note\":\"Other\""));
	world_pass(w, 720000);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check(strstr(ending(n)->known, "acti_1"));
}

#define in_world(test_) cmocka_unit_test_setup_teardown(test_, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_world(the_one_that_is_there_was_delivered_at_once),
		in_world(several_that_are_in_doubt_share_a_list),
		in_world(equal_ones_are_as_many_as_there_are),
		in_world(what_is_of_another_on_its_way_is_not_taken),
		in_world(what_close_has_made_for_sure_comes_first),
		in_world(more_than_were_sent_are_for_a_person),
		in_world(one_that_says_nearly_the_same_is_for_a_person),
		in_world(one_of_long_ago_is_not_ours),
		in_world(absence_is_proven_when_its_list_shows_something_newer),
		in_world(without_anything_newer_it_is_held),
		in_world(one_that_may_be_it_is_never_absent),
		in_world(no_next_record_is_waited_for_where_something_may_be_it),
		in_world(what_really_sends_may_be_found_and_is_never_sent_again),
		in_world(whose_key_it_is_must_be_known),
		in_world(what_another_user_has_sent_is_for_a_person),
		in_world(after_a_restart_an_older_one_may_be_it_or_not),
	};

	return run_sentences(tests);
}
