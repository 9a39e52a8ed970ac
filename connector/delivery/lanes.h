#pragma once

/*
 * Who may be on the wire at the same time. A request owns its target and shares the objects it
 * names: owners exclude everybody, sharers only owners. Each lane is a queue in the order of
 * entering, and a request enters all its lanes at once, so order is the source's and nobody waits
 * in a circle.
 */

#include "connector/model/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lanes;
struct lane_place; /* a request's places in its lanes */

struct lanes *lanes_new(void);
void lanes_free(struct lanes *lanes);

/*
 * Queues @request in all its lanes, behind whoever is there. @ready is called when nothing stands
 * before it in any of them: at once from inside, or later from a lanes_leave(). It must not call
 * back into the lanes.
 */
struct lane_place *lanes_enter(struct lanes *lanes, struct request *request,
                               void (*ready)(void *arg, struct request *request), void *arg);

/* Gives the places up (also before being ready) and lets whoever is next go. Frees @place. */
void lanes_leave(struct lanes *lanes, struct lane_place *place);

/*
 * @is_empty is told of each lane that nobody is in any more; it must not call back into the lanes.
 * NULL: nobody is told.
 */
void lanes_watch(struct lanes *lanes, void (*is_empty)(void *arg, const char *key), void *arg);

/* Nothing stands before it. */
bool lanes_is_ready(const struct lane_place *place);

/* Nobody is in the lane, or stands in its queue, as owner or (@or_shared) as sharer. */
bool lanes_is_free(const struct lanes *lanes, const char *key, bool or_shared);

/* Closes @key to everybody who comes later, as an owner that is on no wire; to lanes_leave(). */
struct lane_place *lanes_close(struct lanes *lanes, const char *key);

/* The first of its keys where somebody waits behind it; until it is left. NULL: nobody waits. */
const char *lanes_waited_for(const struct lane_place *place);
