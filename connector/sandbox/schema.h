#pragma once

/*
 * The two endpoints about custom fields that are no collection of objects: the schema of a kind of
 * object, and the associations of a shared field.
 */

#include "connector/sandbox/call.h"
#include "connector/sandbox/write.h"

/* Each answers @call, whose body is @body (NULL: none). Returns whether something was changed. */
bool box_schema_answer(struct box_org *org, const struct box_call *call, struct json_object *body,
                       struct box_answer *answer);
bool box_association_answer(struct box_org *org, const struct box_actor *actor,
                            const struct box_call *call, struct json_object *body,
                            struct box_answer *answer);
