#include "connector/shape/steps.h"

#include "lib/json.h"

/*
 * The way of a record: the file's transform, then for each value it gives the routes in their
 * order, then the transform of each route that takes it. Any step may end in a rejection, which is
 * an output of its own; what other steps gave stays.
 */

struct way {
	const struct route_set *routes;
	struct record *record;
	struct shape_result *result;
	struct json_object *source; /* of view */
};

static struct rejection *reject(const struct way *way, const struct route *route)
{
	struct shape_output *output = shape_add_output(way->result, route);

	output->takes_rest = true;
	return &output->rejection;
}

/* Beyond the bound the record as a whole is rejected, so there is no use in going on. */
static bool is_beyond(const struct way *way)
{
	return way->result->n > max_outputs;
}

static struct view view_of(struct way *way, struct json_object *value, bool is_computed)
{
	return (struct view){
		.routes = way->routes,
		.record = way->record,
		.source = &way->source,
		.value = value,
		.is_computed = is_computed,
	};
}

/* What becomes of a value behind the transform of @route (NULL: the file's own). */
typedef void next_fn(struct way *way, const struct route *route, struct json_object *value);

/* Transforms what @view sees and hands each value that comes of it to @next. */
static void transform(struct way *way, struct view *view, const struct route *route, next_fn *next)
{
	struct rejection rejection = {0};
	struct values values = {0};

	if (!view_transform(view, route, &values, &rejection)) {
		*reject(way, route) = rejection;
		return;
	}
	if (!values.n)
		way->result->n_filtered++;
	for (size_t i = 0; i < values.n && !is_beyond(way); i++) {
		if (is_shaped_record(values.items[i], i, route, &rejection)) {
			next(way, route, values.items[i]);
		} else {
			*reject(way, route) = rejection;
			rejection = (struct rejection){0};
		}
	}
	values_deinit(&values);
}

static void send_by(struct way *way, const struct route *route, struct json_object *value)
{
	shape_output_of(way->routes, route, way->record, value, way->result);
}

static void take_unrouted(struct way *way)
{
	if (way->routes->skip_unrouted)
		way->result->n_skipped++;
	else
		rejection_set(reject(way, NULL), REJECT_UNROUTED, NULL,
		              "no route takes this record");
}

/* Whether @route takes the value, or the value ends here for a condition that fails. */
static bool stops_at(struct way *way, struct view *view, const struct route *route, bool *ret_takes)
{
	struct rejection rejection = {0};

	if (view_holds(view, route, ret_takes, &rejection))
		return false;
	*reject(way, route) = rejection;
	return true;
}

static void walk_routes(struct way *way, struct view *view)
{
	bool is_taken = false;

	for (size_t i = 0; i < way->routes->n && !is_beyond(way); i++) {
		const struct route *route = &way->routes->items[i];
		bool takes;

		/* Later routes may rest on this one, so none of them gets what it could not judge.
		 */
		if (stops_at(way, view, route, &takes))
			return;
		if (!takes)
			continue;
		is_taken = true;
		if (route->transform)
			transform(way, view, route, send_by);
		else
			send_by(way, route, view->value);
		if (!route->goes_on)
			return;
	}
	if (!is_taken)
		take_unrouted(way);
}

static void route_value(struct way *way, const struct route *route, struct json_object *value)
{
	struct view view = view_of(way, value, true);

	(void)route;
	walk_routes(way, &view);
	view_deinit(&view);
}

static void reject_as_a_whole(const struct way *way)
{
	shape_result_deinit(way->result);
	rejection_set(reject(way, NULL), REJECT_TRANSFORM, NULL,
	              "transforms and routes make more than %d calls of this record; nothing of it "
	              "is sent",
	              max_outputs);
}

void way_of_record(const struct route_set *routes, struct record *record,
                   struct shape_result *result)
{
	struct way way = {.routes = routes, .record = record, .result = result};
	struct view view = view_of(&way, record->value, false);

	if (routes->transform)
		transform(&way, &view, NULL, route_value);
	else
		walk_routes(&way, &view);
	view_deinit(&view);
	json_object_put(way.source);
	if (is_beyond(&way))
		reject_as_a_whole(&way);
	/* Behind the others something came: what they would have been is theirs alone. */
	for (size_t i = 0; i + 1 < result->n; i++)
		result->items[i].takes_rest = false;
}
