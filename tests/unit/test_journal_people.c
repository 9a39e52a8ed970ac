#include "tests/unit/journal_case.h"

/* What people ask the journal: the history of runs, and the records that were rejected. */

static char seen[1200];

static void add_seen(const char *text)
{
	const size_t len = strlen(seen);

	(void)snprintf(seen + len, sizeof(seen) - len, "%s%s", len ? " | " : "", text);
}

/* Runs */

static void put_run(int64_t began, const char *reason, uint64_t config)
{
	struct journal_run run = {.uid = "abc",
	                          .began_wall_ms = began,
	                          .ended_wall_ms = *reason ? began + 500 : 0,
	                          .config = config,
	                          .counts = {.read = 3, .delivered = 2, .rejected = 1}};

	(void)snprintf(run.reason, sizeof(run.reason), "%s", reason);
	journal_put_run(journal, &run);
	commit();
}

static void take_run(void *arg, const struct journal_run *run, const char *sha256)
{
	char text[1100];

	(void)arg;
	(void)snprintf(text, sizeof(text), "%llu %lld-%lld %s %s %llu", (unsigned long long)run->id,
	               (long long)run->began_wall_ms, (long long)run->ended_wall_ms, run->reason,
	               sha256, (unsigned long long)run->counts.delivered);
	add_seen(text);
}

static const char *runs(uint64_t n)
{
	seen[0] = '\0';
	check_eq(journal_each_run(journal, n, take_run, NULL, NULL), 0);
	return seen;
}

static void runs_come_newest_first_with_their_pipeline(void **state)
{
	struct journal_run last;
	uint64_t config;

	(void)state;
	check_text(runs(5), "");
	check(journal_last_run(journal, &last, NULL) < 0);
	check_eq(journal_config(journal, "aaaa", "version: 1", &config, NULL), 0);
	put_run(1000, "end of input", config);
	put_run(2000, "", 99);
	check_text(runs(5), "2 2000-0   2 | 1 1000-1500 end of input aaaa 2");
	check_text(runs(1), "2 2000-0   2");
	check_eq(journal_last_run(journal, &last, NULL), 0);
	check_eq(last.id, 2);
	check_eq(last.counts.rejected, 1);
}

/* Rejected records */

/* Rejects output @ordinal of the record at @pos; @record is shared by its outputs. */
static void reject(struct record *record, unsigned ordinal, enum reject_class class)
{
	struct part part = {.record = record_ref(record),
	                    .ordinal = ordinal,
	                    .outcome = OUTCOME_REJECTED,
	                    .class = class};

	journal_reject_part(journal, &part, "leads", "lead.create", NULL, 1000, NULL, NULL);
	commit();
	part_deinit(&part);
}

static struct record *record_of(uint64_t pos, const char *raw)
{
	struct record *r = record_at(pos);

	free(r->raw);
	r->raw = mem_strdup(raw);
	r->len = strlen(raw);
	return r;
}

static bool take_record(void *arg, const struct part_row *row)
{
	const struct record *r = row->part.record;
	unsigned *room = arg;
	char text[100];

	(void)snprintf(text, sizeof(text), "%llu@%llu %.*s", (unsigned long long)row->part.id,
	               (unsigned long long)r->pos, (int)record_raw_len(r), r->raw);
	add_seen(text);
	return !room || --*room;
}

static const char *rejected(enum reject_class class, int64_t pos, unsigned *room)
{
	seen[0] = '\0';
	check_eq(journal_each_rejected_record(journal, class, pos < 0 ? 0 : stream->id, pos,
	                                      take_record, room, NULL),
	         0);
	return seen;
}

static void rejected_records_come_once_each_in_their_order(void **state)
{
	struct record *late = record_of(20, "{\"a\":200}"), *early = record_of(0, "{\"a\":100}");
	unsigned room = 1;

	(void)state;
	reject(late, 0, REJECT_JSON);
	reject(early, 1, REJECT_FIELD);
	reject(early, 0, REJECT_LINK);
	check_text(rejected(REJECT_NONE, -1, NULL), "2@0 {\"a\":100} | 1@20 {\"a\":200}");
	check_text(rejected(REJECT_NONE, -1, &room), "2@0 {\"a\":100}");
	check_text(rejected(REJECT_NONE, 0, NULL), "1@20 {\"a\":200}");
	check_text(rejected(REJECT_LINK, -1, NULL), "3@0 {\"a\":100}");
	check_text(rejected(REJECT_GUARD, -1, NULL), "");
	record_unref(late);
	record_unref(early);
}

static void an_edited_record_stays_edited_and_where_it_was(void **state)
{
	struct record *r = record_of(10, "{\"a\":1.0}");

	(void)state;
	r->fault = RECORD_JSON;
	reject(r, 0, REJECT_JSON);
	record_edit(r, "{\"a\":1,\"b\":[2]}");
	check_eq(r->fault, RECORD_OK);
	check_eq(r->len, 9);
	journal_edit_record(journal, r);
	commit();
	journal_close(journal);
	open_journal();
	check_text(rejected(REJECT_NONE, -1, NULL), "1@10 {\"a\":1,\"b\":[2]}");
	record_unref(r);
}

int main(void)
{
#define with_journal(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		with_journal(runs_come_newest_first_with_their_pipeline),
		with_journal(rejected_records_come_once_each_in_their_order),
		with_journal(an_edited_record_stays_edited_and_where_it_was),
	};

	return run_sentences(tests);
}
