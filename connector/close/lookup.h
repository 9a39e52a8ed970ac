#pragma once

/*
 * How Close is asked for lookups (model/lookup.h), and what its answers say. Pure builders and
 * readers; asking, waiting and remembering are the engine's.
 *
 * Objects (lead, contact, opportunity, custom_object) are found by /data/search/, many keys of the
 * same shape (kind and names of fields) in one question; search lags behind writes and finds words
 * in their neighbourhood, so equality is decided again here, on what comes back. Things with a name
 * (users, statuses, fields, …) have lists, which are read whole into books (close/names.h).
 */

#include "connector/close/reconcile.h"
#include "connector/model/lookup.h"
#include "connector/model/names.h"
#include "connector/model/remembered.h"
#include "connector/model/route.h"
#include "lib/err.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	crm_lookup_keys = 250,        /* in one question at most */
	crm_lookup_bytes = 128 << 10, /* of its keys (crm_lookup_weight()): the asker minds it */
};

/* Whether search is asked for objects of this kind by a field of this name; else it has a book. */
bool crm_lookup_is_search(const char *kind);
/* The book (model/names.h) that holds things of this kind; to free(). NULL: search knows them. */
char *crm_lookup_book(const char *kind);

/* Whether two keys may stand in one question: the same names of fields, compared alike. */
bool crm_lookup_goes_with(const char *kind_a, const struct lookup_key *a, const char *kind_b,
                          const struct lookup_key *b);

/*
 * Bytes that @key adds to a question, at most: an e-mail takes some 400, a url, which is asked for
 * in all its spellings, 1,500. A key that is too much for a question stands alone in one.
 */
size_t crm_lookup_weight(const char *kind, const struct lookup_key *key);

/*
 * The body that asks for the objects of @kind that fit one of @keys, oldest first, with all that is
 * needed to decide which key they fit and what of @watched to remember. E-mails are asked for as
 * written and in small letters. A key may have a field "lead_id" (LIKE_TEXT) beside its own: only
 * objects of that lead. @cursor: of the page before, NULL for the first. To free().
 */
char *crm_lookup_body(const char *kind, const struct lookup_key *const *keys, size_t n_keys,
                      const struct watched_field *watched, size_t n_watched, const char *cursor);

/* One object that fits. */
struct crm_found {
	size_t key;         /* index of the key it fits */
	char *id, *lead_id; /* lead_id: NULL where it has none */
};
struct crm_found_list {
	struct crm_found *items; /* oldest first, each object once for a key */
	size_t n;
	char *cursor; /* ask again with it, within 30 s; NULL: that was all */
};
/*
 * Adds what @answer (a page) shows to @found, and replaces its cursor. An object fits a key when
 * all the key's fields are the same by their rule (lookup_fold()). -EBADMSG with a sentence if it
 * is no search answer.
 */
int crm_lookup_read(struct json_object *answer, const char *kind,
                    const struct lookup_key *const *keys, size_t n_keys,
                    struct crm_found_list *found, struct err *err);
void crm_found_deinit(struct crm_found_list *found);

/* Whether @object of this kind (as Close shows it, or as a body makes it) fits @key. */
bool crm_lookup_fits(struct json_object *object, const char *kind, const struct lookup_key *key);

/*
 * What of @object (of @kind: an answer of Close, one object of a search, or the body of a create,
 * which has no id: then every object_id is "") is to be remembered: each value of a watched field,
 * of the contacts in a lead, too, and an e-mail, phone or url of a contact for its lead as well.
 * To be freed one by one (remembered_deinit()) and as a list (free()).
 */
struct remembered *crm_remember(struct json_object *object, const char *kind,
                                const struct watched_field *watched, size_t n_watched,
                                size_t *ret_n);

/*
 * What Close made of values of @fields that were @sent in a body, and are shown otherwise by the
 * answer: so "650-555-1234" is "+16505551234" in this account. Only what can be told without doubt;
 * two values of the account's own that are the same to Close have the same @shown.
 */
struct crm_spelling {
	char *field;        /* "phone", "name", … of whatever kind */
	char *sent, *shown; /* folded */
};
struct crm_spelling *crm_spellings(struct json_object *sent, struct json_object *shown,
                                   const char *kind, const struct watched_field *fields,
                                   size_t n_fields, size_t *ret_n);
void crm_spellings_free(struct crm_spelling *spellings, size_t n);

/*
 * What an update with @body writes of the watched fields of objects of @kind, as text for
 * crm_takes_away(); to free(). NULL: nothing.
 */
char *crm_written(struct json_object *body, const char *kind, const struct watched_field *watched,
                  size_t n_watched);
/* Whether an object that had @field's value has it no more after an update that wrote @written. */
bool crm_takes_away(const char *written, const struct lookup_field *field);

/* GET of lists of an object: of those that are added to, or of a lead's contacts; to free(). */
char *crm_lists_url(const char *url, char *const *fields);

/*
 * Adds what @body has in the list fields @fields to what @object has: a new list in the place of
 * the body's. The same are e-mails, phones (digits and +), urls by lookup_fold(), addresses whose
 * members are all the same. A field to which nothing comes is taken out of the body. @body may be
 * changed in place. @object NULL: it has none, so the body's own are freed of what they have twice.
 * @places (may be NULL) gets where items stand now, and where they did: "emails[1]" → "emails[0]".
 * @shown (may be NULL): how Close writes values, both folded: "phone=6505551234" → "+16505551234".
 * Returns whether any list changes.
 */
bool crm_lists_append(struct json_object *object, char *const *fields, struct json_object *body,
                      struct json_object *places, struct json_object *shown);
/* "phone=6505551234"; to free(). */
char *crm_shown_key(const char *member, const char *folded);
