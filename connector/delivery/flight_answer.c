#include "connector/delivery/flight.h"

#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <stdio.h>
#include <stdlib.h>

/* What an answer leads to, and what a missing one does. */

enum {
	tries_before_held = 8,       /* of a PUT or DELETE whose group is otherwise well … */
	held_not_before_ms = 600000, /* … over at least ten minutes */
	max_crashes = 3,
};

/* An outcome that is not known */

static void repeat_or_hold(struct flight *f)
{
	struct delivery *d = f->delivery;
	const uint64_t now = loop_now_ms(d->loop);
	char known[700];

	if (!f->n_tries++)
		f->first_try_ms = now;
	if (f->n_tries >= tries_before_held && now >= f->first_try_ms + held_not_before_ms &&
	    f->group->last_success_ms > f->first_try_ms) {
		(void)snprintf(known, sizeof(known),
		               "Tried %u times in %llu minutes while other calls succeeded. %s",
		               f->n_tries, (unsigned long long)((now - f->first_try_ms) / 60000),
		               f->request->known);
		flight_hold(f, REJECT_SERVER, known);
		return;
	}
	flight_back_off(f);
}

static void hold_unproven(struct flight *f)
{
	char known[900];

	(void)snprintf(
		known, sizeof(known),
		"%s Close may have made the object or not, and %s. Look in Close, then answer "
		"with `closefeed held resolve`",
		f->request->known,
		f->delivery->config.hold_unknown ? "delivery.on_unknown is hold"
						 : "nothing in it lets closefeed find out");
	flight_hold(f, REJECT_UNKNOWN, known);
}

void flight_find_out(struct flight *f)
{
	struct delivery *d = f->delivery;
	const struct request *r = f->request;

	f->is_cleared = true;
	if (r->crash_count >= max_crashes) {
		flight_hold(
			f, REJECT_UNKNOWN,
			"closefeed was ended three times while this was on its way; it is set aside "
			"so that the others go on");
		return;
	}
	if (r->class == CLASS_U || r->class == CLASS_R) {
		repeat_or_hold(f);
		return;
	}
	if (!d->config.hold_unknown && d->hooks.can_prove(d->hooks.arg, r)) {
		if (hook_without("proof")) {
			flight_make_ready(f); /* the mutant that sends blindly again */
			return;
		}
		f->step = FLIGHT_PROBING;
		return;
	}
	hold_unproven(f);
}

static void note_unknown(struct flight *f, const char *sentence)
{
	struct delivery *d = f->delivery;

	flight_set_known(f->request, sentence);
	f->unknown_at_ms = f->late_at_ms = loop_now_ms(d->loop);
	f->unknown_wall_ms = loop_wall_ms(d->loop);
	f->request->state = REQUEST_UNKNOWN;
	journal_note_request(d->journal, f->request);
	hook_point("unknown_noted");
}

static void became_unknown(struct flight *f, const char *sentence)
{
	note_unknown(f, sentence);
	flight_find_out(f);
}

/* An update is sent at once: the other side did nothing wrong that would need time. */
void flight_doubt(struct flight *f, uint64_t until_ms)
{
	note_unknown(f, "Another process, which had this partition before, may have sent it.");
	f->late_at_ms = until_ms - f->delivery->config.quarantine_ms;
	if (f->request->class == CLASS_U || f->request->class == CLASS_R) {
		f->is_cleared = true;
		flight_make_ready(f);
	} else {
		flight_find_out(f);
	}
}

/* Answers */

/* What a row of 403 is counted for: the operation, or the route where the catalogue knows none. */
static const char *kind_of(const struct request *r)
{
	return *r->operation ? r->operation : r->route;
}

static void rejected(struct flight *f, enum verdict verdict, const char *sentence)
{
	struct delivery *d = f->delivery;
	struct request *r = f->request;
	char text[256], stop[800];
	const char *why = limits_reject(&d->limits, r->route, text);

	if (verdict == VERDICT_FORBIDDEN && limits_forbidden(&d->limits, kind_of(r))) {
		(void)snprintf(stop, sizeof(stop), "five times in a row: %s", sentence);
		delivery_stop(d, EXIT_REFUSED, stop);
	} else if (why) {
		(void)snprintf(
			stop, sizeof(stop),
			"%s, so the run stops; the rejects are kept (`closefeed rejects list`) and "
			"the rest is not read yet. Last: %s",
			why, sentence);
		delivery_stop(d, EXIT_AGAIN, stop);
	}
	flight_end(f, REQUEST_REFUSED);
}

static void stop_with(struct flight *f, enum exit_code code, const char *sentence)
{
	flight_replan(f);
	flight_make_ready(f);
	delivery_stop(f->delivery, code, sentence);
}

/* Nothing was done: it is sent again with another credential, before those that came after it. */
static void unauthorized(struct flight *f, const char *sentence)
{
	flight_replan(f);
	f->step = FLIGHT_READY;
	flight_queue_first(&f->group->ready, f);
	(void)delivery_is_unauthorized(f->delivery, f->credential, &f->was_unauthorized, sentence);
}

static void unreadable(struct flight *f, const char *sentence)
{
	(void)group_unreadable(f->group, sentence);
	became_unknown(f, sentence);
}

static void delivered(struct flight *f)
{
	for (size_t i = 0; i < f->request->n_parts; i++)
		f->request->parts[i].outcome = OUTCOME_DELIVERED;
	flight_end(f, REQUEST_APPLIED);
}

static bool can_be_found(const struct flight *f)
{
	const struct delivery_hooks *hooks = &f->delivery->hooks;
	const struct request *r = f->request;

	if (r->class == CLASS_U || r->class == CLASS_R)
		return false;
	if (!f->delivery->config.hold_unknown && hooks->can_prove(hooks->arg, r))
		return true;
	return !r->identity_field && hooks->can_find && hooks->can_find(hooks->arg, r);
}

/* Made, but the id did not come with the answer (a body cut short): search fills it in. */
static void applied(struct flight *f)
{
	struct delivery *d = f->delivery;

	if (f->request->object_id || !can_be_found(f)) {
		delivered(f);
		return;
	}
	flight_set_known(f->request,
	                 "Close answered with success, but the answer was cut before the id.");
	f->unknown_at_ms = loop_now_ms(d->loop);
	f->unknown_wall_ms = loop_wall_ms(d->loop);
	f->request->state = REQUEST_PROBING; /* it was made: no restart may send it again */
	journal_note_request(d->journal, f->request);
	f->step = FLIGHT_PROBING;
}

static void follow(struct flight *f, const struct judgement *j)
{
	struct delivery *d = f->delivery;

	switch (j->verdict) {
	case VERDICT_NOT_SENT:
		group_failed(f->group, j->sentence);
		flight_replan(f);
		flight_back_off(f);
		return;
	case VERDICT_RATE_LIMITED:
		group_limited(f->group, &j->rate);
		flight_replan(f);
		f->step = FLIGHT_READY;
		flight_queue_first(&f->group->ready, f);
		return;
	case VERDICT_OUTDATED:
		group_succeeded(f->group);
		limits_readable(&d->limits);
		flight_replan(f);
		flight_back_off(f);
		return;
	case VERDICT_APPLIED:
		group_succeeded(f->group);
		limits_readable(&d->limits);
		limits_delivered(&d->limits, f->request->route, kind_of(f->request));
		if (!(j->goes_anew && flight_retake(f, true)) &&
		    !(j->is_partial && flight_halve(f)))
			applied(f);
		return;
	case VERDICT_REJECTED:
	case VERDICT_FORBIDDEN:
		d->limits.n_destroyed -= f->is_counted;
		f->is_counted = false;
		group_succeeded(f->group);
		limits_readable(&d->limits);
		if (!flight_retake(f, j->goes_anew) && !(flight_may_halve(f) && flight_halve(f)))
			rejected(f, j->verdict, j->sentence);
		return;
	case VERDICT_UNAUTHORIZED:
		unauthorized(f, j->sentence);
		return;
	case VERDICT_PLAN_LIMIT:
		stop_with(f, EXIT_REFUSED, j->sentence);
		return;
	case VERDICT_REDIRECTED:
		stop_with(f, EXIT_PIPELINE, j->sentence);
		return;
	case VERDICT_UNKNOWN:
		group_failed(f->group, j->sentence);
		became_unknown(f, j->sentence);
		return;
	case VERDICT_UNREADABLE:
		unreadable(f, j->sentence);
		return;
	}
}

static void tell_those_who_watch(const struct flight *f, const struct http_answer *answer)
{
	const struct delivery_hooks *hooks = &f->delivery->hooks;
	const struct request *r = f->request;
	const struct delivery_exchange exchange = {
		.request = r,
		.method = http_method_name(r->method),
		.path = r->url,
		.body = r->body,
		.body_len = r->body_len,
	};

	if (hooks->heard)
		hooks->heard(hooks->arg, &exchange, answer);
}

void flight_answered(void *arg, const struct http_answer *answer)
{
	struct flight *f = arg;
	struct delivery *d = f->delivery;
	struct judgement j = {0};

	hook_point("answer_came");
	flight_leave_slot(f);
	if (f->was_gated && !answer->n_sends) { /* no fault of the other side */
		f->was_gated = false;
		flight_take_back(f);
		return;
	}
	f->request->attempts += answer->n_sends ? 1 : 0;
	f->request->duration_ms = (uint32_t)answer->duration_ms;
	d->hooks.judge(d->hooks.arg, f->request, answer, f->unknown_at_ms != 0, &j);
	pace_answer(d->pace, f->group->pace, &j.rate, loop_now_ms(d->loop));
	tell_those_who_watch(f, answer);
	hook_point("answer_judged");
	if (j.verdict != VERDICT_UNAUTHORIZED)
		f->was_unauthorized = false;
	follow(f, &j);
}

/* What the prober found */

void delivery_proven_applied(struct delivery *delivery, struct request *request,
                             const char *object_id, const char *note)
{
	free(request->object_id);
	request->object_id = mem_strdup(object_id);
	request->found_by_lookup = true;
	if (note)
		request_note(request, note);
	delivered(flight_of(delivery, request));
	hook_point("proven_applied");
}

/* Close has said that it made the object; only the id is missing. */
static bool is_applied(const struct flight *f)
{
	return f->request->state == REQUEST_PROBING;
}

/* Search does not show it, but Close said that it made it: that word counts. */
static void applied_without_id(struct flight *f)
{
	request_note(f->request, "Close answered with success, but neither its answer nor search "
	                         "told the id");
	delivered(f);
}

void delivery_proven_absent(struct delivery *delivery, struct request *request)
{
	struct flight *f = flight_of(delivery, request);

	enum { max_resends = 3 };

	if (is_applied(f)) {
		applied_without_id(f);
		return;
	}
	if (request->resends >= max_resends) {
		flight_hold(f, REJECT_SERVER,
		            "Sent four times, and each time proven not to have arrived at Close");
		return;
	}
	request->resends++;
	f->unknown_at_ms = 0;
	flight_replan(f);
	hook_point("proven_absent");
	flight_make_ready(f);
}

void delivery_unproven(struct delivery *delivery, struct request *request, const char *known)
{
	struct flight *f = flight_of(delivery, request);

	if (is_applied(f))
		applied_without_id(f);
	else
		flight_hold(f, REJECT_UNKNOWN, known);
}
