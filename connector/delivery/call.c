#include "connector/delivery/flight.h"

#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/*
 * Calls that are no requests: search, /me/. They use the same quota and connections, are not
 * journaled, and are tried again until there is a final answer.
 */

enum { max_answer = 8 << 20 };

static void unlink_call(struct call *c)
{
	struct delivery *d = c->delivery;

	if (c->before)
		c->before->behind = c->behind;
	else
		d->calls = c->behind;
	if (c->behind)
		c->behind->before = c->before;
}

static void free_call(struct call *c)
{
	loop_timer_unset(c->delivery->loop, &c->timer);
	unlink_call(c);
	free(c->call.url);
	free(c->call.body);
	free(c->url);
	free(c);
}

static void finish(struct call *c, const struct http_answer *answer)
{
	const struct delivery_call call = c->call;

	call.done(call.arg, answer);
	free_call(c);
}

void call_abandon(struct call *c)
{
	finish(c, NULL);
}

static void queue(void *arg)
{
	struct call *c = arg;
	struct group *g = c->group;

	if (c->delivery->is_stopped) {
		finish(c, NULL);
		return;
	}
	c->next = NULL;
	if (g->calls_last)
		g->calls_last->next = c;
	else
		g->calls = c;
	g->calls_last = c;
}

static void again_later(struct call *c)
{
	struct loop *loop = c->delivery->loop;

	loop_timer_set(loop, &c->timer, loop_now_ms(loop) + backoff_next(&c->backoff), queue, c);
}

static const char *method_of(const struct call *c)
{
	static const char *const names[] = {"GET", "POST", "PUT"};

	return names[c->call.method];
}

static void tell_those_who_watch(const struct call *c, const struct http_answer *answer)
{
	const struct delivery_hooks *hooks = &c->delivery->hooks;
	const struct delivery_exchange exchange = {
		.method = method_of(c),
		.path = c->call.url,
		.body = c->call.body,
		.body_len = c->call.body ? strlen(c->call.body) : 0,
	};

	if (hooks->heard)
		hooks->heard(hooks->arg, &exchange, answer);
}

static void answered(void *arg, const struct http_answer *answer)
{
	struct call *c = arg;
	struct delivery *d = c->delivery;
	struct judgement j = {0};

	d->n_slots--;
	d->hooks.judge_call(d->hooks.arg, answer, &j);
	pace_answer(d->pace, c->group->pace, &j.rate, loop_now_ms(d->loop));
	tell_those_who_watch(c, answer);
	if (j.verdict != VERDICT_UNAUTHORIZED)
		c->was_unauthorized = false;

	switch (j.verdict) {
	case VERDICT_RATE_LIMITED:
		group_limited(c->group, &j.rate);
		queue(c);
		return;
	case VERDICT_UNREADABLE:
		if (group_unreadable(c->group, j.sentence)) {
			finish(c, NULL);
			return;
		}
		group_failed(c->group, j.sentence);
		again_later(c);
		return;
	case VERDICT_NOT_SENT:
	case VERDICT_UNKNOWN:
		group_failed(c->group, j.sentence);
		again_later(c);
		return;
	case VERDICT_UNAUTHORIZED:
		if (delivery_is_unauthorized(d, c->credential, &c->was_unauthorized, j.sentence)) {
			queue(c);
			return;
		}
		break;
	case VERDICT_PLAN_LIMIT:
		delivery_stop(d, EXIT_REFUSED, j.sentence);
		break;
	case VERDICT_REDIRECTED:
		delivery_stop(d, EXIT_PIPELINE, j.sentence);
		break;
	case VERDICT_APPLIED:
	case VERDICT_OUTDATED:
	case VERDICT_REJECTED:
	case VERDICT_FORBIDDEN:
		group_succeeded(c->group);
		break;
	}
	finish(c, answer);
}

void call_start(struct call *c)
{
	static const char *const json[] = {"Accept: application/json",
	                                   "Content-Type: application/json", NULL};
	static const char *const plain[] = {"Accept: application/json", NULL};
	struct delivery *d = c->delivery;
	const struct http_request request = {
		.method = method_of(c),
		.url = c->url,
		.headers = c->call.body ? json : plain,
		.body = c->call.body,
		.body_len = c->call.body ? strlen(c->call.body) : 0,
		.timeout_ms = d->config.timeout_ms,
		.max_response = max_answer,
		.done = answered,
		.arg = c,
	};

	d->n_slots++;
	(void)delivery_has_credential(d, &c->credential);
	http_start(d->http, &request);
}

void delivery_ask(struct delivery *delivery, const struct delivery_call *call)
{
	struct call *c = mem_alloc(sizeof(*c));

	c->call = *call;
	c->delivery = delivery;
	c->group = group_get(delivery, call->group);
	c->url = mem_printf("%s%s", delivery->base_url, call->url);
	backoff_init(&c->backoff, delivery->seed++);
	c->behind = delivery->calls;
	if (c->behind)
		c->behind->before = c;
	delivery->calls = c;
	queue(c);
}

void calls_free(struct delivery *d)
{
	while (d->calls) {
		struct call *c = d->calls;

		call_abandon(c);
	}
}
