#include "connector/engine/repeats.h"

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

/*
 * A record that makes two calls and one that makes one; "X" and "Y" are objects. What ends is told
 * in the order in which it ends.
 */

struct world {
	struct repeats *repeats;
	struct stream *stream;
	struct record *records[200];
};

static int begin(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	w->repeats = repeats_new();
	w->stream = stream_new(STREAM_PARTITION, "feed/0");
	w->stream->id = 7;
	for (size_t i = 0; i < 200; i++) {
		struct record *record = w->records[i] = record_new();

		record->kind = STREAM_PARTITION;
		record->stream = 7;
		record->pos = i;
		record->next_pos = i + 1;
	}
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < 200; i++)
		record_unref(w->records[i]);
	stream_free(w->stream);
	repeats_free(w->repeats);
	free(w);
	return 0;
}

/* Record @pos has ended an output in a lane; @n_left of its others are open. */
static void ends(struct world *w, uint64_t pos, const char *lane, bool is_owner, unsigned n_left)
{
	struct request *r = request_new();
	struct record *record = w->records[pos];

	record->n_open = n_left;
	record->is_settled = !n_left;
	if (record->is_settled)
		stream_settle(w->stream, record->pos, record->next_pos, 0);
	if (lane)
		request_add_lane(r, lane, is_owner);
	r->parts = mem_alloc(sizeof(*r->parts));
	r->n_parts = 1;
	r->parts[0].record = record_ref(record);
	repeats_take(w->repeats, r);
	request_free(r);
}

/* Whether the next owner does record @pos again. */
static bool is_untold(struct world *w, uint64_t pos)
{
	const struct stream_range *ranges;
	const size_t n = repeats_ranges(w->repeats, w->stream, &ranges);

	for (size_t i = 0; i < n; i++)
		if (pos >= ranges[i].from && pos < ranges[i].to)
			return true;
	return false;
}

static void what_comes_behind_half_a_record_is_done_again(void **state)
{
	struct world *w = *state;

	ends(w, 0, "X", true, 1);
	ends(w, 1, "X", true, 0);
	ends(w, 2, "Y", true, 0);
	check(is_untold(w, 1));
	check(!is_untold(w, 2));
}

static void and_what_comes_behind_that(void **state)
{
	struct world *w = *state;

	ends(w, 0, "X", true, 1);
	ends(w, 2, "X", true, 1);
	ends(w, 2, "Y", true, 0);
	ends(w, 1, "Y", true, 0);
	ends(w, 3, "Y", true, 0);
	check(!is_untold(w, 1)); /* before it */
	check(is_untold(w, 3));
}

static void who_only_names_an_object_changes_nothing_of_it(void **state)
{
	struct world *w = *state;

	ends(w, 0, "X", false, 1);
	ends(w, 1, "X", false, 0);
	check(!is_untold(w, 1));
	ends(w, 2, "X", true, 0);
	check(is_untold(w, 2));
	ends(w, 3, "X", false, 0);
	check(is_untold(w, 3));
}

static void what_half_a_record_has_made_is_known_by_its_id(void **state)
{
	struct world *w = *state;
	struct request *r = request_new();

	r->object_id = mem_strdup("lead_A");
	request_add_lane(r, "lead name=Acme", true);
	r->parts = mem_alloc(sizeof(*r->parts));
	r->n_parts = 1;
	w->records[0]->n_open = 1;
	r->parts[0].record = record_ref(w->records[0]);
	repeats_take(w->repeats, r);
	request_free(r);
	ends(w, 1, "lead_A", true, 0);
	check(is_untold(w, 1));
}

static void a_call_of_both_is_done_again_as_a_whole(void **state)
{
	struct world *w = *state;
	struct request *r = request_new();

	request_add_lane(r, "X", true);
	r->parts = mem_array(2, sizeof(*r->parts));
	r->n_parts = 2;
	/* The later one is named first. */
	for (size_t i = 0; i < 2; i++)
		r->parts[i].record = record_ref(w->records[1 - i]);
	w->records[0]->n_open = 1;
	w->records[1]->is_settled = true;
	stream_settle(w->stream, 1, 2, 0);
	repeats_take(w->repeats, r);
	request_free(r);
	check(is_untold(w, 1));
}

static void once_the_position_has_passed_all_is_told(void **state)
{
	struct world *w = *state;

	ends(w, 0, "X", true, 1);
	ends(w, 1, "X", true, 0);
	ends(w, 0, "Y", true, 0);
	check_eq(w->stream->settled_to, 2);
	check(!is_untold(w, 1));
	ends(w, 3, "X", true, 0);
	check(!is_untold(w, 3));
}

static void behind_an_output_of_which_nothing_is_known_nothing_is_told(void **state)
{
	struct world *w = *state;

	w->records[4]->n_open = 1;
	repeats_take_blind(w->repeats, w->records[4]);
	w->records[2]->n_open = 1;
	repeats_take_blind(w->repeats, w->records[2]);
	ends(w, 1, "X", true, 0);
	ends(w, 9, "X", true, 0);
	check(!is_untold(w, 1));
	check(is_untold(w, 9));
	/* The first is settled, the second is not. */
	ends(w, 0, "Y", true, 0);
	ends(w, 2, "Y", true, 0);
	check_eq(w->stream->settled_to, 3);
	check(is_untold(w, 9));
	ends(w, 3, "Y", true, 0);
	ends(w, 4, "Y", true, 0);
	check(!is_untold(w, 9));
}

static void half_a_record_that_stays_for_long_costs_no_memory(void **state)
{
	struct world *w = *state;
	const struct stream_range *ranges;

	ends(w, 0, "X", true, 1);
	for (uint64_t i = 0; i < 20000; i++) {
		w->records[1]->pos = 1 + 2 * i;
		w->records[1]->next_pos = w->records[1]->pos + 1;
		ends(w, 1, "X", true, 0);
	}
	check(repeats_ranges(w->repeats, w->stream, &ranges) < 2000);
	check(is_untold(w, 1));
	check(is_untold(w, 39999));
}

static void other_partitions_have_an_order_of_their_own(void **state)
{
	struct world *w = *state;

	w->records[0]->stream = 8;
	ends(w, 0, "X", true, 1);
	ends(w, 1, "X", true, 0);
	check(!is_untold(w, 1));
}

static void a_record_of_a_file_has_no_next_owner(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < 2; i++)
		w->records[i]->kind = STREAM_FILE;
	ends(w, 0, "X", true, 1);
	repeats_take_blind(w->repeats, w->records[0]);
	ends(w, 1, "X", true, 0);
	check(!is_untold(w, 1));
}

#define sentence_of_a_world(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence_of_a_world(what_comes_behind_half_a_record_is_done_again),
		sentence_of_a_world(and_what_comes_behind_that),
		sentence_of_a_world(who_only_names_an_object_changes_nothing_of_it),
		sentence_of_a_world(what_half_a_record_has_made_is_known_by_its_id),
		sentence_of_a_world(a_call_of_both_is_done_again_as_a_whole),
		sentence_of_a_world(once_the_position_has_passed_all_is_told),
		sentence_of_a_world(behind_an_output_of_which_nothing_is_known_nothing_is_told),
		sentence_of_a_world(half_a_record_that_stays_for_long_costs_no_memory),
		sentence_of_a_world(other_partitions_have_an_order_of_their_own),
		sentence_of_a_world(a_record_of_a_file_has_no_next_owner),
	};

	return run_sentences(tests);
}
