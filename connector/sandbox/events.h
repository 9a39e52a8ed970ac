#pragma once

/*
 * The event log (`GET /event/`): what was created, updated and deleted, newest first, in pages by
 * cursor. It keeps the latest hundred thousand.
 */

#include "connector/sandbox/store.h"
#include "lib/err.h"

struct box_event {
	const struct box_object *object;
	const char *action;           /* static: "created" */
	struct json_object *data;     /* the object after it; borrowed: the log takes a reference */
	struct json_object *previous; /* before it, of what changed; NULL: nothing */
	const char *request_id, *key_id, *method, *path;
	int64_t wall_ms;
};

struct box_events;

struct box_events *box_events_new(void);
void box_events_free(struct box_events *events);

/*
 * Updates of one object by one user within so many milliseconds of the first are told as one event
 * (Close's page on webhooks says so, not how long); 0, the default: each is told. The event keeps
 * its id and when it began, and comes anew with the latest data and all that has changed.
 */
void box_events_set_consolidation(struct box_events *events, uint64_t ms);
uint64_t box_events_consolidation(const struct box_events *events);

/* Called at each event with its number and what it is about: "lead", "updated". */
typedef void (*box_events_fn)(void *arg, uint64_t seq, const char *type, const char *action);

/* One listener at a time. What the event brings about is not done yet when it is told. */
void box_events_listen(struct box_events *events, box_events_fn fn, void *arg);

void box_events_add(struct box_events *events, struct box_store *store,
                    const struct box_event *event);

/* The event number @seq as it is told, the caller's; NULL: it is no longer kept, or a later one
 * tells it. */
struct json_object *box_events_render(const struct box_events *events, struct box_org *org,
                                      uint64_t seq);

/*
 * The answer to `GET /event/` with @params (a JSON object of texts). NULL and a sentence where the
 * parameters are not allowed.
 */
struct json_object *box_events_page(const struct box_events *events, struct box_org *org,
                                    struct json_object *params, struct err *err);
