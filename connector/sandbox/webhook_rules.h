#pragma once

/* Subscriptions to Close's own webhooks: the rules of `/webhook/`. Deliveries are webhooks.h. */

#include "connector/sandbox/visit.h"

void box_finish_webhook(struct box_write *write);
/* Leaves the key out: only the answer to the create tells it. */
void box_render_webhook(struct box_org *org, struct json_object *data, struct json_object *out);

/* POST /webhook/ */
void box_page_subscribe(struct box_visit *v);
