#include "connector/engine/proof_private.h"

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Creates whose answer was lost are looked up by their identity. Found at any time, they were
 * delivered. Absent counts only when two complete looks agree, the first not before half of the
 * quarantine, the last at its end, and when search shows something that is newer than the attempt
 * (the canary: search is not stalled). Without a canary it waits as long again, then a person
 * decides.
 *
 * One question is out at a time; each asks for as many identities of one kind and field as go in.
 */

struct proof *proof_new(struct engine *e)
{
	struct proof *p = mem_alloc(sizeof(*p));

	p->engine = e;
	return p;
}

void proof_free(struct proof *proof)
{
	if (!proof)
		return;
	loop_timer_unset(proof->engine->loop, &proof->timer);
	crm_matches_deinit(&proof->question.matches);
	free(proof->items);
	free(proof);
}

bool proof_can(void *arg, const struct request *request)
{
	(void)arg;
	return request->identity_field && crm_search_knows(request->object);
}

static uint64_t quarantine(const struct proof *p)
{
	return p->engine->pipeline->quarantine_ms;
}

/* The age at which to look after one at @age: soon at first, then where absence can be decided. */
static uint64_t next_age(const struct proof *p, uint64_t age)
{
	static const uint64_t early[] = {1000, 3000, 10000, 30000, 90000};
	const uint64_t q = quarantine(p), step = q / 8 > 100 ? q / 8 : 100;
	uint64_t next = age < q / 2 ? q / 2 : age < q ? q : age + step;

	for (size_t i = 0; i < sizeof(early) / sizeof(*early); i++)
		if (early[i] > age && early[i] < next)
			return early[i];
	return next;
}

static struct item *item_of(struct proof *p, uint64_t seq, uint64_t now)
{
	for (size_t i = 0; i < p->n_items; i++)
		if (p->items[i].seq == seq)
			return &p->items[i];
	p->items = mem_grow(p->items, p->n_items, &p->cap_items, sizeof(*p->items));
	p->items[p->n_items] = (struct item){.seq = seq, .next_look_ms = now};
	return &p->items[p->n_items++];
}

static void forget(struct proof *p, uint64_t seq)
{
	for (size_t i = 0; i < p->n_items; i++)
		if (p->items[i].seq == seq) {
			p->items[i] = p->items[--p->n_items];
			return;
		}
}

static const struct unproven *listed(const struct proof *p, const struct request *request)
{
	for (size_t i = 0; i < p->n_list; i++)
		if (p->list[i].request == request)
			return &p->list[i];
	return NULL;
}

/*
 * Something later than the attempt is visible. Of an object of our own we know on our own clock
 * that it was sent later; of others only Close's clock tells, and the clocks may differ a little.
 */
static void give_up(struct proof *p, struct request *r)
{
	char known[500];

	(void)snprintf(
		known, sizeof(known),
		"Its answer was lost. No %s with %s = %s was found for %llu s, but search showed "
		"nothing newer either, so it may only be late. Look in Close, then answer with "
		"`closefeed held resolve`",
		r->object, r->identity_field, r->identity_value,
		(unsigned long long)(2 * quarantine(p) / 1000));
	forget(p, r->seq);
	delivery_unproven(p->engine->delivery, r, known);
}

/* Requests wait to be sent, behind quota or a breaker: one of them may yet be the canary. */
static bool more_will_come(const struct proof *p)
{
	struct delivery_load load;

	delivery_look_load(p->engine->delivery, &load);
	return load.n_ready > 0;
}

/* A complete look has not found it. Returns true where only the canary is missing. */
static bool was_absent(struct proof *p, const struct unproven *u, uint64_t now)
{
	struct item *item = item_of(p, u->request->seq, now);
	const uint64_t age = p->question.asked_ms - u->since_ms, q = quarantine(p);

	item->next_look_ms = u->since_ms + next_age(p, now - u->since_ms);
	if (age >= q / 2 && !item->n_late_looks++)
		item->first_late_ms = p->question.asked_ms;
	if (hook_without("quarantine") ||
	    (age >= q && item->n_late_looks >= 2 && canary_is_newer(p, u))) {
		forget(p, u->request->seq);
		delivery_proven_absent(p->engine->delivery, u->request);
		return false;
	}
	/* After an outage the first look is late, and so is whatever could be the canary. */
	if (age >= 2 * q && p->question.asked_ms >= item->first_late_ms + q && !more_will_come(p)) {
		give_up(p, u->request);
		return false;
	}
	return age >= q;
}

static void was_found(struct proof *p, struct request *r, const char *id, size_t n_others)
{
	char note[200];

	(void)snprintf(note, sizeof(note), "%zu more objects carry %s = %s; this is the oldest",
	               n_others, r->identity_field, r->identity_value);
	forget(p, r->seq);
	delivery_proven_applied(p->engine->delivery, r, id, n_others ? note : NULL);
}

/* The oldest match of value @at that no other request has made; NULL: none. */
static const char *oldest_match(struct proof *p, size_t at, size_t *ret_n_others)
{
	const char *oldest = NULL;

	*ret_n_others = 0;
	for (size_t i = 0; i < p->question.matches.n; i++) {
		const struct crm_match *m = &p->question.matches.items[i];

		if (m->value != at || journal_knows_object_id(p->engine->journal, m->id))
			continue;
		if (oldest)
			++*ret_n_others;
		else
			oldest = m->id;
	}
	return oldest;
}

static void decide(struct proof *p)
{
	struct engine *e = p->engine;
	struct question *q = &p->question;
	const uint64_t now = loop_now_ms(e->loop);
	const char *wants_canary = NULL;
	char object[sizeof(p->canaries[0].object)];

	p->n_list = delivery_unproven_list(e->delivery, p->list, max_looked_at);
	for (size_t i = 0; i < q->n; i++) {
		const struct unproven *u = listed(p, q->requests[i]);
		size_t n_others;
		const char *id = u ? oldest_match(p, i, &n_others) : NULL;

		if (!u)
			continue;
		(void)snprintf(object, sizeof(object), "%s", u->request->object);
		if (id)
			was_found(p, u->request, id, n_others);
		else if (was_absent(p, u, now))
			wants_canary = object;
	}
	crm_matches_deinit(&q->matches);
	q->n = 0;
	p->is_asking = false;
	p->next_scan_ms = 0;
	if (wants_canary)
		canary_ask(p, wants_canary);
}

static void abandon(struct proof *p)
{
	crm_matches_deinit(&p->question.matches);
	p->question.n = 0;
	p->is_asking = false;
}

/* A refusal, an expired cursor: the next scan asks anew, but not for ever. */
static void was_refused(struct proof *p, const struct http_answer *answer)
{
	const uint64_t now = loop_now_ms(p->engine->loop);
	char known[300];

	(void)snprintf(known, sizeof(known),
	               "Its answer was lost, and search, which would tell whether it was done, "
	               "answers %ld. Look in Close, then answer with `closefeed held resolve`",
	               answer->status);
	p->n_list = delivery_unproven_list(p->engine->delivery, p->list, max_looked_at);
	for (size_t i = 0; i < p->question.n; i++) {
		const struct unproven *u = listed(p, p->question.requests[i]);

		if (!u || now - u->since_ms < 2 * quarantine(p))
			continue;
		forget(p, u->request->seq);
		delivery_unproven(p->engine->delivery, u->request, known);
	}
	abandon(p);
	p->next_scan_ms = now + 1000;
}

static void ask_page(struct proof *p);

static void page_came(void *arg, const struct http_answer *answer)
{
	struct proof *p = arg;
	struct question *q = &p->question;
	cleanup_(json_freep) struct json_object *page = NULL;

	if (!answer) {
		abandon(p);
		return;
	}
	hook_point("search_answered");
	proof_learn_skew(p, answer);
	if (answer->status / 100 != 2 ||
	    json_parse(answer->body, answer->body_len, 0, &page, NULL, NULL) < 0 ||
	    crm_search_read(page, q->requests[0]->identity_field, q->values, q->n, &q->matches,
	                    NULL) < 0) {
		was_refused(p, answer);
		return;
	}
	if (!q->matches.cursor)
		decide(p);
	else if (++q->n_pages < max_pages)
		ask_page(p);
	else
		was_refused(p, answer); /* a search without an end proves nothing */
}

static void ask_page(struct proof *p)
{
	const struct request *first = p->question.requests[0];
	const struct delivery_call call = {
		.method = CALL_POST,
		.group = "search",
		.url = mem_strdup(crm_search_path),
		.body = crm_search_body(first->object, first->identity_field, p->question.values,
	                                p->question.n, p->question.matches.cursor),
		.done = page_came,
		.arg = p,
	};

	delivery_ask(p->engine->delivery, &call);
}

/* Scanning */

static bool fits(const struct question *q, const struct request *r)
{
	return q->n == 0 ||
	       (q->n < crm_search_values && !strcmp(q->requests[0]->object, r->object) &&
	        !strcmp(q->requests[0]->identity_field, r->identity_field));
}

static void wake(void *arg)
{
	(void)arg; /* the turn does the work */
}

static void scan(struct proof *p, uint64_t now)
{
	struct engine *e = p->engine;
	struct question *q = &p->question;
	uint64_t soonest = 0;

	p->n_list = delivery_unproven_list(e->delivery, p->list, max_looked_at);
	for (size_t i = 0; i < p->n_list; i++) {
		struct request *r = p->list[i].request;
		const uint64_t at = item_of(p, r->seq, now)->next_look_ms;

		if (at > now && (!soonest || at < soonest))
			soonest = at;
		if (at > now || !fits(q, r))
			continue;
		q->requests[q->n] = r;
		q->values[q->n++] = r->identity_value;
	}
	if (q->n) {
		p->is_asking = true;
		q->asked_ms = now;
		q->n_pages = 0;
		ask_page(p);
	} else if (soonest) {
		loop_timer_set(e->loop, &p->timer, soonest, wake, NULL);
	}
}

void proof_turn(struct proof *proof)
{
	struct engine *e = proof->engine;
	const uint64_t now = loop_now_ms(e->loop);

	if (proof->is_asking || e->is_stopping)
		return;
	if (now < proof->next_scan_ms) {
		/* Whoever came into doubt since the last scan waits for the next, not for chance.
		 */
		if (!loop_timer_is_set(&proof->timer) || proof->timer.at_ms > proof->next_scan_ms)
			loop_timer_set(e->loop, &proof->timer, proof->next_scan_ms, wake, NULL);
		return;
	}
	proof->next_scan_ms = now + scan_every_ms;
	scan(proof, now);
	if (proof->n_list && !loop_timer_is_set(&proof->timer))
		loop_timer_set(e->loop, &proof->timer, proof->next_scan_ms, wake, NULL);
}

int64_t proof_until_wall_ms(struct proof *proof)
{
	struct engine *e = proof->engine;
	const uint64_t now = loop_now_ms(e->loop), q = quarantine(proof);
	uint64_t latest = 0;

	proof->n_list = delivery_unproven_list(e->delivery, proof->list, max_looked_at);
	for (size_t i = 0; i < proof->n_list; i++) {
		const uint64_t since = proof->list[i].since_ms;
		/* Past the quarantine only a canary is missing: it is waited for as long again. */
		const uint64_t until = now < since + q ? since + q : since + 2 * q;

		if (until > latest)
			latest = until;
	}
	return latest ? loop_wall_ms(e->loop) + (int64_t)latest - (int64_t)now : 0;
}
