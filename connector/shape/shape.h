#pragma once

/*
 * Records become drafts: transform, route, exclude, templates. Pure: no I/O, no clock, and the same
 * record and pipeline always give the same drafts. The record itself is never changed; bodies share
 * what they can with it, so they are read and printed but not changed in place. What only Close can
 * say (match, link, which form of an upsert it is) stays open: the draft says what to look up.
 */

#include "connector/model/draft.h"
#include "connector/model/record.h"
#include "connector/model/route.h"
#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* One output of a record: a draft, or why there is none. */
struct shape_output {
	unsigned ordinal;
	const struct route *route; /* NULL: the record is no record, or no route takes it */
	struct draft *draft;       /* NULL: rejected */
	/* Of one that is rejected: the target it names, as an unfinished draft with its URL and its
	 * match; NULL: nobody can say. */
	struct draft *target;
	struct rejection rejection;
	bool takes_rest;       /* rejected, and what would have come from here on is not known */
	unsigned unknown_keys; /* of a default body: keys Close will ignore or that were dropped */
};

struct shape_result {
	struct shape_output *items; /* in the order they are to be sent */
	size_t n;
	/* Outputs of which nothing is to be sent; they have no ordinal. */
	unsigned n_filtered; /* a transform gave nothing */
	unsigned n_skipped;  /* no route takes it, and unrouted says skip */
	/*
	 * Kinds of names (model/names.h) whose books are missing, or may be too old for what they
	 * refuse. Who can ask for them asks, and then shapes the record anew: nothing else of this
	 * counts. NULL-terminated or NULL.
	 */
	char **needs;
};

/*
 * Shapes @record (with or without a fault). *@ret is overwritten; shape_result_deinit() frees it. A
 * draft that is taken out of it (steal) is the caller's. Every record gives at least one output,
 * filtered or skipped ones counted.
 */
void shape_record(const struct route_set *routes, struct record *record, struct shape_result *ret);
void shape_result_deinit(struct shape_result *result);

/*
 * Adds what @record is known by (source.key of @routes, which has one) to @ret_key: any bytes.
 * False: it has no value here that could be a key; the rejection says so. The record has no fault.
 */
bool shape_key(const struct route_set *routes, struct record *record, struct buf *ret_key,
               struct rejection *ret_rejection);
