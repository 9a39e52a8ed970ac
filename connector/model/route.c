#include "connector/model/route.h"

#include "lib/strlist.h"

#include <stdlib.h>

static void free_named(struct named_template *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(items[i].name);
		template_free(items[i].value);
	}
	free(items);
}

/* NOLINTNEXTLINE(misc-no-recursion) */
void route_deinit(struct route *route)
{
	free(route->name);
	template_free(route->url);
	free(route->keep_slash);
	free_named(route->query, route->n_query);
	free_named(route->headers, route->n_headers);
	template_tree_free(route->body);
	for (size_t i = 0; i < route->n_consumed; i++)
		free(route->consumed[i]);
	free(route->consumed);
	for (size_t i = 0; i < route->n_exclude; i++)
		exclude_free(route->exclude[i]);
	free(route->exclude);
	free(route->identity_field);
	template_free(route->identity_value);
	batch_free(route->batch);
	lookup_rule_deinit(&route->match);
	for (size_t i = 0; i < route->n_links; i++)
		link_rule_deinit(&route->links[i]);
	free(route->links);
	template_tree_free(route->over);
	strlist_free(route->omit);
	strlist_free(route->create_only);
	strlist_free(route->append);
	free_named(route->selection, route->n_selection);
	if (route->update)
		route_deinit(route->update); /* which has none of its own */
	free(route->update);
	*route = (struct route){0};
}

void route_set_deinit(struct route_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		route_deinit(&set->items[i]);
	free(set->items);
	json_object_put(set->vars);
	jq_set_free(set->jq);
	template_free(set->key);
	*set = (struct route_set){0};
}

const struct operation *route_operation(const struct route_set *set, const struct route *route,
                                        const char *url)
{
	if (route->op || !set->operations)
		return route->op;
	return operation_match(set->operations, route->method, url);
}

bool route_set_has(const struct route_set *set, const struct route *route)
{
	return route->index < set->n &&
	       (&set->items[route->index] == route || set->items[route->index].update == route);
}
