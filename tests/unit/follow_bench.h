#pragma once

/* What the tests of followed files share: what is handed out until there is nothing more. */

#include "connector/source/ndjson_private.h"
#include "tests/unit/ndjson_bench.h"

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

static inline void add(const struct bench *b, const char *name, const char *text)
{
	bench_write(b, name, "ab", text, strlen(text));
}

static inline void cut_short(const struct bench *b, const char *name, off_t len)
{
	cleanup_(freep) char *path = bench_path(b, name);

	check_eq(truncate(path, len), 0);
}
