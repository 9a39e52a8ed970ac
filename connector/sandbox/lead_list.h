#pragma once

/* `GET /lead/?query=…`: a list in the old query language, behind writes as all searches are. */

#include "connector/sandbox/call.h"
#include "connector/sandbox/org.h"

void box_lead_list_answer(struct box_org *org, const struct box_call *call,
                          struct box_answer *answer);
