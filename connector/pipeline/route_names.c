/*
 * Names of routes. Events, metrics and rejects tell routes by them, and a reject finds its route
 * again after the file was edited: so no two are the same, and a name made by us changes as little
 * as can be.
 */

#include "connector/pipeline/routes.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

static bool is_written(const struct loader *l, const struct route *route)
{
	return yaml_get(l->routes->items[route->index], "name") != NULL;
}

static bool has_name(const struct route *route, const char *name)
{
	return route->name && strcmp(route->name, name) == 0;
}

static void check_written(struct loader *l, const struct route *route)
{
	const struct route_set *set = &l->pipeline->routes;
	const size_t mark = path_enter_item(l, route->index);
	const size_t inner = path_enter(l, "name");

	for (const struct route *first = set->items; first < route; first++) {
		if (!is_written(l, first) || !has_name(first, route->name))
			continue;
		fail(l, yaml_get(l->routes->items[route->index], "name"),
		     "\"%.60s\" is the name of the route in line %u: events and rejects tell routes "
		     "by their names, so give it another",
		     route->name, first->line);
		break;
	}
	path_leave(l, inner);
	path_leave(l, mark);
}

/* Whether a name of ours has to make way: to one that was written, or to an earlier one. */
static bool makes_way(const struct loader *l, const struct route *route)
{
	const struct route_set *set = &l->pipeline->routes;

	for (const struct route *r = set->items; r < set->items + set->n; r++)
		if (r != route && has_name(r, route->name) && (r < route || is_written(l, r)))
			return true;
	return false;
}

static bool is_taken(const struct route_set *set, const char *name)
{
	for (size_t i = 0; i < set->n; i++)
		if (has_name(&set->items[i], name))
			return true;
	return false;
}

/* The second "lead.create" becomes "lead.create 2". */
static void number(const struct route_set *set, struct route *route)
{
	char *name = NULL;
	unsigned n = 2;

	do {
		free(name);
		name = mem_printf("%s %u", route->name, n++);
	} while (is_taken(set, name));
	free(route->name);
	route->name = name;
}

void routes_settle_names(struct loader *l)
{
	struct route_set *set = &l->pipeline->routes;

	for (struct route *route = set->items; route < set->items + set->n; route++) {
		if (!route->name)
			continue;
		if (is_written(l, route))
			check_written(l, route);
		else if (makes_way(l, route))
			number(set, route);
	}
}
