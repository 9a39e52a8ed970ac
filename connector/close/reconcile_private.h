#pragma once

/* What the readers of search, of lists and of the event log share. */

#include "connector/close/reconcile.h"

/* A kind of object that can carry an identity, and where it is seen. */
struct crm_kind {
	const char *object;     /* the catalogue's name */
	const char *type;       /* as search and the event log call it */
	const char *list;       /* path of the list that can be cut to one lead; NULL: none */
	const char *list_group; /* what a GET of it counts in */
};

/* NULL: no objects of that kind can be found by a custom field. */
const struct crm_kind *crm_kind_find(const char *object);

/* The list "data" in the answer of @of (a path), or NULL with a sentence. */
struct json_object *crm_read_data(struct json_object *answer, const char *of, struct err *err);

/* Adds @id once for each of @values that @field of @values_of holds. */
void crm_matches_add(struct crm_matches *matches, struct json_object *values_of, const char *field,
                     const char *const *values, size_t n_values, const char *id,
                     const char *created);

/* The same for each object in @data; -EBADMSG with a sentence where one has no id. */
int crm_read_objects(struct json_object *data, const char *of, const char *field,
                     const char *const *values, size_t n_values, struct crm_matches *matches,
                     struct err *err);
