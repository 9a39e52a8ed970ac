#include "connector/source/file_identity.h"
#include "tests/unit/ndjson_bench.h"
#include "tests/unit/pack.h"

#include <errno.h>

/* Feeds @bytes to a new standard input through a file, as a shell's "<" does. */
static int begin_with(struct bench *b, const char *bytes, size_t len)
{
	cleanup_(freep) char *path = bench_path(b, "stdin");

	if (b->stdin_fd > 0)
		(void)close(b->stdin_fd);
	bench_write(b, "stdin", "wb", bytes, len);
	b->stdin_fd = open(path, O_RDONLY | O_CLOEXEC);
	check(b->stdin_fd > 0);
	return bench_open(b, "-");
}

static void check_stdin(struct bench *b, const char *text, const char *expected)
{
	cleanup_(freep) char *got = NULL;

	check_eq(begin_with(b, text, strlen(text)), 0);
	got = bench_read_all(b);
	bench_restart(b);
	check_text(got, expected);
}

static void check_packed(struct bench *b, const struct buf *packed, const char *expected)
{
	cleanup_(freep) char *got = NULL;

	check_eq(begin_with(b, packed->data, packed->len), 0);
	got = bench_read_all(b);
	bench_restart(b);
	check_text(got, expected);
}

static void deinit(struct bench *b)
{
	bench_deinit(b);
	if (b->stdin_fd > 0)
		(void)close(b->stdin_fd);
}

static void a_pipe_is_read_as_it_flows_and_never_waited_for(void **state)
{
	struct record *r = NULL;
	struct bench b;
	int ends[2];

	(void)state;
	bench_init(&b);
	check_eq(pipe(ends), 0);
	b.stdin_fd = ends[0];
	check_eq(bench_open(&b, "-"), 0);
	check_eq(source_fd(b.source), ends[0]);
	check_eq(source_next(b.source, &r, &b.err), SOURCE_LATER);
	check_eq(write(ends[1], "{\"a\":1}\n{\"b\"", 12), 12);
	check_eq(source_next(b.source, &r, &b.err), SOURCE_RECORD);
	check_eq(r->kind, STREAM_STDIN);
	check_text(r->source_name, "-");
	check_eq(r->line, 1);
	bench_settle(&b, r);
	check_eq(source_next(b.source, &r, &b.err), SOURCE_LATER);
	check_eq(write(ends[1], ":2}", 3), 3);
	check_eq(source_next(b.source, &r, &b.err), SOURCE_LATER);
	check_eq(close(ends[1]), 0);
	check_eq(source_next(b.source, &r, &b.err), SOURCE_RECORD);
	check_text(r->raw, "{\"b\":2}");
	check_eq(r->pos, 8);
	bench_settle(&b, r);
	check_eq(source_next(b.source, &r, &b.err), SOURCE_END);
	check(b.was_new);
	deinit(&b);
}

static void a_longer_input_that_begins_so_goes_on_and_others_are_new(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	check_stdin(&b, "{\"a\":1}\n{\"b\":2}\n", "1:{\"a\":1} 2:{\"b\":2}");
	check_stdin(&b, "{\"a\":1}\n{\"b\":2}\n", "");
	check_stdin(&b, "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n", "3:{\"c\":3}");
	check_eq(b.n_live, 1);
	check_stdin(&b, "{\"a\":1}\n{\"b\":2}\n", "1:{\"a\":1} 2:{\"b\":2}"); /* shorter */
	check_eq(b.n_live, 2);
	check_stdin(&b, "{\"x\":1}\n{\"b\":2}\n{\"c\":3}\n", "1:{\"x\":1} 2:{\"b\":2} 3:{\"c\":3}");
	check_eq(b.n_live, 3);
	/* The longest beginning that fits is the one that goes on. */
	check_stdin(&b, "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n{\"d\":4}\n", "4:{\"d\":4}");
	check_eq(b.n_live, 3);
	deinit(&b);
}

static void an_empty_input_is_no_obstacle(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	check_stdin(&b, "", "");
	check_stdin(&b, "", "");
	check_stdin(&b, "{}\n", "1:{}");
	check_eq(b.n_live, 1);
	deinit(&b);
}

static void enough_must_have_flowed_before_it_is_known_which_input_it_is(void **state)
{
	struct record *r = NULL;
	struct bench b;
	int ends[2];

	(void)state;
	bench_init(&b);
	check_stdin(&b, "{\"a\":1}\n{\"b\":2}\n", "1:{\"a\":1} 2:{\"b\":2}");
	b.begun = NULL;
	(void)close(b.stdin_fd);
	check_eq(pipe(ends), 0);
	b.stdin_fd = ends[0];
	check_eq(bench_open(&b, "-"), 0);
	check_eq(write(ends[1], "{\"a\":1}\n{\"b\":", 13), 13);
	check_eq(source_next(b.source, &r, &b.err), SOURCE_LATER);
	check_null(b.begun);
	check_eq(write(ends[1], "2}\n{}\n", 6), 6);
	check_eq(source_next(b.source, &r, &b.err), SOURCE_RECORD);
	check(!b.was_new);
	check_eq(r->line, 3);
	bench_settle(&b, r);
	check_eq(close(ends[1]), 0);
	check_eq(source_next(b.source, &r, &b.err), SOURCE_END);
	deinit(&b);
}

/* @n lines of 64 bytes; line @odd (from 1; 0: none) says something else. */
static char *lines(unsigned n, unsigned odd)
{
	struct buf text = BUF_INIT;

	for (unsigned i = 1; i <= n; i++)
		buf_addf(&text, "{\"id\":%07u,\"pad\":\"%0*d\"}\n", i + 1000000, 40, i == odd);
	return buf_take(&text);
}

enum { n_long = 5000 }; /* 320,000 bytes: more than the head, and more than one block */

/* Reads standard input to its end; the number of records, or what source_next() failed with. */
static int count(struct bench *b, const char *text, struct record **ret_first)
{
	struct record *r = NULL;
	int result, n = 0;

	*ret_first = NULL;
	check_eq(begin_with(b, text, strlen(text)), 0);
	while ((result = source_next(b->source, &r, &b->err)) > 0) {
		if (result == SOURCE_LATER)
			continue;
		if (!n++)
			*ret_first = record_ref(r);
		bench_settle(b, r);
	}
	if (result == 0)
		bench_store(b);
	bench_restart(b);
	return result < 0 ? result : n;
}

static void a_long_input_is_known_by_64_kib_and_checked_as_it_goes_on(void **state)
{
	static const struct {
		unsigned n, odd;
		int result;
		uint64_t first_line;
		const char *words;
	} rows[] = {
		{n_long, 0, 0, 0, ""},
		{n_long + 10, 0, 10, n_long + 1, ""},
		{n_long, 5, n_long, 1, ""}, /* differs in its head: another input */
		{n_long + 10, 3000, -ESTALE, 0, "the part already read (320000 bytes) is another"},
		{n_long - 100, 0, -ESTALE, 0,
	         "ended at byte 313600, before the place to go on (byte 320000)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_(freep) char *first = lines(n_long, 0);
		cleanup_(freep) char *again = lines(rows[i].n, rows[i].odd);
		cleanup_(record_unrefp) struct record *one = NULL;
		cleanup_(record_unrefp) struct record *two = NULL;
		struct bench b;

		bench_init(&b);
		check_eq(count(&b, first, &one), n_long);
		check_eq(b.live[0]->head_len, identity_stdin_head);
		check_eq(count(&b, again, &two), rows[i].result);
		if (rows[i].first_line)
			check_eq(two->line, rows[i].first_line);
		if (!strstr(b.err.text, rows[i].words))
			fail_msg("%s", b.err.text);
		deinit(&b);
	}
}

static void packed_input_is_unpacked_and_goes_on_by_its_text(void **state)
{
	static const char text[] = "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n";
	static const enum unpack_kind kinds[] = {UNPACK_GZIP, UNPACK_ZSTD};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buf packed = BUF_INIT;
		struct record *r = NULL;
		struct bench b;

		bench_init(&b);
		pack_one(&packed, kinds[i], text, 16);
		check_packed(&b, &packed, "1:{\"a\":1} 2:{\"b\":2}");
		pack_one(&packed, kinds[i], text + 16, 8);
		check_packed(&b, &packed, "3:{\"c\":3}");
		check_stdin(&b, text, ""); /* the same text, not packed */
		check_eq(b.n_live, 1);
		packed.len -= 3;
		check_eq(begin_with(&b, packed.data, packed.len), 0);
		check_eq(source_next(b.source, &r, &b.err), -ENODATA);
		check(strstr(b.err.text, "standard input ends in the middle of its packed text") !=
		      NULL);
		buf_deinit(&packed);
		deinit(&b);
	}
}

/* Takes what is there; the last answer. */
static int take_all(struct bench *b, unsigned *n_records)
{
	struct record *r = NULL;
	int result;

	do {
		result = source_next(b->source, &r, &b->err);
		if (result != SOURCE_RECORD)
			continue;
		++*n_records;
		bench_settle(b, r);
	} while (result == SOURCE_RECORD || (result == SOURCE_LATER && source_fd(b->source) < 0));
	return result;
}

static void a_packed_pipe_is_read_as_it_flows(void **state)
{
	static const char text[] = "{\"a\":1}\n{\"b\":2}\n";
	struct buf packed = BUF_INIT;
	unsigned n_records = 0;
	size_t first;
	struct bench b;
	int ends[2];

	(void)state;
	bench_init(&b);
	pack_one(&packed, UNPACK_GZIP, text, 8);
	first = packed.len;
	pack_one(&packed, UNPACK_GZIP, text + 8, 8);
	check_eq(pipe(ends), 0);
	b.stdin_fd = ends[0];
	check_eq(bench_open(&b, "-"), 0);
	for (size_t i = 0; i < packed.len; i++) {
		check_eq(take_all(&b, &n_records), SOURCE_LATER);
		if (i <= 1)
			check_null(b.begun); /* the magic is not whole */
		if (i == first)
			check_eq(n_records, 1);
		check_eq(write(ends[1], packed.data + i, 1), 1);
	}
	check_eq(close(ends[1]), 0);
	check_eq(take_all(&b, &n_records), SOURCE_END);
	check_eq(n_records, 2);
	check_eq(b.begun->settled_line, 2);
	buf_deinit(&packed);
	deinit(&b);
}

static void what_is_no_input_is_told(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.stdin_fd = open(b.folder, O_RDONLY | O_CLOEXEC);
	check_eq(bench_open(&b, "-"), -EISDIR);
	check(strstr(b.err.text, "standard input is a folder") != NULL);
	(void)close(b.stdin_fd);
	check_eq(bench_open(&b, "-"), -EBADF);
	check(strstr(b.err.text, "standard input cannot be read") != NULL);
	b.stdin_fd = 0;
	deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_pipe_is_read_as_it_flows_and_never_waited_for),
		sentence(a_longer_input_that_begins_so_goes_on_and_others_are_new),
		sentence(an_empty_input_is_no_obstacle),
		sentence(enough_must_have_flowed_before_it_is_known_which_input_it_is),
		sentence(a_long_input_is_known_by_64_kib_and_checked_as_it_goes_on),
		sentence(packed_input_is_unpacked_and_goes_on_by_its_text),
		sentence(a_packed_pipe_is_read_as_it_flows),
		sentence(what_is_no_input_is_told),
	};

	return run_sentences(tests);
}
