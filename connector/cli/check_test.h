#pragma once

/* `check --test FILE`: records in, the requests a person expects of them out. */

#include "connector/model/exit_code.h"
#include "connector/pipeline/pipeline.h"

#include <json-c/json_object.h>
#include <stdbool.h>

/*
 * Renders each record of the file at @path offline and compares. EXIT_DONE: all agree;
 * EXIT_UNSETTLED: some differ; EXIT_PIPELINE: the file is wrong, which was told on standard error.
 * What differs is printed for people, or with @json added to @results as
 * {"name", "line", "ok", "differences": ["…"]}.
 */
enum exit_code check_test(const struct pipeline *pipeline, const char *path, bool json,
                          struct json_object *results);
