#include "tests/unit/journal_case.h"

/* Calls of several records, and the halves they are cut into. */

static struct request *half_of(const struct request *whole, size_t from, size_t n)
{
	struct request *half = batch_at(whole->parts[from].record->pos, n);

	for (size_t i = 0; i < n; i++) {
		const struct part *p = &whole->parts[from + i];

		part_deinit(&half->parts[i]);
		half->parts[i] = output_of(p->record, p->ordinal, p->draft);
		half->parts[i].id = p->id;
		half->parts[i].is_stored = p->is_stored;
	}
	return half;
}

static void halve(struct request *whole, struct request **ret_first, struct request **ret_second)
{
	*ret_first = half_of(whole, 0, whole->n_parts / 2);
	*ret_second = half_of(whole, whole->n_parts / 2, whole->n_parts - whole->n_parts / 2);
	journal_halve_request(journal, whole, *ret_first, *ret_second, NULL, NULL);
	commit();
	check((*ret_first)->is_stored && (*ret_second)->is_stored);
}

static void halves_stand_where_their_whole_stood(void **state)
{
	struct request *before = request_at(0), *whole = batch_at(8, 5), *behind = request_at(80);
	struct request *halves[2], *quarters[2];
	struct request *order[5];

	(void)state;
	put_intent(before);
	put_intent(whole);
	put_intent(behind);
	halve(whole, &halves[0], &halves[1]);
	halve(halves[1], &quarters[0], &quarters[1]);
	reopen();
	order[0] = before;
	order[1] = halves[0];
	order[2] = quarters[0];
	order[3] = quarters[1];
	order[4] = behind;
	load_open();
	check_eq(n_found, 5);
	for (size_t i = 0; i < 5; i++) {
		check_eq(found[i]->seq, order[i]->seq);
		check_eq(found[i]->n_parts, order[i]->n_parts);
		for (size_t p = 0; p < found[i]->n_parts; p++) {
			check_eq(found[i]->parts[p].id, order[i]->parts[p].id);
			check_eq(found[i]->parts[p].record->pos, order[i]->parts[p].record->pos);
		}
	}
	check_eq(found[3]->state, REQUEST_PLANNED);
	check_eq(found[3]->root, whole->seq);
	check_eq(found[3]->root_at, 3);
	check_text(found[3]->parts[1].draft, "draft 5");
	check_eq(n_parts(), 7);
	check_eq(n_requests(), 5); /* nothing is left of what was cut */
	check_eq(n_payloads(), 5);
	free_found();
	request_free(halves[0]);
	request_free(halves[1]);
	request_free(quarters[0]);
	request_free(quarters[1]);
	request_free(before);
	request_free(whole);
	request_free(behind);
}

static void a_half_found_on_its_way_has_its_place_too(void **state)
{
	struct request *whole = batch_at(8, 4), *behind = request_at(80), *halves[2];

	(void)state;
	put_intent(whole);
	put_intent(behind);
	halve(whole, &halves[0], &halves[1]);
	put_intent(halves[0]);
	load_open();
	check_eq(n_found, 3);
	check_eq(found[0]->seq, halves[0]->seq);
	check_eq(found[0]->state, REQUEST_INTENT);
	check_eq(found[1]->seq, halves[1]->seq);
	check_eq(found[2]->seq, behind->seq);
	free_found();
	request_free(halves[0]);
	request_free(halves[1]);
	request_free(whole);
	request_free(behind);
}

/* What is needed to send a part of a batch once more, when nothing but the batch is kept. */
static void the_drafts_of_a_rejected_batch_are_kept_until_keep_is_over(void **state)
{
	struct request *r = batch_at(8, 3), *loaded;

	(void)state;
	put_intent(r);
	r->ended_wall_ms = 1000;
	end_request(r, OUTCOME_REJECTED);
	check_eq(journal_load_request(journal, r->seq, &loaded, NULL), 0);
	check_eq(loaded->n_parts, 3);
	check_text(loaded->parts[2].draft, "draft 3");
	request_free(loaded);
	check_eq(journal_prune(journal, 1001, NULL), 0);
	check_eq(journal_load_request(journal, r->seq, &loaded, NULL), 0);
	check_null(loaded->parts[2].draft);
	check_null(loaded->body);
	request_free(loaded);
	request_free(r);
}

int main(void)
{
#define with_journal(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		with_journal(halves_stand_where_their_whole_stood),
		with_journal(a_half_found_on_its_way_has_its_place_too),
		with_journal(the_drafts_of_a_rejected_batch_are_kept_until_keep_is_over),
	};

	return run_sentences(tests);
}
