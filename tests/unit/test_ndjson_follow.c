#include "tests/unit/follow_bench.h"
#include "tests/unit/pack.h"

#include <poll.h>

/* Files that are followed: they come, grow, shrink, are replaced, and go. */

static void what_is_added_is_read_and_an_unfinished_line_waits(void **state)
{
	struct bench b;

	(void)state;
	follow_text(&b, "in", "{\"id\":1}\n{\"id\":2}");
	check_sees(&b, "in: 1");
	add(&b, "in", "\n{\"id");
	check_sees(&b, "in: 2");
	check_sees(&b, "");
	add(&b, "in", "\":3}\r\n\n");
	check_sees(&b, "in: 3");
	add(&b, "in", "{}");
	check_sees(&b, "");
	check_all_read(&b, "in");
	add(&b, "in", "\n{\"id\":4}\n");
	check_sees(&b, "in: null 4");
	check_eq(b.n_live, 1);
	check_eq(b.live[0]->settled_line, 6);
	check_told(&b, "");
	bench_deinit(&b);
}

static void the_loop_is_woken_when_a_file_grows(void **state)
{
	struct bench b;

	(void)state;
	follow_one(&b);
	add(&b, "in", "{\"id\":2}\n");
	/* By inotify; where there is none, by the timer within a second. */
	check_eq(poll(&(struct pollfd){.fd = source_fd(b.source), .events = POLLIN}, 1, 60000), 1);
	check_sees(&b, "in: 2");
	bench_deinit(&b);
}

static void a_small_record_at_the_start_is_not_held_back(void **state)
{
	struct bench b;

	(void)state;
	follow_text(&b, "in", "{}\n");
	check_sees(&b, "in: null");
	bench_deinit(&b);
}

static void a_file_that_is_not_there_yet_is_waited_for_and_that_is_said(void **state)
{
	static const struct {
		const char *path, *file, *told;
	} rows[] = {
		{"in", "in", "in does not exist yet; waits for it\n"},
		{"f", "f/in.json", "f holds no file to read yet; waits for it\n"},
		{"*.json", "in.json", "no file matches *.json yet; waits for it\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_(freep) char *expected = mem_printf("%s: 1", rows[i].file);
		struct bench b;

		init(&b);
		bench_mkdir(&b, "f");
		follow(&b, rows[i].path);
		check_sees(&b, "");
		check_sees(&b, "");
		check_told(&b, rows[i].told);
		bench_put(&b, rows[i].file, "");
		check_sees(&b, "");
		add(&b, rows[i].file, "{\"id\":1}\n");
		check_sees(&b, expected);
		bench_deinit(&b);
	}
}

static void a_truncated_file_is_read_from_its_start_and_that_is_told(void **state)
{
	struct bench b;

	(void)state;
	follow_text(&b, "in", "{\"id\":1}\n{\"id\":2}\n");
	check_sees(&b, "in: 1 2");
	cut_short(&b, "in", 0);
	check_sees(&b, "");
	add(&b, "in", "{\"id\":3}\n");
	check_sees(&b, "in: 3");
	check_eq(b.n_live, 2);
	check_eq(b.live[1]->generation, 1);
	check_told(&b,
	           "in became shorter (it was truncated) and is read from its start; lines that "
	           "stood behind byte 18 and were not read before are lost\n");
	bench_restart(&b);
	add(&b, "in", "{\"id\":4}\n");
	follow(&b, "in");
	check_sees(&b, "in: 4");
	check_told(&b, "");
	bench_deinit(&b);
}

static void truncation_while_nothing_ran_is_told_too(void **state)
{
	struct bench b;

	(void)state;
	follow_text(&b, "in", "{\"id\":1}\n{\"id\":2}\n");
	check_sees(&b, "in: 1 2");
	bench_restart(&b);
	cut_short(&b, "in", 0);
	add(&b, "in", "{\"id\":3}\n");
	follow(&b, "in");
	check_sees(&b, "in: 3");
	check(strstr(buf_text(&b.told), "in became shorter") != NULL);
	bench_deinit(&b);
}

static void an_unfinished_line_may_be_cut_off_again(void **state)
{
	struct bench b;

	(void)state;
	follow_text(&b, "in", "{\"id\":1}\n{\"id\":2");
	check_sees(&b, "in: 1");
	cut_short(&b, "in", 9);
	check_sees(&b, "");
	add(&b, "in", "{\"id\":3}\n");
	check_sees(&b, "in: 3");
	check_eq(b.n_live, 1);
	check_eq(b.live[0]->settled_line, 2);
	bench_deinit(&b);
}

static void a_part_read_that_was_rewritten_in_place_is_on_changes_matter(void **state)
{
	(void)state;
	for (int starts_anew = 0; starts_anew < 2; starts_anew++) {
		struct bench b;

		init(&b);
		b.starts_anew = starts_anew;
		bench_put(&b, "in", "{\"id\":1}\n");
		follow(&b, "in");
		check_sees(&b, "in: 1");
		bench_put(&b, "in", "{\"id\":7}\n{\"id\":8}\n");
		bench_touch(&b, "in", 5000);
		if (starts_anew) {
			check_sees(&b, "in: 7 8");
		} else {
			check_stale(&b, "in was rewritten while it was read");
		}
		bench_deinit(&b);
	}
}

static void a_last_line_that_grew_after_it_was_taken_stops_it(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	b.is_follow = false;
	b.starts_anew = true;
	bench_put(&b, "in", "{\"id\":1}\n{}");
	check_run(&b, "in", "1:{\"id\":1} 2:{}");
	b.is_follow = true;
	add(&b, "in", " {}\n");
	bench_touch(&b, "in", 5000);
	follow(&b, "in");
	check_stale(&b, "had no line end when it was read, and has grown");
	bench_deinit(&b);
}

static void a_file_replaced_by_another_is_read_from_its_start(void **state)
{
	struct bench b;

	(void)state;
	follow_one(&b);
	add(&b, "in", "{\"id\":2}\n{\"id\":3}");
	bench_put(&b, "next", "{\"id\":4}\n");
	bench_rename(&b, "next", "in"); /* over the other, which is gone but for us */
	check_sees(&b, "in: 2 3 4");
	bench_deinit(&b);
}

static void a_file_replaced_by_itself_and_more_goes_on(void **state)
{
	struct bench b;

	(void)state;
	follow_one(&b);
	bench_put(&b, "next", "{\"id\":1}\n{\"id\":2}\n");
	bench_rename(&b, "next", "in");
	check_sees(&b, "in: 2");
	check_eq(b.n_live, 1);
	bench_deinit(&b);
}

static void a_file_deleted_and_made_again_is_a_new_one(void **state)
{
	struct bench b;

	(void)state;
	follow_one(&b);
	add(&b, "in", "{\"id\":2}\n");
	bench_remove(&b, "in");
	check_sees(&b, "in: 2"); /* it was open */
	check_sees(&b, "");
	bench_put(&b, "in", "{\"id\":3}\n");
	check_sees(&b, "in: 3");
	bench_deinit(&b);
}

static void files_of_a_folder_come_grow_and_go(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	bench_mkdir(&b, "f");
	bench_put(&b, "f/1.json", "{\"id\":1}\n");
	bench_put(&b, "f/3.json", "{\"id\":3}\n");
	follow(&b, "f");
	check_sees(&b, "f/1.json: 1 f/3.json: 3");
	add(&b, "f/1.json", "{\"id\":11}\n");
	bench_put(&b, "f/2.json", "{\"id\":2}\n");
	check_sees(&b, "f/1.json: 11 f/2.json: 2");
	bench_remove(&b, "f/1.json");
	bench_put(&b, "tmp", "{\"id\":4}\n");
	bench_rename(&b, "tmp", "f/0.json");
	check_sees(&b, "f/0.json: 4");
	bench_remove(&b, "f/0.json");
	bench_remove(&b, "f/2.json");
	check_sees(&b, "");
	add(&b, "f/3.json", "{\"id\":33}\n");
	check_sees(&b, "f/3.json: 33");
	check_told(&b, "");
	bench_deinit(&b);
}

static void what_comes_while_known_files_are_read_is_listed_after_them(void **state)
{
	struct record *r = NULL;
	struct bench b;

	(void)state;
	init(&b);
	bench_mkdir(&b, "f");
	bench_put(&b, "f/1.json", "{\"id\":1}\n");
	bench_put(&b, "f/2.json", "{\"id\":2}\n");
	bench_put(&b, "f/3.json", "{\"id\":3}\n");
	follow(&b, "f");
	check_eq(source_next(b.source, &r, &b.err), SOURCE_RECORD);
	bench_settle(&b, r);
	bench_put(&b, "f/0.json", "{\"id\":0}\n");
	add(&b, "f/1.json", "{\"id\":11}\n{\"id\":12}\n");
	check_sees(&b, "f/1.json: 11 12 f/2.json: 2 f/3.json: 3 f/0.json: 0");
	check_told(&b, "");
	bench_deinit(&b);
}

static void a_record_of_a_file_that_was_left_and_opened_again_comes_once(void **state)
{
	struct record *open = NULL, *r = NULL;
	struct bench b;
	int result;

	(void)state;
	init(&b);
	bench_mkdir(&b, "f");
	bench_put(&b, "f/1.json", "{\"id\":1}\n{\"id\":2}\n");
	bench_put(&b, "f/2.json", "{\"id\":3}\n");
	follow(&b, "f");
	check_eq(source_next(b.source, &open, &b.err), SOURCE_RECORD); /* is not settled yet */
	check_sees(&b, "f/1.json: 2 f/2.json: 3");
	add(&b, "f/1.json", "{\"id\":4}\n");
	check_sees(&b, "f/1.json: 4");
	check_eq(b.live[0]->settled_to, 0);
	check_eq(b.live[0]->n_ranges, 1);
	bench_settle(&b, open);
	check_eq(b.live[0]->settled_line, 3);
	result = source_next(b.source, &r, &b.err);
	check_eq(result, SOURCE_LATER);
	bench_deinit(&b);
}

static void a_file_left_with_an_unfinished_line_is_told_once(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	bench_mkdir(&b, "f");
	bench_put(&b, "f/1.json", "{\"id\":1}\n{\"id\":2}");
	bench_put(&b, "f/2.json", "{\"id\":3}\n");
	follow(&b, "f");
	check_sees(&b, "f/1.json: 1 f/2.json: 3");
	check_told(&b, "f/1.json ends without a line end; what stands there is read when the line "
	               "is whole\n");
	add(&b, "f/1.json", "\n{\"id\":4}");
	add(&b, "f/2.json", "{\"id\":5}\n");
	check_sees(&b, "f/2.json: 5 f/1.json: 2"); /* the one that is open first */
	check_told(&b, "");
	bench_deinit(&b);
}

static void a_packed_file_that_grows_is_read_on_member_by_member(void **state)
{
	struct buf packed = BUF_INIT;
	struct bench b;
	size_t first;

	(void)state;
	init(&b);
	pack_gzip(&packed, "{\"id\":1}\n{\"id\":2}\n", 18);
	first = packed.len;
	pack_gzip(&packed, "{\"id\":3}\n", 9);
	bench_put(&b, "in.gz", "");
	follow(&b, "in.gz");
	check_sees(&b, "");
	bench_write(&b, "in.gz", "ab", packed.data, 1);
	check_sees(&b, "");
	bench_write(&b, "in.gz", "ab", packed.data + 1, first - 4); /* its sum is missing */
	check_sees(&b, "in.gz: 1 2");
	bench_write(&b, "in.gz", "ab", packed.data + first - 3, 3);
	check_sees(&b, "");
	bench_write(&b, "in.gz", "ab", packed.data + first, packed.len - first);
	check_sees(&b, "in.gz: 3");
	bench_restart(&b);
	pack_gzip(&packed, "{\"id\":4}\n", 9);
	bench_write(&b, "in.gz", "wb", packed.data, packed.len);
	bench_touch(&b, "in.gz", 5000);
	follow(&b, "in.gz");
	check_sees(&b, "in.gz: 4");
	check_eq(b.n_live, 1);
	buf_deinit(&packed);
	bench_deinit(&b);
}

static void a_packed_file_of_a_folder_that_is_cut_keeps_no_other_from_being_read(void **state)
{
	struct buf packed = BUF_INIT;
	struct bench b;

	(void)state;
	init(&b);
	bench_mkdir(&b, "f");
	pack_gzip(&packed, "{\"id\":1}\n", 9);
	bench_write(&b, "f/1.json.gz", "wb", packed.data, packed.len - 9);
	bench_put(&b, "f/2.json", "{\"id\":2}\n");
	follow(&b, "f");
	{
		cleanup_(freep) char *seen = see(&b);

		check(strstr(seen, "f/2.json: 2") != NULL);
	}
	check_told(&b, "f/1.json.gz ends in the middle of its packed text; waits for the rest\n");
	bench_write(&b, "f/1.json.gz", "wb", packed.data, packed.len);
	bench_touch(&b, "f/1.json.gz", 5000);
	{
		cleanup_(freep) char *seen = see(&b);

		(void)seen;
	}
	check_eq(b.live[0]->settled_line, 1);
	check_told(&b, "");
	buf_deinit(&packed);
	bench_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(what_is_added_is_read_and_an_unfinished_line_waits),
		sentence(the_loop_is_woken_when_a_file_grows),
		sentence(a_small_record_at_the_start_is_not_held_back),
		sentence(a_file_that_is_not_there_yet_is_waited_for_and_that_is_said),
		sentence(a_truncated_file_is_read_from_its_start_and_that_is_told),
		sentence(truncation_while_nothing_ran_is_told_too),
		sentence(an_unfinished_line_may_be_cut_off_again),
		sentence(a_part_read_that_was_rewritten_in_place_is_on_changes_matter),
		sentence(a_last_line_that_grew_after_it_was_taken_stops_it),
		sentence(a_file_replaced_by_another_is_read_from_its_start),
		sentence(a_file_replaced_by_itself_and_more_goes_on),
		sentence(a_file_deleted_and_made_again_is_a_new_one),
		sentence(files_of_a_folder_come_grow_and_go),
		sentence(what_comes_while_known_files_are_read_is_listed_after_them),
		sentence(a_record_of_a_file_that_was_left_and_opened_again_comes_once),
		sentence(a_file_left_with_an_unfinished_line_is_told_once),
		sentence(a_packed_file_that_grows_is_read_on_member_by_member),
		sentence(a_packed_file_of_a_folder_that_is_cut_keeps_no_other_from_being_read),
	};

	return run_sentences(tests);
}
