#include "connector/delivery/flight.h"

#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Queues and dispatch; flight*.c have what becomes of each request. */

static enum limit_kind limit_kind_of(const struct delivery_config *c)
{
	switch (c->max_rejects) {
	case REJECTS_DEFAULT:
		return LIMIT_DEFAULT;
	case REJECTS_NONE:
		return LIMIT_NONE;
	case REJECTS_COUNT:
		return LIMIT_COUNT;
	case REJECTS_SHARE:
		return LIMIT_SHARE;
	}
	return LIMIT_DEFAULT;
}

struct delivery *delivery_new(struct loop *loop, struct journal *journal, struct http *http,
                              struct pace *pace, const struct delivery_config *config,
                              const struct delivery_hooks *hooks)
{
	struct delivery *d = mem_alloc(sizeof(*d));

	d->loop = loop;
	d->journal = journal;
	d->http = http;
	d->pace = pace;
	d->config = *config;
	d->base_url = mem_strdup(config->base_url);
	d->hooks = *hooks;
	d->seed = config->seed;
	d->lanes = lanes_new();
	limits_init(&d->limits, limit_kind_of(config), config->max_rejects_n);
	if (config->counted)
		limits_go_on(&d->limits, config->counted);
	return d;
}

void delivery_free(struct delivery *delivery)
{
	if (!delivery)
		return;
	calls_free(delivery);
	lanes_watch(delivery->lanes, NULL, NULL);
	while (delivery->all) {
		/* Whoever leaves a lane grants it to the next, who may be freed before it is asked.
		 */
		delivery->granted = (struct flight_queue){0};
		flight_free(delivery->all);
	}
	groups_free(delivery);
	lanes_free(delivery->lanes);
	limits_deinit(&delivery->limits);
	loop_timer_unset(delivery->loop, &delivery->full_timer);
	free(delivery->base_url);
	free(delivery);
}

static void lane_is_free(void *arg, struct request *request)
{
	struct flight *f = arg;

	(void)request;
	flight_queue_add(&f->delivery->granted, f);
}

static struct flight *add_flight(struct delivery *d, struct request *request)
{
	struct flight *f = mem_alloc(sizeof(*f));

	f->delivery = d;
	f->request = request;
	f->step = FLIGHT_LANE;
	f->before = d->all_last;
	if (d->all_last)
		d->all_last->behind = f;
	else
		d->all = f;
	d->all_last = f;
	return f;
}

static uint64_t weight_of(const struct request *r)
{
	uint64_t bytes = sizeof(struct flight) + sizeof(*r) + r->body_len;

	for (size_t i = 0; i < r->n_parts; i++)
		bytes += r->parts[i].record->len +
		         (r->parts[i].draft ? strlen(r->parts[i].draft) : 0);
	return bytes;
}

void delivery_submit(struct delivery *delivery, struct request *takes_request)
{
	struct flight *f = add_flight(delivery, takes_request);

	if (!takes_request->seq) /* also after a restart it stands where it enters its lanes now */
		takes_request->seq = journal_next_request(delivery->journal);
	f->group = group_get(delivery, takes_request->group);
	backoff_init(&f->backoff, delivery->seed++);
	if (!takes_request->is_stored) {
		f->volatile_bytes = weight_of(takes_request);
		delivery->volatile_bytes += f->volatile_bytes;
	}
	delivery->n_open++;
	f->place = lanes_enter(delivery->lanes, takes_request, lane_is_free, f);
}

static const char left_on_its_way[] = "closefeed was ended while this call was on its way.";

void delivery_resume(struct delivery *delivery, struct request *takes_request)
{
	struct request *r = takes_request;

	if (r->state == REQUEST_INTENT) {
		r->crash_count++;
		flight_set_known(r, left_on_its_way); /* not what is known of an earlier attempt */
	}
	if (r->state == REQUEST_INTENT || r->state == REQUEST_UNKNOWN) {
		hook_point("resume_begins");
		r->state = REQUEST_UNKNOWN;
		journal_note_request(delivery->journal, r);
		hook_point("resume_noted");
	}
	delivery_submit(delivery, r);
	if (r->state != REQUEST_PLANNED) {
		struct flight *f = delivery->all_last;

		/* When it was sent is not known any more; its time counts from now. */
		f->unknown_at_ms = f->late_at_ms = loop_now_ms(delivery->loop);
		f->unknown_wall_ms = loop_wall_ms(delivery->loop);
	}
}

void delivery_close_lane(struct delivery *delivery, const char *key, int64_t until_wall_ms)
{
	const int64_t now = loop_wall_ms(delivery->loop);
	const int64_t latest = now + (int64_t)delivery->config.quarantine_ms;
	const int64_t until = until_wall_ms < latest ? until_wall_ms : latest;
	char **closed;
	struct flight *f;

	if (until <= now) {
		journal_put_closed_lane(delivery->journal, key, 0);
		return;
	}
	/* Else each restart before that would begin the quarantine anew. */
	if (until < until_wall_ms)
		journal_put_closed_lane(delivery->journal, key, until);
	closed = mem_array(2, sizeof(char *));
	closed[0] = mem_strdup(key);
	f = add_flight(delivery, NULL);
	f->place = lanes_close(delivery->lanes, key);
	flight_linger(f, closed, loop_now_ms(delivery->loop) + (uint64_t)(until - now));
}

static void start_calls(struct group *g)
{
	struct delivery *d = g->delivery;

	/* One slot more than concurrency, so that proofs never wait for requests that wait for
	 * them. */
	while (g->calls && d->n_slots <= d->config.concurrency && group_take(g)) {
		struct call *c = g->calls;

		g->calls = c->next;
		if (!g->calls)
			g->calls_last = NULL;
		call_start(c);
	}
}

/* Right after trouble one request goes alone; the others follow when it is answered. */
static bool may_start(const struct group *g)
{
	switch (g->breaker.state) {
	case BREAKER_CLOSED:
		return true;
	case BREAKER_HALF_OPEN:
		return g->n_out == 0;
	case BREAKER_OPEN:
		return false;
	}
	return false;
}

/* Whoever is first in the queue goes first, so that those of one stream keep their order. */
static bool first_may_go(const struct group *g)
{
	const struct delivery_hooks *hooks = &g->delivery->hooks;

	return g->ready.first && (!hooks->may_send || hook_without("lease") ||
	                          hooks->may_send(hooks->arg, g->ready.first->request));
}

/* It deletes or merges, and was not counted yet. */
static bool is_to_count(const struct flight *f)
{
	const struct delivery_hooks *hooks = &f->delivery->hooks;

	return !f->is_counted && hooks->destroys && hooks->destroys(hooks->arg, f->request);
}

/*
 * False: it would be one delete or merge too many. The run stops when what is on its way has ended:
 * some of it may be refused, and then there is room again.
 */
static bool may_destroy(const struct flight *f)
{
	struct delivery *d = f->delivery;
	char sentence[400];

	if (!is_to_count(f) || limits_may_destroy(&d->limits, d->config.max_destroys, sentence))
		return true;
	if (d->n_flying)
		d->is_at_limit = true;
	else
		delivery_stop(d, EXIT_AGAIN, sentence);
	return false;
}

static void start_first(struct group *g)
{
	struct flight *f = flight_queue_take(&g->ready);

	if (is_to_count(f)) {
		f->is_counted = true;
		f->delivery->limits.n_destroyed++;
	}
	flight_start(f);
}

static void start_flights(struct group *g)
{
	struct delivery *d = g->delivery;

	while (first_may_go(g) && d->n_slots < d->config.concurrency && may_start(g) &&
	       may_destroy(g->ready.first) && group_take(g))
		start_first(g);
}

void delivery_grant(struct delivery *delivery)
{
	struct flight *f;

	while ((f = flight_queue_take(&delivery->granted)))
		flight_granted(f);
}

void delivery_pause(struct delivery *delivery, bool is_paused)
{
	delivery->is_paused = is_paused;
}

void delivery_turn(struct delivery *delivery)
{
	struct delivery *d = delivery;

	delivery_grant(d);
	if (!delivery_has_credential(d, &(unsigned){0}))
		return;
	for (struct group *g = d->groups; g; g = g->next)
		start_calls(g);
	d->is_at_limit = d->is_at_limit && d->n_flying;
	if (d->is_stopped || d->is_full || d->is_paused || d->is_at_limit)
		return;
	for (struct group *g = d->groups; g && !d->is_stopped; g = g->next)
		start_flights(g);
	/* The next turn begins with another group, so that none starves for connections. */
	if (d->groups && d->groups->next) {
		struct group *first = d->groups, *last = first;

		while (last->next)
			last = last->next;
		d->groups = first->next;
		first->next = NULL;
		last->next = first;
	}
}

void delivery_wind_down(struct delivery *delivery)
{
	delivery->is_stopped = true;
	for (struct group *g = delivery->groups; g; g = g->next) {
		while (g->calls) {
			struct call *c = g->calls;

			g->calls = c->next;
			c->group->calls_last = g->calls ? g->calls_last : NULL;
			call_abandon(c);
		}
	}
}

void delivery_leave(struct delivery *delivery)
{
	for (struct flight *f = delivery->all; f; f = f->behind) {
		if (!f->request || f->step != FLIGHT_WIRE)
			continue;
		f->request->state = REQUEST_UNKNOWN;
		flight_set_known(f->request, left_on_its_way);
		journal_note_request(delivery->journal, f->request);
	}
}

void delivery_stop(struct delivery *delivery, enum exit_code code, const char *sentence)
{
	if (delivery->is_told)
		return;
	delivery->is_told = true;
	delivery_wind_down(delivery);
	delivery->hooks.stopped(delivery->hooks.arg, code, sentence);
}

bool delivery_has_credential(const struct delivery *d, unsigned *ret_credential)
{
	*ret_credential = d->hooks.credential ? d->hooks.credential(d->hooks.arg) : 1;
	return *ret_credential != 0;
}

bool delivery_is_unauthorized(struct delivery *d, unsigned credential, bool *was_unauthorized,
                              const char *sentence)
{
	char text[512] = "";

	if (d->hooks.unauthorized &&
	    d->hooks.unauthorized(d->hooks.arg, credential, *was_unauthorized, text)) {
		*was_unauthorized = true;
		return true;
	}
	delivery_stop(d, EXIT_REFUSED, *text ? text : sentence);
	return false;
}

static void count_step(const struct flight *f, struct delivery_state *s)
{
	switch (f->step) {
	case FLIGHT_LANE:
		s->waiting_lane++;
		break;
	case FLIGHT_WRITING:
	case FLIGHT_WIRE:
		s->in_flight++;
		break;
	case FLIGHT_READY:
	case FLIGHT_BACKOFF:
		if (f->unknown_at_ms)
			s->unknown++;
		else
			s->waiting_quota++;
		break;
	case FLIGHT_PROBING:
		s->unknown++;
		break;
	}
}

static void count_closed(const struct flight *f, struct delivery_state *s)
{
	const char *key = lanes_waited_for(f->place);

	if (!key && f->n_chain)
		key = f->chain[f->n_chain - 1]->url;
	if (!key)
		return;
	if (!s->n_closed++ || f->opens_at_ms < s->first_opens_at_ms) {
		s->closed = key;
		s->first_opens_at_ms = f->opens_at_ms;
	}
	if (f->opens_at_ms > s->last_opens_at_ms)
		s->last_opens_at_ms = f->opens_at_ms;
}

void delivery_look(const struct delivery *delivery, struct delivery_state *ret_state)
{
	struct delivery_state s = {.is_stopped = delivery->is_stopped,
	                           .is_full = delivery->is_full,
	                           .trouble = delivery->is_full ? delivery->trouble : ""};

	for (const struct flight *f = delivery->all; f; f = f->behind) {
		if (f->request)
			count_step(f, &s);
		else
			count_closed(f, &s);
		s.waiting_lane += (unsigned)f->n_chain;
	}
	for (const struct group *g = delivery->groups; g; g = g->next) {
		if (g->failing_since_ms && group_has_work(g)) {
			s.is_unreachable = true;
			s.trouble = s.is_full ? s.trouble : g->trouble;
		}
		if ((g->ready.n || g->calls) && g->quota_at_ms > s.quota_at_ms)
			s.quota_at_ms = g->quota_at_ms;
	}
	*ret_state = s;
}

void delivery_look_load(const struct delivery *delivery, struct delivery_load *ret_load)
{
	struct delivery_load load = {.volatile_bytes = delivery->volatile_bytes};

	load.n_waiting = delivery->n_open - delivery->n_flying;
	for (const struct group *g = delivery->groups; g; g = g->next)
		load.n_ready += g->ready.n;
	load.n_ready += delivery->granted.n;
	*ret_load = load;
}

bool delivery_is_free(const struct delivery *delivery, const struct lane_key *keys, size_t n,
                      bool or_shared)
{
	for (size_t i = 0; i < n; i++)
		if (!lanes_is_free(delivery->lanes, keys[i].key, or_shared))
			return false;
	return true;
}

void delivery_watch_lanes(struct delivery *delivery, void (*is_free)(void *arg, const char *key),
                          void *arg)
{
	lanes_watch(delivery->lanes, is_free, arg);
}

struct limits *delivery_limits(struct delivery *delivery)
{
	return &delivery->limits;
}

bool delivery_is_idle(const struct delivery *delivery)
{
	return delivery->n_open == 0;
}

bool delivery_is_quiet(const struct delivery *delivery)
{
	return delivery->n_slots == 0;
}
