#include "connector/delivery/journal_schema.h"

#include "lib/crypto.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Changes wait in a list and are applied in one transaction by journal_commit(). Where the disk is
 * full the transaction is gone as a whole (SQLite rolls back); then the INTENTs and what goes with
 * them are left out and the rest, which needs little room and has free pages in reserve, is applied
 * again.
 */

enum {
	reserve_bytes = 8 << 20,
	busy_ms = 2000, /* somebody may just be reading the state for `status` */
};

static void prepare(struct journal *j)
{
	struct store *s = j->store;

	j->q.put_request = store_query(
		s,
		"INSERT OR REPLACE INTO request(" REQUEST_COLUMNS ") VALUES(?1,?2,?3,?4,?5,?6,?7,"
		"?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,?26,?27,?28,"
		"?29,?30,?31,?32,?33)");
	j->q.note_request = store_query(
		s, "UPDATE request SET state=?2, attempts=?3, resends=?4, crash_count=?5, known=?6,"
		   " intent_at=?7 WHERE seq=?1");
	j->q.drop_request = store_query(s, "DELETE FROM request WHERE seq=?1");
	j->q.put_payload =
		store_query(s, "INSERT OR REPLACE INTO payload(request, body) VALUES(?1, ?2)");
	j->q.answer_payload =
		store_query(s, "UPDATE payload SET answer_headers=?2, answer=?3 WHERE request=?1");
	j->q.drop_payload = store_query(s, "DELETE FROM payload WHERE request=?1");
	j->q.put_record =
		store_query(s, "INSERT OR IGNORE INTO record(id, stream, pos, next_pos, len, line,"
	                       " fault, raw, worst, user_key, done, message)"
	                       " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)");
	j->q.note_record = store_query(
		s, "UPDATE record SET worst=max(worst, ?2), done=max(done, ?3) WHERE id=?1");
	j->q.drop_record = store_query(s, "DELETE FROM record WHERE id=?1");
	j->q.put_part =
		store_query(s, "INSERT OR REPLACE INTO part(id, record, ordinal, request, place,"
	                       " outcome, class, generation, at, message, field, fields, route,"
	                       " operation, config, draft, takes_rest) VALUES(?1,?2,?3,?4,?5,"
	                       "?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)");
	j->q.drop_part = store_query(s, "DELETE FROM part WHERE id=?1");
	j->q.delete_part = store_query(s, "DELETE FROM part WHERE id=?1 RETURNING record, request");
	j->q.put_stream = store_query(
		s, "INSERT OR REPLACE INTO stream(" STREAM_COLUMNS
		   ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18)");
	j->q.put_run =
		store_query(s, "INSERT OR REPLACE INTO run VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,"
	                       "?10,?11,?12,?13)");
	j->q.put_decision =
		store_query(s, "INSERT INTO decision(at, what, subject, choice, object_id)"
	                       " VALUES(?1,?2,?3,?4,?5)");
	j->q.put_names = store_query(s, "INSERT OR REPLACE INTO cache VALUES(?1,?2,?3)");
	j->q.close_lane = store_query(s, "INSERT OR REPLACE INTO closed_lane VALUES(?1,?2)");
	j->q.open_lane = store_query(s, "DELETE FROM closed_lane WHERE key=?1");
	j->q.set_meta = store_query(s, "INSERT OR REPLACE INTO meta VALUES(?1, ?2)");
	j->q.edit_record = store_query(s, "UPDATE record SET raw=?2, fault=0 WHERE id=?1");
	j->q.drop_meta = store_query(s, "DELETE FROM meta WHERE k=?1");
	j->q.put_config = store_query(s, "INSERT INTO config(sha256, text) VALUES(?1, ?2)");
	j->q.orphan_request =
		store_query(s, "DELETE FROM request WHERE seq=?1 AND NOT EXISTS (SELECT 1 FROM"
	                       " part WHERE part.id BETWEEN first_part AND last_part AND"
	                       " part.request=?1) RETURNING seq");
	j->q.orphan_record = store_query(s, "DELETE FROM record WHERE id=?1 AND NOT EXISTS"
	                                    " (SELECT 1 FROM part WHERE part.record=?1)");
}

static void prepare_reading(struct journal *j)
{
	struct store *s = j->store;

	j->q.get_meta = store_query(s, "SELECT v FROM meta WHERE k=?1");
	j->q.get_config = store_query(s, "SELECT id FROM config WHERE sha256=?1");
	j->q.config_text = store_query(s, "SELECT text FROM config WHERE id=?1");
	j->q.get_request = store_query(s, "SELECT " REQUEST_COLUMNS " FROM request WHERE seq=?1");
	j->q.get_payload =
		store_query(s, "SELECT body, answer_headers, answer FROM payload WHERE request=?1");
	j->q.parts_of =
		store_query(s, "SELECT " OPEN_PART_COLUMNS PART_JOIN
	                       "WHERE p.id BETWEEN ?2 AND ?3 AND p.request=?1 ORDER BY p.place");
	j->q.open_requests = store_query(s, "SELECT seq FROM request WHERE state IN (0, 1, 5, 6)"
	                                    " ORDER BY iif(root, root, seq), root_at, seq");
	j->q.waiting_parts = store_query(s, "SELECT " OPEN_PART_COLUMNS PART_JOIN
	                                    "WHERE p.request = 0 AND p.outcome = 0"
	                                    " ORDER BY r.stream, r.pos, p.ordinal");
	j->q.streams = store_query(s, "SELECT " STREAM_COLUMNS " FROM stream ORDER BY id");
	j->q.sent_to = store_query(
		s, "SELECT next_pos FROM record WHERE stream = ?1 AND EXISTS (SELECT 1 FROM part "
		   "WHERE part.record = record.id AND part.outcome = 0) ORDER BY pos DESC LIMIT 1");
	j->q.each_names = store_query(s, "SELECT kind, text FROM cache ORDER BY kind");
	j->q.closed_lanes = store_query(s, "SELECT key, until FROM closed_lane");
	j->q.parts_at = store_query(s, "SELECT " PART_COLUMNS PART_JOIN
	                               "WHERE r.stream = ?1 AND r.pos = ?2 ORDER BY p.id");
	j->q.rejected_records = store_query(
		s, "SELECT " PART_COLUMNS PART_JOIN "WHERE (r.stream, r.pos) > (?1, ?2) AND p.id ="
		   " (SELECT min(x.id) FROM part x WHERE x.record = r.id AND x.outcome = 4"
		   " AND (?3 = 0 OR x.class = ?3)) ORDER BY r.stream, r.pos");
	j->q.runs = store_query(s, "SELECT run.*, sha256 FROM run LEFT JOIN config"
	                           " ON config.id = run.config ORDER BY run.id DESC LIMIT ?1");
	j->q.part_by_id =
		store_query(s, "SELECT " PART_COLUMNS PART_JOIN "WHERE p.outcome=?1 AND p.id=?2");
	j->q.parts_in = store_query(s, "SELECT " PART_COLUMNS PART_JOIN
	                               "WHERE p.outcome=?1 AND p.outcome<>0 ORDER BY p.id");
}

static uint64_t next_of(struct journal *j, const char *sql)
{
	struct store_query *q = store_query(j->store, sql);
	uint64_t next = 1;

	if (store_step(q, NULL) > 0)
		next = (uint64_t)store_int(q, 0) + 1;
	store_reset(q);
	return next;
}

static void continue_part_counter(struct journal *j)
{
	char *text = journal_meta(j, "next_part");
	const uint64_t next = text ? strtoull(text, NULL, 10) : 0;

	free(text);
	if (next > j->next_part)
		j->next_part = next;
}

int journal_open(const char *folder, struct journal **ret_journal, struct err *err)
{
	const struct store_config config = {.application_id = journal_application_id,
	                                    .migrations = journal_migrations,
	                                    .reserve_bytes = reserve_bytes,
	                                    .busy_ms = busy_ms};
	struct journal *j = mem_alloc(sizeof(*j));
	char *path = mem_printf("%s/journal.db", folder);
	char *id;
	int r = store_open(path, &config, &j->store, err);

	free(path);
	if (r < 0) {
		free(j);
		return r;
	}
	hook_point("state_made");
	prepare(j);
	prepare_reading(j);
	journal_prepare_events(j);
	journal_prepare_seen(j);
	journal_prepare_objects(j);
	journal_prepare_closing(j);
	j->next_part = next_of(j, "SELECT coalesce(max(id), 0) FROM part");
	j->next_record = next_of(j, "SELECT coalesce(max(id), 0) FROM record");
	j->next_stream = next_of(j, "SELECT coalesce(max(id), 0) FROM stream");
	j->next_event = next_of(j, "SELECT coalesce(max(seq), 0) FROM event");
	j->next_request = next_of(j, "SELECT coalesce(max(seq), 0) FROM request");
	j->next_run = next_of(j, "SELECT coalesce(max(id), 0) FROM run");

	continue_part_counter(j);
	journal_continue_events(j);

	id = journal_meta(j, "id");
	if (!id) {
		uint8_t bytes[16];

		crypto_random(bytes, sizeof(bytes));
		id = crypto_base32(bytes, sizeof(bytes));
		r = journal_set_meta(j, "id", id, err);
		hook_point("state_named");
	}
	if (r >= 0)
		(void)memccpy(j->id, id, '\0', sizeof(j->id));
	free(id);
	if (r < 0) {
		journal_close(j);
		return r;
	}
	*ret_journal = j;
	return 0;
}

static void clear_changes(struct journal *j)
{
	for (size_t i = 0; i < j->n_changes; i++)
		journal_change_deinit(&j->changes[i]);
	j->n_changes = 0;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	clear_changes(journal);
	free(journal->changes);
	free(journal->spare);
	store_close(journal->store);
	free(journal);
}

int journal_check(struct journal *journal, struct err *err)
{
	return store_check(journal->store, err);
}

const char *journal_id(const struct journal *journal)
{
	return journal->id;
}

char *journal_meta(struct journal *journal, const char *key)
{
	struct store_query *q = journal->q.get_meta;
	char *value = NULL;

	store_bind_text(q, 1, key);
	if (store_step(q, NULL) > 0)
		value = mem_strdup(store_text(q, 0));
	store_reset(q);
	return value;
}

int journal_set_meta(struct journal *journal, const char *key, const char *value, struct err *err)
{
	store_bind_text(journal->q.set_meta, 1, key);
	store_bind_text(journal->q.set_meta, 2, value);
	return store_run(journal->q.set_meta, err);
}

int journal_drop_meta(struct journal *journal, const char *key, struct err *err)
{
	store_bind_text(journal->q.drop_meta, 1, key);
	return store_run(journal->q.drop_meta, err);
}

int journal_config(struct journal *journal, const char *sha256, const char *text, uint64_t *ret_id,
                   struct err *err)
{
	struct store_query *get = journal->q.get_config, *put = journal->q.put_config;
	int r;

	for (int round = 0; round < 2; round++) {
		store_bind_text(get, 1, sha256);
		r = store_step(get, err);
		if (r > 0) {
			*ret_id = (uint64_t)store_int(get, 0);
			store_reset(get);
			return 0;
		}
		if (r < 0)
			return r;
		store_bind_text(put, 1, sha256);
		store_bind_text(put, 2, text);
		r = store_run(put, err);
		if (r < 0)
			return r;
	}
	return -EIO;
}

char *journal_config_text(struct journal *journal, uint64_t id)
{
	struct store_query *q = journal->q.config_text;
	char *text = NULL;

	store_bind_int(q, 1, (int64_t)id);
	if (store_step(q, NULL) > 0)
		text = mem_strdup(store_text(q, 0));
	store_reset(q);
	return text;
}

uint64_t journal_next_request(struct journal *journal)
{
	return journal->next_request++;
}

uint64_t journal_next_stream(struct journal *journal)
{
	return journal->next_stream++;
}

uint64_t journal_next_run(struct journal *journal)
{
	return journal->next_run++;
}

uint64_t journal_last_event(const struct journal *journal)
{
	return journal->next_event - 1;
}

uint64_t journal_next_event(struct journal *journal)
{
	return journal->next_event++;
}

bool journal_has_changes(const struct journal *journal)
{
	return journal->n_changes > 0;
}

static void mark_part(struct part *p)
{
	p->is_stored = p->record->is_stored = true;
}

static void mark_request(struct request *r)
{
	r->is_stored = true;
	for (size_t i = 0; i < r->n_parts; i++)
		mark_part(&r->parts[i]);
}

/* What of @c is a durable row now. */
static void mark_stored(const struct change *c)
{
	if (c->kind == CHANGE_PUT_REQUEST || c->kind == CHANGE_PUT_PLANNED) {
		mark_request(c->request);
	} else if (c->kind == CHANGE_HALVE_REQUEST) {
		mark_request(c->halves[0]);
		mark_request(c->halves[1]);
	} else if (c->kind == CHANGE_REJECT_PART || c->kind == CHANGE_PUT_WAITING) {
		mark_part(c->part);
	}
	if (c->kind == CHANGE_PUT_PLANNED || c->kind == CHANGE_PUT_WAITING)
		hook_point("outputs_durable");
}

int journal_commit(struct journal *journal, struct err *err)
{
	struct change *changes;
	size_t n, cap;
	int r;

	if (!journal->n_changes)
		return 0;
	hook_point("commit_asked");
	r = journal_apply(journal, true, err);
	if (r == -ENOSPC)
		r = journal_apply(journal, false, err);
	if (r < 0)
		return r;
	hook_point("commit_durable");

	/* Done functions submit the next changes, so this turn's list is taken out first. */
	changes = journal->changes;
	n = journal->n_changes;
	cap = journal->cap_changes;
	journal->changes = journal->spare;
	journal->cap_changes = journal->cap_spare;
	journal->n_changes = 0;
	journal->spare = NULL;
	for (size_t i = 0; i < n; i++) {
		struct change *c = &changes[i];

		if (!c->failed)
			mark_stored(c);
		if (c->done)
			c->done(c->arg, c->failed ? -ENOSPC : 0);
		journal_change_deinit(c);
	}
	journal->spare = changes;
	journal->cap_spare = cap;
	return 0;
}
