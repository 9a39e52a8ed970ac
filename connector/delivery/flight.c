#include "connector/delivery/flight.h"

#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One request from its INTENT to its end. */

enum {
	max_answer = 4 << 20,        /* bytes read of an answer; what is kept of it is less */
	tries_before_held = 8,       /* of a PUT or DELETE whose group is otherwise well … */
	held_not_before_ms = 600000, /* … over at least ten minutes */
	max_crashes = 3,
};

void flight_queue_add(struct flight_queue *q, struct flight *f)
{
	f->next = NULL;
	if (q->last)
		q->last->next = f;
	else
		q->first = f;
	q->last = f;
	q->n++;
}

static void queue_first(struct flight_queue *q, struct flight *f)
{
	f->next = q->first;
	q->first = f;
	if (!q->last)
		q->last = f;
	q->n++;
}

struct flight *flight_queue_take(struct flight_queue *q)
{
	struct flight *f = q->first;

	if (!f)
		return NULL;
	q->first = f->next;
	if (!q->first)
		q->last = NULL;
	f->next = NULL;
	q->n--;
	return f;
}

void flight_free(struct flight *f)
{
	struct delivery *d = f->delivery;

	loop_timer_unset(d->loop, &f->timer);
	d->volatile_bytes -= f->volatile_bytes;
	if (f->before)
		f->before->behind = f->behind;
	else
		d->all = f->behind;
	if (f->behind)
		f->behind->before = f->before;
	else
		d->all_last = f->before;
	if (f->place)
		lanes_leave(d->lanes, f->place);
	request_free(f->request);
	strlist_free(f->wire);
	strlist_free(f->closed);
	free(f->url);
	free(f);
}

struct flight *flight_of(struct delivery *d, const struct request *request)
{
	struct flight *f = d->all;

	while (f && f->request != request)
		f = f->behind;
	return f;
}

static void leave_slot(struct flight *f)
{
	f->delivery->n_slots--;
	f->delivery->n_flying--;
	f->group->n_out--;
}

static void make_ready(struct flight *f)
{
	f->step = FLIGHT_READY;
	flight_queue_add(&f->group->ready, f);
}

static void again(void *arg)
{
	make_ready(arg);
}

static void back_off(struct flight *f)
{
	struct loop *loop = f->delivery->loop;

	f->step = FLIGHT_BACKOFF;
	loop_timer_set(loop, &f->timer, loop_now_ms(loop) + backoff_next(&f->backoff), again, f);
}

/* Where an earlier attempt may have been applied, a later one that was not changes nothing of that.
 */
static enum request_state state_before_intent(const struct flight *f)
{
	return f->unknown_at_ms ? REQUEST_UNKNOWN : REQUEST_PLANNED;
}

void flight_replan(struct flight *f)
{
	f->request->state = state_before_intent(f);
	journal_note_request(f->delivery->journal, f->request);
}

/* The end */

static void open_lanes(void *arg)
{
	struct flight *f = arg;

	for (char **key = f->closed; *key; key++)
		journal_put_closed_lane(f->delivery->journal, *key, false);
	hook_point("lane_opens");
	flight_free(f);
}

void flight_linger(struct flight *f, char **takes_closed, uint64_t until_ms)
{
	f->closed = takes_closed;
	loop_timer_set(f->delivery->loop, &f->timer, until_ms, open_lanes, f);
}

/*
 * A PUT that was repeated: its first copy may still arrive late and undo whatever comes next, so
 * its lanes stay closed until that is past.
 */
static bool must_linger(const struct flight *f)
{
	const uint64_t now = loop_now_ms(f->delivery->loop);

	return !hook_without("linger") && f->request->class == CLASS_U && f->unknown_at_ms &&
	       now < f->unknown_at_ms + f->delivery->config.quarantine_ms;
}

static void linger(struct flight *f)
{
	struct delivery *d = f->delivery;
	const struct request *r = f->request;
	char **closed = mem_array(r->n_lanes + 1, sizeof(char *));
	size_t n = 0;

	for (size_t i = 0; i < r->n_lanes; i++) {
		if (!r->lanes[i].is_owner)
			continue;
		closed[n++] = mem_strdup(r->lanes[i].key);
		journal_put_closed_lane(d->journal, r->lanes[i].key, true);
	}
	hook_point("lane_closes");
	flight_linger(f, closed, f->unknown_at_ms + d->config.quarantine_ms);
}

void flight_end(struct flight *f, enum request_state state)
{
	struct delivery *d = f->delivery;
	struct request *r = f->request;
	const bool lingers = must_linger(f);

	loop_timer_unset(d->loop, &f->timer);
	r->state = state;
	r->ended_wall_ms = loop_wall_ms(d->loop);
	if (lingers)
		linger(f);
	f->request = NULL;
	d->n_open--;
	if (!lingers)
		flight_free(f);
	d->hooks.ended(d->hooks.arg, r);
}

static void set_known(struct request *r, const char *known)
{
	char *text = mem_strdup(known); /* @known may be the old one */

	free(r->known);
	r->known = text;
}

void flight_hold(struct flight *f, enum reject_class class, const char *known)
{
	struct request *r = f->request;

	set_known(r, known);
	for (size_t i = 0; i < r->n_parts; i++) {
		struct part *p = &r->parts[i];

		p->outcome = OUTCOME_HELD;
		p->class = class;
		free(p->message);
		p->message = mem_strdup(known);
	}
	flight_end(f, REQUEST_HELD);
	hook_point("held");
}

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
	back_off(f);
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

static void find_out(struct flight *f)
{
	struct delivery *d = f->delivery;
	const struct request *r = f->request;

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
			make_ready(f); /* the mutant that sends blindly again */
			return;
		}
		f->step = FLIGHT_PROBING;
		return;
	}
	hold_unproven(f);
}

static void became_unknown(struct flight *f, const char *sentence)
{
	struct delivery *d = f->delivery;

	set_known(f->request, sentence);
	f->unknown_at_ms = loop_now_ms(d->loop);
	f->unknown_wall_ms = loop_wall_ms(d->loop);
	f->request->state = REQUEST_UNKNOWN;
	journal_note_request(d->journal, f->request);
	hook_point("unknown_noted");
	find_out(f);
}

void flight_granted(struct flight *f)
{
	if (f->request->state == REQUEST_PROBING)
		f->step = FLIGHT_PROBING;
	else if (f->request->state == REQUEST_UNKNOWN)
		find_out(f);
	else
		make_ready(f);
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
	make_ready(f);
	delivery_stop(f->delivery, code, sentence);
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

/* Made, but the id did not come with the answer (a body cut short): search fills it in. */
static void applied(struct flight *f)
{
	struct delivery *d = f->delivery;
	const struct request *r = f->request;

	if (r->object_id || r->class != CLASS_A || d->config.hold_unknown ||
	    !d->hooks.can_prove(d->hooks.arg, r)) {
		delivered(f);
		return;
	}
	set_known(f->request, "Close answered with success, but the answer was cut before the id.");
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
		back_off(f);
		return;
	case VERDICT_RATE_LIMITED:
		group_limited(f->group, &j->rate);
		flight_replan(f);
		f->step = FLIGHT_READY;
		queue_first(&f->group->ready, f);
		return;
	case VERDICT_APPLIED:
		group_succeeded(f->group);
		limits_readable(&d->limits);
		limits_delivered(&d->limits, f->request->route, kind_of(f->request));
		applied(f);
		return;
	case VERDICT_REJECTED:
	case VERDICT_FORBIDDEN:
		group_succeeded(f->group);
		limits_readable(&d->limits);
		rejected(f, j->verdict, j->sentence);
		return;
	case VERDICT_UNAUTHORIZED:
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

static void answered(void *arg, const struct http_answer *answer)
{
	struct flight *f = arg;
	struct delivery *d = f->delivery;
	struct judgement j = {0};

	hook_point("answer_came");
	f->transfer = NULL;
	leave_slot(f);
	f->request->attempts += answer->n_sends ? 1 : 0;
	f->request->duration_ms = (uint32_t)answer->duration_ms;
	d->hooks.judge(d->hooks.arg, f->request, answer, f->unknown_at_ms != 0, &j);
	pace_answer(d->pace, f->group->pace, &j.rate, loop_now_ms(d->loop));
	hook_point("answer_judged");
	follow(f, &j);
}

static char **wire_headers(const struct request *r)
{
	char **list = NULL;

	for (char **h = r->headers; h && *h; h++)
		strlist_add(&list, mem_strdup(*h));
	strlist_add(&list, mem_strdup("Accept: application/json"));
	if (r->body)
		strlist_add(&list, mem_strdup("Content-Type: application/json"));
	return list;
}

static void put_on_wire(struct flight *f)
{
	struct delivery *d = f->delivery;
	const struct request *r = f->request;
	struct http_request h = {
		.method = http_method_name(r->method),
		.body = r->body,
		.body_len = r->body_len,
		.timeout_ms = d->config.timeout_ms,
		.max_response = max_answer,
		.done = answered,
		.arg = f,
	};

	if (!f->url)
		f->url = mem_printf("%s%s", d->base_url, r->url);
	if (!f->wire)
		f->wire = wire_headers(r);
	h.url = f->url;
	h.headers = (const char *const *)f->wire;
	f->step = FLIGHT_WIRE;
	f->transfer = http_start(d->http, &h);
	hook_point("wire_entered");
}

static void room_again(void *arg)
{
	struct delivery *d = arg;

	d->is_full = false;
}

static void found_no_room(struct flight *f)
{
	struct delivery *d = f->delivery;

	leave_slot(f);
	pace_give_back(d->pace, f->group->pace);
	/* Other changes of it may have been stored just now, when it still said INTENT. */
	if (f->request->is_stored)
		flight_replan(f);
	else
		f->request->state = REQUEST_PLANNED;
	f->step = FLIGHT_READY;
	queue_first(&f->group->ready, f);
	d->is_full = true;
	(void)snprintf(
		d->trouble, sizeof(d->trouble),
		"the disk of the state folder is full; nothing new is sent until there is space");
	loop_timer_set(d->loop, &d->full_timer, loop_now_ms(d->loop) + 1000, room_again, d);
}

static void settle_weight(struct flight *f)
{
	f->delivery->volatile_bytes -= f->volatile_bytes;
	f->volatile_bytes = 0;
}

static void intent_is_durable(void *arg, int r)
{
	struct flight *f = arg;
	struct delivery *d = f->delivery;

	if (r < 0) {
		found_no_room(f);
		return;
	}
	settle_weight(f);
	hook_point("intent_durable");
	if (d->is_stopped) {
		leave_slot(f);
		pace_give_back(d->pace, f->group->pace);
		flight_replan(f);
		make_ready(f);
		return;
	}
	put_on_wire(f);
}

void flight_start(struct flight *f)
{
	struct delivery *d = f->delivery;

	f->step = FLIGHT_WRITING;
	f->request->state = REQUEST_INTENT;
	f->request->intent_wall_ms = loop_wall_ms(d->loop);
	d->n_slots++;
	d->n_flying++;
	f->group->n_out++;
	if (hook_without("journal")) { /* the mutant that trusts memory */
		intent_is_durable(f, 0);
		return;
	}
	journal_put_request(d->journal, f->request, intent_is_durable, f);
	hook_point("intent_asked");
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
	make_ready(f);
}

void delivery_unproven(struct delivery *delivery, struct request *request, const char *known)
{
	struct flight *f = flight_of(delivery, request);

	if (is_applied(f))
		applied_without_id(f);
	else
		flight_hold(f, REJECT_UNKNOWN, known);
}
