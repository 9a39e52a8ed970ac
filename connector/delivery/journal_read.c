#include "connector/delivery/journal_schema.h"

#include "lib/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Requests and what waits, from rows back into structs. */

static char *copy(struct store_query *q, int column)
{
	return mem_strdup(store_text(q, column));
}

char *journal_text(struct store_query *q, int column)
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
	r->route = journal_text(q, 5);
	r->operation = journal_text(q, 6);
	r->object = journal_text(q, 7);
	r->group = journal_text(q, 8);
	r->url = journal_text(q, 9);
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
	r->format = (enum content_format)store_int(q, 28);
	r->root = (uint64_t)store_int(q, 29);
	r->root_at = (size_t)store_int(q, 30);
	r->written = copy(q, 31);
	r->is_remembered = store_int(q, 32) != 0;
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

/* Records by row */

static struct record **slot_of(const struct record_set *set, uint64_t row)
{
	size_t at = (size_t)(row * 0x9e3779b97f4a7c15u) & (set->cap - 1);

	while (set->slots[at] && set->slots[at]->row != row)
		at = (at + 1) & (set->cap - 1);
	return &set->slots[at];
}

static void grow(struct record_set *set)
{
	struct record_set bigger = {.n = set->n, .cap = set->cap ? set->cap * 2 : 64};

	bigger.slots = mem_array(bigger.cap, sizeof(struct record *));
	for (size_t i = 0; i < set->cap; i++)
		if (set->slots[i])
			*slot_of(&bigger, set->slots[i]->row) = set->slots[i];
	free(set->slots);
	*set = bigger;
}

void record_set_deinit(struct record_set *set)
{
	for (size_t i = 0; i < set->cap; i++)
		record_unref(set->slots[i]);
	free(set->slots);
	*set = (struct record_set){0};
}

static struct record *read_record(struct store_query *q)
{
	struct record *r = record_new();
	const void *raw, *key;
	size_t len;

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
	r->edited_len = raw && len != r->len ? len : 0;
	r->kind = (enum stream_kind)store_int(q, 16);
	r->source_name = journal_text(q, 17);
	key = store_blob(q, 23, &len);
	r->has_key = key && len == sizeof(r->key);
	if (r->has_key)
		memcpy(r->key, key, sizeof(r->key));
	r->has_done = store_int(q, 24) != 0;
	if (r->kind == STREAM_PARTITION)
		(void)record_message_parse(r, store_text(q, 25), NULL);
	return r;
}

static struct record *get_record(struct record_set *set, struct store_query *q)
{
	struct record **slot;

	if (set->n * 2 >= set->cap)
		grow(set);
	slot = slot_of(set, (uint64_t)store_int(q, 8));
	if (!*slot) {
		*slot = read_record(q);
		set->n++;
	}
	return record_ref(*slot);
}

/* Parts */

void journal_read_part(struct store_query *q, struct record_set *records, struct part *ret_part)
{
	*ret_part = (struct part){
		.id = (uint64_t)store_int(q, 0),
		.is_stored = true,
		.ordinal = (unsigned)store_int(q, 1),
		.outcome = (enum outcome)store_int(q, 2),
		.class = (enum reject_class)store_int(q, 3),
		.generation = (unsigned)store_int(q, 4),
		.message = copy(q, 5),
		.field = copy(q, 6),
		.fields = copy(q, 7),
		.takes_rest = store_int(q, 22) != 0,
		.record = records ? get_record(records, q) : read_record(q),
	};
}

/* How the outputs that have ended did, by what is left of those that ended badly. */
static enum outcome worst_of(const struct record *record, enum outcome noted, enum outcome left)
{
	if (left != OUTCOME_OPEN)
		return left;
	if (noted < OUTCOME_REJECTED)
		return noted;
	return record->has_done ? OUTCOME_DELIVERED : OUTCOME_OPEN; /* a person has settled it */
}

/* From a row of OPEN_PART_COLUMNS. */
static void read_open_part(struct store_query *q, struct record_set *records, struct part *ret_part)
{
	journal_read_part(q, records, ret_part);
	ret_part->draft = copy(q, 26);
	ret_part->record->worst = worst_of(ret_part->record, (enum outcome)store_int(q, 28),
	                                   (enum outcome)store_int(q, 29));
	ret_part->record->keeps_row = store_int(q, 29) != OUTCOME_OPEN;
}

static int read_parts(struct journal *j, struct record_set *records, struct request *r,
                      const uint64_t border[2], struct err *err)
{
	struct store_query *q = j->q.parts_of;
	int code;

	store_bind_int(q, 1, (int64_t)r->seq);
	store_bind_int(q, 2, (int64_t)border[0]);
	store_bind_int(q, 3, (int64_t)border[1]);
	while ((code = store_step(q, err)) > 0) {
		r->parts = mem_resize(r->parts, r->n_parts + 1, sizeof(struct part));
		read_open_part(q, records, &r->parts[r->n_parts++]);
	}
	return code;
}

static int load_request(struct journal *journal, struct record_set *records, uint64_t seq,
                        struct request **ret_request, struct err *err)
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
	code = read_parts(journal, records, r, border, err);
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

int journal_load_request(struct journal *journal, uint64_t seq, struct request **ret_request,
                         struct err *err)
{
	struct record_set records = {0};
	int r = load_request(journal, &records, seq, ret_request, err);

	record_set_deinit(&records);
	return r;
}

/* All are listed before the first is taken: the taker may ask the journal something. */
static int list_open(struct journal *journal, uint64_t **ret_seqs, size_t *ret_n, struct err *err)
{
	struct store_query *q = journal->q.open_requests;
	size_t cap = 0;
	int r;

	_Static_assert(REQUEST_PLANNED == 0 && REQUEST_INTENT == 1, "numbers are stored");
	_Static_assert(REQUEST_UNKNOWN == 5 && REQUEST_PROBING == 6, "numbers are stored");
	while ((r = store_step(q, err)) > 0) {
		*ret_seqs = mem_grow(*ret_seqs, *ret_n, &cap, sizeof(**ret_seqs));
		(*ret_seqs)[(*ret_n)++] = (uint64_t)store_int(q, 0);
	}
	return r;
}

static int each_waiting(struct journal *journal, struct record_set *records,
                        void (*take)(void *arg, struct waiting_part *takes_part), void *arg,
                        struct err *err)
{
	struct store_query *q = journal->q.waiting_parts;
	int r;

	while ((r = store_step(q, err)) > 0) {
		struct waiting_part *w = mem_alloc(sizeof(*w));

		read_open_part(q, records, &w->part);
		w->route = journal_text(q, 20);
		w->operation = journal_text(q, 21);
		w->config = (uint64_t)store_int(q, 27);
		take(arg, w);
	}
	return r;
}

void waiting_part_free(struct waiting_part *waiting)
{
	part_deinit(&waiting->part);
	free(waiting->route);
	free(waiting->operation);
	free(waiting);
}

int journal_each_open(struct journal *journal,
                      void (*take)(void *arg, struct request *takes_request),
                      void (*take_waiting)(void *arg, struct waiting_part *takes_part), void *arg,
                      struct err *err)
{
	struct record_set records = {0};
	uint64_t *seqs = NULL;
	size_t n = 0;
	int r = list_open(journal, &seqs, &n, err);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct request *request = NULL;

		r = load_request(journal, &records, seqs[i], &request, err);
		if (request)
			take(arg, request);
	}
	free(seqs);
	if (r >= 0 && take_waiting)
		r = each_waiting(journal, &records, take_waiting, arg, err);
	record_set_deinit(&records);
	return r;
}
