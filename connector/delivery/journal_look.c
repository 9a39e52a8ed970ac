#include "connector/delivery/journal_schema.h"

#include "lib/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Everything else that is read back: streams, rejects and held items, runs, totals. */

static void copy_hash(char to[65], const char *from)
{
	(void)memccpy(to, from ? from : "", '\0', 65);
	to[64] = '\0';
}

static int read_stream(struct store_query *q, struct stream **ret_stream, struct err *err)
{
	struct stream *s = stream_new((enum stream_kind)store_int(q, 1), store_text(q, 2));
	int r;

	s->id = (uint64_t)store_int(q, 0);
	s->dev = (uint64_t)store_int(q, 3);
	s->ino = (uint64_t)store_int(q, 4);
	copy_hash(s->head_hash, store_text(q, 5));
	s->head_len = (uint64_t)store_int(q, 6);
	copy_hash(s->tail_hash, store_text(q, 7));
	s->tail_len = (uint64_t)store_int(q, 8);
	s->hashed_to = (uint64_t)store_int(q, 9);
	copy_hash(s->whole_hash, store_text(q, 10));
	s->size = (uint64_t)store_int(q, 11);
	s->mtime_ns = store_int(q, 12);
	s->settled_to = (uint64_t)store_int(q, 13);
	s->settled_line = (uint64_t)store_int(q, 14);
	s->generation = (uint64_t)store_int(q, 16);
	s->doubtful_to = (uint64_t)store_int(q, 17);
	r = stream_ranges_parse(s, store_text(q, 15), err);
	if (r < 0)
		stream_free(s);
	else
		*ret_stream = s;
	return r;
}

uint64_t journal_sent_to(struct journal *journal, uint64_t stream)
{
	struct store_query *q = journal->q.sent_to;
	uint64_t to;
	struct err err;
	int r;

	store_bind_int(q, 1, (int64_t)stream);
	r = store_step(q, &err);
	to = r < 0 ? UINT64_MAX : r > 0 ? (uint64_t)store_int(q, 0) : 0;
	store_reset(q);
	return to;
}

int journal_each_stream(struct journal *journal,
                        void (*take)(void *arg, struct stream *takes_stream), void *arg,
                        struct err *err)
{
	struct store_query *q = journal->q.streams;
	int r;

	while ((r = store_step(q, err)) > 0) {
		struct stream *s = NULL;

		r = read_stream(q, &s, err);
		if (r < 0)
			break;
		take(arg, s);
	}
	store_reset(q);
	return r;
}

static void read_row(struct store_query *q, struct part_row *row)
{
	journal_read_part(q, NULL, &row->part);
	row->at_wall_ms = store_int(q, 18);
	row->request = (uint64_t)store_int(q, 19);
	row->route = journal_text(q, 20);
	row->operation = journal_text(q, 21);
}

static void row_deinit(struct part_row *row)
{
	part_deinit(&row->part);
	free(row->route);
	free(row->operation);
}

int journal_each_closed_lane(struct journal *journal,
                             void (*take)(void *arg, const char *key, int64_t until_wall_ms),
                             void *arg, struct err *err)
{
	struct store_query *q = journal->q.closed_lanes;
	int r;

	while ((r = store_step(q, err)) > 0)
		take(arg, store_text(q, 0), store_int(q, 1));
	return r;
}

int journal_each_names(struct journal *journal,
                       void (*take)(void *arg, const char *kind, const char *text), void *arg,
                       struct err *err)
{
	struct store_query *q = journal->q.each_names;
	int r;

	while ((r = store_step(q, err)) > 0)
		take(arg, store_text(q, 0), store_text(q, 1));
	return r;
}

int journal_take_rows(struct store_query *q, enum reject_class class,
                      void (*take)(void *arg, const struct part_row *row), void *arg,
                      struct err *err)
{
	int r;

	while ((r = store_step(q, err)) > 0) {
		struct part_row row = {0};

		if (class != REJECT_NONE && store_int(q, 3) != class)
			continue;
		read_row(q, &row);
		take(arg, &row);
		row_deinit(&row);
	}
	return r;
}

int journal_each_part(struct journal *journal, enum outcome outcome, const uint64_t *ids,
                      enum reject_class class, void (*take)(void *arg, const struct part_row *row),
                      void *arg, struct err *err)
{
	struct store_query *q = ids ? journal->q.part_by_id : journal->q.parts_in;
	int r = 0;

	if (!ids) {
		store_bind_int(q, 1, outcome);
		return journal_take_rows(q, class, take, arg, err);
	}
	for (; *ids && r >= 0; ids++) {
		store_bind_int(q, 1, outcome);
		store_bind_int(q, 2, (int64_t)*ids);
		r = journal_take_rows(q, class, take, arg, err);
	}
	return r;
}

int journal_each_part_at(struct journal *journal, uint64_t stream, uint64_t pos,
                         void (*take)(void *arg, const struct part_row *row), void *arg,
                         struct err *err)
{
	struct store_query *q = journal->q.parts_at;

	store_bind_int(q, 1, (int64_t)stream);
	store_bind_int(q, 2, (int64_t)pos);
	return journal_take_rows(q, REJECT_NONE, take, arg, err);
}

int journal_each_rejected_record(struct journal *journal, enum reject_class class, uint64_t stream,
                                 int64_t pos, bool (*take)(void *arg, const struct part_row *row),
                                 void *arg, struct err *err)
{
	struct store_query *q = journal->q.rejected_records;
	bool goes_on = true;
	int r = 0;

	store_bind_int(q, 1, (int64_t)stream);
	store_bind_int(q, 2, pos);
	store_bind_int(q, 3, class);
	while (goes_on && (r = store_step(q, err)) > 0) {
		struct part_row row = {0};

		read_row(q, &row);
		goes_on = take(arg, &row);
		row_deinit(&row);
	}
	store_reset(q);
	return r < 0 ? r : 0;
}

int journal_totals(struct journal *journal, struct journal_totals *ret_totals, struct err *err)
{
	static const char *const sql[] = {
		"SELECT count(DISTINCT p.record) FROM part p WHERE outcome = 0",
		"SELECT count(*) FROM request WHERE state IN (5, 6)",
		"SELECT count(*) FROM part WHERE outcome = 5",
		"SELECT count(*) FROM part WHERE outcome = 4",
	};
	uint64_t n[8] = {0};
	int r = 0;

	_Static_assert(OUTCOME_OPEN == 0 && OUTCOME_REJECTED == 4 && OUTCOME_HELD == 5,
	               "numbers are stored");
	for (size_t i = 0; i < 4; i++) {
		struct store_query *q = journal->q.totals[i];

		if (!q)
			q = journal->q.totals[i] = store_query(journal->store, sql[i]);
		r = store_step(q, err);
		if (r < 0)
			return r;
		n[i] = (uint64_t)store_int(q, 0);
		store_reset(q);
	}
	r = journal_count_owed(journal, SINK_WEBHOOK, INT64_MAX, &n[4], err);
	if (r >= 0)
		r = journal_count_owed(journal, SINK_FILE, INT64_MAX, &n[5], err);
	if (r >= 0)
		r = journal_count_owed(journal, SINK_KAFKA, INT64_MAX, &n[6], err);
	if (r >= 0)
		r = journal_count_owed(journal, SINK_REJECTS, INT64_MAX, &n[7], err);
	if (r < 0)
		return r;
	*ret_totals = (struct journal_totals){n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]};
	return 0;
}

static void read_run(struct store_query *q, struct journal_run *ret)
{
	struct run_counts *n = &ret->counts;
	uint64_t *const counts[] = {&n->read,     &n->delivered, &n->filtered, &n->skipped,
	                            &n->rejected, &n->held,      &n->open};

	ret->id = (uint64_t)store_int(q, 0);
	(void)memccpy(ret->uid, store_text(q, 1), '\0', sizeof(ret->uid));
	ret->began_wall_ms = store_int(q, 2);
	ret->ended_wall_ms = store_int(q, 3);
	(void)memccpy(ret->reason, store_text(q, 4), '\0', sizeof(ret->reason));
	ret->config = (uint64_t)store_int(q, 5);
	for (int i = 0; i < 7; i++)
		*counts[i] = (uint64_t)store_int(q, 6 + i);
}

int journal_each_run(struct journal *journal, uint64_t n,
                     void (*take)(void *arg, const struct journal_run *run, const char *sha256),
                     void *arg, struct err *err)
{
	struct store_query *q = journal->q.runs;
	int r;

	store_bind_int(q, 1, (int64_t)n);
	while ((r = store_step(q, err)) > 0) {
		struct journal_run run = {0};
		const char *sha256 = store_text(q, 13);

		read_run(q, &run);
		take(arg, &run, sha256 ? sha256 : "");
	}
	return r;
}

static void take_run(void *arg, const struct journal_run *run, const char *sha256)
{
	struct journal_run *ret = arg;

	(void)sha256;
	*ret = *run;
}

int journal_last_run(struct journal *journal, struct journal_run *ret_run, struct err *err)
{
	int r;

	ret_run->id = 0;
	r = journal_each_run(journal, 1, take_run, ret_run, err);
	return r < 0 ? r : ret_run->id ? 0 : -ENOENT;
}

int journal_prune(struct journal *journal, int64_t before_wall_ms, struct err *err)
{
	static const char *const sql[] = {
		"DELETE FROM payload WHERE request IN (SELECT request FROM part"
		" WHERE outcome = 4 AND at < ?1)",
		"UPDATE part SET draft = NULL WHERE outcome = 4 AND at < ?1",
		"UPDATE record SET raw = NULL WHERE id IN (SELECT record FROM part"
		" WHERE outcome = 4 AND at < ?1)",
		"DELETE FROM object WHERE at < ?1 AND kind <> 'spelling'",
		"DELETE FROM known WHERE at < ?1",
		/* Left by a kill between a retry's outcome and this. */
		"DELETE FROM request WHERE state IN (3, 7) AND ended_at < ?1 AND NOT EXISTS"
		" (SELECT 1 FROM part WHERE part.id BETWEEN first_part AND last_part AND"
		" part.request = request.seq)",
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(sql) / sizeof(*sql); i++) {
		struct store_query *q = store_query(journal->store, sql[i]);

		store_bind_int(q, 1, before_wall_ms);
		r = store_run(q, err);
	}
	return r >= 0 ? journal_prune_told(journal, before_wall_ms, err) : r;
}
