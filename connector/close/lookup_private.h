#pragma once

/* What the parts of a question about lookups share (lookup.c, lookup_condition.c). */

#include "connector/model/lookup.h"
#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* "custom.…" */
bool crm_is_custom(const char *field);

/* Adds @takes_text behind the others of *@list, unless it is there. */
void crm_add_once(char ***list, char *takes_text);

void crm_add_string(struct buf *out, const char *text);

/*
 * Adds a query for each value of @fields, all of one name and compared alike, with commas between
 * them and before the first one where *@is_first is false. @type: what has the field: the object
 * itself, or "contact_email" and the like.
 */
void crm_add_values(struct buf *out, const char *type, const struct lookup_field *const *fields,
                    size_t n, bool *is_first);
