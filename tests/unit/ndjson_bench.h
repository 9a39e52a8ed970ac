#pragma once

/*
 * What the tests of the NDJSON source stand on: a folder of its own, a host that keeps streams the
 * way a state would (only what was stored survives a restart), and records collected as text.
 */

#include "connector/source/ndjson.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { most_streams = 64 };

struct bench {
	char folder[64];
	struct stream *live[most_streams];   /* what the running program holds */
	struct stream *stored[most_streams]; /* what the state holds */
	size_t n_live, n_stored;
	bool was_new; /* of the stream last begun */
	struct stream *begun;
	struct source_host host;
	struct source *source;
	struct err err;
	uint64_t max_record;
	bool starts_anew, is_follow;
	unsigned n_asked; /* to store something without a record */
	struct buf told;
	int stdin_fd;
};

static inline int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void bench_begin(void *arg, struct stream *stream, bool is_new)
{
	struct bench *b = arg;

	b->was_new = is_new;
	b->begun = stream;
	if (!is_new)
		return;
	check(b->n_live < most_streams);
	stream->id = b->n_live + 1;
	b->live[b->n_live++] = stream;
}

static inline void bench_ask_store(void *arg, struct stream *stream)
{
	struct bench *b = arg;

	(void)stream;
	b->n_asked++;
}

static inline void bench_tell(void *arg, const char *sentence)
{
	struct bench *b = arg;

	buf_addf(&b->told, "%s\n", sentence);
}

static inline void bench_init(struct bench *b)
{
	*b = (struct bench){.folder = "/tmp/closefeed-ndjson-XXXXXX", .max_record = 1 << 20};
	check(mkdtemp(b->folder) != NULL);
	b->host = (struct source_host){.begin = bench_begin, .store = bench_ask_store, .arg = b};
}

static inline void bench_drop(struct stream **streams, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		stream_free(streams[i]);
	*n = 0;
}

static inline void bench_deinit(struct bench *b)
{
	source_free(b->source);
	bench_drop(b->live, &b->n_live);
	bench_drop(b->stored, &b->n_stored);
	buf_deinit(&b->told);
	(void)nftw(b->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static inline char *bench_path(const struct bench *b, const char *name)
{
	return mem_printf("%s/%s", b->folder, name);
}

static inline void bench_write(const struct bench *b, const char *name, const char *mode,
                               const void *bytes, size_t len)
{
	cleanup_(freep) char *path = bench_path(b, name);
	FILE *f = fopen(path, mode);

	check(f != NULL);
	check_eq(fwrite(bytes, 1, len, f), len);
	check_eq(fclose(f), 0);
}

static inline void bench_put(const struct bench *b, const char *name, const char *text)
{
	bench_write(b, name, "wb", text, strlen(text));
}

static inline void bench_mkdir(const struct bench *b, const char *name)
{
	cleanup_(freep) char *path = bench_path(b, name);

	check_eq(mkdir(path, 0700), 0);
}

static inline void bench_remove(const struct bench *b, const char *name)
{
	cleanup_(freep) char *path = bench_path(b, name);

	check_eq(unlink(path), 0);
}

/* Gives the file a time of change of its own, so that no test depends on the clock's grain. */
static inline void bench_touch(const struct bench *b, const char *name, time_t seconds)
{
	cleanup_(freep) char *path = bench_path(b, name);
	const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

	check_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static inline void bench_rename(const struct bench *b, const char *from, const char *to)
{
	cleanup_(freep) char *old = bench_path(b, from);
	cleanup_(freep) char *new = bench_path(b, to);

	check_eq(rename(old, new), 0);
}

/* Opens @name ("-": stdin_fd) beside what is live; the name users wrote is @name. */
static inline int bench_open(struct bench *b, const char *name)
{
	const bool is_stdin = strcmp(name, "-") == 0;
	cleanup_(freep) char *path = is_stdin ? mem_strdup(name) : bench_path(b, name);
	const struct ndjson_options options = {
		.path = path,
		.name = name,
		.max_record = b->max_record,
		.starts_anew_on_change = b->starts_anew,
		.is_follow = b->is_follow,
		.tell = bench_tell,
		.tell_arg = b,
		.known = b->live,
		.n_known = b->n_live,
		.host = &b->host,
		.stdin_fd = b->stdin_fd,
	};

	source_free(b->source);
	b->source = NULL;
	return ndjson_open(&options, &b->source, &b->err);
}

static inline struct stream *copy_stream(const struct stream *s)
{
	struct stream *copy = mem_alloc(sizeof(*copy));
	struct buf text = BUF_INIT;

	*copy = *s;
	copy->name = mem_strdup(s->name);
	copy->ranges = NULL;
	copy->n_ranges = copy->cap_ranges = 0;
	stream_ranges_text(s, &text);
	check_eq(stream_ranges_parse(copy, buf_text(&text), NULL), 0);
	buf_deinit(&text);
	return copy;
}

/* What a commit does. */
static inline void bench_store(struct bench *b)
{
	if (b->source)
		source_mark(b->source);
	bench_drop(b->stored, &b->n_stored);
	for (; b->n_stored < b->n_live; b->n_stored++)
		b->stored[b->n_stored] = copy_stream(b->live[b->n_stored]);
}

/* kill -9: what was not stored is gone. */
static inline void bench_restart(struct bench *b)
{
	source_free(b->source);
	b->source = NULL;
	bench_drop(b->live, &b->n_live);
	for (; b->n_live < b->n_stored; b->n_live++)
		b->live[b->n_live] = copy_stream(b->stored[b->n_live]);
}

/* The next record; NULL at the end. */
static inline struct record *bench_next(struct bench *b)
{
	struct record *record = NULL;
	int r;

	do
		r = source_next(b->source, &record, &b->err);
	while (r == SOURCE_LATER);
	if (r < 0)
		fail_msg("%s", b->err.text);
	return r == SOURCE_RECORD ? record : NULL;
}

/* The next record there is by now; NULL where that was all, or all for the moment (@ret_end). */
static inline struct record *bench_next_now(struct bench *b, bool *ret_end)
{
	struct record *record = NULL;
	int r;

	do
		r = source_next(b->source, &record, &b->err);
	while (r == SOURCE_LATER && source_fd(b->source) < 0);
	if (r < 0)
		fail_msg("%s", b->err.text);
	*ret_end = r == SOURCE_END;
	return r == SOURCE_RECORD ? record : NULL;
}

static inline void bench_settle(struct bench *b, struct record *record)
{
	stream_settle(b->live[record->stream - 1], record->pos, record->next_pos, 1);
	record_unref(record);
}

/*
 * Reads to the end, settles and stores everything; returns "line:raw …" to free(). A fault is "!"
 * and its sentence is lost.
 */
static inline char *bench_read_all(struct bench *b)
{
	struct buf out = BUF_INIT;
	struct record *record;

	while ((record = bench_next(b))) {
		buf_addf(&out, "%s%" PRIu64 ":%s%s", out.len ? " " : "", record->line,
		         record->fault ? "!" : "", record->raw ? record->raw : "");
		bench_settle(b, record);
	}
	bench_store(b);
	return buf_take(&out);
}

/* A whole run over @name: open, read all, restart. */
static inline char *bench_run(struct bench *b, const char *name)
{
	char *text;

	if (bench_open(b, name) < 0)
		fail_msg("%s", b->err.text);
	text = bench_read_all(b);
	bench_restart(b);
	return text;
}

/* The same for several files: "name:line …", faults with "!". */
static inline char *bench_read_names(struct bench *b)
{
	struct buf out = BUF_INIT;
	struct record *record;

	while ((record = bench_next(b))) {
		buf_addf(&out, "%s%s:%" PRIu64 "%s", out.len ? " " : "", record->source_name,
		         record->line, record->fault ? "!" : "");
		bench_settle(b, record);
	}
	bench_store(b);
	return buf_take(&out);
}

static inline char *bench_run_names(struct bench *b, const char *name)
{
	char *text;

	if (bench_open(b, name) < 0)
		fail_msg("%s", b->err.text);
	text = bench_read_names(b);
	bench_restart(b);
	return text;
}

#define check_names(b, name, expected)                                                             \
	do {                                                                                       \
		cleanup_(freep) char *text_ = bench_run_names(b, name);                            \
		check_text(text_, expected);                                                       \
	} while (0)

#define check_run(b, name, expected)                                                               \
	do {                                                                                       \
		cleanup_(freep) char *text_ = bench_run(b, name);                                  \
		check_text(text_, expected);                                                       \
	} while (0)
