#pragma once

/* One value by which an object of Close can be found again: model/lookup.h says how. */

struct remembered {
	char *kind, *field, *value; /* folded */
	char *object_id;
	char *lead_id; /* of the object's lead; NULL: it is not known, or it is a lead */
};

void remembered_deinit(struct remembered *item);
