#include "connector/engine/partitions.h"
#include "connector/engine/proof_private.h"

#include "lib/plural.h"
#include "lib/test_hooks.h"

#include <stdio.h>
#include <string.h>

/* What a look has found, and what is said where nothing could be proven. */

static const char what_to_do[] = "Look in Close, then answer with `closefeed held resolve`";

static const char *known_of(const struct request *r)
{
	return r->known ? r->known : "Its answer was lost.";
}

/* What there was to see of a create without an identity. */
static void tell_contents(const struct proof *p, size_t at, const struct request *r, char *text,
                          size_t size, uint64_t seconds)
{
	const struct crm_match *match = NULL;
	size_t n;

	(void)proof_count(p, at, r, &match, &n);
	if (match)
		(void)snprintf(text, size,
		               "%s %s in Close may be what it made, or not: it cannot be told. %s",
		               known_of(r), match->id, what_to_do);
	else if (r->class == CLASS_D)
		(void)snprintf(
			text, size,
			"%s Nothing shows that it was done. A second one could not be called "
			"back, so it is not sent again by itself. %s",
			known_of(r), what_to_do);
	else
		(void)snprintf(text, size,
		               "%s Nothing with its contents was found for %llu s, but neither a "
		               "list nor the event log showed anything newer, so it may only be "
		               "late. %s",
		               known_of(r), (unsigned long long)seconds, what_to_do);
}

void proof_give_up(struct proof *p, size_t at, struct request *r, uint64_t seconds)
{
	char known[900];

	if (!r->identity_field)
		tell_contents(p, at, r, known, sizeof(known), seconds);
	else if (*p->question.trouble)
		(void)snprintf(known, sizeof(known),
		               "Its answer was lost, and search, which would tell whether it was "
		               "done, %s. %s",
		               p->question.trouble, what_to_do);
	else
		(void)snprintf(
			known, sizeof(known),
			"Its answer was lost. No %s with %s = %s was found for %llu s, but %s, "
			"so it may only be late. %s",
			r->object, r->identity_field, r->identity_value,
			(unsigned long long)seconds,
			p->question.is_mute
				? "search showed nothing newer, and the event log does not "
				  "tell that field"
				: "neither search nor the event log showed anything newer",
			what_to_do);
	proof_forget(p, r->seq);
	delivery_unproven(p->engine->delivery, r, known);
}

static void was_found(struct proof *p, struct request *r, const char *id, size_t n_others)
{
	char note[200] = "";

	if (n_others && r->identity_field)
		(void)snprintf(note, sizeof(note), "%zu more object%s %s = %s; this is the oldest",
		               n_others, plural(n_others, " carries", "s carry"), r->identity_field,
		               r->identity_value);
	else if (n_others && r->class == CLASS_B)
		(void)snprintf(note, sizeof(note), "%zu more object%s its %s; this is the oldest",
		               n_others, plural(n_others, " has", "s have"), crm_external_key);
	proof_forget(p, r->seq);
	delivery_proven_applied(p->engine->delivery, r, id, *note ? note : NULL);
}

/* More of the same than were sent: which of them is ours nobody can say. */
static void were_too_many(struct proof *p, struct request *r, const struct crm_match *match,
                          size_t n)
{
	char known[900];

	(void)snprintf(
		known, sizeof(known),
		"%s %s%s in Close may be what it made, but others were sent or made there that say "
		"the same, and it cannot be told which is which. %s",
		known_of(r), match->id, n > 1 ? " or another" : "", what_to_do);
	proof_forget(p, r->seq);
	delivery_unproven(p->engine->delivery, r, known);
}

static bool is_older(const struct crm_match *a, const struct crm_match *b)
{
	int64_t a_ms, b_ms;

	return crm_time_parse(a->date_created, &a_ms) && crm_time_parse(b->date_created, &b_ms) &&
	       a_ms < b_ms;
}

bool proof_knows_time(const struct proof *p, const struct request *r)
{
	struct engine *e = p->engine;

	return p->knows_skew && !r->resends && !partitions_doubt(e, r) &&
	       r->intent_wall_ms >= e->run.began_wall_ms && !proof_clock_was_set(e);
}

bool proof_is_others(const struct proof *p, const char *object_id)
{
	const struct engine *e = p->engine;

	if (hook_without("others"))
		return false;
	for (size_t i = 0; i < e->n_ending; i++)
		if (e->ending[i]->object_id && e->ending[i]->method != METHOD_DELETE &&
		    !strcmp(e->ending[i]->object_id, object_id))
			return true;
	return journal_knows_object_id(e->journal, object_id);
}

/* It was there before the first attempt, on Close's clock. */
static bool is_too_old(const struct proof *p, const struct crm_match *m, const struct request *r)
{
	int64_t created_ms;

	return proof_knows_time(p, r) && crm_time_parse(m->date_created, &created_ms) &&
	       created_ms < r->intent_wall_ms + p->skew_ms - before_margin_ms;
}

/*
 * The oldest match of value @at, which @r may have made and no other request has; NULL: none.
 */
static const char *oldest_match(const struct proof *p, size_t at, const struct request *r,
                                size_t *ret_n_others)
{
	const struct crm_match *oldest = NULL;

	*ret_n_others = 0;
	for (size_t i = 0; i < p->question.matches.n; i++) {
		const struct crm_match *m = &p->question.matches.items[i];

		if (m->value != at || proof_is_others(p, m->id) || is_too_old(p, m, r))
			continue;
		*ret_n_others += oldest != NULL;
		if (!oldest || is_older(m, oldest))
			oldest = m;
	}
	return oldest ? oldest->id : NULL;
}

/* True: it has ended. */
static bool take_by_identity(struct proof *p, size_t at, struct request *r)
{
	size_t n_others;
	const char *id = oldest_match(p, at, r, &n_others);

	if (id)
		was_found(p, r, id, n_others);
	return id != NULL;
}

static bool take_by_contents(struct proof *p, size_t at, struct request *r)
{
	const struct crm_match *match;
	size_t n;
	const enum proof_count count = proof_count(p, at, r, &match, &n);

	p->question.has_candidate[at] = count != COUNT_NONE;
	switch (count) {
	case COUNT_NONE:
	case COUNT_OPEN:
		return false;
	case COUNT_OURS:
		was_found(p, r, match->id, n - 1);
		return true;
	case COUNT_TOO_MANY:
		were_too_many(p, r, match, n);
		return true;
	}
	return false;
}

void proof_take_found(struct proof *p)
{
	struct question *q = &p->question;

	for (size_t i = 0; i < q->n; i++) {
		const struct unproven *u = q->is_done[i] ? NULL : proof_listed(p, q->seqs[i]);

		q->is_done[i] |= !u;
		if (u)
			q->is_done[i] = q->field ? take_by_identity(p, i, u->request)
			                         : take_by_contents(p, i, u->request);
	}
}
