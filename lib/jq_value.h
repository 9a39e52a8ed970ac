#pragma once

/* Values between json-c and libjq. Only lib/jq uses it. */

#include "lib/err.h"

#include <json-c/json_object.h>
#include <jv.h>
#include <stdint.h>

/* 2^53: up to it a double holds every integer. */
static const int64_t jq_exact_integers = INT64_C(9007199254740992);

/* @value as jq sees it; the caller's, to jv_free(). */
jv jq_value_from_json(struct json_object *value);

/*
 * @value (borrowed) as JSON, numbers with the digits jq prints (no number is null, infinity the
 * largest double). Returns 0, or -EINVAL where JSON as we write it cannot hold it: nested deeper
 * than json_max_depth, or a NUL character in a key.
 */
int jq_value_to_json(jv value, struct json_object **ret_value, struct err *err);
