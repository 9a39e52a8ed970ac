#pragma once

/*
 * What Close would have sent to people: e-mails, text messages, invitations. The stand-in sends
 * nothing; it counts, and keeps the latest thousand.
 */

#include "connector/sandbox/org.h"

struct box_sent;

struct box_sent *box_sent_new(void);
void box_sent_free(struct box_sent *sent);

/* @to: whom it is for, an address or a number; NULL: unknown. */
void box_sent_note(struct box_sent *sent, const struct box_object *object, const char *to);

/* {"count": n, "data": [{"object_type", "object_id", "to"}]}. The caller's. */
struct json_object *box_sent_list(const struct box_sent *sent);
