#include "lib/cleanup.h"
#include "tests/unit/journal_case.h"

/* What is owed to receivers, what they have accepted, and what can be sent to them again. */

static unsigned last_sinks;
static struct event *also; /* of the next event */
static size_t last_len;

/* Submits the event of a rejected record; ids are "clo_1", "clo_2", … */
static void tell(unsigned sinks, uint64_t run, int64_t at_wall_ms, size_t body_len)
{
	struct part *part = mem_alloc(sizeof(*part));
	struct event *e = mem_alloc(sizeof(*e));
	struct record *record = record_new();

	last_sinks = sinks;
	last_len = body_len;
	e->seq = journal_next_event(journal);
	e->id = mem_printf("clo_%llu", (unsigned long long)e->seq);
	e->lane = mem_strdup("lane");
	e->body = mem_alloc(body_len + 1);
	memset(e->body, 'x', body_len);
	e->body_len = body_len;
	e->owes = sinks;
	e->run = run;
	e->at_wall_ms = at_wall_ms;
	e->also = steal(&also);
	record->stream = stream->id;
	record->pos = e->seq * 8;
	record->source_name = mem_strdup("in.ndjson");
	part->record = record;
	part->outcome = OUTCOME_REJECTED;
	journal_reject_part(journal, part, "", "", e, at_wall_ms, NULL, NULL);
	commit();
	journal_drop_part(journal, part->id, 5);
	part_deinit(part);
	free(part);
	event_free(e);
}

static char owed_ids[400], owed_key[16];

static void take_owed(void *arg, struct event *takes_event)
{
	const size_t len = strlen(owed_ids);

	(void)arg;
	(void)snprintf(owed_ids + len, sizeof(owed_ids) - len, "%s%s", len ? " " : "",
	               takes_event->id);
	(void)snprintf(owed_key, sizeof(owed_key), "%s", takes_event->key ? takes_event->key : "");
	event_free(takes_event);
}

static const char *owed(enum event_sink sink)
{
	owed_ids[0] = '\0';
	check_eq(journal_each_owed(journal, sink, 0, 50, take_owed, NULL, NULL), 0);
	return owed_ids;
}

static uint64_t n_owed(enum event_sink sink)
{
	struct journal_totals totals;

	check_eq(journal_totals(journal, &totals, NULL), 0);
	switch (sink) {
	case SINK_WEBHOOK:
		return totals.owed_webhook;
	case SINK_FILE:
		return totals.owed_file;
	case SINK_KAFKA:
		return totals.owed_kafka;
	case SINK_REJECTS:
		return totals.owed_rejects;
	}
	return 0;
}

/* Of events for both sinks the webhook's word counts. */
static void accept(enum event_sink sink, uint64_t from, uint64_t to)
{
	const bool counts = sink == SINK_WEBHOOK || !(last_sinks & SINK_WEBHOOK);
	const uint64_t n = counts ? to - from + 1 : 0;

	journal_accept_events(journal, sink, from, to,
	                      (struct told_events){.n = n, .bytes = n * last_len});
	commit();
}

/* How many of the accepted ones could be sent again. */
static uint64_t resend(enum event_sink sink, const struct event_choice *choice)
{
	uint64_t n = 99;

	journal_resend_events(journal, choice, sink, &n, NULL, NULL);
	commit();
	return n;
}

static void a_file_accepts_in_order_and_the_webhook_in_any(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		tell(SINK_FILE | SINK_WEBHOOK, 1, 1000, 10);
	accept(SINK_FILE, 1, 2);
	accept(SINK_WEBHOOK, 3, 3);
	reopen();
	check_text(owed(SINK_FILE), "clo_3 clo_4");
	check_text(owed(SINK_WEBHOOK), "clo_1 clo_2 clo_4");
	check_eq(n_owed(SINK_FILE), 2);
	check_eq(n_owed(SINK_WEBHOOK), 3);
	check_eq(journal_first_owed(journal, SINK_FILE), 3);
	check_eq(journal_first_owed(journal, SINK_WEBHOOK), 1);
	accept(SINK_WEBHOOK, 1, 2);
	accept(SINK_WEBHOOK, 4, 4);
	accept(SINK_FILE, 3, 4);
	check_eq(n_owed(SINK_FILE) + n_owed(SINK_WEBHOOK), 0);
	check_eq(journal_first_owed(journal, SINK_WEBHOOK), 0);
}

static void an_event_is_owed_only_to_the_sinks_there_were(void **state)
{
	(void)state;
	tell(SINK_WEBHOOK, 1, 1000, 10);
	tell(SINK_FILE, 1, 1000, 10);
	check_text(owed(SINK_FILE), "clo_2");
	check_text(owed(SINK_WEBHOOK), "clo_1");
	accept(SINK_FILE, 2, 2); /* passes over the one that was never the file's */
	check_eq(n_owed(SINK_FILE), 0);
	check_eq(n_owed(SINK_WEBHOOK), 1);
}

static void a_postponed_event_keeps_its_tries(void **state)
{
	(void)state;
	tell(SINK_WEBHOOK, 1, 1000, 10);
	journal_postpone_event(journal, 1, 3, 5000);
	commit();
	reopen();
	check_text(owed(SINK_WEBHOOK), "clo_1");
}

static void accepted_events_are_owed_again_when_they_are_chosen(void **state)
{
	static char four[] = "clo_4", nine[] = "clo_9";
	char *ids[] = {four, nine, NULL};
	const struct event_choice by_run = {.run = 7}, since = {.since_wall_ms = 3000},
				  by_id = {.ids = ids};

	(void)state;
	tell(SINK_WEBHOOK, 7, 1000, 10);
	tell(SINK_WEBHOOK, 8, 2000, 10);
	tell(SINK_WEBHOOK, 7, 3000, 10);
	tell(SINK_WEBHOOK, 8, 4000, 10);
	tell(SINK_WEBHOOK, 7, 5000, 10);
	accept(SINK_WEBHOOK, 1, 4);
	check_eq(resend(SINK_WEBHOOK, &by_run), 2); /* the fifth is owed all the same */
	check_text(owed(SINK_WEBHOOK), "clo_5 clo_1 clo_3");
	check_eq(resend(SINK_WEBHOOK, &by_run), 0);
	check_eq(resend(SINK_WEBHOOK, &by_id), 1);
	check_text(owed(SINK_WEBHOOK), "clo_5 clo_1 clo_3 clo_4");
	accept(SINK_WEBHOOK, 5, 8);
	reopen();
	check_eq(resend(SINK_WEBHOOK, &since), 3);
	check_text(owed(SINK_WEBHOOK), "clo_5 clo_3 clo_4");
	check_eq(journal_next_event(journal), 12);
}

static void a_file_is_given_an_accepted_event_again(void **state)
{
	const struct event_choice all = {.since_wall_ms = 1};

	(void)state;
	tell(SINK_FILE, 1, 1000, 10);
	tell(SINK_FILE, 1, 1000, 10);
	accept(SINK_FILE, 1, 1);
	check_eq(resend(SINK_FILE, &all), 1);
	check_text(owed(SINK_FILE), "clo_2 clo_1");
	accept(SINK_FILE, 2, 3);
	check_eq(n_owed(SINK_FILE), 0);
	check_eq(resend(SINK_FILE, &all), 2);
}

static void no_more_accepted_events_stay_than_the_bound_says(void **state)
{
	const struct event_choice all = {.since_wall_ms = 1};

	(void)state;
	for (int i = 0; i < 80; i++)
		tell(SINK_FILE | SINK_WEBHOOK, 1, 1000, 1 << 20);
	accept(SINK_FILE, 1, 80);
	accept(SINK_WEBHOOK, 2, 70);
	accept(SINK_WEBHOOK, 72, 80); /* 78 MiB of 64 */
	check_eq(n_owed(SINK_WEBHOOK), 2);
	accept(SINK_WEBHOOK, 1, 1); /* older than what stays: it goes at once */
	accept(SINK_WEBHOOK, 71, 71);
	reopen();
	check_eq(resend(SINK_FILE, &all), 65);
	check_eq(n_owed(SINK_FILE), 65);
}

static void what_is_owed_is_never_let_go(void **state)
{
	(void)state;
	for (int i = 0; i < 70; i++)
		tell(SINK_WEBHOOK, 1, 1000, 1 << 20);
	check_eq(journal_prune(journal, 2000, NULL), 0);
	reopen();
	check_eq(n_owed(SINK_WEBHOOK), 70);
	check_eq(journal_first_owed(journal, SINK_WEBHOOK), 1);
}

static void accepted_events_older_than_keep_go(void **state)
{
	const struct event_choice all = {0};

	(void)state;
	for (int i = 1; i <= 6; i++)
		tell(SINK_WEBHOOK, 1, i * 1000, 10);
	accept(SINK_WEBHOOK, 1, 2);
	accept(SINK_WEBHOOK, 4, 6);
	check_eq(journal_prune(journal, 5000, NULL), 0);
	reopen();
	check_eq(resend(SINK_WEBHOOK, &all), 2);
	check_text(owed(SINK_WEBHOOK), "clo_3 clo_5 clo_6");
}

static void a_state_without_events_never_gives_a_number_twice(void **state)
{
	(void)state;
	tell(SINK_FILE, 1, 1000, 10);
	tell(SINK_FILE, 1, 1000, 10);
	accept(SINK_FILE, 1, 2);
	check_eq(journal_prune(journal, 5000, NULL), 0);
	reopen();
	tell(SINK_FILE, 1, 6000, 10);
	check_text(owed(SINK_FILE), "clo_3");
}

static void each_topic_has_a_place_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		tell(i % 2 ? SINK_REJECTS : SINK_FILE | SINK_KAFKA, 1, 1000, 10);
	accept(SINK_KAFKA, 1, 1);
	reopen();
	check_text(owed(SINK_KAFKA), "clo_3");
	check_text(owed(SINK_REJECTS), "clo_2 clo_4");
	check_text(owed(SINK_FILE), "clo_1 clo_3");
	accept(SINK_REJECTS, 2, 4); /* passes over one that is not its own */
	reopen();
	check_eq(n_owed(SINK_REJECTS), 0);
	check_eq(n_owed(SINK_KAFKA), 1);
	check_eq(n_owed(SINK_FILE), 2);
	check_eq(journal_first_owed(journal, SINK_KAFKA), 3);
}

/* As the engine does where several take events in an order of their own. */
static void accept_shared(enum event_sink sink, uint64_t from, uint64_t to)
{
	journal_accept_events(journal, sink, from, to, (struct told_events){.is_shared = true});
	commit();
}

static void an_event_counts_when_the_last_receiver_has_it_whoever_that_is(void **state)
{
	const struct event_choice all = {.since_wall_ms = 1};

	(void)state;
	for (int i = 0; i < 80; i++)
		tell(SINK_KAFKA | SINK_WEBHOOK, 1, 1000, 1 << 20);
	accept_shared(SINK_WEBHOOK, 1, 80); /* 80 MiB, of which none may go */
	reopen();
	check_eq(n_owed(SINK_KAFKA), 80);
	accept_shared(SINK_KAFKA, 1, 40);
	check_eq(resend(SINK_KAFKA, &all), 40); /* 40 MiB of 64: all of them are there */
	accept_shared(SINK_KAFKA, 41, 120);
	check_eq(n_owed(SINK_KAFKA), 0);
	check_eq(resend(SINK_KAFKA, &all), 64);
}

static void a_copy_of_a_reject_is_not_told_to_others(void **state)
{
	const struct event_choice all = {.since_wall_ms = 1};

	(void)state;
	tell(SINK_REJECTS, 1, 1000, 10);
	tell(SINK_KAFKA, 1, 1000, 10);
	accept(SINK_REJECTS, 1, 1);
	accept(SINK_KAFKA, 2, 2);
	check_eq(resend(SINK_KAFKA, &all), 1);
	check_text(owed(SINK_KAFKA), "clo_2");
}

static void a_copy_is_stored_with_its_event(void **state)
{
	struct event *copy = mem_alloc(sizeof(*copy));

	(void)state;
	copy->seq = journal_next_event(journal);
	copy->id = mem_strdup("clo_copy");
	copy->lane = mem_strdup("lane");
	copy->key = mem_strdup("lead_1");
	copy->body = mem_strdup("{}");
	copy->body_len = 2;
	copy->owes = SINK_REJECTS;
	also = copy;
	tell(SINK_KAFKA, 1, 1000, 10);
	reopen();
	check_text(owed(SINK_REJECTS), "clo_copy");
	check_text(owed_key, "lead_1");
	check_text(owed(SINK_KAFKA), "clo_2");
	check_text(owed_key, "");
}

int main(void)
{
#define with_journal(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		with_journal(a_file_accepts_in_order_and_the_webhook_in_any),
		with_journal(an_event_is_owed_only_to_the_sinks_there_were),
		with_journal(a_postponed_event_keeps_its_tries),
		with_journal(accepted_events_are_owed_again_when_they_are_chosen),
		with_journal(a_file_is_given_an_accepted_event_again),
		with_journal(no_more_accepted_events_stay_than_the_bound_says),
		with_journal(what_is_owed_is_never_let_go),
		with_journal(accepted_events_older_than_keep_go),
		with_journal(a_state_without_events_never_gives_a_number_twice),
		with_journal(each_topic_has_a_place_of_its_own),
		with_journal(an_event_counts_when_the_last_receiver_has_it_whoever_that_is),
		with_journal(a_copy_of_a_reject_is_not_told_to_others),
		with_journal(a_copy_is_stored_with_its_event),
	};

	return run_sentences(tests);
}
