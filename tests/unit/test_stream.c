#include "connector/model/stream.h"
#include "lib/cleanup.h"
#include "tests/unit/check.h"
#include "tests/unit/random.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct piece {
	uint64_t pos, next_pos, n_lines;
	bool is_settled;
};

enum { n_pieces = 400 };

static void cut_into_pieces(struct piece *pieces, uint64_t *seed)
{
	uint64_t pos = 0;

	for (size_t i = 0; i < n_pieces; i++) {
		pieces[i].pos = pos;
		pos += 1 + next_random(seed) % 50;
		pieces[i].next_pos = pos;
		pieces[i].n_lines = next_random(seed) % 3;
		pieces[i].is_settled = false;
	}
}

static void shuffle(size_t *order, uint64_t *seed)
{
	for (size_t i = 0; i < n_pieces; i++)
		order[i] = i;
	for (size_t i = n_pieces; i > 1; i--) {
		const size_t j = next_random(seed) % i;
		const size_t kept = order[i - 1];

		order[i - 1] = order[j];
		order[j] = kept;
	}
}

/* What the stream must say, computed the plain way. */
static void check_against_model(const struct stream *s, const struct piece *pieces)
{
	uint64_t settled_to = 0, settled_line = 0;
	size_t n = 0, n_ranges = 0;

	for (; n < n_pieces && pieces[n].is_settled; n++) {
		settled_to = pieces[n].next_pos;
		settled_line += pieces[n].n_lines;
	}
	check_eq(s->settled_to, settled_to);
	check_eq(s->settled_line, settled_line);
	for (size_t i = 0; i < n_pieces; i++) {
		check_eq(stream_is_settled(s, pieces[i].pos), pieces[i].is_settled);
		check_eq(stream_is_settled(s, pieces[i].next_pos - 1), pieces[i].is_settled);
	}
	for (size_t i = n; i < n_pieces; i++) {
		struct stream_range wanted = {pieces[i].pos, pieces[i].pos, 0};

		for (; i < n_pieces && pieces[i].is_settled; i++) {
			wanted.to = pieces[i].next_pos;
			wanted.n_lines += pieces[i].n_lines;
		}
		if (wanted.from == wanted.to)
			continue;
		check(n_ranges < s->n_ranges);
		check_eq(s->ranges[n_ranges].from, wanted.from);
		check_eq(s->ranges[n_ranges].to, wanted.to);
		check_eq(s->ranges[n_ranges].n_lines, wanted.n_lines);
		n_ranges++;
	}
	check_eq(s->n_ranges, n_ranges);
}

static void check_text_round_trip(const struct stream *s)
{
	cleanup_(stream_freep) struct stream *copy = stream_new(STREAM_FILE, "f");
	struct buf text = BUF_INIT;
	struct err err;

	stream_ranges_text(s, &text);
	copy->settled_to = s->settled_to;
	check_eq(stream_ranges_parse(copy, buf_text(&text), &err), 0);
	check_eq(copy->n_ranges, s->n_ranges);
	if (s->n_ranges)
		assert_memory_equal(copy->ranges, s->ranges, s->n_ranges * sizeof(*s->ranges));
	buf_deinit(&text);
}

static void any_order_of_settling_gives_the_same_as_the_plain_model(void **state)
{
	(void)state;
	for (uint64_t round = 1; round <= 20; round++) {
		cleanup_(stream_freep) struct stream *s = stream_new(STREAM_FILE, "f");
		struct piece pieces[n_pieces];
		size_t order[n_pieces];
		uint64_t seed = round * 0x9e3779b97f4a7c15u;

		cut_into_pieces(pieces, &seed);
		shuffle(order, &seed);
		for (size_t i = 0; i < n_pieces; i++) {
			struct piece *p = &pieces[order[i]];

			stream_settle(s, p->pos, p->next_pos, p->n_lines);
			p->is_settled = true;
			if (i % 7 == 0) {
				check_against_model(s, pieces);
				check_text_round_trip(s);
			}
		}
		check_against_model(s, pieces);
		check_eq(s->n_ranges, 0);
	}
}

static void settling_twice_counts_lines_once(void **state)
{
	cleanup_(stream_freep) struct stream *s = stream_new(STREAM_FILE, "f");

	(void)state;
	stream_settle(s, 10, 20, 1);
	stream_settle(s, 10, 20, 1);
	check_eq(s->n_ranges, 1);
	check_eq(s->ranges[0].n_lines, 1);
	stream_settle(s, 0, 10, 1);
	stream_settle(s, 0, 10, 1);
	stream_settle(s, 10, 20, 1);
	check_eq(s->settled_to, 20);
	check_eq(s->settled_line, 2);
}

static void ranges_are_found_and_end_where_the_last_does(void **state)
{
	cleanup_(stream_freep) struct stream *s = stream_new(STREAM_FILE, "f");

	(void)state;
	check_eq(stream_settled_end(s), 0);
	stream_settle(s, 0, 5, 1);
	check_eq(stream_settled_end(s), 5);
	stream_settle(s, 30, 40, 1);
	stream_settle(s, 10, 20, 1);
	check_eq(stream_settled_end(s), 40);
	check_null(stream_range_at(s, 0));
	check_null(stream_range_at(s, 9));
	check_eq(stream_range_at(s, 10)->to, 20);
	check_eq(stream_range_at(s, 19)->to, 20);
	check_null(stream_range_at(s, 20));
	check_eq(stream_range_at(s, 39)->from, 30);
	check_null(stream_range_at(s, 40));
}

static void ranges_are_written_as_distances(void **state)
{
	cleanup_(stream_freep) struct stream *s = stream_new(STREAM_FILE, "f");
	struct buf text = BUF_INIT;

	(void)state;
	stream_settle(s, 0, 100, 2);
	stream_settle(s, 120, 150, 1);
	stream_settle(s, 1000, 1010, 4);
	stream_ranges_text(s, &text);
	check_text(text.data, "20+30/1 850+10/4");
	buf_deinit(&text);
}

static void text_that_is_no_ranges_is_refused(void **state)
{
	static const char *const bad[] = {"1",
	                                  "1+2",
	                                  "1+2/",
	                                  "1+2/3 ",
	                                  "0+2/3",
	                                  "1+0/3",
	                                  "-1+2/3",
	                                  "1+2/3,4",
	                                  "x",
	                                  " 1+2/3",
	                                  "1+2/3  1+2/3",
	                                  "18446744073709551616+1/1",
	                                  "18446744073709551615+1/1"};
	cleanup_(stream_freep) struct stream *s = stream_new(STREAM_FILE, "leads.ndjson");

	(void)state;
	s->settled_to = 5;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {""};

		if (stream_ranges_parse(s, bad[i], &err) != -EBADMSG)
			fail_msg("\"%s\" was accepted", bad[i]);
		check_eq(s->n_ranges, 0);
		check(strstr(err.text, "leads.ndjson") != NULL);
	}
	check_eq(stream_ranges_parse(s, "", NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(any_order_of_settling_gives_the_same_as_the_plain_model),
		sentence(settling_twice_counts_lines_once),
		sentence(ranges_are_found_and_end_where_the_last_does),
		sentence(ranges_are_written_as_distances),
		sentence(text_that_is_no_ranges_is_refused),
	};

	return run_sentences(tests);
}
