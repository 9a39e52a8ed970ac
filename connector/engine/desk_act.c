#include "connector/engine/desk_private.h"

#include "connector/close/catalogue.h"
#include "connector/shape/shape.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What a person decides: take rejects up again, forget them, say what is true of a held item. A
 * part that is taken up again keeps its row until its new outcome is durable, so a kill in between
 * leaves it as it was.
 */

enum { begun_at_once = 256 };

void errand_result(struct errand *errand, uint64_t id, const char *outcome, const char *object_id,
                   const char *message)
{
	struct json_object *o = json_object_new_object();

	(void)json_object_object_add(o, "id", json_object_new_uint64(id));
	(void)json_object_object_add(o, "outcome", json_object_new_string(outcome));
	if (object_id)
		(void)json_object_object_add(o, "object_id", json_object_new_string(object_id));
	if (message)
		(void)json_object_object_add(o, "message", json_object_new_string(message));
	(void)json_object_array_add(errand->results, o);
	errand->n_ended++;
}

/* Copies of a row that outlive the listing. */
struct chosen {
	struct part_row row;
	bool is_there;
};

static void choose(void *arg, const struct part_row *row)
{
	struct chosen *c = arg;

	c->row = *row;
	c->row.part.record = record_ref(row->part.record);
	c->row.part.message = mem_strdup(row->part.message);
	c->row.part.field = mem_strdup(row->part.field);
	c->row.part.fields = mem_strdup(row->part.fields);
	c->row.route = mem_strdup(row->route);
	c->row.operation = mem_strdup(row->operation);
	c->is_there = true;
}

static void chosen_deinit(struct chosen *c)
{
	if (!c->is_there)
		return;
	part_deinit(&c->row.part);
	free(c->row.route);
	free(c->row.operation);
}

static void load_row(struct journal *journal, enum outcome outcome, uint64_t id, struct chosen *ret)
{
	const uint64_t ids[] = {id, 0};

	*ret = (struct chosen){0};
	(void)journal_each_part(journal, outcome, ids, REJECT_NONE, choose, ret, NULL);
}

/* One decision at a time */

static struct errand_part *part_of(const struct errand *errand, uint64_t id)
{
	for (size_t i = 0; i < errand->n_begun; i++)
		if (errand->parts[i].id == id)
			return &errand->parts[i];
	return NULL;
}

/* The errand other than @but that has begun part @id and is not answered yet, or NULL. */
static struct errand *holder_of(const struct desk *desk, const struct errand *but, uint64_t id)
{
	struct errand *errand = desk->errands;

	while (errand && (errand == but || !part_of(errand, id)))
		errand = errand->next;
	return errand;
}

/* Two people asked for the same part: it is taken up once, and both learn what became of it. */
static bool join(struct desk *desk, struct errand *errand, struct errand_part *mine)
{
	const struct errand *holder = holder_of(desk, errand, mine->id);

	if (!holder)
		return false;
	for (size_t i = 0; i < json_object_array_length(holder->results); i++) {
		struct json_object *result = json_object_array_get_idx(holder->results, i);

		if ((uint64_t)json_get_int(result, "id", 0) != mine->id)
			continue;
		(void)json_object_array_add(errand->results, json_object_get(result));
		mine->has_ended = true;
		errand->n_ended++;
		break;
	}
	return true;
}

/* Taking a reject up again */

static void begin_record(struct record *r)
{
	r->n_open++;
	r->is_settled = true;
	r->keeps_row = false;
	r->worst = OUTCOME_OPEN;
}

/* The part's row under its new request; @part's parts are the request's from here on. */
static void give_part(struct request *r, struct chosen *c)
{
	struct part *p = &r->parts[0];

	part_deinit(p);
	*p = (struct part){.id = c->row.part.id,
	                   .is_stored = true,
	                   .record = record_ref(c->row.part.record),
	                   .ordinal = c->row.part.ordinal,
	                   .generation = c->row.part.generation + 1};
}

/* Why nothing can be tried, whatever the record says: the reject stays as it is. */
static struct request *refuse(struct err *refusal, const char *why)
{
	(void)err_set(refusal, -EINVAL, "%s", why);
	return NULL;
}

static struct request *as_sent(struct desk *desk, struct chosen *c, struct err *refusal)
{
	struct engine *e = desk->engine;
	struct request *r = NULL, *fresh;
	cleanup_(rejection_deinit) struct rejection twin = {0};

	if (!c->row.request || journal_load_request(e->journal, c->row.request, &r, NULL) < 0 ||
	    (r->method != METHOD_DELETE && !r->body)) {
		request_free(r);
		return refuse(refusal, "no request of it is kept; retry without --as-sent shapes "
		                       "its record again");
	}
	/* A new request in all but its content. */
	fresh = request_new();
	(void)memcpy(r->id, fresh->id, sizeof(r->id));
	request_free(fresh);
	while (r->n_parts > 1)
		part_deinit(&r->parts[--r->n_parts]);
	r->seq = 0;
	r->is_stored = false;
	r->state = REQUEST_PLANNED;
	r->attempts = r->resends = r->crash_count = 0;
	answer_deinit(&r->answer);
	free(r->known);
	r->known = NULL;
	if (r->identity_field && !intake_claim(e, r, &twin)) {
		request_free(r);
		return refuse(refusal, twin.message);
	}
	return r;
}

static bool has_route(const struct route_set *routes, const char *name)
{
	for (size_t i = 0; i < routes->n; i++)
		if (!strcmp(routes->items[i].name, name))
			return true;
	return !*name; /* rejected before it came to a route */
}

/* Why the record of @c cannot be shaped by @pipeline at all; "" if it can. */
static void why_not_shaped(const struct pipeline *pipeline, const struct chosen *c, struct err *why)
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

/* The output of @c's part; NULL with a rejection, or with a refusal. */
static struct request *take_output(struct engine *e, struct shape_result *shaped,
                                   const struct chosen *c, struct rejection *ret_rejection,
                                   struct err *refusal)
{
	for (size_t i = 0; i < shaped->n; i++) {
		struct shape_output *output = &shaped->items[i];

		if (output->ordinal != c->row.part.ordinal)
			continue;
		if (output->draft)
			return intake_request(e, steal(&output->draft), ret_rejection);
		*ret_rejection = output->rejection;
		output->rejection = (struct rejection){0};
		return NULL;
	}
	return refuse(refusal, "no route of the pipeline takes its record any more");
}

static struct request *shaped_anew(struct desk *desk, const struct pipeline *pipeline,
                                   struct chosen *c, struct rejection *ret_rejection,
                                   struct err *refusal)
{
	struct record *record = c->row.part.record;
	struct shape_result shaped;
	struct request *r;
	struct err err;

	why_not_shaped(pipeline, c, refusal);
	if (*refusal->text)
		return NULL;
	record->read_wall_ms = loop_wall_ms(desk->engine->loop);
	record->fault = RECORD_OK;
	if (json_parse(record->raw, record->len, 0, &record->value, NULL, &err) < 0 ||
	    !json_object_is_type(record->value, json_type_object)) {
		rejection_set(ret_rejection, REJECT_JSON, NULL, "%s",
		              record->value ? "the record is no JSON object" : err.text);
		return NULL;
	}
	shape_record(&pipeline->routes, record, &shaped);
	r = take_output(desk->engine, &shaped, c, ret_rejection, refusal);
	shape_result_deinit(&shaped);
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
static void reject_again(struct engine *e, const struct chosen *c,
                         const struct rejection *rejection)
{
	struct part *p = mem_alloc(sizeof(*p));

	*p = c->row.part;
	p->record = record_ref(c->row.part.record);
	p->message = p->field = p->fields = NULL;
	p->generation++;
	settle_rejected_part(e, p, c->row.route, c->row.operation, rejection);
}

static void begin_part(struct desk *desk, struct errand *errand, uint64_t id)
{
	struct errand_part *mine = &errand->parts[errand->n_begun++];
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	struct err refusal = {0};
	struct chosen c;
	struct request *r;

	*mine = (struct errand_part){.id = id};
	if (join(desk, errand, mine))
		return;
	load_row(desk->engine->journal, OUTCOME_REJECTED, id, &c);
	if (!c.is_there) {
		end_part(errand, mine, "there is no reject with this id");
		return;
	}
	mine->old_request = c.row.request;
	r = errand->as_sent ? as_sent(desk, &c, &refusal)
	                    : shaped_anew(desk, errand->pipeline, &c, &rejection, &refusal);
	hook_point("retry_begins");
	if (*refusal.text) {
		end_part(errand, mine, refusal.text);
	} else {
		begin_record(c.row.part.record);
		if (r) {
			give_part(r, &c);
			delivery_submit(desk->engine->delivery, r);
		} else {
			reject_again(desk->engine, &c, &rejection);
		}
	}
	chosen_deinit(&c);
}

struct id_list {
	uint64_t *ids;
	size_t n, cap;
};

static void collect_id(void *arg, const struct part_row *row)
{
	struct id_list *l = arg;

	l->ids = mem_grow(l->ids, l->n, &l->cap, sizeof(*l->ids));
	l->ids[l->n++] = row->part.id;
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
	struct id_list l = {0};

	/* Ids that are not there stay in the list: each is answered. */
	if (ids)
		return each_once(ids);
	(void)journal_each_part(journal, OUTCOME_REJECTED, NULL,
	                        class ? reject_class_find(class) : REJECT_NONE, collect_id, &l,
	                        NULL);
	return l;
}

static struct errand *errand_new(struct desk *desk)
{
	struct errand *errand = mem_alloc(sizeof(*errand));

	errand->results = json_object_new_array();
	errand->next = desk->errands;
	desk->errands = errand;
	return errand;
}

struct json_object *desk_retry(struct desk *desk, struct json_object *request,
                               struct errand **ret_errand)
{
	const struct pipeline_options options = {.operations = crm_catalogue()};
	const char *text = json_get_string(request, "pipeline_text");
	struct pipeline *pipeline = NULL;
	struct id_list ids;
	struct errand *errand;
	struct err err;

	if (!json_get_bool(request, "as_sent", false)) {
		if (!text)
			return desk_refusal(EXIT_USAGE, "the pipeline's text is missing");
		if (pipeline_load_text(desk->engine->pipeline->path, text, strlen(text), &options,
		                       &pipeline, &err) < 0)
			return desk_refusal(EXIT_PIPELINE, "%s", err.text);
		if (pipeline->n_errors) {
			struct json_object *o = desk_refusal(
				EXIT_PIPELINE,
				"the pipeline has %zu mistakes: `closefeed check` shows them",
				pipeline->n_errors);

			pipeline_free(pipeline);
			return o;
		}
	}
	ids = select_rejects(desk->engine->journal, request);
	errand = errand_new(desk);
	errand->pipeline = pipeline;
	errand->as_sent = !pipeline;
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
	struct json_object *o = json_object_new_object();
	uint64_t n = 0;

	for (size_t i = 0; i < ids.n; i++) {
		struct chosen c;

		if (desk && holder_of(desk, NULL, ids.ids[i]))
			continue; /* it is being taken up */
		load_row(journal, OUTCOME_REJECTED, ids.ids[i], &c);
		if (c.is_there) {
			journal_drop_part(journal, ids.ids[i]);
			journal_put_decision(journal, "reject", ids.ids[i], "drop", NULL, wall_ms);
			n++;
		}
		chosen_deinit(&c);
	}
	free(ids.ids);
	(void)json_object_object_add(o, "dropped", json_object_new_uint64(n));
	return o;
}

/* Held items */

static void end_parts(struct request *r, enum outcome outcome, const char *message)
{
	for (size_t i = 0; i < r->n_parts; i++) {
		struct part *p = &r->parts[i];

		p->outcome = outcome;
		p->class = outcome == OUTCOME_REJECTED ? REJECT_GIVEN_UP : REJECT_NONE;
		p->generation++;
		free(p->message);
		p->message = mem_strdup(message);
		begin_record(p->record);
	}
}

static void send_held(struct desk *desk, struct errand *errand)
{
	struct engine *e = desk->engine;
	struct chosen c;
	struct request *r = NULL;

	errand->parts[errand->n_begun++] = (struct errand_part){.id = errand->ids[0]};
	load_row(e->journal, OUTCOME_HELD, errand->ids[0], &c);
	if (!c.is_there || journal_load_request(e->journal, c.row.request, &r, NULL) < 0) {
		errand->parts[0].has_ended = true;
		errand_result(errand, errand->ids[0], "held", NULL, "it is held no more");
	} else {
		end_parts(r, OUTCOME_OPEN, NULL);
		r->state = REQUEST_PLANNED;
		r->resends = r->crash_count = 0;
		journal_reopen_request(e->journal, r);
		hook_point("resolve_sends");
		delivery_submit(e->delivery, r);
	}
	chosen_deinit(&c);
}

static void end_held(struct engine *e, struct request *r, const char *object_id)
{
	if (object_id) {
		end_parts(r, OUTCOME_DELIVERED, NULL);
		r->state = REQUEST_APPLIED;
		free(r->object_id);
		r->object_id = mem_strdup(object_id);
	} else {
		end_parts(r, OUTCOME_REJECTED,
		          "a person gave it up; whether Close has it is not known");
		r->state = REQUEST_REFUSED;
	}
	r->ended_wall_ms = loop_wall_ms(e->loop);
	settle_request(e, r);
}

static const char *wrong_decision(const char *action, const char *object_id)
{
	if (!action || (strcmp(action, "applied") != 0 && strcmp(action, "send") != 0 &&
	                strcmp(action, "give-up") != 0))
		return "the decision must be applied, send or give-up";
	if (!strcmp(action, "applied") && (!object_id || !*object_id))
		return "--applied needs the id of the object in Close";
	return NULL;
}

static bool is_being_decided(const struct desk *desk, uint64_t id)
{
	const struct errand *errand = desk->errands;

	while (errand && !(errand->is_resend && errand->ids[0] == id) && !part_of(errand, id))
		errand = errand->next;
	return errand != NULL;
}

struct json_object *desk_resolve(struct desk *desk, struct json_object *request,
                                 struct errand **ret_errand)
{
	struct engine *e = desk->engine;
	const char *action = json_get_string(request, "action");
	const char *object_id = json_get_string(request, "object_id");
	const char *wrong = wrong_decision(action, object_id);
	const uint64_t id = (uint64_t)json_get_int(request, "id", 0);
	struct request *r = NULL;
	struct errand *errand;
	struct chosen c;

	if (wrong)
		return desk_refusal(EXIT_USAGE, "%s", wrong);
	if (is_being_decided(desk, id))
		return desk_refusal(EXIT_AGAIN,
		                    "somebody decided about %llu just now, and that is not "
		                    "finished yet",
		                    (unsigned long long)id);
	load_row(e->journal, OUTCOME_HELD, id, &c);
	if (c.is_there)
		(void)journal_load_request(e->journal, c.row.request, &r, NULL);
	chosen_deinit(&c);
	if (!r || r->state != REQUEST_HELD) {
		request_free(r);
		return desk_refusal(EXIT_USAGE,
		                    "no held item has the id %llu; `held list` shows them",
		                    (unsigned long long)id);
	}

	errand = errand_new(desk);
	errand->n_ids = 1;
	errand->ids = mem_array(1, sizeof(*errand->ids));
	errand->ids[0] = id;
	errand->parts = mem_array(1, sizeof(*errand->parts));
	*ret_errand = errand;
	journal_put_decision(e->journal, "held", id, action, object_id, loop_wall_ms(e->loop));
	hook_point("resolve_asked");
	if (!strcmp(action, "send")) {
		errand->is_resend = true; /* begun when the organization is known to be ours */
		request_free(r);
	} else {
		errand->parts[errand->n_begun++] = (struct errand_part){.id = id};
		end_held(e, r, strcmp(action, "applied") ? NULL : object_id);
	}
	return NULL;
}

void errand_go_on(struct desk *desk, struct errand *errand)
{
	while (errand->n_begun < errand->n_ids &&
	       errand->n_begun - errand->n_ended < begun_at_once) {
		if (errand->is_resend)
			send_held(desk, errand);
		else
			begin_part(desk, errand, errand->ids[errand->n_begun]);
	}
}
