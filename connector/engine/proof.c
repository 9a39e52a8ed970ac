#include "connector/engine/partitions.h"
#include "connector/engine/proof_private.h"

#include "connector/close/group.h"
#include "lib/mem.h"
#include "lib/plural.h"
#include "lib/test_hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Creates whose answer was lost are looked up by their identity: in search, in the list of the lead
 * they name, in the event log; or by their contents, in lists and in the log. Found anywhere at any
 * time, they were delivered, deleted since or not (proof_found.c). Absent counts only when two
 * complete looks at one source agree, the first not before half of the quarantine, the last at its
 * end, and when that source shows something that is newer than the attempt (the canary: it is not
 * stalled). Without a canary it waits as long again (where topics
 * are read, which bring something newer sooner or later, much longer), then a person decides.
 *
 * One question is out at a time; each asks for as many of one kind and field as go in.
 */

enum {
	longest_pause_ms = 1000, /* between two looks: half of what search allows */
	shortest_pause_ms = 100,
	pauses = 300, /* go into a quarantine */
	/* Quarantines until a person is asked … */
	patience = 2,
	patience_of_topics = 12, /* … and where the next record may be the canary: about an hour */
};

/* Lookups are polite: the calls that bring records come first. */
static void share_pace(struct engine *e, const char *name)
{
	const struct crm_group *group = crm_group_find(name);

	pace_set_lookup(e->pace, pace_group(e->pace, name, group->limit, group->window_ms));
}

struct proof *proof_new(struct engine *e)
{
	struct proof *p = mem_alloc(sizeof(*p));

	p->engine = e;
	share_pace(e, crm_event_group);
	return p;
}

void proof_free(struct proof *proof)
{
	if (!proof)
		return;
	loop_timer_unset(proof->engine->loop, &proof->timer);
	proof_forget_question(proof);
	free(proof->user);
	free(proof->items);
	free(proof);
}

void proof_set_user(struct proof *proof, const char *user, int64_t since_wall_ms)
{
	free(proof->user);
	proof->user = mem_strdup(user);
	proof->user_since_ms = since_wall_ms;
}

bool proof_can(void *arg, const struct request *request)
{
	const struct engine *e = arg;

	if (request->identity_field)
		return crm_search_knows(request->object);
	return proof_knows_contents(e->proof, request);
}

static uint64_t quarantine(const struct proof *p)
{
	return p->engine->pipeline->quarantine_ms;
}

/* The age at which nothing newer is waited for any more. */
static uint64_t given_up_at(const struct proof *p)
{
	const struct engine *e = p->engine;
	const bool more_is_read =
		partitions_are_read(e) && e->options.reads_source && !e->input_ended;

	return quarantine(p) * (more_is_read ? patience_of_topics : patience);
}

/* Between two looks that only miss a canary. */
static uint64_t next_step(const struct proof *p)
{
	return quarantine(p) / 8 > 100 ? quarantine(p) / 8 : 100;
}

/* The age at which to look after one at @age: soon at first, then where absence can be decided. */
static uint64_t next_age(const struct proof *p, uint64_t age)
{
	static const uint64_t early[] = {1000, 3000, 10000, 30000, 90000};
	const uint64_t q = quarantine(p);
	uint64_t next = age < q / 2 ? q / 2 : age < q ? q : age + next_step(p);

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

void proof_forget(struct proof *p, uint64_t seq)
{
	for (size_t i = 0; i < p->n_items; i++)
		if (p->items[i].seq == seq) {
			p->items[i] = p->items[--p->n_items];
			return;
		}
}

const struct unproven *proof_listed(struct proof *p, uint64_t seq)
{
	p->n_list = delivery_unproven_list(p->engine->delivery, p->list, max_looked_at);
	for (size_t i = 0; i < p->n_list; i++)
		if (p->list[i].request->seq == seq)
			return &p->list[i];
	return NULL;
}

/* Requests wait to be sent, behind quota or a breaker: one of them may yet be the canary. */
static bool more_will_come(const struct proof *p)
{
	struct delivery_load load;

	delivery_look_load(p->engine->delivery, &load);
	return load.n_ready > 0;
}

static bool was_looked_at(const struct question *q, enum proof_source source, size_t at)
{
	switch (source) {
	case SOURCE_SEARCH:
		return q->is_searched;
	case SOURCE_LIST:
		return q->is_listed[at];
	case SOURCE_LOG:
		return q->is_logged;
	case n_sources:
		break;
	}
	return false;
}

/* Counts this look; returns whether one source has proven that Close has no such object. */
static bool is_absent(const struct proof *p, const struct unproven *u, size_t at, struct item *item)
{
	const struct question *q = &p->question;
	const uint64_t age = q->asked_ms - u->since_ms;
	bool is_proven = false;

	/* What was sent once is never sent again. */
	if (q->has_candidate[at] || u->request->class == CLASS_D)
		return false;
	for (enum proof_source s = 0; s < n_sources; s++) {
		if (age < quarantine(p) / 2 || !was_looked_at(q, s, at))
			continue;
		/* It is read from our own attempt on; who had the partition before may be older. */
		if (s == SOURCE_LOG && partitions_doubt(p->engine, u->request))
			continue;
		item->n_late_looks[s]++;
		if (!item->first_late_ms)
			item->first_late_ms = q->asked_ms;
		is_proven |= age >= quarantine(p) && item->n_late_looks[s] >= 2 &&
		             canary_is_newer(p, s, u, at);
	}
	return is_proven;
}

/*
 * Nothing more can be found out. After an outage the first look is late, and so is whatever could
 * be the canary.
 */
static bool is_hopeless(const struct proof *p, const struct unproven *u, size_t at,
                        const struct item *item)
{
	const uint64_t age = p->question.asked_ms - u->since_ms, q = quarantine(p);

	if (u->request->class == CLASS_D) /* no canary would let it be sent again */
		return age >= q;
	if (p->question.has_candidate[at]) /* nor where something may be it */
		return age >= patience * q;
	return age >= given_up_at(p) && p->question.asked_ms >= item->first_late_ms + q &&
	       !more_will_come(p);
}

/* By identity the canary is asked for in search; contents are not looked for there. */
static bool is_canary_missing(const struct proof *p, const struct unproven *u, size_t at)
{
	if (p->question.field)
		return !canary_is_newer(p, SOURCE_SEARCH, u, at);
	return !canary_is_newer(p, SOURCE_LIST, u, at) && !canary_is_newer(p, SOURCE_LOG, u, at);
}

/*
 * A look has not found it. Returns true where a canary is missing, or will be at the end of the
 * quarantine.
 */
static bool was_absent(struct proof *p, const struct unproven *u, size_t at, uint64_t now)
{
	const struct question *question = &p->question;
	struct item *item = item_of(p, u->request->seq, now);
	const uint64_t age = question->asked_ms - u->since_ms, q = quarantine(p);

	item->next_look_ms = u->since_ms + next_age(p, now - u->since_ms);
	/* Search that is refused may have come back by then: that costs little. */
	if (*question->trouble && age < q / 2 && item->next_look_ms > now + 1000)
		item->next_look_ms = now + 1000;
	if (is_absent(p, u, at, item) || hook_without("quarantine")) {
		proof_forget(p, u->request->seq);
		delivery_proven_absent(p->engine->delivery, u->request);
		return false;
	}
	if (is_hopeless(p, u, at, item)) {
		proof_give_up(p, at, u->request, given_up_at(p) / 1000);
		return false;
	}
	return age >= q / 2 && is_canary_missing(p, u, at);
}

void proof_look_soon(struct proof *p, const struct unproven *u)
{
	const uint64_t now = loop_now_ms(p->engine->loop);

	if (now - u->since_ms >= quarantine(p))
		item_of(p, u->request->seq, now)->next_look_ms = now;
}

static uint64_t pause_ms(const struct proof *p)
{
	const uint64_t pause = quarantine(p) / pauses;

	if (pause > longest_pause_ms)
		return longest_pause_ms;
	return pause < shortest_pause_ms ? shortest_pause_ms : pause;
}

void proof_decide(struct proof *p)
{
	struct engine *e = p->engine;
	struct question *q = &p->question;
	const uint64_t now = loop_now_ms(e->loop);
	const bool search_answers = q->is_searched;
	char wants_canary[sizeof(p->canaries[0].object)] = "";

	proof_take_found(p);
	for (size_t i = 0; i < q->n; i++) {
		const struct unproven *u = q->is_done[i] ? NULL : proof_listed(p, q->seqs[i]);

		if (u && was_absent(p, u, i, now))
			(void)snprintf(wants_canary, sizeof(wants_canary), "%s", q->object);
	}
	p->next_scan_ms = q->asked_ms + pause_ms(p);
	proof_forget_question(p);
	if (*wants_canary)
		canary_ask(p, wants_canary, search_answers);
}

/* Scanning */

static bool fits(const struct question *q, const struct request *r)
{
	if (q->n == 0)
		return true;
	return q->n < crm_search_values && !strcmp(q->object, r->object) &&
	       !q->field == !r->identity_field &&
	       (!q->field || !strcmp(q->field, r->identity_field));
}

static void wake(void *arg)
{
	(void)arg; /* the turn does the work */
}

/*
 * The log is read from the first byte that one of these may have had, by Close's clock. Counted
 * back from now where the clock of this machine may have been set meanwhile.
 */
static int64_t log_begins(const struct proof *p, const struct unproven *u, uint64_t now)
{
	const int64_t wall = loop_wall_ms(p->engine->loop);
	const int64_t since = wall - (int64_t)(now - u->since_ms);
	const int64_t intent = u->request->intent_wall_ms;

	return (intent && intent < since ? intent : since) + p->skew_ms - log_margin_ms;
}

static void add_to_question(struct proof *p, const struct unproven *u, uint64_t now)
{
	struct question *q = &p->question;
	const int64_t from_ms = log_begins(p, u, now);

	if (!q->n || from_ms < q->log.from_ms)
		q->log.from_ms = from_ms;
	/* Where there is neither search nor a list, only the log can show it. */
	q->wants_log |= (now - u->since_ms >= quarantine(p) / 2 ||
	                 (!u->request->identity_field && !crm_has_list(u->request->object))) &&
	                !hook_without("event_log");
	proof_add(p, u->request);
}

static void scan(struct proof *p, uint64_t now)
{
	struct engine *e = p->engine;
	struct question *q = &p->question;
	uint64_t soonest = 0;

	p->n_list = delivery_unproven_list(e->delivery, p->list, max_looked_at);
	for (size_t i = 0; i < p->n_list; i++) {
		const struct unproven *u = &p->list[i];
		const uint64_t at = item_of(p, u->request->seq, now)->next_look_ms;

		if (at > now && (!soonest || at < soonest))
			soonest = at;
		if (at <= now && fits(q, u->request))
			add_to_question(p, u, now);
	}
	if (q->n) {
		q->asked_ms = now;
		proof_look(p);
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
		/* Past the quarantine only a canary is missing. */
		const uint64_t until = now < since + q ? since + q : since + given_up_at(proof);

		if (until > latest)
			latest = until;
	}
	/* Past that too, after an outage: whatever is looked at next. */
	if (latest && latest < now)
		latest = now + next_step(proof);
	return latest ? loop_wall_ms(e->loop) + (int64_t)latest - (int64_t)now : 0;
}
