#pragma once

/*
 * What else happens once an object is stored: a status that changed is told in the feed, a message
 * in the outbox goes out, a bulk action begins. @before: its data until then, NULL where it is new.
 */

#include "connector/sandbox/write.h"

typedef void box_after_fn(struct box_org *org, const struct box_actor *actor,
                          struct box_object *object, struct json_object *before);

box_after_fn box_after_lead;
box_after_fn box_after_opportunity;
box_after_fn box_after_task;
box_after_fn box_after_email;
box_after_fn box_after_message; /* of text messages */
box_after_fn box_after_membership;
box_after_fn box_after_unsubscribed;
box_after_fn box_after_subscription;
box_after_fn box_after_bulk;
box_after_fn box_after_export;

/* Whether all contacts' addresses like @email count as unsubscribed. */
void box_mark_unsubscribed(struct box_org *org, const struct box_actor *actor, const char *email,
                           bool is_unsubscribed);
