#include "connector/shape/again.h"

#include "connector/shape/steps.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/* The only item of @result that route @name takes; result->n: none, or several. */
static size_t find_named(const struct shape_result *result, const char *name)
{
	size_t at = result->n, n_named = 0;

	for (size_t i = 0; i < result->n; i++) {
		const struct route *route = result->items[i].route;

		if (route && !strcmp(route->name, name) && !n_named++)
			at = i;
	}
	return n_named == 1 ? at : result->n;
}

static size_t find_ordinal(const struct shape_result *result, unsigned ordinal)
{
	size_t at = 0;

	while (at < result->n && result->items[at].ordinal != ordinal)
		at++;
	return at;
}

/* The routes may have changed: by which one it went says more than which output it was. */
size_t shape_find(const struct shape_result *result, const struct rejected_output *was)
{
	const size_t at = find_ordinal(result, was->ordinal);

	if (at < result->n) {
		const struct route *route = result->items[at].route;

		if (!*was->route || (route && !strcmp(route->name, was->route)))
			return at;
	}
	return find_named(result, was->route);
}

/* The item that stands for all from its ordinal on, since nobody knows what they are. */
static size_t find_rest(const struct shape_result *result, unsigned ordinal)
{
	const size_t last = result->n - 1;

	return result->n && result->items[last].takes_rest && result->items[last].ordinal <= ordinal
	               ? last
	               : result->n;
}

static const struct route *route_named(const struct route_set *routes, const char *name)
{
	for (size_t i = 0; i < routes->n; i++)
		if (!strcmp(routes->items[i].name, name))
			return &routes->items[i];
	return NULL;
}

/* A reject of what would have come says of @was alone that it is rejected again. */
static void stand_for(struct shape_output *output, const struct route_set *routes,
                      const struct rejected_output *was)
{
	output->ordinal = was->ordinal;
	output->route = route_named(routes, was->route);
	output->takes_rest = was->takes_rest;
}

static void add_like(struct shape_result *result, size_t at, const struct route_set *routes,
                     const struct rejected_output *was)
{
	struct shape_output *output = shape_add_output(result, NULL);
	const struct rejection *rejection = &result->items[at].rejection;

	stand_for(output, routes, was);
	rejection_set(&output->rejection, rejection->class, rejection->field, "%s",
	              rejection->message);
}

static void drop_untaken(struct shape_result *result, const bool *is_taken, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < result->n; i++) {
		struct shape_output *output = &result->items[i];

		if (i >= n || is_taken[i]) {
			result->items[kept++] = *output;
			continue;
		}
		draft_free(output->draft);
		rejection_deinit(&output->rejection);
		result->n_skipped++;
	}
	result->n = kept;
}

/* Marks the items that @was is now; true: it is the last one, of which nobody knows what it is. */
static bool take(const struct shape_result *result, const struct rejected_output *was,
                 bool *is_taken)
{
	size_t at = shape_find(result, was);

	if (at == result->n)
		at = find_rest(result, was->ordinal);
	if (at == result->n || result->items[at].takes_rest)
		return at < result->n;
	is_taken[at] = true;
	while (was->takes_rest && ++at < result->n)
		is_taken[at] = true;
	return false;
}

void shape_narrow(const struct route_set *routes, struct shape_result *result,
                  const struct rejected_output *was, size_t n_was)
{
	const struct rejected_output **unknown = mem_array(n_was, sizeof(struct rejected_output *));
	const size_t n = result->n;
	bool *is_taken = mem_array(n, sizeof(bool));
	size_t n_unknown = 0;

	for (size_t i = 0; i < n_was; i++)
		if (take(result, &was[i], is_taken))
			unknown[n_unknown++] = &was[i];
	/* Taken behind another one, it goes on standing for all from its own place. */
	if (n_unknown && !is_taken[n - 1]) {
		is_taken[n - 1] = true;
		stand_for(&result->items[n - 1], routes, unknown[0]);
		for (size_t i = 1; i < n_unknown; i++)
			add_like(result, n - 1, routes, unknown[i]);
	}
	drop_untaken(result, is_taken, n);
	free(is_taken);
	free(unknown);
}
