#pragma once

/* Collections and items: the four methods, for every kind of object alike. */

#include "connector/sandbox/visit.h"

void box_collection(struct box_visit *v, const struct box_kind *kind);
/* @id ends at a slash or at its end. */
void box_item(struct box_visit *v, const struct box_kind *kind, const char *id);

/* Creates an object of @kind, or changes @old, as the body says, and answers. */
void box_item_write(struct box_visit *v, const struct box_kind *kind, struct box_object *old);
