#include "connector/engine/partitions.h"
#include "connector/engine/proof_private.h"

#include "connector/close/catalogue.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/test_hooks.h"

#include <string.h>

/*
 * A create without an identity is recognised by its contents, its time and our user; two that say
 * the same are told apart by their number. What Close shows and no other request has made is
 * counted against those that were sent and have no object yet: as many or fewer, they are ours, the
 * oldest first. More, and nobody can say which: a person decides. While the answer of one that says
 * the same may yet come, nothing is concluded.
 */

enum {
	day_ms = 86400000,
	clocks_ms = 200, /* those of Close among themselves */
};

/* Others that were sent and have no object yet. */
struct crowd {
	unsigned n_same, n_sure; /* they send the same; of these, Close has said that it made it */
	bool is_flying;          /* one that may be meant is on its way */
	bool is_alike;           /* one says something else that fits the same objects */
};

struct candidates {
	const struct crm_match *oldest;
	size_t n;
	const struct crm_match *unclear; /* one of those that may be it or not */
};

static struct json_object *body_of(const struct request *r)
{
	struct json_object *body = NULL;

	if (r->format != CONTENT_JSON || !r->body ||
	    json_parse(r->body, r->body_len, 0, &body, NULL, NULL) < 0 ||
	    !json_object_is_type(body, json_type_object)) {
		json_object_put(body);
		return NULL;
	}
	return body;
}

bool proof_knows_contents(const struct proof *p, const struct request *r)
{
	const struct operation *op = operation_find(crm_catalogue(), r->operation);
	cleanup_(json_freep) struct json_object *body = NULL;
	struct crm_print print = {.class = r->class, .op = op, .user = p->user};

	if (!p->user || r->intent_wall_ms < p->user_since_ms || !crm_content_knows(op) ||
	    partitions_doubt(p->engine, r))
		return false;
	print.sent = body = body_of(r);
	return body && crm_print_is_enough(&print);
}

/* A day of doubt about clocks is left to what was sent before this run. */
int64_t proof_list_from(const struct proof *p, const struct request *r,
                        const struct crm_print *print)
{
	const int64_t sent_ms =
		r->intent_wall_ms + p->skew_ms - (proof_knows_time(p, r) ? log_margin_ms : day_ms);
	int64_t own_ms;

	if (hook_without("window"))
		return 0;
	return crm_print_own_time(print, &own_ms) && own_ms - day_ms < sent_ms ? own_ms - day_ms
	                                                                       : sent_ms;
}

enum age { TOO_OLD, MAYBE_TOO_OLD, NEW_ENOUGH };

static enum age age_by(int64_t made_ms, int64_t earliest_ms, int64_t surely_ms)
{
	if (made_ms < earliest_ms)
		return TOO_OLD;
	return made_ms < surely_ms ? MAYBE_TOO_OLD : NEW_ENOUGH;
}

static enum age age_of(const struct proof *p, const struct crm_match *m, const struct request *r)
{
	const int64_t sent_ms = r->intent_wall_ms + p->skew_ms;
	int64_t made_ms;

	if (!crm_time_parse(m->date_created, &made_ms) || hook_without("window"))
		return NEW_ENOUGH;
	/* Close tells its time in whole seconds, rounded down. */
	if (proof_knows_time(p, r))
		return age_by(made_ms, sent_ms - before_margin_ms, sent_ms - clocks_ms);
	return age_by(made_ms, sent_ms - day_ms, sent_ms - log_margin_ms);
}

static bool is_older(const struct crm_match *a, const struct crm_match *b)
{
	int64_t a_ms, b_ms;

	return !b || (crm_time_parse(a->date_created, &a_ms) &&
	              crm_time_parse(b->date_created, &b_ms) && a_ms < b_ms);
}

static struct candidates candidates_of(const struct proof *p, size_t at, const struct request *r)
{
	struct candidates c = {0};

	for (size_t i = 0; i < p->question.matches.n; i++) {
		const struct crm_match *m = &p->question.matches.items[i];
		const enum age age = m->value == at ? age_of(p, m, r) : TOO_OLD;

		if (age == TOO_OLD || proof_is_others(p, m->id))
			continue;
		if (age == MAYBE_TOO_OLD || m->is_unclear) {
			c.unclear = m;
			continue;
		}
		c.n++;
		if (is_older(m, c.oldest))
			c.oldest = m;
	}
	return c;
}

static bool sends_same(const struct request *a, const struct request *b)
{
	return a->body_len == b->body_len && !memcmp(a->body, b->body, a->body_len);
}

/* What one sends could be an object of the other. */
static bool may_be_same(const struct crm_print *print, const struct request *other)
{
	cleanup_(json_freep) struct json_object *body = body_of(other);

	return body && crm_likeness(print, body) != CRM_DIFFERENT;
}

static struct crowd crowd_of(const struct proof *p, size_t at, const struct request *r)
{
	struct sent_create sent[max_looked_at];
	const size_t n = delivery_sent_creates(p->engine->delivery, r->object, sent, max_looked_at);
	struct crowd crowd = {.is_flying = n > max_looked_at};

	for (size_t i = 0; i < n && i < max_looked_at; i++) {
		const struct sent_create *s = &sent[i];
		const bool is_same = s->request != r && sends_same(s->request, r);

		if (s->request == r ||
		    (!is_same && !may_be_same(&p->question.prints[at], s->request)))
			continue;
		crowd.n_same += is_same;
		crowd.n_sure += is_same && s->is_sure;
		crowd.is_alike |= !is_same;
		crowd.is_flying |= s->is_flying;
	}
	return crowd;
}

enum proof_count proof_count(const struct proof *p, size_t at, const struct request *r,
                             const struct crm_match **ret_match, size_t *ret_n)
{
	const struct candidates c = candidates_of(p, at, r);
	struct crowd crowd = {0};

	*ret_match = c.n ? c.oldest : c.unclear;
	*ret_n = c.n;
	if (!c.n)
		return c.unclear ? COUNT_OPEN : COUNT_NONE;
	if (hook_without("counting"))
		return COUNT_OURS;
	crowd = crowd_of(p, at, r);
	if (crowd.is_flying)
		return COUNT_OPEN;
	/* What another system names is one thing, however often it is there. */
	if (r->class == CLASS_B)
		return COUNT_OURS;
	if (crowd.is_alike || c.n > crowd.n_same + 1 || journal_holds_same(p->engine->journal, r))
		return COUNT_TOO_MANY;
	/* Those that Close has made for sure come first. */
	if (r->state != REQUEST_PROBING && c.n <= crowd.n_sure)
		return COUNT_OPEN;
	return COUNT_OURS;
}
