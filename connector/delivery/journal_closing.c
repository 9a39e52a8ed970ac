#include "connector/delivery/journal_schema.h"

#include "lib/mem.h"

/*
 * Keys that parts close. They go with the rows of their parts, in the same transaction; most
 * journals never have any, so nothing is asked before the first.
 */

void journal_prepare_closing(struct journal *j)
{
	struct store *s = j->store;
	struct store_query *any = store_query(s, "SELECT 1 FROM closed_key LIMIT 1");

	j->q.close_key = store_query(s, "INSERT OR IGNORE INTO closed_key VALUES(?1, ?2, ?3)");
	j->q.open_keys = store_query(s, "DELETE FROM closed_key WHERE part=?1");
	j->q.find_closed = store_query(s, "SELECT part FROM closed_key WHERE closing=?1 AND key=?2"
	                                  " ORDER BY part LIMIT 1");
	j->q.closes =
		store_query(s, "SELECT 1 FROM closed_key WHERE closing=?1 AND key=?2 AND part=?3");
	j->q.find_closer = store_query(
		s,
		"SELECT p.id, r.pos, p.ordinal, p.at FROM closed_key c JOIN part p ON p.id=c.part"
		" JOIN record r ON r.id=p.record WHERE c.closing=?1 AND c.key=?2 AND r.stream=?3"
		" AND (r.pos, p.ordinal) < (?4, ?5) ORDER BY r.pos DESC, p.ordinal DESC");
	j->q.each_closed = store_query(
		s, "SELECT key, part FROM closed_key WHERE closing=?1 ORDER BY key, part");
	j->has_closed_keys = store_step(any, NULL) > 0;
	store_reset(any);
}

void journal_close_key(struct journal *journal, uint64_t part, enum closing closing,
                       const char *key)
{
	struct change *c = journal_add_change(journal, CHANGE_CLOSE_KEY);

	c->number[0] = part;
	c->small = closing;
	c->text[0] = mem_strdup(key);
	journal->has_closed_keys = true;
}

int journal_apply_close_key(struct journal *j, const struct change *c, struct err *err)
{
	struct store_query *q = j->q.close_key;

	store_bind_int(q, 1, c->small);
	store_bind_text(q, 2, c->text[0]);
	store_bind_int(q, 3, (int64_t)c->number[0]);
	return store_run(q, err);
}

int journal_open_keys(struct journal *j, uint64_t part, struct err *err)
{
	if (!j->has_closed_keys)
		return 0;
	store_bind_int(j->q.open_keys, 1, (int64_t)part);
	return store_run(j->q.open_keys, err);
}

uint64_t journal_find_closed(struct journal *journal, enum closing closing, const char *key)
{
	struct store_query *q = journal->q.find_closed;
	uint64_t part = 0;

	if (!journal->has_closed_keys)
		return 0;
	store_bind_int(q, 1, closing);
	store_bind_text(q, 2, key);
	if (store_step(q, NULL) > 0)
		part = (uint64_t)store_int(q, 0);
	store_reset(q);
	return part;
}

static bool closes(struct journal *j, enum closing closing, const char *key, uint64_t part)
{
	bool does;

	store_bind_int(j->q.closes, 1, closing);
	store_bind_text(j->q.closes, 2, key);
	store_bind_int(j->q.closes, 3, (int64_t)part);
	does = store_step(j->q.closes, NULL) > 0;
	store_reset(j->q.closes);
	return does;
}

bool journal_find_closer(struct journal *journal, enum closing closing, char *const *keys,
                         const struct output_place *before, struct closing_part *ret)
{
	struct store_query *q = journal->q.find_closer;
	bool is_found = false;

	if (!journal->has_closed_keys || !*keys)
		return false;
	store_bind_int(q, 1, closing);
	store_bind_text(q, 2, *keys);
	store_bind_int(q, 3, (int64_t)before->stream);
	store_bind_int(q, 4, (int64_t)before->pos);
	store_bind_int(q, 5, before->ordinal);
	while (!is_found && store_step(q, NULL) > 0) {
		*ret = (struct closing_part){.part = (uint64_t)store_int(q, 0),
		                             .place = {.stream = before->stream,
		                                       .pos = (uint64_t)store_int(q, 1),
		                                       .ordinal = (unsigned)store_int(q, 2)},
		                             .at_wall_ms = store_int(q, 3)};
		is_found = true;
		for (char *const *key = keys + 1; is_found && *key; key++)
			is_found = closes(journal, closing, *key, ret->part);
	}
	store_reset(q);
	return is_found;
}

int journal_each_closed(struct journal *journal, enum closing closing,
                        void (*take)(void *arg, const char *key, uint64_t part), void *arg,
                        struct err *err)
{
	struct store_query *q = journal->q.each_closed;
	int r;

	store_bind_int(q, 1, closing);
	while ((r = store_step(q, err)) > 0)
		take(arg, store_text(q, 0), (uint64_t)store_int(q, 1));
	return r;
}
