#pragma once

/* `GET /_sandbox/requests`: what arrived, in order, and what became of it. The latest 200,000. */

#include "connector/sandbox/call.h"

struct box_requests;

struct box_requests *box_requests_new(void);
void box_requests_free(struct box_requests *requests);

/* Gives the call its number and keeps a reference. */
void box_requests_add(struct box_requests *requests, struct box_call *call);

/* {"data": […], "last": N, "forgotten": N} of those after number @after, at most @limit. */
struct json_object *box_requests_list(const struct box_requests *requests, uint64_t after,
                                      size_t limit);
