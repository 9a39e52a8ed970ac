#include "connector/engine/nest.h"

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <assert.h>
#include <stdlib.h>

/*
 * The account of a record that gives several outputs. While none of them is durable, a kill forgets
 * them all and the record is read again. With the first that becomes durable all others must, or
 * a restart would take the record for finished where it is not: a record with parts is never shaped
 * again. A call of several records ties their accounts together, so this goes on from record to
 * record; all that is volatile is bounded, and so is this.
 */

static struct record_output *output_of(struct record *record, unsigned ordinal)
{
	if (!record->outputs)
		return NULL;
	assert(ordinal < record->n_outputs);
	return &record->outputs[ordinal];
}

void outputs_forget(struct record *record)
{
	free(record->outputs);
	record->outputs = NULL;
	record->n_outputs = 0;
}

void outputs_wait(struct draft *draft)
{
	struct record_output *o = output_of(draft->record, draft->ordinal);

	if (o)
		*o = (struct record_output){.draft = draft};
}

void outputs_have(struct request *request)
{
	for (size_t i = 0; i < request->n_parts; i++) {
		struct part *p = &request->parts[i];
		struct record_output *o = output_of(p->record, p->ordinal);

		if (o)
			*o = (struct record_output){.request = request};
	}
}

/* Storing what others are tied to */

/* What is stored together, until it is durable or was not. */
struct storing {
	struct engine *engine;
	bool goes_with_intent;
	const struct request *first; /* stored by its owner; NULL: an output without a request */
	struct record **records;
	size_t n_records, cap_records;
	struct request **requests;
	size_t n_requests, cap_requests;
	struct part **waiting;
	size_t n_waiting, cap_waiting;
	size_t n_asked; /* changes that are not done */
};

static void finish(struct storing *s, bool is_durable)
{
	for (size_t i = 0; i < s->n_records; i++) {
		s->records[i]->is_asked = false;
		if (is_durable)
			outputs_forget(s->records[i]);
		record_unref(s->records[i]);
	}
	for (size_t i = 0; i < s->n_waiting; i++) {
		part_deinit(s->waiting[i]);
		free(s->waiting[i]);
	}
	free(s->records);
	free(s->requests);
	free(s->waiting);
	free(s);
}

static void is_done(void *arg, int r)
{
	struct storing *s = arg;

	/* They fail all together, for want of space, and the next INTENT tries again. */
	if (!--s->n_asked)
		finish(s, r >= 0);
}

static void tie_record(struct storing *s, struct record *record)
{
	if (!record->outputs || record->is_asked)
		return;
	record->is_asked = true;
	s->records = mem_grow(s->records, s->n_records, &s->cap_records, sizeof(struct record *));
	s->records[s->n_records++] = record_ref(record);
}

static void tie_records_of(struct storing *s, const struct request *request)
{
	for (size_t i = 0; i < request->n_parts; i++)
		tie_record(s, request->parts[i].record);
}

static bool is_asked(const struct storing *s, const struct request *request)
{
	for (size_t i = 0; i < s->n_requests; i++)
		if (s->requests[i] == request)
			return true;
	return request == s->first;
}

static void store_request(struct storing *s, struct request *request)
{
	if (is_asked(s, request))
		return;
	s->requests =
		mem_grow(s->requests, s->n_requests, &s->cap_requests, sizeof(struct request *));
	s->requests[s->n_requests++] = request;
	s->n_asked++;
	journal_put_planned(s->engine->journal, request, s->goes_with_intent, is_done, s);
	tie_records_of(s, request);
}

static void store_draft(struct storing *s, struct draft *draft)
{
	const struct route *route = draft->route;
	struct part *p = draft_part(draft);

	p->draft = draft_text(draft);
	s->waiting = mem_grow(s->waiting, s->n_waiting, &s->cap_waiting, sizeof(struct part *));
	s->waiting[s->n_waiting++] = p;
	s->n_asked++;
	journal_put_waiting(s->engine->journal, p, route->name, draft_operation(draft),
	                    batches_config(s->engine, route), s->goes_with_intent, is_done, s);
	draft->part = p->id;
}

static struct storing *storing_new(struct engine *e, bool goes_with_intent,
                                   const struct request *first)
{
	struct storing *s = mem_alloc(sizeof(*s));

	s->engine = e;
	s->goes_with_intent = goes_with_intent;
	s->first = first;
	return s;
}

/* @alone, which waits, is the only output of its record; NULL: there is none. */
static void store(struct storing *s, struct draft *alone)
{
	s->n_asked = 1; /* ours */
	if (alone && !alone->record->outputs)
		store_draft(s, alone);
	for (size_t i = 0; i < s->n_records; i++) {
		const struct record *record = s->records[i];

		for (unsigned k = 0; k < record->n_outputs; k++) {
			if (record->outputs[k].request)
				store_request(s, record->outputs[k].request);
			else if (record->outputs[k].draft)
				store_draft(s, record->outputs[k].draft);
		}
	}
	if (s->n_asked > 1)
		hook_point("outputs_asked");
	/* Where nothing else had to be stored, all of them are in the first one. */
	is_done(s, 0);
}

void outputs_begin(void *arg, struct request *request)
{
	struct storing *s;
	bool has_outputs = false;

	mending_begins(arg, request);
	for (size_t i = 0; i < request->n_parts; i++)
		has_outputs |= request->parts[i].record->outputs != NULL;
	if (!has_outputs)
		return;
	s = storing_new(arg, true, request);
	tie_records_of(s, request);
	store(s, NULL);
}

/* An output ends that nobody sends: what its record is tied to gets durable first. */
static void end_early(struct engine *e, const struct part *part)
{
	struct record_output *o = output_of(part->record, part->ordinal);

	if (o) {
		struct storing *s = storing_new(e, false, NULL);

		*o = (struct record_output){0};
		tie_record(s, part->record);
		store(s, NULL);
	}
}

void outputs_skip(struct engine *e, struct part *takes_part, const char *route,
                  const char *operation, const char *why)
{
	end_early(e, takes_part);
	settle_skipped_part(e, takes_part, route, operation, why);
}

void outputs_reject(struct engine *e, struct part *takes_part, const char *route,
                    const char *operation, const struct rejection *rejection)
{
	end_early(e, takes_part);
	settle_rejected_part(e, takes_part, route, operation, rejection);
}

void outputs_keep(struct engine *e, struct draft *draft)
{
	struct storing *s;

	if (draft->part)
		return;
	s = storing_new(e, false, NULL);
	tie_record(s, draft->record);
	store(s, draft);
}

/* A record that was just shaped */

/*
 * The request of an output that goes alone; NULL: it waits for others, or is rejected. So does what
 * comes behind one that waits for answers, which @is_behind then says.
 */
static struct request *request_of(struct engine *e, struct shape_output *output, bool *is_behind)
{
	if (!output->draft)
		return NULL;
	*is_behind |= resolve_wants(e, output->draft);
	if (*is_behind)
		return NULL;
	(void)offers_take(e, output->draft);
	if (!gather_is_shared(output->draft))
		return intake_request(e, &e->pipeline->routes, steal(&output->draft),
		                      &output->rejection);
	if (!gather_can_write(output->draft, &output->rejection))
		draft_free(steal(&output->draft));
	return NULL;
}

static void reject_output(struct engine *e, struct record *record, struct shape_output *output)
{
	const struct route *route = output->route;
	struct part *p = mem_alloc(sizeof(*p));

	p->record = record_ref(record);
	p->ordinal = output->ordinal;
	p->takes_rest = output->takes_rest;
	output->rejection.lanes = parking_lanes_of(e, output->target);
	outputs_reject(e, p, route ? route->name : "", route && route->op ? route->op->name : "",
	               &output->rejection);
}

static void send_output(struct engine *e, struct record *record, struct shape_output *output,
                        struct request *request)
{
	if (request) {
		batches_clear_way(e, request, NULL);
		delivery_submit(e->delivery, request);
	} else if (output->draft && resolve_wants(e, output->draft)) {
		resolve_add(e, steal(&output->draft));
	} else if (output->draft) {
		batches_add(e, steal(&output->draft));
	} else {
		reject_output(e, record, output);
	}
}

/* Room for each ordinal there is; they may have gaps. */
static void open_account(struct record *record, const struct shape_result *shaped)
{
	for (size_t i = 0; i < shaped->n; i++)
		if (shaped->items[i].ordinal >= record->n_outputs)
			record->n_outputs = shaped->items[i].ordinal + 1;
	record->outputs = mem_array(record->n_outputs, sizeof(*record->outputs));
}

static void take_several(struct engine *e, struct record *record, struct shape_result *shaped)
{
	struct request **requests = mem_array(shaped->n, sizeof(struct request *));
	bool is_behind = false;

	/* First all of them are known, then the first may end and make the others durable. */
	open_account(record, shaped);
	for (size_t i = 0; i < shaped->n; i++) {
		struct shape_output *output = &shaped->items[i];

		requests[i] = request_of(e, output, &is_behind);
		if (requests[i])
			outputs_have(requests[i]);
		else if (output->draft)
			outputs_wait(output->draft);
	}
	for (size_t i = 0; i < shaped->n; i++)
		send_output(e, record, &shaped->items[i], requests[i]);
	free(requests);
}

static void end_without(struct engine *e, struct record *record, enum outcome outcome)
{
	record->n_open = 1;
	settle_part(e, record, outcome);
	seen_end(e, record);
}

void outputs_filter(struct engine *e, struct record *record)
{
	end_without(e, record, OUTCOME_FILTERED);
}

void outputs_take(struct engine *e, struct record *record, struct shape_result *shaped)
{
	const enum outcome without = shaped->n_skipped ? OUTCOME_SKIPPED : OUTCOME_FILTERED;

	if (shaped->n_skipped || shaped->n_filtered)
		record->worst = without;
	record->n_open = (unsigned)shaped->n;
	if (!shaped->n) {
		end_without(e, record, without);
	} else if (shaped->n == 1) {
		bool is_behind = false;
		struct request *request = request_of(e, &shaped->items[0], &is_behind);

		send_output(e, record, &shaped->items[0], request);
	} else {
		take_several(e, record, shaped);
	}
}

/*
 * What comes behind an output gets the numbers behind its own: the routes may give fewer now than
 * when it got that, and a number that was told belongs to what it was told of.
 */
static void number_behind(struct shape_result *shaped, size_t from, unsigned ordinal)
{
	for (size_t i = from; i < shaped->n; i++) {
		struct shape_output *output = &shaped->items[i];

		output->ordinal = ordinal++;
		if (output->draft)
			output->draft->ordinal = output->ordinal;
	}
}

void outputs_take_rest(struct engine *e, const struct route_set *routes, struct record *record,
                       struct shape_result *shaped, size_t from, unsigned ordinal,
                       struct request *first, struct draft *open)
{
	struct request **requests = mem_array(shaped->n, sizeof(struct request *));

	number_behind(shaped, from, ordinal);
	open_account(record, shaped);
	if (first)
		outputs_have(first);
	if (open)
		outputs_wait(open);
	for (size_t i = from; i < shaped->n; i++) {
		struct shape_output *output = &shaped->items[i];

		record->n_open++;
		if (!output->draft)
			continue;
		if (draft_is_open(output->draft)) {
			outputs_wait(output->draft);
			continue;
		}
		(void)offers_take(e, output->draft);
		/* Alone, also where its route has a batch: @routes may not outlive the question. */
		requests[i] = intake_request(e, routes, steal(&output->draft), &output->rejection);
		if (requests[i])
			outputs_have(requests[i]);
	}
	for (size_t i = from; i < shaped->n; i++) {
		struct shape_output *output = &shaped->items[i];

		if (output->draft && nest_is_row(output->draft))
			resolve_add(e, steal(&output->draft)); /* it waits for no other row */
		else
			send_output(e, record, output, requests[i]);
	}
	free(requests);
}
