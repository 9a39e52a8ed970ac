#pragma once

/*
 * Tells a receiver of events by the rules of Standard Webhooks 1.0: each event is a POST, signed
 * anew at each try, its id the same. Events of one lane go one after another, a later one only when
 * the earlier was accepted; lanes go in parallel. Nothing is ever given up: what is not accepted is
 * tried again (connector/respond/webhook_pace.h says when), and what is pending at the end is still
 * owed. Redirects are never followed; the address is checked at connect time.
 */

#include "connector/model/event.h"
#include "lib/err.h"
#include "lib/http.h"
#include "lib/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	webhook_connections = 16,            /* events in flight at most */
	webhook_pending_max = 4096,          /* events it has room for */
	webhook_pending_bytes = 4 * 1048576, /* and bytes of their bodies */
};

struct webhook;

enum webhook_state {
	WEBHOOK_FLOWING,
	WEBHOOK_DOWN, /* the receiver does not accept: one event at a time tries it */
	WEBHOOK_GONE, /* it answered 410: nothing is sent any more */
};

/* All are called from the loop, never from inside webhook_offer(), and must not free the webhook.
 */
struct webhook_hooks {
	void (*accepted)(void *arg, uint64_t seq, size_t body_len);
	/* A try failed; @attempts counts all tries of the event. */
	void (*postponed)(void *arg, uint64_t seq, unsigned attempts, int64_t next_try_wall_ms);
	/* The state is another now; @why is a sentence for people. */
	void (*changed)(void *arg, enum webhook_state state, const char *why);
	/* A try has ended, for those who watch. NULL: nobody does. */
	void (*heard)(void *arg, const struct event *event, const struct http_answer *answer);
	void *arg;
};

struct webhook_config {
	const char *url;
	const char *secrets[2];     /* the second NULL unless it rotates */
	const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
	unsigned timeout_ms;        /* of one try; 0: 20 s */
	bool allow_private;         /* the address may be a private one */
	struct webhook_hooks hooks;
};

/* -EINVAL with a sentence for a secret or URL that cannot be used. Strings are copied. */
int webhook_new(struct loop *loop, const struct webhook_config *config,
                struct webhook **ret_webhook, struct err *err);

/* Ends what is in flight without calling a hook. NULL is ignored. */
void webhook_free(struct webhook *webhook);

/* Room for one more? Past it the events stay where they are kept until some are accepted. */
bool webhook_has_room(const struct webhook *webhook);

/*
 * Takes an event that is owed, also one that was tried before a restart (attempts,
 * next_try_wall_ms). Events of a lane are offered in the order of seq.
 */
void webhook_offer(struct webhook *webhook, struct event *takes_event);

/* Events offered and not accepted yet. */
size_t webhook_pending(const struct webhook *webhook);

/*
 * Ends all waits: every event is tried as soon as there is a connection for it. A receiver that
 * wanted no more is asked again.
 */
void webhook_try_now(struct webhook *webhook);

enum webhook_state webhook_state(const struct webhook *webhook);

/* Why the last event was not accepted, for people; "" where the last one was, or none was tried. */
const char *webhook_trouble(const struct webhook *webhook);
