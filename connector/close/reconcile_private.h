#pragma once

/* What the readers of search, of lists and of the event log share. */

#include "connector/close/reconcile.h"

/* Where objects of a kind are listed: from the catalogue. */
struct crm_place {
	const char *path; /* the one they are posted to */
	const char *by;   /* the key it is cut by; NULL: it is told whole */
	const char *more; /* what the path needs besides */
	bool has_dates, has_pages;
};
bool crm_place_of(const char *object, struct crm_place *ret);
/* As search and the event log call a kind. */
const char *crm_type_of(const char *object);

/* The list "data" in the answer of @of (a path), or NULL with a sentence. */
struct json_object *crm_read_data(struct json_object *answer, const char *of, struct err *err);

/* Equal but for spaces around them. */
bool crm_same_text(const char *a, const char *b);

/* Whether @shown, what an object has under @key, may be what was @sent (no object; not NULL). */
enum crm_likeness crm_compare(const char *key, struct json_object *sent, struct json_object *shown);

/* Adds @id once for each of @sought that @shown, its data, may be. */
void crm_matches_add(struct crm_matches *matches, const struct crm_sought *sought,
                     struct json_object *shown, const char *id, const char *created);

/* The same for each object in @data; -EBADMSG with a sentence where one has no id. */
int crm_read_objects(struct json_object *data, const char *of, const struct crm_sought *sought,
                     struct crm_matches *matches, struct err *err);
