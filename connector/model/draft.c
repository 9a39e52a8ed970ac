#include "connector/model/draft.h"

#include "lib/mem.h"

#include <stdarg.h>
#include <stdlib.h>

struct draft *draft_new(struct record *record, const struct route *route, unsigned ordinal)
{
	struct draft *d = mem_alloc(sizeof(*d));

	d->record = record_ref(record);
	d->route = route;
	d->ordinal = ordinal;
	return d;
}

static void free_list(char **list)
{
	for (char **item = list; item && *item; item++)
		free(*item);
	free(list);
}

void draft_free(struct draft *draft)
{
	if (!draft)
		return;
	record_unref(draft->record);
	free(draft->url);
	free_list(draft->headers);
	json_object_put(draft->body);
	free(draft->identity_field);
	free(draft->identity_value);
	free_list(draft->notes);
	free_list(draft->excluded);
	free(draft);
}

void draft_note(struct draft *draft, const char *format, ...)
{
	size_t n = 0;
	va_list args;

	while (draft->notes && draft->notes[n])
		n++;
	draft->notes = mem_resize(draft->notes, n + 2, sizeof(char *));
	va_start(args, format);
	draft->notes[n] = mem_vprintf(format, args);
	va_end(args);
	draft->notes[n + 1] = NULL;
}

void rejection_deinit(struct rejection *rejection)
{
	free(rejection->message);
	free(rejection->field);
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
