#include "connector/shape/steps.h"

#include "connector/model/origin.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/* "the condition (when) of route leads", "the file's transform": what a sentence begins with. */
static char *name_of(const char *what, const struct route *route)
{
	return route ? mem_printf("%s of route %s", what, route->name)
	             : mem_printf("%s of the file", what);
}

static const struct jq_input *input_of(struct view *view)
{
	if (view->input)
		return view->input;
	if (!*view->source)
		*view->source = origin_source(view->record);
	view->where = origin_where(view->record);
	view->input = jq_input_new(view->value, *view->source, &view->where);
	return view->input;
}

void view_deinit(struct view *view)
{
	if (view->input)
		jq_input_free(view->input);
	view->input = NULL;
}

bool view_holds(struct view *view, const struct route *route, bool *ret_truth,
                struct rejection *ret_rejection)
{
	struct err err;

	*ret_truth = true;
	if (!route->when)
		return true;
	if (jq_is_true(view->routes->jq, route->when, input_of(view), ret_truth, &err) == 0)
		return true;
	rejection_set(ret_rejection, REJECT_TRANSFORM, NULL,
	              "the condition (when) of route %s fails on this record: %s", route->name,
	              err.text);
	return false;
}

void reject_number(struct rejection *ret_rejection, const char *whose, const struct err *trouble)
{
	/* "total: 9007199254740993": behind the last ": " is the number, before it the place. */
	const char *number = strrchr(trouble->text, ':');
	char *field = number ? mem_dup(trouble->text, (size_t)(number - trouble->text)) : NULL;

	rejection_set(
		ret_rejection, REJECT_NUMBER, field,
		"%s would change a number: %s; jq counts in doubles, so it cannot keep all "
		"of its digits. Write it as text in the source, or send the record by a route "
		"without jq",
		whose, trouble->text);
	free(field);
}

static bool keeps_numbers(const struct view *view, const char *whose,
                          struct rejection *ret_rejection)
{
	struct err err;

	if (view->is_computed || jq_keeps_numbers(view->value, &err))
		return true;
	reject_number(ret_rejection, whose, &err);
	return false;
}

static bool is_too_much(const struct values *values)
{
	return values->n > max_outputs || values->bytes > max_output_bytes;
}

static bool take_value(void *arg, struct json_object *output)
{
	struct values *values = arg;

	values->items =
		mem_grow(values->items, values->n, &values->cap, sizeof(struct json_object *));
	values->items[values->n++] = json_object_get(output);
	values->bytes += json_weight(output);
	return !is_too_much(values);
}

void values_deinit(struct values *values)
{
	for (size_t i = 0; i < values->n; i++)
		json_object_put(values->items[i]);
	free(values->items);
	*values = (struct values){0};
}

static bool run_transform(struct view *view, unsigned program, const char *whose,
                          struct values *values, struct rejection *ret_rejection)
{
	struct err err;

	if (!keeps_numbers(view, whose, ret_rejection))
		return false;
	if (jq_run(view->routes->jq, program, input_of(view), take_value, values, &err) < 0) {
		rejection_set(ret_rejection, REJECT_TRANSFORM, NULL, "%s fails on this record: %s",
		              whose, err.text);
		return false;
	}
	if (!is_too_much(values))
		return true;
	rejection_set(ret_rejection, REJECT_TRANSFORM, NULL,
	              "%s makes more of this record than may be: %d records or %d MiB; nothing of "
	              "it is sent",
	              whose, max_outputs, max_output_bytes >> 20);
	return false;
}

bool view_transform(struct view *view, const struct route *route, struct values *ret_values,
                    struct rejection *ret_rejection)
{
	const unsigned program = route ? route->transform : view->routes->transform;
	char *whose = name_of("the transform", route);
	const bool is_done = run_transform(view, program, whose, ret_values, ret_rejection);

	if (!is_done)
		values_deinit(ret_values);
	free(whose);
	return is_done;
}

bool is_shaped_record(struct json_object *value, size_t at, const struct route *route,
                      struct rejection *ret_rejection)
{
	char *whose;

	if (json_object_is_type(value, json_type_object))
		return true;
	whose = name_of("the transform", route);
	rejection_set(ret_rejection, REJECT_TRANSFORM, NULL,
	              "output %zu of %s is %s, and a record is an object%s", at + 1, whose,
	              json_kind_text(value),
	              json_object_is_type(value, json_type_array)
	                      ? "; \".[]\" at its end makes a record of each item"
	                      : "");
	free(whose);
	return false;
}
