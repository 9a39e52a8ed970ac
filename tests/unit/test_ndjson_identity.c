#include "tests/unit/follow_bench.h"
#include "tests/unit/pack.h"

/*
 * Files that are written, rotated, packed and unpacked beside a source that looks at them now and
 * then. Every step of a script may be looked at or not, and a run may end or be killed behind it:
 * whatever the mixture, each record must come, and come once.
 */

enum op {
	END,
	WRITE,  /* line_count lines go to the end of `to` */
	BLANKS, /* 8 KiB of blank lines: files that begin alike and hold other records */
	MOVE,
	COPY_TRUNCATE, /* `from` becomes empty when it was copied, before anybody looks */
	PACK_HALF,     /* half of what gzip will write; `from` is still there */
	PACK_REST,     /* the other half */
	REMOVE,
	PACK, /* all of it, before anybody looks */
	UNPACK,
};

struct action {
	enum op op;
	const char *to, *from;
	int line_count;
};

enum { most_actions = 12, most_ids = 1000, enough_lines = 60 };

struct script {
	const char *what, *pattern;
	bool is_follow_only;
	struct action actions[most_actions];
};

struct play {
	struct bench b;
	int n_written;
	unsigned seen[most_ids];
};

static void write_lines(struct play *p, const struct action *a)
{
	struct buf text = BUF_INIT;

	for (int i = 0; i < a->line_count; i++)
		buf_addf(&text, "{\"id\":%6d,\"pad\":\"%0*d\"}\n", p->n_written++, 52, 0);
	bench_write(&p->b, a->to, "ab", text.data, text.len);
	buf_deinit(&text);
}

static void write_blanks(const struct bench *b, const char *name)
{
	char blanks[8192];

	memset(blanks, '\n', sizeof(blanks));
	bench_write(b, name, "ab", blanks, sizeof(blanks));
}

static void read_whole(const struct bench *b, const char *name, struct buf *out)
{
	cleanup_(freep) char *path = bench_path(b, name);
	FILE *f = fopen(path, "rb");
	size_t n;

	check(f != NULL);
	do {
		n = fread(buf_room(out, 65536), 1, 65536, f);
		out->len += n;
	} while (n);
	check_eq(fclose(f), 0);
}

/* The part [from, to) hundredths of what gzip makes of it. */
static void pack(const struct bench *b, const struct action *a, size_t from, size_t to)
{
	struct buf text = BUF_INIT, packed = BUF_INIT;

	read_whole(b, a->from, &text);
	pack_gzip(&packed, text.data, text.len);
	from = packed.len * from / 100;
	to = packed.len * to / 100;
	bench_write(b, a->to, "ab", packed.data + from, to - from);
	buf_deinit(&text);
	buf_deinit(&packed);
}

static void unpack(const struct bench *b, const struct action *a)
{
	struct buf text = BUF_INIT, packed = BUF_INIT;
	struct unpack *u = unpack_new(UNPACK_GZIP);
	size_t taken, made;

	read_whole(b, a->from, &packed);
	check_eq(unpack_run(u, packed.data, packed.len, buf_room(&text, 65536), 65536, &taken,
	                    &made, NULL),
	         0);
	bench_write(b, a->to, "wb", text.data, made);
	unpack_free(u);
	buf_deinit(&text);
	buf_deinit(&packed);
}

static void copy(const struct bench *b, const struct action *a)
{
	struct buf text = BUF_INIT;

	read_whole(b, a->from, &text);
	bench_write(b, a->to, "wb", text.data, text.len);
	buf_deinit(&text);
}

static void act(struct play *p, const struct action *a)
{
	const struct bench *b = &p->b;

	switch (a->op) {
	case WRITE:
		write_lines(p, a);
		break;
	case BLANKS:
		write_blanks(b, a->to);
		break;
	case MOVE:
		bench_rename(b, a->from, a->to);
		break;
	case COPY_TRUNCATE:
		copy(b, a);
		bench_put(b, a->from, "");
		break;
	case PACK_HALF:
		pack(b, a, 0, 50);
		break;
	case PACK_REST:
		pack(b, a, 50, 100);
		break;
	case REMOVE:
		bench_remove(b, a->to);
		break;
	case PACK:
		pack(b, a, 0, 100);
		bench_remove(b, a->from);
		break;
	case UNPACK:
		unpack(b, a);
		bench_remove(b, a->from);
		break;
	case END:
		break;
	}
}

static int number_of(const struct record *r)
{
	return json_object_get_int(json_object_object_get(r->value, "id"));
}

/* Reads what is there; @is_part: at most until line enough_lines of a file. */
static void look(struct play *p, const char *pattern, bool is_part)
{
	struct bench *b = &p->b;
	struct record *r;
	bool is_end;
	const int result = b->source ? 0 : bench_open(b, pattern);

	if (result == -ENOENT)
		return; /* all of it is elsewhere at the moment */
	if (result < 0)
		fail_msg("%s", b->err.text);
	while ((r = bench_next_now(b, &is_end))) {
		const bool is_enough = is_part && r->line == enough_lines;

		p->seen[number_of(r)]++;
		bench_settle(b, r);
		if (is_enough)
			break;
	}
	bench_store(b);
	if (is_end)
		bench_restart(b);
}

enum between { NOTHING, LOOK, PART, RESTART, N_BETWEEN };

static void do_between(struct play *p, const char *pattern, enum between between)
{
	switch (between) {
	case LOOK:
		look(p, pattern, false);
		break;
	case PART:
		look(p, pattern, true);
		break;
	case RESTART: /* it ended; or was killed, when the last look was stored */
		bench_restart(&p->b);
		break;
	case NOTHING:
	case N_BETWEEN:
		break;
	}
}

static char *wrong_ids(const struct play *p)
{
	struct buf out = BUF_INIT;

	for (int i = 0; i < p->n_written; i++)
		if (p->seen[i] != 1)
			buf_addf(&out, " %d:%u", i, p->seen[i]);
	return buf_take(&out);
}

/* What is done between the steps are the digits of @mixture, base N_BETWEEN. */
static void play(const struct script *s, bool is_follow, uint64_t mixture)
{
	struct buf how = BUF_INIT;
	struct play p = {0};

	bench_init(&p.b);
	p.b.is_follow = is_follow;
	p.b.starts_anew = true;
	for (const struct action *a = s->actions; a->op != END; a++, mixture /= N_BETWEEN) {
		const enum between between = (enum between)(mixture % N_BETWEEN);

		act(&p, a);
		do_between(&p, s->pattern, between);
		buf_addf(&how, "%d", (int)between);
	}
	for (int i = 0; i < 3; i++) {
		look(&p, s->pattern, false);
		if (!is_follow || i == 1)
			bench_restart(&p.b);
	}
	{
		cleanup_(freep) char *wrong = wrong_ids(&p);

		if (*wrong)
			fail_msg("%s, follow %d, %s: %s", s->what, is_follow, buf_text(&how),
			         wrong);
	}
	buf_deinit(&how);
	bench_deinit(&p.b);
}

static uint64_t power(uint64_t base, size_t n)
{
	return n ? base * power(base, n - 1) : 1;
}

/* All mixtures, or some of them where there are many. */
static void play_all(const struct script *s)
{
	enum { enough = 50 };
	uint64_t n_mixtures, step;
	size_t n = 0;

	while (s->actions[n].op != END)
		n++;
	n_mixtures = power(N_BETWEEN, n);
	step = n_mixtures > enough ? n_mixtures / enough | 1 : 1;
	for (int is_follow = s->is_follow_only; is_follow < 2; is_follow++)
		for (uint64_t mixture = 0; mixture < n_mixtures; mixture += step)
			play(s, is_follow, mixture);
}

/* What people and their log rotation do to files. */
static const struct script scripts[] = {
	{"rotated, then packed", "a.ndjson*",
         .actions = {{WRITE, "a.ndjson", .line_count = 100},
                     {MOVE, "a.ndjson.1", "a.ndjson"},
                     {WRITE, "a.ndjson", .line_count = 1},
                     {PACK, "a.ndjson.1.gz", "a.ndjson.1"}}},
	{"packed before the new one is made", "a.ndjson*",
         .actions = {{WRITE, "a.ndjson", .line_count = 100},
                     {MOVE, "a.ndjson.1", "a.ndjson"},
                     {PACK, "a.ndjson.1.gz", "a.ndjson.1"},
                     {WRITE, "a.ndjson", .line_count = 100}}},
	{"packed under a name that comes before it", "a*",
         .actions = {{WRITE, "a.ndjson", .line_count = 100},
                     {MOVE, "a-1.ndjson", "a.ndjson"},
                     {WRITE, "a.ndjson", .line_count = 1},
                     {PACK, "a-1.ndjson.gz", "a-1.ndjson"}}},
	{"packed before it, and its inode given to the new one", "*.ndjson*",
         .actions = {{WRITE, "z.ndjson", .line_count = 1},
                     {WRITE, "a.ndjson", .line_count = 100},
                     {MOVE, "a-1.ndjson", "a.ndjson"},
                     {PACK, "a-1.ndjson.gz", "a-1.ndjson"},
                     {WRITE, "a.ndjson", .line_count = 1}}},
	{"rotated twice, packed late", "a.ndjson*",
         .actions = {{WRITE, "a.ndjson", .line_count = 100},
                     {MOVE, "a.ndjson.1", "a.ndjson"},
                     {WRITE, "a.ndjson", .line_count = 90},
                     {MOVE, "a.ndjson.2", "a.ndjson.1"},
                     {PACK, "a.ndjson.2.gz", "a.ndjson.2"},
                     {MOVE, "a.ndjson.1", "a.ndjson"},
                     {WRITE, "a.ndjson", .line_count = 1},
                     {PACK, "a.ndjson.1.gz", "a.ndjson.1"}}},
	{"packed files are shifted", "a.ndjson*",
         .actions = {{WRITE, "a.ndjson", .line_count = 100},
                     {MOVE, "a.ndjson.1", "a.ndjson"},
                     {PACK, "a.ndjson.1.gz", "a.ndjson.1"},
                     {WRITE, "a.ndjson", .line_count = 90},
                     {MOVE, "a.ndjson.2.gz", "a.ndjson.1.gz"},
                     {MOVE, "a.ndjson.1", "a.ndjson"},
                     {PACK, "a.ndjson.1.gz", "a.ndjson.1"},
                     {WRITE, "a.ndjson", .line_count = 1}}},
	{"packed and unpacked again", "a.ndjson*",
         .actions = {{WRITE, "a.ndjson", .line_count = 100},
                     {MOVE, "a.ndjson.1", "a.ndjson"},
                     {WRITE, "a.ndjson", .line_count = 1},
                     {PACK, "a.ndjson.1.gz", "a.ndjson.1"},
                     {UNPACK, "a.ndjson.1", "a.ndjson.1.gz"}}},
	{"unpacked while it is followed", "a.ndjson*",
         .actions = {{WRITE, "a.ndjson.x", .line_count = 100},
                     {PACK, "a.ndjson.gz", "a.ndjson.x"},
                     {UNPACK, "a.ndjson", "a.ndjson.gz"},
                     {WRITE, "a.ndjson", .line_count = 3},
                     {MOVE, "a.ndjson.1", "a.ndjson"},
                     {WRITE, "a.ndjson", .line_count = 1}}},
	{"packed beside what it packs", "a.ndjson*", .is_follow_only = true,
         .actions = {{WRITE, "a.ndjson", .line_count = 100},
                     {MOVE, "a.ndjson.1", "a.ndjson"},
                     {WRITE, "a.ndjson", .line_count = 1},
                     {PACK_HALF, "a.ndjson.1.gz", "a.ndjson.1"},
                     {PACK_REST, "a.ndjson.1.gz", "a.ndjson.1"},
                     {REMOVE, "a.ndjson.1"}}},
	{"copied, then truncated", "a.ndjson*", .is_follow_only = true,
         .actions = {{WRITE, "a.ndjson", .line_count = 100},
                     {COPY_TRUNCATE, "a.ndjson.1", "a.ndjson"},
                     {WRITE, "a.ndjson", .line_count = 1},
                     {PACK, "a.ndjson.1.gz", "a.ndjson.1"}}},
	{"replaced while it is read, and packed under another name", "*.ndjson*",
         .actions = {{WRITE, "b.ndjson", .line_count = 100},
                     {MOVE, "old", "b.ndjson"},
                     {WRITE, "b.ndjson", .line_count = 70},
                     {PACK, "a.ndjson.gz", "old"}}},
	{"small ones, not packed", "a.ndjson*",
         .actions = {{WRITE, "a.ndjson", .line_count = 3},
                     {MOVE, "a.ndjson.1", "a.ndjson"},
                     {WRITE, "a.ndjson", .line_count = 2},
                     {MOVE, "a.ndjson.2", "a.ndjson.1"},
                     {WRITE, "a.ndjson.2", .line_count = 1},
                     {MOVE, "a.ndjson.1", "a.ndjson"},
                     {WRITE, "a.ndjson", .line_count = 1}}},
	{"alike for longer than 4 KiB", "a.ndjson*",
         .actions = {{BLANKS, "a.ndjson"},
                     {WRITE, "a.ndjson", .line_count = 3},
                     {MOVE, "a.ndjson.1", "a.ndjson"},
                     {BLANKS, "a.ndjson"},
                     {WRITE, "a.ndjson", .line_count = 3},
                     {PACK, "a.ndjson.1.gz", "a.ndjson.1"},
                     {MOVE, "b.ndjson.2", "a.ndjson"},
                     {PACK, "a.ndjson.2.gz", "b.ndjson.2"}}},
};

static void no_mixture_of_rotating_and_packing_loses_or_repeats_a_record(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		play_all(&scripts[i]);
}

static void *repeat(const char *line, int n)
{
	struct buf text = BUF_INIT;

	for (int i = 0; i < n; i++)
		buf_adds(&text, line);
	return buf_take(&text);
}

static unsigned count(struct bench *b, const char *pattern)
{
	struct record *r;
	unsigned n = 0;
	bool is_end;

	if (!b->source)
		follow(b, pattern);
	for (; (r = bench_next_now(b, &is_end)); n++)
		bench_settle(b, r);
	bench_store(b);
	return n;
}

static void put_packed(const struct bench *b, const char *name, const char *text, size_t cut_off)
{
	struct buf packed = BUF_INIT;

	pack_gzip(&packed, text, strlen(text));
	bench_write(b, name, "wb", packed.data, packed.len - cut_off);
	buf_deinit(&packed);
}

static void a_rename_is_kept_in_the_state_at_once(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	bench_put(&b, "a.json", "{}\n");
	check_eq(count(&b, "a.json*"), 1);
	bench_rename(&b, "a.json", "a.json.1");
	bench_put(&b, "a.json", "{}\n{}\n");
	check_eq(count(&b, "a.json*"), 2);
	check_text(b.stored[0]->name, "a.json.1");
	check_text(b.stored[1]->name, "a.json");
	check(b.n_asked > 0);
	bench_deinit(&b);
}

static void a_file_that_begins_like_the_one_that_was_rotated_is_another(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_put(&b, "a.json", "{}\n");
	check_names(&b, "a.json*", "a.json:1");
	bench_rename(&b, "a.json", "a.json.1");
	bench_put(&b, "a.json", "{}\n{}\n");
	check_names(&b, "a.json*", "a.json:1 a.json:2");
	check_names(&b, "a.json*", "");
	bench_deinit(&b);
}

static void copies_beside_each_other_stay_two_files(void **state)
{
	cleanup_(freep) char *text = repeat("{\"id\":1}\n", 1000);

	(void)state;
	for (int is_earlier = 0; is_earlier < 2; is_earlier++) {
		const char *name = is_earlier ? "0.json" : "2.json";

		for (int restarts = 0; restarts < 2; restarts++) {
			struct bench b;

			init(&b);
			bench_put(&b, "1.json", text);
			check_eq(count(&b, "*.json"), 1000);
			if (restarts)
				bench_restart(&b);
			bench_put(&b, name, text);
			bench_touch(&b, "1.json", 5000); /* has to be looked at as a whole */
			check_eq(count(&b, "*.json"), 1000);
			bench_restart(&b);
			check_eq(count(&b, "*.json"), 0);
			check_eq(b.n_live, 2);
			bench_deinit(&b);
		}
	}
}

static void a_copy_of_a_file_that_was_rewritten_since_goes_on(void **state)
{
	cleanup_(freep) char *text = repeat("{\"id\":1}\n", 1000);
	struct bench b;

	(void)state;
	init(&b);
	bench_put(&b, "a.json", text);
	bench_put(&b, "z.json", "{}\n");
	check_eq(count(&b, "*.json*"), 1001);
	put_packed(&b, "0.json.gz", text, 0);
	bench_put(&b, "a.json", ""); /* the same inode */
	check_eq(count(&b, "*.json*"), 0);
	check_text(b.live[0]->name, "0.json.gz");
	check_eq(b.n_live, 2); /* nothing is there that could be another */
	bench_put(&b, "a.json", "{\"id\":2}\n{\"id\":3}\n");
	check_eq(count(&b, "*.json*"), 2);
	bench_restart(&b);
	check_eq(count(&b, "*.json*"), 0);
	check_eq(b.n_live, 3);
	bench_deinit(&b);
}

static void a_half_line_of_a_file_that_is_renamed_and_written_to_waits(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	bench_put(&b, "log", "{\"id\":1}\n{\"id\"");
	check_eq(count(&b, "log*"), 1);
	bench_write(&b, "log", "ab", ":2", 2);
	bench_rename(&b, "log", "log.1");
	bench_put(&b, "log", "{\"id\":3}\n");
	check_eq(count(&b, "log*"), 1);
	bench_write(&b, "log.1", "ab", "}\n", 2);
	check_eq(count(&b, "log*"), 1);
	check_eq(b.live[0]->settled_line, 2);
	bench_deinit(&b);
}

static void take_one(struct bench *b)
{
	struct record *r = bench_next(b);

	check(r != NULL);
	bench_settle(b, r);
}

static void files_shifted_while_the_first_of_them_is_read_are_read_once(void **state)
{
	cleanup_(freep) char *names = NULL;
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_put(&b, "a.json", "{\"id\":1}\n{\"id\":2}\n");
	bench_put(&b, "a.json.1", "{\"id\":3}\n");
	check_eq(bench_open(&b, "a.json*"), 0);
	take_one(&b);
	bench_rename(&b, "a.json.1", "a.json.2");
	bench_rename(&b, "a.json", "a.json.1");
	names = bench_read_names(&b);
	check_text(names, "a.json:2 a.json.2:1");
	bench_deinit(&b);
}

static void seconds_pass(struct bench *b, unsigned n)
{
	((struct ndjson *)b->source)->watch.n_seconds += n;
	((struct ndjson *)b->source)->is_listed = false;
}

static void a_packed_file_beside_the_unpacked_one_is_a_file_when_it_stays_so(void **state)
{
	cleanup_(freep) char *text = repeat("{\"id\":1}\n", 1000);
	struct bench b;

	(void)state;
	init(&b);
	bench_put(&b, "1.json", text);
	check_eq(count(&b, "*.json*"), 1000);
	put_packed(&b, "1.json.gz", text, 8);
	check_eq(count(&b, "*.json*"), 0);
	seconds_pass(&b, 9);
	check_eq(count(&b, "*.json*"), 0);
	put_packed(&b, "1.json.gz", text, 0); /* it was written to: everything anew */
	seconds_pass(&b, 1);
	check_eq(count(&b, "*.json*"), 0);
	seconds_pass(&b, 9);
	check_eq(count(&b, "*.json*"), 0);
	seconds_pass(&b, 1);
	check_eq(count(&b, "*.json*"), 1000);
	check_eq(b.n_live, 2);
	bench_deinit(&b);
}

/* 20,000 lines that pack badly: what is cut off of them packed, is not only the end. */
static char *many_numbers(void)
{
	struct buf text = BUF_INIT;

	for (int i = 0; i < 20000; i++)
		buf_addf(&text, "{\"id\":%d}\n", i * 7919 % 20011);
	return buf_take(&text);
}

static void a_packed_file_that_is_cut_and_begins_like_one_that_is_gone_waits(void **state)
{
	cleanup_(freep) char *text = many_numbers();
	struct bench b;

	(void)state;
	init(&b);
	bench_put(&b, "a.json", text);
	check_eq(count(&b, "*.json*"), 20000);
	bench_rename(&b, "a.json", "tmp");
	bench_put(&b, "a.json", "{}\n");
	put_packed(&b, "old.json.gz", text, 9000);
	check_eq(count(&b, "*.json*"), 1);
	check_text(buf_text(&b.told),
	           "old.json.gz ends in the middle of its packed text; waits for "
	           "the rest\n");
	bench_restart(&b);
	check_eq(count(&b, "*.json*"), 0);
	put_packed(&b, "old.json.gz", text, 0);
	check_eq(count(&b, "*.json*"), 0);
	check_eq(b.n_live, 2);
	bench_deinit(&b);
}

static void nothing_is_sent_of_a_cut_file_that_may_be_one_that_is_gone(void **state)
{
	cleanup_(freep) char *text = many_numbers();
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_put(&b, "a.json", text);
	check_eq(count(&b, "*.json*"), 20000);
	bench_restart(&b);
	bench_remove(&b, "a.json");
	put_packed(&b, "old.json.gz", text, 9000);
	check_eq(bench_open(&b, "*.json*"), -ENODATA);
	check_text(
		b.err.text,
		"old.json.gz ends in the middle of its packed text and begins like a.json, which "
		"was read before: whether it is the same shows when it is whole. Nothing of it "
		"was sent; run again then");
	put_packed(&b, "old.json.gz", text, 0);
	check_eq(count(&b, "*.json*"), 0);
	check_eq(b.n_live, 1);
	bench_deinit(&b);
}

/* Most file systems give the number of a file that is gone to the next one. */
static void an_inode_that_another_file_has_got_hides_no_change(void **state)
{
	struct bench b;
	struct stat st;

	(void)state;
	bench_init(&b);
	bench_put(&b, "a.json", "{\"id\":1}\n");
	check_eq(count(&b, "*.json"), 1);
	bench_restart(&b);
	bench_put(&b, "new", "{\"id\":2}\n");
	bench_rename(&b, "new", "a.json");
	bench_put(&b, "b.json", "{\"id\":3}\n");
	{
		cleanup_(freep) char *path = bench_path(&b, "b.json");

		check_eq(stat(path, &st), 0);
	}
	b.live[0]->dev = (uint64_t)st.st_dev;
	b.live[0]->ino = (uint64_t)st.st_ino;
	check_eq(bench_open(&b, "*.json"), -ESTALE);
	bench_deinit(&b);
}

static void a_file_rewritten_while_a_run_reads_others_is_read_by_the_next(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.starts_anew = true;
	bench_put(&b, "a.json", "{\"id\":1}\n");
	bench_put(&b, "b.json", "{\"id\":2}\n");
	check_eq(bench_open(&b, "*.json"), 0);
	take_one(&b);
	take_one(&b);
	bench_put(&b, "new", "{\"id\":3}\n{\"id\":4}\n");
	bench_rename(&b, "new", "a.json");
	check_null(bench_next(&b));
	bench_store(&b);
	bench_restart(&b);
	check_names(&b, "*.json", "a.json:1 a.json:2");
	bench_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(no_mixture_of_rotating_and_packing_loses_or_repeats_a_record),
		sentence(a_rename_is_kept_in_the_state_at_once),
		sentence(a_file_that_begins_like_the_one_that_was_rotated_is_another),
		sentence(copies_beside_each_other_stay_two_files),
		sentence(a_copy_of_a_file_that_was_rewritten_since_goes_on),
		sentence(a_half_line_of_a_file_that_is_renamed_and_written_to_waits),
		sentence(files_shifted_while_the_first_of_them_is_read_are_read_once),
		sentence(a_packed_file_beside_the_unpacked_one_is_a_file_when_it_stays_so),
		sentence(a_packed_file_that_is_cut_and_begins_like_one_that_is_gone_waits),
		sentence(nothing_is_sent_of_a_cut_file_that_may_be_one_that_is_gone),
		sentence(an_inode_that_another_file_has_got_hides_no_change),
		sentence(a_file_rewritten_while_a_run_reads_others_is_read_by_the_next),
	};

	return run_sentences(tests);
}
