#include "connector/delivery/journal_schema.h"

#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <stdlib.h>

/*
 * Keys of records. A key is settled where `seen_key` has it; it is rejected where a record with it
 * has rows and `seen_key` has not. So a reject needs no word of its own, and what removes its rows
 * frees its key.
 */

void journal_prepare_seen(struct journal *j)
{
	struct store *s = j->store;

	j->q.find_seen = store_query(s, "SELECT (SELECT outcome FROM seen_key WHERE hash=?1),"
	                                " EXISTS (SELECT 1 FROM record WHERE user_key=?1)");
	j->q.put_seen = store_query(s, "INSERT OR REPLACE INTO seen_key VALUES(?1, ?2, ?3)");
	j->q.drop_seen = store_query(s, "DELETE FROM seen_key WHERE hash=?1");
	j->q.keep_seen = store_query(s, "INSERT OR IGNORE INTO seen_key SELECT user_key, ?2, ?3"
	                                " FROM record WHERE id=?1 AND user_key IS NOT NULL AND done"
	                                " AND NOT EXISTS (SELECT 1 FROM part WHERE record=?1)");
	j->q.put_key = store_query(s, "UPDATE record SET user_key=?2 WHERE id=?1");
	j->q.parts_by_key = store_query(s, "SELECT p.id, p.record, p.outcome, p.class FROM record r"
	                                   " JOIN part p ON p.record = r.id WHERE r.user_key=?1");
	j->q.rejects_by_key = store_query(s, "SELECT " PART_COLUMNS PART_JOIN
	                                     "WHERE r.user_key=?1 AND p.outcome=?2 AND p.class<>?3"
	                                     " ORDER BY p.id");
}

static void bind_key(struct store_query *q, int at, const uint8_t *key)
{
	store_bind_blob(q, at, key, record_key_bytes);
}

int journal_apply_key(struct journal *j, const struct change *c, struct err *err)
{
	store_bind_int(j->q.put_key, 1, (int64_t)c->number[0]);
	store_bind_blob(j->q.put_key, 2, c->text[0], record_key_bytes);
	return store_run(j->q.put_key, err);
}

/* What the rows say about a key. */
struct key_rows {
	bool is_held, is_left; /* of the record itself; left: open, or rejected */
	uint64_t *replaced;    /* parts */
	size_t n_replaced, cap_replaced;
};

static bool is_reject(enum outcome outcome, enum reject_class class)
{
	return outcome == OUTCOME_REJECTED && class != REJECT_GIVEN_UP;
}

static int look_at_rows(struct journal *j, const struct record *record, struct key_rows *rows,
                        struct err *err)
{
	struct store_query *q = j->q.parts_by_key;
	int r;

	bind_key(q, 1, record->key);
	while ((r = store_step(q, err)) > 0) {
		const bool is_own = (uint64_t)store_int(q, 1) == record->row;
		const enum outcome outcome = (enum outcome)store_int(q, 2);
		const bool is_again = is_reject(outcome, (enum reject_class)store_int(q, 3));

		if (is_own) {
			rows->is_held |= outcome == OUTCOME_HELD;
			rows->is_left |= outcome == OUTCOME_OPEN || is_again;
		} else if (is_again) {
			rows->replaced = mem_grow(rows->replaced, rows->n_replaced,
			                          &rows->cap_replaced, sizeof(*rows->replaced));
			rows->replaced[rows->n_replaced++] = (uint64_t)store_int(q, 0);
		}
	}
	return r;
}

static int replace(struct journal *j, const struct key_rows *rows, int64_t wall_ms, struct err *err)
{
	static char what[] = "reject", choice[] = "replaced";
	int r = 0;

	for (size_t i = 0; r >= 0 && i < rows->n_replaced; i++) {
		const struct change decision = {
			.text = {what, choice}, .number = {rows->replaced[i]}, .wall_ms = wall_ms};

		r = journal_apply_drop_part(j, rows->replaced[i], wall_ms, err);
		if (r >= 0)
			r = journal_apply_decision(j, &decision, err);
	}
	return r;
}

static int put_seen(struct journal *j, const uint8_t *key, enum outcome outcome, int64_t wall_ms,
                    struct err *err)
{
	bind_key(j->q.put_seen, 1, key);
	store_bind_int(j->q.put_seen, 2, outcome);
	store_bind_int(j->q.put_seen, 3, wall_ms);
	return store_run(j->q.put_seen, err);
}

int journal_apply_seen(struct journal *j, const struct change *c, struct err *err)
{
	const uint8_t *key = c->record->key;
	struct key_rows rows = {0};
	enum outcome outcome = (enum outcome)c->small;
	int r;

	if (hook_without("seen")) /* the mutant that forgets what it has seen */
		return 0;
	r = look_at_rows(j, c->record, &rows, err);
	if (r >= 0)
		r = replace(j, &rows, c->wall_ms, err);
	free(rows.replaced);
	if (r < 0)
		return r;
	if (rows.is_left && !rows.is_held) {
		bind_key(j->q.drop_seen, 1, key);
		return store_run(j->q.drop_seen, err);
	}
	/* A reject that settles its key was held before somebody gave it up. */
	if (rows.is_held || outcome == OUTCOME_REJECTED)
		outcome = OUTCOME_HELD;
	return put_seen(j, key, outcome, c->wall_ms, err);
}

int journal_keep_key(struct journal *j, uint64_t row, int64_t wall_ms, struct err *err)
{
	struct store_query *q = j->q.keep_seen;

	store_bind_int(q, 1, (int64_t)row);
	store_bind_int(q, 2, OUTCOME_DELIVERED);
	store_bind_int(q, 3, wall_ms);
	return store_run(q, err);
}

int journal_find_seen(struct journal *journal, const uint8_t key[static record_key_bytes],
                      enum outcome *ret_outcome, struct err *err)
{
	struct store_query *q = journal->q.find_seen;
	int r;

	bind_key(q, 1, key);
	r = store_step(q, err);
	if (r < 0)
		return r;
	*ret_outcome = (enum outcome)store_int(q, 0); /* 0 where there is none */
	if (*ret_outcome == OUTCOME_OPEN && store_int(q, 1))
		*ret_outcome = OUTCOME_REJECTED;
	store_reset(q);
	return 0;
}

int journal_each_reject_of(struct journal *journal, const uint8_t key[static record_key_bytes],
                           void (*take)(void *arg, const struct part_row *row), void *arg,
                           struct err *err)
{
	struct store_query *q = journal->q.rejects_by_key;

	bind_key(q, 1, key);
	store_bind_int(q, 2, OUTCOME_REJECTED);
	store_bind_int(q, 3, REJECT_GIVEN_UP);
	return journal_take_rows(q, REJECT_NONE, take, arg, err);
}
