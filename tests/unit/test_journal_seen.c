#include "tests/unit/journal_case.h"

/* Keys of records: settled, rejected, replaced, free. */

static struct record *keyed_at(uint64_t pos, char key)
{
	struct record *r = record_at(pos);

	r->has_key = true;
	memset(r->key, key, sizeof(r->key));
	return r;
}

static struct request *keyed_request(uint64_t pos, char key)
{
	struct request *r = request_at(pos);

	record_unref(r->parts[0].record);
	r->parts[0].record = keyed_at(pos, key);
	return r;
}

static enum outcome outcome_of(char key)
{
	uint8_t bytes[record_key_bytes];
	enum outcome outcome = OUTCOME_OPEN;

	memset(bytes, key, sizeof(bytes));
	check_eq(journal_find_seen(journal, bytes, &outcome, NULL), 0);
	return outcome;
}

static void settle_as(struct record *record, enum outcome outcome)
{
	journal_put_seen(journal, record, outcome, 77, NULL, NULL);
	commit();
}

/* An outcome with all that belongs to it, as the engine submits it. */
static void end_as(struct request *r, enum outcome outcome)
{
	if (!r->is_stored)
		put_intent(r);
	for (size_t i = 0; i < r->n_parts; i++)
		r->parts[i].record->has_done |= outcome == OUTCOME_DELIVERED;
	end_request(r, outcome);
	for (size_t i = 0; i < r->n_parts; i++)
		if (!r->parts[i].record->n_open)
			settle_as(r->parts[i].record, r->parts[i].record->worst);
}

static uint64_t n_decisions(void)
{
	return number("SELECT count(*) FROM decision WHERE what = 'reject' AND choice = "
	              "'replaced'");
}

static void a_key_that_nobody_had_is_not_known(void **state)
{
	(void)state;
	check_eq(outcome_of('a'), OUTCOME_OPEN);
}

static void how_a_key_was_settled_is_kept_for_good(void **state)
{
	static const enum outcome outcomes[] = {OUTCOME_FILTERED, OUTCOME_SKIPPED};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct record *r = keyed_at(8 * i, (char)('a' + (char)i));

		settle_as(r, outcomes[i]);
		record_unref(r);
	}
	reopen();
	check_eq(journal_prune(journal, INT64_MAX, NULL), 0);
	check_eq(outcome_of('a'), OUTCOME_FILTERED);
	check_eq(outcome_of('b'), OUTCOME_SKIPPED);
	check_eq(outcome_of('c'), OUTCOME_OPEN);
	check_eq(number("SELECT at FROM seen_key LIMIT 1"), 77);
}

static void a_record_keeps_its_key_over_a_restart(void **state)
{
	struct request *r = keyed_request(8, 'k');

	(void)state;
	r->parts[0].record->has_done = true;
	put_intent(r);
	reopen();
	load_open();
	check_eq(n_found, 1);
	check(found[0]->parts[0].record->has_key);
	check(found[0]->parts[0].record->has_done);
	assert_memory_equal(found[0]->parts[0].record->key, r->parts[0].record->key,
	                    record_key_bytes);
	free_found();
	request_free(r);
}

static void a_record_without_a_key_gets_one(void **state)
{
	struct request *r = request_at(8);
	struct record *record = r->parts[0].record;

	(void)state;
	put_intent(r);
	load_open();
	check(!found[0]->parts[0].record->has_key);
	free_found();
	record->has_key = true;
	memset(record->key, 'n', sizeof(record->key));
	journal_put_key(journal, record);
	commit();
	load_open();
	check(found[0]->parts[0].record->has_key);
	check_eq(found[0]->parts[0].record->key[0], 'n');
	free_found();
	request_free(r);
}

static void a_delivered_key_is_settled_with_its_outcome(void **state)
{
	struct request *r = keyed_request(8, 'd');

	(void)state;
	end_as(r, OUTCOME_DELIVERED);
	check_eq(outcome_of('d'), OUTCOME_DELIVERED);
	check_eq(n_records(), 0);
	request_free(r);
}

static void a_rejected_key_is_none_that_is_settled(void **state)
{
	struct request *r = keyed_request(8, 'r');

	(void)state;
	end_as(r, OUTCOME_REJECTED);
	check_eq(outcome_of('r'), OUTCOME_REJECTED);
	check_eq(number("SELECT count(*) FROM seen_key"), 0);
	request_free(r);
}

struct rejects {
	unsigned n, ordinals[8];
	bool has_done;
	char route[16];
};

static void note_reject(void *arg, const struct part_row *row)
{
	struct rejects *l = arg;

	l->ordinals[l->n++] = row->part.ordinal;
	l->has_done = row->part.record->has_done;
	(void)snprintf(l->route, sizeof(l->route), "%s", row->route);
}

static struct rejects rejects_of(char key)
{
	struct rejects l = {0};
	uint8_t bytes[record_key_bytes];

	memset(bytes, key, sizeof(bytes));
	check_eq(journal_each_reject_of(journal, bytes, note_reject, &l, NULL), 0);
	return l;
}

static void a_new_record_takes_the_place_of_a_reject(void **state)
{
	struct request *old = keyed_request(8, 'm'), *mended = keyed_request(80, 'm');
	struct rejects l;

	(void)state;
	end_as(old, OUTCOME_REJECTED);
	l = rejects_of('m');
	check_eq(l.n, 1);
	check_text(l.route, "leads");
	check(!l.has_done);

	put_intent(mended); /* until its outcome is there the reject stands */
	check_eq(rejects_of('m').n, 1);
	check_eq(n_decisions(), 0);
	end_as(mended, OUTCOME_DELIVERED);
	check_eq(outcome_of('m'), OUTCOME_DELIVERED);
	check_eq(rejects_of('m').n, 0);
	check_eq(n_records() + n_parts() + n_requests() + n_payloads(), 0);
	check_eq(n_decisions(), 1);
	check_eq(number("SELECT subject FROM decision"), old->parts[0].id);
	request_free(old);
	request_free(mended);
}

static void rejected_again_the_new_reject_stands_instead_of_the_old_one(void **state)
{
	struct request *old = keyed_request(8, 'm'), *other = keyed_request(16, 'o'),
		       *again = keyed_request(80, 'm');

	(void)state;
	end_as(old, OUTCOME_REJECTED);
	end_as(other, OUTCOME_REJECTED);
	end_as(again, OUTCOME_REJECTED);
	check_eq(outcome_of('m'), OUTCOME_REJECTED);
	check_eq(outcome_of('o'), OUTCOME_REJECTED);
	check_eq(n_parts(), 2);
	check_eq(number("SELECT count(*) FROM record WHERE pos = 80"), 1);
	check_eq(number("SELECT count(*) FROM record WHERE pos = 8"), 0);
	check_eq(n_decisions(), 1);
	request_free(old);
	request_free(other);
	request_free(again);
}

/* A record of two outputs, the first of which ends as @first and the second as @second. */
static struct record *two_outputs(char key, enum outcome first, enum outcome second)
{
	struct record *record = keyed_at(8, key);
	struct request *requests[] = {request_of(record, 0), request_of(record, 1)};

	record->n_open = 2;
	put_intent(requests[0]);
	put_intent(requests[1]);
	end_as(requests[0], first);
	end_as(requests[1], second);
	request_free(requests[0]);
	request_free(requests[1]);
	return record;
}

static void the_key_of_several_outputs_is_as_good_as_the_worst(void **state)
{
	static const struct {
		enum outcome first, second, key;
	} rows[] = {
		{OUTCOME_DELIVERED, OUTCOME_DELIVERED, OUTCOME_DELIVERED},
		{OUTCOME_DELIVERED, OUTCOME_REJECTED, OUTCOME_REJECTED},
		{OUTCOME_REJECTED, OUTCOME_DELIVERED, OUTCOME_REJECTED},
		{OUTCOME_REJECTED, OUTCOME_HELD, OUTCOME_HELD},
		{OUTCOME_HELD, OUTCOME_REJECTED, OUTCOME_HELD},
		{OUTCOME_HELD, OUTCOME_DELIVERED, OUTCOME_HELD},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct record *record;

		if (i) {
			end(state);
			begin(state);
		}
		record = two_outputs('w', rows[i].first, rows[i].second);
		check_eq(outcome_of('w'), rows[i].key);
		record_unref(record);
	}
}

static void that_an_output_was_delivered_is_known_with_the_reject(void **state)
{
	(void)state;
	record_unref(two_outputs('x', OUTCOME_DELIVERED, OUTCOME_REJECTED));
	reopen();
	check_eq(rejects_of('x').n, 1);
	check_eq(rejects_of('x').ordinals[0], 1);
	check(rejects_of('x').has_done);
	end(state);
	begin(state);
	record_unref(two_outputs('x', OUTCOME_REJECTED, OUTCOME_DELIVERED));
	reopen();
	check_eq(rejects_of('x').ordinals[0], 0);
	check(rejects_of('x').has_done);
	end(state);
	begin(state);
	record_unref(two_outputs('x', OUTCOME_REJECTED, OUTCOME_REJECTED));
	check_eq(rejects_of('x').n, 2);
	check(!rejects_of('x').has_done);
}

/* The part of a journaled request, taken up by a person, as the desk does it. */
static struct request *take_up(uint64_t pos, char key, unsigned generation, uint64_t part)
{
	struct request *r = keyed_request(pos, key);

	r->parts[0].id = part;
	r->parts[0].is_stored = true;
	r->parts[0].generation = generation;
	r->parts[0].record->row = number("SELECT id FROM record");
	r->parts[0].record->is_stored = true;
	return r;
}

static void a_reject_that_a_person_sent_again_settles_its_key(void **state)
{
	struct request *old = keyed_request(8, 'p'), *again;

	(void)state;
	end_as(old, OUTCOME_REJECTED);
	again = take_up(8, 'p', 1, old->parts[0].id);
	end_as(again, OUTCOME_DELIVERED);
	check_eq(outcome_of('p'), OUTCOME_DELIVERED);
	check_eq(n_decisions(), 0);
	check_eq(n_records(), 0);
	request_free(old);
	request_free(again);
}

static void a_dropped_reject_frees_its_key(void **state)
{
	struct request *old = keyed_request(8, 'f');

	(void)state;
	end_as(old, OUTCOME_REJECTED);
	journal_drop_part(journal, old->parts[0].id, 9);
	commit();
	check_eq(outcome_of('f'), OUTCOME_OPEN);
	request_free(old);
}

static void but_not_where_another_output_of_it_was_delivered(void **state)
{
	struct record *record;

	(void)state;
	record = two_outputs('g', OUTCOME_DELIVERED, OUTCOME_REJECTED);
	journal_drop_part(journal, number("SELECT id FROM part"), 9);
	commit();
	check_eq(n_records(), 0);
	check_eq(outcome_of('g'), OUTCOME_DELIVERED);
	record_unref(record);
}

static void with_two_rejects_the_second_drop_frees_the_key(void **state)
{
	struct record *record;

	(void)state;
	record = two_outputs('h', OUTCOME_REJECTED, OUTCOME_REJECTED);
	journal_drop_part(journal, number("SELECT min(id) FROM part"), 9);
	commit();
	check_eq(outcome_of('h'), OUTCOME_REJECTED);
	journal_drop_part(journal, number("SELECT min(id) FROM part"), 9);
	commit();
	check_eq(outcome_of('h'), OUTCOME_OPEN);
	record_unref(record);
}

static void what_a_person_gave_up_is_settled_and_no_reject_to_be_replaced(void **state)
{
	struct request *old = keyed_request(8, 'u'), *other = keyed_request(80, 'u');

	(void)state;
	end_as(old, OUTCOME_HELD);
	check_eq(outcome_of('u'), OUTCOME_HELD);
	old->parts[0].class = REJECT_GIVEN_UP;
	old->parts[0].generation = 1;
	old->parts[0].record->worst = OUTCOME_OPEN;
	end_as(old, OUTCOME_REJECTED);
	check_eq(outcome_of('u'), OUTCOME_HELD);
	check_eq(rejects_of('u').n, 0);
	end_as(other, OUTCOME_SKIPPED);
	check_eq(n_decisions(), 0);
	check_eq(n_parts(), 1);
	request_free(old);
	request_free(other);
}

static void what_close_refused_after_it_was_held_is_a_reject(void **state)
{
	struct request *r = keyed_request(8, 'v');

	(void)state;
	end_as(r, OUTCOME_HELD);
	r->parts[0].generation = 1;
	r->parts[0].record->worst = OUTCOME_OPEN;
	end_as(r, OUTCOME_REJECTED);
	check_eq(outcome_of('v'), OUTCOME_REJECTED);
	check_eq(rejects_of('v').n, 1);
	request_free(r);
}

static void done_is_said_when_it_is_durable_and_not_before(void **state)
{
	struct record *r = keyed_at(8, 'z');

	(void)state;
	journal_put_seen(journal, r, OUTCOME_FILTERED, 5, NULL, NULL);
	check_eq(outcome_of('z'), OUTCOME_OPEN);
	commit();
	check_eq(outcome_of('z'), OUTCOME_FILTERED);
	record_unref(r);
}

#define in_a_journal(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_journal(a_key_that_nobody_had_is_not_known),
		in_a_journal(how_a_key_was_settled_is_kept_for_good),
		in_a_journal(a_record_keeps_its_key_over_a_restart),
		in_a_journal(a_record_without_a_key_gets_one),
		in_a_journal(a_delivered_key_is_settled_with_its_outcome),
		in_a_journal(a_rejected_key_is_none_that_is_settled),
		in_a_journal(a_new_record_takes_the_place_of_a_reject),
		in_a_journal(rejected_again_the_new_reject_stands_instead_of_the_old_one),
		in_a_journal(the_key_of_several_outputs_is_as_good_as_the_worst),
		in_a_journal(that_an_output_was_delivered_is_known_with_the_reject),
		in_a_journal(a_reject_that_a_person_sent_again_settles_its_key),
		in_a_journal(a_dropped_reject_frees_its_key),
		in_a_journal(but_not_where_another_output_of_it_was_delivered),
		in_a_journal(with_two_rejects_the_second_drop_frees_the_key),
		in_a_journal(what_a_person_gave_up_is_settled_and_no_reject_to_be_replaced),
		in_a_journal(what_close_refused_after_it_was_held_is_a_reject),
		in_a_journal(done_is_said_when_it_is_durable_and_not_before),
	};

	return run_sentences(tests);
}
