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
