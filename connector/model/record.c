#include "connector/model/record.h"

#include "lib/mem.h"

#include <assert.h>
#include <stdlib.h>

struct record *record_new(void)
{
	struct record *r = mem_alloc(sizeof(*r));

	r->refs = 1;
	return r;
}

struct record *record_ref(struct record *r)
{
	r->refs++;
	return r;
}

void record_unref(struct record *r)
{
	if (!r)
		return;
	assert(r->refs > 0);
	if (--r->refs)
		return;
	json_object_put(r->value);
	free(r->source_name);
	free(r->raw);
	free(r->outputs);
	free(r->fault_text);
	free(r);
}

void record_unrefp(struct record **r)
{
	record_unref(*r);
}
