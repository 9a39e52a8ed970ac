#pragma once

/* The condition of a field_condition: text, term, number_range and so on, against one value. */

#include "lib/err.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

/* 0, or -EINVAL and what the stand-in does not understand. */
int box_condition_check(struct json_object *condition, struct err *err);

/* What a condition depends on besides itself and the value. */
struct box_viewer {
	const char *user_id; /* "current_user" */
	bool minds_case;     /* exact_value does */
};

/* @value may be NULL (no value) and may be a list, of which one must fit. */
bool box_condition_matches(struct json_object *condition, struct json_object *value,
                           const struct box_viewer *viewer);

/* How many texts the value must equal one of for a match; 0: it is no such condition. */
size_t box_condition_n_equal(struct json_object *condition);
const char *box_condition_equal(struct json_object *condition, size_t at);
