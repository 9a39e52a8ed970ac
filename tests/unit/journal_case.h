#pragma once

/* What the tests of the journal share: a journal in a folder of its own, with one stream. */

#include "connector/delivery/journal_schema.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char folder[64];
static struct journal *journal;
static struct stream *stream;

static inline void open_journal(void)
{
	struct err err = {{0}};

	if (journal_open(folder, &journal, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void commit(void)
{
	struct err err = {{0}};

	if (journal_commit(journal, &err) < 0)
		fail_msg("%s", err.text);
}

static inline int begin(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "%s/journal-XXXXXX",
	               access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	check(mkdtemp(folder));
	open_journal();
	stream = stream_new(STREAM_FILE, "in.ndjson");
	stream->id = journal_next_stream(journal);
	journal_put_stream(journal, stream);
	commit();
	return 0;
}

static inline int end(void **state)
{
	char command[128];

	(void)state;
	journal_close(journal);
	stream_free(stream);
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static inline void reopen(void)
{
	journal_close(journal);
	open_journal();
}

static inline struct record *record_at(uint64_t pos)
{
	struct record *r = record_new();

	r->stream = stream->id;
	r->source_name = mem_strdup("in.ndjson");
	r->pos = pos;
	r->len = 7;
	r->next_pos = pos + 8;
	r->line = pos / 8 + 1;
	r->raw = mem_strdup("{\"a\":1}");
	return r;
}

static inline struct request *request_at(uint64_t pos)
{
	struct request *r = request_new();

	r->method = METHOD_POST;
	r->class = CLASS_A;
	r->route = mem_strdup("leads");
	r->operation = mem_strdup("lead.create");
	r->object = mem_strdup("lead");
	r->group = mem_strdup("write");
	r->url = mem_strdup("/lead/");
	r->body = mem_strdup("{\"a\":1}");
	r->body_len = 7;
	r->parts = mem_alloc(sizeof(struct part));
	r->n_parts = 1;
	r->parts[0].record = record_at(pos);
	return r;
}

static inline struct request *create_at(uint64_t pos)
{
	struct request *r = request_at(pos);

	r->state = REQUEST_INTENT;
	r->identity_field = mem_strdup("custom.cf_1");
	r->identity_value = mem_printf("k%llu", (unsigned long long)pos);
	request_add_lane(r, "identity custom.cf_1=k", true);
	request_add_lane(r, "lead_2", false);
	return r;
}

static struct request *found[2048]; /* open requests, in order */
static size_t n_found;
static struct waiting_part *waits[2048];
static size_t n_waits;

static inline void collect(void *arg, struct request *takes_request)
{
	(void)arg;
	found[n_found++] = takes_request;
}

static inline void collect_waiting(void *arg, struct waiting_part *takes_part)
{
	(void)arg;
	waits[n_waits++] = takes_part;
}

static inline void load_open(void)
{
	n_found = n_waits = 0;
	check_eq(journal_each_open(journal, collect, collect_waiting, NULL, NULL), 0);
}

static inline void free_found(void)
{
	while (n_found)
		request_free(found[--n_found]);
	while (n_waits)
		waiting_part_free(waits[--n_waits]);
}

/* Rows */

static inline uint64_t number(const char *sql)
{
	struct store_query *q = store_query(journal->store, sql);
	uint64_t n;

	check_eq(store_step(q, NULL), 1);
	n = (uint64_t)store_int(q, 0);
	store_reset(q);
	return n;
}

static inline uint64_t n_records(void)
{
	return number("SELECT count(*) FROM record");
}

static inline uint64_t n_parts(void)
{
	return number("SELECT count(*) FROM part");
}

static inline uint64_t n_requests(void)
{
	return number("SELECT count(*) FROM request");
}

static inline uint64_t n_payloads(void)
{
	return number("SELECT count(*) FROM payload");
}

/* The same record, for another output of it. */
static inline struct part output_of(struct record *record, unsigned ordinal, const char *draft)
{
	return (struct part){
		.record = record_ref(record), .ordinal = ordinal, .draft = mem_strdup(draft)};
}

static inline struct request *request_of(struct record *record, unsigned ordinal)
{
	struct request *r = request_at(record->pos);

	part_deinit(&r->parts[0]);
	r->parts[0] = output_of(record, ordinal, NULL);
	return r;
}

/* A call of @n records from @pos on, each with its draft. */
static inline struct request *batch_at(uint64_t pos, size_t n)
{
	struct request *r = request_at(pos);

	r->parts = mem_resize(r->parts, n, sizeof(struct part));
	r->n_parts = n;
	for (size_t i = 1; i < n; i++)
		r->parts[i] = (struct part){.record = record_at(pos + 8 * i)};
	for (size_t i = 0; i < n; i++)
		r->parts[i].draft = mem_printf("draft %llu", (unsigned long long)pos / 8 + i);
	return r;
}

static inline void end_request(struct request *r, enum outcome outcome)
{
	bool keeps[16] = {false};

	for (size_t i = 0; i < r->n_parts; i++) {
		struct record *record = r->parts[i].record;

		r->parts[i].outcome = outcome;
		record->n_open -= record->n_open > 0;
		if (outcome > record->worst)
			record->worst = outcome;
		record->keeps_row |= outcome >= OUTCOME_REJECTED;
		keeps[i] = record->n_open > 0 || record->keeps_row;
	}
	r->state = outcome == OUTCOME_HELD       ? REQUEST_HELD
	           : outcome == OUTCOME_REJECTED ? REQUEST_REFUSED
	                                         : REQUEST_APPLIED;
	journal_end_request(journal, r, keeps, NULL, NULL, NULL);
	commit();
}

static inline void put_intent(struct request *r)
{
	r->state = REQUEST_INTENT;
	journal_put_request(journal, r, NULL, NULL);
	commit();
}
