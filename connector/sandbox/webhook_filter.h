#pragma once

/*
 * The filters of a webhook subscription: what an event must be like besides its object_type and
 * action. A filter is a tree of nodes; field_accessor and any_array_value lead further into the
 * event, the others look at the value they stand at.
 */

#include "lib/err.h"

#include <json-c/json_object.h>
#include <stdbool.h>

/* 0, or -EINVAL and what is wrong with it. */
int box_webhook_filter_check(struct json_object *filter, struct err *err);

/* Whether the event, or what of it the filter stands at, passes. @filter has been checked. */
bool box_webhook_filter_passes(struct json_object *filter, struct json_object *value);
