#include "connector/delivery/journal_schema.h"

#include "lib/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Rows back into structs: at the start of a run, and for people who ask. */

static char *copy(struct store_query *q, int column)
{
	return mem_strdup(store_text(q, column));
}

static char *copy_or_empty(struct store_query *q, int column)
{
	const char *text = store_text(q, column);

	return mem_strdup(text ? text : "");
}

static void read_lanes(struct request *r, const char *text)
{
	char **lines = journal_split(text);

	for (char **line = lines; line && *line; line++) {
		request_add_lane(r, *line + 2, **line == 'o');
		free(*line);
	}
	free(lines);
}

static struct request *read_request(struct store_query *q)
{
	struct request *r = request_new();

	r->seq = (uint64_t)store_int(q, 0);
	r->is_stored = true;
	(void)memccpy(r->id, store_text(q, 1), '\0', sizeof(r->id));
	r->state = (enum request_state)store_int(q, 2);
	r->method = (enum http_method)store_int(q, 3);
	r->class = (enum delivery_class)store_int(q, 4);
	r->route = copy_or_empty(q, 5);
	r->operation = copy_or_empty(q, 6);
	r->object = copy_or_empty(q, 7);
	r->group = copy_or_empty(q, 8);
	r->url = copy_or_empty(q, 9);
	r->headers = journal_split(store_text(q, 10));
	read_lanes(r, store_text(q, 11));
	r->notes = journal_split(store_text(q, 12));
	r->identity_field = copy(q, 13);
	r->identity_value = copy(q, 14);
	r->config = (uint64_t)store_int(q, 15);
	r->attempts = (unsigned)store_int(q, 16);
	r->resends = (unsigned)store_int(q, 17);
	r->crash_count = (unsigned)store_int(q, 18);
	r->intent_wall_ms = store_int(q, 19);
	r->ended_wall_ms = store_int(q, 20);
	r->duration_ms = (uint32_t)store_int(q, 21);
	r->answer.status = (unsigned)store_int(q, 22);
	r->object_id = copy(q, 23);
	r->found_by_lookup = store_int(q, 24) != 0;
	r->known = copy(q, 25);
	return r;
}

static void read_payload(struct journal *j, struct request *r)
{
	struct store_query *q = j->q.get_payload;
	const void *bytes;
	size_t len;

	store_bind_int(q, 1, (int64_t)r->seq);
	if (store_step(q, NULL) > 0) {
		bytes = store_blob(q, 0, &len);
		r->body = bytes ? mem_dup(bytes, len) : NULL;
		r->body_len = bytes ? len : 0;
		r->answer.headers = copy(q, 1);
		bytes = store_blob(q, 2, &len);
		r->answer.body = bytes ? mem_dup(bytes, len) : NULL;
		r->answer.body_len = bytes ? len : 0;
	}
	store_reset(q);
}

static void read_part(struct store_query *q, struct part *p)
{
	struct record *r = record_new();
	const void *raw;
	size_t len;

	p->id = (uint64_t)store_int(q, 0);
	p->is_stored = true;
	p->ordinal = (unsigned)store_int(q, 1);
	p->outcome = (enum outcome)store_int(q, 2);
	p->class = (enum reject_class)store_int(q, 3);
	p->generation = (unsigned)store_int(q, 4);
	p->message = copy(q, 5);
	p->field = copy(q, 6);
	p->fields = copy(q, 7);
	p->record = r;
	r->row = (uint64_t)store_int(q, 8);
	r->is_stored = true;
	r->stream = (uint64_t)store_int(q, 9);
	r->pos = (uint64_t)store_int(q, 10);
	r->next_pos = (uint64_t)store_int(q, 11);
	r->len = (uint64_t)store_int(q, 12);
	r->line = (uint64_t)store_int(q, 13);
	r->fault = (enum record_fault)store_int(q, 14);
	raw = store_blob(q, 15, &len);
	r->raw = raw ? mem_dup(raw, len) : NULL;
	r->kind = (enum stream_kind)store_int(q, 16);
	r->source_name = copy_or_empty(q, 17);
}

static int read_parts(struct journal *j, struct request *r, const uint64_t border[2],
                      struct err *err)
{
	struct store_query *q = j->q.parts_of;
	int code;

	store_bind_int(q, 1, (int64_t)r->seq);
	store_bind_int(q, 2, (int64_t)border[0]);
	store_bind_int(q, 3, (int64_t)border[1]);
	while ((code = store_step(q, err)) > 0) {
		r->parts = mem_resize(r->parts, r->n_parts + 1, sizeof(struct part));
		r->parts[r->n_parts] = (struct part){0};
		read_part(q, &r->parts[r->n_parts++]);
	}
	return code;
}

int journal_load_request(struct journal *journal, uint64_t seq, struct request **ret_request,
                         struct err *err)
{
	struct store_query *q = journal->q.get_request;
	struct request *r = NULL;
	uint64_t border[2] = {0};
	int code;

	store_bind_int(q, 1, (int64_t)seq);
	code = store_step(q, err);
	if (code > 0) {
		r = read_request(q);
		border[0] = (uint64_t)store_int(q, 26);
		border[1] = (uint64_t)store_int(q, 27);
	}
	store_reset(q);
	if (!r)
		return code < 0 ? code
		                : err_set(err, -ENOENT, "there is no request %llu",
		                          (unsigned long long)seq);
	read_payload(journal, r);
	code = read_parts(journal, r, border, err);
	if (code >= 0 && !r->n_parts)
		code = err_set(
			err, -EUCLEAN,
			"the state is damaged: request %llu belongs to no record; keep a copy, "
			"then begin anew with `run --new-state`",
			(unsigned long long)seq);
	if (code < 0) {
		request_free(r);
		return code;
	}
	*ret_request = r;
	return 0;
}

int journal_each_open(struct journal *journal,
                      void (*take)(void *arg, struct request *takes_request),
                      void (*take_waiting)(void *arg, struct waiting_part *takes_part), void *arg,
                      struct err *err)
{
	struct store_query *q = journal->q.open_requests;
	uint64_t *seqs = NULL;
	size_t n = 0, cap = 0;
	int r;

	(void)take_waiting; /* nothing is stored so far */
	_Static_assert(REQUEST_PLANNED == 0 && REQUEST_INTENT == 1, "numbers are stored");
	_Static_assert(REQUEST_UNKNOWN == 5 && REQUEST_PROBING == 6, "numbers are stored");
	while ((r = store_step(q, err)) > 0) {
		seqs = mem_grow(seqs, n, &cap, sizeof(*seqs));
		seqs[n++] = (uint64_t)store_int(q, 0);
	}
	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct request *request = NULL;

		r = journal_load_request(journal, seqs[i], &request, err);
		if (request)
			take(arg, request);
	}
	free(seqs);
	return r;
}

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
	r = stream_ranges_parse(s, store_text(q, 15), err);
	if (r < 0)
		stream_free(s);
	else
		*ret_stream = s;
	return r;
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

int journal_each_closed_lane(struct journal *journal, void (*take)(void *arg, const char *key),
                             void *arg, struct err *err)
{
	struct store_query *q = journal->q.closed_lanes;
	int r;

	while ((r = store_step(q, err)) > 0)
		take(arg, store_text(q, 0));
	return r;
}

static int take_rows(struct store_query *q, enum reject_class class,
                     void (*take)(void *arg, const struct part_row *row), void *arg,
                     struct err *err)
{
	int r;

	while ((r = store_step(q, err)) > 0) {
		struct part_row row = {0};

		if (class != REJECT_NONE && store_int(q, 3) != class)
			continue;
		read_part(q, &row.part);
		row.at_wall_ms = store_int(q, 18);
		row.request = (uint64_t)store_int(q, 19);
		row.route = copy_or_empty(q, 20);
		row.operation = copy_or_empty(q, 21);
		take(arg, &row);
		part_deinit(&row.part);
		free(row.route);
		free(row.operation);
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
		return take_rows(q, class, take, arg, err);
	}
	for (; *ids && r >= 0; ids++) {
		store_bind_int(q, 1, outcome);
		store_bind_int(q, 2, (int64_t)*ids);
		r = take_rows(q, class, take, arg, err);
	}
	return r;
}

int journal_each_owed(struct journal *journal, enum event_sink sink, uint64_t after_seq, unsigned n,
                      void (*take)(void *arg, struct event *takes_event), void *arg,
                      struct err *err)
{
	struct store_query *q = journal->q.owed;
	int r;

	store_bind_int(q, 1, (int64_t)after_seq);
	store_bind_int(q, 2, sink);
	store_bind_int(q, 3, n);
	while ((r = store_step(q, err)) > 0) {
		struct event *e = mem_alloc(sizeof(*e));
		const void *body;

		e->seq = (uint64_t)store_int(q, 0);
		e->id = copy(q, 1);
		e->lane = copy(q, 2);
		e->owes = (unsigned)store_int(q, 3);
		e->attempts = (unsigned)store_int(q, 4);
		e->next_try_wall_ms = store_int(q, 5);
		body = store_blob(q, 6, &e->body_len);
		e->body = mem_dup(body, e->body_len);
		take(arg, e);
	}
	return r;
}

char *journal_find_object(struct journal *journal, const char *kind, const char *field,
                          const char *value)
{
	struct store_query *q = journal->q.find_object;
	char *id = NULL;

	store_bind_text(q, 1, kind);
	store_bind_text(q, 2, field);
	store_bind_text(q, 3, value);
	if (store_step(q, NULL) > 0)
		id = copy(q, 0);
	store_reset(q);
	return id;
}

int64_t journal_object_time(struct journal *journal, const char *object_id)
{
	struct store_query *q = journal->q.object_time;
	int64_t at = 0;

	store_bind_text(q, 1, object_id);
	if (store_step(q, NULL) > 0)
		at = store_int(q, 0);
	store_reset(q);
	return at;
}

bool journal_knows_object_id(struct journal *journal, const char *object_id)
{
	struct store_query *q = journal->q.knows_object;
	bool knows;

	store_bind_text(q, 1, object_id);
	knows = store_step(q, NULL) > 0;
	store_reset(q);
	return knows;
}

int journal_totals(struct journal *journal, struct journal_totals *ret_totals, struct err *err)
{
	static const char *const sql[] = {
		"SELECT count(DISTINCT p.record) FROM part p WHERE outcome = 0",
		"SELECT count(*) FROM request WHERE state IN (5, 6)",
		"SELECT count(*) FROM part WHERE outcome = 5",
		"SELECT count(*) FROM part WHERE outcome = 4",
		"SELECT count(*) FROM event WHERE owes & 1",
		"SELECT count(*) FROM event WHERE owes & 2",
	};
	uint64_t n[6] = {0};

	_Static_assert(OUTCOME_OPEN == 0 && OUTCOME_REJECTED == 4 && OUTCOME_HELD == 5,
	               "numbers are stored");
	for (size_t i = 0; i < 6; i++) {
		struct store_query *q = journal->q.totals[i];
		int r;

		if (!q)
			q = journal->q.totals[i] = store_query(journal->store, sql[i]);
		r = store_step(q, err);
		if (r < 0)
			return r;
		n[i] = (uint64_t)store_int(q, 0);
		store_reset(q);
	}
	*ret_totals = (struct journal_totals){n[0], n[1], n[2], n[3], n[4], n[5]};
	return 0;
}

int journal_last_run(struct journal *journal, struct journal_run *ret_run, struct err *err)
{
	struct store_query *q = journal->q.last_run;
	int r = store_step(q, err);

	if (r > 0) {
		struct run_counts *n = &ret_run->counts;
		uint64_t *const counts[] = {&n->read,     &n->delivered, &n->filtered, &n->skipped,
		                            &n->rejected, &n->held,      &n->open};

		ret_run->id = (uint64_t)store_int(q, 0);
		(void)memccpy(ret_run->uid, store_text(q, 1), '\0', sizeof(ret_run->uid));
		ret_run->began_wall_ms = store_int(q, 2);
		ret_run->ended_wall_ms = store_int(q, 3);
		(void)memccpy(ret_run->reason, store_text(q, 4), '\0', sizeof(ret_run->reason));
		ret_run->config = (uint64_t)store_int(q, 5);
		for (int i = 0; i < 7; i++)
			*counts[i] = (uint64_t)store_int(q, 6 + i);
	}
	store_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int journal_prune(struct journal *journal, int64_t before_wall_ms, struct err *err)
{
	static const char *const sql[] = {
		"DELETE FROM payload WHERE request IN (SELECT request FROM part"
		" WHERE outcome = 4 AND at < ?1)",
		"UPDATE record SET raw = NULL WHERE id IN (SELECT record FROM part"
		" WHERE outcome = 4 AND at < ?1)",
		"DELETE FROM object WHERE at < ?1",
		/* Left by a kill between a retry's outcome and this. */
		"DELETE FROM request WHERE state IN (3, 7) AND ended_at < ?1 AND NOT EXISTS"
		" (SELECT 1 FROM part WHERE part.id BETWEEN first_part AND last_part AND"
		" part.request = request.seq)",
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < 4; i++) {
		struct store_query *q = store_query(journal->store, sql[i]);

		store_bind_int(q, 1, before_wall_ms);
		r = store_run(q, err);
	}
	return r;
}
