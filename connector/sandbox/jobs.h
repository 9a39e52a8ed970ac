#pragma once

/*
 * What Close does after it has answered: bulk actions, exports, messages that wait to be sent. A
 * job is due when its share of the set time has passed, so a test can hold all of them back, or let
 * them go at once.
 */

#include "connector/sandbox/write.h"

enum { box_job_usual_ms = 1000 };

struct box_jobs;

struct box_jobs *box_jobs_new(void);
void box_jobs_free(struct box_jobs *jobs);

/* How long a job takes from now on, those that are under way too. */
void box_jobs_set_time(struct box_jobs *jobs, uint64_t job_ms);

typedef void (*box_job_fn)(struct box_org *org, const struct box_actor *actor,
                           struct box_object *object);

/*
 * Calls @fn for @object, on behalf of who @actor is, when @halves halves of the time of a job and
 * @more_ms have passed since @actor's now, unless the object has been deleted by then.
 */
void box_jobs_add(struct box_org *org, const struct box_actor *actor, struct box_object *object,
                  unsigned halves, uint64_t more_ms, box_job_fn fn);

/* Does what is due. */
void box_jobs_run(struct box_org *org, uint64_t now_ms, int64_t wall_ms);

/* When the next one is due; false: there is none. */
bool box_jobs_next(struct box_jobs *jobs, uint64_t *ret_at_ms);
