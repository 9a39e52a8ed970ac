#pragma once

/*
 * Makes a query of hundreds of alternatives quick: what asks the same of different values is asked
 * once, of all of them. The query must have passed box_query_check().
 */

#include <json-c/json_object.h>
#include <stdbool.h>

/* The same query, folded; the caller's. */
struct json_object *box_query_fold(struct json_object *node, bool minds_case);
