#include "connector/engine/proof_private.h"

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * The canary: absence from a source counts only while that source shows something that came after
 * the attempt. In search that may be a later create of our own, anybody's object of that kind, or a
 * change of the one lead we may touch; in the event log any event; in the list of a lead a later
 * object of that list.
 */

enum { slow_ms = 2000 }; /* the date of an answer that took longer tells no clock */

/* The place of kind @object; the last one where all are taken. */
static size_t canary_at(const struct proof *p, const char *object)
{
	size_t at = 0;

	while (at < max_kinds - 1 && *p->canaries[at].object &&
	       strcmp(p->canaries[at].object, object) != 0)
		at++;
	return at;
}

/* Times of ours from before and after such a step cannot be compared. */
bool proof_clock_was_set(const struct engine *e)
{
	const int64_t offset = loop_wall_ms(e->loop) - (int64_t)loop_now_ms(e->loop);
	const int64_t step = offset - e->clock_offset_ms;

	return step > canary_margin_ms / 2 || step < -canary_margin_ms / 2;
}

/* Counted back from now, since the clocks were last compared now. */
static bool is_later(const struct proof *p, int64_t created_ms, const struct unproven *u)
{
	const struct loop *loop = p->engine->loop;

	return created_ms > loop_wall_ms(loop) + p->skew_ms + canary_margin_ms -
	                            (int64_t)(loop_now_ms(loop) - u->since_ms);
}

/*
 * Of an object of our own we know on our own clock that it was sent later; of others only Close's
 * clock tells, and the clocks may differ a little.
 */
static bool canary_shows(const struct proof *p, const struct canary *c, const struct unproven *u)
{
	if (!c->is_seen)
		return false;
	if (!proof_clock_was_set(p->engine) && c->intent_ms > u->since_wall_ms)
		return true;
	return is_later(p, c->created_ms, u);
}

static bool was_touched_after(const struct proof *p, const struct unproven *u)
{
	return !proof_clock_was_set(p->engine) && p->touched_wall_ms > u->since_wall_ms;
}

static bool search_moves(const struct proof *p, const struct unproven *u)
{
	const char *object = u->request->object;
	const struct canary *c = &p->canaries[canary_at(p, object)];

	if (p->touch_is_seen && !strcmp(object, "lead") && was_touched_after(p, u))
		return true;
	return !strcmp(c->object, object) && canary_shows(p, c, u);
}

/* One log tells of everything, so the lead we may touch serves all kinds. */
static bool log_moves(const struct proof *p, const struct unproven *u)
{
	if (p->log.is_seen && p->touched_updated_ms && was_touched_after(p, u) &&
	    p->log.created_ms >= p->touched_updated_ms)
		return true;
	return canary_shows(p, &p->log, u);
}

bool canary_is_newer(const struct proof *p, enum proof_source source, const struct unproven *u,
                     size_t at)
{
	if (hook_without("canary"))
		return true;
	switch (source) {
	case SOURCE_SEARCH:
		return search_moves(p, u);
	case SOURCE_LIST:
		return is_later(p, p->question.list_newest_ms[at], u);
	case SOURCE_LOG:
		return log_moves(p, u);
	case n_sources:
		break;
	}
	return false;
}

void canary_learn_log(struct proof *p, struct json_object *page)
{
	const char *id = NULL;

	p->log = (struct canary){0};
	p->log.is_seen = crm_newest_event_read(page, &p->log.created_ms, &id, NULL) > 0;
	if (p->log.is_seen && id)
		p->log.intent_ms = journal_object_time(p->engine->journal, id);
}

void proof_learn_skew(struct proof *p, const struct http_answer *answer)
{
	const char *date = http_answer_header(answer, "date");
	struct tm tm = {0};

	/* A slow answer may have been dated long ago. */
	if (!date || answer->duration_ms > slow_ms || !strptime(date, "%a, %d %b %Y %H:%M:%S", &tm))
		return;
	p->skew_ms = (int64_t)timegm(&tm) * 1000 - loop_wall_ms(p->engine->loop);
	p->knows_skew = true;
}

static void ask(struct proof *p, const char *group, enum call_method method, char *url, char *body,
                void (*done)(void *arg, const struct http_answer *answer))
{
	struct delivery_call call = {
		.group = group, .url = url, .body = body, .done = done, .arg = p};

	call.method = method;
	p->is_asking = true;
	delivery_ask(p->engine->delivery, &call);
}

static struct json_object *read_answer(struct proof *p, const struct http_answer *answer)
{
	struct json_object *value = NULL;

	p->is_asking = false;
	if (!answer)
		return NULL;
	proof_learn_skew(p, answer);
	if (answer->status / 100 == 2)
		(void)json_parse(answer->body, answer->body_len, 0, &value, NULL, NULL);
	return value;
}

/* Whoever waited for search to move need not wait for its next turn. */
static void look_soon(struct proof *p)
{
	p->n_list = delivery_unproven_list(p->engine->delivery, p->list, max_looked_at);
	for (size_t i = 0; i < p->n_list; i++)
		if (search_moves(p, &p->list[i]))
			proof_look_soon(p, &p->list[i]);
}

static void touched(void *arg, const struct http_answer *answer)
{
	struct proof *p = arg;
	cleanup_(json_freep) struct json_object *lead = read_answer(p, answer);

	if (crm_touched_read(lead, &p->touched_updated_ms, NULL) <= 0)
		p->touched_updated_ms = 0;
}

static void touch_looked_up(void *arg, const struct http_answer *answer)
{
	struct proof *p = arg;
	cleanup_(json_freep) struct json_object *page = read_answer(p, answer);
	int64_t updated_ms;

	if (crm_touched_read(page, &updated_ms, NULL) > 0)
		p->touch_is_seen = updated_ms >= p->touched_updated_ms;
	if (p->touch_is_seen)
		look_soon(p);
}

/* One of those that wait for a canary. */
struct want {
	int64_t since_wall_ms; /* when it became unknown: the latest of all of them; 0: none waits
	                        */
	bool has_lead;         /* a lead is among them: search shows the touch, too */
};

/*
 * The log was read to its end and would have shown it. It does not where it tells no custom fields,
 * nor what another owner of the partition may have sent before.
 */
static bool log_would_show(const struct proof *p, const struct unproven *u)
{
	for (size_t i = 0; i < p->n_items; i++)
		if (p->items[i].seq == u->request->seq)
			return p->items[i].n_late_looks[SOURCE_LOG] > 0;
	return false;
}

static struct want find_want(const struct proof *p)
{
	const struct engine *e = p->engine;
	const uint64_t now = loop_now_ms(e->loop);
	struct want want = {0};

	for (size_t i = 0; i < p->n_list; i++) {
		const struct unproven *u = &p->list[i];

		if (now - u->since_ms < e->pipeline->quarantine_ms / 2 || search_moves(p, u) ||
		    (log_moves(p, u) && log_would_show(p, u)))
			continue;
		want.has_lead |= !strcmp(u->request->object, "lead");
		if (u->since_wall_ms > want.since_wall_ms)
			want.since_wall_ms = u->since_wall_ms;
	}
	return want;
}

/* Nothing newer shows by itself: change the lead we may change, then look for the change. */
static void use_touch(struct proof *p)
{
	const char *lead = p->engine->pipeline->canary;
	struct want want;

	p->n_list = delivery_unproven_list(p->engine->delivery, p->list, max_looked_at);
	want = find_want(p);
	if (!lead || !want.since_wall_ms)
		return;
	if (p->touched_wall_ms <= want.since_wall_ms) {
		p->touch_is_seen = false;
		p->touched_updated_ms = 0;
		p->touched_wall_ms = loop_wall_ms(p->engine->loop);
		ask(p, "write", CALL_PUT, crm_touch_path(lead), crm_touch_body(p->touched_wall_ms),
		    touched);
	} else if (want.has_lead && p->touched_updated_ms && !p->touch_is_seen) {
		ask(p, "search", CALL_POST, mem_strdup(crm_search_path), crm_touched_body(lead),
		    touch_looked_up);
	}
}

static void canary_came(void *arg, const struct http_answer *answer)
{
	struct proof *p = arg;
	cleanup_(json_freep) struct json_object *page = read_answer(p, answer);
	struct canary *c = p->asked_canary;
	const char *id;

	hook_point("canary_answered");
	if (crm_canary_read(page, &c->created_ms, NULL) > 0) {
		id = json_get_string(json_object_array_get_idx(json_get(page, "data"), 0), "id");
		c->intent_ms = id ? journal_object_time(p->engine->journal, id) : 0;
		c->is_seen = true;
	}
	if (!answer)
		return;
	look_soon(p);
	use_touch(p);
}

void canary_ask(struct proof *p, const char *object, bool answers)
{
	if (!answers) {
		use_touch(p);
		return;
	}
	p->asked_canary = &p->canaries[canary_at(p, object)];
	*p->asked_canary = (struct canary){0};
	(void)snprintf(p->asked_canary->object, sizeof(p->asked_canary->object), "%s", object);
	ask(p, "search", CALL_POST, mem_strdup(crm_search_path), crm_canary_body(object),
	    canary_came);
}
