#include "connector/source/kafka_note.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <string.h>

static struct stream *settled_to(uint64_t pos)
{
	struct stream *s = stream_new(STREAM_PARTITION, "t/0");

	stream_settle(s, 0, pos, 0);
	return s;
}

static void a_note_says_what_the_next_owner_must_know(void **state)
{
	cleanup_(stream_freep) struct stream *mine = settled_to(100), *theirs = settled_to(100);
	cleanup_(freep) char *text = NULL;
	struct kafka_note note;

	(void)state;
	mine->generation = 3;
	stream_settle(mine, 102, 105, 0);
	stream_settle(mine, 110, 111, 0);
	text = kafka_note_text("abc", mine, 4196, NULL, 0);
	check_text(text, "closefeed1 abc 3 4196 2+3 5+1");
	check(kafka_note_parse(text, &note));
	check_text(note.journal, "abc");
	check_eq(note.generation, 3);
	check_eq(note.ceiling, 4196);

	note.offset = 100;
	kafka_note_settle(&note, theirs);
	check_eq(theirs->settled_to, 100);
	check_eq(theirs->n_ranges, 2);
	check(stream_is_settled(theirs, 104));
	check(!stream_is_settled(theirs, 105));
	check(stream_is_settled(theirs, 110));
	/* What both know is no contradiction. */
	kafka_note_settle(&note, theirs);
	check_eq(theirs->n_ranges, 2);
}

/* Who has settled more than the note's owner had when he took it over. */
static void ranges_are_counted_from_the_offset_they_came_with(void **state)
{
	cleanup_(stream_freep) struct stream *ahead = settled_to(108);
	struct kafka_note note;

	(void)state;
	check(kafka_note_parse("closefeed1 abc 3 4196 2+3 5+1 7+2", &note));
	note.offset = 100;
	kafka_note_settle(&note, ahead);
	check_eq(ahead->settled_to, 108);
	check(!stream_is_settled(ahead, 109));
	check(stream_is_settled(ahead, 110));
	check(!stream_is_settled(ahead, 111));
	check(stream_is_settled(ahead, 118));
	check(!stream_is_settled(ahead, 120));
}

static void what_does_not_fit_is_left_out_and_nothing_is_made_up(void **state)
{
	cleanup_(stream_freep) struct stream *mine = settled_to(100), *theirs = settled_to(100);
	cleanup_(freep) char *text = NULL;
	struct kafka_note note;

	(void)state;
	for (uint64_t i = 0; i < 3000; i++)
		stream_settle(mine, 1000 + 2 * i, 1001 + 2 * i, 0);
	text = kafka_note_text("abc", mine, 8000, NULL, 0);
	check(strlen(text) <= kafka_note_max);
	check(kafka_note_parse(text, &note));
	note.offset = 100;
	kafka_note_settle(&note, theirs);
	check(theirs->n_ranges > 500);
	for (uint64_t pos = 0; pos < 8000; pos++)
		check(!stream_is_settled(theirs, pos) || stream_is_settled(mine, pos));
}

static void what_is_to_be_done_again_is_not_told(void **state)
{
	const struct stream_range untold[] = {
		{90, 101, 0}, {102, 103, 0}, {104, 105, 0}, {107, 120, 0}, {130, UINT64_MAX, 0}};
	cleanup_(stream_freep) struct stream *mine = settled_to(100);
	cleanup_(freep) char *text = NULL;

	(void)state;
	stream_settle(mine, 102, 106, 0);
	stream_settle(mine, 110, 112, 0);
	stream_settle(mine, 118, 122, 0);
	stream_settle(mine, 128, 140, 0);
	stream_settle(mine, 150, 160, 0);
	text = kafka_note_text("abc", mine, 4196, untold, 5);
	/* 103, 105, 120 to 122, 128 to 130 */
	check_text(text, "closefeed1 abc 0 4196 3+1 1+1 14+2 6+2");
}

static void what_is_no_note_of_ours_is_none(void **state)
{
	static const char *const texts[] = {
		NULL,
		"",
		"consumer-7",
		"closefeed1",
		"closefeed1 abc",
		"closefeed1 abc 3",
		"closefeed1 abc 3 ",
		"closefeed1 abc 3 x",
		"closefeed1 abc 3 4196 2",
		"closefeed1 abc 3 4196 2+",
		"closefeed1 abc 3 4196 0+1",
		"closefeed1 abc 3 4196 1+0",
		"closefeed1 abc 3 4196  1+1",
		"closefeed1 abc 3 4196 1+1x",
		"closefeed1 abc 3 4196 18446744073709551615+1 1+1",
		"closefeed1 abc 3 99999999999999999999",
	};
	struct kafka_note note;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		check(!kafka_note_parse(texts[i], &note));
}

static void a_gap_is_settled_around_what_is_settled(void **state)
{
	cleanup_(stream_freep) struct stream *s = settled_to(10);

	(void)state;
	stream_settle(s, 12, 14, 0);
	stream_settle(s, 20, 21, 0);
	kafka_settle_gap(s, 5, 16);
	check_eq(s->settled_to, 16);
	kafka_settle_gap(s, 18, 30);
	check_eq(s->n_ranges, 1);
	check(stream_is_settled(s, 29));
	check(!stream_is_settled(s, 17));
	kafka_settle_gap(s, 16, 18);
	check_eq(s->settled_to, 30);
	check_eq(s->n_ranges, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_note_says_what_the_next_owner_must_know),
		sentence(ranges_are_counted_from_the_offset_they_came_with),
		sentence(what_does_not_fit_is_left_out_and_nothing_is_made_up),
		sentence(what_is_to_be_done_again_is_not_told),
		sentence(what_is_no_note_of_ours_is_none),
		sentence(a_gap_is_settled_around_what_is_settled),
	};

	return run_sentences(tests);
}
