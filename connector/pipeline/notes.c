#include "connector/pipeline/keys.h"
#include "lib/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file can be wrong in more places than anybody reads about. */
enum { notes_max = 200 };

static void __attribute__((format(printf, 4, 0)))
add_note(struct loader *l, const struct yaml_node *at, bool is_warning, const char *format,
         va_list args)
{
	struct pipeline *p = l->pipeline;
	struct pipeline_note *note;
	char *said;

	if (p->n_notes == notes_max)
		return;
	p->notes = mem_grow(p->notes, p->n_notes, &l->cap_notes, sizeof(*note));
	note = &p->notes[p->n_notes++];
	said = mem_vprintf(format, args);
	*note = (struct pipeline_note){
		.layer = l->layer,
		.line = at ? at->line : 0,
		.column = at ? at->column : 0,
		.is_warning = is_warning,
		.text = l->path[0] ? mem_printf("%s: %s", l->path, said) : mem_strdup(said),
	};
	free(said);
	if (!is_warning)
		p->n_errors++;
}

void fail(struct loader *l, const struct yaml_node *at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_note(l, at, false, format, args);
	va_end(args);
}

void warn(struct loader *l, const struct yaml_node *at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_note(l, at, true, format, args);
	va_end(args);
}

void fail_later(struct loader *l, const struct yaml_node *at)
{
	fail(l, at, "not available yet in this version: take it out");
}

size_t path_enter(struct loader *l, const char *step)
{
	const size_t mark = strlen(l->path);

	(void)snprintf(l->path + mark, sizeof(l->path) - mark, "%s%.60s", mark ? "." : "", step);
	return mark;
}

size_t path_enter_item(struct loader *l, size_t index)
{
	const size_t mark = strlen(l->path);

	(void)snprintf(l->path + mark, sizeof(l->path) - mark, "[%zu]", index);
	return mark;
}

void path_leave(struct loader *l, size_t mark)
{
	l->path[mark] = '\0';
}
