#pragma once

/*
 * One value against one row of a field table, with Close's error texts and shapes (close_api:
 * `errors` and `field-errors`). Pure but for the question whether an id is known.
 */

#include "connector/sandbox/kinds.h"

struct box_check {
	bool (*exists)(void *arg, enum box_kind_id kind, const char *id);
	void *arg;
	bool lowers_email;
};

/*
 * Returns true and what is to be stored (a reference of the caller's; NULL is JSON's null), or
 * false and the error: a text, or for nested data an object of `errors` and `field-errors`.
 */
bool box_validate(const struct box_field *field, struct json_object *value,
                  const struct box_check *check, struct json_object **ret_clean,
                  struct json_object **ret_error);

/* {"errors": …, "field-errors": …}; takes both, NULL means empty. */
struct json_object *box_complaint(struct json_object *errors, struct json_object *field_errors);

/* The name Close blames for a field: "lead" for "lead_id". To free(). */
char *box_blamed_name(const struct box_field *field);

/* The value a create stores where the body has none; *ret_has is false where that is nothing. */
struct json_object *box_default(const struct box_field *field, bool *ret_has);
