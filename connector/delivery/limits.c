#include "connector/delivery/limits.h"

#include "lib/mem.h"
#include "lib/plural.h"
#include "lib/test_hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	first_of_route = 25, /* a route whose first calls are all rejected is written wrong */
	rejects_in_a_row = 1000,
	share_counts_from = 100, /* a share of fewer answers says nothing */
	row_that_stops = 5,
};

void limits_init(struct limits *l, enum limit_kind kind, uint64_t n)
{
	*l = (struct limits){.kind = kind, .n = n};
}

static void free_counts(struct limit_count *counts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(counts[i].key);
	free(counts);
}

void limits_deinit(struct limits *l)
{
	free_counts(l->routes, l->n_routes);
	free_counts(l->forbidden, l->n_forbidden);
	*l = (struct limits){0};
}

void limits_go_on(struct limits *l, struct limits *before)
{
	const struct limits fresh = *l;

	*l = *before;
	l->kind = fresh.kind;
	l->n = fresh.n;
	*before = (struct limits){0};
}

static struct limit_count *count_of(struct limit_count **counts, size_t *n, const char *key)
{
	for (size_t i = 0; i < *n; i++)
		if (!strcmp((*counts)[i].key, key))
			return &(*counts)[i];
	*counts = mem_resize(*counts, *n + 1, sizeof(**counts));
	(*counts)[*n] = (struct limit_count){.key = mem_strdup(key)};
	return &(*counts)[(*n)++];
}

static const char *over_default(const struct limits *l, const struct limit_count *route,
                                char text[static 256])
{
	if (route->n_answers == first_of_route && route->n_rejects == first_of_route)
		(void)snprintf(text, 256,
		               "the first %d calls of route \"%s\" were all rejected by Close",
		               first_of_route, route->key);
	else if (l->rejects_in_a_row >= rejects_in_a_row)
		(void)snprintf(text, 256, "Close rejected %d calls in a row", rejects_in_a_row);
	else
		return NULL;
	return text;
}

const char *limits_reject(struct limits *l, const char *route, char text[static 256])
{
	struct limit_count *c = count_of(&l->routes, &l->n_routes, route);

	c->n_answers++;
	c->n_rejects++;
	l->n_answers++;
	l->n_rejects++;
	l->rejects_in_a_row++;

	switch (l->kind) {
	case LIMIT_DEFAULT:
		return over_default(l, c, text);
	case LIMIT_NONE:
		return NULL;
	case LIMIT_COUNT:
		if (l->n_rejects <= l->n)
			return NULL;
		(void)snprintf(text, 256,
		               "Close rejected %llu call%s, more than delivery.max_rejects: %llu",
		               (unsigned long long)l->n_rejects, plural(l->n_rejects, "", "s"),
		               (unsigned long long)l->n);
		return text;
	case LIMIT_SHARE:
		if (l->n_answers < share_counts_from || l->n_rejects * 100 <= l->n_answers * l->n)
			return NULL;
		(void)snprintf(
			text, 256,
			"Close rejected %llu of %llu calls, more than delivery.max_rejects: %llu%%",
			(unsigned long long)l->n_rejects, (unsigned long long)l->n_answers,
			(unsigned long long)l->n);
		return text;
	}
	return NULL;
}

void limits_delivered(struct limits *l, const char *route, const char *operation)
{
	count_of(&l->routes, &l->n_routes, route)->n_answers++;
	l->n_answers++;
	l->rejects_in_a_row = 0;
	count_of(&l->forbidden, &l->n_forbidden, operation)->in_a_row = 0;
}

bool limits_forbidden(struct limits *l, const char *operation)
{
	return ++count_of(&l->forbidden, &l->n_forbidden, operation)->in_a_row >= row_that_stops;
}

bool limits_unreadable(struct limits *l)
{
	return ++l->unreadable_in_a_row >= row_that_stops;
}

void limits_readable(struct limits *l)
{
	l->unreadable_in_a_row = 0;
}

bool limits_may_destroy(const struct limits *l, uint64_t max, char text[static 400])
{
	if (l->n_destroyed < max || hook_without("max_destroys"))
		return true;
	if (!max)
		(void)snprintf(text, 400,
		               "delivery.max_destroys: 0 lets a run delete and merge nothing, so "
		               "it stops before the first; nothing is rejected. If it is meant, "
		               "write a higher number");
	else
		(void)snprintf(
			text, 400,
			"this run has made %llu %s, as many as delivery.max_destroys lets it, so it "
			"stops before the next one; nothing is rejected. If they are meant, run again, "
			"which may make as many more, or write a higher number",
			(unsigned long long)l->n_destroyed,
			plural(l->n_destroyed, "delete or merge", "deletes and merges"));
	return false;
}
