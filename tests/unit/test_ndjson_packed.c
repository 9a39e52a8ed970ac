#include "connector/source/ndjson_private.h"
#include "tests/unit/ndjson_bench.h"
#include "tests/unit/pack.h"

#include <errno.h>

static const struct {
	enum unpack_kind kind;
	const char *name;
} kinds[] = {{UNPACK_GZIP, "in.gz"}, {UNPACK_ZSTD, "in.zst"}};

/* @n records from @first on; "salt" makes another content. */
static void add_records(struct buf *text, unsigned first, unsigned n, char salt)
{
	for (unsigned i = first; i < first + n; i++)
		buf_addf(text, "{\"id\":%u,\"pad\":\"%c%0*d\"}\n", i, salt,
		         (int)(i * 7919 % 60) + 1, 0);
}

/* Writes @text as members or frames of at most @piece bytes. */
static void put_packed(const struct bench *b, size_t kind, const struct buf *text, size_t piece)
{
	struct buf packed = BUF_INIT;

	for (size_t at = 0; at < text->len; at += piece)
		pack_one(&packed, kinds[kind].kind, text->data + at,
		         text->len - at < piece ? text->len - at : piece);
	bench_write(b, kinds[kind].name, "wb", packed.data, packed.len);
	buf_deinit(&packed);
}

static void put_records(const struct bench *b, size_t kind, unsigned n, char salt)
{
	struct buf text = BUF_INIT;

	add_records(&text, 1, n, salt);
	put_packed(b, kind, &text, 1 << 20);
	buf_deinit(&text);
}

/* Reads to the end or to an error, which it returns; settles and stores all. */
static int run(struct bench *b, const char *name, unsigned *ret_n, uint64_t *ret_first_line)
{
	struct record *r;
	int result;

	*ret_n = 0;
	*ret_first_line = 0;
	result = bench_open(b, name);
	if (result < 0)
		return result;
	while ((result = source_next(b->source, &r, &b->err)) > 0) {
		if (result == SOURCE_LATER)
			continue;
		if (!(*ret_n)++)
			*ret_first_line = r->line;
		check_eq(r->fault, RECORD_OK);
		check_eq(json_object_get_int(json_object_object_get(r->value, "id")), r->line);
		bench_settle(b, r);
	}
	bench_store(b);
	bench_restart(b);
	return result;
}

static void check_reads(struct bench *b, const char *name, unsigned n, uint64_t first_line)
{
	unsigned n_read;
	uint64_t line;

	if (run(b, name, &n_read, &line) < 0)
		fail_msg("%s", b->err.text);
	check_eq(n_read, n);
	check_eq(line, first_line);
}

static void check_error(struct bench *b, const char *name, int code, const char *words)
{
	unsigned n_read;
	uint64_t line;

	check_eq(run(b, name, &n_read, &line), code);
	if (!strstr(b->err.text, words))
		fail_msg("%s", b->err.text);
}

static void positions_are_those_of_the_text(void **state)
{
	static const char text[] = "\xef\xbb\xbf{\"a\":1}\n\n{\"b\":22}\r\n{\"c\":3}";
	static const uint64_t places[][4] = {{3, 11, 7, 1}, {12, 22, 8, 3}, {22, 29, 7, 4}};

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		const struct buf b_text = {.data = (char[sizeof(text)]){0},
		                           .len = sizeof(text) - 1};
		struct bench b;

		(void)memcpy(b_text.data, text, sizeof(text));
		for (size_t piece = 1; piece < sizeof(text); piece += 4) {
			bench_init(&b);
			put_packed(&b, k, &b_text, piece);
			check_eq(bench_open(&b, kinds[k].name), 0);
			for (size_t i = 0; i < 3; i++) {
				struct record *r = bench_next(&b);

				check_eq(r->pos, places[i][0]);
				check_eq(r->next_pos, places[i][1]);
				check_eq(r->len, places[i][2]);
				check_eq(r->line, places[i][3]);
				check_text(r->source_name, kinds[k].name);
				bench_settle(&b, r);
			}
			check_null(bench_next(&b));
			check_eq(b.begun->settled_to, 29);
			check_eq(b.begun->settled_line, 4);
			bench_deinit(&b);
		}
	}
}

static void a_packed_file_is_known_by_its_first_bytes_whatever_its_name(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct bench b;

		bench_init(&b);
		put_records(&b, k, 3, 'a');
		bench_rename(&b, kinds[k].name, "in.ndjson");
		check_reads(&b, "in.ndjson", 3, 1);
		bench_deinit(&b);
	}
}

static void a_cut_file_gives_its_whole_records_and_goes_on_when_it_is_mended(void **state)
{
	enum { n_records = 40 };

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct buf text = BUF_INIT, packed = BUF_INIT;
		size_t half, first;

		add_records(&text, 1, n_records / 2, 'a');
		half = text.len;
		add_records(&text, n_records / 2 + 1, n_records / 2, 'a');
		pack_one(&packed, kinds[k].kind, text.data, half);
		first = packed.len; /* cut here it is whole, as nobody can tell */
		pack_one(&packed, kinds[k].kind, text.data + half, text.len - half);
		for (size_t len = 0; len < packed.len; len += 1 + len / 16) {
			unsigned n, n_more;
			uint64_t line;
			struct bench b;
			int r;

			bench_init(&b);
			bench_write(&b, kinds[k].name, "wb", packed.data, len);
			bench_touch(&b, kinds[k].name, 1000);
			r = run(&b, kinds[k].name, &n, &line);
			if (len == first) {
				check_eq(n, n_records / 2);
				bench_deinit(&b);
				continue;
			}
			check_eq(r, -ENODATA);
			check(n >= (len > first ? n_records / 2 : 0));
			check(strstr(b.err.text,
			             len ? "ends in the middle of its packed text, behind byte"
			                 : "is empty, which no packed file is") != NULL);
			/* The same again: nothing is handed out twice, and it is told again. */
			check_eq(run(&b, kinds[k].name, &n_more, &line), -ENODATA);
			check_eq(n_more, 0);
			bench_write(&b, kinds[k].name, "wb", packed.data, packed.len);
			bench_touch(&b, kinds[k].name, 2000);
			/* Without its checksum it may have all records, and is cut all the same. */
			check_reads(&b, kinds[k].name, n_records - n, n < n_records ? n + 1 : 0);
			check_eq(b.n_live, 1);
			bench_deinit(&b);
		}
		buf_deinit(&text);
		buf_deinit(&packed);
	}
}

static void something_behind_the_last_member_is_told_behind_all_records(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct bench b;
		unsigned n;
		uint64_t line;

		bench_init(&b);
		put_records(&b, k, 20, 'a');
		bench_write(&b, kinds[k].name, "ab", "garbage", 7);
		check_eq(run(&b, kinds[k].name, &n, &line), -EBADMSG);
		check_eq(n, 20);
		check(strstr(b.err.text, "has something behind the end of its packed text") !=
		      NULL);
		put_records(&b, k, 21, 'a');
		bench_touch(&b, kinds[k].name, 1000);
		check_reads(&b, kinds[k].name, 1, 21);
		bench_deinit(&b);
	}
}

static void damage_is_told_with_its_place(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		cleanup_(freep) char *path = NULL;
		struct record *r;
		struct bench b;
		int result;
		FILE *f;

		bench_init(&b);
		put_records(&b, k, 2000, 'a');
		path = bench_path(&b, kinds[k].name);
		f = fopen(path, "r+b");
		check_eq(fseek(f, 3000, SEEK_SET), 0);
		check_eq(fputs("\xff\xff\xff\xff\xff\xff\xff\xff", f) >= 0, 1);
		check_eq(fclose(f), 0);
		result = bench_open(&b, kinds[k].name); /* zstd unpacks nothing of such a block */
		while (result >= 0) {
			result = source_next(b.source, &r, &b.err);
			if (result == SOURCE_RECORD)
				record_unref(r);
			check(result != SOURCE_END);
		}
		check_eq(result, -EBADMSG);
		check(strstr(b.err.text, "is damaged at byte ") != NULL);
		check(strstr(b.err.text, "put a sound file in its place") != NULL);
		bench_deinit(&b);
	}
}

/* The same bytes in size and time, but no more packed text: who unpacks it, fails. */
static void spoil(const struct bench *b, const char *name)
{
	cleanup_(freep) char *path = bench_path(b, name);
	struct stat st;
	FILE *f;

	check_eq(stat(path, &st), 0);
	f = fopen(path, "r+b");
	check_eq(fseek(f, 12, SEEK_SET), 0);
	check_eq(fputs("\xff\xff\xff\xff\xff\xff\xff\xff", f) >= 0, 1);
	check_eq(fclose(f), 0);
	bench_touch(b, name, st.st_mtim.tv_sec);
}

static void a_file_that_is_settled_is_not_unpacked_again_while_nothing_touches_it(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct bench b;

		bench_init(&b);
		put_records(&b, k, 500, 'a');
		bench_touch(&b, kinds[k].name, 1000);
		check_reads(&b, kinds[k].name, 500, 1);
		spoil(&b, kinds[k].name);
		check_reads(&b, kinds[k].name, 0, 0);
		bench_touch(&b, kinds[k].name, 2000);
		check_error(&b, kinds[k].name, -EBADMSG, "is damaged at byte ");
		bench_deinit(&b);
	}
}

static void a_file_with_an_open_record_is_unpacked_again(void **state)
{
	struct record *r;
	struct bench b;

	(void)state;
	bench_init(&b);
	put_records(&b, 0, 500, 'a');
	check_eq(bench_open(&b, "in.gz"), 0);
	while ((r = bench_next(&b))) {
		if (r->line == 499)
			record_unref(r);
		else
			bench_settle(&b, r);
	}
	bench_store(&b);
	bench_restart(&b);
	check_reads(&b, "in.gz", 1, 499);
	check_reads(&b, "in.gz", 0, 0);
	bench_deinit(&b);
}

static void the_end_of_a_file_is_stored_although_no_record_asks_for_it(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	put_records(&b, 0, 5, 'a');
	bench_touch(&b, "in.gz", 1000);
	check_reads(&b, "in.gz", 5, 1);
	check(b.n_asked > 0);
	b.n_asked = 0;
	check_reads(&b, "in.gz", 0, 0);
	check_eq(b.n_asked, 0);
	bench_touch(&b, "in.gz", 2000);
	check_reads(&b, "in.gz", 0, 0);
	check(b.n_asked > 0);
	bench_deinit(&b);
}

/* The file is packed anew, and its time of change moved. */
static void a_file_packed_anew_is_judged_by_its_text(void **state)
{
	static const unsigned sizes[] = {1, 30, 60, 61, 5000};

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct buf text = BUF_INIT;
			struct bench b;

			bench_init(&b);
			put_records(&b, k, sizes[i], 'a');
			check_reads(&b, kinds[k].name, sizes[i], 1);
			add_records(&text, 1, sizes[i] + 2, 'a');
			put_packed(&b, k, &text, text.len / 3 + 1);
			bench_touch(&b, kinds[k].name, 1000);
			check_reads(&b, kinds[k].name, 2, sizes[i] + 1);
			bench_rename(&b, kinds[k].name, "moved");
			check_reads(&b, "moved", 0, 0);
			check_eq(b.n_live, 1);
			buf_deinit(&text);
			bench_deinit(&b);
		}
	}
}

static void a_text_that_changed_is_told_as_of_a_plain_file(void **state)
{
	static const struct {
		unsigned n_before, n_after, changed;
		const char *words;
	} rows[] = {
		{30, 30, 3, "bytes are not those that were read"},
		{5000, 5000, 3, "its first 4096 bytes are not those that were read"},
		{5000, 5000, 2500, "has changed somewhere between its beginning and its end"},
		{5000, 5000, 5000, "are not those that were read last"},
		{5000, 4000, 0, "it is shorter ("},
	};

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			const unsigned before =
				rows[i].changed ? rows[i].changed - 1 : rows[i].n_after;
			struct buf text = BUF_INIT;
			struct bench b;

			bench_init(&b);
			put_records(&b, k, rows[i].n_before, 'a');
			check_reads(&b, kinds[k].name, rows[i].n_before, 1);
			add_records(&text, 1, before, 'a');
			if (rows[i].changed) {
				add_records(&text, rows[i].changed, 1, 'b');
				add_records(&text, rows[i].changed + 1,
				            rows[i].n_after - rows[i].changed, 'a');
			}
			put_packed(&b, k, &text, 1 << 20);
			bench_touch(&b, kinds[k].name, 1000);
			check_error(&b, kinds[k].name, -ESTALE, rows[i].words);
			b.starts_anew = true;
			check_reads(&b, kinds[k].name, rows[i].n_after, 1);
			check_eq(b.n_live, 2);
			buf_deinit(&text);
			bench_deinit(&b);
		}
	}
}

static void what_is_packed_twice_or_no_utf8_is_told(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		int code;
		const char *words;
	} rows[] = {{"\x1f\x8b\x08\0\0", 5, -EBADMSG, "in.gz is packed twice"},
	            {"\x28\xb5\x2f\xfd\0", 5, -EBADMSG, "in.gz is packed twice"},
	            {"\xff\xfe{\0}\0", 6, -EILSEQ, "in.gz is UTF-16"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf packed = BUF_INIT;
		struct bench b;

		bench_init(&b);
		pack_gzip(&packed, rows[i].text, rows[i].len);
		bench_write(&b, "in.gz", "wb", packed.data, packed.len);
		check_error(&b, "in.gz", rows[i].code, rows[i].words);
		buf_deinit(&packed);
		bench_deinit(&b);
	}
}

static void what_unpacks_to_much_is_no_more_in_memory(void **state)
{
	enum { n_lines = 64, line_bytes = 1 << 20 };

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		cleanup_(freep) char *line = mem_alloc(line_bytes);
		struct buf packed = BUF_INIT;
		struct bench b;
		struct record *r;
		unsigned n = 0;

		bench_init(&b);
		b.max_record = 1 << 16;
		memset(line, ' ', line_bytes);
		line[0] = '[';
		line[line_bytes - 1] = '\n';
		for (int i = 0; i < n_lines; i++)
			pack_one(&packed, kinds[k].kind, line, line_bytes);
		check(packed.len < 200000);
		bench_write(&b, kinds[k].name, "wb", packed.data, packed.len);
		check_eq(bench_open(&b, kinds[k].name), 0);
		for (; (r = bench_next(&b)); n++) {
			check_eq(r->fault, RECORD_TOO_LONG);
			if (((struct ndjson *)b.source)->reader)
				check(((struct ndjson *)b.source)->reader->window.cap <= 1u << 20);
			bench_settle(&b, r);
		}
		check_eq(n, n_lines);
		buf_deinit(&packed);
		bench_deinit(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(positions_are_those_of_the_text),
		sentence(a_packed_file_is_known_by_its_first_bytes_whatever_its_name),
		sentence(a_cut_file_gives_its_whole_records_and_goes_on_when_it_is_mended),
		sentence(something_behind_the_last_member_is_told_behind_all_records),
		sentence(damage_is_told_with_its_place),
		sentence(a_file_that_is_settled_is_not_unpacked_again_while_nothing_touches_it),
		sentence(a_file_with_an_open_record_is_unpacked_again),
		sentence(the_end_of_a_file_is_stored_although_no_record_asks_for_it),
		sentence(a_file_packed_anew_is_judged_by_its_text),
		sentence(a_text_that_changed_is_told_as_of_a_plain_file),
		sentence(what_is_packed_twice_or_no_utf8_is_told),
		sentence(what_unpacks_to_much_is_no_more_in_memory),
	};

	return run_sentences(tests);
}
