#include "lib/mem.h"
#include "tests/unit/check.h"
#include "tests/unit/fake_search.h"
#include "tests/unit/virtual_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Creates whose answer was lost: found, proven absent, or left to a person. Q is 330 s. */

static struct world world;
static struct world *const w = &world;
static struct fake_close them;

static bool creates_answer; /* creates are answered; else they stay in flight */
static bool lists_hang;

static void serve(struct world *of, struct http_transfer *t)
{
	char answer[64];

	if (lists_hang && strstr(fake_url(t), "lead_id=")) {
		return;
	} else if (fake_is_lookup(t)) {
		fake_lookup(of, &them, t);
	} else if (creates_answer) {
		(void)snprintf(answer, sizeof(answer), "{\"id\":\"lead_c%llu\"}",
		               (unsigned long long)world_number(t));
		fake_end(t, &(struct fake_reply){.n_sends = 1, .status = 200, .body = answer});
	}
}

static int begin(void **state)
{
	(void)state;
	world_init(w);
	them = (struct fake_close){0};
	creates_answer = lists_hang = false;
	w->proves = true;
	w->serve = serve;
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_deinit(w);
	return 0;
}

static struct ending *ending(uint64_t number)
{
	return &w->endings[number];
}

static void lose(struct http_transfer *t)
{
	fake_end(t, &(struct fake_reply){.n_sends = 1});
}

/* A create of @object whose answer is lost just now. */
static uint64_t lost_create(const char *object, const char *identity)
{
	const struct sketch s = {.class = CLASS_A, .object = object, .identity = identity};
	const uint64_t n = world_submit(w, &s);

	world_turn(w);
	lose(world_flying(w, http_in_flight(w->engine.http) - 1));
	return n;
}

/* Somebody else makes something: search is seen to move. */
static void canary(const char *object)
{
	(void)fake_make(w, &them, object, "somebody else's", 0);
}

/* Found */

static void what_search_shows_was_delivered_at_once(void **state)
{
	const uint64_t n = lost_create("lead", "77");
	const char *id = fake_make(w, &them, "lead", "77", 0);

	(void)state;
	world_pass(w, 200);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check_text(ending(n)->object_id, id);
	check(ending(n)->found_by_lookup);
	check_null(ending(n)->note);
	check_eq(fake_n_started(w->engine.http), 2);
}

static void what_search_shows_later_is_found_soon_after(void **state)
{
	const uint64_t n = lost_create("lead", "77");

	(void)state;
	(void)fake_make(w, &them, "lead", "77", 8000);
	world_pass(w, 7000);
	check_eq(ending(n)->n_times, 0);
	world_pass(w, 4000);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
}

static void found_twice_is_delivered_as_the_oldest_with_a_note(void **state)
{
	const uint64_t n = lost_create("lead", "77");
	const char *oldest = fake_make(w, &them, "lead", "77", 0);

	(void)state;
	(void)fake_make(w, &them, "lead", "77", 0);
	world_pass(w, 200);
	check_text(ending(n)->object_id, oldest);
	check(strstr(ending(n)->note, "1 more object carries custom.cf_1 = 77"));
}

static void an_object_that_another_request_made_proves_nothing(void **state)
{
	const uint64_t first = lost_create("lead", "77");
	const char *id = fake_make(w, &them, "lead", "77", 0);
	uint64_t second;

	(void)state;
	world_pass(w, 200);
	check_text(ending(first)->object_id, id);
	second = lost_create("lead", "77");
	world_pass(w, 20000);
	check_eq(ending(second)->n_times, 0);
}

static void an_object_of_another_kind_proves_nothing(void **state)
{
	const uint64_t n = lost_create("lead", "77");

	(void)state;
	(void)fake_make(w, &them, "contact", "77", 0);
	world_pass(w, 20000);
	check_eq(ending(n)->n_times, 0);
}

static void all_pages_are_read_and_many_are_asked_for_at_once(void **state)
{
	char identity[16];

	(void)state;
	them.page_size = 2;
	for (int i = 0; i < 4; i++) {
		(void)snprintf(identity, sizeof(identity), "%d", i);
		(void)lost_create("lead", identity);
	}
	world_pass(w, 60000);
	them.n_searches = them.n_pages = 0;
	for (int i = 0; i < 4; i++) {
		(void)snprintf(identity, sizeof(identity), "%d", i);
		(void)fake_make(w, &them, "lead", identity, 0);
	}
	world_pass(w, 35000);
	for (uint64_t n = 1; n <= 4; n++)
		check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check_eq(them.n_searches, 1);
	check_eq(them.n_pages, 3); /* the last one is empty */
}

/* Absent */

static void absence_is_proven_after_the_quarantine_when_search_is_seen_to_move(void **state)
{
	const uint64_t n = lost_create("lead", "77");

	(void)state;
	world_pass(w, 10000);
	canary("lead");
	world_pass(w, 319000);
	check_eq(fake_n_sent(w, &them), 1);
	creates_answer = true;
	world_pass(w, 60000);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check(!ending(n)->found_by_lookup);
	check_eq(fake_n_sent(w, &them), 2);
}

static void one_late_look_is_not_enough(void **state)
{
	uint64_t second;

	(void)state;
	(void)lost_create("lead", "77");
	world_pass(w, 300000);
	second = lost_create("lead", "78");
	world_pass(w, 70000);
	check_eq(w->live[1]->resends, 0);
	/* Search hangs over the first's next question until the second is old enough. */
	w->serve = NULL;
	world_pass(w, 1500);
	canary("lead"); /* newer than both */
	world_pass(w, 263500);
	w->serve = serve;
	world_pass(w, 5000);
	check_eq(w->live[1]->resends, 1);
	check_eq(w->live[second]->resends, 0);
	world_pass(w, 45000);
	check_eq(w->live[second]->resends, 1);
}

static void without_a_canary_a_person_decides_after_twice_the_quarantine(void **state)
{
	const uint64_t n = lost_create("lead", "77");

	(void)state;
	world_pass(w, 659000);
	check_eq(ending(n)->n_times, 0);
	world_pass(w, 60000);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check_eq(ending(n)->class, REJECT_UNKNOWN);
	check(strstr(ending(n)->known, "custom.cf_1 = 77"));
	check(strstr(ending(n)->known, "closefeed held resolve"));
	check_eq(fake_n_sent(w, &them), 1);
}

/* It is still waited for, and what is newer shows that it is absent. */
static void check_sent_again_behind_a_canary(uint64_t n)
{
	check_eq(ending(n)->n_times, 0);
	canary("lead");
	creates_answer = true;
	world_pass(w, 120000);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check(!ending(n)->found_by_lookup);
}

/* Whose next record may come at any time. */
static void read_a_topic(void)
{
	static char feed[] = "feed", *topics[] = {feed, NULL};

	w->pipeline.kafka.topics = topics;
	w->engine.options.reads_source = true;
}

static void while_a_topic_is_read_something_newer_is_waited_for(void **state)
{
	uint64_t n;

	(void)state;
	read_a_topic();
	n = lost_create("lead", "77");
	world_pass(w, 1200000);
	check_sent_again_behind_a_canary(n);
}

static void of_a_topic_too_a_person_decides_in_the_end(void **state)
{
	uint64_t n;

	(void)state;
	read_a_topic();
	n = lost_create("lead", "77");
	world_pass(w, 3900000);
	check_eq(ending(n)->n_times, 0);
	world_pass(w, 120000);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check(strstr(ending(n)->known, "was found for 3960 s"));
}

static void after_an_outage_there_is_time_for_a_canary(void **state)
{
	const uint64_t n = lost_create("lead", "77");

	(void)state;
	w->serve = NULL;
	world_pass(w, 700000);
	w->serve = serve;
	world_pass(w, 10000);
	check_sent_again_behind_a_canary(n);
}

static void a_canary_from_before_the_attempt_is_none(void **state)
{
	uint64_t n;

	(void)state;
	canary("lead");
	world_pass(w, 500);
	n = lost_create("lead", "77");
	world_pass(w, 720000);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
}

static void a_canary_of_another_kind_is_none(void **state)
{
	const uint64_t n = lost_create("lead", "77");

	(void)state;
	world_pass(w, 10000);
	canary("contact");
	world_pass(w, 720000);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
}

static void the_canary_is_dated_by_the_clock_of_the_other_side(void **state)
{
	uint64_t n;

	(void)state;
	them.skew_ms = 3600000; /* they are an hour ahead: their objects look newer than they are */
	canary("lead");
	world_pass(w, 500);
	n = lost_create("lead", "77");
	world_pass(w, 720000);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
}

static void lost_creates_of_two_kinds_are_both_proven_absent(void **state)
{
	const uint64_t lead = lost_create("lead", "77"), contact = lost_create("contact", "78");

	(void)state;
	world_pass(w, 10000);
	canary("lead");
	canary("contact");
	world_pass(w, 310000);
	creates_answer = true;
	world_pass(w, 400000);
	check_eq(ending(lead)->outcome, OUTCOME_DELIVERED);
	check_eq(ending(contact)->outcome, OUTCOME_DELIVERED);
}

static void proven_absent_four_times_it_is_held(void **state)
{
	const uint64_t n = world_create(w, "77");

	(void)state;
	for (int i = 0; i < 4; i++) {
		while (!http_in_flight(w->engine.http))
			world_turn(w);
		lose(world_flying(w, 0));
		world_pass(w, 5000);
		canary("lead");
		while (!http_in_flight(w->engine.http) && !ending(n)->n_times)
			world_pass(w, 1000);
	}
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check_eq(ending(n)->class, REJECT_SERVER);
	check_eq(fake_n_sent(w, &them), 4);
}

static void after_a_restart_the_wait_counts_anew(void **state)
{
	const uint64_t n = lost_create("lead", "77");

	(void)state;
	world_pass(w, 200000);
	world_restart(w);
	canary("lead");
	world_pass(w, 329000);
	check_eq(w->live[n]->state, REQUEST_UNKNOWN);
	check_eq(ending(n)->n_times, 0);
	check_eq(w->live[n]->resends, 0);
	(void)fake_make(w, &them, "lead", "77", 0);
	world_pass(w, 60000);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check(ending(n)->found_by_lookup);
}

/* The list of its lead */

/* A contact below lead_A whose answer is lost just now. */
static uint64_t lost_contact(const char *identity)
{
	const struct sketch s = {.class = CLASS_A, .object = "contact", .identity = identity};
	struct request *r = world_request(w, &s);

	free(r->body);
	r->body = mem_printf("{\"n\":%llu,\"lead_id\":\"lead_A\",\"custom.cf_1\":\"%s\"}",
	                     (unsigned long long)w->n_made, identity);
	r->body_len = strlen(r->body);
	delivery_submit(w->engine.delivery, r);
	world_turn(w);
	lose(world_flying(w, http_in_flight(w->engine.http) - 1));
	return w->n_made;
}

/* Below lead_A; search shows it never. */
static const char *below(const char *identity)
{
	const char *id = fake_make(w, &them, "contact", identity, UINT32_MAX);

	(void)snprintf(fake_last(&them)->lead, sizeof(fake_last(&them)->lead), "lead_A");
	return id;
}

static void what_the_leads_list_shows_was_delivered_whatever_search_says(void **state)
{
	const uint64_t n = lost_contact("77");
	const char *id = below("77");

	(void)state;
	world_pass(w, 500);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check_text(ending(n)->object_id, id);
	check_eq(them.n_lists, 1);
}

static void one_list_serves_all_that_name_its_lead(void **state)
{
	(void)state;
	them.search_status = 400; /* nothing comes of the first looks */
	for (int i = 0; i < 3; i++)
		(void)lost_contact((const char *const[]){"1", "2", "3"}[i]);
	world_pass(w, 500);
	them.n_lists = 0;
	for (int i = 0; i < 3; i++)
		(void)below((const char *const[]){"1", "2", "3"}[i]);
	world_pass(w, 1500);
	for (uint64_t n = 1; n <= 3; n++)
		check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check_eq(them.n_lists, 1);
}

static void what_search_shows_does_not_wait_for_a_list_that_hangs(void **state)
{
	const uint64_t first = lost_contact("77"), second = lost_contact("78");

	(void)state;
	lists_hang = true;
	(void)fake_make(w, &them, "contact", "78", 0);
	world_pass(w, 500);
	check_eq(ending(second)->outcome, OUTCOME_DELIVERED);
	lists_hang = false;
	(void)below("77");
	world_pass(w, 500);
	check_eq(ending(first)->outcome, OUTCOME_DELIVERED);
}

static void a_later_object_in_the_leads_list_is_its_canary(void **state)
{
	const uint64_t n = lost_contact("77");

	(void)state;
	world_pass(w, 10000);
	(void)below("somebody else's");
	world_pass(w, 315000);
	check_eq(fake_n_sent(w, &them), 1);
	creates_answer = true;
	world_pass(w, 10000);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check(!ending(n)->found_by_lookup);
}

static void without_a_later_object_the_leads_list_proves_no_absence(void **state)
{
	const uint64_t n = lost_contact("77");

	(void)state;
	world_pass(w, 720000);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check(them.n_lists > 2);
}

/* The event log */

/* Somebody made something of another kind, which only the log shows. */
static void stir(void)
{
	(void)fake_make(w, &them, "opportunity", "x", UINT32_MAX);
}

/* Search stands still; events are told, with custom fields. */
static void only_the_log_moves(void)
{
	them.has_log = them.log_has_field = true;
	(void)fake_make(w, &them, "lead", "an older one", UINT32_MAX);
	world_pass(w, 2000);
}

static void what_the_log_tells_was_delivered(void **state)
{
	const char *id;
	uint64_t n;

	(void)state;
	only_the_log_moves();
	n = lost_create("lead", "77");
	id = fake_make(w, &them, "lead", "77", UINT32_MAX);
	world_pass(w, 164000);
	check_eq(ending(n)->n_times, 0);
	check_eq(them.n_logs, 0); /* it is many pages, perhaps: read when it matters */
	world_pass(w, 2000);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check_text(ending(n)->object_id, id);
}

static void what_was_made_and_deleted_since_was_delivered(void **state)
{
	uint64_t n;

	(void)state;
	only_the_log_moves();
	n = lost_create("lead", "77");
	(void)fake_make(w, &them, "lead", "77", 0);
	fake_last(&them)->is_deleted = true;
	world_pass(w, 10000);
	canary("lead"); /* so that search alone would prove absence */
	world_pass(w, 330000);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check(ending(n)->found_by_lookup);
	check_eq(fake_n_sent(w, &them), 1);
}

static void the_log_proves_absence_where_search_stands_still(void **state)
{
	uint64_t n;

	(void)state;
	only_the_log_moves();
	n = lost_create("lead", "77");
	world_pass(w, 10000);
	stir();
	world_pass(w, 319000);
	check_eq(fake_n_sent(w, &them), 1);
	creates_answer = true;
	world_pass(w, 10000);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check(!ending(n)->found_by_lookup);
	check_eq(fake_n_sent(w, &them), 2);
}

static void the_log_proves_absence_where_search_is_refused(void **state)
{
	uint64_t n;

	(void)state;
	only_the_log_moves();
	them.search_status = 400;
	n = lost_create("lead", "77");
	world_pass(w, 10000);
	stir();
	creates_answer = true;
	world_pass(w, 325000);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
}

static void a_log_that_stands_still_proves_nothing(void **state)
{
	uint64_t n;

	(void)state;
	only_the_log_moves();
	them.log_is_at = them.n;
	n = lost_create("lead", "77");
	world_pass(w, 10000);
	stir();
	world_pass(w, 720000);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check(strstr(ending(n)->known, "neither search nor the event log"));
}

static void events_without_custom_fields_prove_nothing(void **state)
{
	uint64_t n;

	(void)state;
	only_the_log_moves();
	them.log_has_field = false;
	n = lost_create("lead", "77");
	(void)fake_make(w, &them, "lead", "77", UINT32_MAX);
	world_pass(w, 10000);
	stir();
	world_pass(w, 720000);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
}

static void an_event_without_data_may_be_the_one(void **state)
{
	uint64_t n;

	(void)state;
	only_the_log_moves();
	n = lost_create("lead", "77");
	(void)fake_make(w, &them, "lead", "77", UINT32_MAX);
	fake_last(&them)->is_unclear = true;
	world_pass(w, 10000);
	stir();
	world_pass(w, 720000);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
}

static void the_log_is_read_back_to_the_attempt_and_no_further(void **state)
{
	uint64_t n;

	(void)state;
	them.has_log = them.log_has_field = true;
	for (int i = 0; i < 200; i++)
		(void)fake_make(w, &them, "lead", "long ago", UINT32_MAX);
	world_pass(w, 600000);
	n = lost_create("lead", "77");
	(void)fake_make(w, &them, "lead", "77", UINT32_MAX);
	for (int i = 0; i < 120; i++)
		canary("lead");
	world_pass(w, 170000);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
	check_eq(them.n_logs, 4); /* the newest, and three pages */
}

/* Trouble with search */

static void search_that_is_refused_leaves_it_to_a_person(void **state)
{
	const uint64_t n = lost_create("lead", "77");

	(void)state;
	them.search_status = 400;
	world_pass(w, 660000);
	world_pass(w, 60000);
	check_eq(ending(n)->outcome, OUTCOME_HELD);
	check_eq(ending(n)->class, REJECT_UNKNOWN);
	check(strstr(ending(n)->known, "400"));
}

static void search_that_is_refused_for_a_while_is_asked_again(void **state)
{
	const uint64_t n = lost_create("lead", "77");

	(void)state;
	them.search_status = 400;
	(void)fake_make(w, &them, "lead", "77", 0);
	world_pass(w, 30000);
	them.search_status = 0;
	world_pass(w, 2000);
	check_eq(ending(n)->outcome, OUTCOME_DELIVERED);
}

static void after_a_stop_nothing_is_asked(void **state)
{
	(void)state;
	(void)lost_create("lead", "77");
	delivery_stop(w->engine.delivery, EXIT_AGAIN, "a signal");
	world_pass(w, 10000);
	check_eq(fake_n_started(w->engine.http), 1);
}

static void it_says_when_a_proof_can_be_there(void **state)
{
	const int64_t start = loop_wall_ms(w->engine.loop);

	(void)state;
	check_eq(proof_until_wall_ms(w->engine.proof), 0);
	(void)lost_create("lead", "77");
	world_pass(w, 1000);
	check_eq(proof_until_wall_ms(w->engine.proof), start + 330000);
}

int main(void)
{
#define in_world(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		in_world(what_search_shows_was_delivered_at_once),
		in_world(what_search_shows_later_is_found_soon_after),
		in_world(found_twice_is_delivered_as_the_oldest_with_a_note),
		in_world(an_object_that_another_request_made_proves_nothing),
		in_world(an_object_of_another_kind_proves_nothing),
		in_world(all_pages_are_read_and_many_are_asked_for_at_once),
		in_world(absence_is_proven_after_the_quarantine_when_search_is_seen_to_move),
		in_world(one_late_look_is_not_enough),
		in_world(without_a_canary_a_person_decides_after_twice_the_quarantine),
		in_world(while_a_topic_is_read_something_newer_is_waited_for),
		in_world(of_a_topic_too_a_person_decides_in_the_end),
		in_world(after_an_outage_there_is_time_for_a_canary),
		in_world(a_canary_from_before_the_attempt_is_none),
		in_world(a_canary_of_another_kind_is_none),
		in_world(the_canary_is_dated_by_the_clock_of_the_other_side),
		in_world(lost_creates_of_two_kinds_are_both_proven_absent),
		in_world(proven_absent_four_times_it_is_held),
		in_world(after_a_restart_the_wait_counts_anew),
		in_world(what_the_leads_list_shows_was_delivered_whatever_search_says),
		in_world(one_list_serves_all_that_name_its_lead),
		in_world(what_search_shows_does_not_wait_for_a_list_that_hangs),
		in_world(a_later_object_in_the_leads_list_is_its_canary),
		in_world(without_a_later_object_the_leads_list_proves_no_absence),
		in_world(what_the_log_tells_was_delivered),
		in_world(what_was_made_and_deleted_since_was_delivered),
		in_world(the_log_proves_absence_where_search_stands_still),
		in_world(the_log_proves_absence_where_search_is_refused),
		in_world(a_log_that_stands_still_proves_nothing),
		in_world(events_without_custom_fields_prove_nothing),
		in_world(an_event_without_data_may_be_the_one),
		in_world(the_log_is_read_back_to_the_attempt_and_no_further),
		in_world(search_that_is_refused_leaves_it_to_a_person),
		in_world(search_that_is_refused_for_a_while_is_asked_again),
		in_world(after_a_stop_nothing_is_asked),
		in_world(it_says_when_a_proof_can_be_there),
	};

	return run_sentences(tests);
}
