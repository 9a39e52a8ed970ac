#include "connector/engine/resolve_private.h"

#include "connector/close/lanes.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

/*
 * Lists that are added to, and updates that may change nothing: what the object has now is only
 * known while no call about it is on its way, so they wait till its lane is free.
 */

const char resolve_unchanged[] = "nothing changes: Close has all of it already";

void resolve_own_body(struct draft *d)
{
	struct json_object *own = json_object_new_object();

	if (json_object_is_type(d->body, json_type_object)) {
		json_object_object_foreach(d->body, key, value)
		{
			json_object_object_add(own, key, json_object_get(value));
		}
	}
	json_object_put(d->body);
	d->body = own;
}

/* What the last call about it was answered is not written down yet. */
static bool is_ending(const struct engine *e, const char *lane)
{
	for (size_t i = 0; i < e->n_ending; i++)
		for (size_t k = 0; k < e->ending[i]->n_lanes; k++)
			if (!strcmp(e->ending[i]->lanes[k].key, lane))
				return true;
	return false;
}

bool resolve_is_at_rest(const struct engine *e, const struct request *call)
{
	bool is_free = true;

	for (size_t i = 0; is_free && i < call->n_lanes; i++)
		is_free = !call->lanes[i].is_owner ||
		          (delivery_is_free(e->delivery, &call->lanes[i], 1, true) &&
		           !is_ending(e, call->lanes[i].key));
	return is_free;
}

bool resolve_is_free(struct engine *e, const struct request *call)
{
	batches_clear_way(e, call, NULL);
	return resolve_is_at_rest(e, call);
}

static bool is_target_free(struct engine *e, const struct draft *d)
{
	struct request *call = request_new();
	bool is_free;

	crm_lanes(d, call);
	is_free = resolve_is_free(e, call);
	request_free(call);
	return is_free;
}

static bool folds_first(const struct draft *d)
{
	return d->route->batch && d->route->batch->algorithm == BATCH_MERGE;
}

/* It has one of the lists that are added to. */
static bool adds_to_lists(const struct draft *d)
{
	for (char **field = d->route->append; field && *field; field++)
		if (json_object_object_get_ex(d->body, *field, NULL))
			return true;
	return false;
}

struct reading {
	struct engine *engine;
	struct resolving *of;
};

static void lists_came(void *arg, const struct http_answer *answer)
{
	struct reading *reading = arg;
	struct resolving *r = reading->of;

	if (answer) { /* else it stopped, and said why */
		hook_point("lists_answered");
		r->is_reading = false;
		r->lists_status = (unsigned)answer->status;
		(void)json_parse(answer->body, answer->body_len, 0, &r->lists, NULL, NULL);
		resolve_wake(reading->engine, r);
	}
	free(reading);
}

void resolve_read_lists(struct engine *e, struct resolving *r, const char *url, char *const *fields)
{
	struct reading *reading = mem_alloc(sizeof(*reading));
	const struct delivery_call call = {
		.method = CALL_GET,
		.group = "default",
		.url = crm_lists_url(url, fields),
		.done = lists_came,
		.arg = reading,
	};

	*reading = (struct reading){.engine = e, .of = r};
	r->wait = WAIT_LISTS;
	r->is_reading = true;
	delivery_ask(e->delivery, &call);
}

void resolve_begin_lists(struct engine *e, struct draft *create)
{
	const struct route *update = create->route->update;
	cleanup_(json_freep) struct json_object *shown = NULL;

	if (!update || !update->append)
		return;
	resolve_own_body(create);
	if (!create->written)
		create->written = json_object_new_object();
	shown = spellings_in(e, create->body);
	(void)crm_lists_append(NULL, update->append, create->body, create->written, shown);
}

static enum step add_to_lists(struct engine *e, struct resolving *r)
{
	struct draft *d = r->draft;
	cleanup_(json_freep) struct json_object *shown = NULL;

	if (r->lists_status == 404)
		return STEP_ON; /* the update will say so, too */
	if (r->lists_status / 100 != 2 || !json_object_is_type(r->lists, json_type_object)) {
		resolve_reject(
			e, r, r->lists_status == 403 ? REJECT_PERMISSION : REJECT_UNEXPECTED_ANSWER,
			d->route->append[0],
			"the lists to add to cannot be read: Close answered %u", r->lists_status);
		return STEP_GONE;
	}
	resolve_own_body(d);
	if (!d->written)
		d->written = json_object_new_object();
	shown = spellings_in(e, d->body);
	(void)crm_lists_append(r->lists, d->route->append, d->body, d->written, shown);
	if (json_object_object_length(d->body))
		return STEP_ON;
	resolve_skip(e, r, "nothing changes: the lists have all of it already");
	return STEP_GONE;
}

/* The id that stands in the URL; NULL: none. To free(). */
static char *target_of(const struct draft *d)
{
	struct request *call = request_new();
	char *id = NULL;

	crm_lanes(d, call);
	for (size_t i = 0; !id && i < call->n_lanes; i++)
		if (call->lanes[i].is_owner && crm_is_id(call->lanes[i].key))
			id = mem_strdup(call->lanes[i].key);
	request_free(call);
	return id;
}

static bool is_unchanged(struct engine *e, const struct draft *d)
{
	cleanup_(freep) char *id = d->route->skip_unchanged ? target_of(d) : NULL;

	return id && remember_is_unchanged(e, d, id);
}

bool resolve_fold_is_unchanged(struct engine *e, const struct draft *first,
                               const struct request *fold)
{
	cleanup_(json_freep) struct json_object *body = NULL;
	struct draft folded = *first;

	if (!folds_first(first) || !resolve_is_at_rest(e, fold) || !fold->body ||
	    json_parse(fold->body, fold->body_len, 0, &body, NULL, NULL) < 0)
		return false;
	folded.body = body;
	return is_unchanged(e, &folded);
}

/*
 * An update that is folded with others waits in gather, and what they come to is compared there. It
 * may be, since nothing about their object is sent before them.
 */
static enum step settle_in_fold(struct engine *e, struct resolving *r)
{
	struct request *call = request_new();
	bool is_free;

	crm_lanes(r->draft, call);
	batches_clear_way(e, call, r->draft);
	is_free = resolve_is_at_rest(e, call);
	request_free(call);
	r->draft->is_settled_on = is_free;
	r->wait = is_free ? WAIT_NOTHING : WAIT_LANE;
	return is_free ? STEP_ON : STEP_WAIT;
}

enum step resolve_settle_on(struct engine *e, struct resolving *r)
{
	struct draft *d = r->draft;
	const bool adds = adds_to_lists(d);
	enum step step;

	if (folds_first(d) && !adds)
		return settle_in_fold(e, r);
	if (!is_target_free(e, d)) {
		r->wait = WAIT_LANE;
		return STEP_WAIT;
	}
	if (adds && !r->lists_status) {
		resolve_read_lists(e, r, d->url, d->route->append);
		return STEP_WAIT;
	}
	if (adds) {
		step = add_to_lists(e, r);
		if (step != STEP_ON)
			return step;
	}
	if (is_unchanged(e, d)) {
		resolve_skip(e, r, "%s", resolve_unchanged);
		return STEP_GONE;
	}
	d->is_settled_on = true;
	return STEP_ON;
}
