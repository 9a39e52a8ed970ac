#include "connector/source/rotation.h"
#include "tests/unit/follow_bench.h"
#include "tests/unit/random.h"

/* Files that are rotated while they are followed, or while nothing runs. */

static void a_rotated_file_is_read_to_its_end_before_the_new_one(void **state)
{
	struct bench b;

	(void)state;
	follow_one(&b);
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
	follow_one(&b);
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
	follow_one(&b);
	bench_restart(&b);
	add(&b, "in", "{\"id\":2}\n{\"id\":3}");
	bench_rename(&b, "in", "in.1");
	bench_put(&b, "in", "{\"id\":4}\n");
	follow(&b, "in");
	check_sees(&b, "in.1: 2 3 in: 4");
	check_all_read(&b, "in");
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
		check_all_read(&b, "in");
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
	check_all_read(&b, "in");
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
	check_all_read(&b, "log*");
	check_eq(b.n_live, 2);
	bench_deinit(&b);
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
		sentence(a_rotated_file_is_read_to_its_end_before_the_new_one),
		sentence(rotation_while_nobody_looked_loses_nothing_of_either),
		sentence(rotation_while_nothing_ran_loses_nothing_of_either),
		sentence(what_a_rotation_makes_is_known_by_its_name),
		sentence(several_rotations_while_nobody_looked_are_read_in_their_order),
		sentence(what_was_open_of_rotated_files_at_a_kill_is_read_again),
		sentence(a_numbered_copy_of_what_was_read_is_not_read_again),
		sentence(a_rotated_file_of_a_pattern_is_found_beside_it),
		sentence(a_rotated_file_that_the_pattern_matches_too_goes_on_under_its_new_name),
		sentence(no_mixture_of_writing_rotating_and_restarting_loses_repeats_or_reorders),
	};

	return run_sentences(tests);
}
