#include "connector/engine/nest.h"

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <assert.h>
#include <string.h>

static const char prefix[] = "nest ";
const char nest_offers[] = "lead nest\\ "; /* the space of a name is escaped */

static bool is_nest(const struct draft *draft)
{
	const struct batch *batch = draft->route->batch;

	return batch && batch->algorithm == BATCH_NEST;
}

bool nest_is_row(const struct draft *draft)
{
	return is_nest(draft) && !draft->n_rows;
}

bool nest_is_used(const struct route_set *routes)
{
	for (size_t i = 0; i < routes->n; i++)
		if (routes->items[i].batch && routes->items[i].batch->algorithm == BATCH_NEST)
			return true;
	return false;
}

/* What it is known by */

static char *field_of(const char *route)
{
	return mem_printf("%s%s", prefix, route);
}

static char *text_of(const char *route, const char *by)
{
	cleanup_(freep) char *folded = lookup_fold(LIKE_TEXT, by);
	cleanup_(freep) char *field = field_of(route);

	return lookup_field_text("lead", field, folded);
}

char *nest_text(const struct draft *draft)
{
	return is_nest(draft) ? text_of(draft->route->name, draft->by) : NULL;
}

/* What the rows of a request that makes a lead had in common; to free(). NULL: it has none. */
static char *by_of_part(const struct request *request, size_t i)
{
	const char *text = request->n_parts ? request->parts[i].draft : NULL;
	cleanup_(json_freep) struct json_object *row = NULL;

	if (!text || strcmp(request->operation, "lead.create") != 0)
		return NULL;
	(void)json_parse(text, strlen(text), json_depth_limit, &row, NULL, NULL);
	return mem_strdup(json_get_string(row, "by"));
}

char *nest_text_of_part(const struct request *request, size_t i)
{
	cleanup_(freep) char *by = by_of_part(request, i);

	return by ? text_of(request->route, by) : NULL;
}

bool nest_is_key(const struct lookup_key *key)
{
	return key->n == 1 && !strncmp(key->fields[0].name, prefix, strlen(prefix));
}

enum look nest_look(struct engine *e, const struct lookup_key *key, struct looked *ret)
{
	const struct lookup_field *field = &key->fields[0];

	ret->id = journal_find_object(e->journal, "lead", field->name, field->folded);
	if (!ret->id)
		return LOOK_NONE;
	if (*ret->id) {
		ret->n = 1;
		ret->is_remembered = true;
		return LOOK_FOUND;
	}
	ret->trouble = mem_printf("the lead of \"%.100s\" was made by an earlier call, but nobody "
	                          "knows its id; write a match that finds it",
	                          field->value);
	return LOOK_TROUBLE;
}

void nest_remember(struct engine *e, const struct request *request)
{
	cleanup_(freep) char *by =
		request->state == REQUEST_APPLIED ? by_of_part(request, 0) : NULL;
	cleanup_(freep) char *field = by ? field_of(request->route) : NULL;
	cleanup_(freep) char *folded = by ? lookup_fold(LIKE_TEXT, by) : NULL;

	if (by)
		journal_put_object(e->journal,
		                   &(struct request){.object = request->object,
		                                     .identity_field = field,
		                                     .identity_value = folded,
		                                     .object_id = request->object_id},
		                   loop_wall_ms(e->loop));
}

/* Rows and their lead */

struct draft *nest_fold(struct draft **takes_rows, size_t n)
{
	struct draft *nest = gather_nest(takes_rows, n);
	cleanup_(freep) char *field = field_of(nest->route->name);

	if (!nest->match) {
		nest->match = mem_alloc(sizeof(*nest->match));
		nest->match->kind = mem_strdup("lead");
	}
	lookup_add_field(lookup_add_key(nest->match), field, nest->by, LIKE_TEXT);
	return nest;
}

struct draft *nest_alone(struct draft *takes_row)
{
	struct draft **rows = mem_array(1, sizeof(struct draft *));

	rows[0] = takes_row;
	return nest_fold(rows, 1);
}

void nest_send(struct engine *e, struct draft **takes_rows, size_t n)
{
	while (n) {
		struct draft **behind;
		const size_t n_behind = nest_part_between(e, takes_rows, n, &behind);

		resolve_add(e, nest_fold(takes_rows, n - n_behind));
		takes_rows = behind;
		n = n_behind;
	}
}

/* A lead that is there */

/*
 * The rows that say no more than the update does; where each has a contact, the last, which comes
 * to it behind the others.
 */
static size_t choose_rows(struct draft *const *rows, size_t n, bool *ret_is_chosen)
{
	size_t n_chosen = 0, last = n;

	for (size_t i = 0; i < n; i++) {
		ret_is_chosen[i] = !rows[i]->is_settled_on && !rows[i]->child;
		n_chosen += ret_is_chosen[i];
		if (!rows[i]->is_settled_on)
			last = i;
	}
	if (n_chosen || last == n)
		return n_chosen;
	ret_is_chosen[last] = true;
	return 1;
}

/* Rows may have nothing but their contacts. */
static bool says_something(const struct draft *update)
{
	return update && (update->n_links || json_object_object_length(update->body));
}

/* The rows that are not chosen come again behind the update, which they need not wait for. */
static void part_rows(struct engine *e, struct draft *d, const bool *is_chosen, size_t n_chosen,
                      bool is_again)
{
	const size_t n = d->n_rows, n_others = n - n_chosen;
	struct draft **others = n_others ? mem_array(n_others, sizeof(struct draft *)) : NULL;
	size_t to = 0, to_others = 0;

	for (size_t i = 0; i < n; i++) {
		if (is_chosen[i]) {
			d->rows[to++] = d->rows[i];
			continue;
		}
		d->rows[i]->is_settled_on = true;
		assert(others);
		others[to_others++] = d->rows[i];
	}
	d->n_rows = to;
	if (others)
		resolve_add_again(e, nest_fold(others, n_others))->is_again = is_again;
}

bool nest_divide(struct engine *e, struct resolving *r, const char *lead_id)
{
	struct draft *d = r->draft;
	cleanup_(freep) bool *is_chosen = mem_array(d->n_rows, sizeof(bool));
	const size_t n_chosen =
		says_something(d->update) ? choose_rows(d->rows, d->n_rows, is_chosen) : 0;

	if (!n_chosen) {
		r->nest_lead = mem_strdup(lead_id);
		return true;
	}
	part_rows(e, d, is_chosen, n_chosen, r->is_again);
	d->update->rows = steal(&d->rows);
	d->update->n_rows = d->n_rows;
	d->n_rows = 0;
	return false;
}

bool nest_skips_update(struct engine *e, struct resolving *r)
{
	struct draft *d = r->draft;

	if (d->n_rows != 1 || d->route->method != METHOD_PUT || !d->rows[0]->child)
		return false;
	d->rows[0]->is_settled_on = true;
	d->n_rows = 0;
	resolve_add_again(e, nest_fold(steal(&d->rows), 1))->is_again = r->is_again;
	return true;
}
