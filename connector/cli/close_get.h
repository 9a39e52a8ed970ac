#pragma once

/* One read of Close by a verb that runs no pipeline: it writes nothing and touches no state. */

#include "connector/model/exit_code.h"
#include "connector/pipeline/pipeline.h"

#include <json-c/json_object.h>

/*
 * Asks GET @path (below base_url). Returns EXIT_DONE with the answer, an object or list of the
 * caller's; 69 where Close cannot be reached or answers otherwise (*ret_status, may be NULL: the
 * status, 0: none came), 77 where it refuses the key, with a sentence. @pipeline was loaded with
 * its secrets.
 */
enum exit_code close_get(const struct pipeline *pipeline, const char *path,
                         struct json_object **ret_answer, long *ret_status, struct err *err);
