#include "connector/engine/trace.h"

#include "connector/close/lookup.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <stdlib.h>
#include <string.h>

/*
 * One is looked for at a time, by all of its values that routes match or link by. Where search has
 * not shown it for twice the quarantine, it ends without an id: Close's word that it was made
 * counts.
 */

enum { longest_pause_ms = 1000, shortest_pause_ms = 100 };

struct trace {
	struct engine *engine;
	struct loop_timer timer;
	uint64_t next_ms;
	struct lookup lookup; /* of the one that is looked for */
	uint64_t seq;         /* its number; 0: no question is out */
	bool is_looking;
};

struct trace *trace_new(struct engine *e)
{
	struct trace *t = mem_alloc(sizeof(*t));

	t->engine = e;
	return t;
}

static void forget(struct trace *t)
{
	lookup_deinit(&t->lookup);
	t->lookup = (struct lookup){0};
	t->seq = 0;
}

void trace_free(struct trace *trace)
{
	if (!trace)
		return;
	loop_timer_unset(trace->engine->loop, &trace->timer);
	forget(trace);
	free(trace);
}

static const struct watched_field *watched(const struct engine *e, const struct remembered *item)
{
	for (size_t i = 0; i < e->n_watched; i++)
		if (!strcmp(e->watched[i].kind, item->kind) &&
		    !strcmp(e->watched[i].name, item->field))
			return &e->watched[i];
	return NULL;
}

static bool has_field(const struct lookup_key *key, const char *name)
{
	for (size_t i = 0; i < key->n; i++)
		if (!strcmp(key->fields[i].name, name))
			return true;
	return false;
}

static void add_field(const struct engine *e, struct lookup_key *key,
                      const struct watched_field *field, const char *value)
{
	struct lookup_field *added;

	lookup_add_field(key, field->name, value, field->like);
	added = &key->fields[key->n - 1];
	added->shown = spelling_of(e, added->name, added->folded);
}

/* What the object of @r is found by; false: nothing. */
static bool find_by(const struct engine *e, const struct request *r, struct lookup *lookup)
{
	cleanup_(json_freep) struct json_object *body = NULL;
	struct lookup_key *key = lookup_add_key(lookup);
	struct remembered *items;
	size_t n = 0;

	lookup->kind = mem_strdup(r->object);
	if (r->format != CONTENT_JSON || json_parse(r->body, r->body_len, 0, &body, NULL, NULL) < 0)
		return false;
	items = crm_remember(body, r->object, e->watched, e->n_watched, &n);
	for (size_t i = 0; i < n; i++) {
		const struct watched_field *field = watched(e, &items[i]);

		if (field && !strcmp(items[i].kind, r->object) && !has_field(key, field->name))
			add_field(e, key, field, items[i].value);
		remembered_deinit(&items[i]);
	}
	free(items);
	return key->n > 0;
}

bool trace_can(void *arg, const struct request *request)
{
	const struct engine *e = arg;
	struct lookup lookup = {0};
	bool can;

	if (!e->n_watched || request->method != METHOD_POST || request->n_parts != 1 ||
	    !crm_lookup_is_search(request->object))
		return false;
	can = find_by(e, request, &lookup);
	lookup_deinit(&lookup);
	return can;
}

static uint64_t pause_ms(const struct engine *e)
{
	const uint64_t pause = e->pipeline->quarantine_ms / 16;

	if (pause > longest_pause_ms)
		return longest_pause_ms;
	return pause < shortest_pause_ms ? shortest_pause_ms : pause;
}

/* The newest that no other request has made: one by one they came, and this was the last. */
static const char *found_id(struct trace *t, const struct crm_found_list *found)
{
	for (size_t i = found->n; i-- > 0;)
		if (!journal_knows_object_id(t->engine->journal, found->items[i].id))
			return found->items[i].id;
	return NULL;
}

/* As delivery knows it now: it may have ended meanwhile. */
static bool still_open(struct trace *t, struct unproven *ret)
{
	return delivery_nameless(t->engine->delivery, ret) && ret->request->seq == t->seq;
}

static void search_came(void *arg, const struct http_answer *answer)
{
	struct trace *t = arg;
	struct engine *e = t->engine;
	cleanup_(json_freep) struct json_object *page = NULL;
	const struct lookup_key *keys[] = {t->lookup.keys};
	struct crm_found_list found = {0};
	struct unproven u;
	const char *id = NULL;

	hook_point("trace_answered");
	if (answer && answer->status / 100 == 2 &&
	    json_parse(answer->body, answer->body_len, 0, &page, NULL, NULL) >= 0 &&
	    crm_lookup_read(page, t->lookup.kind, keys, 1, &found, NULL) >= 0)
		id = found_id(t, &found);
	if (answer && still_open(t, &u)) {
		if (id)
			delivery_proven_applied(e->delivery, u.request, id, NULL);
		else if (loop_now_ms(e->loop) - u.since_ms >= 2 * e->pipeline->quarantine_ms)
			delivery_unproven(e->delivery, u.request, "");
	}
	t->next_ms = loop_now_ms(e->loop) + pause_ms(e);
	crm_found_deinit(&found);
	forget(t);
}

static void look(struct trace *t, struct request *r)
{
	struct engine *e = t->engine;
	const struct lookup_key *keys[1];
	struct delivery_call call = {
		.method = CALL_POST, .group = "search", .done = search_came, .arg = t};

	if (!find_by(e, r, &t->lookup)) { /* nobody looks it up any more */
		forget(t);
		delivery_unproven(e->delivery, r, "");
		return;
	}
	t->seq = r->seq;
	keys[0] = t->lookup.keys;
	call.url = mem_strdup(crm_search_path);
	call.body = crm_lookup_body(r->object, keys, 1, e->watched, e->n_watched, NULL);
	delivery_ask(e->delivery, &call);
}

static void wake(void *arg)
{
	(void)arg; /* the turn does the work */
}

void trace_turn(struct engine *e)
{
	struct trace *t = e->trace;
	const uint64_t now = loop_now_ms(e->loop);
	struct unproven u;

	t->is_looking = delivery_nameless(e->delivery, &u);
	if (!t->is_looking || t->seq || e->is_stopping || naming_is_asking(e))
		return;
	if (now < t->next_ms)
		loop_timer_set(e->loop, &t->timer, t->next_ms, wake, NULL);
	else
		look(t, u.request);
}

bool trace_is_looking(const struct engine *e)
{
	return e->trace->is_looking;
}
