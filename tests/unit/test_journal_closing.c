#include "tests/unit/journal_case.h"

/* Keys that rejected or held parts close, and requests whose parts are taken back. */

static const char key[] = "lead custom.cf_1=k0";

static struct request *rejected_at(uint64_t pos)
{
	struct request *r = create_at(pos);

	put_intent(r);
	r->parts[0].class = REJECT_VALIDATION;
	r->parts[0].message = mem_strdup("no such status");
	return r;
}

static char closed[200];

static void collect_closed(void *arg, const char *text, uint64_t part)
{
	const size_t len = strlen(closed);

	(void)arg;
	(void)snprintf(closed + len, sizeof(closed) - len, "%s:%llu ", text,
	               (unsigned long long)part);
}

static const char *all_closed(enum closing closing)
{
	closed[0] = '\0';
	check_eq(journal_each_closed(journal, closing, collect_closed, NULL, NULL), 0);
	return closed;
}

static void a_reject_closes_its_keys_until_it_is_dropped(void **state)
{
	struct request *r = rejected_at(0);

	(void)state;
	check_eq(journal_find_closed(journal, CLOSING_PARENT, key), 0);
	journal_close_key(journal, r->parts[0].id, CLOSING_PARENT, key);
	journal_close_key(journal, r->parts[0].id, CLOSING_PARENT, key); /* once is enough */
	journal_close_key(journal, r->parts[0].id, CLOSING_LANE, "lead_1");
	end_request(r, OUTCOME_REJECTED);
	reopen();
	check_eq(journal_find_closed(journal, CLOSING_PARENT, key), 1);
	check_eq(journal_find_closed(journal, CLOSING_LANE, key), 0);
	check_eq(journal_find_closed(journal, CLOSING_LANE, "lead_1"), 1);
	check_text(all_closed(CLOSING_PARENT), "lead custom.cf_1=k0:1 ");
	check_text(all_closed(CLOSING_LANE), "lead_1:1 ");

	journal_drop_part(journal, 1, 5);
	commit();
	check_eq(journal_find_closed(journal, CLOSING_PARENT, key), 0);
	check_text(all_closed(CLOSING_LANE), "");
	request_free(r);
}

static void a_retry_that_delivers_opens_them(void **state)
{
	struct request *r = rejected_at(0), *again;

	(void)state;
	journal_close_key(journal, r->parts[0].id, CLOSING_PARENT, key);
	end_request(r, OUTCOME_REJECTED);
	again = request_of(r->parts[0].record, 0);
	again->parts[0].id = r->parts[0].id;
	again->parts[0].generation = 1;
	put_intent(again);
	check_eq(journal_find_closed(journal, CLOSING_PARENT, key), 1);
	end_request(again, OUTCOME_DELIVERED);
	check_eq(journal_find_closed(journal, CLOSING_PARENT, key), 0);
	request_free(again);
	request_free(r);
}

static void a_key_stays_closed_while_another_reject_closes_it(void **state)
{
	struct request *a = rejected_at(0), *b = rejected_at(8);

	(void)state;
	journal_close_key(journal, a->parts[0].id, CLOSING_PARENT, key);
	journal_close_key(journal, b->parts[0].id, CLOSING_PARENT, key);
	end_request(a, OUTCOME_REJECTED);
	end_request(b, OUTCOME_REJECTED);
	journal_drop_part(journal, a->parts[0].id, 5);
	commit();
	check_eq(journal_find_closed(journal, CLOSING_PARENT, key), b->parts[0].id);
	request_free(a);
	request_free(b);
}

/* The part that closes both keys before @pos; 0: none does. */
static uint64_t closer_before(uint64_t pos, const char *other, struct closing_part *ret)
{
	char first[] = "lead custom.cf_1=k0";
	char *keys[] = {first, (char *)(uintptr_t)other, NULL};
	const struct output_place place = {.stream = 1, .pos = pos};

	*ret = (struct closing_part){0};
	return journal_find_closer(journal, CLOSING_PARENT, keys, &place, ret) ? ret->part : 0;
}

static void the_nearest_that_closes_all_the_keys_is_found_by_its_place(void **state)
{
	struct request *a = rejected_at(8), *b = rejected_at(24);
	struct closing_part found_part;

	(void)state;
	check_eq(closer_before(40, NULL, &found_part), 0);
	journal_close_key(journal, a->parts[0].id, CLOSING_PARENT, key);
	journal_close_key(journal, a->parts[0].id, CLOSING_PARENT, "lead name=x");
	journal_close_key(journal, b->parts[0].id, CLOSING_PARENT, key);
	end_request(a, OUTCOME_REJECTED);
	end_request(b, OUTCOME_REJECTED);
	reopen();
	check_eq(closer_before(8, NULL, &found_part), 0);
	check_eq(closer_before(24, NULL, &found_part), a->parts[0].id);
	check_eq(closer_before(40, NULL, &found_part), b->parts[0].id);
	check_eq(found_part.place.pos, 24);
	check_eq(closer_before(40, "lead name=x", &found_part), a->parts[0].id);
	check_eq(closer_before(40, "lead name=y", &found_part), 0);
	request_free(a);
	request_free(b);
}

static unsigned n_done;

static void done(void *arg, int r)
{
	(void)arg;
	check_eq(r, 0);
	n_done++;
}

static void that_it_was_only_remembered_is_known_after_a_restart(void **state)
{
	struct request *r = create_at(0);

	(void)state;
	r->is_remembered = true;
	put_intent(r);
	reopen();
	load_open();
	check_eq(n_found, 1);
	check(found[0]->is_remembered);
	free_found();
	request_free(r);
}

static void parts_that_are_taken_back_wait_with_the_drafts_they_had(void **state)
{
	struct request *r = batch_at(0, 2);
	struct part back[2];
	struct part *const parts[] = {&back[0], &back[1]};

	(void)state;
	r->is_remembered = true;
	r->config = 3;
	put_intent(r);
	for (unsigned i = 0; i < 2; i++) {
		back[i] = (struct part){.id = r->parts[i].id,
		                        .is_stored = true,
		                        .record = record_ref(r->parts[i].record),
		                        .draft = mem_printf("unresolved %u", i)};
	}
	n_done = 0;
	journal_retake_request(journal, r, parts, done, NULL);
	commit();
	check_eq(n_done, 1);
	reopen();
	load_open();
	check_eq(n_found, 0);
	check_eq(n_requests(), 0);
	check_eq(n_payloads(), 0);
	check_eq(n_waits, 2);
	check_text(waits[1]->part.draft, "unresolved 1");
	check_text(waits[1]->route, "leads");
	check_text(waits[1]->operation, "lead.create");
	check_eq(waits[1]->config, 3);
	check_eq(waits[1]->part.id, r->parts[1].id);
	check_eq(waits[1]->part.outcome, OUTCOME_OPEN);
	free_found();
	for (unsigned i = 0; i < 2; i++)
		part_deinit(&back[i]);
	request_free(r);
}

int main(void)
{
#define with_journal(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		with_journal(a_reject_closes_its_keys_until_it_is_dropped),
		with_journal(a_retry_that_delivers_opens_them),
		with_journal(a_key_stays_closed_while_another_reject_closes_it),
		with_journal(the_nearest_that_closes_all_the_keys_is_found_by_its_place),
		with_journal(that_it_was_only_remembered_is_known_after_a_restart),
		with_journal(parts_that_are_taken_back_wait_with_the_drafts_they_had),
	};

	return run_sentences(tests);
}
