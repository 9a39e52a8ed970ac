#include "connector/source/source.h"

int source_next(struct source *source, struct record **ret_record, struct err *err)
{
	return source->type->next(source, ret_record, err);
}

int source_fd(const struct source *source)
{
	return source->type->fd(source);
}

void source_mark(struct source *source)
{
	source->type->mark(source);
}

bool source_know(struct source *source, struct stream *stream)
{
	return source->type->know(source, stream);
}

struct source_position source_position(const struct source *source)
{
	return source->type->position(source);
}

void source_free(struct source *source)
{
	if (source)
		source->type->free(source);
}

void source_freep(struct source **source)
{
	source_free(*source);
}
