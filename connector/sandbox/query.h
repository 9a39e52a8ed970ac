#pragma once

/* A query tree of `POST /data/search/`: checked once, then asked about one object after another. */

#include "connector/sandbox/condition.h"
#include "connector/sandbox/search.h"
#include "lib/err.h"

struct box_query {
	const struct box_search *search;
	const struct box_store *store;
	struct box_viewer viewer;
};

/*
 * 0, or -EINVAL and what the stand-in does not understand. @store is asked for custom fields; NULL:
 * any will do.
 */
int box_query_check(struct json_object *node, const struct box_store *store, struct err *err);

/* The kind the query is about, or NULL where it pins none. */
const struct box_kind *box_query_kind(struct json_object *node);

/*
 * Puts all objects that could match into @ret_list and returns true; false where the query narrows
 * nothing down. An object may stand in it twice.
 */
bool box_query_candidates(const struct box_query *query, struct json_object *node,
                          const struct box_kind *kind, struct box_list *ret_list);

/* Whether what search knows of @object matches. */
bool box_query_matches(const struct box_query *query, struct json_object *node,
                       const struct box_object *object);
