#pragma once

/*
 * Paths taken out of a JSON value: "meta.ip", "lines[].internal_id", "_*" (* stands for any run of
 * characters in one name), "\"a.b\"" in quotes for a name with a dot. Acts in place.
 */

#include "lib/err.h"

#include <json-c/json_object.h>

struct exclude;

/* Compiles one path. -EINVAL with a sentence. */
int exclude_compile(const char *path, struct exclude **ret_exclude, struct err *err);
void exclude_free(struct exclude *e);
const char *exclude_text(const struct exclude *e);

/* Removes what matches from @value (an object) and returns how many members went. */
unsigned exclude_apply(const struct exclude *e, struct json_object *value);
