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
enum { gather_nests = 1000 }; /* open groups of nest */

/*
 * Whether @draft waits for others. Not so the create of an upsert whose updates are merged, and
 * what nest has folded already.
 */
bool gather_is_shared(const struct draft *draft);

/*
 * The request that carries @draft alone, with one part, or one for each of its rows; the caller's,
 * to request_free(). Left open are the pacing group, the lanes and a class that depends on the
 * body: connector/close knows them.
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
 * merge: updates of one object, in the order of their records, are one update, after which the
 * object is as if they had come one by one. A plain value drops what was set, added and removed
 * before; what is added behind a plain value joins it, what is removed leaves it; of an add and a
 * remove of one value the later one counts. Several values that are added go as a list.
 * gather_batch() does it for a batch of that kind.
 *
 * Whether @body has a key that adds or removes several values; *@ret_key (may be NULL) is the
 * first.
 */
bool gather_has_list(struct json_object *body, const char **ret_key);

/*
 * Whether @object, as it is after such an update, has what the lists of @body added and has not
 * what they removed. A field that is not shown has no value.
 */
bool gather_took_lists(struct json_object *body, struct json_object *object);

/*
 * merge, where such lists are not taken: how many of @drafts, from the first on, give one update
 * without them; at least 1.
 */
size_t gather_n_without_list(struct draft *const *drafts, size_t n);

/*
 * nest: the parent that rows of one company give together, in a draft like the first one's: its
 * fields come from the first row, later rows fill what is missing; its list is gather_children().
 * The update of an upsert is folded too, without children. The array is the result's `rows`, and
 * they stay as they were: each may have to go anew.
 */
struct draft *gather_nest(struct draft **takes_rows, size_t n);
/*
 * The children as they stand in that list, a new one: those that have an e-mail in common are one,
 * in the place of the first, where later fields win and e-mails, phones and urls are joined.
 * @ret_at (n, may be NULL): where the child of each row stands; SIZE_MAX: it has none.
 */
struct json_object *gather_children(struct draft *const *rows, size_t n, size_t *ret_at);

struct gather;

struct gather *gather_new(void);
void gather_free(struct gather *gather); /* frees what waits, too; NULL is ignored */

/*
 * Takes a draft whose route has a batch. A group is full with `size` drafts, and when the next one
 * would make its body longer than `bytes`; a draft that is longer by itself goes alone. (merge and
 * nest: longer than all of theirs together.) Of nest at most gather_nests groups are open: the
 * oldest is full when another begins.
 */
void gather_add(struct gather *gather, struct draft *takes_draft, uint64_t now_ms);

/*
 * Takes out the next group that is to go: full, waited for long enough, or the oldest beyond the
 * budget; with @all any, in the order of their first draft. Before it go the earlier groups of the
 * same stream and URL, so that their calls are made in the order of the source. Its drafts in their
 * order, at least one and to free() with the array, and their number; 0: none is to go yet.
 */
size_t gather_take(struct gather *gather, uint64_t now_ms, bool all, struct draft ***ret_drafts);

/*
 * Whether two drafts may go in one call: the same route, stream, URL, headers and constants; of
 * merge the same `by` as well, of nest that in the place of the URL.
 */
bool gather_shares_call(const struct draft *a, const struct draft *b);

/* When the next group is to go, which may be past; 0: nothing waits. */
uint64_t gather_due_ms(const struct gather *gather);
/* Drafts that wait, and their weight. */
size_t gather_n(const struct gather *gather);
size_t gather_bytes(const struct gather *gather);
/* Memory of a draft, about, with its record where that is of no other. */
size_t gather_weight(const struct draft *draft);
