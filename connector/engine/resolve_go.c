#include "connector/engine/nest.h"

#include "connector/close/lanes.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/percent.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A draft whose lookups are answered becomes one that can be sent, or ends here. */

/* What became of a lookup */

/* A person has had it taken up again, and is told: it would wait for another decision. */
static void reject_waiting(struct engine *e, struct resolving *r, const char *words)
{
	resolve_reject(e, r, REJECT_LINK, NULL,
	               "it waits for the %s; settle that first, then retry this one", words);
}

enum step resolve_wait_for_parent(struct engine *e, struct resolving *r, struct offer *parent)
{
	if (offer_held(parent) && r->draft->record->is_settled) {
		reject_waiting(e, r, offer_held(parent));
		return STEP_GONE;
	}
	r->wait = offer_held(parent) ? WAIT_PERSON : WAIT_PARENT;
	free(r->person);
	r->person = mem_strdup(offer_held(parent));
	if (r->parent == parent)
		return STEP_WAIT;
	if (r->parent)
		offer_leave(r->parent, r);
	offer_wait(parent, r);
	r->parent = parent;
	return STEP_WAIT;
}

static enum step look_again(struct engine *e, struct resolving *r, struct finding *f,
                            struct looked *ret, enum look *ret_look)
{
	strlist_free(steal(&f->near));
	f->awaits = NULL;
	*ret_look = resolve_look(e, f, ret);
	if (*ret_look == LOOK_PARENT) {
		f->awaits = ret->parent;
		resolve_come_near(f, ret->parent);
		if (ret->id)
			strlist_add(&f->near, mem_strdup(ret->id));
		f->orphan_of = 0;
		return resolve_wait_for_parent(e, r, ret->parent);
	}
	if (*ret_look != LOOK_ASK)
		return STEP_ON;
	ask_want(e, f);
	r->wait = WAIT_ANSWER;
	return STEP_WAIT;
}

/* match */

static enum step no_match(struct engine *e, struct resolving *r)
{
	const struct draft *d = r->draft;
	cleanup_(freep) char *none = resolve_no_such(e, d, d->match);

	switch (d->route->on_none) {
	case NONE_CREATE:
		if (d->refused) {
			resolve_reject(e, r, d->refused->class, d->refused->field, "%s",
			               d->refused->message);
			return STEP_GONE;
		}
		if (d->update || d->n_rows)
			return STEP_ON;
		break;
	case NONE_REJECT:
		break;
	case NONE_SKIP:
		resolve_skip(e, r, "%s, and on_none says skip", none);
		return STEP_GONE;
	}
	resolve_reject(e, r, REJECT_MATCH, resolve_field(d, d->match->keys[0].fields[0].name), "%s",
	               none);
	return STEP_GONE;
}

static enum step is_matched(struct engine *e, struct resolving *r, const struct looked *looked)
{
	const struct draft *d = r->draft;

	if (d->route->on_match == MATCH_UPDATE)
		return STEP_ON;
	resolve_skip(e, r, "%s exists already, and on_match says skip", looked->id);
	return STEP_GONE;
}

static enum step reject_many(struct engine *e, struct resolving *r, const struct finding *f,
                             size_t n)
{
	const struct lookup_key *key = &f->lookup->keys[f->at];
	cleanup_(freep) char *why =
		resolve_many(e, r->draft, f, n, "say which is meant, or `on_many: oldest`");

	resolve_reject(e, r, REJECT_MATCH, resolve_field(r->draft, key->fields[0].name), "%s", why);
	return STEP_GONE;
}

/* Which object is meant: *ret_looked has its id, or has none where one is to be made. */
static enum step match(struct engine *e, struct resolving *r, struct looked *ret_looked)
{
	struct finding *f = &r->findings[0];
	const struct draft *d = r->draft;
	enum look look;
	const enum step step = look_again(e, r, f, ret_looked, &look);

	if (step != STEP_ON)
		return step;
	switch (look) {
	case LOOK_FOUND:
		return is_matched(e, r, ret_looked);
	case LOOK_MANY:
		if (d->route->on_many == MANY_OLDEST)
			return is_matched(e, r, ret_looked);
		return reject_many(e, r, f, ret_looked->n);
	case LOOK_TROUBLE:
		resolve_reject(e, r, REJECT_MATCH,
		               resolve_field(d, d->match->keys[0].fields[0].name), "%s",
		               ret_looked->trouble);
		return STEP_GONE;
	case LOOK_NONE:
		return resolve_doubts(e, r, f) ? STEP_WAIT : no_match(e, r);
	case LOOK_PARENT:
	case LOOK_REJECTED:
	case LOOK_ASK:
		break;
	}
	return STEP_ON;
}

/* link */

static void take_words(void *arg, const struct part_row *row)
{
	char **words = arg;

	free(*words);
	*words = offers_words("by the record", row->part.record);
}

static void reject_orphan(struct engine *e, struct resolving *r, const struct draft_link *link,
                          const struct looked *looked)
{
	cleanup_(freep) char *words = resolve_words(r->draft, &link->lookup);
	cleanup_(freep) char *by = mem_strdup("by an earlier record");
	const uint64_t ids[] = {looked->part, 0};

	(void)journal_each_part(e->journal, OUTCOME_REJECTED, ids, REJECT_NONE, take_words, &by,
	                        NULL);
	resolve_reject(e, r, REJECT_PARENT_REJECTED, resolve_field(r->draft, link->field),
	               "the %s with %s was to be made %s, which was rejected (reject %llu); "
	               "settle that first, then retry this one",
	               link->lookup.kind, words, by, (unsigned long long)looked->part);
}

static void reject_ambiguous(struct engine *e, struct resolving *r, const struct finding *f,
                             const struct draft_link *link, size_t n)
{
	cleanup_(freep) char *why = resolve_many(e, r->draft, f, n, "a link needs exactly one");

	resolve_reject(e, r, REJECT_LINK, resolve_field(r->draft, link->field), "%s", why);
}

/* Who makes it may come yet: then the record was sent too early. */
static bool is_given_back(struct engine *e, struct resolving *r, const char *none)
{
	const struct draft *d = r->draft;

	if (!d->record->is_ahead || d->n_rows || !desk_give_back(e->desk, d->record, none))
		return false;
	for (struct resolving *o = e->resolve->aside_first; o; o = o->behind)
		if (o->draft->record == d->record)
			resolve_wake(e, o);
	return true;
}

/* Another output of its record was: nothing becomes of this one either. */
static bool goes_with_it(const struct resolving *r)
{
	return r->draft->record->is_given_back && !r->n_asking;
}

static enum step no_link(struct engine *e, struct resolving *r, const struct draft_link *link,
                         struct looked *looked)
{
	cleanup_(freep) char *none = resolve_no_such(e, r->draft, &link->lookup);

	if (link->fallback) {
		looked->id = mem_strdup(link->fallback);
		return STEP_ON;
	}
	if (link->on_none == NONE_SKIP) {
		resolve_skip(e, r, "%s, and on_none says skip", none);
		return STEP_GONE;
	}
	if (!is_given_back(e, r, none))
		resolve_reject(e, r, REJECT_LINK, resolve_field(r->draft, link->field), "%s", none);
	return STEP_GONE;
}

/* A contact without a lead has none to link to. */
static enum step use_lead(struct engine *e, struct resolving *r, const struct draft_link *link,
                          struct looked *looked)
{
	if (!link->takes_lead || (looked->lead && *looked->lead)) {
		if (link->takes_lead) {
			free(looked->id);
			looked->id = steal(&looked->lead);
		}
		return STEP_ON;
	}
	resolve_reject(e, r, REJECT_LINK, resolve_field(r->draft, link->field),
	               "%s was found, but not which lead it belongs to", looked->id);
	return STEP_GONE;
}

static enum step follow_link(struct engine *e, struct resolving *r, struct finding *f,
                             const struct draft_link *link, struct looked *ret_looked)
{
	enum look look;
	const enum step step = look_again(e, r, f, ret_looked, &look);

	if (step != STEP_ON)
		return step;
	switch (look) {
	case LOOK_FOUND:
		return use_lead(e, r, link, ret_looked);
	case LOOK_NONE:
		return resolve_doubts(e, r, f) ? STEP_WAIT : no_link(e, r, link, ret_looked);
	case LOOK_MANY:
		reject_ambiguous(e, r, f, link, ret_looked->n);
		return STEP_GONE;
	case LOOK_REJECTED:
		reject_orphan(e, r, link, ret_looked);
		return STEP_GONE;
	case LOOK_TROUBLE:
		resolve_reject(e, r, REJECT_LINK, resolve_field(r->draft, link->field), "%s",
		               ret_looked->trouble);
		return STEP_GONE;
	case LOOK_PARENT:
	case LOOK_ASK:
		break;
	}
	return STEP_ON;
}

/* Filling in */

static void fill_url(struct draft *d, const char *name, const char *id)
{
	cleanup_(freep) char *hole = mem_printf("{%s}", name);
	char *at = strstr(d->url, hole);
	struct buf url = BUF_INIT;

	assert(at);
	buf_add(&url, d->url, (size_t)(at - d->url));
	percent_encode(&url, id, strlen(id), "");
	buf_adds(&url, at + strlen(hole));
	free(d->url);
	d->url = buf_take(&url);
}

static void fill_in(struct draft *d, const struct draft_link *link, const char *id)
{
	if (link->is_in_url)
		fill_url(d, link->field, id);
	else
		json_object_object_add(d->body, link->field, json_string(id));
}

static void drop_links(struct draft *d)
{
	for (size_t i = 0; i < d->n_links; i++)
		draft_link_deinit(&d->links[i]);
	free(d->links);
	d->links = NULL;
	d->n_links = 0;
}

static void drop_match(struct draft *d)
{
	if (d->match)
		lookup_deinit(d->match);
	free(d->match);
	d->match = NULL;
}

/* It is known now which objects it is about: who waits for it may be about them, too. */
static void tell_about(struct engine *e, const struct draft *d)
{
	struct request *call = request_new();

	resolve_lanes_of(d, call);
	offers_about(e, d, call);
	request_free(call);
}

/* The update in the place of the create, or the create alone. */
static void choose(struct engine *e, struct resolving *r, const char *object_id)
{
	struct draft *d = r->draft, *u = steal(&d->update);

	if (object_id && !(u && u->n_rows))
		offers_withdraw(e, d);
	if (!object_id || !u) {
		draft_free(u);
		return;
	}
	u->part = d->part;
	u->generation = d->generation;
	u->number = d->number;
	u->unresolved = steal(&d->unresolved);
	u->by = steal(&d->by);
	draft_free(d);
	r->draft = u;
	if (!u->n_rows)
		outputs_wait(u);
}

/*
 * Its call can be taken back and go anew. A call that changes of one object share goes anew whole:
 * there also what Close itself has named may stand beside what was only remembered.
 */
static bool can_go_anew(const struct draft *d, const char *object_id, bool is_remembered)
{
	const struct draft *sent = object_id && d->update ? d->update : d;

	return is_remembered || (object_id && gather_is_shared(sent));
}

static void apply(struct engine *e, struct resolving *r, const char *object_id,
                  struct looked *const links, bool is_remembered)
{
	struct draft *d = r->draft;

	if (d->n_rows && object_id)
		offers_find_lead(e, d);
	if (d->n_rows && object_id && nest_divide(e, r, object_id)) {
		resolve_drop_findings(r);
		drop_match(d);
		return;
	}
	if (can_go_anew(d, object_id, is_remembered) && !r->is_again)
		d->unresolved = draft_text(d);
	choose(e, r, object_id);
	d = r->draft;
	if (d->n_links)
		resolve_own_body(d);
	for (size_t i = 0; i < d->n_links; i++)
		fill_in(d, &d->links[i], links[i].id);
	if (object_id && !d->n_rows)
		offers_bring(e, d, object_id, r->number);
	if (object_id && strstr(d->url, "{id}"))
		fill_url(d, "id", object_id);
	tell_about(e, d);
	/* What the findings point at goes with them. */
	resolve_drop_findings(r);
	drop_match(d);
	drop_links(d);
}

/* A lookup that is not asked for any more: its draft must be there when the answer comes. */
static bool is_still_asking(struct resolving *r)
{
	if (r->n_asking)
		r->wait = WAIT_ANSWER;
	return r->n_asking != 0;
}

static enum step answer_lookups(struct engine *e, struct resolving *r)
{
	struct draft *d = r->draft;
	struct looked found = {0}, *links;
	struct finding *first = r->findings + (d->match ? 1 : 0);
	enum step step = d->match ? match(e, r, &found) : STEP_ON;
	const bool is_update = d->update && found.id;
	const struct draft *chosen = is_update ? d->update : d;
	const size_t n_links = chosen->n_links;
	bool is_remembered = found.is_remembered;

	/* While links wait nobody who comes behind may reach it in another way. */
	free(r->target);
	r->target = hook_without("target_lane") ? NULL : mem_strdup(found.id);
	if (is_update)
		first += d->n_links;
	links = mem_array(n_links, sizeof(*links));
	for (size_t i = 0; step == STEP_ON && i < n_links; i++) {
		step = follow_link(e, r, &first[i], &chosen->links[i], &links[i]);
		is_remembered |= links[i].is_remembered;
	}
	if (step == STEP_ON)
		apply(e, r, found.id, links, is_remembered);
	for (size_t i = 0; i < n_links; i++)
		looked_deinit(&links[i]);
	free(links);
	looked_deinit(&found);
	return step;
}

/*
 * Others come first. Whom it means is looked up all the same: nobody behind it who knows that
 * object by another key may overtake it meanwhile.
 */
static bool looks_ahead(struct engine *e, struct resolving *r)
{
	const struct draft *d = r->draft;
	struct looked looked;
	enum look look;
	enum step step;

	if (!r->n_findings || !d->match || d->record->is_settled || hook_without("look_ahead"))
		return false;
	step = look_again(e, r, &r->findings[0], &looked, &look);
	if (step == STEP_ON) {
		free(r->target);
		r->target = steal(&looked.id);
	}
	looked_deinit(&looked);
	return step == STEP_WAIT;
}

bool resolve_try(struct engine *e, struct resolving *r)
{
	enum step step;

	/* Answers on their way point at it. */
	if (resolve_checks(e, r))
		return false;
	if (r->is_reading) {
		r->wait = WAIT_LISTS;
		return false;
	}
	if (goes_with_it(r))
		return true;
	if (is_still_asking(r))
		return false;
	if (r->is_stuck) {
		reject_waiting(e, r, r->person);
		return true;
	}
	if (resolve_must_wait(e, r)) {
		const enum resolving_wait wait = r->wait;

		if (!looks_ahead(e, r))
			r->wait = wait;
		return false;
	}
	if (r->n_findings && naming_is_asking(e)) {
		r->wait = WAIT_ANSWER; /* its fields may have other ids than it thinks */
		return false;
	}
	if (r->n_findings) {
		step = answer_lookups(e, r);
		if (step != STEP_ON)
			return step == STEP_GONE;
		/* Only now is it known which object it is about. */
		if (resolve_must_wait(e, r))
			return false;
	}
	if (r->nest_lead)
		return nest_add_children(e, r) == STEP_GONE;
	if (draft_is_open(r->draft)) {
		step = resolve_settle_on(e, r);
		if (step != STEP_ON)
			return step == STEP_GONE;
	}
	resolve_let_go(e, r);
	return true;
}
