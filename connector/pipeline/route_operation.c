/* The operation a route names: one of the catalogue, an upsert made of two, or one that is refused.
 */

#include "connector/pipeline/routes.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/near.h"

#include <stdlib.h>
#include <string.h>

const char *const route_upserts[] = {"lead.upsert", "contact.upsert", "opportunity.upsert",
                                     "custom_object.upsert", NULL};

const char route_upsert_summary[] = "Makes one, or changes the one that match finds.";

static bool is_upsert(const char *name)
{
	for (size_t i = 0; route_upserts[i]; i++)
		if (strcmp(name, route_upserts[i]) == 0)
			return true;
	return false;
}

/* Of "lead.upsert" and "create": lead.create. */
static const struct operation *half_of(const struct operation_set *set, const char *name,
                                       const char *verb)
{
	const int object = (int)(strrchr(name, '.') - name);
	cleanup_(freep) char *half = mem_printf("%.*s.%s", object, name, verb);

	return operation_find(set, half);
}

bool route_upsert(const struct operation_set *set, const char *name,
                  const struct operation **ret_create, const struct operation **ret_update)
{
	if (!is_upsert(name))
		return false;
	*ret_create = half_of(set, name, "create");
	*ret_update = half_of(set, name, "update");
	return true;
}

static bool ends_in_upsert(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && strcmp(dot, ".upsert") == 0;
}

static const char *near_operation(const struct operation_set *set, const char *name)
{
	const size_t n = set->n + sizeof(route_upserts) / sizeof(*route_upserts);
	cleanup_(freep) const char **names = mem_array(n, sizeof(*names));

	/* The NULL behind the upserts ends the list. */
	for (size_t i = 0; i < n; i++)
		names[i] = i < set->n ? set->items[i].name : route_upserts[i - set->n];
	return near_name(name, names);
}

const struct operation *route_find_operation(struct route_build *b)
{
	const struct operation_set *set = b->l->options->operations;
	const char *name = b->spec.operation, *near;
	const struct operation *op = operation_find(set, name);
	const size_t mark = path_enter(b->l, "operation");

	if (!op && !route_upsert(set, name, &op, &b->update_op)) {
		near = near_operation(set, name);
		if (ends_in_upsert(name) && (!near || !is_upsert(near)))
			fail(b->l, route_place(b, "operation"),
			     "there is no operation \"%.60s\": leads, contacts, opportunities and "
			     "custom objects have an upsert",
			     name);
		else if (near)
			fail(b->l, route_place(b, "operation"),
			     "there is no operation \"%.60s\": did you mean \"%s\"?", name, near);
		else
			fail(b->l, route_place(b, "operation"),
			     "there is no operation \"%.60s\": closefeed operations lists them",
			     name);
	}
	path_leave(b->l, mark);
	return op;
}
