#include "connector/engine/private.h"
#include "tests/unit/journal_case.h"

/* With the first output of a record that becomes durable all others must. */

static struct engine engine;

static int begin_engine(void **state)
{
	const int r = begin(state);

	engine = (struct engine){.journal = journal, .config_id = 1};
	return r;
}

static char route_name[] = "lists";
static struct route route = {.name = route_name};

static struct record *record_of(uint64_t pos, unsigned n_outputs)
{
	struct record *record = record_at(pos);

	record->n_outputs = n_outputs;
	record->outputs = mem_array(n_outputs, sizeof(*record->outputs));
	return record;
}

/* The call of one output, known to its record's account. */
static struct request *call_of(struct record *record, unsigned ordinal)
{
	struct request *r = request_of(record, ordinal);

	outputs_have(r);
	return r;
}

static void carry_too(struct request *r, struct record *record, unsigned ordinal)
{
	r->parts = mem_resize(r->parts, r->n_parts + 1, sizeof(struct part));
	r->parts[r->n_parts++] = output_of(record, ordinal, "d");
	outputs_have(r);
}

static struct draft *wait_as(struct record *record, unsigned ordinal)
{
	struct draft *d = draft_new(record, &route, ordinal);

	d->url = mem_strdup("/bulk/");
	record->outputs[ordinal].draft = d;
	return d;
}

/* As delivery does it. */
static void ask_for_intent(struct request *r)
{
	r->state = REQUEST_INTENT;
	outputs_begin(&engine, r);
	journal_put_request(journal, r, NULL, NULL);
}

static void the_other_call_of_a_record_is_stored_with_the_first(void **state)
{
	struct record *record = record_of(8, 2);
	struct request *first = call_of(record, 0), *other = call_of(record, 1);

	(void)state;
	ask_for_intent(first);
	commit();
	check_null(record->outputs);
	check(other->is_stored);
	reopen();
	load_open();
	check_eq(n_found, 2);
	check_eq(found[0]->state + found[1]->state, REQUEST_INTENT + REQUEST_PLANNED);
	free_found();
	engine.journal = journal;
	request_free(first);
	request_free(other);
	record_unref(record);
}

static void what_waits_for_others_is_stored_with_its_draft(void **state)
{
	struct record *record = record_of(8, 2);
	struct request *first = call_of(record, 0);
	struct draft *waits_on = wait_as(record, 1);

	(void)state;
	ask_for_intent(first);
	commit();
	load_open();
	check_eq(n_waits, 1);
	check_eq(waits[0]->part.id, waits_on->part);
	check_eq(waits[0]->part.ordinal, 1);
	check_eq(waits[0]->config, 1);
	check_text(waits[0]->route, "lists");
	free_found();
	draft_free(waits_on);
	request_free(first);
	record_unref(record);
}

/* R1: alone, list. R2: list, alone, waiting. R3: list, alone. R4: alone, alone; not tied to them.
 */
static void a_call_of_several_records_ties_all_their_outputs_together(void **state)
{
	struct record *r1 = record_of(8, 2), *r2 = record_of(16, 3), *r3 = record_of(24, 2),
		      *r4 = record_of(32, 2);
	struct request *list = call_of(r1, 1),
		       *alone[] = {call_of(r1, 0), call_of(r2, 1), call_of(r3, 1), call_of(r4, 0)};
	struct draft *waits_on = wait_as(r2, 2);

	(void)state;
	carry_too(list, r2, 0);
	carry_too(list, r3, 0);
	ask_for_intent(alone[0]);
	/* The list, two calls, the draft and the INTENT itself: each once. */
	check_eq(journal->n_changes, 5);
	commit();
	check(list->is_stored && alone[1]->is_stored && alone[2]->is_stored);
	check(!alone[3]->is_stored);
	check(!r1->outputs && !r2->outputs && !r3->outputs && r4->outputs);
	check_eq(n_requests(), 4);
	check_eq(n_parts(), 7);
	draft_free(waits_on);
	request_free(list);
	for (size_t i = 0; i < 4; i++)
		request_free(alone[i]);
	record_unref(r1);
	record_unref(r2);
	record_unref(r3);
	record_unref(r4);
}

static void two_outputs_in_one_call_need_nothing_else(void **state)
{
	struct record *record = record_of(8, 2);
	struct request *list = call_of(record, 0);

	(void)state;
	carry_too(list, record, 1);
	ask_for_intent(list);
	check_eq(journal->n_changes, 1);
	check_null(record->outputs);
	commit();
	request_free(list);
	record_unref(record);
}

static void two_intents_of_one_record_in_a_turn_store_it_once(void **state)
{
	struct record *record = record_of(8, 3);
	struct request *calls[] = {call_of(record, 0), call_of(record, 1), call_of(record, 2)};

	(void)state;
	ask_for_intent(calls[0]);
	ask_for_intent(calls[1]);
	check_eq(journal->n_changes, 4); /* two planned, two INTENTs */
	commit();
	load_open();
	check_eq(n_found, 3);
	check_eq(found[0]->state + found[1]->state + found[2]->state,
	         2 * REQUEST_INTENT + REQUEST_PLANNED);
	free_found();
	for (size_t i = 0; i < 3; i++)
		request_free(calls[i]);
	record_unref(record);
}

static void without_room_nothing_counts_as_stored_and_the_next_intent_tries_again(void **state)
{
	struct record *record = record_of(8, 3);
	struct request *first = call_of(record, 0), *other = call_of(record, 1);
	struct draft *waits_on = wait_as(record, 2);

	(void)state;
	free(first->body);
	first->body_len = 12 << 20;
	first->body = mem_alloc(first->body_len);
	check_eq(store_exec(journal->store, "PRAGMA max_page_count = 1", NULL), 0);
	ask_for_intent(first);
	commit();
	check(!other->is_stored && !first->is_stored);
	check(record->outputs && !record->is_asked);
	check_eq(n_parts(), 0);

	first->body_len = 1;
	check_eq(store_exec(journal->store, "PRAGMA max_page_count = 1000000", NULL), 0);
	ask_for_intent(first);
	commit();
	check(other->is_stored && !record->outputs);
	check_eq(n_parts(), 3);
	draft_free(waits_on);
	request_free(first);
	request_free(other);
	record_unref(record);
}

int main(void)
{
#define with_engine(fn) cmocka_unit_test_setup_teardown(fn, begin_engine, end)
	const struct CMUnitTest tests[] = {
		with_engine(the_other_call_of_a_record_is_stored_with_the_first),
		with_engine(what_waits_for_others_is_stored_with_its_draft),
		with_engine(a_call_of_several_records_ties_all_their_outputs_together),
		with_engine(two_outputs_in_one_call_need_nothing_else),
		with_engine(two_intents_of_one_record_in_a_turn_store_it_once),
		with_engine(without_room_nothing_counts_as_stored_and_the_next_intent_tries_again),
	};

	return run_sentences(tests);
}
