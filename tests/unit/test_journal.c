#include "tests/unit/journal_case.h"

#include <errno.h>

static void an_intent_comes_back_whole_after_a_restart(void **state)
{
	struct request *r = create_at(16);

	(void)state;
	journal_put_request(journal, r, NULL, NULL);
	commit();
	reopen();
	load_open();
	check_eq(n_found, 1);
	check_eq(found[0]->seq, r->seq);
	check_text(found[0]->id, r->id);
	check_eq(found[0]->state, REQUEST_INTENT);
	check_text(found[0]->body, "{\"a\":1}");
	check_text(found[0]->identity_value, "k16");
	check_eq(found[0]->n_lanes, 2);
	check(found[0]->lanes[0].is_owner);
	check(!found[0]->lanes[1].is_owner);
	check_text(found[0]->lanes[0].key, "identity custom.cf_1=k");
	check_eq(found[0]->n_parts, 1);
	check_eq(found[0]->parts[0].record->pos, 16);
	check_text(found[0]->parts[0].record->raw, "{\"a\":1}");
	check_text(found[0]->parts[0].record->source_name, "in.ndjson");
	free_found();
	request_free(r);
}

static void a_delivered_request_leaves_no_row_but_its_event(void **state)
{
	static const bool keeps[] = {false};
	struct request *r = create_at(0);
	struct event e = {.id = mem_strdup("clo_x"),
	                  .lane = mem_strdup("l"),
	                  .body = mem_strdup("{}"),
	                  .body_len = 2,
	                  .owes = SINK_FILE | SINK_WEBHOOK};
	struct journal_totals totals;

	(void)state;
	journal_put_request(journal, r, NULL, NULL);
	commit();
	r->parts[0].outcome = OUTCOME_DELIVERED;
	r->state = REQUEST_APPLIED;
	e.seq = journal_next_event(journal);
	journal_end_request(journal, r, keeps, &e, NULL, NULL);
	commit();
	reopen();
	load_open();
	check_eq(n_found, 0);
	check_eq(journal_totals(journal, &totals, NULL), 0);
	check_eq(totals.open, 0);
	check_eq(totals.owed_webhook, 1);
	check_eq(totals.owed_file, 1);

	journal_accept_events(journal, SINK_FILE, 1, 1, (struct told_events){0});
	commit();
	check_eq(journal_totals(journal, &totals, NULL), 0);
	check_eq(totals.owed_webhook, 1); /* one sink's word does not speak for the other */
	check_eq(totals.owed_file, 0);
	journal_accept_events(journal, SINK_WEBHOOK, 1, 1, (struct told_events){.n = 1});
	commit();
	check_eq(journal_totals(journal, &totals, NULL), 0);
	check_eq(totals.owed_webhook, 0);
	free(e.id);
	free(e.lane);
	free(e.body);
	request_free(r);
}

static struct part_row seen;
static unsigned n_seen;

static void look(void *arg, const struct part_row *row)
{
	(void)arg;
	n_seen++;
	check_eq(row->part.class, REJECT_VALIDATION);
	check_text(row->part.message, "no such status");
	check_text(row->part.record->raw, "{\"a\":1}");
	seen = *row;
}

static void a_reject_keeps_record_request_and_answer_until_it_is_dropped(void **state)
{
	static const bool keeps[] = {true};
	struct request *r = create_at(8), *loaded;
	struct journal_totals totals;

	(void)state;
	journal_put_request(journal, r, NULL, NULL);
	commit();
	r->state = REQUEST_REFUSED;
	r->parts[0].outcome = OUTCOME_REJECTED;
	r->parts[0].class = REJECT_VALIDATION;
	r->parts[0].message = mem_strdup("no such status");
	r->answer.status = 400;
	r->answer.body = mem_strdup("{\"error\":\"x\"}");
	r->answer.body_len = 13;
	journal_end_request(journal, r, keeps, NULL, NULL, NULL);
	commit();
	reopen();
	load_open();
	check_eq(n_found, 0);
	n_seen = 0;
	check_eq(journal_each_part(journal, OUTCOME_REJECTED, NULL, REJECT_NONE, look, NULL, NULL),
	         0);
	check_eq(n_seen, 1);
	check_eq(journal_each_part(journal, OUTCOME_REJECTED, (const uint64_t[]){7, 1, 0},
	                           REJECT_NONE, look, NULL, NULL),
	         0);
	check_eq(n_seen, 2);
	check_eq(journal_load_request(journal, seen.request, &loaded, NULL), 0);
	check_eq(loaded->answer.status, 400);
	check_text(loaded->answer.body, "{\"error\":\"x\"}");
	check_text(loaded->body, "{\"a\":1}");
	request_free(loaded);

	journal_drop_part(journal, 1, 5);
	commit();
	check_eq(journal_totals(journal, &totals, NULL), 0);
	check_eq(totals.rejected, 0);
	check_eq(journal_load_request(journal, r->seq, &loaded, NULL), -ENOENT);
	request_free(r);
}

static void what_is_not_committed_is_gone_after_a_restart(void **state)
{
	struct request *r = create_at(24);

	(void)state;
	journal_put_request(journal, r, NULL, NULL);
	reopen();
	load_open();
	check_eq(n_found, 0);
	request_free(r);
}

static struct stream *loaded_stream;

static void take_stream(void *arg, struct stream *takes_stream)
{
	(void)arg;
	loaded_stream = takes_stream;
}

static void a_streams_position_and_ranges_survive(void **state)
{
	(void)state;
	stream_settle(stream, 0, 8, 1);
	stream_settle(stream, 16, 24, 1);
	journal_put_stream(journal, stream);
	commit();
	reopen();
	check_eq(journal_each_stream(journal, take_stream, NULL, NULL), 0);
	check_eq(loaded_stream->settled_to, 8);
	check(stream_is_settled(loaded_stream, 16));
	check(!stream_is_settled(loaded_stream, 8));
	stream_free(loaded_stream);
}

static void an_identity_is_remembered_with_its_object(void **state)
{
	struct request *r = create_at(32);
	char *id;

	(void)state;
	check_null(journal_find_object(journal, "lead", "custom.cf_1", "k32"));
	r->object_id = mem_strdup("lead_9");
	journal_put_object(journal, r, 1000);
	commit();
	id = journal_find_object(journal, "lead", "custom.cf_1", "k32");
	check_text(id, "lead_9");
	check(journal_knows_object_id(journal, "lead_9"));
	free(id);
	check_eq(journal_prune(journal, 1001, NULL), 0);
	check_null(journal_find_object(journal, "lead", "custom.cf_1", "k32"));
	request_free(r);
}

int main(void)
{
#define with_journal(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		with_journal(an_intent_comes_back_whole_after_a_restart),
		with_journal(a_delivered_request_leaves_no_row_but_its_event),
		with_journal(a_reject_keeps_record_request_and_answer_until_it_is_dropped),
		with_journal(what_is_not_committed_is_gone_after_a_restart),
		with_journal(a_streams_position_and_ranges_survive),
		with_journal(an_identity_is_remembered_with_its_object),
	};

	return run_sentences(tests);
}
