#pragma once

/* What the tests of connector/gather share: a route with a batch, and drafts of it. */

#include "connector/gather/gather.h"
#include "lib/buf.h"
#include "lib/jq.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <string.h>

static inline struct json_object *parse(const char *text)
{
	struct json_object *value = NULL;

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, NULL), 0);
	return value;
}

/* A route with a batch; the test changes what it is about. */
struct world {
	struct route route;
	struct jq_set *jq;
	struct gather *gather;
};

static inline void make_world(struct world *w, struct batch batch, const char *program)
{
	*w = (struct world){.route = {.name = mem_strdup("rows"),
	                              .method = METHOD_POST,
	                              .has_body = true,
	                              .batch = mem_alloc(sizeof(batch))},
	                    .gather = gather_new()};
	if (!batch.size)
		batch.size = 100;
	if (!batch.bytes)
		batch.bytes = 1 << 20;
	batch.key = mem_strdup(batch.key);
	batch.into = mem_strdup(batch.into);
	*w->route.batch = batch;
	if (!program)
		return;
	w->jq = jq_set_new();
	w->route.batch->jq = jq_set_add(w->jq, program, "program");
	check_eq(jq_set_compile(w->jq, NULL, NULL, NULL), 0);
}

static inline void end_world(struct world *w)
{
	gather_free(w->gather);
	jq_set_free(w->jq);
	route_deinit(&w->route);
}

static inline struct draft *draft_of(struct world *w, const char *body)
{
	static uint64_t line;
	struct record *record = record_new();
	struct draft *draft = draft_new(record, &w->route, 0);

	record->source_name = mem_strdup("rows.ndjson");
	record->line = ++line;
	record->stream = 1;
	record_unref(record);
	draft->url = mem_strdup("/rows");
	draft->body = parse(body);
	return draft;
}

/* A draft of a stream and URL. */
static inline void add_to(struct world *w, uint64_t stream, const char *url, const char *body,
                          uint64_t now_ms)
{
	struct draft *draft = draft_of(w, body);

	draft->record->stream = stream;
	free(draft->url);
	draft->url = mem_strdup(url);
	gather_add(w->gather, draft, now_ms);
}

static inline void add(struct world *w, const char *body, uint64_t now_ms)
{
	add_to(w, 1, "/rows", body, now_ms);
}

static inline void free_drafts(struct draft **drafts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		draft_free(drafts[i]);
	free(drafts);
}

/* The bodies of the next group, "1 2 3"; "" where none is to go. */
static inline void check_next(struct world *w, uint64_t now_ms, bool all, const char *expected)
{
	struct draft **drafts = NULL;
	const size_t n = gather_take(w->gather, now_ms, all, &drafts);
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(&out, ' ');
		json_print(drafts[i]->body, &out);
	}
	check_text(buf_text(&out), expected);
	buf_deinit(&out);
	free_drafts(drafts, n);
}
