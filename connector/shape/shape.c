#include "connector/shape/shape.h"

#include "connector/shape/steps.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <stdlib.h>

struct shape_output *shape_add_output(struct shape_result *result, const struct route *route)
{
	struct shape_output *output;

	result->items = mem_resize(result->items, result->n + 1, sizeof(*result->items));
	output = &result->items[result->n];
	*output = (struct shape_output){.ordinal = (unsigned)result->n, .route = route};
	result->n++;
	return output;
}

static void note_method(struct shaping *s)
{
	if (s->route->is_patch)
		draft_note(s->draft, "PATCH is sent as PUT: Close's PUT changes only what it is "
		                     "given");
}

static bool finish_body(struct shaping *s)
{
	if (!json_object_is_type(s->draft->body, json_type_object))
		return true; /* not one of Close's operations: any JSON may go there */
	return shape_custom(s) && shape_ids(s) && shape_known_keys(s);
}

/*
 * Whether Close would take it and the route allows it. An upsert of an object that is there has no
 * use for its create, so what holds that back is told when there is none.
 */
static bool may_be_sent(struct shaping *s)
{
	struct draft *draft = s->draft;

	if (s->route->update && s->route->on_none != NONE_CREATE)
		return true;
	if (!json_object_is_type(draft->body, json_type_object))
		return true;
	shape_put_identity(s);
	if (shape_required(s) && shape_guard(s))
		return true;
	if (!s->route->update)
		return false;
	draft->refused = mem_alloc(sizeof(*draft->refused));
	*draft->refused = *s->rejection;
	*s->rejection = (struct rejection){0};
	return true;
}

/* The links come first: what they fill, nobody looks at. The match comes when fields have ids. */
static bool shape_form(struct shaping *s)
{
	const bool has_body = s->route->has_body;
	bool is_good;

	s->scope = shape_scope(s);
	note_method(s);
	is_good = shape_url(s) && shape_headers(s) && (!has_body || shape_body(s)) &&
	          shape_links(s) && shape_identity(s) && (!has_body || finish_body(s)) &&
	          shape_match(s) && shape_says_something(s) && shape_selects(s) &&
	          (!has_body || may_be_sent(s)) && shape_with(s) && shape_nest(s) &&
	          shape_says_something(s) && shape_keeps_numbers(s);
	free(steal(&s->type));
	return is_good;
}

/* The other form of an upsert: the update of the object that match finds. */
static bool shape_update(struct shaping *s)
{
	struct shaping update = *s;

	if (!s->route->update)
		return true;
	update.route = s->route->update;
	update.create = s->draft;
	update.draft = draft_new(s->record, update.route, s->draft->ordinal);
	update.owns_body = false;
	update.is_empty = false;
	update.unknown_keys = 0;
	if (!shape_form(&update)) {
		draft_free(update.draft);
		return false;
	}
	s->draft->update = update.draft;
	if (update.unknown_keys > s->unknown_keys)
		s->unknown_keys = update.unknown_keys;
	return true;
}

void shape_output_of(const struct route_set *routes, const struct route *route,
                     struct record *record, struct json_object *value, struct shape_result *result)
{
	struct shape_output *output = shape_add_output(result, route);
	struct shaping s = {
		.routes = routes,
		.route = route,
		.record = record,
		.value = value,
		.rejection = &output->rejection,
		.needs = &result->needs,
	};

	s.draft = draft_new(record, route, output->ordinal);
	if (shape_form(&s) && shape_update(&s))
		output->draft = s.draft;
	else if (shape_target(&s))
		output->target = s.draft;
	else
		draft_free(s.draft);
	output->unknown_keys = s.unknown_keys;
}

static enum reject_class fault_class(enum record_fault fault)
{
	switch (fault) {
	case RECORD_OK:
		break;
	case RECORD_JSON:
		return REJECT_JSON;
	case RECORD_TOO_LONG:
		return REJECT_TOO_LONG;
	case RECORD_TOMBSTONE:
		return REJECT_TOMBSTONE;
	}
	return REJECT_NONE;
}

void shape_record(const struct route_set *routes, struct record *record, struct shape_result *ret)
{
	struct shape_output *output;

	*ret = (struct shape_result){0};
	if (record->fault == RECORD_OK) {
		way_of_record(routes, record, ret);
		return;
	}
	output = shape_add_output(ret, NULL);
	output->takes_rest = true;
	rejection_set(&output->rejection, fault_class(record->fault), NULL, "%s",
	              record->fault_text);
}

void shape_result_deinit(struct shape_result *result)
{
	for (size_t i = 0; i < result->n; i++) {
		draft_free(result->items[i].draft);
		draft_free(result->items[i].target);
		rejection_deinit(&result->items[i].rejection);
	}
	free(result->items);
	strlist_free(result->needs);
	*result = (struct shape_result){0};
}
