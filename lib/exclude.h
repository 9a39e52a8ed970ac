#pragma once

/*
 * Paths taken out of a JSON value: "meta.ip", "lines[].internal_id", "_*" (* stands for any run of
 * characters in one name), "\"a.b\"" in quotes for a name with a dot or a star. A name with dots
 * that stands whole in the object is meant as well as the nested place. Acts in place.
 */

#include "lib/err.h"

#include <json-c/json_object.h>
#include <stdbool.h>

struct exclude;

/* Compiles one path. -EINVAL with a sentence. */
int exclude_compile(const char *path, struct exclude **ret_exclude, struct err *err);
void exclude_free(struct exclude *e);
const char *exclude_text(const struct exclude *e);

/*
 * What exclude_apply() would do to the member @name of the object it is given: nothing, take it out
 * whole, or change it inside. For callers that share values and copy only what will be changed.
 */
enum exclude_effect { EXCLUDE_NOTHING, EXCLUDE_WHOLE, EXCLUDE_INSIDE };
enum exclude_effect exclude_effect(const struct exclude *e, const char *name);

/* Removes what matches from @value (an object) and returns how many members and items went. */
unsigned exclude_apply(const struct exclude *e, struct json_object *value);
