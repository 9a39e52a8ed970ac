#include "connector/source/ndjson_private.h"
#include "connector/source/rotation.h"
#include "tests/unit/ndjson_bench.h"
#include "tests/unit/pack.h"

#include <errno.h>
#include <poll.h>

static const char *id_of(const struct record *r)
{
	struct json_object *id = json_object_object_get(r->value, "id");

	return id ? json_object_get_string(id) : "null";
}

/*
 * What the source hands out until it has nothing more at the moment: the ids of the records, each
 * settled and stored. A file is named where it is another than before: "in: 1 2 in.1: 3".
 */
static char *see(struct bench *b)
{
	struct buf out = BUF_INIT;
	char *last = mem_strdup("");
	struct record *r;
	int result;

	for (;;) {
		result = source_next(b->source, &r, &b->err);
		if (result < 0)
			fail_msg("%s", b->err.text);
		check(result != SOURCE_END);
		if (result == SOURCE_LATER && source_fd(b->source) >= 0)
			break;
		if (result == SOURCE_LATER)
			continue;
		if (strcmp(last, r->source_name) != 0)
			buf_addf(&out, "%s%s:", out.len ? " " : "", r->source_name);
		free(last);
		last = mem_strdup(r->source_name);
		buf_addf(&out, " %s", r->fault ? "bad" : id_of(r));
		bench_settle(b, r);
	}
	free(last);
	bench_store(b);
	return buf_take(&out);
}

#define check_sees(b, expected)                                                                    \
	do {                                                                                       \
		cleanup_(freep) char *text_ = see(b);                                              \
		check_text(text_, expected);                                                       \
	} while (0)

#define check_told(b, expected)                                                                    \
	do {                                                                                       \
		check_text(buf_text(&(b)->told), expected);                                        \
		buf_clear(&(b)->told);                                                             \
	} while (0)

static void init(struct bench *b)
{
	bench_init(b);
	b->is_follow = true;
}

static void follow(struct bench *b, const char *name)
{
	if (bench_open(b, name) < 0)
		fail_msg("%s", b->err.text);
}

static void add(const struct bench *b, const char *name, const char *text)
{
	bench_write(b, name, "ab", text, strlen(text));
}

static void cut_short(const struct bench *b, const char *name, off_t len)
{
	cleanup_(freep) char *path = bench_path(b, name);

	check_eq(truncate(path, len), 0);
}

static void what_is_added_is_read_and_an_unfinished_line_waits(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	bench_put(&b, "in", "{\"id\":1}\n{\"id\":2}");
	follow(&b, "in");
	check_sees(&b, "in: 1");
	add(&b, "in", "\n{\"id");
	check_sees(&b, "in: 2");
	check_sees(&b, "");
	add(&b, "in", "\":3}\r\n\n");
	check_sees(&b, "in: 3");
	add(&b, "in", "{}");
	check_sees(&b, "");
	bench_restart(&b);
	follow(&b, "in");
	check_sees(&b, "");
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
	init(&b);
	bench_put(&b, "in", "{\"id\":1}\n");
	follow(&b, "in");
	check_sees(&b, "in: 1");
	add(&b, "in", "{\"id\":2}\n");
	/* By inotify; where there is none, by the timer within a second. */
	check_eq(poll(&(struct pollfd){.fd = source_fd(b.source), .events = POLLIN}, 1, 5000), 1);
	check_sees(&b, "in: 2");
	bench_deinit(&b);
}

static void a_small_record_at_the_start_is_not_held_back(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	bench_put(&b, "in", "{}\n");
	follow(&b, "in");
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

static void a_rotated_file_is_read_to_its_end_before_the_new_one(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	bench_put(&b, "in", "{\"id\":1}\n");
	follow(&b, "in");
	check_sees(&b, "in: 1");
	add(&b, "in", "{\"id\":2}\n");
	bench_rename(&b, "in", "in.1");
	check_sees(&b, "in: 2");
	add(&b, "in.1", "{\"id\":3}\n"); /* its writer has not noticed yet */
	check_sees(&b, "in: 3");
	bench_put(&b, "in", "");
	add(&b, "in.1", "{\"id\":4}\n{\"id\":5}");
	check_sees(&b, "in: 4"); /* nothing is in the new one: more may come to the old */
	add(&b, "in", "{\"id\":6}\n");
	check_sees(&b, "in: 5 6");
	check_eq(b.n_live, 2);
	check_eq(b.live[1]->generation, 1);
	add(&b, "in", "{\"id\":7}\n");
	check_sees(&b, "in: 7");
	check_told(&b, "");
	bench_deinit(&b);
}

static void rotation_while_nobody_looked_loses_nothing_of_either(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	bench_put(&b, "in", "{\"id\":1}\n");
	follow(&b, "in");
	check_sees(&b, "in: 1");
	add(&b, "in", "{\"id\":2}\n{\"id\":3}");
	bench_rename(&b, "in", "in.1");
	bench_put(&b, "in", "{\"id\":4}\n");
	check_sees(&b, "in: 2 3 4");
	bench_deinit(&b);
}

static void rotation_while_nothing_ran_loses_nothing_of_either(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	bench_put(&b, "in", "{\"id\":1}\n");
	follow(&b, "in");
	check_sees(&b, "in: 1");
	bench_restart(&b);
	add(&b, "in", "{\"id\":2}\n{\"id\":3}");
	bench_rename(&b, "in", "in.1");
	bench_put(&b, "in", "{\"id\":4}\n");
	follow(&b, "in");
	check_sees(&b, "in.1: 2 3 in: 4");
	bench_restart(&b);
	follow(&b, "in");
	check_sees(&b, "");
	check_eq(b.n_live, 2);
	check_told(&b, "");
	bench_deinit(&b);
}

static void what_a_rotation_makes_is_known_by_its_name(void **state)
{
	static const struct {
		const char *name;
		bool is;
	} rows[] = {
		{"in.1", true},          {"in.10", true},    {"in-20240131", true},
		{"in.2024-01-31", true}, {"in", false},      {"in.", false},
		{"in.tmp", false},       {"in1", false},     {"in.1.gz", false},
		{"in.1.zst", false},     {"other.1", false}, {"in.bak", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rotation_is_name(rows[i].name, "in") != rows[i].is)
			fail_msg("%s", rows[i].name);
}

/* Writes @text to a file of its own, rotated away @seconds after 1970. */
static void put_old(const struct bench *b, const char *name, const char *text, time_t seconds)
{
	bench_put(b, name, text);
	bench_touch(b, name, seconds);
}

static void several_rotations_while_nobody_looked_are_read_in_their_order(void **state)
{
	(void)state;
	for (int restarts = 0; restarts < 2; restarts++) {
		struct bench b;

		init(&b);
		put_old(&b, "in.9", "{\"id\":90}\n", 900); /* before our time */
		put_old(&b, "in", "{\"id\":1}\n", 1000);
		follow(&b, "in");
		check_sees(&b, "in: 1");
		if (restarts)
			bench_restart(&b);
		add(&b, "in", "{\"id\":2}\n");
		bench_touch(&b, "in", 2000);
		bench_rename(&b, "in", "in.5");
		put_old(&b, "in.3", "{\"id\":4}\n", 3000); /* of one moment, and the older one */
		put_old(&b, "in.2", "{\"id\":5}\n", 3000);
		put_old(&b, "in.4", "{\"id\":3}\n", 2500);
		put_old(&b, "in.bak", "{\"id\":91}\n", 3500);
		put_old(&b, "in.6.gz", "{\"id\":92}\n", 3500);
		put_old(&b, "in.7", "{\"id\":93}\n", 5000); /* younger than the one there is */
		put_old(&b, "in", "{\"id\":6}\n", 4000);
		if (restarts)
			follow(&b, "in");
		check_sees(&b, restarts ? "in.5: 2 in.4: 3 in.3: 4 in.2: 5 in: 6"
		                        : "in: 2 in.4: 3 in.3: 4 in.2: 5 in: 6");
		bench_restart(&b);
		follow(&b, "in");
		check_sees(&b, "");
		bench_deinit(&b);
	}
}

/* Takes @n records and settles none of them. */
static void take_open(struct bench *b, unsigned n)
{
	struct record *r;

	while (n) {
		const int result = source_next(b->source, &r, &b->err);

		check(result == SOURCE_RECORD || result == SOURCE_LATER);
		if (result != SOURCE_RECORD)
			continue;
		record_unref(r);
		n--;
	}
}

static void what_was_open_of_rotated_files_at_a_kill_is_read_again(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	put_old(&b, "in", "{\"id\":1}\n{\"id\":2}\n", 1000);
	follow(&b, "in");
	take_open(&b, 2);
	bench_store(&b);
	bench_rename(&b, "in", "in.2");
	put_old(&b, "in.1", "{\"id\":3}\n", 2000);
	put_old(&b, "in", "{\"id\":4}\n{\"id\":5}\n", 3000);
	take_open(&b, 2);
	check_sees(&b, "in: 5");
	bench_restart(&b); /* 1 to 4 were on their way */
	follow(&b, "in");
	check_sees(&b, "in.2: 1 2 in.1: 3 in: 4");
	bench_restart(&b);
	follow(&b, "in");
	check_sees(&b, "");
	check_eq(b.n_live, 3);
	bench_deinit(&b);
}

static void a_numbered_copy_of_what_was_read_is_not_read_again(void **state)
{
	struct buf text = BUF_INIT;
	struct bench b;

	(void)state;
	init(&b);
	for (int i = 0; i < 500; i++)
		buf_addf(&text, "{\"id\":%d}\n", i);
	put_old(&b, "in", buf_text(&text), 1000);
	follow(&b, "in");
	{
		cleanup_(freep) char *seen = see(&b);

		check(strstr(seen, " 499") != NULL);
	}
	put_old(&b, "in.1", buf_text(&text), 2000);
	put_old(&b, "next", "{\"id\":1000}\n", 3000);
	bench_rename(&b, "next", "in");
	check_sees(&b, "in: 1000");
	buf_deinit(&text);
	bench_deinit(&b);
}

static void a_rotated_file_of_a_pattern_is_found_beside_it(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	bench_mkdir(&b, "logs");
	bench_put(&b, "logs/a.json", "{\"id\":1}\n");
	bench_put(&b, "logs/b.json", "{\"id\":2}\n");
	follow(&b, "logs");
	check_sees(&b, "logs/a.json: 1 logs/b.json: 2");
	add(&b, "logs/a.json", "{\"id\":3}\n");
	bench_rename(&b, "logs/a.json", "logs/a.json.1"); /* nobody had it open */
	bench_put(&b, "logs/a.json", "{\"id\":4}\n");
	check_sees(&b, "logs/a.json.1: 3 logs/a.json: 4");
	bench_put(&b, "logs/a.json.1", "{\"id\":5}\n"); /* not of this folder's files */
	check_sees(&b, "");
	bench_deinit(&b);
}

static void a_rotated_file_that_the_pattern_matches_too_goes_on_under_its_new_name(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	bench_put(&b, "log", "{\"id\":1}\n");
	follow(&b, "log*");
	check_sees(&b, "log: 1");
	bench_rename(&b, "log", "log.1");
	bench_put(&b, "log", "{\"id\":2}\n");
	check_sees(&b, "log: 2");
	add(&b, "log.1", "{\"id\":3}\n");
	add(&b, "log", "{\"id\":4}\n");
	check_sees(&b, "log: 4 log.1: 3");
	bench_restart(&b);
	follow(&b, "log*");
	check_sees(&b, "");
	check_eq(b.n_live, 2);
	bench_deinit(&b);
}

static void a_truncated_file_is_read_from_its_start_and_that_is_told(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	bench_put(&b, "in", "{\"id\":1}\n{\"id\":2}\n");
	follow(&b, "in");
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
	init(&b);
	bench_put(&b, "in", "{\"id\":1}\n{\"id\":2}\n");
	follow(&b, "in");
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
	init(&b);
	bench_put(&b, "in", "{\"id\":1}\n{\"id\":2");
	follow(&b, "in");
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
		struct record *r;
		struct bench b;
		int result;

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
			do
				result = source_next(b.source, &r, &b.err);
			while (result == SOURCE_LATER);
			check_eq(result, -ESTALE);
			check(strstr(b.err.text, "in was rewritten while it was read") != NULL);
		}
		bench_deinit(&b);
	}
}

static void a_last_line_that_grew_after_it_was_taken_stops_it(void **state)
{
	struct record *r;
	struct bench b;
	int result;

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
	do
		result = source_next(b.source, &r, &b.err);
	while (result == SOURCE_LATER);
	check_eq(result, -ESTALE);
	check(strstr(b.err.text, "had no line end when it was read, and has grown") != NULL);
	bench_deinit(&b);
}

static void a_file_replaced_by_another_is_read_from_its_start(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	bench_put(&b, "in", "{\"id\":1}\n");
	follow(&b, "in");
	check_sees(&b, "in: 1");
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
	init(&b);
	bench_put(&b, "in", "{\"id\":1}\n");
	follow(&b, "in");
	check_sees(&b, "in: 1");
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
	init(&b);
	bench_put(&b, "in", "{\"id\":1}\n");
	follow(&b, "in");
	check_sees(&b, "in: 1");
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

/* xorshift: the same numbers in every run. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void no_mixture_of_writing_rotating_and_restarting_loses_repeats_or_reorders(void **state)
{
	(void)state;
	for (uint64_t round = 1; round <= 20; round++) {
		uint64_t seed = round * 0x9e3779b97f4a7c15u;
		unsigned n_written = 0, n_rotated = 0, next = 1;
		struct buf half = BUF_INIT;
		struct bench b;

		init(&b);
		bench_put(&b, "in", "");
		follow(&b, "in");
		for (int i = 0; i < 300; i++) {
			struct record *r;
			int result;

			switch (next_random(&seed) % 12) {
			case 0: /* only when the last one was noticed: see docs */
				if (next <= n_written || half.len || n_rotated >= most_streams - 2)
					break;
				{
					cleanup_(freep) char *to = mem_printf("in.%u", ++n_rotated);

					bench_rename(&b, "in", to);
					bench_put(&b, "in", "");
				}
				break;
			case 1:
				bench_store(&b);
				bench_restart(&b);
				follow(&b, "in");
				break;
			case 2:
			case 3:
			case 4: /* a line in two writes */
				if (!half.len) {
					buf_addf(&half, "{\"id\":%u}\n", ++n_written);
					bench_write(&b, "in", "ab", half.data, half.len / 2);
				} else {
					bench_write(&b, "in", "ab", half.data + half.len / 2,
					            half.len - half.len / 2);
					buf_clear(&half);
				}
				break;
			case 5:
			case 6:
				if (!half.len) {
					struct buf text = BUF_INIT;

					for (int k = 0; k < 5; k++)
						buf_addf(&text, "{\"id\":%u}\n", ++n_written);
					bench_write(&b, "in", "ab", text.data, text.len);
					buf_deinit(&text);
				}
				break;
			default:
				do {
					result = source_next(b.source, &r, &b.err);
					if (result < 0)
						fail_msg("%s", b.err.text);
					if (result != SOURCE_RECORD)
						continue;
					check_eq(json_object_get_int(
							 json_object_object_get(r->value, "id")),
					         next);
					next++;
					bench_settle(&b, r);
				} while (result == SOURCE_RECORD);
				bench_store(&b);
			}
		}
		buf_deinit(&half);
		bench_deinit(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(what_is_added_is_read_and_an_unfinished_line_waits),
		sentence(the_loop_is_woken_when_a_file_grows),
		sentence(a_small_record_at_the_start_is_not_held_back),
		sentence(a_file_that_is_not_there_yet_is_waited_for_and_that_is_said),
		sentence(a_rotated_file_is_read_to_its_end_before_the_new_one),
		sentence(rotation_while_nobody_looked_loses_nothing_of_either),
		sentence(rotation_while_nothing_ran_loses_nothing_of_either),
		sentence(what_a_rotation_makes_is_known_by_its_name),
		sentence(several_rotations_while_nobody_looked_are_read_in_their_order),
		sentence(what_was_open_of_rotated_files_at_a_kill_is_read_again),
		sentence(a_numbered_copy_of_what_was_read_is_not_read_again),
		sentence(a_rotated_file_of_a_pattern_is_found_beside_it),
		sentence(a_rotated_file_that_the_pattern_matches_too_goes_on_under_its_new_name),
		sentence(a_truncated_file_is_read_from_its_start_and_that_is_told),
		sentence(truncation_while_nothing_ran_is_told_too),
		sentence(an_unfinished_line_may_be_cut_off_again),
		sentence(a_part_read_that_was_rewritten_in_place_is_on_changes_matter),
		sentence(a_last_line_that_grew_after_it_was_taken_stops_it),
		sentence(a_file_replaced_by_another_is_read_from_its_start),
		sentence(a_file_replaced_by_itself_and_more_goes_on),
		sentence(a_file_deleted_and_made_again_is_a_new_one),
		sentence(files_of_a_folder_come_grow_and_go),
		sentence(a_record_of_a_file_that_was_left_and_opened_again_comes_once),
		sentence(a_file_left_with_an_unfinished_line_is_told_once),
		sentence(a_packed_file_that_grows_is_read_on_member_by_member),
		sentence(a_packed_file_of_a_folder_that_is_cut_keeps_no_other_from_being_read),
		sentence(no_mixture_of_writing_rotating_and_restarting_loses_repeats_or_reorders),
	};

	return run_sentences(tests);
}
