#pragma once

/* Deleting and merging, with everything that goes along. */

#include "connector/sandbox/write.h"

/*
 * Deletes the object and what cannot be without it: all below a lead, the messages of a thread, the
 * subscriptions of a sequence. Returns NULL, or the sentence why it may not be.
 */
const char *box_delete(struct box_org *org, const struct box_actor *actor,
                       struct box_object *object);

/* Moves all that is below the lead @source to the lead @destination, and deletes @source. */
void box_merge(struct box_org *org, const struct box_actor *actor, struct box_object *source,
               struct box_object *destination);
