#include "connector/delivery/journal_schema.h"

#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Events: what is owed, and what was told. An event's row is written once and never changed: a file
 * and a topic accept in order, so a number says how far each has come, and what the webhook is
 * owed has a narrow row of its own. Accepted ones are counted and go in their order, many at once,
 * when there are more of them than the bound; the walk over them never comes back, so it costs the
 * same however many are owed.
 */

enum {
	kept_events = 10000, /* accepted ones that stay */
	kept_bytes = 64 << 20,
	prune_events = 256, /* over the bound before any goes */
	prune_bytes = 1 << 20,
};

/* All of the sinks have accepted event e; ?9 and on are what the ordered ones have (bind_taken()).
 */
#define IS_TOLD                                                                                    \
	"(e.sinks & 2 = 0 OR e.seq <= ?9) AND (e.sinks & 4 = 0 OR e.seq <= ?10)"                   \
	" AND (e.sinks & 8 = 0 OR e.seq <= ?11)"                                                   \
	" AND NOT EXISTS (SELECT 1 FROM owed WHERE owed.seq = e.seq)"

static const struct {
	enum event_sink sink;
	const char *meta;
} ordered[] = {
	[ORDERED_FILE] = {SINK_FILE, "file_to"},
	[ORDERED_KAFKA] = {SINK_KAFKA, "kafka_to"},
	[ORDERED_REJECTS] = {SINK_REJECTS, "rejects_to"},
};

/* How far @sink has come; NULL: it does not accept in order. */
static uint64_t *taken_to(struct journal *j, enum event_sink sink)
{
	assert(j);
	for (size_t i = 0; i < n_ordered; i++)
		if (ordered[i].sink == sink)
			return &j->told.taken_to[i];
	return NULL;
}

static void bind_taken(struct journal *j, struct store_query *q)
{
	for (int i = 0; i < n_ordered; i++)
		store_bind_int(q, 9 + i, (int64_t)j->told.taken_to[i]);
}

static void prepare_owed(struct journal *j)
{
	struct store *s = j->store;

	_Static_assert(SINK_WEBHOOK == 1 && SINK_FILE == 2 && SINK_KAFKA == 4 && SINK_REJECTS == 8,
	               "numbers are stored");
	j->q.owed[0] = store_query(
		s, "SELECT e.seq, e.id, e.lane, e.sinks, o.attempts, o.next_try, e.body, e.key"
		   " FROM owed o"
		   " JOIN event e ON e.seq = o.seq WHERE o.seq > ?1 ORDER BY o.seq LIMIT ?2");
	j->q.owed[1] = store_query(s, "SELECT seq, id, lane, sinks, 0, 0, body, key FROM event"
	                              " WHERE seq > ?1 AND sinks & ?3 ORDER BY seq LIMIT ?2");
	j->q.first_owed[0] = store_query(s, "SELECT seq FROM owed ORDER BY seq LIMIT 1");
	j->q.first_owed[1] = store_query(
		s, "SELECT seq FROM event WHERE seq > ?1 AND sinks & ?3 ORDER BY seq LIMIT 1");
	j->q.n_owed[0] = store_query(s, "SELECT count(*) FROM owed WHERE seq <= ?2");
	j->q.n_owed[1] = store_query(
		s, "SELECT count(*) FROM event WHERE seq > ?1 AND seq <= ?2 AND sinks & ?3");
	j->q.put_owed = store_query(s, "INSERT INTO owed VALUES(?1, 0, 0)");
	j->q.accept = store_query(s, "DELETE FROM owed WHERE seq BETWEEN ?1 AND ?2");
	j->q.postpone = store_query(s, "UPDATE owed SET attempts=?2, next_try=?3 WHERE seq=?1");
}

void journal_prepare_events(struct journal *j)
{
	struct store *s = j->store;

	prepare_owed(j);
	j->q.put_event = store_query(s, "INSERT INTO event VALUES(?1,?2,?3,?4,?5,?6,?7,?8)");
	j->q.oldest = store_query(
		s, "SELECT count(*), max(seq), max(at), sum(told), sum(told * len) FROM"
		   " (SELECT seq, at, length(body) AS len, " IS_TOLD " AS told FROM event e"
		   " WHERE seq > ?1 ORDER BY seq LIMIT ?2)");
	j->q.drop_told =
		store_query(s, "DELETE FROM event AS e WHERE seq BETWEEN ?1 AND ?2 AND " IS_TOLD);
	j->q.told_range =
		store_query(s, "SELECT count(*), sum(length(body)) FROM event e"
	                       " WHERE seq BETWEEN ?1 AND ?2 AND sinks & ?3 AND " IS_TOLD);
	j->q.drop_range = store_query(s, "DELETE FROM event WHERE seq BETWEEN ?1 AND ?2");
	j->q.drop_event = store_query(s, "DELETE FROM event WHERE seq = ?1");
	j->q.told_events = store_query(s, "SELECT seq, run, at, id, length(body) FROM event e"
	                                  " WHERE e.sinks & 8 = 0 AND " IS_TOLD " ORDER BY seq");
	j->q.find_event =
		store_query(s, "SELECT body FROM event WHERE instr(body, CAST(?1 AS BLOB))"
	                       " ORDER BY seq DESC LIMIT 1");
	j->q.move_event = store_query(
		s, "INSERT INTO event SELECT ?2, run, at, ?3, id, lane, body, key FROM event"
		   " WHERE seq = ?1");
}

static uint64_t meta_number(struct journal *j, const char *key, uint64_t *ret_second)
{
	char *text = journal_meta(j, key), *rest = NULL;
	const uint64_t n = text ? strtoull(text, &rest, 10) : 0;

	if (ret_second)
		*ret_second = rest ? strtoull(rest, NULL, 10) : 0;
	free(text);
	return n;
}

void journal_continue_events(struct journal *j)
{
	j->told.n = meta_number(j, "told", &j->told.bytes);
	for (size_t i = 0; i < n_ordered; i++) {
		j->told.taken_to[i] = meta_number(j, ordered[i].meta, NULL);
		/* All rows may be gone, and what it has accepted must not be given out again. */
		if (j->next_event <= j->told.taken_to[i])
			j->next_event = j->told.taken_to[i] + 1;
	}
	j->stored_told = j->told;
}

static int put_event(struct journal *j, const struct event *event, struct err *err)
{
	struct store_query *q = j->q.put_event;
	int r;

	store_bind_int(q, 1, (int64_t)event->seq);
	store_bind_int(q, 2, (int64_t)event->run);
	store_bind_int(q, 3, event->at_wall_ms);
	store_bind_int(q, 4, event->owes);
	store_bind_text(q, 5, event->id);
	store_bind_text(q, 6, event->lane);
	store_bind_blob(q, 7, event->body, event->body_len);
	store_bind_text(q, 8, event->key);
	r = store_run(q, err);
	if (r < 0 || !(event->owes & SINK_WEBHOOK))
		return r;
	store_bind_int(j->q.put_owed, 1, (int64_t)event->seq);
	return store_run(j->q.put_owed, err);
}

int journal_apply_event(struct journal *j, const struct event *event, struct err *err)
{
	int r = 0;

	for (; event && r >= 0 && !hook_without("outbox"); event = event->also)
		if (event->owes)
			r = put_event(j, event, err);
	return r;
}

static int drop_told(struct journal *j, uint64_t from, uint64_t to, struct err *err)
{
	struct store_query *q = j->q.drop_told;

	store_bind_int(q, 1, (int64_t)from);
	store_bind_int(q, 2, (int64_t)to);
	bind_taken(j, q);
	return store_run(q, err);
}

/* Those of them that no other sink is waited for. */
static int count_told(struct journal *j, const struct change *c, uint64_t from,
                      struct told_events *ret_told, struct err *err)
{
	struct store_query *q = j->q.told_range;
	int r;

	store_bind_int(q, 1, (int64_t)from);
	store_bind_int(q, 2, (int64_t)c->number[1]);
	store_bind_int(q, 3, c->small);
	bind_taken(j, q);
	r = store_step(q, err);
	if (r > 0) {
		ret_told->n = (uint64_t)store_int(q, 0);
		ret_told->bytes = (uint64_t)store_int(q, 1);
	}
	store_reset(q);
	return r < 0 ? r : 0;
}

int journal_apply_accept(struct journal *j, const struct change *c, struct err *err)
{
	uint64_t from = c->number[0];
	const uint64_t to = c->number[1];
	uint64_t *taken = taken_to(j, (enum event_sink)c->small);
	struct told_events told = c->told;
	int r = 0;

	if (taken) {
		if (from <= *taken)
			from = *taken + 1;
		if (from <= to)
			*taken = to;
	} else {
		store_bind_int(j->q.accept, 1, (int64_t)from);
		store_bind_int(j->q.accept, 2, (int64_t)to);
		r = store_run(j->q.accept, err);
	}
	if (r < 0 || from > to)
		return r;
	if (to <= j->told.pruned_to) /* older than what stays */
		return drop_told(j, from, to, err);
	if (told.is_shared)
		r = count_told(j, c, from, &told, err);
	j->told.n += told.n;
	j->told.bytes += told.bytes;
	return r;
}

int journal_apply_postpone(struct journal *j, const struct change *c, struct err *err)
{
	store_bind_int(j->q.postpone, 1, (int64_t)c->number[0]);
	store_bind_int(j->q.postpone, 2, c->small);
	store_bind_int(j->q.postpone, 3, c->wall_ms);
	return store_run(j->q.postpone, err);
}

/* Sending again */

static uint64_t less(uint64_t from, uint64_t n)
{
	return from > n ? from - n : 0;
}

static bool is_chosen(const struct event_choice *choice, struct store_query *q)
{
	if ((choice->run && (uint64_t)store_int(q, 1) != choice->run) ||
	    store_int(q, 2) < choice->since_wall_ms)
		return false;
	if (!choice->ids)
		return true;
	for (char **id = choice->ids; *id; id++)
		if (!strcmp(*id, store_text(q, 3)))
			return true;
	return false;
}

/* It is another row from now on: the newest, so that order in its lane is kept. */
static int move(struct journal *j, uint64_t seq, enum event_sink sink, struct err *err)
{
	const uint64_t new_seq = j->next_event++;
	int r;

	store_bind_int(j->q.move_event, 1, (int64_t)seq);
	store_bind_int(j->q.move_event, 2, (int64_t)new_seq);
	store_bind_int(j->q.move_event, 3, sink);
	r = store_run(j->q.move_event, err);
	if (r >= 0) {
		store_bind_int(j->q.drop_event, 1, (int64_t)seq);
		r = store_run(j->q.drop_event, err);
	}
	if (r < 0 || sink != SINK_WEBHOOK)
		return r;
	store_bind_int(j->q.put_owed, 1, (int64_t)new_seq);
	return store_run(j->q.put_owed, err);
}

int journal_apply_resend(struct journal *j, const struct change *c, struct err *err)
{
	struct store_query *q = j->q.told_events;
	uint64_t *seqs = NULL;
	size_t n = 0, cap = 0;
	int r;

	bind_taken(j, q);
	while ((r = store_step(q, err)) > 0) {
		if (!is_chosen(c->choice, q))
			continue;
		seqs = mem_grow(seqs, n, &cap, sizeof(*seqs));
		seqs[n++] = (uint64_t)store_int(q, 0);
		j->told.n = less(j->told.n, 1);
		j->told.bytes = less(j->told.bytes, (uint64_t)store_int(q, 4));
	}
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = move(j, seqs[i], (enum event_sink)c->small, err);
	free(seqs);
	*c->ret_n = n;
	return r;
}

/* Letting go */

static int store_number(struct journal *j, const char *key, const char *text, struct err *err)
{
	store_bind_text(j->q.set_meta, 1, key);
	store_bind_text(j->q.set_meta, 2, text);
	return store_run(j->q.set_meta, err);
}

static int store_told(struct journal *j, struct err *err)
{
	const struct told_account *t = &j->told;
	char text[48];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n_ordered; i++) {
		if (t->taken_to[i] == j->stored_told.taken_to[i])
			continue;
		(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)t->taken_to[i]);
		r = store_number(j, ordered[i].meta, text, err);
	}
	if (r >= 0 && (t->n != j->stored_told.n || t->bytes != j->stored_told.bytes)) {
		(void)snprintf(text, sizeof(text), "%llu %llu", (unsigned long long)t->n,
		               (unsigned long long)t->bytes);
		r = store_number(j, "told", text, err);
	}
	j->stored_told = *t;
	return r;
}

struct oldest {
	uint64_t n, n_told, bytes;
	uint64_t to;
	int64_t newest_wall_ms;
};

/* Looks at the next @n events that may go. */
static int look_at_oldest(struct journal *j, uint64_t n, struct oldest *ret, struct err *err)
{
	struct store_query *q = j->q.oldest;
	int r;

	store_bind_int(q, 1, (int64_t)j->told.pruned_to);
	store_bind_int(q, 2, (int64_t)n);
	bind_taken(j, q);
	r = store_step(q, err);
	if (r > 0)
		*ret = (struct oldest){.n = (uint64_t)store_int(q, 0),
		                       .to = (uint64_t)store_int(q, 1),
		                       .newest_wall_ms = store_int(q, 2),
		                       .n_told = (uint64_t)store_int(q, 3),
		                       .bytes = (uint64_t)store_int(q, 4)};
	store_reset(q);
	return r < 0 ? r : 0;
}

/* Those of @old that are accepted go; the others, it is passed over. */
static int drop_oldest(struct journal *j, const struct oldest *old, struct err *err)
{
	struct told_account *t = &j->told;
	const uint64_t from = t->pruned_to + 1;

	t->n = less(t->n, old->n_told);
	t->bytes = less(t->bytes, old->bytes);
	t->pruned_to = old->to;
	if (old->n_told < old->n)
		return drop_told(j, from, old->to, err);
	store_bind_int(j->q.drop_range, 1, (int64_t)from);
	store_bind_int(j->q.drop_range, 2, (int64_t)old->to);
	return store_run(j->q.drop_range, err);
}

/* As many at once as are no more than a part of what may stay. */
static uint64_t so_many(const struct told_account *t)
{
	const uint64_t average = t->n ? t->bytes / t->n + 1 : 1;
	const uint64_t n = prune_bytes / average;

	return n < 1 ? 1 : n > prune_events ? prune_events : n;
}

/* Drops the oldest accepted events until no more than the bound stay, none of before @since. */
static int let_go(struct journal *j, int64_t since_wall_ms, struct err *err)
{
	struct told_account *t = &j->told;
	uint64_t n = so_many(t);

	for (;;) {
		const bool is_over = t->n > kept_events || t->bytes > kept_bytes;
		struct oldest old = {0};
		int r = is_over || since_wall_ms ? look_at_oldest(j, n, &old, err) : 0;

		if (r >= 0 && is_over && !old.n)
			t->n = t->bytes = 0; /* there is nothing more to count */
		if (r < 0 || !old.n)
			return r;
		if (!is_over && old.newest_wall_ms >= since_wall_ms) {
			if (n == 1)
				return 0;
			n = 1;
			continue;
		}
		r = drop_oldest(j, &old, err);
		if (r < 0)
			return r;
	}
}

int journal_keep_told(struct journal *j, struct err *err)
{
	int r = 0;

	if (j->told.n > kept_events + prune_events || j->told.bytes > kept_bytes + prune_bytes)
		r = let_go(j, 0, err);
	return r < 0 ? r : store_told(j, err);
}

int journal_prune_told(struct journal *j, int64_t before_wall_ms, struct err *err)
{
	const struct told_account told = j->told;
	int r = store_begin(j->store, err);

	if (r >= 0)
		r = let_go(j, before_wall_ms, err);
	if (r >= 0)
		r = store_told(j, err);
	if (r >= 0)
		r = store_commit(j->store, err);
	if (r < 0) {
		store_rollback(j->store);
		j->told = told;
	}
	return r;
}

/* Reading */

int journal_each_owed(struct journal *journal, enum event_sink sink, uint64_t after_seq, unsigned n,
                      void (*take)(void *arg, struct event *takes_event), void *arg,
                      struct err *err)
{
	const uint64_t *taken = taken_to(journal, sink);
	struct store_query *q = journal->q.owed[taken != NULL];
	int r;

	if (taken && after_seq < *taken)
		after_seq = *taken;
	if (taken)
		store_bind_int(q, 3, sink);
	store_bind_int(q, 1, (int64_t)after_seq);
	store_bind_int(q, 2, n);
	while ((r = store_step(q, err)) > 0) {
		struct event *e = mem_alloc(sizeof(*e));
		const void *body;

		e->seq = (uint64_t)store_int(q, 0);
		e->id = mem_strdup(store_text(q, 1));
		e->lane = mem_strdup(store_text(q, 2));
		e->owes = (unsigned)store_int(q, 3);
		e->attempts = (unsigned)store_int(q, 4);
		e->next_try_wall_ms = store_int(q, 5);
		body = store_blob(q, 6, &e->body_len);
		e->body = mem_dup(body, e->body_len);
		e->key = mem_strdup(store_text(q, 7));
		take(arg, e);
	}
	return r;
}

static int ask_owed(struct journal *j, struct store_query *q, enum event_sink sink, uint64_t *ret,
                    struct err *err)
{
	const uint64_t *taken = taken_to(j, sink);
	int r;

	if (taken) {
		store_bind_int(q, 1, (int64_t)*taken);
		store_bind_int(q, 3, sink);
	}
	r = store_step(q, err);
	*ret = r > 0 ? (uint64_t)store_int(q, 0) : 0;
	store_reset(q);
	return r < 0 ? r : 0;
}

int journal_count_owed(struct journal *j, enum event_sink sink, uint64_t up_to, uint64_t *ret_n,
                       struct err *err)
{
	struct store_query *q = j->q.n_owed[taken_to(j, sink) != NULL];

	store_bind_int(q, 2, (int64_t)up_to);
	return ask_owed(j, q, sink, ret_n, err);
}

uint64_t journal_n_owed(struct journal *journal, enum event_sink sink, uint64_t up_to)
{
	uint64_t n;

	(void)journal_count_owed(journal, sink, up_to, &n, NULL);
	return n;
}

uint64_t journal_first_owed(struct journal *journal, enum event_sink sink)
{
	uint64_t seq;

	(void)ask_owed(journal, journal->q.first_owed[taken_to(journal, sink) != NULL], sink, &seq,
	               NULL);
	return seq;
}

char *journal_find_event(struct journal *journal, const char *text)
{
	struct store_query *q = journal->q.find_event;
	char *found = NULL;
	size_t len;

	store_bind_text(q, 1, text);
	if (store_step(q, NULL) > 0) {
		const void *body = store_blob(q, 0, &len);

		found = mem_dup(body, len);
	}
	store_reset(q);
	return found;
}
