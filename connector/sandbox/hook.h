#pragma once

/*
 * A webhook receiver to try with: checks Standard Webhooks signatures
 * (github.com/standard-webhooks/standard-webhooks, version 1), keeps what came, and counts how
 * often.
 */

#include "connector/sandbox/call.h"

struct box_hook;

/* @secret: "whsec_" and base64, or plain text; NULL: signatures are not checked. */
struct box_hook *box_hook_new(const char *secret);
void box_hook_free(struct box_hook *hook);
/* Forgets what came. */
void box_hook_clear(struct box_hook *hook);

/*
 * Takes one delivery. Where it is not to be @accepted (a fault refuses it) it is only counted.
 */
void box_hook_receive(struct box_hook *hook, const struct box_call *call, bool is_accepted,
                      struct box_answer *answer);

/*
 * {"data": [{"id", "event"}] in the order of arrival, repeats included, "count": n of different
 * ids, "attempts": n, "refused": n for their signature, "events": [{"id", "attempts", "accepted"}]}
 */
struct json_object *box_hook_list(const struct box_hook *hook);
