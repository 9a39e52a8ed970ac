#pragma once

/* How records of a route share a call: `batch` of the pipeline file as plain data. */

#include "lib/template.h"

#include <stddef.h>
#include <stdint.h>

enum batch_algorithm {
	BATCH_ARRAY,       /* [r1, r2] */
	BATCH_KEYED_ARRAY, /* {"items": [r1, r2]} */
	BATCH_EXPRESSION,  /* what a jq program makes of the list */
	BATCH_MERGE,       /* updates of one object folded into one */
	BATCH_NEST,        /* rows of one company: one lead with its contacts */
};

struct batch {
	enum batch_algorithm algorithm;
	size_t size;      /* records in one call at most */
	uint64_t wait_ms; /* how long the first waits for others */
	uint64_t bytes;   /* of one call's body at most; a larger record goes alone */
	char *key;        /* keyed_array: of the list */
	/*
	 * keyed_array: rendered for each record; members of `each` are laid over its body, and only
	 * records whose `with` is the same share a call. NULL: none.
	 */
	struct template_tree *with, *each;
	/* merge (NULL: the target) and nest: what records that share a call have in common. */
	struct template *by;
	char *into;                  /* nest: the parent's list, "contacts" */
	struct template_tree *child; /* nest: what each row puts into it */
	unsigned jq; /* expression: the number of its program in the route_set's jq */
};

void batch_free(struct batch *batch); /* NULL is ignored */
