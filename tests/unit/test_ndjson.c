#include "connector/source/ndjson_private.h"
#include "tests/unit/ndjson_bench.h"
#include "tests/unit/random.h"

#include <errno.h>

static void records_say_where_they_stand(void **state)
{
	static const char text[] = "{\"a\":1}\n{\"b\":22}\r\n\n \t\n{\"c\":3}";
	static const struct {
		uint64_t pos, next_pos, len, line;
		const char *raw;
	} rows[] = {{0, 8, 7, 1, "{\"a\":1}"},
	            {8, 18, 8, 2, "{\"b\":22}"},
	            {22, 29, 7, 5, "{\"c\":3}"}};
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_put(&b, "in", text);
	check_eq(bench_open(&b, "in"), 0);
	check(b.was_new);
	for (size_t i = 0; i < 3; i++) {
		struct record *r = bench_next(&b);

		check_eq(r->fault, RECORD_OK);
		check_eq(r->pos, rows[i].pos);
		check_eq(r->next_pos, rows[i].next_pos);
		check_eq(r->len, rows[i].len);
		check_eq(r->line, rows[i].line);
		check_text(r->raw, rows[i].raw);
		check_text(r->source_name, "in");
		check_eq(r->stream, 1);
		check_eq(r->kind, STREAM_FILE);
		check(json_object_is_type(r->value, json_type_object));
		bench_settle(&b, r);
	}
	check_null(bench_next(&b));
	check_null(bench_next(&b));
	check_eq(b.begun->settled_to, 29);
	check_eq(b.begun->settled_line, 5);
	check_eq(b.begun->n_ranges, 0);
	check_eq(source_position(b.source).bytes, 29);
	check_eq(source_position(b.source).size, 29);
	check_eq(source_position(b.source).line, 5);
	check_eq(source_fd(b.source), -1);
	bench_deinit(&b);
}

static void lines_that_are_none_are_passed_in_every_place(void **state)
{
	static const struct {
		const char *text, *records;
		uint64_t settled_line;
	} rows[] = {
		{"", "", 0},
		{"\n", "", 1},
		{"\n\n{}\n\n", "3:{}", 4},
		{"\r\n{}\r\n\r\n", "2:{}", 3},
		{"\xef\xbb\xbf{}\n{}", "1:{} 2:{}", 2},
		{"\xef\xbb\xbf", "", 0},
		{"\xef\xbb\xbf\n{}", "2:{}", 2},
		{"{}\n\xef\xbb\xbf{}\n", "1:{} 2:!\xef\xbb\xbf{}", 2},
		{"  ", "", 1},
		{" {\"a\" : 1} \n", "1: {\"a\" : 1} ", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b;

		bench_init(&b);
		bench_put(&b, "in", rows[i].text);
		check_run(&b, "in", rows[i].records);
		check_eq(b.live[0]->settled_to, strlen(rows[i].text));
		check_eq(b.live[0]->settled_line, rows[i].settled_line);
		check_eq(b.live[0]->n_ranges, 0);
		check_run(&b, "in", "");
		bench_deinit(&b);
	}
}

static void a_line_that_is_no_record_says_so_and_reading_goes_on(void **state)
{
	static const char text[] =
		"{\"a\":1,\"a\":2}\n[1]\n\"x\"\n12\n1.5\nnull\ntrue\n{\"a\":\0}\n{} {}\n"
		"{\"a\"\n\xff\n{\"ok\":1}\n";
	static const char *const sentences[] = {
		"line 1, byte 8: key \"a\" stands twice in one object",
		"line 2 is a list: a record must be a JSON object, {…}",
		"line 3 is a text: a record must be a JSON object, {…}",
		"line 4 is a number: a record must be a JSON object, {…}",
		"line 5 is a number: a record must be a JSON object, {…}",
		"line 6 is null: a record must be a JSON object, {…}",
		"line 7 is true or false: a record must be a JSON object, {…}",
		"line 8, byte 6: expected a value (an object, list, text, number, true, false or null), "
		"not the byte 0x00",
		"line 9, byte 4: something stands behind the end of the value",
		"line 10, byte 5: the text ends here, but the value is not complete",
		"line 11, byte 1: expected a value (an object, list, text, number, true, false or null), "
		"not the byte 0xff",
	};
	struct bench b;
	struct record *r;

	(void)state;
	bench_init(&b);
	bench_write(&b, "in", "wb", text, sizeof(text) - 1);
	check_eq(bench_open(&b, "in"), 0);
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
		r = bench_next(&b);
		check_eq(r->fault, RECORD_JSON);
		check_text(r->fault_text, sentences[i]);
		check_eq(r->line, i + 1);
		check(r->raw != NULL);
		check_null(r->value);
		record_unref(r);
	}
	r = bench_next(&b);
	check_eq(r->fault, RECORD_OK);
	record_unref(r);
	check_null(bench_next(&b));
	bench_deinit(&b);
}

static void lines_are_measured_against_max_record_without_their_end(void **state)
{
	static const char *const ends[] = {"\n", "\r\n", ""};

	(void)state;
	for (size_t e = 0; e < 3; e++) {
		for (uint64_t len = 98; len <= 103; len++) {
			cleanup_(freep) char *text =
				mem_printf("{\"a\":\"%0*d\"}%s", (int)len - 8, 0, ends[e]);
			struct record *r;
			struct bench b;

			bench_init(&b);
			b.max_record = 100;
			bench_put(&b, "in", text);
			check_eq(bench_open(&b, "in"), 0);
			r = bench_next(&b);
			check_eq(r->fault, len > 100 ? RECORD_TOO_LONG : RECORD_OK);
			check_eq(r->len, len);
			check_eq(r->next_pos, strlen(text));
			record_unref(r);
			check_null(bench_next(&b));
			bench_deinit(&b);
		}
	}
}

/* @n bytes of 'x' as the file "in", then @end and a small record. */
static void write_long_line(const struct bench *b, size_t n, const char *end)
{
	enum { piece = 1 << 16 };
	cleanup_(freep) char *bytes = mem_alloc(piece);

	memset(bytes, 'x', piece);
	bench_put(b, "in", "{}\n");
	for (; n > piece; n -= piece)
		bench_write(b, "in", "ab", bytes, piece);
	bench_write(b, "in", "ab", bytes, n);
	bench_write(b, "in", "ab", end, strlen(end));
}

static void a_line_far_too_long_is_passed_without_being_kept(void **state)
{
	enum { long_bytes = 20 << 20 };
	static const struct {
		const char *end;
		size_t n_end;
	} rows[] = {{"\n{\"z\":1}\n", 1}, {"\r\n{\"z\":1}\n", 2}, {"", 0}, {"\r", 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record *r;
		struct bench b;

		bench_init(&b);
		write_long_line(&b, long_bytes, rows[i].end);
		check_eq(bench_open(&b, "in"), 0);
		bench_settle(&b, bench_next(&b));
		r = bench_next(&b);
		check_eq(r->fault, RECORD_TOO_LONG);
		check_eq(r->pos, 3);
		check_eq(r->len, long_bytes);
		check_eq(r->line, 2);
		check_eq(r->next_pos, 3 + long_bytes + rows[i].n_end);
		check_null(r->raw);
		check_text(
			r->fault_text,
			"line 2 is 20971520 bytes long, and max_record allows 1048576: raise it in "
			"the pipeline file, or make the record smaller");
		check(((struct ndjson *)b.source)->reader->window.cap <= 4u << 20);
		bench_settle(&b, r);
		if (i < 2)
			bench_settle(&b, bench_next(&b));
		check_null(bench_next(&b));
		bench_store(&b);
		bench_restart(&b);
		check_run(&b, "in", "");
		bench_deinit(&b);
	}
}

static void one_call_passes_a_bounded_part_of_a_long_line(void **state)
{
	struct record *r = NULL;
	unsigned n_later = 0;
	struct bench b;

	(void)state;
	bench_init(&b);
	write_long_line(&b, 40 << 20, "\n");
	check_eq(bench_open(&b, "in"), 0);
	bench_settle(&b, bench_next(&b));
	while (source_next(b.source, &r, &b.err) == SOURCE_LATER)
		n_later++;
	check(n_later >= 1);
	check_eq(r->fault, RECORD_TOO_LONG);
	record_unref(r);
	bench_deinit(&b);
}

static void what_cannot_be_read_says_what_to_do(void **state)
{
	static const struct {
		const char *name;
		int code;
		const char *words;
	} rows[] = {
		{"missing", -ENOENT, "missing does not exist: check path"},
		{"folder", -ENOENT, "folder holds no file to read: of a folder those are read"},
		{"fifo", -ESPIPE, "fifo is not a regular file: pipe it in"},
		{"none.gz", -EBADMSG, "none.gz is named like a file packed with gzip and is none"},
		{"none.zst", -EBADMSG,
	         "none.zst is named like a file packed with zstd and is none"},
		{"none-*[a]", -ENOENT, "no file matches none-*[a]: check path"},
		{"utf16", -EILSEQ, "utf16 is UTF-16: write it as UTF-8"},
		{"big-endian", -EILSEQ, "big-endian is UTF-16: write it as UTF-8"},
		{"loop", -ELOOP, "loop cannot be opened: "},
	};
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_put(&b, "none.gz", "{}\n");
	bench_put(&b, "none.zst", "{}\n");
	bench_write(&b, "utf16", "wb", "\xff\xfe{\0}\0", 6);
	bench_write(&b, "big-endian", "wb", "\xfe\xff\0{\0}", 6);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_(freep) char *path = bench_path(&b, rows[i].name);

		if (strcmp(rows[i].name, "folder") == 0)
			check_eq(mkdir(path, 0700), 0);
		if (rows[i].code == -ESPIPE)
			check_eq(mkfifo(path, 0600), 0);
		if (rows[i].code == -ELOOP)
			check_eq(symlink(path, path), 0);
		check_eq(bench_open(&b, rows[i].name), rows[i].code);
		if (!strstr(b.err.text, rows[i].words))
			fail_msg("%s", b.err.text);
		check_eq(b.n_live, 0);
	}
	bench_deinit(&b);
}

static void an_unreadable_file_says_so(void **state)
{
	cleanup_(freep) char *path = NULL;
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_put(&b, "in", "{}\n");
	path = bench_path(&b, "in");
	check_eq(chmod(path, 0), 0);
	if (geteuid() == 0) { /* root reads everything; as somebody else it must be refused */
		check_eq(chmod(b.folder, 0755), 0);
		check_eq(seteuid(65534), 0);
	}
	check_eq(bench_open(&b, "in"), -EACCES);
	if (getuid() == 0)
		check_eq(seteuid(0), 0);
	check(strstr(b.err.text, "must not be read by this user") != NULL);
	bench_deinit(&b);
}

static void without_a_host_all_is_handed_out_and_nothing_is_kept(void **state)
{
	cleanup_(freep) char *path = NULL;
	struct record *r = NULL;
	const struct reader *reader;
	unsigned records = 0;
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_put(&b, "in", "{}\n\n\n{}\n\n{}\n");
	path = bench_path(&b, "in");
	const struct ndjson_options options = {.path = path, .name = "in", .max_record = 100};

	check_eq(ndjson_open(&options, &b.source, &b.err), 0);
	reader = ((struct ndjson *)b.source)->reader;
	for (; records < 3; records++) {
		check_eq(source_next(b.source, &r, &b.err), SOURCE_RECORD);
		record_unref(r);
	}
	source_mark(b.source);
	check_eq(reader->stream->n_ranges, 0);
	check_eq(reader->stream->hashed_to, 0);
	check_eq(source_next(b.source, &r, &b.err), SOURCE_END);
	bench_deinit(&b);
}

static void what_there_is_to_read_is_said_with_its_lines(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {{"", "in from line 1, 0 lines"},       {"{}", "in from line 1, 1 line"},
	            {"{}\n", "in from line 1, 1 line"},    {"{}\n\n", "in from line 1, 2 lines"},
	            {"{}\n{}", "in from line 1, 2 lines"}, {"\x1f\x8b\n", "in from its beginning"}};
	struct buf out = BUF_INIT;
	struct bench b;

	(void)state;
	bench_init(&b);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_(freep) char *path = bench_path(&b, "in");

		bench_put(&b, "in", rows[i].text);
		buf_clear(&out);
		ndjson_describe(path, "in", &out);
		check_text(buf_text(&out), rows[i].words);
	}
	buf_clear(&out);
	ndjson_describe("/nowhere/at/all", "at/all", &out);
	check_text(buf_text(&out), "at/all from its beginning");
	buf_clear(&out);
	ndjson_describe("-", "-", &out);
	check_text(buf_text(&out), "standard input from its beginning");
	buf_deinit(&out);
	bench_deinit(&b);
}

enum { most_lines = 3000 };

/* Lines of many kinds and lengths; ret_ids[line] is 1 where the line is a record. */
static void write_mixture(const struct bench *b, uint64_t *seed, bool *ret_is_record)
{
	struct buf text = BUF_INIT;

	for (uint64_t line = 1; line <= most_lines; line++) {
		const uint64_t kind = next_random(seed) % 16;
		const int pad = (int)(next_random(seed) % (kind == 0 ? 9000 : 80)) + 1;

		ret_is_record[line] = kind != 1 && kind != 2;
		if (kind == 1)
			buf_adds(&text, "   ");
		else if (kind == 3)
			buf_addf(&text, "bad %0*d", pad, 0);
		else if (kind != 2)
			buf_addf(&text, "{\"line\":%" PRIu64 ",\"pad\":\"%0*d\"}", line, pad, 0);
		buf_adds(&text, kind % 4 == 0 ? "\r\n" : "\n");
	}
	bench_write(b, "in", "wb", text.data, text.len);
	buf_deinit(&text);
}

/* A run that reads some, settles in any order, stores at any time, and dies at any time. */
static void run_for_a_while(struct bench *b, uint64_t *seed, const bool *is_record,
                            const bool *is_stored, bool *is_settled)
{
	struct record *open[64];
	unsigned n_open = 0, n_left = 50 + (unsigned)(next_random(seed) % 600);
	struct record *r;

	check_eq(bench_open(b, "in"), 0);
	while (n_left-- && (r = bench_next(b))) {
		check(is_record[r->line]);
		check(!is_stored[r->line]); /* never again */
		if (r->fault == RECORD_OK) {
			struct json_object *line = json_object_object_get(r->value, "line");

			check_eq(json_object_get_int64(line), r->line);
		}
		open[n_open++] = r;
		while (n_open && (n_open == 64 || next_random(seed) % 2)) {
			const unsigned i = (unsigned)(next_random(seed) % n_open);

			is_settled[open[i]->line] = true;
			bench_settle(b, open[i]);
			open[i] = open[--n_open];
		}
		if (next_random(seed) % 50 == 0)
			break;
	}
	while (n_open)
		record_unref(open[--n_open]);
}

static void no_kill_loses_or_repeats_a_settled_record_or_its_line_number(void **state)
{
	(void)state;
	for (uint64_t round = 1; round <= 6; round++) {
		uint64_t seed = round * 0x9e3779b97f4a7c15u;
		bool is_record[most_lines + 1] = {false}, is_stored[most_lines + 1] = {false};
		bool is_settled[most_lines + 1];
		struct bench b;

		bench_init(&b);
		b.max_record = 4000; /* some are too long */
		write_mixture(&b, &seed, is_record);
		for (unsigned run = 0; run < 60; run++) {
			memcpy(is_settled, is_stored, sizeof(is_settled));
			run_for_a_while(&b, &seed, is_record, is_stored, is_settled);
			if (next_random(&seed) % 4) {
				bench_store(&b);
				memcpy(is_stored, is_settled, sizeof(is_stored));
			}
			if (next_random(&seed) % 3 == 0)
				bench_touch(&b, "in", (time_t)(1000000 + run));
			bench_restart(&b);
		}
		check_eq(bench_open(&b, "in"), 0);
		for (struct record *r; (r = bench_next(&b)); bench_settle(&b, r)) {
			check(is_record[r->line] && !is_stored[r->line]);
			is_stored[r->line] = true;
		}
		for (unsigned line = 1; line <= most_lines; line++)
			check_eq(is_stored[line], is_record[line]);
		check_eq(b.begun->n_ranges, 0);
		check_eq(b.begun->settled_line, most_lines);
		bench_deinit(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(records_say_where_they_stand),
		sentence(lines_that_are_none_are_passed_in_every_place),
		sentence(a_line_that_is_no_record_says_so_and_reading_goes_on),
		sentence(lines_are_measured_against_max_record_without_their_end),
		sentence(a_line_far_too_long_is_passed_without_being_kept),
		sentence(one_call_passes_a_bounded_part_of_a_long_line),
		sentence(what_cannot_be_read_says_what_to_do),
		sentence(an_unreadable_file_says_so),
		sentence(without_a_host_all_is_handed_out_and_nothing_is_kept),
		sentence(what_there_is_to_read_is_said_with_its_lines),
		sentence(no_kill_loses_or_repeats_a_settled_record_or_its_line_number),
	};

	return run_sentences(tests);
}
