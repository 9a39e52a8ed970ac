#include "connector/engine/desk_private.h"

#include "connector/close/catalogue.h"
#include "connector/shape/shape.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/plural.h"
#include "lib/test_hooks.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Rejects: taken up again, shaped by the pipeline as it is now or as they were sent, or dropped. */

/* The part's row under its new request; @part's parts are the request's from here on. */
static void give_part(struct request *r, struct desk_row *c)
{
	struct part *p = &r->parts[0];
	char *draft = steal(&p->draft);

	part_deinit(p);
	*p = (struct part){.id = c->row.part.id,
	                   .is_stored = true,
	                   .record = record_ref(c->row.part.record),
	                   .ordinal = c->row.part.ordinal,
	                   .draft = draft,
	                   .generation = c->row.part.generation + 1};
}

/* Why nothing can be tried, whatever the record says: the reject stays as it is. */
static struct request *refuse(struct err *refusal, const char *why)
{
	(void)err_set(refusal, -EINVAL, "%s", why);
	return NULL;
}

/* A new request in all but its content. */
static void make_new(struct request *r)
{
	struct request *fresh = request_new();

	(void)memcpy(r->id, fresh->id, sizeof(r->id));
	request_free(fresh);
	r->seq = 0;
	r->is_stored = false;
	r->state = REQUEST_PLANNED;
	r->attempts = r->resends = r->crash_count = 0;
	r->root = r->root_at = 0;
	answer_deinit(&r->answer);
	free(r->known);
	r->known = NULL;
}

/* Which of its parts it is; the request was found by it. */
static size_t place_of(const struct request *r, uint64_t part)
{
	size_t at = 0;

	while (at + 1 < r->n_parts && r->parts[at].id != part)
		at++;
	return at;
}

static struct request *as_sent(struct desk *desk, struct desk_row *c, struct err *refusal)
{
	struct engine *e = desk->engine;
	struct request *r = NULL, *whole;
	cleanup_(rejection_deinit) struct rejection twin = {0};
	size_t at;

	if (!seen_admits(e, c->row.part.record, refusal))
		return NULL;
	if (!c->row.request || journal_load_request(e->journal, c->row.request, &r, NULL) < 0 ||
	    (r->method != METHOD_DELETE && !r->body)) {
		request_free(r);
		return refuse(refusal, "no request of it is kept; retry without --as-sent shapes "
		                       "its record again");
	}
	at = place_of(r, c->row.part.id);
	if (r->parts[at].draft) { /* others were in its call, or still are */
		whole = r;
		r = batches_cut(e, whole, at, 1, refusal);
		request_free(whole);
		return r;
	}
	make_new(r);
	if (r->identity_field && !intake_claim(e, r, &twin)) {
		request_free(r);
		return refuse(refusal, twin.message);
	}
	return r;
}

static bool has_route(const struct route_set *routes, const char *name)
{
	assert(routes);
	for (size_t i = 0; i < routes->n; i++)
		if (!strcmp(routes->items[i].name, name))
			return true;
	return !*name; /* rejected before it came to a route */
}

/* Why the record of @c cannot be shaped by @pipeline at all; "" if it can. */
static void why_not_shaped(const struct pipeline *pipeline, const struct desk_row *c,
                           struct err *why)
{
	const struct record *record = c->row.part.record;

	*why = (struct err){0};
	if (!record->raw)
		(void)err_set(why, -EINVAL, "%s",
		              record->fault == RECORD_TOO_LONG
		                      ? "the record was too long to keep; split it in the source"
		                      : "its record is gone: `keep` is over");
	else if (!has_route(&pipeline->routes, c->row.route))
		(void)err_set(why, -EINVAL,
		              "its route \"%.200s\" is gone from the pipeline; give the route that "
		              "shall take it this name, or drop it",
		              c->row.route);
}

/* A record that is shaped again. */
struct reshaped {
	const struct route_set *routes;
	struct shape_result result;
	size_t at; /* the item that was rejected; with result.n there is none */
};

/* What was rejected is *@ret_open, where something of it has to be looked up first. */
static struct request *take_output(struct engine *e, struct reshaped *reshaped, struct desk_row *c,
                                   struct draft **ret_open, struct rejection *ret_rejection,
                                   struct err *refusal)
{
	const struct rejected_output was = {.ordinal = c->row.part.ordinal,
	                                    .takes_rest = c->row.part.takes_rest,
	                                    .route = c->row.route};
	struct shape_output *output;

	reshaped->at = shape_find(&reshaped->result, &was);
	if (reshaped->at == reshaped->result.n)
		return refuse(refusal, reshaped->result.n_filtered
		                               ? "its transform drops the record now"
		                               : "no route of the pipeline takes its record any "
		                                 "more");
	output = &reshaped->result.items[reshaped->at];
	if (output->draft && draft_is_open(output->draft)) {
		*ret_open = steal(&output->draft);
		return NULL;
	}
	if (output->draft) {
		(void)offers_take(e, output->draft);
		return intake_request(e, reshaped->routes, steal(&output->draft), ret_rejection);
	}
	*ret_rejection = output->rejection;
	output->rejection = (struct rejection){0};
	return NULL;
}

static struct request *shaped_anew(struct desk *desk, const struct pipeline *pipeline,
                                   struct desk_row *c, struct reshaped *ret_reshaped,
                                   struct draft **ret_open, struct rejection *ret_rejection,
                                   struct err *refusal)
{
	struct record *record = c->row.part.record;
	struct request *r = NULL;
	struct err err;

	why_not_shaped(pipeline, c, refusal);
	if (*refusal->text)
		return NULL;
	record->read_wall_ms = loop_wall_ms(desk->engine->loop);
	record->fault = RECORD_OK;
	if (json_parse(record->raw, record_raw_len(record), 0, &record->value, NULL, &err) < 0 ||
	    !json_object_is_type(record->value, json_type_object)) {
		rejection_set(ret_rejection, REJECT_JSON, NULL, "%s",
		              record->value ? "the record is no JSON object" : err.text);
		return NULL;
	}
	if (seen_admits_named(desk->engine, &pipeline->routes, record, ret_rejection, refusal)) {
		ret_reshaped->routes = &pipeline->routes;
		shape_record(&pipeline->routes, record, &ret_reshaped->result);
		if (!ret_reshaped->result.needs)
			r = take_output(desk->engine, ret_reshaped, c, ret_open, ret_rejection,
			                refusal);
	}
	json_object_put(record->value);
	record->value = NULL;
	return r;
}

static void end_part(struct errand *errand, struct errand_part *mine, const char *message)
{
	mine->has_ended = true;
	errand_result(errand, mine->id, "rejected", NULL, message);
}

/* Shaped again and refused again: the new reason takes the place of the old one. */
static void reject_again(struct engine *e, const struct desk_row *c,
                         const struct reshaped *reshaped, const struct rejection *rejection)
{
	struct part *p = mem_alloc(sizeof(*p));

	*p = c->row.part;
	p->record = record_ref(c->row.part.record);
	p->message = p->field = p->fields = NULL;
	p->generation++;
	if (reshaped->result.n)
		p->takes_rest = reshaped->result.items[reshaped->at].takes_rest;
	outputs_reject(e, p, c->row.route, c->row.operation, rejection);
}

/*
 * What a person gave up may have happened all the same: where it can be looked up by its identity,
 * it is, before it is sent again. Elsewhere the person's word counts.
 */
static void send(struct engine *e, struct request *r, enum reject_class was)
{
	if (was != REJECT_GIVEN_UP || e->pipeline->hold_unknown || !r->identity_field ||
	    !proof_can(e, r)) {
		delivery_submit(e->delivery, r);
		return;
	}
	r->state = REQUEST_UNKNOWN;
	r->known = mem_strdup("A person had given it up; whether Close has it is looked up first.");
	journal_put_request(e->journal, r, NULL, NULL);
	delivery_resume(e->delivery, r);
}

/*
 * What was rejected is sent as @r, or resolved first (@open); with neither of them it is rejected
 * again.
 */
static void take_up(struct engine *e, struct desk_row *c, struct request *r, struct draft *open,
                    struct reshaped *reshaped, const struct rejection *rejection)
{
	struct record *record = c->row.part.record;

	desk_begin_record(e, record);
	if (open) {
		open->part = c->row.part.id;
		open->generation = c->row.part.generation + 1;
		resolve_add(e, open);
	}
	if (r) {
		give_part(r, c);
		send(e, r, c->row.part.class);
	}
	if (c->row.part.takes_rest && reshaped->at + 1 < reshaped->result.n)
		outputs_take_rest(e, reshaped->routes, record, &reshaped->result, reshaped->at + 1,
		                  c->row.part.ordinal + 1, r, open);
	if (!r && !open)
		reject_again(e, c, reshaped, rejection);
}

/* Whatever becomes of the retry, a person's work is kept. */
static void edit_record(struct engine *e, struct desk_row *c, const char *text)
{
	record_edit(c->row.part.record, text);
	journal_edit_record(e->journal, c->row.part.record);
	journal_put_decision(e->journal, "reject", c->row.part.id, "edit", NULL,
	                     loop_wall_ms(e->loop));
	hook_point("record_edited");
}

void desk_begin_retry(struct desk *desk, struct errand *errand, uint64_t id)
{
	struct errand_part *mine = &errand->parts[errand->n_begun++];
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	struct reshaped reshaped = {0};
	struct err refusal = {0};
	struct desk_row c;
	struct draft *open = NULL;
	struct request *r;

	*mine = (struct errand_part){.id = id};
	if (errand_join(desk, errand, mine))
		return;
	desk_row_load(desk->engine->journal, OUTCOME_REJECTED, id, &c);
	if (!c.is_there) {
		end_part(errand, mine, "there is no reject with this id");
		return;
	}
	mine->old_request = c.row.request;
	if (errand->pipeline) {
		errand->pipeline->routes.names = naming_names(desk->engine);
		errand->pipeline->routes.identity_seed = journal_id(desk->engine->journal);
		errand->pipeline->routes.partition_seed = desk->engine->routes.partition_seed;
	}
	if (errand->edited)
		edit_record(desk->engine, &c, errand->edited);
	r = errand->as_sent ? as_sent(desk, &c, &refusal)
	                    : shaped_anew(desk, errand->pipeline, &c, &reshaped, &open, &rejection,
	                                  &refusal);
	hook_point("retry_begins");
	if (*refusal.text) {
		end_part(errand, mine, refusal.text);
	} else if (reshaped.result.needs) { /* begun again when the names are there */
		naming_ask(desk->engine, reshaped.result.needs);
		errand->n_begun--;
	} else {
		take_up(desk->engine, &c, r, open, &reshaped, &rejection);
	}
	shape_result_deinit(&reshaped.result);
	desk_row_deinit(&c);
}

struct id_list {
	uint64_t *ids;
	size_t n, cap;
};

/* A reject and its place among all outputs. */
struct placed_id {
	uint64_t id, stream, pos;
	unsigned ordinal;
};

struct placed_list {
	struct placed_id *items;
	size_t n, cap;
};

static void collect_id(void *arg, const struct part_row *row)
{
	const struct record *record = row->part.record;
	struct placed_list *l = arg;

	l->items = mem_grow(l->items, l->n, &l->cap, sizeof(*l->items));
	l->items[l->n++] = (struct placed_id){.id = row->part.id,
	                                      .stream = record->stream,
	                                      .pos = record->pos,
	                                      .ordinal = row->part.ordinal};
}

static int by_place(const void *a, const void *b)
{
	const struct placed_id *x = a, *y = b;

	if (x->stream != y->stream)
		return x->stream < y->stream ? -1 : 1;
	if (x->pos != y->pos)
		return x->pos < y->pos ? -1 : 1;
	return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

/* As they were read, and not as they were rejected: who links waits for who was before it. */
static struct id_list in_order(struct placed_list *takes_placed)
{
	struct placed_list *placed = takes_placed;
	struct id_list l = {.n = placed->n};

	if (placed->n)
		qsort(placed->items, placed->n, sizeof(*placed->items), by_place);
	l.ids = mem_array(placed->n, sizeof(*l.ids));
	for (size_t i = 0; i < placed->n; i++)
		l.ids[i] = placed->items[i].id;
	free(placed->items);
	return l;
}

/* In the order they were given, each once. */
static struct id_list each_once(const uint64_t *ids)
{
	struct id_list l = {0};

	for (; *ids; ids++) {
		size_t i = 0;

		while (i < l.n && l.ids[i] != *ids)
			i++;
		if (i == l.n) {
			l.ids = mem_grow(l.ids, l.n, &l.cap, sizeof(*l.ids));
			l.ids[l.n++] = *ids;
		}
	}
	return l;
}

static struct id_list select_rejects(struct journal *journal, struct json_object *request)
{
	const char *class = json_get_string(request, "class");
	cleanup_(freep) uint64_t *ids = desk_ids(request);
	struct placed_list l = {0};

	/* Ids that are not there stay in the list: each is answered. */
	if (ids)
		return each_once(ids);
	(void)journal_each_part(journal, OUTCOME_REJECTED, NULL,
	                        class ? reject_class_find(class) : REJECT_NONE, collect_id, &l,
	                        NULL);
	return in_order(&l);
}

struct json_object *desk_load_pipeline(const struct desk *desk, struct json_object *request,
                                       struct pipeline **ret_pipeline)
{
	const struct pipeline *own = desk->engine->pipeline;
	const struct pipeline_options options = {
		.operations = crm_catalogue(), .getenv = own->getenv, .arg = own->getenv_arg};
	const char *text = json_get_string(request, "pipeline_text");
	struct pipeline *pipeline = NULL;
	struct json_object *o;
	struct err err;

	if (!text)
		return desk_refusal(EXIT_USAGE, "the pipeline's text is missing");
	if (pipeline_load_text(own->path, text, strlen(text), &options, &pipeline, &err) < 0)
		return desk_refusal(EXIT_PIPELINE, "%s", err.text);
	if (!pipeline->n_errors)
		return batches_know(desk->engine, pipeline, ret_pipeline, &err) < 0
		               ? desk_refusal(EXIT_LOCAL, "%s", err.text)
		               : NULL;
	o = desk_refusal(EXIT_PIPELINE,
	                 "the pipeline has %zu mistake%s: `closefeed check` shows them",
	                 pipeline->n_errors, plural(pipeline->n_errors, "", "s"));
	pipeline_free(pipeline);
	return o;
}

/* Ids of which not one is a reject are a slip, to be told as such; NULL: one is, or will be. */
static struct json_object *why_none(const struct desk *desk, struct journal *journal,
                                    const struct id_list *ids)
{
	bool is_any = !ids->n; /* all there are, and there is none */

	for (size_t i = 0; i < ids->n && !is_any; i++) {
		struct desk_row c = {0};

		is_any = desk && errand_holder(desk, NULL, ids->ids[i]);
		if (is_any)
			break;
		desk_row_load(journal, OUTCOME_REJECTED, ids->ids[i], &c);
		is_any = c.is_there;
		desk_row_deinit(&c);
	}
	return is_any ? NULL
	              : desk_refusal(EXIT_USAGE,
	                             "there is no reject with %s; `rejects list` shows them",
	                             plural(ids->n, "this id", "any of these ids"));
}

/* Why @text cannot be put in the place of one record; NULL: it can. */
static struct json_object *why_not_edited(const struct desk *desk, const struct id_list *ids,
                                          const char *text)
{
	cleanup_(json_freep) struct json_object *value = NULL;
	struct err err;

	if (ids->n != 1)
		return desk_refusal(EXIT_USAGE, "one record is edited at a time");
	if (errand_holder(desk, NULL, ids->ids[0]))
		return desk_refusal(EXIT_AGAIN, "it is just being sent; look again when that has "
		                                "ended");
	if (json_parse(text, strlen(text), 0, &value, NULL, &err) < 0)
		return desk_refusal(EXIT_USAGE, "the edited record is no JSON: %s", err.text);
	if (!json_object_is_type(value, json_type_object))
		return desk_refusal(EXIT_USAGE, "the edited record is no JSON object");
	return NULL;
}

struct json_object *desk_retry(struct desk *desk, struct json_object *request,
                               struct errand **ret_errand)
{
	const char *edited = json_get_string(request, "edited");
	struct pipeline *pipeline = NULL;
	struct json_object *refusal = NULL;
	struct id_list ids;
	struct errand *errand;

	if (!json_get_bool(request, "as_sent", false))
		refusal = desk_load_pipeline(desk, request, &pipeline);
	if (refusal)
		return refusal;
	ids = select_rejects(desk->engine->journal, request);
	refusal = why_none(desk, desk->engine->journal, &ids);
	if (!refusal && edited)
		refusal = why_not_edited(desk, &ids, edited);
	if (refusal) {
		free(ids.ids);
		return refusal;
	}
	errand = errand_new(desk);
	errand->pipeline = pipeline;
	errand->as_sent = !pipeline;
	errand->edited = mem_strdup(edited);
	errand->ids = ids.ids;
	errand->n_ids = ids.n;
	errand->parts = mem_array(ids.n, sizeof(*errand->parts));
	*ret_errand = errand;
	return NULL;
}

struct json_object *desk_drop(const struct desk *desk, struct journal *journal,
                              struct json_object *request, int64_t wall_ms)
{
	struct id_list ids = select_rejects(journal, request);
	struct json_object *o = why_none(desk, journal, &ids);
	uint64_t n = 0;

	for (size_t i = 0; i < ids.n && !o; i++) {
		struct desk_row c;

		if (desk && errand_holder(desk, NULL, ids.ids[i]))
			continue; /* it is being taken up */
		desk_row_load(journal, OUTCOME_REJECTED, ids.ids[i], &c);
		if (c.is_there) {
			journal_drop_part(journal, ids.ids[i], wall_ms);
			journal_put_decision(journal, "reject", ids.ids[i], "drop", NULL, wall_ms);
			if (desk)
				parking_open(desk->engine, ids.ids[i]);
			n++;
		}
		desk_row_deinit(&c);
	}
	free(ids.ids);
	if (!o) {
		o = json_object_new_object();
		(void)json_object_object_add(o, "dropped", json_object_new_uint64(n));
	}
	return o;
}
