#include "connector/source/file_identity.h"
#include "tests/unit/ndjson_bench.h"

#include <errno.h>

/* @n records of 100 bytes each as text to free(); "salt" makes another content. */
static char *records(unsigned first, unsigned n, char salt)
{
	struct buf text = BUF_INIT;

	for (unsigned i = first; i < first + n; i++)
		buf_addf(&text, "{\"id\":\"%06u%c\",\"pad\":\"%0*d\"}\n", i, salt, 74, 0);
	return buf_take(&text);
}

static void put_records(const struct bench *b, const char *name, const char *mode, unsigned first,
                        unsigned n, char salt)
{
	cleanup_(freep) char *text = records(first, n, salt);

	check_eq(strlen(text), n * 100);
	bench_write(b, name, mode, text, strlen(text));
}

/* How many records a whole run over @name hands out, and the line of the first. */
static unsigned count_run(struct bench *b, const char *name, uint64_t *ret_first_line)
{
	struct record *r;
	unsigned n = 0;

	*ret_first_line = 0;
	if (bench_open(b, name) < 0)
		fail_msg("%s", b->err.text);
	while ((r = bench_next(b))) {
		if (!n++)
			*ret_first_line = r->line;
		bench_settle(b, r);
	}
	bench_store(b);
	bench_restart(b);
	return n;
}

static void check_count(struct bench *b, const char *name, unsigned n, uint64_t first_line)
{
	uint64_t line;

	check_eq(count_run(b, name, &line), n);
	check_eq(line, first_line);
}

/* Sizes around the block of 4 KiB, from one record to many blocks. */
static const unsigned sizes[] = {1, 40, 41, 82, 5000};

static void the_same_file_has_nothing_new(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bench b;

		bench_init(&b);
		put_records(&b, "in", "wb", 1, sizes[i], 'a');
		check_count(&b, "in", sizes[i], 1);
		check_count(&b, "in", 0, 0);
		bench_touch(&b, "in", 1000); /* and after a touch, by a hash of the whole */
		check_count(&b, "in", 0, 0);
		check_eq(b.n_live, 1);
		check(!b.was_new);
		bench_deinit(&b);
	}
}

static void an_appended_file_goes_on_however_often(void **state)
{
	struct bench b;
	unsigned n = 0;

	(void)state;
	bench_init(&b);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		put_records(&b, "in", "ab", n, sizes[i], 'a');
		check_count(&b, "in", sizes[i], n + 1);
		n += sizes[i];
	}
	check_eq(b.n_live, 1);
	check_eq(b.live[0]->settled_line, n);
	bench_deinit(&b);
}

static void a_renamed_file_goes_on_under_its_new_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bench b;

		bench_init(&b);
		put_records(&b, "old", "wb", 1, sizes[i], 'a');
		check_count(&b, "old", sizes[i], 1);
		bench_rename(&b, "old", "new");
		put_records(&b, "new", "ab", 1, 3, 'b');
		check_count(&b, "new", 3, sizes[i] + 1);
		check_eq(b.n_live, 1);
		check_text(b.live[0]->name, "new");
		bench_deinit(&b);
	}
}

static void a_copy_goes_on_only_where_4_kib_vouch_for_it(void **state)
{
	static const struct {
		unsigned n, n_read;
	} rows[] = {{40, 40}, {41, 0}, {500, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b;

		bench_init(&b);
		put_records(&b, "in", "wb", 1, rows[i].n, 'a');
		put_records(&b, "copy", "wb", 1, rows[i].n, 'a');
		check_count(&b, "in", rows[i].n, 1);
		check_count(&b, "copy", rows[i].n_read, rows[i].n_read ? 1 : 0);
		bench_deinit(&b);
	}
}

static void a_file_replaced_by_the_same_content_and_more_goes_on(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	put_records(&b, "in", "wb", 1, 10, 'a');
	check_count(&b, "in", 10, 1);
	put_records(&b, "next", "wb", 1, 12, 'a');
	bench_rename(&b, "next", "in"); /* as exports do it */
	check_count(&b, "in", 2, 11);
	check_eq(b.n_live, 1);
	bench_deinit(&b);
}

static void another_file_under_another_name_is_new(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	put_records(&b, "in", "wb", 1, 100, 'a');
	check_count(&b, "in", 100, 1);
	put_records(&b, "other", "wb", 1, 100, 'b');
	check_count(&b, "other", 100, 1);
	check_eq(b.n_live, 2);
	check_eq(b.live[1]->generation, 0);
	bench_deinit(&b);
}

/* Overwrites one byte of "in" and gives it another time of change. */
static void mend(const struct bench *b, long at)
{
	cleanup_(freep) char *path = bench_path(b, "in");
	FILE *f = fopen(path, "r+b");

	check(f != NULL);
	check_eq(fseek(f, at, SEEK_SET), 0);
	check_eq(fputc('X', f), 'X');
	check_eq(fclose(f), 0);
	bench_touch(b, "in", 2000 + at);
}

static void a_part_already_read_that_changed_is_noticed_and_told(void **state)
{
	static const struct {
		unsigned n;
		long at;
		const char *words;
	} rows[] = {
		{1, 10, "its first 100 bytes are not those that were read"},
		{30, 2990, "its first 3000 bytes are not those that were read"},
		{41, 0, "its first 4096 bytes are not those that were read"},
		{41, 4099, "bytes 4 to 4099 are not those that were read last"},
		{500, 49000, "bytes 45904 to 49999 are not those that were read last"},
		{500, 4096, "the part already read (its first 50000 bytes) has changed somewhere"},
		{500, 25000, "the part already read (its first 50000 bytes) has changed somewhere"},
		{500, 45903, "the part already read (its first 50000 bytes) has changed somewhere"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b;

		bench_init(&b);
		put_records(&b, "in", "wb", 1, rows[i].n, 'a');
		check_count(&b, "in", rows[i].n, 1);
		mend(&b, rows[i].at);
		check_eq(bench_open(&b, "in"), -ESTALE);
		if (!strstr(b.err.text, rows[i].words))
			fail_msg("%s", b.err.text);
		check(strstr(b.err.text, "on_change: new") != NULL);
		check_eq(b.n_live, 1);
		bench_deinit(&b);
	}
}

static void what_was_not_read_yet_may_be_mended(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	put_records(&b, "in", "wb", 1, 100, 'a');
	check_eq(bench_open(&b, "in"), 0);
	for (int i = 0; i < 60; i++)
		bench_settle(&b, bench_next(&b));
	bench_store(&b);
	bench_restart(&b);
	mend(&b, 6010);
	check_count(&b, "in", 40, 61);
	bench_deinit(&b);
}

static void a_shorter_file_is_told_with_both_lengths(void **state)
{
	struct bench b;
	cleanup_(freep) char *path = NULL;

	(void)state;
	bench_init(&b);
	put_records(&b, "in", "wb", 1, 33, 'a');
	check_count(&b, "in", 33, 1);
	path = bench_path(&b, "in");
	check_eq(truncate(path, 1200), 0);
	check_eq(bench_open(&b, "in"), -ESTALE);
	check(strstr(b.err.text,
	             "in is not what was read before: it is shorter (1200 bytes) than the "
	             "part already read (3300 bytes)") != NULL);
	bench_deinit(&b);
}

static void with_on_change_new_another_content_is_a_stream_of_its_own(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.starts_anew = true;
	put_records(&b, "in", "wb", 1, 50, 'a');
	check_count(&b, "in", 50, 1);
	put_records(&b, "in", "wb", 1, 20, 'b');
	check_count(&b, "in", 20, 1);
	check_eq(b.n_live, 2);
	check_eq(b.live[1]->generation, 1);
	put_records(&b, "in", "ab", 21, 5, 'b'); /* which goes on like any other */
	check_count(&b, "in", 5, 21);
	put_records(&b, "in", "wb", 1, 60, 'a'); /* the first content comes back, longer */
	check_count(&b, "in", 10, 51);
	check_eq(b.n_live, 2);
	bench_deinit(&b);
}

static void a_reused_inode_with_another_content_is_a_new_file(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	put_records(&b, "in", "wb", 1, 50, 'a');
	check_count(&b, "in", 50, 1);
	put_records(&b, "in", "wb", 1, 50, 'b');
	bench_rename(&b, "in", "other");
	check_count(&b, "other", 50, 1);
	check_eq(b.n_live, 2);
	bench_deinit(&b);
}

static void a_last_line_without_end_may_get_one_later(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_put(&b, "in", "{\"a\":1}\n{\"b\":2}");
	check_run(&b, "in", "1:{\"a\":1} 2:{\"b\":2}");
	bench_write(&b, "in", "ab", "\r\n{\"c\":3}", 9);
	check_run(&b, "in", "3:{\"c\":3}");
	bench_write(&b, "in", "ab", "\n", 1);
	check_run(&b, "in", "");
	bench_write(&b, "in", "ab", "\n{\"d\":4}\n", 9);
	check_run(&b, "in", "5:{\"d\":4}");
	bench_deinit(&b);
}

static void a_last_line_that_grew_after_it_was_read_is_told(void **state)
{
	struct record *r = NULL;
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_put(&b, "in", "{\"a\":1}\n{\"b\":");
	check_run(&b, "in", "1:{\"a\":1} 2:!{\"b\":");
	bench_write(&b, "in", "ab", "2}\n", 3);
	check_eq(bench_open(&b, "in"), 0);
	check_eq(source_next(b.source, &r, &b.err), -ESTALE);
	check(strstr(b.err.text,
	             "line 2 of in had no line end when it was read, and has grown since "
	             "(at byte 13)") != NULL);
	bench_deinit(&b);
}

/* Takes one record, then does @change to the file and reads on to the end. */
static int read_on_after(struct bench *b, void (*change)(const struct bench *b))
{
	struct record *r = NULL;
	int result;

	put_records(b, "in", "wb", 1, 3000, 'a'); /* more than is read at once */
	bench_touch(b, "in", 5000);
	check_eq(bench_open(b, "in"), 0);
	bench_settle(b, bench_next(b));
	change(b);
	while ((result = source_next(b->source, &r, &b->err)) > 0)
		if (result == SOURCE_RECORD)
			bench_settle(b, r);
	return result;
}

static void shorten(const struct bench *b)
{
	cleanup_(freep) char *path = bench_path(b, "in");

	check_eq(truncate(path, 500), 0);
}

static void rewrite(const struct bench *b)
{
	put_records(b, "in", "wb", 1, 3100, 'b');
	bench_touch(b, "in", 6000);
}

static void append(const struct bench *b)
{
	put_records(b, "in", "ab", 3001, 7, 'a');
	bench_touch(b, "in", 6000);
}

static void replace(const struct bench *b)
{
	put_records(b, "next", "wb", 1, 4, 'b');
	bench_rename(b, "next", "in");
}

static void a_file_that_changes_while_it_is_read_is_noticed(void **state)
{
	static const struct {
		void (*change)(const struct bench *b);
		int result;
		const char *words;
		uint64_t n_lines;
	} rows[] = {
		{shorten, -ESTALE,
	         "in became shorter while it was read: it has 500 bytes, and 131072 ", 0},
		{rewrite, -ESTALE,
	         "in was rewritten while it was read: the bytes before byte 131072 ", 0},
		{append, SOURCE_END, "", 3007},
		{replace, SOURCE_END, "", 3000}, /* what was opened is still whole */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b;

		bench_init(&b);
		check_eq(read_on_after(&b, rows[i].change), rows[i].result);
		if (!strstr(b.err.text, rows[i].words))
			fail_msg("%s", b.err.text);
		if (rows[i].result == SOURCE_END)
			check_eq(b.begun->settled_line, rows[i].n_lines);
		bench_deinit(&b);
	}
}

static void a_state_that_lags_behind_goes_on_from_what_it_knows(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	put_records(&b, "in", "wb", 1, 300, 'a');
	check_eq(bench_open(&b, "in"), 0);
	for (int i = 0; i < 100; i++)
		bench_settle(&b, bench_next(&b));
	bench_store(&b);
	for (int i = 0; i < 100; i++)
		bench_settle(&b, bench_next(&b));
	bench_restart(&b);
	check_count(&b, "in", 200, 101);
	bench_deinit(&b);
}

static void a_far_settled_range_is_passed_with_its_lines(void **state)
{
	struct record *first, *r;
	struct bench b;

	(void)state;
	bench_init(&b);
	put_records(&b, "in", "wb", 1, 30000, 'a');
	check_eq(bench_open(&b, "in"), 0);
	first = bench_next(&b); /* stays open, as one that waits for a proof does */
	while ((r = bench_next(&b)))
		bench_settle(&b, r);
	record_unref(first);
	bench_store(&b);
	check_eq(b.live[0]->n_ranges, 1);
	bench_restart(&b);
	put_records(&b, "in", "ab", 30001, 2, 'a');
	check_eq(bench_open(&b, "in"), 0);
	r = bench_next(&b);
	check_eq(r->line, 1);
	bench_settle(&b, r);
	r = bench_next(&b);
	check_eq(r->line, 30001);
	bench_settle(&b, r);
	bench_store(&b);
	check_eq(b.live[0]->settled_line, 30001);
	bench_restart(&b);
	check_count(&b, "in", 1, 30002);
	bench_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(the_same_file_has_nothing_new),
		sentence(an_appended_file_goes_on_however_often),
		sentence(a_renamed_file_goes_on_under_its_new_name),
		sentence(a_copy_goes_on_only_where_4_kib_vouch_for_it),
		sentence(a_file_replaced_by_the_same_content_and_more_goes_on),
		sentence(another_file_under_another_name_is_new),
		sentence(a_part_already_read_that_changed_is_noticed_and_told),
		sentence(what_was_not_read_yet_may_be_mended),
		sentence(a_shorter_file_is_told_with_both_lengths),
		sentence(with_on_change_new_another_content_is_a_stream_of_its_own),
		sentence(a_reused_inode_with_another_content_is_a_new_file),
		sentence(a_last_line_without_end_may_get_one_later),
		sentence(a_last_line_that_grew_after_it_was_read_is_told),
		sentence(a_file_that_changes_while_it_is_read_is_noticed),
		sentence(a_state_that_lags_behind_goes_on_from_what_it_knows),
		sentence(a_far_settled_range_is_passed_with_its_lines),
	};

	return run_sentences(tests);
}
