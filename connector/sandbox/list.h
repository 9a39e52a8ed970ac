#pragma once

/* `GET` of a collection: filters, order, pages; and the choice of fields everywhere. */

#include "connector/sandbox/call.h"
#include "connector/sandbox/org.h"

/* Answers the list of @kind as the call's query wants it. */
void box_list_answer(struct box_org *org, const struct box_kind *kind, const struct box_call *call,
                     struct box_answer *answer);

/* Cuts @object down to the names in @fields ("id,name,custom"); NULL or "_all" leaves it whole. */
struct json_object *box_pick(struct json_object *object, const char *fields);
