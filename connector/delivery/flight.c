#include "connector/delivery/flight.h"

#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * One request from its lanes to the wire; flight_answer.c has what its answer leads to, and
 * flight_end.c how it ends.
 */

enum { max_answer = 4 << 20 }; /* bytes read of an answer; what is kept of it is less */

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

void flight_queue_first(struct flight_queue *q, struct flight *f)
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
	request_free(f->whole);
	while (f->n_chain)
		request_free(f->chain[--f->n_chain]);
	free(f->chain);
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

void flight_leave_slot(struct flight *f)
{
	f->delivery->n_slots--;
	f->delivery->n_flying--;
	f->group->n_out--;
}

void flight_make_ready(struct flight *f)
{
	f->step = FLIGHT_READY;
	flight_queue_add(&f->group->ready, f);
}

static void again(void *arg)
{
	flight_make_ready(arg);
}

void flight_back_off(struct flight *f)
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

void flight_granted(struct flight *f)
{
	if (f->request->state == REQUEST_PROBING)
		f->step = FLIGHT_PROBING;
	else if (f->request->state == REQUEST_UNKNOWN)
		flight_find_out(f);
	else
		flight_make_ready(f);
}

void flight_take_back(struct flight *f)
{
	pace_give_back(f->delivery->pace, f->group->pace);
	flight_replan(f);
	flight_make_ready(f);
}

static char **wire_headers(const struct request *r)
{
	char **list = NULL;

	for (char **h = r->headers; h && *h; h++)
		strlist_add(&list, mem_strdup(*h));
	strlist_add(&list, mem_strdup("Accept: application/json"));
	if (r->body)
		strlist_add(&list, mem_printf("Content-Type: %s", content_type_name(r->format)));
	return list;
}

static bool may_pass(void *arg)
{
	struct flight *f = arg;
	const struct delivery_hooks *hooks = &f->delivery->hooks;

	f->was_gated = hooks->may_send && !hooks->may_send(hooks->arg, f->request);
	return !f->was_gated || hook_without("lease");
}

/* 0: nobody else can have sent it. */
static uint64_t doubt_until_ms(const struct flight *f)
{
	const struct delivery_hooks *hooks = &f->delivery->hooks;

	if (f->is_cleared || !hooks->doubt_until_ms || hook_without("takeover"))
		return 0;
	return hooks->doubt_until_ms(hooks->arg, f->request);
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
		.gate = may_pass,
		.done = flight_answered,
		.arg = f,
	};

	if (!f->url)
		f->url = mem_printf("%s%s", d->base_url, r->url);
	if (!f->wire)
		f->wire = wire_headers(r);
	h.url = f->url;
	h.headers = (const char *const *)f->wire;
	f->step = FLIGHT_WIRE;
	(void)delivery_has_credential(d, &f->credential);
	http_start(d->http, &h);
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

	flight_leave_slot(f);
	pace_give_back(d->pace, f->group->pace);
	/* Other changes of it may have been stored just now, when it still said INTENT. */
	if (f->request->is_stored)
		flight_replan(f);
	else
		f->request->state = REQUEST_PLANNED;
	f->step = FLIGHT_READY;
	flight_queue_first(&f->group->ready, f);
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
	uint64_t until_ms;

	if (r < 0) {
		found_no_room(f);
		return;
	}
	settle_weight(f);
	hook_point("intent_durable");
	if (d->is_stopped) {
		flight_leave_slot(f);
		flight_take_back(f);
	} else if ((until_ms = doubt_until_ms(f))) {
		flight_leave_slot(f);
		pace_give_back(d->pace, f->group->pace);
		flight_doubt(f, until_ms);
	} else {
		put_on_wire(f);
	}
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
	if (d->hooks.begins)
		d->hooks.begins(d->hooks.arg, f->request);
	journal_put_request(d->journal, f->request, intent_is_durable, f);
	hook_point("intent_asked");
}
