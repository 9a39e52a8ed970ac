#include "lib/test_hooks.h"
#include "tests/unit/journal_case.h"

#include <errno.h>

/* Several outputs of a record: what of them comes back, and what goes. */

/* Planned and waiting */

static void what_is_planned_comes_back_planned_with_draft_and_format(void **state)
{
	struct request *r = request_at(8);

	(void)state;
	r->config = 3;
	r->format = CONTENT_XML;
	r->parts[0].draft = mem_strdup("{\"route\":0}");
	journal_put_planned(journal, r, false, NULL, NULL);
	check(!r->is_stored);
	commit();
	check(r->is_stored && r->parts[0].is_stored && r->parts[0].record->is_stored);
	reopen();
	load_open();
	check_eq(n_found, 1);
	check_eq(found[0]->state, REQUEST_PLANNED);
	check_eq(found[0]->seq, r->seq);
	check_eq(found[0]->config, 3);
	check_eq(found[0]->format, CONTENT_XML);
	check_text(found[0]->parts[0].draft, "{\"route\":0}");
	check_eq(found[0]->parts[0].id, r->parts[0].id);
	free_found();
	request_free(r);
}

static void what_waits_comes_back_in_the_order_it_was_read(void **state)
{
	struct record *second = record_at(16), *first = record_at(8);
	struct part parts[] = {output_of(second, 0, "c"), output_of(first, 2, "b"),
	                       output_of(first, 1, "a")};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		journal_put_waiting(journal, &parts[i], "leads", "lead.create", 7, false, NULL,
		                    NULL);
	commit();
	reopen();
	load_open();
	check_eq(n_found, 0);
	check_eq(n_waits, 3);
	for (size_t i = 0; i < 3; i++) {
		check(parts[i].is_stored);
		check_eq(waits[i]->part.id, parts[2 - i].id);
		check_text(waits[i]->part.draft, parts[2 - i].draft);
		check_eq(waits[i]->part.record->pos, parts[2 - i].record->pos);
		check_text(waits[i]->part.record->raw, "{\"a\":1}");
		check_text(waits[i]->route, "leads");
		check_text(waits[i]->operation, "lead.create");
		check_eq(waits[i]->config, 7);
	}
	free_found();
	for (size_t i = 0; i < 3; i++)
		part_deinit(&parts[i]);
	record_unref(first);
	record_unref(second);
}

static void a_part_that_waited_moves_into_its_request(void **state)
{
	struct request *r = request_at(8);
	const uint64_t before = n_parts();

	(void)state;
	r->parts[0].draft = mem_strdup("d");
	journal_put_waiting(journal, &r->parts[0], "leads", "lead.create", 1, false, NULL, NULL);
	commit();
	r->state = REQUEST_INTENT;
	journal_put_request(journal, r, NULL, NULL);
	commit();
	check_eq(n_parts(), before + 1);
	reopen();
	load_open();
	check_eq(n_waits, 0);
	check_eq(n_found, 1);
	check_eq(found[0]->parts[0].id, r->parts[0].id);
	check_text(found[0]->parts[0].draft, "d");
	free_found();
	request_free(r);
}

static void a_part_that_waited_can_be_rejected_and_waits_no_more(void **state)
{
	struct record *record = record_at(8);
	struct part p = output_of(record, 0, "d");

	(void)state;
	journal_put_waiting(journal, &p, "leads", "lead.create", 1, false, NULL, NULL);
	commit();
	p.outcome = OUTCOME_REJECTED;
	p.class = REJECT_TRANSFORM;
	journal_reject_part(journal, &p, "leads", "lead.create", NULL, 5, NULL, NULL);
	commit();
	reopen();
	load_open();
	check_eq(n_waits, 0);
	check_eq(n_parts(), 1);
	check_eq(n_records(), 1);
	part_deinit(&p);
	record_unref(record);
}

static void an_intent_of_the_same_turn_is_not_undone_by_being_planned(void **state)
{
	struct request *r = request_at(8);

	(void)state;
	journal_put_planned(journal, r, true, NULL, NULL);
	r->state = REQUEST_INTENT;
	journal_put_request(journal, r, NULL, NULL);
	commit();
	load_open();
	check_eq(n_found, 1);
	check_eq(found[0]->state, REQUEST_INTENT);
	free_found();
	request_free(r);
}

static void the_text_of_a_version_of_the_pipeline_is_kept(void **state)
{
	uint64_t id;
	char *text;

	(void)state;
	check_eq(journal_config(journal, "abc", "version: 1\n", &id, NULL), 0);
	text = journal_config_text(journal, id);
	check_text(text, "version: 1\n");
	free(text);
	check_null(journal_config_text(journal, id + 1));
}

/* A full disk */

struct told {
	unsigned n;
	int r;
};

static void tell(void *arg, int r)
{
	struct told *t = arg;

	t->n++;
	t->r = r;
}

static void outputs_that_go_with_an_intent_fail_with_it_and_others_never(void **state)
{
	struct request *large = request_at(8), *with = request_at(16), *own = request_at(24);
	struct record *record = record_at(32);
	struct part waits_with = output_of(record, 0, "with"),
		    waits_alone = output_of(record, 1, "alone");
	struct told told[5] = {0};

	(void)state;
	free(large->body);
	large->body_len = 12 << 20;
	large->body = mem_alloc(large->body_len);
	check_eq(store_exec(journal->store, "PRAGMA max_page_count = 1", NULL), 0);
	journal_put_planned(journal, with, true, tell, &told[0]);
	journal_put_planned(journal, own, false, tell, &told[1]);
	journal_put_waiting(journal, &waits_with, "r", "o", 1, true, tell, &told[2]);
	journal_put_waiting(journal, &waits_alone, "r", "o", 1, false, tell, &told[3]);
	large->state = REQUEST_INTENT;
	journal_put_request(journal, large, tell, &told[4]);
	own->state = REQUEST_INTENT; /* asked for in the same turn, and not granted either */
	journal_put_request(journal, own, NULL, NULL);
	commit();
	for (size_t i = 0; i < 5; i++) {
		check_eq(told[i].n, 1);
		check_eq(told[i].r, i == 1 || i == 3 ? 0 : -ENOSPC);
	}
	check(!with->is_stored && !waits_with.is_stored && !large->is_stored);
	check(own->is_stored && waits_alone.is_stored);
	load_open();
	check_eq(n_found, 1);
	check_eq(found[0]->seq, own->seq);
	check_eq(found[0]->state, REQUEST_PLANNED);
	check_eq(n_waits, 1);
	check_text(waits[0]->part.draft, "alone");
	free_found();
	part_deinit(&waits_with);
	part_deinit(&waits_alone);
	record_unref(record);
	request_free(large);
	request_free(with);
	request_free(own);
}

/* Records */

static void parts_of_one_record_share_it_after_a_restart(void **state)
{
	struct record *record = record_at(8);
	struct request *intent = request_of(record, 0), *planned = request_of(record, 1);
	struct part waiting = output_of(record, 2, "d");

	(void)state;
	journal_put_planned(journal, planned, true, NULL, NULL);
	journal_put_waiting(journal, &waiting, "r", "o", 1, true, NULL, NULL);
	put_intent(intent);
	check_eq(n_records(), 1);
	reopen();
	load_open();
	check_eq(n_found, 2);
	check_eq(n_waits, 1);
	check(found[0]->parts[0].record == found[1]->parts[0].record);
	check(found[0]->parts[0].record == waits[0]->part.record);
	check_eq(waits[0]->part.record->refs, 3);
	free_found();
	part_deinit(&waiting);
	request_free(intent);
	request_free(planned);
	record_unref(record);
}

static void a_record_knows_how_bad_it_was_though_nothing_else_is_left_of_it(void **state)
{
	struct record *record = record_at(8);
	struct request *first = request_of(record, 0), *second = request_of(record, 1);

	(void)state;
	record->n_open = 2;
	journal_put_planned(journal, second, true, NULL, NULL);
	put_intent(first);
	end_request(first, OUTCOME_DELIVERED);
	reopen();
	load_open();
	check_eq(n_found, 1);
	check_eq(found[0]->parts[0].ordinal, 1);
	check_eq(found[0]->parts[0].record->worst, OUTCOME_DELIVERED);
	check(!found[0]->parts[0].record->keeps_row);
	free_found();
	request_free(first);
	request_free(second);
	record_unref(record);
}

static void what_ended_before_the_first_row_counts_too(void **state)
{
	struct record *record = record_at(8);
	struct request *r = request_of(record, 1);

	(void)state;
	record->n_open = 1;
	record->worst = OUTCOME_SKIPPED;
	put_intent(r);
	load_open();
	check_eq(found[0]->parts[0].record->worst, OUTCOME_SKIPPED);
	free_found();
	request_free(r);
	record_unref(record);
}

static void a_reject_dropped_while_another_output_is_open_leaves_nothing_behind(void **state)
{
	struct record *record = record_at(8);
	struct request *open = request_of(record, 0);
	struct part rejected = output_of(record, 1, NULL);

	(void)state;
	record->n_open = 1;
	record->worst = rejected.outcome = OUTCOME_REJECTED;
	record->keeps_row = true;
	put_intent(open);
	journal_reject_part(journal, &rejected, "r", "o", NULL, 5, NULL, NULL);
	commit();
	journal_drop_part(journal, rejected.id, 5);
	commit();
	check_eq(n_parts(), 1);
	check_eq(n_records(), 1);
	end_request(open, OUTCOME_DELIVERED); /* as if the reject was still there */
	check_eq(n_parts(), 0);
	check_eq(n_records(), 0);
	check_eq(n_requests(), 0);
	part_deinit(&rejected);
	request_free(open);
	record_unref(record);
}

static void a_reject_that_comes_last_finds_its_record_gone_and_brings_it_back(void **state)
{
	struct record *record = record_at(8);
	struct request *r = request_of(record, 0);
	struct part rejected = output_of(record, 1, NULL);

	(void)state;
	put_intent(r);
	end_request(r, OUTCOME_DELIVERED);
	check_eq(n_records(), 0);
	rejected.outcome = OUTCOME_REJECTED;
	journal_reject_part(journal, &rejected, "r", "o", NULL, 5, NULL, NULL);
	commit();
	check_eq(n_records(), 1);
	part_deinit(&rejected);
	request_free(r);
	record_unref(record);
}

/*
 * Every way in which three outputs can end, in every order, with a restart between each two steps.
 * The outputs are an INTENT, a planned one and one that waits at first.
 */

enum { n_outputs = 3, n_orders = 6, n_endings = 4, n_cases = n_orders * 64 };

static const unsigned orders[n_orders][n_outputs] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
static const enum outcome endings[n_endings] = {OUTCOME_DELIVERED, OUTCOME_SKIPPED,
                                                OUTCOME_REJECTED, OUTCOME_HELD};

static enum outcome ending_of(unsigned one, unsigned ordinal)
{
	const unsigned digits[] = {one % 4, one / 4 % 4, one / 16 % 4};

	return endings[digits[ordinal]];
}

static void begin_case(unsigned one)
{
	struct record *record = record_at((uint64_t)one * 8);
	struct request *first = request_of(record, 0), *second = request_of(record, 1);
	struct part third = output_of(record, 2, "third");

	journal_put_planned(journal, second, true, NULL, NULL);
	journal_put_waiting(journal, &third, "leads", "lead.create", 1, true, NULL, NULL);
	put_intent(first);
	part_deinit(&third);
	request_free(first);
	request_free(second);
	record_unref(record);
}

/* What the engine does at its start: counts, and sends what waits. */
static void take_up_again(void)
{
	load_open();
	for (size_t i = 0; i < n_waits; i++) {
		struct request *r = request_at(0);

		part_deinit(&r->parts[0]);
		r->parts[0] = waits[i]->part;
		waits[i]->part = (struct part){0};
		found[n_found++] = r;
	}
	for (size_t i = 0; i < n_found; i++)
		found[i]->parts[0].record->n_open++;
}

static enum outcome worst_until(unsigned one, unsigned step)
{
	enum outcome worst = OUTCOME_OPEN;

	for (unsigned i = 0; i < step; i++) {
		const enum outcome outcome = ending_of(one, orders[one / 64][i]);

		worst = outcome > worst ? outcome : worst;
	}
	return worst;
}

static void every_order_of_endings_leaves_exactly_the_rejected_and_held(void **state)
{
	uint64_t n_left = 0, n_left_records = 0;

	(void)state;
	for (unsigned one = 0; one < n_cases; one++)
		begin_case(one);
	for (unsigned step = 0; step < n_outputs; step++) {
		reopen();
		take_up_again();
		check_eq(n_found, n_cases * (n_outputs - step));
		for (size_t i = 0; i < n_found; i++) {
			const struct part *p = &found[i]->parts[0];
			const unsigned one = (unsigned)(p->record->pos / 8);

			if (orders[one / 64][step] != p->ordinal)
				continue;
			check_eq(p->record->worst, worst_until(one, step));
			check_eq(p->record->keeps_row, p->record->worst >= OUTCOME_REJECTED);
			if (!found[i]->is_stored)
				put_intent(found[i]);
			end_request(found[i], ending_of(one, p->ordinal));
			check_eq(p->record->worst, worst_until(one, step + 1));
		}
		free_found();
	}
	reopen();
	load_open();
	check_eq(n_found + n_waits, 0);
	for (unsigned one = 0; one < n_cases; one++) {
		for (unsigned i = 0; i < n_outputs; i++)
			n_left += ending_of(one, i) >= OUTCOME_REJECTED;
		n_left_records += worst_until(one, n_outputs) >= OUTCOME_REJECTED;
	}
	check_eq(n_parts(), n_left);
	check_eq(n_records(), n_left_records);
	check_eq(n_requests(), n_left);
	check_eq(n_payloads(), n_left);
}

/* Two outputs of a record in one call end together. */
static void a_call_may_carry_two_outputs_of_one_record(void **state)
{
	static const enum outcome both[] = {OUTCOME_DELIVERED, OUTCOME_REJECTED};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct request *r = batch_at(8, 2), *loaded;

		record_unref(r->parts[1].record);
		r->parts[1].record = record_ref(r->parts[0].record);
		r->parts[1].ordinal = 1;
		r->parts[0].record->n_open = 2;
		put_intent(r);
		check_eq(journal_load_request(journal, r->seq, &loaded, NULL), 0);
		check(loaded->parts[0].record == loaded->parts[1].record);
		request_free(loaded);
		end_request(r, both[i]);
		check_eq(n_parts(), i ? 2 : 0);
		check_eq(n_records(), i ? 1 : 0);
		request_free(r);
	}
}

/* Switched off, the defences are missed. */

static bool is_without(const char *defence)
{
	check_eq(setenv("CLOSEFEED_WITHOUT", defence, 1), 0);
	if (hook_without(defence))
		return true;
	check_eq(unsetenv("CLOSEFEED_WITHOUT"), 0);
	print_message("this build has no test hooks (-Dtest_hooks=true)\n");
	return false;
}

static void without_companions_other_outputs_are_lost(void **state)
{
	struct record *record = record_at(8);
	struct request *planned = request_of(record, 1);
	struct part waiting = output_of(record, 2, "d");

	(void)state;
	if (!is_without("companions"))
		skip();
	journal_put_planned(journal, planned, true, NULL, NULL);
	journal_put_waiting(journal, &waiting, "r", "o", 1, true, NULL, NULL);
	commit();
	check_eq(unsetenv("CLOSEFEED_WITHOUT"), 0);
	check_eq(n_parts(), 0);
	part_deinit(&waiting);
	request_free(planned);
	record_unref(record);
}

int main(void)
{
#define with_journal(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		with_journal(what_is_planned_comes_back_planned_with_draft_and_format),
		with_journal(what_waits_comes_back_in_the_order_it_was_read),
		with_journal(a_part_that_waited_moves_into_its_request),
		with_journal(a_part_that_waited_can_be_rejected_and_waits_no_more),
		with_journal(an_intent_of_the_same_turn_is_not_undone_by_being_planned),
		with_journal(the_text_of_a_version_of_the_pipeline_is_kept),
		with_journal(outputs_that_go_with_an_intent_fail_with_it_and_others_never),
		with_journal(parts_of_one_record_share_it_after_a_restart),
		with_journal(a_record_knows_how_bad_it_was_though_nothing_else_is_left_of_it),
		with_journal(what_ended_before_the_first_row_counts_too),
		with_journal(a_reject_dropped_while_another_output_is_open_leaves_nothing_behind),
		with_journal(a_reject_that_comes_last_finds_its_record_gone_and_brings_it_back),
		with_journal(every_order_of_endings_leaves_exactly_the_rejected_and_held),
		with_journal(a_call_may_carry_two_outputs_of_one_record),
		with_journal(without_companions_other_outputs_are_lost),
	};

	return run_sentences(tests);
}
