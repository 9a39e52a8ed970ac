#include "connector/engine/resolve_private.h"

#include "connector/close/lanes.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <stdlib.h>
#include <string.h>

/* Which objects a draft is about, as far as that is known, and whom of those aside it is behind. */

/* "lead {id}": of a URL whose hole is open, where nobody is meant yet. */
static bool is_hole(const char *key)
{
	const char *space = strchr(key, ' ');
	const size_t len = strlen(key);

	return space && space[1] == '{' && key[len - 1] == '}' && strncmp(key, "identity ", 9) != 0;
}

static void add_lookup_lanes(const struct lookup *lookup, bool is_owner, struct request *call)
{
	for (size_t i = 0; i < lookup->n_keys; i++) {
		cleanup_(freep) char *text = lookup_key_text(lookup->kind, &lookup->keys[i]);
		cleanup_(freep) char *lane = mem_printf("match %s", text);

		request_add_lane(call, lane, is_owner);
	}
}

void resolve_lanes_of(const struct draft *draft, struct request *call)
{
	struct request *all = request_new();

	crm_lanes(draft, all);
	for (size_t i = 0; i < all->n_lanes; i++)
		if (!is_hole(all->lanes[i].key))
			request_add_lane(call, all->lanes[i].key, all->lanes[i].is_owner);
	request_free(all);
	if (draft->match)
		add_lookup_lanes(draft->match, true, call);
}

void resolve_lanes(const struct resolving *r, struct request *call)
{
	resolve_lanes_of(r->draft, call);
	for (char **lane = r->match_lanes; lane && *lane; lane++)
		request_add_lane(call, *lane, true);
	if (r->target)
		request_add_lane(call, r->target, true);
	if (r->gone)
		request_add_lane(call, r->gone, true);
	if (r->nest_lead)
		request_add_lane(call, r->nest_lead, true);
	for (size_t i = 0; i < r->n_findings; i++) {
		const struct finding *f = &r->findings[i];

		if (f->is_link)
			add_lookup_lanes(f->lookup, false, call);
		for (char **id = f->near; id && *id; id++)
			request_add_lane(call, *id, !f->is_link);
	}
}

struct resolving *resolve_ahead(struct engine *e, struct resolving *r)
{
	struct resolving *ahead = NULL;
	struct request *call;

	if (!e->resolve->n_aside || hook_without("aside_lanes"))
		return NULL;
	call = request_new();
	resolve_lanes(r, call);
	for (size_t i = 0; !ahead && i < call->n_lanes; i++) {
		const struct mark *mark = marks_ahead(e->resolve->closed, call->lanes[i].key,
		                                      r->number, call->lanes[i].is_owner);

		ahead = mark ? mark->who : NULL;
	}
	request_free(call);
	return ahead;
}

void resolve_open_lanes(struct resolve *resolve, struct resolving *r)
{
	while (r->n_closed)
		marks_remove(resolve->closed, r->closed[--r->n_closed]);
	while (r->n_awaited)
		marks_remove(resolve->awaited, r->awaited[--r->n_awaited]);
}

/* Nobody is in a lane any more. */
static void lane_is_free(void *arg, const char *lane)
{
	struct engine *e = arg;
	const struct mark *mark = marks_first(e->resolve->awaited, lane);

	for (; mark; mark = mark->behind)
		resolve_wake(e, mark->who);
}

static void await_lanes(struct engine *e, struct resolving *r, const struct request *call)
{
	r->awaited = mem_resize(r->awaited, call->n_lanes + 1, sizeof(struct mark *));
	for (size_t i = 0; i < call->n_lanes; i++)
		if (call->lanes[i].is_owner)
			r->awaited[r->n_awaited++] = marks_add(
				e->resolve->awaited, call->lanes[i].key, r, r->number, true);
	delivery_watch_lanes(e->delivery, lane_is_free, e);
}

void resolve_lanes_opened(struct engine *e, const struct request *request)
{
	for (size_t i = 0; i < request->n_lanes; i++)
		lane_is_free(e, request->lanes[i].key);
}

/* NOLINTBEGIN(misc-no-recursion) */
void resolve_close_lanes(struct engine *e, struct resolving *r)
{
	struct resolve *resolve = e->resolve;
	struct request *call = request_new();

	resolve_open_lanes(resolve, r);
	resolve_lanes(r, call);
	r->closed = mem_resize(r->closed, call->n_lanes + 1, sizeof(struct mark *));
	for (; r->n_closed < call->n_lanes; r->n_closed++)
		r->closed[r->n_closed] = marks_add(resolve->closed, call->lanes[r->n_closed].key, r,
		                                   r->number, call->lanes[r->n_closed].is_owner);
	if (r->wait == WAIT_LANE)
		await_lanes(e, r, call);
	offers_about(e, r->draft, call);
	request_free(call);
}

static bool is_of_kind(const char *id, const char *kind)
{
	const char *prefix = lookup_id_prefix(kind);

	return !strncmp(id, prefix, strlen(prefix));
}

void resolve_come_near(struct finding *f, const struct offer *offer)
{
	strlist_free(steal(&f->near));
	if (hook_without("near_lanes"))
		return;
	for (char *const *id = offer_about(offer); id && *id; id++)
		if (is_of_kind(*id, f->lookup->kind) || (f->takes_lead && is_of_kind(*id, "lead")))
			strlist_add(&f->near, mem_strdup(*id));
}

/* As deep as records wait for one another. */
void resolve_come_nearer(struct engine *e, struct resolving *r, const struct offer *offer)
{
	for (size_t i = 0; i < r->n_findings; i++)
		if (r->findings[i].awaits == offer)
			resolve_come_near(&r->findings[i], offer);
	if (r->is_aside)
		resolve_close_lanes(e, r);
}

/* NOLINTEND(misc-no-recursion) */

void resolve_add_match_lanes(struct resolving *r)
{
	const struct lookup *match = r->draft->match;

	for (size_t i = 0; match && i < match->n_keys; i++) {
		cleanup_(freep) char *text = lookup_key_text(match->kind, &match->keys[i]);

		strlist_add(&r->match_lanes, mem_printf("match %s", text));
	}
}
