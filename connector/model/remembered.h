#pragma once

#include <stdint.h>

/* Where an output stands in its source. */
struct output_place {
	uint64_t stream, pos; /* of its record; stream 0: nowhere */
	unsigned ordinal;
};

/* One value by which an object of Close can be found again: model/lookup.h says how. */

struct remembered {
	char *kind, *field, *value; /* folded */
	char *object_id;
	char *lead_id; /* of the object's lead; NULL: it is not known, or it is a lead */
	/* Of the last output that was to make an object with this value; nowhere: not known. */
	struct output_place made;
};

void remembered_deinit(struct remembered *item);
