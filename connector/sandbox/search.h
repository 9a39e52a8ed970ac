#pragma once

/*
 * `POST /data/search/`: an index of its own that learns of every write only after a lag, as Close's
 * does. Equality on custom fields, names, e-mails and phones is looked up; other conditions look at
 * every object of the kind.
 */

#include "connector/sandbox/store.h"

struct box_search;

struct box_search *box_search_new(struct box_store *store, uint64_t lag_ms);
void box_search_free(struct box_search *search);

/* From the next write on. */
void box_search_set_lag(struct box_search *search, uint64_t lag_ms);

/* How long a cursor lives from now on. */
enum { box_cursor_life_ms = 30000 };
void box_search_set_cursor_life(struct box_search *search, uint64_t life_ms);

/* The object was created, changed or deleted at @now_ms. */
void box_search_note(struct box_search *search, struct box_object *object, uint64_t now_ms);

/*
 * Answers @body. Returns the 200's body, or NULL and the 400's.
 */
struct json_object *box_search_answer(struct box_search *search, struct box_org *org,
                                      struct json_object *body, uint64_t now_ms,
                                      struct json_object **ret_complaint);

/*
 * What the query of @body ({"query": …, "sort": […]}, trusted) finds of @kind, in its order.
 */
void box_search_list(struct box_search *search, struct box_org *org, const struct box_kind *kind,
                     struct json_object *body, uint64_t now_ms, struct box_list *ret_found);

/* The objects that search knows to have @value (letter case ignored) in the indexed @field. */
const struct box_list *box_search_equal(const struct box_search *search,
                                        const struct box_kind *kind, const char *related,
                                        const char *field, const char *value);

/* Whether @field has such an index. */
bool box_search_has_index(const struct box_kind *kind, const char *related, const char *field);
