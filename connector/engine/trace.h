#pragma once

/*
 * Creates that Close has accepted with an answer that was cut before the id, and that carry no
 * identity: they stay open (REQUEST_PROBING, and with them what they offer to others) until search
 * shows the object by what others may look it up by. Otherwise the next record of the same key
 * would make a second one.
 */

#include "connector/engine/private.h"

struct trace *trace_new(struct engine *e);
void trace_free(struct trace *trace); /* NULL is ignored */
/* Hook of delivery: the object this create has made can be found again. */
bool trace_can(void *arg, const struct request *request);
void trace_turn(struct engine *e);
bool trace_is_looking(const struct engine *e);
