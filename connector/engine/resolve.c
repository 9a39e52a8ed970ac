#include "connector/engine/nest.h"

#include "connector/close/lanes.h"
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
 * Each stream has a line. Who is at its head and waits for an answer of Close holds up those behind
 * it, since nobody knows yet which object it is about; their keys go into the same question. Who
 * waits for longer, for another object, a person or a lane, stands aside: the line goes on, but for
 * those about the same object.
 */

enum {
	full_n = 2000, /* drafts at most … */
	full_bytes = 4 << 20,
	/* … and reading goes on when so many have gone, so that the next question is full, too. */
	again_n = 1500,
	again_bytes = 3 << 20,
	draft_overhead = 700, /* bytes beside its body */
};

struct resolve *resolve_new(void)
{
	struct resolve *resolve = mem_alloc(sizeof(*resolve));

	resolve->closed = marks_new();
	resolve->awaited = marks_new();
	resolve->taken = taken_new();
	resolve->next_number = 1;
	return resolve;
}

void resolve_drop_findings(struct resolving *r)
{
	for (size_t i = 0; i < r->n_findings; i++) {
		free(r->findings[i].id);
		free(r->findings[i].lead);
		free(r->findings[i].trouble);
		strlist_free(r->findings[i].near);
	}
	free(r->findings);
	r->findings = NULL;
	r->n_findings = 0;
}

static void resolving_free(struct resolving *r)
{
	resolve_drop_findings(r);
	draft_free(r->draft);
	strlist_free(r->match_lanes);
	free(r->target);
	free(r->gone);
	strlist_free(r->doubted);
	free(r->hint);
	free(r->nest_lead);
	json_object_put(r->lists);
	free(r->person);
	free(r->waiters);
	free(r->closed);
	free(r->awaited);
	free(r);
}

void resolve_free(struct resolve *resolve)
{
	if (!resolve)
		return;
	ask_free(resolve);
	while (resolve->lines) {
		struct line *line = resolve->lines;

		resolve->lines = line->next;
		while (line->first) {
			struct resolving *r = line->first;

			line->first = r->behind;
			resolving_free(r);
		}
		free(line);
	}
	while (resolve->aside_first) {
		struct resolving *r = resolve->aside_first;

		resolve->aside_first = r->behind;
		resolving_free(r);
	}
	marks_free(resolve->closed);
	marks_free(resolve->awaited);
	taken_free(resolve->taken);
	free(resolve);
}

bool resolve_wants(const struct engine *e, const struct draft *draft)
{
	/* Rows of a company first become one. */
	if (nest_is_row(draft))
		return false;
	return e->resolve->n || draft_is_open(draft) || e->pipeline->park_rejects;
}

/* Lines and those aside */

static struct line *line_of(struct resolve *resolve, uint64_t stream)
{
	struct line *line = resolve->lines;

	while (line && line->stream != stream)
		line = line->next;
	if (line)
		return line;
	line = mem_alloc(sizeof(*line));
	line->stream = stream;
	line->next = resolve->lines;
	resolve->lines = line;
	return line;
}

static void drop_line(struct resolve *resolve, struct line *line)
{
	struct line **at = &resolve->lines;

	while (*at != line)
		at = &(*at)->next;
	*at = line->next;
	free(line);
}

static struct resolving *take_head(struct line *line)
{
	struct resolving *r = line->first;

	line->first = r->behind;
	*(line->first ? &line->first->before : &line->last) = NULL;
	r->behind = NULL;
	return r;
}

static void enter_aside(struct resolve *resolve, struct resolving *r)
{
	struct resolving *before = resolve->aside_last;

	while (before && before->number > r->number)
		before = before->before;
	r->before = before;
	r->behind = before ? before->behind : resolve->aside_first;
	*(before ? &before->behind : &resolve->aside_first) = r;
	*(r->behind ? &r->behind->before : &resolve->aside_last) = r;
	r->is_aside = true;
	resolve->n_aside++;
}

static void leave_aside(struct engine *e, struct resolving *r)
{
	struct resolve *resolve = e->resolve;

	*(r->before ? &r->before->behind : &resolve->aside_first) = r->behind;
	*(r->behind ? &r->behind->before : &resolve->aside_last) = r->before;
	resolve->n_aside--;
	resolve->n_woken -= r->is_woken;
	resolve_open_lanes(resolve, r);
	for (size_t i = 0; i < r->n_waiters; i++) {
		r->waiters[i]->ahead = NULL;
		resolve_wake(e, r->waiters[i]);
	}
	r->n_waiters = 0;
}

void resolve_wake(struct engine *e, struct resolving *r)
{
	e->resolve->is_busy = true;
	if (!r->is_aside || r->is_woken)
		return;
	r->is_woken = true;
	e->resolve->n_woken++;
}

/* Adds to the questions what it needs to know, also while others are before it. */
static void collect(struct engine *e, struct resolving *r)
{
	for (size_t i = 0; i < r->n_findings; i++) {
		struct looked looked;

		if (resolve_look(e, &r->findings[i], &looked) == LOOK_ASK)
			ask_want(e, &r->findings[i]);
		looked_deinit(&looked);
	}
}

void resolve_answered(struct engine *e, struct resolving *r)
{
	if (!r->is_aside)
		collect(e, r);
	if (!r->n_asking && (r->wait == WAIT_ANSWER || !r->is_aside))
		resolve_wake(e, r);
}

/* Coming in */

static void add_finding(struct resolving *r, struct lookup *lookup, const struct draft_link *link)
{
	r->findings[r->n_findings++] = (struct finding){.of = r,
	                                                .lookup = lookup,
	                                                .is_link = link != NULL,
	                                                .takes_lead = link && link->takes_lead};
}

static void add_findings(struct resolving *r)
{
	const struct draft *d = r->draft, *u = d->update;

	r->findings = mem_array(1 + d->n_links + (u ? u->n_links : 0), sizeof(*r->findings));
	if (d->match)
		add_finding(r, d->match, NULL);
	for (size_t i = 0; i < d->n_links; i++)
		add_finding(r, &d->links[i].lookup, &d->links[i]);
	for (size_t i = 0; u && i < u->n_links; i++)
		add_finding(r, &u->links[i].lookup, &u->links[i]);
}

static size_t weigh(const struct draft *d)
{
	return draft_overhead + json_weight(d->body) +
	       (d->update ? draft_overhead + json_weight(d->update->body) : 0);
}

static struct resolving *resolving_new(struct engine *e, struct draft *takes_draft)
{
	struct resolving *r = mem_alloc(sizeof(*r));

	r->draft = nest_is_row(takes_draft) ? nest_alone(takes_draft) : takes_draft;
	(void)rename_fields(e, r->draft);
	r->number = offers_take(e, r->draft);
	r->bytes = weigh(r->draft);
	e->resolve->n++;
	e->resolve->bytes += r->bytes;
	add_findings(r);
	resolve_add_match_lanes(r);
	return r;
}

void resolve_add(struct engine *e, struct draft *takes_draft)
{
	struct resolving *r = resolving_new(e, takes_draft);
	struct line *line = line_of(e->resolve, r->draft->record->stream);

	r->before = line->last;
	*(line->last ? &line->last->behind : &line->first) = r;
	line->last = r;
	collect(e, r);
	e->resolve->is_busy = true;
	e->resolve->is_full |= e->resolve->n >= full_n || e->resolve->bytes >= full_bytes;
	hook_point("draft_resolving");
}

struct resolving *resolve_add_again(struct engine *e, struct draft *takes_draft)
{
	struct resolving *r = resolving_new(e, takes_draft);

	r->is_again = true;
	enter_aside(e->resolve, r);
	resolve_close_lanes(e, r);
	resolve_wake(e, r);
	return r;
}

void resolve_start_anew(struct engine *e, struct resolving *r, struct draft *takes_draft)
{
	resolve_drop_findings(r);
	draft_free(r->draft);
	json_object_put(steal(&r->lists));
	r->lists_status = 0;
	r->draft = takes_draft;
	outputs_wait(r->draft);
	(void)rename_fields(e, r->draft);
	(void)offers_take(e, r->draft);
	add_findings(r);
	resolve_close_lanes(e, r);
	resolve_wake(e, r);
}

/* The source comes to the place of what a person has had sent before */

static struct record *ahead_of_place(const struct resolving *first, const struct record *place)
{
	for (const struct resolving *r = first; r; r = r->behind) {
		struct record *own = r->draft->record;

		if (own->is_ahead && own->stream == place->stream && own->pos == place->pos)
			return own;
	}
	return NULL;
}

/* It comes behind all that was read before it, and may wait for that. */
static void renumber(struct engine *e, struct resolving *r)
{
	struct draft *d = r->draft;

	offers_withdraw(e, d);
	*(d->n_rows ? &d->rows[0]->number : &d->number) = 0;
	r->number = offers_take(e, d);
}

static void go_to_end(struct line *line, struct resolving *r)
{
	if (!r->behind)
		return;
	*(r->before ? &r->before->behind : &line->first) = r->behind;
	r->behind->before = r->before;
	r->before = line->last;
	r->behind = NULL;
	line->last = line->last->behind = r;
}

static void renumber_line(struct engine *e, struct line *line, const struct record *own)
{
	const uint64_t new_from = e->resolve->next_number;
	struct resolving *next;

	for (struct resolving *r = line->first; r; r = next) {
		next = r->behind;
		if (r->draft->record != own || r->number >= new_from)
			continue;
		renumber(e, r);
		go_to_end(line, r);
	}
}

static void renumber_those_aside(struct engine *e, const struct record *own)
{
	const uint64_t new_from = e->resolve->next_number;
	struct resolving *next;

	for (struct resolving *r = e->resolve->aside_first; r; r = next) {
		next = r->behind;
		if (r->draft->record != own || r->number >= new_from)
			continue;
		leave_aside(e, r);
		r->is_woken = false;
		renumber(e, r);
		enter_aside(e->resolve, r);
		resolve_close_lanes(e, r);
		resolve_wake(e, r);
	}
}

void resolve_come_to(struct engine *e, const struct record *place)
{
	struct resolve *resolve = e->resolve;
	struct record *own = ahead_of_place(resolve->aside_first, place);

	for (struct line *line = resolve->lines; !own && line; line = line->next)
		own = ahead_of_place(line->first, place);
	if (!own)
		return;
	renumber_those_aside(e, own); /* they came before their siblings in the line */
	for (struct line *line = resolve->lines; line; line = line->next)
		renumber_line(e, line, own);
	own->is_ahead = false; /* all before it was read */
	resolve->is_busy = true;
}

/* Going out */

static void is_gone(struct engine *e, struct resolving *r)
{
	struct resolve *resolve = e->resolve;

	if (r->parent)
		offer_leave(r->parent, r);
	resolve_leave_ahead(r);
	resolve->n--;
	resolve->n_gone -= r->gone != NULL;
	resolve->bytes -= r->bytes;
	if (resolve->n <= again_n && resolve->bytes <= again_bytes)
		resolve->is_full = false;
	resolving_free(r);
}

static bool stands_aside(enum resolving_wait wait)
{
	switch (wait) {
	case WAIT_NOTHING:
	case WAIT_ANSWER:
		return false;
	case WAIT_PARENT:
	case WAIT_PERSON:
	case WAIT_AHEAD:
	case WAIT_LANE:
	case WAIT_LISTS:
	case WAIT_DOUBT:
		return true;
	}
	return false;
}

static void try_line(struct engine *e, struct line *line)
{
	while (line->first && intake_has_room(e)) {
		struct resolving *r = line->first;

		r->wait = WAIT_NOTHING;
		if (resolve_try(e, r)) {
			is_gone(e, take_head(line));
		} else if (stands_aside(r->wait)) {
			enter_aside(e->resolve, take_head(line));
			resolve_close_lanes(e, r);
		} else {
			return;
		}
	}
}

static void try_lines(struct engine *e)
{
	for (struct line *line = e->resolve->lines, *next; line; line = next) {
		next = line->next;
		try_line(e, line);
		if (!line->first)
			drop_line(e->resolve, line);
	}
}

static void try_aside(struct engine *e, struct resolving *r)
{
	r->is_woken = false;
	e->resolve->n_woken--;
	r->wait = WAIT_NOTHING;
	if (resolve_try(e, r)) {
		leave_aside(e, r);
		is_gone(e, r);
	} else {
		resolve_close_lanes(e, r);
	}
}

static void try_those_aside(struct engine *e)
{
	struct resolving *next;

	for (struct resolving *r = e->resolve->aside_first; r && e->resolve->n_woken; r = next) {
		next = r->behind;
		if (!intake_has_room(e))
			return;
		if (r->is_woken)
			try_aside(e, r);
	}
}

/* What it waits for is only known now. */
static void set_stuck(struct engine *e, struct resolving *r)
{
	char *person = mem_strdup(resolve_person(e, r));

	free(r->person);
	r->person = person;
	r->is_stuck = true;
	resolve_wake(e, r);
}

/*
 * Who waits for a person waits in the state, too, and not at the desk: what was taken up again is
 * rejected again. Where too many wait, nothing more is read.
 */
static void only_people_help(struct engine *e)
{
	char sentence[900];

	for (struct resolving *r = e->resolve->aside_first; r; r = r->behind) {
		if (r->draft->record->is_settled && r->draft->n_rows < 2) {
			set_stuck(e, r);
			continue;
		}
		if (!r->is_kept && !r->draft->n_rows)
			outputs_keep(e, r->draft);
		for (size_t i = 0; !r->is_kept && i < r->draft->n_rows; i++)
			outputs_keep(e, r->draft->rows[i]);
		r->is_kept = true;
		desk_wait_for(e->desk, r->draft->record, resolve_person(e, r));
	}
	if (!e->resolve->is_full || e->input_ended)
		return;
	(void)snprintf(sentence, sizeof(sentence),
	               "%s; no more can be read before that is settled: `held list` shows it",
	               resolve_reason(e));
	delivery_stop(e->delivery, EXIT_AGAIN, sentence);
}

void resolve_wake_people(struct engine *e)
{
	for (struct resolving *r = e->resolve->aside_first; r; r = r->behind)
		if (r->wait == WAIT_PERSON)
			resolve_wake(e, r);
}

/* What is known of its findings was found by the old names. */
static void rename_one(struct engine *e, struct resolving *r)
{
	r->is_renamed = r->n_findings && rename_fields(e, r->draft);
	if (!r->is_renamed)
		return;
	for (size_t i = 0; i < r->n_findings; i++) {
		r->findings[i].at = 0;
		finding_reset(&r->findings[i]);
	}
	strlist_free(steal(&r->match_lanes));
	resolve_add_match_lanes(r);
	if (r->is_aside)
		resolve_close_lanes(e, r);
}

/* A book was read; custom fields may have other ids now. */
static void take_new_names(struct engine *e)
{
	struct resolve *resolve = e->resolve;

	resolve->has_new_book = false;
	for (struct line *line = resolve->lines; line; line = line->next)
		for (struct resolving *r = line->first; r; r = r->behind)
			rename_one(e, r);
	for (struct resolving *r = resolve->aside_first; r; r = r->behind) {
		rename_one(e, r);
		if (r->wait == WAIT_ANSWER)
			resolve_wake(e, r);
	}
	ask_again(e);
}

void resolve_turn(struct engine *e)
{
	struct resolve *resolve = e->resolve;

	if (!resolve->n || e->is_stopping)
		return;
	resolve->is_busy = false;
	resolve_doubt_turn(e);
	if (resolve->has_new_book && !naming_is_asking(e))
		take_new_names(e);
	if (!resolve->n_retaking) { /* they come before what could go now */
		try_those_aside(e);
		try_lines(e);
	}
	ask_turn(e);
	if (!delivery_is_idle(e->delivery) || batches_n(e) || !resolve_is_stuck(e))
		return;
	/* What is being written down may be what they wait for: the next turn knows. */
	if (journal_has_changes(e->journal))
		resolve->is_busy = true;
	else
		only_people_help(e);
}

size_t resolve_n(const struct engine *e)
{
	return e->resolve->n;
}

bool resolve_is_full(const struct engine *e)
{
	return e->resolve->is_full;
}

bool resolve_is_busy(const struct engine *e)
{
	return e->resolve->is_busy && !e->is_stopping && intake_has_room(e);
}

uint64_t resolve_due_ms(const struct engine *e)
{
	const uint64_t ask = ask_due_ms(e), doubt = e->resolve->doubt_until_ms;

	if (e->is_stopping)
		return 0;
	return ask && (!doubt || ask < doubt) ? ask : doubt;
}

bool resolve_is_stuck(const struct engine *e)
{
	const struct resolve *resolve = e->resolve;

	if (!resolve->n || resolve->n_aside < resolve->n || resolve->n_woken)
		return false;
	for (const struct resolving *r = resolve->aside_first; r; r = r->behind)
		if (r->wait == WAIT_ANSWER || r->wait == WAIT_LISTS || r->wait == WAIT_LANE ||
		    r->wait == WAIT_DOUBT)
			return false;
	return true;
}
