#pragma once

/*
 * Books of names (model/names.h) out of Close's answers, and as text that is kept: in the state
 * for the next run, in a lock file for offline use.
 *
 * Custom fields come from GET /custom_field_schema/KIND/, which lists own and shared fields in one
 * answer; everything else (statuses, users, types, templates, …) from its list, page by page.
 */

#include "connector/model/names.h"
#include "lib/err.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

enum { crm_names_page = 100 };

/* Where the book of @kind is asked for, from entry @skip on; to free(). */
char *crm_names_url(const char *kind, size_t skip);
/* The endpoint group those calls count in; static. */
const char *crm_names_group(const char *kind);
/* Whether @kind is one whose book Close has; a type's id must have the shape of an id. */
bool crm_names_is_kind(const char *kind);

/*
 * Adds what @answer (parsed) lists to @book; *ret_has_more: ask for the next page. -EBADMSG with a
 * sentence if it is no such list; then @book is as before.
 */
int crm_names_read(struct json_object *answer, struct name_book *book, bool *ret_has_more,
                   struct err *err);

/* A book as a JSON list of its entries in their order; a new object. */
struct json_object *crm_names_json(const struct name_book *book);
/* And back; -EBADMSG with a sentence where @list was not made so. */
int crm_names_parse(const char *kind, struct json_object *list, struct name_book **ret_book,
                    struct err *err);
