#include "connector/engine/nest.h"

#include "connector/close/catalogue.h"
#include "connector/close/class.h"
#include "connector/close/group.h"
#include "connector/close/lanes.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Drafts that share calls: they wait in gather, become one request, and where Close refuses that
 * one as a whole, two halves of it. What waits is volatile as all that was read and has no INTENT.
 */

void batches_open(struct engine *e)
{
	e->gather = gather_new();
	e->waiting = waiting_new();
}

static void free_group(struct engine *e, struct draft **drafts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		waiting_remove(e->waiting, drafts[i]);
		draft_free(drafts[i]);
	}
	free(drafts);
}

void batches_close(struct engine *e)
{
	struct draft **drafts;
	size_t n;

	while (e->gather && (n = gather_take(e->gather, 0, true, &drafts)))
		free_group(e, drafts, n);
	gather_free(e->gather);
	waiting_free(e->waiting);
	for (size_t i = 0; i < e->n_versions; i++)
		pipeline_free(e->versions[i].pipeline);
	free(e->versions);
}

/* Versions of the pipeline: a draft belongs to the one that rendered it. */

static struct pipeline *load_version(struct engine *e, uint64_t config, struct err *err)
{
	const struct pipeline_options options = {.operations = crm_catalogue(),
	                                         .getenv = e->pipeline->getenv,
	                                         .arg = e->pipeline->getenv_arg};
	cleanup_(freep) char *text = journal_config_text(e->journal, config);
	struct pipeline *pipeline = NULL;

	if (!text) {
		(void)err_set(err, -ENOENT, "the pipeline that rendered it is not kept any more");
		return NULL;
	}
	if (pipeline_load_text(e->pipeline->path, text, strlen(text), &options, &pipeline, err) < 0)
		return NULL;
	if (!pipeline->n_errors)
		return pipeline;
	(void)err_set(err, -EINVAL,
	              "the pipeline that rendered it cannot be read any more; its first mistake: "
	              "%.300s",
	              pipeline->notes[0].text);
	pipeline_free(pipeline);
	return NULL;
}

/* The version with this number; a new one has no pipeline. */
static struct version *get_version(struct engine *e, uint64_t config)
{
	size_t i = 0;

	while (i < e->n_versions && e->versions[i].config != config)
		i++;
	if (i == e->n_versions) {
		e->versions = mem_resize(e->versions, ++e->n_versions, sizeof(*e->versions));
		e->versions[i] = (struct version){.config = config};
	}
	return &e->versions[i];
}

const struct route_set *batches_routes(struct engine *e, uint64_t config, struct err *err)
{
	struct version *v;

	if (config == e->config_id)
		return &e->pipeline->routes;
	v = get_version(e, config);
	if (!v->pipeline && !*v->trouble.text) /* not tried yet */
		v->pipeline = load_version(e, config, &v->trouble);
	if (v->pipeline)
		return &v->pipeline->routes;
	*err = v->trouble;
	return NULL;
}

int batches_know(struct engine *e, struct pipeline *takes_pipeline, struct pipeline **ret_pipeline,
                 struct err *err)
{
	struct version *v;
	uint64_t config;
	int r = journal_config(e->journal, takes_pipeline->sha256, takes_pipeline->text, &config,
	                       err);

	if (r < 0) {
		pipeline_free(takes_pipeline);
		return r;
	}
	v = get_version(e, config);
	if (v->pipeline)
		pipeline_free(takes_pipeline);
	else
		v->pipeline = takes_pipeline;
	*ret_pipeline = v->pipeline;
	return 0;
}

/* The version @route is of; NULL: the one that runs. */
static const struct version *version_of(const struct engine *e, const struct route *route)
{
	for (size_t i = 0; i < e->n_versions; i++)
		if (e->versions[i].pipeline &&
		    route_set_has(&e->versions[i].pipeline->routes, route))
			return &e->versions[i];
	return NULL;
}

uint64_t batches_config(const struct engine *e, const struct route *route)
{
	const struct version *v = version_of(e, route);

	return v ? v->config : e->config_id;
}

/* One call of several drafts */

static void add_lanes(struct request *r, struct draft *const *drafts, size_t n)
{
	cleanup_(freep) char *url = mem_printf("batch %s %s", http_method_name(r->method), r->url);

	/* First, since it is what events of the call are ordered by; of merge that is the object.
	 */
	if (drafts[0]->route->batch->algorithm != BATCH_MERGE)
		request_add_lane(r, url, true);
	for (size_t i = 0; i < n; i++)
		crm_lanes(drafts[i], r);
}

/* As careful as the most delicate of its records needs it. */
static enum delivery_class class_of(const struct request *r, struct draft *const *drafts, size_t n)
{
	const struct operation *op = drafts[0]->op;

	for (size_t i = 0; i < n; i++)
		if (crm_delivery_class(op, r->method, drafts[i]->body) == CLASS_D)
			return CLASS_D;
	return crm_delivery_class(op, r->method, drafts[0]->body);
}

struct request *batches_request(struct engine *e, const struct route_set *routes,
                                struct draft *const *drafts, size_t n,
                                struct rejection *ret_rejection)
{
	struct request *r = gather_batch(drafts, n, routes->jq, ret_rejection);
	char group[crm_group_name_size];

	if (!r)
		return NULL;
	r->config = batches_config(e, drafts[0]->route);
	r->group = mem_strdup(crm_group_name(http_method_name(r->method), r->url, group));
	r->class = class_of(r, drafts, n);
	add_lanes(r, drafts, n);
	for (size_t i = 0; i < n; i++) {
		r->parts[i].id = drafts[i]->part;
		r->parts[i].generation = drafts[i]->generation;
		r->parts[i].number = drafts[i]->number;
		r->is_remembered |= drafts[i]->unresolved != NULL;
	}
	return r;
}

/* What waits */

static void reject_group(struct engine *e, struct draft *const *drafts, size_t n,
                         const struct rejection *rejection)
{
	for (size_t i = 0; i < n; i++)
		outputs_reject(e, draft_part(drafts[i]), drafts[i]->route->name,
		               draft_operation(drafts[i]), rejection);
}

static void skip_group(struct engine *e, struct draft *const *drafts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		outputs_skip(e, draft_part(drafts[i]), drafts[i]->route->name,
		             draft_operation(drafts[i]), resolve_unchanged);
}

static void send_call(struct engine *e, struct draft *const *drafts, size_t n)
{
	const struct version *v = version_of(e, drafts[0]->route);
	const struct route_set *routes = v ? &v->pipeline->routes : &e->pipeline->routes;
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	struct request *r = batches_request(e, routes, drafts, n, &rejection);

	if (r && resolve_fold_is_unchanged(e, drafts[0], r)) {
		skip_group(e, drafts, n);
		request_free(r);
	} else if (r) {
		outputs_have(r);
		delivery_submit(e->delivery, r);
	} else {
		reject_group(e, drafts, n, &rejection);
	}
}

static void send_group(struct engine *e, struct draft **takes_drafts, size_t n)
{
	size_t n_call;

	hook_point("batch_taken");
	if (nest_is_row(takes_drafts[0])) {
		for (size_t i = 0; i < n; i++)
			waiting_remove(e->waiting, takes_drafts[i]);
		nest_send(e, takes_drafts, n);
		return;
	}
	if (resolve_has_to_wait(e, takes_drafts[0])) {
		for (size_t i = 0; i < n; i++) {
			waiting_remove(e->waiting, takes_drafts[i]);
			resolve_take_back(e, takes_drafts[i]);
		}
		free(takes_drafts);
		return;
	}
	for (size_t i = 0; i < n; i += n_call) {
		n_call = folding_n(e, takes_drafts + i, n - i);
		send_call(e, takes_drafts + i, n_call);
	}
	free_group(e, takes_drafts, n);
}

/* Sends the groups up to that of @draft, oldest first. */
static void send_up_to(struct engine *e, const struct draft *draft)
{
	bool is_there = false;

	while (!is_there) {
		struct draft **drafts;
		const size_t n = gather_take(e->gather, loop_now_ms(e->loop), true, &drafts);

		for (size_t i = 0; i < n; i++)
			is_there |= drafts[i] == draft;
		assert(n > 0);
		send_group(e, drafts, n);
	}
}

void batches_clear_way(struct engine *e, const struct request *call, const struct draft *joining)
{
	const struct draft *obstacle;

	if (hook_without("way"))
		return;
	while ((obstacle = waiting_before(e->waiting, call, joining)))
		send_up_to(e, obstacle);
}

void batches_add(struct engine *e, struct draft *takes_draft)
{
	struct request *call = request_new();

	if (nest_is_row(takes_draft)) /* what it offers counts from its coming in */
		(void)offers_take(e, takes_draft);
	crm_lanes(takes_draft, call);
	batches_clear_way(e, call, takes_draft);
	waiting_add(e->waiting, takes_draft, call);
	request_free(call);
	gather_add(e->gather, takes_draft, loop_now_ms(e->loop));
}

/* All that was read is here, so nobody comes any more whom the groups might wait for. */
static bool is_end(const struct engine *e)
{
	return e->input_ended && (!resolve_n(e) || resolve_is_stuck(e));
}

void batches_turn(struct engine *e, bool is_over_budget)
{
	struct draft **drafts;
	size_t n;

	if (e->is_stopping)
		return; /* it is read again, or kept as rows */
	while (intake_has_room(e) &&
	       (n = gather_take(e->gather, loop_now_ms(e->loop), is_end(e), &drafts)))
		send_group(e, drafts, n);
	/* Reading waits for what waits for others, and nobody else will make room. */
	if (is_over_budget && delivery_is_idle(e->delivery) &&
	    (n = gather_take(e->gather, loop_now_ms(e->loop), true, &drafts)))
		send_group(e, drafts, n);
}

uint64_t batches_due_ms(const struct engine *e)
{
	return e->is_stopping || !intake_has_room(e) ? 0 : gather_due_ms(e->gather);
}

size_t batches_n(const struct engine *e)
{
	return gather_n(e->gather);
}

/* Halves */

/* The drafts of @n parts of @whole from number @from; NULL: one cannot be made again. */
static struct draft **drafts_of(const struct request *whole, size_t from, size_t n,
                                const struct route_set *routes, struct err *err)
{
	struct draft **drafts = mem_array(n, sizeof(struct draft *));

	for (size_t i = 0; i < n; i++) {
		const struct part *p = &whole->parts[from + i];

		if (!p->draft ||
		    draft_parse(p->draft, p->record, p->ordinal, routes, &drafts[i], err) < 0) {
			while (i)
				draft_free(drafts[--i]);
			free(drafts);
			return NULL;
		}
		drafts[i]->part = p->id;
		drafts[i]->generation = p->generation;
	}
	return drafts;
}

struct request *batches_cut(struct engine *e, const struct request *whole, size_t from, size_t n,
                            struct err *err)
{
	const struct route_set *routes = batches_routes(e, whole->config, err);
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	struct draft **drafts = routes ? drafts_of(whole, from, n, routes, err) : NULL;
	struct request *r;

	if (!drafts)
		return NULL;
	r = batches_request(e, routes, drafts, n, &rejection);
	for (size_t i = 0; i < n; i++)
		draft_free(drafts[i]);
	free(drafts);
	if (!r) {
		(void)err_set(err, -EINVAL, "%s", rejection.message);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		r->parts[i].is_stored = whole->parts[from + i].is_stored;
	return r;
}

/* @request is not ours, but what its parts say is still to be told. */
static void say_why_whole(const struct request *request, const struct err *err)
{
	for (size_t i = 0; i < request->n_parts; i++) {
		struct part *p = &request->parts[i];
		char *message;

		if (p->outcome != OUTCOME_REJECTED)
			continue;
		message = mem_printf("%s (with it the others of its call are rejected, "
		                     "because it cannot be divided: %s)",
		                     p->message ? p->message : "", err->text);

		free(p->message);
		p->message = message;
	}
}

/* Where it is cut: in the middle, or behind what goes without a list that was refused. */
static size_t first_half(struct engine *e, const struct request *whole)
{
	struct err err;
	const struct route_set *routes = batches_routes(e, whole->config, &err);
	struct draft **drafts =
		routes && e->adds_singly ? drafts_of(whole, 0, whole->n_parts, routes, &err) : NULL;
	const size_t n = drafts ? folding_n(e, drafts, whole->n_parts) : whole->n_parts;

	for (size_t i = 0; drafts && i < whole->n_parts; i++)
		draft_free(drafts[i]);
	free(drafts);
	return n < whole->n_parts ? n : whole->n_parts / 2;
}

bool batches_halve(void *arg, const struct request *request, struct request **ret_first,
                   struct request **ret_second)
{
	struct engine *e = arg;
	cleanup_(freep) char *nest = nest_text_of_part(request, 0);
	const size_t n = first_half(e, request);
	struct request *first, *second;
	struct err err = {0};

	if (nest) /* two halves would be two leads */
		return false;
	first = batches_cut(e, request, 0, n, &err);
	second = first ? batches_cut(e, request, n, request->n_parts - n, &err) : NULL;
	if (!second) {
		request_free(first);
		say_why_whole(request, &err);
		return false;
	}
	*ret_first = first;
	*ret_second = second;
	return true;
}
