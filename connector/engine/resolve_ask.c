#include "connector/engine/resolve_private.h"

#include "connector/close/errors.h"
#include "connector/close/reconcile.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Keys of one shape wait until they fill a question, or nobody else comes. While one question of a
 * shape is out its next keys gather. What has a book waits until it has been read.
 */

enum {
	wait_for_others_ms = 20,
	max_pages = 50,   /* of one question; fewer keys have fewer answers */
	max_restarts = 3, /* of a question whose cursor expired */
	n_slots = 1024,   /* of a hash of the keys of a question */
};

struct question {
	struct finding **findings;
	size_t *key_of; /* of each finding */
	size_t n, cap, cap_key_of;
	const struct lookup_key *keys[crm_lookup_keys];
	char *texts[crm_lookup_keys];
	size_t slots[n_slots]; /* number of a key + 1 */
	size_t n_keys, bytes;
	struct crm_found_list found;
	unsigned n_pages, n_restarts;
	struct asked_at asked;
	bool is_outdated; /* its keys were renamed while it was out */
};

/* Keys of one shape: they stand in one question. */
struct asking {
	struct asking *next;
	struct engine *engine;
	const char *kind; /* NULL: things with a book */
	struct finding *first, **last;
	size_t n;
	uint64_t since_ms;
	size_t limit;              /* keys of the next question */
	struct question *question; /* that is out; NULL: none */
	struct lookup_key *shape;  /* a copy, since the first to come is gone some time */
	char *own_kind;
};

static void free_shape(struct lookup_key *shape)
{
	struct lookup one = {.keys = shape, .n_keys = 1};

	if (shape)
		lookup_deinit(&one);
}

static void free_question(struct question *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < q->n_keys; i++)
		free(q->texts[i]);
	crm_found_deinit(&q->found);
	free(q->findings);
	free(q->key_of);
	free(q);
}

void ask_free(struct resolve *resolve)
{
	while (resolve->askings) {
		struct asking *a = resolve->askings;

		resolve->askings = a->next;
		free_question(a->question);
		free_shape(a->shape);
		free(a->own_kind);
		free(a);
	}
}

static const struct lookup_key *key_of(const struct finding *f)
{
	return &f->lookup->keys[f->at];
}

static bool goes_into(const struct asking *a, const struct finding *f)
{
	const bool is_search = crm_lookup_is_search(f->lookup->kind);

	if (!a->kind || !is_search)
		return !a->kind && !is_search;
	return crm_lookup_goes_with(a->kind, a->shape, f->lookup->kind, key_of(f));
}

static struct asking *asking_for(struct engine *e, const struct finding *f)
{
	struct asking *a = e->resolve->askings;

	while (a && !goes_into(a, f))
		a = a->next;
	if (a)
		return a;
	a = mem_alloc(sizeof(*a));
	a->engine = e;
	if (crm_lookup_is_search(f->lookup->kind)) {
		struct lookup one = {0};
		struct lookup_key *shape = lookup_add_key(&one);

		for (size_t i = 0; i < key_of(f)->n; i++)
			lookup_add_field(shape, key_of(f)->fields[i].name, "",
			                 key_of(f)->fields[i].like);
		a->shape = shape;
		a->kind = a->own_kind = mem_strdup(f->lookup->kind);
	}
	a->last = &a->first;
	a->limit = crm_lookup_keys;
	a->next = e->resolve->askings;
	e->resolve->askings = a;
	return a;
}

static void append(struct asking *a, struct finding *f)
{
	if (!a->n++)
		a->since_ms = loop_now_ms(a->engine->loop);
	f->next = NULL;
	*a->last = f;
	a->last = &f->next;
}

void ask_want(struct engine *e, struct finding *f)
{
	if (f->is_asking)
		return;
	f->is_asking = true;
	f->of->n_asking++;
	append(asking_for(e, f), f);
}

static struct finding *take_first(struct asking *a)
{
	struct finding *f = a->first;

	assert(f);
	a->first = f->next;
	if (!a->first)
		a->last = &a->first;
	a->n--;
	f->next = NULL;
	return f;
}

static void has_answer(struct engine *e, struct finding *f)
{
	f->is_asking = false;
	f->was_asked = true;
	f->of->n_asking--;
	resolve_answered(e, f->of);
}

/* Questions */

static size_t *slot_of(struct question *q, const char *text)
{
	size_t h = 14695981039346656037u; /* FNV-1a */

	for (const char *c = text; *c; c++)
		h = (h ^ (unsigned char)*c) * 1099511628211u;
	h %= n_slots;
	while (q->slots[h] && strcmp(q->texts[q->slots[h] - 1], text) != 0)
		h = (h + 1) % n_slots;
	return &q->slots[h];
}

/* False: there is no room for one more key. */
static bool put(struct question *q, struct finding *f, size_t limit)
{
	cleanup_(freep) char *text = lookup_key_text(f->lookup->kind, key_of(f));
	size_t *slot = slot_of(q, text);

	if (!*slot) {
		const size_t bytes = q->bytes + crm_lookup_weight(f->lookup->kind, key_of(f));

		if (q->n_keys == limit || (q->n_keys && bytes > crm_lookup_bytes))
			return false;
		q->bytes = bytes;
		q->keys[q->n_keys] = key_of(f);
		q->texts[q->n_keys] = steal(&text);
		*slot = ++q->n_keys;
	}
	q->findings = mem_grow(q->findings, q->n, &q->cap, sizeof(struct finding *));
	q->key_of = mem_grow(q->key_of, q->n, &q->cap_key_of, sizeof(*q->key_of));
	q->findings[q->n] = f;
	q->key_of[q->n++] = *slot - 1;
	return true;
}

/* What has been learned since it began to wait needs no question. */
static bool is_known_now(struct engine *e, struct finding *f)
{
	struct looked looked;
	enum look look;

	f->is_asking = false;
	look = resolve_look(e, f, &looked);
	f->is_asking = true;
	looked_deinit(&looked);
	return look != LOOK_ASK;
}

static struct question *fill(struct engine *e, struct asking *a)
{
	const size_t limit = hook_without("questions") ? 1 : a->limit;
	struct question *q = mem_alloc(sizeof(*q));

	while (a->first) {
		struct finding *f = a->first;

		if (is_known_now(e, f)) {
			(void)take_first(a);
			f->is_asking = false;
			f->of->n_asking--;
			resolve_answered(e, f->of);
		} else if (put(q, f, limit)) {
			(void)take_first(a);
		} else {
			break;
		}
	}
	a->since_ms = loop_now_ms(e->loop);
	if (q->n)
		return q;
	free_question(q);
	return NULL;
}

static bool is_of_lead(const struct finding *f, const struct crm_found *found)
{
	return !f->lookup->lead_id ||
	       (found->lead_id && !strcmp(found->lead_id, f->lookup->lead_id));
}

/* What the answer says of each key, oldest first. */
static void answer(struct asking *a, struct question *takes_question)
{
	struct question *q = takes_question;
	size_t *heads = mem_array(q->n_keys + 1, sizeof(size_t));
	size_t *next = mem_array(q->found.n + 1, sizeof(size_t));

	for (size_t i = q->found.n; i-- > 0;) {
		next[i] = heads[q->found.items[i].key];
		heads[q->found.items[i].key] = i + 1;
	}
	for (size_t i = 0; i < q->n; i++) {
		struct finding *f = q->findings[i];

		for (size_t k = heads[q->key_of[i]]; k; k = next[k - 1]) {
			const struct crm_found *found = &q->found.items[k - 1];

			if (!is_of_lead(f, found) || f->n++)
				continue;
			f->asked = q->asked;
			f->id = mem_strdup(found->id);
			f->lead = mem_strdup(found->lead_id);
		}
	}
	for (size_t i = 0; i < q->n; i++)
		has_answer(a->engine, q->findings[i]);
	free(heads);
	free(next);
	free_question(q);
}

/* Nobody can say who is meant; those who asked are told why. */
static void no_answer(struct asking *a, struct question *takes_question, const char *why)
{
	for (size_t i = 0; i < takes_question->n; i++) {
		struct finding *f = takes_question->findings[i];

		free(f->trouble);
		f->trouble = mem_strdup(why);
		has_answer(a->engine, f);
	}
	free_question(takes_question);
}

static void ask_page(struct asking *a);

/* Too much for one answer: fewer keys have fewer. */
static void halve(struct asking *a, struct question *takes_question)
{
	struct finding *rest = a->first;
	const size_t n_rest = a->n;

	a->limit = takes_question->n_keys / 2;
	a->first = NULL;
	a->last = &a->first;
	a->n = 0;
	for (size_t i = 0; i < takes_question->n; i++)
		append(a, takes_question->findings[i]);
	if (rest) {
		*a->last = rest;
		a->n += n_rest;
		while (*a->last)
			a->last = &(*a->last)->next;
	}
	free_question(takes_question);
}

static void ask_anew(struct asking *a)
{
	struct question *q = a->question;

	crm_found_deinit(&q->found);
	q->found = (struct crm_found_list){0};
	q->n_pages = 0;
	ask_page(a);
}

static void want_again(struct engine *e, struct finding *f)
{
	f->is_asking = false;
	f->of->n_asking--;
	ask_want(e, f);
}

/* Its findings wait again, for another question. */
static void give_back(struct asking *a)
{
	struct question *q = steal(&a->question);

	for (size_t i = 0; i < q->n; i++)
		want_again(a->engine, q->findings[i]);
	free_question(q);
}

void ask_again(struct engine *e)
{
	struct finding *waiting = NULL, **last = &waiting;

	for (struct asking *a = e->resolve->askings; a; a = a->next) {
		for (size_t i = 0; a->question && i < a->question->n; i++)
			a->question->is_outdated |= a->question->findings[i]->of->is_renamed;
		while (a->kind && a->first) {
			*last = take_first(a);
			last = &(*last)->next;
		}
	}
	while (waiting) {
		struct finding *f = waiting;

		waiting = f->next;
		want_again(e, f);
	}
}

/* "search answered 400: Custom Field does not exist". */
static char *words_of(const struct engine *e, const struct http_answer *http)
{
	cleanup_(json_freep) struct json_object *answer = NULL;
	cleanup_(freep) char *text = NULL;
	struct crm_error error;

	(void)json_parse(http->body, http->body_len, 0, &answer, NULL, NULL);
	crm_error_read(http->body, http->body_len, answer, NULL, NULL, &error);
	text = redact_copy(e->redact, error.message);
	crm_error_deinit(&error);
	return mem_printf("search answered %ld: %.300s", http->status, text);
}

static void may_not_search(struct asking *a, const char *words)
{
	char why[600];

	(void)snprintf(why, sizeof(why),
	               "objects cannot be looked up for match and link (the API key may not be "
	               "allowed to search): %s",
	               words);
	delivery_stop(a->engine->delivery, EXIT_REFUSED, why);
	free_question(steal(&a->question));
}

static void was_refused(struct asking *a, const struct http_answer *http)
{
	struct question *q = a->question;
	cleanup_(freep) char *words = words_of(a->engine, http);
	cleanup_(freep) char *why =
		mem_printf("nobody can say which %s is meant: %s", a->kind, words);

	if (http->status != 400) {
		may_not_search(a, words);
	} else if (q->n_pages && q->n_restarts++ < max_restarts) {
		ask_anew(a); /* its cursor has expired */
	} else if (rename_may_help(a->engine, a->kind, a->shape)) {
		give_back(a);
	} else if (q->n_keys > 1 && !rename_is_gone(a->engine, a->kind, a->shape)) {
		a->question = NULL;
		halve(a, q);
	} else {
		a->question = NULL;
		no_answer(a, q, why);
	}
}

static bool has_lost(char **lost, const char *kind, const struct lookup_key *key, const char *id)
{
	for (size_t i = 0; lost && i < key->n; i++) {
		const struct lookup_field *f = &key->fields[i];
		cleanup_(freep) char *text = found_text(kind, f->name, f->folded, id);
		cleanup_(freep) char *shown =
			f->shown ? found_text(kind, f->name, f->shown, id) : NULL;

		if (strlist_has(lost, text) || (shown && strlist_has(lost, shown)))
			return true;
	}
	return false;
}

/* Search lags behind: what an object is known not to have any more is not found by. */
static void drop_lost(struct asking *a, char **lost, size_t from)
{
	struct question *q = a->question;
	size_t n = from;

	for (size_t i = from; i < q->found.n; i++) {
		struct crm_found *found = &q->found.items[i];

		if (!has_lost(lost, a->kind, q->keys[found->key], found->id)) {
			q->found.items[n++] = *found;
			continue;
		}
		free(found->id);
		free(found->lead_id);
	}
	q->found.n = n;
}

/* What the page shows is remembered; @from: the first that was found on it. */
static void remember_page(struct asking *a, struct json_object *page, size_t from)
{
	struct json_object *data = json_get(page, "data");
	const size_t n =
		json_object_is_type(data, json_type_array) ? json_object_array_length(data) : 0;
	char **lost = NULL;

	for (size_t i = 0; i < n; i++)
		remember_found(a->engine, json_object_array_get_idx(data, i), a->kind,
		               &a->question->asked, &lost);
	if (lost)
		drop_lost(a, lost, from);
	strlist_free(lost);
}

static void page_came(void *arg, const struct http_answer *http)
{
	struct asking *a = arg;
	struct question *q = a->question;
	cleanup_(json_freep) struct json_object *page = NULL;
	size_t n_before;

	if (!http) { /* stopped, and said why */
		free_question(steal(&a->question));
		return;
	}
	hook_point("lookup_answered");
	if (q->is_outdated || !taken_knows(a->engine->resolve->taken, &q->asked)) {
		give_back(a);
		return;
	}
	if (http->status / 100 != 2) {
		was_refused(a, http);
		return;
	}
	n_before = q->found.n;
	if (json_parse(http->body, http->body_len, 0, &page, NULL, NULL) < 0 ||
	    crm_lookup_read(page, a->kind, q->keys, q->n_keys, &q->found, NULL) < 0) {
		a->question = NULL;
		no_answer(a, q, "search gave an answer that cannot be read");
		return;
	}
	remember_page(a, page, n_before);
	if (q->found.cursor && ++q->n_pages < max_pages) {
		ask_page(a);
		return;
	}
	a->question = NULL;
	if (q->found.cursor && q->n_keys > 1)
		halve(a, q);
	else
		answer(a, q);
}

static void ask_page(struct asking *a)
{
	const struct question *q = a->question;
	const struct engine *e = a->engine;
	const struct delivery_call call = {
		.method = CALL_POST,
		.group = "search",
		.url = mem_strdup(crm_search_path),
		.body = crm_lookup_body(a->kind, q->keys, q->n_keys, e->watched, e->n_watched,
	                                q->found.cursor),
		.done = page_came,
		.arg = a,
	};

	delivery_ask(e->delivery, &call);
}

/*
 * A question goes when it is full, or when there is room for what it lets go and nobody else comes
 * soon.
 */
static bool is_due(const struct engine *e, const struct asking *a)
{
	if (!a->n || a->question || naming_is_asking(e))
		return false;
	if (a->n >= a->limit)
		return true;
	if (!intake_has_room(e))
		return false;
	return !e->input_goes_on || loop_now_ms(e->loop) >= a->since_ms + wait_for_others_ms;
}

static void send_question(struct engine *e, struct asking *a)
{
	a->question = fill(e, a);
	if (!a->question)
		return;
	a->question->asked = taken_now(e->resolve->taken, loop_now_ms(e->loop));
	a->limit = a->limit < crm_lookup_keys / 2 ? a->limit * 2 : crm_lookup_keys;
	hook_point("lookup_asked");
	ask_page(a);
}

/* Books */

/* Those whose book is fresh now are looked at again; the others have theirs asked for. */
static void read_books(struct engine *e, struct asking *a)
{
	for (size_t n = naming_is_asking(e) ? 0 : a->n; n; n--) {
		struct finding *f = take_first(a);

		if (is_known_now(e, f)) {
			has_answer(e, f);
		} else {
			char *kind = crm_lookup_book(f->lookup->kind);

			naming_ask(e, (char *const[]){kind, NULL});
			free(kind);
			append(a, f);
		}
	}
}

void ask_turn(struct engine *e)
{
	for (struct asking *a = e->resolve->askings; a; a = a->next) {
		if (!a->kind)
			read_books(e, a);
		else if (is_due(e, a))
			send_question(e, a);
	}
}

uint64_t ask_due_ms(const struct engine *e)
{
	uint64_t due = 0;

	for (const struct asking *a = e->resolve->askings; a; a = a->next) {
		const uint64_t at = a->since_ms + wait_for_others_ms;

		if (a->kind && a->n && !a->question && intake_has_room(e) && (!due || at < due))
			due = at;
	}
	return due;
}
