#include "connector/engine/nest.h"

#include "connector/close/lanes.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <stdlib.h>
#include <string.h>

/*
 * What was only remembered is not there any more: it is forgotten, at once or when Close, asked for
 * it, says so (resolve_check.c), and the outputs that were sent by it are resolved anew, once, by
 * what Close says now. Rows of nest may have to go anew for
 * other reasons, too.
 */

struct retaking {
	struct engine *engine;
	struct request *request;
	struct draft **drafts; /* as they were before they were resolved */
	struct part **parts;   /* the same as rows */
	char **doubted;        /* of a call that has one part; see struct resolving */
};

/* Changes of one object go in one call. */
static bool is_merged(const struct draft *d)
{
	return d->route->batch && d->route->batch->algorithm == BATCH_MERGE;
}

/* The draft of part @at before it was resolved; NULL: it was not, or cannot be read. */
static struct draft *draft_before(struct engine *e, const struct request *r, size_t at)
{
	const struct part *p = &r->parts[at];
	struct err err;
	const struct route_set *routes = batches_routes(e, r->config, &err);
	struct draft *d, *before = NULL;

	if (!routes || !p->draft ||
	    draft_parse(p->draft, p->record, p->ordinal, routes, &d, &err) < 0)
		return NULL;
	if (draft_is_open(d))
		before = steal(&d);
	else if (d->unresolved)
		(void)draft_parse(d->unresolved, p->record, p->ordinal, routes, &before, &err);
	else if (e->pipeline->park_rejects && is_merged(d))
		before = steal(&d);
	draft_free(d);
	if (before) {
		before->part = p->id;
		before->generation = p->generation;
		before->number = p->number;
	}
	return before;
}

static void free_retaking(struct retaking *t)
{
	for (size_t i = 0; i < t->request->n_parts; i++) {
		draft_free(t->drafts[i]);
		if (t->parts[i])
			part_deinit(t->parts[i]);
		free(t->parts[i]);
	}
	strlist_free(t->doubted);
	free(t->drafts);
	free(t->parts);
	free(t);
}

/* Of the object that is gone; NULL: it is there. To free(). */
static char *gone_of(const struct request *r)
{
	for (size_t i = 0; r->answer.status == 404 && i < r->n_lanes; i++)
		if (r->lanes[i].is_owner && crm_is_id(r->lanes[i].key))
			return mem_strdup(r->lanes[i].key);
	return NULL;
}

static void come_again(struct retaking *t, struct draft *takes_draft)
{
	struct resolve *resolve = t->engine->resolve;
	struct resolving *r = resolve_add_again(t->engine, takes_draft);

	r->gone = gone_of(t->request);
	r->doubted = steal(&t->doubted);
	resolve->n_gone += r->gone != NULL;
	resolve_close_lanes(t->engine, r);
}

/* Rows of one lead stay together. */
static void take_up(struct retaking *t)
{
	const size_t n = t->request->n_parts;
	struct draft **rows = mem_array(n, sizeof(struct draft *));
	size_t n_rows = 0;

	for (size_t i = 0; i < n; i++) {
		if (t->drafts[i] && nest_is_row(t->drafts[i]))
			rows[n_rows++] = steal(&t->drafts[i]);
		else if (t->drafts[i])
			come_again(t, steal(&t->drafts[i]));
	}
	if (n_rows)
		come_again(t, nest_fold(rows, n_rows));
	else
		free(rows);
}

static void is_taken_back(void *arg, int r)
{
	struct retaking *t = arg;
	struct request *request = t->request;

	(void)r; /* only INTENTs can fail for want of space */
	hook_point("retaken");
	resolve_lanes_opened(t->engine, request);
	t->engine->resolve->n_retaking--;
	take_up(t);
	free_retaking(t);
	request_free(request);
}

static bool is_about(const struct draft *d, const char *id)
{
	struct request *call = request_new();
	bool is = false;

	crm_lanes(d, call);
	for (size_t i = 0; i < call->n_lanes; i++)
		is |= call->lanes[i].is_owner && !strcmp(call->lanes[i].key, id);
	request_free(call);
	return is;
}

/* As it was before it was resolved; NULL: it was resolved by more than memory. */
static struct draft *unresolved_of(struct engine *e, const struct draft *d)
{
	struct err err;
	const struct route_set *routes = batches_routes(e, batches_config(e, d->route), &err);
	struct draft *before;

	if (!d->unresolved || d->n_rows || !routes ||
	    draft_parse(d->unresolved, d->record, d->ordinal, routes, &before, &err) < 0)
		return NULL;
	before->part = d->part;
	before->generation = d->generation;
	before->number = d->number;
	return before;
}

/* What would be sent for the object that is gone is looked up with what was. */
static void look_up_again(struct engine *e, const char *id)
{
	struct resolve *resolve = e->resolve;

	for (struct resolving *r = resolve->aside_first; r; r = r->behind) {
		struct draft *before;

		if (r->n_findings || r->nest_lead || r->wait == WAIT_LISTS || r->gone ||
		    !is_about(r->draft, id) || !(before = unresolved_of(e, r->draft)))
			continue;
		r->gone = mem_strdup(id);
		resolve->n_gone++;
		resolve_start_anew(e, r, before);
	}
}

void resolve_forget(struct engine *e, const char *id)
{
	journal_forget_object(e->journal, id);
	look_up_again(e, id);
}

/* A 404 for several (a merge) does not say which of them is gone. */
static void forget_targets(struct engine *e, const struct request *r, char ***doubted)
{
	char **ids = NULL;

	for (size_t i = 0; i < r->n_lanes; i++)
		if (r->lanes[i].is_owner && crm_is_id(r->lanes[i].key))
			strlist_add(&ids, mem_strdup(r->lanes[i].key));
	for (char **id = ids; id && *id; id++) {
		if (strlist_len(ids) == 1)
			resolve_forget(e, *id);
		else
			resolve_doubt_object(doubted, r->object, *id);
	}
	strlist_free(ids);
}

static struct part *row_of(const struct part *p, const struct draft *before)
{
	struct part *row = mem_alloc(sizeof(*row));

	*row = (struct part){.id = p->id,
	                     .is_stored = true,
	                     .record = record_ref(p->record),
	                     .ordinal = p->ordinal,
	                     .generation = p->generation,
	                     .draft = draft_text(before)};
	return row;
}

static bool has_custom(const struct lookup *lookup)
{
	for (size_t k = 0; k < lookup->n_keys; k++)
		if (rename_has_custom(&lookup->keys[k]))
			return true;
	return false;
}

static bool is_by_custom(const struct draft *draft)
{
	bool any = draft->match && has_custom(draft->match);

	for (size_t i = 0; !any && i < draft->n_links; i++)
		any = has_custom(&draft->links[i].lookup);
	return any || (draft->update && is_by_custom(draft->update));
}

bool resolve_was_found_by_name(struct engine *e, const struct request *request)
{
	bool any = false, is_whole = request->is_remembered && !hook_without("retake");

	for (size_t i = 0; is_whole && i < request->n_parts; i++) {
		struct draft *before = draft_before(e, request, i);

		is_whole = before != NULL;
		any |= before && is_by_custom(before);
		draft_free(before);
	}
	return is_whole && any;
}

bool resolve_goes_singly(struct engine *e, const struct request *request)
{
	bool is_whole = e->pipeline->park_rejects && request->n_parts > 1 &&
	                !hook_without("park") && !hook_without("retake");

	for (size_t i = 0; is_whole && i < request->n_parts; i++) {
		struct draft *before = draft_before(e, request, i);

		is_whole = before && is_merged(before);
		draft_free(before);
	}
	return is_whole;
}

/*
 * Close's error about @field says that what its id names is not there. It calls lead_id "lead",
 * too.
 */
static bool is_said_gone(struct json_object *answer, const char *field)
{
	struct json_object *errors = json_get(answer, "field-errors");
	const size_t len = strlen(field);
	const bool is_id = len > 3 && !strcmp(field + len - 3, "_id");
	cleanup_(freep) char *object = mem_dup(field, is_id ? len - 3 : len);
	const char *message = json_get_string(errors, field);

	if (!message)
		message = json_get_string(errors, object);
	return message && strcasestr(message, "does not exist");
}

/* As deep as an upsert has forms: two. NOLINTBEGIN(misc-no-recursion) */
/*
 * Whether objects of links of @before are gone, by what @body has in their fields; they are added
 * to @doubted.
 */
static bool each_gone(const struct draft *before, struct json_object *body,
                      struct json_object *answer, char ***doubted)
{
	bool any = false;

	for (size_t i = 0; i < before->n_links; i++) {
		const struct draft_link *link = &before->links[i];
		const char *id = json_get_string(body, link->field);

		if (link->is_in_url || !id || !is_said_gone(answer, link->field))
			continue;
		any = true;
		resolve_doubt_object(doubted, link->takes_lead ? "lead" : link->lookup.kind, id);
	}
	return any || (before->update && each_gone(before->update, body, answer, doubted));
}

/* NOLINTEND(misc-no-recursion) */

static bool links_are_gone(struct engine *e, const struct request *r, struct json_object *answer,
                           char ***doubted)
{
	cleanup_(json_freep) struct json_object *body = NULL;
	struct draft *before;
	bool any;

	if (!r->is_remembered || r->answer.status != 400 || r->n_parts != 1 || !r->body ||
	    json_parse(r->body, r->body_len, 0, &body, NULL, NULL) < 0)
		return false;
	before = draft_before(e, r, 0);
	any = before && each_gone(before, body, answer, doubted);
	draft_free(before);
	return any;
}

bool resolve_links_are_gone(struct engine *e, const struct request *request,
                            struct json_object *answer)
{
	char **doubted = NULL;
	const bool are = !hook_without("retake") && links_are_gone(e, request, answer, &doubted);

	strlist_free(doubted);
	return are;
}

/* They may be, or only do not go with the others that are named beside them. */
static void doubt_links(struct engine *e, const struct request *request, char ***doubted)
{
	cleanup_(json_freep) struct json_object *answer = NULL;

	if (request->answer.body &&
	    json_parse(request->answer.body, request->answer.body_len, 0, &answer, NULL, NULL) == 0)
		(void)links_are_gone(e, request, answer, doubted);
}

bool resolve_retake(void *arg, struct request *request)
{
	struct engine *e = arg;
	struct retaking *t = mem_alloc(sizeof(*t));
	bool is_whole = !hook_without("retake");

	*t = (struct retaking){.engine = e,
	                       .request = request,
	                       .drafts = mem_array(request->n_parts, sizeof(struct draft *)),
	                       .parts = mem_array(request->n_parts, sizeof(struct part *))};
	for (size_t i = 0; is_whole && i < request->n_parts; i++) {
		t->drafts[i] = draft_before(e, request, i);
		is_whole = t->drafts[i] != NULL;
	}
	if (!is_whole) {
		free_retaking(t);
		return false;
	}
	nest_settle_on(request, t->drafts);
	for (size_t i = 0; i < request->n_parts; i++)
		t->parts[i] = row_of(&request->parts[i], t->drafts[i]);
	if (request->answer.status == 404)
		forget_targets(e, request, &t->doubted);
	else
		doubt_links(e, request, &t->doubted);
	if (request->identity_field)
		identities_release(e->identities, request);
	e->resolve->n_retaking++;
	journal_retake_request(e->journal, request, t->parts, is_taken_back, t);
	nest_reject_refused(e, request, t->drafts);
	return true;
}
