#include "connector/source/file_set.h"
#include "tests/unit/ndjson_bench.h"
#include "tests/unit/pack.h"
#include "tests/unit/random.h"

#include <errno.h>

static void only_what_looks_like_input_is_taken_from_a_folder(void **state)
{
	static const struct {
		const char *name;
		bool is_taken;
	} rows[] = {
		{"a.ndjson", true},         {"a.jsonl", true},
		{"a.json", true},           {"a.ndjson.gz", true},
		{"a.jsonl.zst", true},      {"a.json.gz", true},
		{"a.b.c.json", true},       {"[a]*'\".json", true},
		{"a.txt", false},           {"a.gz", false},
		{"a.ndjson.bz2", false},    {"a.ndjson.tmp", false},
		{"a.ndjson.part", false},   {".a.ndjson", false},
		{".ndjson", false},         {"ndjson", false},
		{"a.ndjson~", false},       {"a.NDJSON", false},
		{"a.ndjson.gz.zst", false}, {"json.gz", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (file_set_takes(rows[i].name) != rows[i].is_taken)
			fail_msg("%s", rows[i].name);
}

static void the_files_of_a_folder_come_one_after_another_by_number(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_mkdir(&b, "in");
	bench_mkdir(&b, "in/folder.ndjson");
	bench_put(&b, "in/part-10.ndjson", "{}\n");
	bench_put(&b, "in/part-2.jsonl", "{}\n{}\n");
	bench_put(&b, "in/part-1.json", "{}"); /* no line end: the next file begins anew */
	bench_put(&b, "in/part-3.txt", "{}\n");
	bench_put(&b, "in/.part-4.json", "{}\n");
	check_names(&b, "in",
	            "in/part-1.json:1 in/part-2.jsonl:1 in/part-2.jsonl:2 in/part-10.ndjson:1");
	check_eq(b.n_live, 3);
	check_names(&b, "in", "");
	bench_write(&b, "in/part-2.jsonl", "ab", "{}\n", 3);
	check_names(&b, "in/", "in/part-2.jsonl:3");
	check_eq(b.n_live, 3);
	bench_deinit(&b);
}

static void a_pattern_may_stand_in_any_part_of_the_path(void **state)
{
	static const struct {
		const char *pattern, *names;
	} rows[] = {
		{"*/in-?.ndjson", "a/in-1.ndjson:1 a/in-2.ndjson:1 b[1]/in-1.ndjson:1"},
		{"a/*", "a/in-1.ndjson:1 a/in-2.ndjson:1 a/other.txt:1"},
		{"a/in-[2-9].ndjson", "a/in-2.ndjson:1"},
		{"b\\[1\\]/*.ndjson", "b[1]/in-1.ndjson:1"},
		{"b[1]/in-1.ndjson", "b[1]/in-1.ndjson:1"}, /* a file of this very name */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b;

		bench_init(&b);
		bench_mkdir(&b, "a");
		bench_mkdir(&b, "b[1]");
		bench_mkdir(&b, "a/in-3.ndjson");
		bench_put(&b, "a/in-2.ndjson", "{}\n");
		bench_put(&b, "a/in-1.ndjson", "{}\n");
		bench_put(&b, "a/other.txt", "{}\n");
		bench_put(&b, "b[1]/in-1.ndjson", "{}\n");
		check_names(&b, rows[i].pattern, rows[i].names);
		bench_deinit(&b);
	}
}

static void a_folder_whose_name_looks_like_a_pattern_is_taken_literally(void **state)
{
	struct bench b;
	char folder[sizeof(b.folder)];

	(void)state;
	bench_init(&b);
	(void)memcpy(folder, b.folder, sizeof(folder));
	(void)strncat(b.folder, "/[x]*?\\", sizeof(b.folder) - strlen(b.folder) - 1);
	check_eq(mkdir(b.folder, 0700), 0);
	bench_put(&b, "in-1.ndjson", "{}\n");
	check_names(&b, "in-*.ndjson", "in-1.ndjson:1");
	(void)memcpy(b.folder, folder, sizeof(folder));
	bench_deinit(&b);
}

static void links_to_files_are_followed_and_others_passed_over(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_mkdir(&b, "in");
	bench_put(&b, "real", "{}\n");
	for (int i = 0; i < 3; i++) {
		static const char *const to[] = {"../real", "../nowhere", ".."};
		cleanup_(freep) char *path = mem_printf("%s/in/%d.json", b.folder, i);

		check_eq(symlink(to[i], path), 0);
	}
	check_names(&b, "in", "in/0.json:1");
	bench_deinit(&b);
}

/* Reads one record of "in" and settles it. */
static void take_one(struct bench *b, const char *name)
{
	struct record *r = bench_next(b);

	if (!r) {
		fail_msg("%s is missing", name);
		return;
	}
	check_text(r->source_name, name);
	bench_settle(b, r);
}

static void files_that_come_while_it_is_read_are_read_wherever_they_sort(void **state)
{
	cleanup_(freep) char *rest = NULL;
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_mkdir(&b, "in");
	bench_put(&b, "in/2.json", "{}\n");
	bench_put(&b, "in/4.json", "{}\n");
	check_eq(bench_open(&b, "in"), 0);
	take_one(&b, "in/2.json");
	bench_put(&b, "in/1.json", "{}\n");
	bench_put(&b, "in/3.json", "{}\n");
	take_one(&b, "in/4.json");
	bench_put(&b, "in/5.json", "{}\n");
	take_one(&b, "in/1.json");
	bench_put(&b, "in/0.json", "{}\n");
	rest = bench_read_names(&b);
	check_text(rest, "in/3.json:1 in/5.json:1 in/0.json:1");
	bench_deinit(&b);
}

static void a_file_that_disappears_before_its_turn_is_told_and_no_error(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_mkdir(&b, "in");
	bench_put(&b, "in/1.json", "{}\n");
	bench_put(&b, "in/2.json", "{}\n");
	bench_put(&b, "in/3.json", "{}\n");
	check_eq(bench_open(&b, "in"), 0);
	take_one(&b, "in/1.json");
	bench_remove(&b, "in/2.json");
	take_one(&b, "in/3.json");
	check_null(bench_next(&b));
	check_text(buf_text(&b.told), "in/2.json disappeared before it was read\n");
	bench_deinit(&b);
}

static void a_file_renamed_while_the_folder_is_read_is_not_read_twice(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_mkdir(&b, "in");
	bench_put(&b, "in/1.json", "{\"a\":1}\n");
	bench_put(&b, "in/2.json", "{}\n");
	check_eq(bench_open(&b, "in"), 0);
	take_one(&b, "in/1.json");
	take_one(&b, "in/2.json");
	bench_rename(&b, "in/1.json", "in/9.json");
	check_null(bench_next(&b));
	bench_store(&b);
	bench_restart(&b);
	check_names(&b, "in", "");
	check_eq(b.n_live, 2);
	bench_deinit(&b);
}

/* 100 records of 100 bytes, each text its own. */
static char *long_text(char salt)
{
	struct buf text = BUF_INIT;

	for (int i = 0; i < 100; i++)
		buf_addf(&text, "{\"id\":\"%06d%c\",\"pad\":\"%0*d\"}\n", i, salt, 74, 0);
	return buf_take(&text);
}

static unsigned count_run(struct bench *b, const char *name)
{
	struct record *r;
	unsigned n = 0;

	check_eq(bench_open(b, name), 0);
	for (; (r = bench_next(b)); n++)
		bench_settle(b, r);
	bench_store(b);
	bench_restart(b);
	return n;
}

static void two_names_are_two_files_also_with_one_content_or_one_inode(void **state)
{
	cleanup_(freep) char *text = long_text('a');

	(void)state;
	for (int is_link = 0; is_link < 2; is_link++) {
		struct bench b;

		bench_init(&b);
		bench_mkdir(&b, "in");
		bench_put(&b, "in/1.json", text);
		check_eq(count_run(&b, "in"), 100);
		if (is_link) {
			cleanup_(freep) char *from = bench_path(&b, "in/1.json");
			cleanup_(freep) char *to = bench_path(&b, "in/0.json");

			check_eq(link(from, to), 0);
		} else {
			bench_put(&b, "in/0.json", text);
		}
		check_eq(count_run(&b, "in"), 100);
		check_eq(count_run(&b, "in"), 0);
		check_eq(b.n_live, 2);
		bench_deinit(&b);
	}
}

static void a_copy_goes_on_where_the_known_name_is_gone(void **state)
{
	cleanup_(freep) char *text = long_text('a');
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_mkdir(&b, "in");
	bench_put(&b, "in/1.json", text);
	check_eq(count_run(&b, "in"), 100);
	bench_put(&b, "in/2.json", text);
	bench_remove(&b, "in/1.json");
	check_eq(count_run(&b, "in"), 0);
	check_eq(b.n_live, 1);
	check_text(b.live[0]->name, "in/2.json");
	bench_deinit(&b);
}

static void files_that_were_shifted_by_rotation_go_on_under_their_new_names(void **state)
{
	cleanup_(freep) char *a = long_text('a');
	cleanup_(freep) char *c = long_text('b');
	cleanup_(freep) char *e = long_text('c');
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_put(&b, "log.json", a);
	bench_put(&b, "log.json.1", c);
	check_eq(count_run(&b, "log.json*"), 200);
	bench_write(&b, "log.json", "ab", "{}\n", 3);
	bench_rename(&b, "log.json.1", "log.json.2");
	bench_rename(&b, "log.json", "log.json.1");
	bench_put(&b, "log.json", e);
	check_eq(count_run(&b, "log.json*"), 101);
	check_eq(b.n_live, 3);
	check_eq(count_run(&b, "log.json*"), 0);
	bench_deinit(&b);
}

static void a_file_of_a_set_that_changed_is_told_and_what_came_before_it_stays(void **state)
{
	cleanup_(freep) char *a = long_text('a');
	cleanup_(freep) char *c = long_text('b');
	struct record *r = NULL;
	struct bench b;
	unsigned n = 0;
	int result;

	(void)state;
	bench_init(&b);
	bench_mkdir(&b, "in");
	bench_put(&b, "in/1.json", a);
	bench_put(&b, "in/2.json", a);
	check_eq(count_run(&b, "in"), 200);
	bench_put(&b, "in/2.json", c);
	bench_touch(&b, "in/2.json", 5000);
	bench_write(&b, "in/1.json", "ab", "{}\n", 3);
	check_eq(bench_open(&b, "in"), 0);
	while ((result = source_next(b.source, &r, &b.err)) > 0) {
		if (result == SOURCE_LATER)
			continue;
		bench_settle(&b, r);
		n++;
	}
	check_eq(result, -ESTALE);
	check_eq(n, 1);
	check(strstr(b.err.text, "in/2.json is not what was read before: its first 4096 bytes") !=
	      NULL);
	bench_store(&b);
	bench_restart(&b);
	b.starts_anew = true;
	check_eq(count_run(&b, "in"), 100);
	check_eq(b.n_live, 3);
	check_eq(b.live[2]->generation, 1);
	bench_deinit(&b);
}

static void the_position_is_that_of_all_files(void **state)
{
	struct bench b;
	struct source_position at;

	(void)state;
	bench_init(&b);
	bench_mkdir(&b, "in");
	bench_put(&b, "in/1.json", "{}\n{}\n");
	bench_put(&b, "in/2.json", "{}\n");
	check_eq(bench_open(&b, "in"), 0);
	take_one(&b, "in/1.json");
	at = source_position(b.source);
	check_eq(at.bytes, 3);
	check_eq(at.size, 9);
	take_one(&b, "in/1.json");
	take_one(&b, "in/2.json");
	bench_put(&b, "in/3.json", "{}\n{}\n");
	take_one(&b, "in/3.json");
	at = source_position(b.source);
	check_eq(at.bytes, 12);
	check_eq(at.size, 15);
	take_one(&b, "in/3.json");
	check_null(bench_next(&b));
	check_eq(source_position(b.source).bytes, 15);
	bench_deinit(&b);
}

static void what_there_is_to_read_is_counted(void **state)
{
	struct buf out = BUF_INIT;
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_mkdir(&b, "in");
	for (int i = 0; i < 3; i++) {
		static const char *const files[] = {"in/a.json", "in/b.json.gz", "in/c.txt"};
		static const char *const said[] = {"1 file of in/", "2 files of in/",
		                                   "2 files of in/"};
		cleanup_(freep) char *path = bench_path(&b, "in/");

		bench_put(&b, files[i], "{}\n");
		buf_clear(&out);
		ndjson_describe(path, "in/", &out);
		check_text(buf_text(&out), said[i]);
	}
	buf_deinit(&out);
	bench_deinit(&b);
}

static void a_folder_that_must_not_be_listed_says_so(void **state)
{
	cleanup_(freep) char *path = NULL;
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_mkdir(&b, "in");
	bench_put(&b, "in/a.json", "{}\n");
	path = bench_path(&b, "in");
	check_eq(chmod(path, 0), 0);
	if (geteuid() == 0) {
		check_eq(chmod(b.folder, 0755), 0);
		check_eq(seteuid(65534), 0);
	}
	for (int i = 0; i < 2; i++) {
		check_eq(bench_open(&b, i ? "in/*.json" : "in"), -EACCES);
		check(strstr(b.err.text, "must not be listed by this user") != NULL);
	}
	if (getuid() == 0)
		check_eq(seteuid(0), 0);
	check_eq(chmod(path, 0700), 0);
	bench_deinit(&b);
}

enum { n_files = 12, n_lines = 150 };

/* Files of every packing and of many lengths; record "id" is file * 1000 + line. */
static void write_files(const struct bench *b, uint64_t *seed)
{
	static const char *const ends[] = {"", ".gz", ".zst"};

	bench_mkdir(b, "in");
	for (unsigned f = 0; f < n_files; f++) {
		cleanup_(freep) char *name = mem_printf("in/%u.json%s", f, ends[f % 3]);
		struct buf text = BUF_INIT, packed = BUF_INIT;

		for (unsigned line = 1; line <= n_lines; line++)
			buf_addf(&text, "{\"id\":%u,\"pad\":\"%0*d\"}\n", f * 1000 + line,
			         (int)(next_random(seed) % 90) + 1, 0);
		if (f % 3 == 1)
			pack_gzip(&packed, text.data, text.len);
		if (f % 3 == 2)
			pack_zstd(&packed, text.data, text.len, 0);
		bench_write(b, name, "wb", f % 3 ? packed.data : text.data,
		            f % 3 ? packed.len : text.len);
		buf_deinit(&text);
		buf_deinit(&packed);
	}
}

static void no_kill_in_a_folder_of_all_kinds_loses_or_repeats_a_settled_record(void **state)
{
	(void)state;
	for (uint64_t round = 1; round <= 4; round++) {
		uint64_t seed = round * 0x9e3779b97f4a7c15u;
		bool is_settled[n_files * 1000] = {false}, is_stored[n_files * 1000] = {false};
		unsigned n_stored = 0;
		struct bench b;

		bench_init(&b);
		write_files(&b, &seed);
		for (unsigned run = 0; n_stored < n_files * n_lines && run < 200; run++) {
			struct record *open[16], *r;
			unsigned n_open = 0, n_left = (unsigned)(next_random(&seed) % 300) + 1;

			memcpy(is_settled, is_stored, sizeof(is_settled));
			check_eq(bench_open(&b, "in"), 0);
			while (n_left-- && (r = bench_next(&b))) {
				const int id =
					json_object_get_int(json_object_object_get(r->value, "id"));

				check(!is_stored[id]);
				check_eq(r->line, (uint64_t)id % 1000);
				r->row = (uint64_t)id;
				open[n_open++] = r;
				while (n_open && (n_open == 16 || next_random(&seed) % 2)) {
					const unsigned i = (unsigned)(next_random(&seed) % n_open);

					is_settled[open[i]->row] = true;
					bench_settle(&b, open[i]);
					open[i] = open[--n_open];
				}
			}
			while (n_open)
				record_unref(open[--n_open]);
			if (next_random(&seed) % 4) {
				bench_store(&b);
				memcpy(is_stored, is_settled, sizeof(is_stored));
			}
			if (next_random(&seed) % 4 == 0)
				bench_touch(&b, run % 2 ? "in/1.json.gz" : "in/2.json.zst",
				            1000000 + (time_t)run);
			bench_restart(&b);
			n_stored = 0;
			for (unsigned i = 0; i < n_files * 1000; i++)
				n_stored += is_stored[i];
		}
		check_eq(n_stored, n_files * n_lines);
		check_eq(b.n_live, n_files);
		bench_deinit(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(only_what_looks_like_input_is_taken_from_a_folder),
		sentence(the_files_of_a_folder_come_one_after_another_by_number),
		sentence(a_pattern_may_stand_in_any_part_of_the_path),
		sentence(a_folder_whose_name_looks_like_a_pattern_is_taken_literally),
		sentence(links_to_files_are_followed_and_others_passed_over),
		sentence(files_that_come_while_it_is_read_are_read_wherever_they_sort),
		sentence(a_file_that_disappears_before_its_turn_is_told_and_no_error),
		sentence(a_file_renamed_while_the_folder_is_read_is_not_read_twice),
		sentence(two_names_are_two_files_also_with_one_content_or_one_inode),
		sentence(a_copy_goes_on_where_the_known_name_is_gone),
		sentence(files_that_were_shifted_by_rotation_go_on_under_their_new_names),
		sentence(a_file_of_a_set_that_changed_is_told_and_what_came_before_it_stays),
		sentence(the_position_is_that_of_all_files),
		sentence(what_there_is_to_read_is_counted),
		sentence(a_folder_that_must_not_be_listed_says_so),
		sentence(no_kill_in_a_folder_of_all_kinds_loses_or_repeats_a_settled_record),
	};

	return run_sentences(tests);
}
