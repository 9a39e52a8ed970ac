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
 * The canary: absence counts only while search shows something that came after the attempt. That
 * may be a later create of our own, anybody's object, or a change of the one lead we may touch.
 */

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
static bool clock_was_set(const struct engine *e)
{
	const int64_t offset = loop_wall_ms(e->loop) - (int64_t)loop_now_ms(e->loop);
	const int64_t step = offset - e->clock_offset_ms;

	return step > canary_margin_ms / 2 || step < -canary_margin_ms / 2;
}

bool canary_is_newer(const struct proof *p, const struct unproven *u)
{
	const struct canary *c = &p->canaries[canary_at(p, u->request->object)];

	if (hook_without("canary"))
		return true;
	if (p->touch_is_seen && !strcmp(u->request->object, "lead") && !clock_was_set(p->engine) &&
	    p->touched_wall_ms > u->since_wall_ms)
		return true;
	if (!c->is_seen || strcmp(c->object, u->request->object) != 0)
		return false;
	if (!clock_was_set(p->engine) && c->intent_ms > u->since_wall_ms)
		return true;
	/* Counted back from now, since the clocks were last compared now. */
	return c->created_ms > loop_wall_ms(p->engine->loop) + p->skew_ms + canary_margin_ms -
	                               (int64_t)(loop_now_ms(p->engine->loop) - u->since_ms);
}

void proof_learn_skew(struct proof *p, const struct http_answer *answer)
{
	const char *date = http_answer_header(answer, "date");
	struct tm tm = {0};

	if (date && strptime(date, "%a, %d %b %Y %H:%M:%S", &tm))
		p->skew_ms = (int64_t)timegm(&tm) * 1000 - loop_wall_ms(p->engine->loop);
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
}

/* Nothing newer shows by itself: change the lead we may change, then look for the change. */
static void use_touch(struct proof *p, int64_t since_wall_ms)
{
	const char *lead = p->engine->pipeline->canary;

	if (p->touched_wall_ms <= since_wall_ms) {
		p->touch_is_seen = false;
		p->touched_updated_ms = 0;
		p->touched_wall_ms = loop_wall_ms(p->engine->loop);
		ask(p, "write", CALL_PUT, crm_touch_path(lead), crm_touch_body(p->touched_wall_ms),
		    touched);
	} else if (p->touched_updated_ms && !p->touch_is_seen) {
		ask(p, "search", CALL_POST, mem_strdup(crm_search_path), crm_touched_body(lead),
		    touch_looked_up);
	}
}

/* The latest time at which one of those that wait for a canary became unknown; 0: none waits. */
static int64_t latest_in_want(const struct proof *p)
{
	int64_t latest = 0;

	for (size_t i = 0; i < p->n_list; i++)
		if (!canary_is_newer(p, &p->list[i]) &&
		    !strcmp(p->list[i].request->object, "lead") &&
		    p->list[i].since_wall_ms > latest)
			latest = p->list[i].since_wall_ms;
	return latest;
}

static void canary_came(void *arg, const struct http_answer *answer)
{
	struct proof *p = arg;
	cleanup_(json_freep) struct json_object *page = read_answer(p, answer);
	struct canary *c = p->asked_canary;
	const char *id;
	int64_t in_want;

	hook_point("canary_answered");
	if (crm_canary_read(page, &c->created_ms, NULL) > 0) {
		id = json_get_string(json_object_array_get_idx(json_get(page, "data"), 0), "id");
		c->intent_ms = id ? journal_object_time(p->engine->journal, id) : 0;
		c->is_seen = true;
	}
	p->n_list = delivery_unproven_list(p->engine->delivery, p->list, max_looked_at);
	in_want = latest_in_want(p);
	if (answer && p->engine->pipeline->canary && in_want)
		use_touch(p, in_want);
}

void canary_ask(struct proof *p, const char *object)
{
	p->asked_canary = &p->canaries[canary_at(p, object)];
	*p->asked_canary = (struct canary){0};
	(void)snprintf(p->asked_canary->object, sizeof(p->asked_canary->object), "%s", object);
	ask(p, "search", CALL_POST, mem_strdup(crm_search_path), crm_canary_body(object),
	    canary_came);
}
