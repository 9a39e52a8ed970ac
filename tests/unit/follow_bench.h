#pragma once

/* What the tests of followed files share: what is handed out until there is nothing more. */

#include "connector/source/ndjson_private.h"
#include "tests/unit/ndjson_bench.h"

#include <errno.h>

static inline const char *id_of(const struct record *r)
{
	struct json_object *id = json_object_object_get(r->value, "id");

	return id ? json_object_get_string(id) : "null";
}

/*
 * What the source hands out until it has nothing more at the moment: the ids of the records, each
 * settled and stored. A file is named where it is another than before: "in: 1 2 in.1: 3".
 */
static inline char *see(struct bench *b)
{
	struct buf out = BUF_INIT;
	char *last = mem_strdup("");
	struct record *r;
	bool is_end;

	while ((r = bench_next_now(b, &is_end))) {
		if (strcmp(last, r->source_name) != 0)
			buf_addf(&out, "%s%s:", out.len ? " " : "", r->source_name);
		free(last);
		last = mem_strdup(r->source_name);
		buf_addf(&out, " %s", r->fault ? "bad" : id_of(r));
		bench_settle(b, r);
	}
	check(!is_end);
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

static inline void init(struct bench *b)
{
	bench_init(b);
	b->is_follow = true;
}

static inline void follow(struct bench *b, const char *name)
{
	if (bench_open(b, name) < 0)
		fail_msg("%s", b->err.text);
}

/* Follows @name from its making on, with @text in it. */
static inline void follow_text(struct bench *b, const char *name, const char *text)
{
	init(b);
	bench_put(b, name, text);
	follow(b, name);
}

/* Follows "in", of which record 1 is read. */
static inline void follow_one(struct bench *b)
{
	follow_text(b, "in", "{\"id\":1}\n");
	check_sees(b, "in: 1");
}

/* Whoever starts again at @name finds nothing that is not read: all of it was stored. */
static inline void check_all_read(struct bench *b, const char *name)
{
	bench_restart(b);
	follow(b, name);
	check_sees(b, "");
}

/* What comes next is no record: the file is not the one that was read, and @why. */
static inline void check_stale(struct bench *b, const char *why)
{
	struct record *r;
	int result;

	do
		result = source_next(b->source, &r, &b->err);
	while (result == SOURCE_LATER);
	check_eq(result, -ESTALE);
	check(strstr(b->err.text, why) != NULL);
}

static inline void add(const struct bench *b, const char *name, const char *text)
{
	bench_write(b, name, "ab", text, strlen(text));
}

static inline void cut_short(const struct bench *b, const char *name, off_t len)
{
	cleanup_(freep) char *path = bench_path(b, name);

	check_eq(truncate(path, len), 0);
}
