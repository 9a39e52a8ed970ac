#pragma once

/*
 * Close's own webhooks: what happens is told to everybody who subscribed to it under `/webhook/`,
 * by POST, signed, and again after a while where it was not taken. To addresses of this machine
 * only: the stand-in calls nobody else. Nothing here waits: deliveries are transfers of the loop.
 *
 * How often and how long it tries is Close's unless it is set to less, which tests want.
 */

#include "connector/sandbox/events.h"
#include "lib/loop.h"

enum {
	box_webhook_first_wait_ms = 1000, /* after the first failure; doubled after each */
	box_webhook_longest_wait_ms = 20 * 60 * 1000,
	box_webhook_give_up_ms = 72 * 3600 * 1000, /* of failure, and a subscription is paused */
	box_webhook_max_queue = 100000,            /* so many events that wait pause it, too */
};

struct box_webhook_times {
	uint64_t first_wait_ms, give_up_ms, max_queue;
};

struct box_webhooks;

struct box_webhooks *box_webhooks_new(struct loop *loop);
void box_webhooks_free(struct box_webhooks *webhooks);

struct box_webhook_times box_webhooks_times(const struct box_webhooks *webhooks);
/* What waits for consolidation is planned anew, by what org->events says of that now. */
void box_webhooks_set_times(struct box_webhooks *webhooks, const struct box_webhook_times *times);

/* From now on @org's events are told; what waited for another organization is forgotten. */
void box_webhooks_serve(struct box_webhooks *webhooks, struct box_org *org);

/*
 * How deliveries stand: {"data": [{"subscription_id", "waiting", "attempts", "last_status",
 * "last_error"}], "delivered", "failed"}, a row for each subscription that something happened for.
 */
struct json_object *box_webhooks_list(const struct box_webhooks *webhooks);
