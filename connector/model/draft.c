#include "connector/model/draft.h"

#include "connector/model/request.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <stdarg.h>
#include <stdlib.h>

struct draft *draft_new(struct record *record, const struct route *route, unsigned ordinal)
{
	struct draft *d = mem_alloc(sizeof(*d));

	d->record = record_ref(record);
	d->route = route;
	d->op = route->op;
	d->ordinal = ordinal;
	return d;
}

/* NOLINTNEXTLINE(misc-no-recursion) */
void draft_free(struct draft *draft)
{
	if (!draft)
		return;
	record_unref(draft->record);
	free(draft->url);
	strlist_free(draft->headers);
	json_object_put(draft->body);
	json_object_put(draft->with);
	json_object_put(draft->written);
	free(draft->identity_field);
	free(draft->identity_value);
	strlist_free(draft->notes);
	strlist_free(draft->excluded);
	if (draft->match)
		lookup_deinit(draft->match);
	free(draft->match);
	for (size_t i = 0; i < draft->n_links; i++)
		draft_link_deinit(&draft->links[i]);
	free(draft->links);
	free(draft->by);
	json_object_put(draft->child);
	free(draft->unresolved);
	free(draft->packed);
	for (size_t i = 0; i < draft->n_rows; i++)
		draft_free(draft->rows[i]); /* which have none */
	free(draft->rows);
	if (draft->refused)
		rejection_deinit(draft->refused);
	free(draft->refused);
	draft_free(draft->update); /* which has none of its own */
	free(draft);
}

struct part *draft_part(const struct draft *draft)
{
	struct part *p = mem_alloc(sizeof(*p));

	*p = (struct part){.id = draft->part,
	                   .record = record_ref(draft->record),
	                   .ordinal = draft->ordinal,
	                   .generation = draft->generation};
	return p;
}

const char *draft_operation(const struct draft *draft)
{
	return draft->op ? draft->op->name : "";
}

/* Which lead it belongs to is not known, whether it is there or is to be made. */
static bool is_row(const struct draft *draft)
{
	const struct batch *batch = draft->route->batch;

	return batch && batch->algorithm == BATCH_NEST && !draft->n_rows;
}

bool draft_is_open(const struct draft *draft)
{
	const struct route *route = draft->route;

	return draft->match || draft->n_links || draft->update || is_row(draft) ||
	       (!draft->is_settled_on && route->method == METHOD_PUT &&
	        (route->append || route->skip_unchanged));
}

void draft_note(struct draft *draft, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	strlist_add(&draft->notes, mem_vprintf(format, args));
	va_end(args);
}

void rejection_deinit(struct rejection *rejection)
{
	free(rejection->message);
	free(rejection->field);
	strlist_free(rejection->lanes);
	*rejection = (struct rejection){0};
}

void rejection_set(struct rejection *rejection, enum reject_class class, const char *field,
                   const char *format, ...)
{
	va_list args;

	rejection_deinit(rejection);
	rejection->class = class;
	rejection->field = mem_strdup(field);
	va_start(args, format);
	rejection->message = mem_vprintf(format, args);
	va_end(args);
}
