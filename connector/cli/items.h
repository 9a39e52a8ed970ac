#pragma once

/* What the verbs about rejected and held items share. */

#include "connector/cli/cli.h"

#include <json-c/json_object.h>

/* EXIT_DONE if the arguments from @from on are ids, else tells the first that is none. */
enum exit_code items_check_ids(const struct cli *cli, size_t from);

/* An id that was checked, as a new object. */
struct json_object *items_id(const char *text);

/* The arguments from @from on as a list of ids. A new object. */
struct json_object *items_ids(const struct cli *cli, size_t from);

/*
 * What a list of results makes the process end with: 75 if one is not settled yet, else 1 if one is
 * rejected or held again, else 0. No list (NULL) is 0.
 */
enum exit_code items_exit_code(struct json_object *results);
