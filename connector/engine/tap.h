#pragma once

/*
 * Watching the calls of a run (`closefeed tap`). Whoever watches asks again and again for what has
 * come since; between two questions the last calls are kept, within bounds, so a reader that is
 * slow, or gone, holds up nothing: it is told how many it did not see. While nobody has asked for
 * a quarter of a minute a call costs an addition.
 */

#include "connector/engine/private.h"

enum {
	tap_kept = 256,           /* calls … */
	tap_kept_bytes = 1 << 20, /* … and bytes of their texts */
	tap_body_bytes = 4096,    /* of a body, at most */
	tap_watchers = 8,         /* questions that wait at the same time */
	tap_wait_ms = 5000,       /* how long a question waits for something to come */
	tap_gone_ms = 15000,      /* who has not asked for so long does not watch any more */
};

struct tap *tap_new(struct engine *e);
void tap_free(struct tap *tap); /* nobody may wait; NULL is ignored */

/* Hooks of delivery and of the webhook: a call to Close, a try to tell an event, has ended. */
void tap_call(void *arg, const struct delivery_exchange *x, const struct http_answer *answer);
void tap_event(void *arg, const struct event *event, const struct http_answer *answer);

/*
 * {"calls", "events": how many were known at the last answer, absent in the first question;
 * "with_events"}. Answered, at the latest after tap_wait_ms, with {"calls", "events", "exchanges":
 * JSON texts, "missed", "ended"}: the numbers to ask on with, what came, how many of those are kept
 * no more, and whether nothing more comes.
 */
void tap_ask(struct tap *tap, struct json_object *request, struct control_question *question);
/* After a turn's commit: answers those for whom something came. */
void tap_turn(struct tap *tap);
/* The run ends: answers all who wait. NULL is ignored. */
void tap_end(struct tap *tap);
