#include "connector/model/record.h"

#include "lib/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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
	json_object_put(r->message_key);
	json_object_put(r->headers);
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

uint64_t record_raw_len(const struct record *r)
{
	return r->edited_len ? r->edited_len : r->len;
}

void record_edit(struct record *r, const char *text)
{
	free(r->raw);
	r->raw = mem_strdup(text);
	r->edited_len = strlen(text);
	json_object_put(r->value);
	r->value = NULL;
	r->fault = RECORD_OK;
	free(r->fault_text);
	r->fault_text = NULL;
}
