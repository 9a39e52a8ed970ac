#include "connector/engine/nest.h"

#include "connector/close/lanes.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* How a draft leaves resolve: rejected, skipped, into gather, or as a call; and what it waits for
 * when it is known what it is about. */

/* Whose output it is: the rows that nest has folded, or its own. */
static size_t n_outputs(const struct draft *d)
{
	return d->n_rows ? d->n_rows : 1;
}

static const struct draft *output_at(const struct draft *d, size_t i)
{
	return d->n_rows ? d->rows[i] : d;
}

/* What it closes where rejects park others. */
static char **lanes_of(const struct engine *e, const struct resolving *r)
{
	struct request *call = request_new();
	char **lanes;

	resolve_lanes(r, call);
	lanes = parking_lanes(e, call);
	request_free(call);
	return lanes;
}

void resolve_reject(struct engine *e, struct resolving *r, enum reject_class class,
                    const char *field, const char *format, ...)
{
	const struct draft *d = r->draft;
	struct rejection rejection = {.class = class};
	va_list args;

	va_start(args, format);
	rejection.message = mem_vprintf(format, args);
	va_end(args);
	rejection.field = mem_strdup(field);
	rejection.lanes = lanes_of(e, r);
	for (size_t i = 0; i < n_outputs(d); i++)
		outputs_reject(e, draft_part(output_at(d, i)), d->route->name, draft_operation(d),
		               &rejection);
	rejection_deinit(&rejection);
}

void resolve_skip(struct engine *e, struct resolving *r, const char *format, ...)
{
	const struct draft *d = r->draft;
	cleanup_(freep) char *why = NULL;
	va_list args;

	if (nest_skips_update(e, r))
		return;
	va_start(args, format);
	why = mem_vprintf(format, args);
	va_end(args);
	for (size_t i = 0; i < n_outputs(d); i++)
		outputs_skip(e, draft_part(output_at(d, i)), d->route->name, draft_operation(d),
		             why);
}

/* Sending */

static void send_alone(struct engine *e, struct resolving *r, struct draft *takes_draft)
{
	struct draft *d = takes_draft;
	struct err err;
	const struct route_set *routes = batches_routes(e, batches_config(e, d->route), &err);
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	cleanup_(freep) char *unresolved = steal(&d->unresolved);
	struct part *part = draft_part(d);
	const char *route = d->route->name, *operation = draft_operation(d);
	const bool has_rows = d->n_rows != 0;
	char **lanes = parking_lanes_of(e, d);
	struct request *request = intake_request(e, routes, d, &rejection);

	if (!request) {
		rejection.lanes = steal(&lanes);
		outputs_reject(e, part, route, operation, &rejection);
		return;
	}
	strlist_free(lanes);
	part_deinit(part);
	free(part);
	for (char **lane = r->match_lanes; lane && *lane; lane++)
		request_add_lane(request, *lane, true);
	if (unresolved) {
		request->is_remembered = true;
		if (!has_rows) {
			free(request->parts[0].draft);
			request->parts[0].draft = steal(&unresolved);
		}
	}
	request->hint = steal(&r->hint);
	outputs_have(request);
	batches_clear_way(e, request, NULL);
	delivery_submit(e->delivery, request);
}

/* What was refused with others goes alone where those behind a reject have to wait. */
static bool shares_call(const struct engine *e, const struct resolving *r, const struct draft *d)
{
	return gather_is_shared(d) && !(r->is_again && e->pipeline->park_rejects);
}

void resolve_let_go(struct engine *e, struct resolving *r)
{
	struct draft *d = steal(&r->draft);

	hook_point("draft_resolved");
	if (shares_call(e, r, d))
		batches_add(e, d);
	else
		send_alone(e, r, d);
}

void resolve_leave_ahead(struct resolving *r)
{
	struct resolving *ahead = steal(&r->ahead);
	size_t n = 0;

	for (size_t i = 0; ahead && i < ahead->n_waiters; i++)
		if (ahead->waiters[i] != r)
			ahead->waiters[n++] = ahead->waiters[i];
	if (ahead)
		ahead->n_waiters = n;
}

static bool waits_ahead(struct engine *e, struct resolving *r)
{
	struct resolving *ahead = resolve_ahead(e, r);

	if (!ahead)
		return false;
	r->wait = WAIT_AHEAD;
	if (r->ahead == ahead)
		return true;
	resolve_leave_ahead(r);
	r->ahead = ahead;
	ahead->waiters = mem_grow(ahead->waiters, ahead->n_waiters, &ahead->cap_waiters,
	                          sizeof(struct resolving *));
	ahead->waiters[ahead->n_waiters++] = r;
	return true;
}

/* Nothing about its target is on its way; what it shares a call with is not before it. */
static bool is_way_free(struct engine *e, const struct resolving *r, const struct request *call)
{
	if (!shares_call(e, r, r->draft))
		return resolve_is_free(e, call);
	batches_clear_way(e, call, r->draft);
	return resolve_is_at_rest(e, call);
}

static bool may_be_parked(const struct engine *e, const struct draft *draft)
{
	return e->pipeline->park_rejects && !draft->record->is_settled && !hook_without("park");
}

bool resolve_has_to_wait(struct engine *e, const struct draft *draft)
{
	struct request *call;
	bool waits;

	if (!may_be_parked(e, draft) || draft->route->batch->algorithm != BATCH_MERGE)
		return false;
	call = request_new();
	crm_lanes(draft, call);
	waits = parking_before(e, draft, call) || !resolve_is_at_rest(e, call);
	request_free(call);
	return waits;
}

void resolve_take_back(struct engine *e, struct draft *takes_draft)
{
	draft_unpack(takes_draft);
	resolve_add_again(e, takes_draft)->is_again = false;
}

bool resolve_is_parked(const struct engine *e, const struct draft *draft,
                       const struct request *call)
{
	return may_be_parked(e, draft) && parking_before(e, draft, call);
}

/* What was rejected before it holds it up; and what is on its way may be rejected yet. */
static bool is_parked(struct engine *e, struct resolving *r)
{
	struct request *call;
	const char *before;

	if (!may_be_parked(e, r->draft))
		return false;
	call = request_new();
	resolve_lanes(r, call);
	before = parking_before(e, r->draft, call);
	if (before) {
		r->wait = WAIT_PERSON;
		free(r->person);
		r->person = mem_strdup(before);
	} else if (!is_way_free(e, r, call)) {
		r->wait = WAIT_LANE;
		before = "";
	}
	request_free(call);
	return before != NULL;
}

static bool is_open(struct engine *e, char *const *lanes)
{
	struct request *call = request_new();
	bool is_free;

	for (; lanes && *lanes; lanes++)
		request_add_lane(call, *lanes, true);
	is_free = resolve_is_free(e, call);
	request_free(call);
	return !is_free;
}

/*
 * What was sent for an object that is gone comes again, one after the other. The first waits until
 * all of them are back; and who comes behind waits for what is on its way by the same key, since it
 * may be one of them.
 */
static bool waits_for_gone(struct engine *e, struct resolving *r)
{
	char *const gone[] = {r->gone, NULL};

	if (!e->resolve->n_gone)
		return false;
	if (!is_open(e, gone)) {
		e->resolve->n_gone -= r->gone != NULL;
		free(steal(&r->gone));
	}
	if (!r->gone && !(e->resolve->n_gone && is_open(e, r->match_lanes)))
		return false;
	r->wait = WAIT_LANE;
	return true;
}

bool resolve_must_wait(struct engine *e, struct resolving *r)
{
	return waits_ahead(e, r) || is_parked(e, r) || waits_for_gone(e, r);
}
