#pragma once

/*
 * The values by which objects are found, out of an object as Close shows it or a body makes it.
 * For the rest of connector/close alone.
 */

#include <json-c/json_object.h>
#include <stdbool.h>

/* @text is valid during the call alone. */
typedef void crm_value_fn(void *arg, const char *text);

/*
 * Calls @fn with each value of @field ("email", "name", "custom.cf_…", …) that @object of @kind
 * has: each item of a list, numbers as text, of a lead those of its contacts as well.
 */
void crm_each_value(struct json_object *object, const char *kind, const char *field,
                    crm_value_fn *fn, void *arg);

/* The list of a contact that has the values of @field: "emails" of "email"; NULL: none has. */
const char *crm_contact_list(const char *field);
