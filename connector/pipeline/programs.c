/*
 * The jq programs of the file: gathered while it is read, compiled together at its end, because
 * libjq takes 20 ms for its own builtins each time. A fault is told at the very place in the file
 * where that can be known, and always with the place in the program.
 */

#include "connector/pipeline/keys.h"
#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned program_add(struct loader *l, const struct yaml_node *at, const char *program)
{
	struct route_set *set = &l->pipeline->routes;

	if (!set->jq)
		set->jq = jq_set_new();
	l->programs = mem_grow(l->programs, l->n_programs, &l->cap_programs, sizeof(*l->programs));
	l->programs[l->n_programs++] = (struct program_place){at, mem_strdup(l->path)};
	return jq_set_add(set->jq, program, l->path);
}

static void tell_fault(void *arg, unsigned program, const struct jq_fault *fault)
{
	struct loader *l = arg;
	const struct program_place *place = &l->programs[program - 1];
	struct yaml_node at = {.line = place->node->line, .column = place->node->column};

	(void)snprintf(l->path, sizeof(l->path), "%s", place->path);
	(void)yaml_place(place->node, l->pipeline->text, l->pipeline->text_len, fault->line,
	                 fault->column, &at.line, &at.column);
	fail(l, &at, "line %u, column %u of the program: %s", fault->line, fault->column,
	     fault->text);
	path_leave(l, 0);
}

void programs_compile(struct loader *l)
{
	struct route_set *set = &l->pipeline->routes;

	/* What is wrong with it was told; then nobody runs it. */
	if (set->jq)
		(void)jq_set_compile(set->jq, set->vars, tell_fault, l);
	for (unsigned i = 0; i < l->n_programs; i++)
		free(l->programs[i].path);
	free(l->programs);
	l->programs = NULL;
	l->n_programs = 0;
}
