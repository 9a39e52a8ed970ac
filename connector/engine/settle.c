#include "connector/engine/lag.h"
#include "connector/engine/nest.h"
#include "connector/engine/repeats.h"

#include "connector/respond/event.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <stdlib.h>
#include <string.h>

/*
 * An outcome in one transaction: the request and its parts, the event that tells it, and the
 * position in the source. After the commit the event goes to the sinks.
 */

struct ending {
	struct engine *engine;
	struct request *request; /* or */
	struct part *part;
	struct event *event;
	bool *keeps_record;
};

/*
 * Only now is it written down which object the identity made; until then the open set must still
 * say no to a twin. A held create keeps its identity: another with the same could be its twin.
 */
static void release_identity(struct engine *e, const struct request *r)
{
	if (r && r->identity_field && r->state != REQUEST_HELD)
		identities_release(e->identities, r);
}

static void forget_ending(struct engine *e, const struct request *request)
{
	for (size_t i = 0; request && i < e->n_ending; i++)
		if (e->ending[i] == request) {
			e->ending[i] = e->ending[--e->n_ending];
			return;
		}
}

static void ending_is_durable(void *arg, int r)
{
	struct ending *end = arg;

	(void)r; /* only INTENTs can fail for want of space */
	hook_point(end->request ? "outcome_durable" : "reject_durable");
	forget_ending(end->engine, end->request);
	if (end->event)
		outbox_offer(end->engine, end->event);
	release_identity(end->engine, end->request);
	for (size_t i = 0; end->request && i < end->request->n_parts; i++)
		offers_ended(end->engine, &end->request->parts[i], end->request);
	if (end->part)
		offers_ended(end->engine, end->part, NULL);
	request_free(end->request);
	if (end->part)
		part_deinit(end->part);
	free(end->part);
	free(end->keeps_record);
	free(end);
}

struct stream *settle_stream(const struct engine *e, uint64_t id)
{
	size_t low = 0, high = e->n_streams;

	/* They get their ids in ascending order, and a folder may hold many thousands. */
	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (e->streams[middle]->id == id)
			return e->streams[middle];
		if (e->streams[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void count(struct run_counts *n, enum outcome outcome)
{
	n->read++;
	switch (outcome) {
	case OUTCOME_DELIVERED:
		n->delivered++;
		break;
	case OUTCOME_FILTERED:
		n->filtered++;
		break;
	case OUTCOME_SKIPPED:
		n->skipped++;
		break;
	case OUTCOME_REJECTED:
		n->rejected++;
		break;
	case OUTCOME_HELD:
		n->held++;
		break;
	case OUTCOME_OPEN:
		n->open++;
		break;
	}
}

void settle_part(struct engine *e, struct record *record, enum outcome outcome)
{
	struct stream *stream = settle_stream(e, record->stream);

	record->n_open--;
	if (outcome > record->worst)
		record->worst = outcome;
	record->has_done |= outcome == OUTCOME_DELIVERED || outcome == OUTCOME_SKIPPED;
	record->keeps_row |= outcome == OUTCOME_REJECTED || outcome == OUTCOME_HELD;
	if (record->n_open || record->is_settled)
		return;

	record->is_settled = true;
	e->n_unsettled--;
	intake_free_bytes(e, record);
	count(&e->run.counts, record->worst);
	lag_settled(e, record);
	if (!stream)
		return;
	stream_settle(stream, record->pos, record->next_pos, record->line ? 1 : 0);
	journal_put_stream(e->journal, stream);
	hook_point("record_settled");
}

/* The lane an event keeps its order in: the target, or its own where there is none. */
static char *lane_of(const struct request *r)
{
	for (size_t i = 0; i < r->n_lanes; i++)
		if (r->lanes[i].is_owner)
			return mem_strdup(r->lanes[i].key);
	return mem_strdup(r->id);
}

/* Of what was rejected or held, where that is asked for: the same, with the records. */
static void add_copy(struct engine *e, struct event *event, const struct event_input *in)
{
	struct event_input facts = *in;
	struct event *copy;
	struct buf body = BUF_INIT;

	if (!(outbox_sinks(e) & SINK_REJECTS) || in->outcome < OUTCOME_REJECTED)
		return;
	facts.include_records = true;
	event_print(&facts, e->redact, &body);
	copy = mem_alloc(sizeof(*copy));
	copy->seq = journal_next_event(e->journal);
	copy->id = mem_strdup(event->id);
	copy->lane = mem_strdup(event->lane);
	copy->key = mem_strdup(event->key);
	copy->owes = SINK_REJECTS;
	copy->run = event->run;
	copy->at_wall_ms = event->at_wall_ms;
	copy->body_len = body.len;
	copy->body = buf_take(&body);
	event->also = copy;
}

enum { usual_event = 2048 }; /* bytes; one allocation for most */

static struct event *event_new(struct engine *e, const struct event_origin *origin,
                               const struct event_input *in, char *takes_lane)
{
	struct event *event = mem_alloc(sizeof(*event));
	struct event_input facts = *in;
	struct buf body = BUF_INIT;
	char id[event_id_bytes];

	(void)buf_room(&body, usual_event);
	event_id(origin, id);
	facts.id = id;
	facts.pipeline = e->pipeline->name;
	facts.run = e->run.uid;
	facts.wall_ms = loop_wall_ms(e->loop);
	facts.base_url = e->pipeline->base_url;
	facts.include_request = e->pipeline->include_request;
	facts.include_response = e->pipeline->include_response;
	event_print(&facts, e->redact, &body);

	event->seq = journal_next_event(e->journal);
	event->id = mem_strdup(id);
	event->lane = takes_lane;
	event->owes = outbox_sinks(e) & ~(unsigned)SINK_REJECTS;
	if (outbox_sinks(e) & (SINK_KAFKA | SINK_REJECTS))
		event->key = event_key(in, e->redact);
	event->run = e->run.id;
	event->at_wall_ms = facts.wall_ms;
	event->body_len = body.len;
	event->body = buf_take(&body);
	add_copy(e, event, &facts);
	return event;
}

/* Somebody is to hear of this outcome. */
static bool is_told(const struct engine *e, enum outcome outcome)
{
	const unsigned sinks = outbox_sinks(e);

	return sinks & ~(unsigned)SINK_REJECTS || (sinks && outcome >= OUTCOME_REJECTED);
}

static struct event *event_of_request(struct engine *e, const struct request *r)
{
	const struct part *first = &r->parts[0];
	const struct event_origin origin = {.journal_id = journal_id(e->journal),
	                                    .request_id = r->id,
	                                    .stream = first->record->stream,
	                                    .pos = first->record->pos,
	                                    .ordinal = first->ordinal,
	                                    .generation = first->generation};
	struct event_input in = {
		.request = r,
		.outcome = first->outcome,
		.class = first->class,
		.message = first->message,
		.field = first->field,
		.fields = first->fields,
		.answer_is_json = r->answer.is_json,
	};

	return is_told(e, first->outcome) ? event_new(e, &origin, &in, lane_of(r)) : NULL;
}

/* It is kept whose object it is, so that nothing else is taken to have made it. */
static bool has_made(const struct request *r)
{
	return r->object_id && *r->object_id && r->method == METHOD_POST && r->class != CLASS_R &&
	       r->class != CLASS_U;
}

static bool creates_contacts(const struct engine *e)
{
	for (size_t i = 0; i < e->routes.n; i++) {
		const struct route *route = &e->routes.items[i];

		if (route->method == METHOD_POST &&
		    (!route->op || !strcmp(route->op->object, "contact")))
			return true;
	}
	return nest_is_used(&e->routes);
}

/* Contacts that a lead was created with: no other call has made them. */
static void keep_contacts(struct engine *e, const struct request *r)
{
	cleanup_(json_freep) struct json_object *lead = NULL;
	struct json_object *contacts;

	if (!has_made(r) || strcmp(r->object, "lead") != 0 || !creates_contacts(e) ||
	    hook_without("nested") ||
	    json_parse(r->answer.body, r->answer.body_len, 0, &lead, NULL, NULL) < 0)
		return;
	contacts = json_get(lead, "contacts");
	if (!json_object_is_type(contacts, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(contacts); i++) {
		const char *id = json_get_string(json_object_array_get_idx(contacts, i), "id");

		if (id)
			journal_put_made(e->journal, "contact", id, r->intent_wall_ms);
	}
}

void settle_request(void *arg, struct request *takes_request)
{
	struct engine *e = arg;
	struct request *r = takes_request;
	struct ending *end = mem_alloc(sizeof(*end));

	end->engine = e;
	end->request = r;
	end->keeps_record = mem_array(r->n_parts, sizeof(bool));
	for (size_t i = 0; i < r->n_parts; i++) {
		struct record *record = r->parts[i].record;

		settle_part(e, record, r->parts[i].outcome);
		end->keeps_record[i] = record->n_open > 0 || record->keeps_row;
	}
	repeats_take(e->repeats, r);
	/* Also where the id is not known: the key is taken all the same. */
	if (r->state == REQUEST_APPLIED && (r->identity_field || has_made(r)))
		journal_put_object(e->journal, r, r->intent_wall_ms);
	keep_contacts(e, r);
	nest_remember(e, r);
	remember_answer(e, r);
	end->event = event_of_request(e, r);
	e->ending = mem_grow(e->ending, e->n_ending, &e->cap_ending, sizeof(struct request *));
	e->ending[e->n_ending++] = r;
	journal_end_request(e->journal, r, end->keeps_record, end->event, ending_is_durable, end);
	hook_point("outcome_asked");
	for (size_t i = 0; i < r->n_parts; i++)
		offers_end(e, &r->parts[i]);
	parking_take(e, r);
	for (size_t i = 0; i < r->n_parts; i++)
		seen_end(e, r->parts[i].record);
	for (size_t i = 0; i < r->n_parts; i++)
		desk_part_ended(e->desk, &r->parts[i], r);
}

static struct event *event_of_part(struct engine *e, const struct part *p, const char *route,
                                   const char *operation)
{
	const struct event_origin origin = {.journal_id = journal_id(e->journal),
	                                    .stream = p->record->stream,
	                                    .pos = p->record->pos,
	                                    .ordinal = p->ordinal,
	                                    .generation = p->generation};
	struct event_input in = {
		.route = route,
		.operation = operation,
		.part = p,
		.outcome = p->outcome,
		.class = p->class,
		.message = p->message,
		.field = p->field,
		.fields = p->fields,
		.note = p->class == REJECT_NONE ? p->message : NULL,
	};

	if (!is_told(e, p->outcome))
		return NULL;
	/* Nothing else is ever told about this place: a lane of its own. */
	return event_new(e, &origin, &in,
	                 mem_printf("record %llu@%llu", (unsigned long long)p->record->stream,
	                            (unsigned long long)p->record->pos));
}

void settle_rejected_part(struct engine *e, struct part *takes_part, const char *route,
                          const char *operation, const struct rejection *rejection)
{
	struct part *p = takes_part;
	struct ending *end = mem_alloc(sizeof(*end));

	free(p->message);
	free(p->field);
	p->outcome = OUTCOME_REJECTED;
	p->class = rejection->class;
	p->message = redact_copy(e->redact, rejection->message ? rejection->message : "");
	p->field = mem_strdup(rejection->field);
	settle_part(e, p->record, OUTCOME_REJECTED);
	repeats_take_blind(e->repeats, p->record);

	end->engine = e;
	end->part = p;
	end->event = event_of_part(e, p, route, operation);
	journal_reject_part(e->journal, p, route, operation, end->event, loop_wall_ms(e->loop),
	                    ending_is_durable, end);
	offers_end(e, p);
	parking_take_part(e, p, operation, rejection->lanes);
	seen_end(e, p->record);
	desk_part_ended(e->desk, p, NULL);
}

void settle_skipped_part(struct engine *e, struct part *takes_part, const char *route,
                         const char *operation, const char *why)
{
	/* A call that needs not be made ends as one that was: its part goes, and its record. */
	struct request *r = request_new();
	struct ending *end = mem_alloc(sizeof(*end));
	struct part *p;

	r->state = REQUEST_APPLIED;
	r->ended_wall_ms = loop_wall_ms(e->loop);
	r->parts = mem_alloc(sizeof(*r->parts));
	r->n_parts = 1;
	p = &r->parts[0];
	*p = *takes_part;
	free(takes_part);
	p->outcome = OUTCOME_SKIPPED;
	p->message = mem_strdup(why);
	settle_part(e, p->record, OUTCOME_SKIPPED);
	repeats_take_blind(e->repeats, p->record);

	end->engine = e;
	end->request = r;
	end->keeps_record = mem_alloc(sizeof(bool));
	*end->keeps_record = p->record->n_open > 0 || p->record->keeps_row;
	end->event = event_of_part(e, p, route, operation);
	journal_end_request(e->journal, r, end->keeps_record, end->event, ending_is_durable, end);
	seen_end(e, p->record);
	desk_part_ended(e->desk, p, NULL);
}
