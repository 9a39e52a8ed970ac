#pragma once

/*
 * Drafts become requests: alone, or several records together in one call. Pure: no I/O, no clock,
 * time comes in. Which drafts share a call: those of one route with the same rendered URL, headers
 * and constants, whose records come from one stream.
 */

#include "connector/model/draft.h"
#include "connector/model/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Memory of the drafts that wait altogether; beyond it the oldest group goes first. With what is on
 * its way behind them a run stays below 32 MiB.
 */
enum { gather_budget = 8 << 20 };

/*
 * The request that carries @draft alone, with one part; the caller's, to request_free(). Left open
 * are the pacing group, the lanes and a class that depends on the body: connector/close knows them.
 * @draft is borrowed. NULL: the body cannot be written in the route's content_format;
 * @ret_rejection says why.
 */
struct request *gather_single(const struct draft *draft, struct rejection *ret_rejection);

/*
 * The request that carries @drafts together by the batch of their route, one part each with its
 * draft_text(), in this order. NULL: the program of an expression failed or gave nothing or twice,
 * or the body cannot be written; @ret_rejection says why, for all of them. Drafts are borrowed.
 * @jq is the set the route's programs are in. An identity is never in it: it is of one record.
 */
struct request *gather_batch(struct draft *const *drafts, size_t n, struct jq_set *jq,
                             struct rejection *ret_rejection);

/*
 * Whether the body of @draft can be written in its route's content_format: asked before it waits
 * for others, which would be rejected with it. False: @ret_rejection says why not.
 */
bool gather_can_write(const struct draft *draft, struct rejection *ret_rejection);

/*
 * merge: @drafts, updates of one object in the order of their records, are one update. Values of a
 * field fold as the pipeline file says: a plain value drops earlier adds and removes, an add behind
 * a plain list joins it, an add and a remove of the same value cancel; several adds go as a list.
 * gather_batch() does it for a batch of that kind. gather_split_adds() is what is sent where a list
 * under .add or .remove is not taken: bodies with one value for each such key, in their order; the
 * first has all other keys. 0 where no key of @body has more than one.
 */
size_t gather_split_adds(struct json_object *body, struct json_object ***ret_bodies);

/*
 * nest: the parent that rows of one company give together, in a draft like the first one's: its
 * fields come from the first row, later rows fill what is missing; where the parent is made, each
 * row's child stands in its list, in their order. Also of the update of an upsert, without
 * children. Drafts are borrowed; the result is the caller's.
 */
struct draft *gather_nest(struct draft *const *drafts, size_t n);

struct gather;

struct gather *gather_new(void);
void gather_free(struct gather *gather); /* frees what waits, too; NULL is ignored */

/*
 * Takes a draft whose route has a batch. A group is full with `size` drafts, and when the next one
 * would make its body longer than `bytes`; a draft that is longer by itself goes alone.
 */
void gather_add(struct gather *gather, struct draft *takes_draft, uint64_t now_ms);

/*
 * Takes out the next group that is to go: full, waited for long enough, or the oldest beyond the
 * budget; with @all any, in the order of their first draft. Before it go the earlier groups of the
 * same stream and URL, so that their calls are made in the order of the source. Its drafts in their
 * order, at least one and to free() with the array, and their number; 0: none is to go yet.
 */
size_t gather_take(struct gather *gather, uint64_t now_ms, bool all, struct draft ***ret_drafts);

/* Whether two drafts may go in one call: the same route, stream, URL, headers and constants. */
bool gather_shares_call(const struct draft *a, const struct draft *b);

/* When the next group is to go, which may be past; 0: nothing waits. */
uint64_t gather_due_ms(const struct gather *gather);
/* Drafts that wait, and their weight. */
size_t gather_n(const struct gather *gather);
size_t gather_bytes(const struct gather *gather);
