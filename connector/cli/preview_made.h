#pragma once

/*
 * What the creates that were shown would make, by the keys of their upserts: a later record with
 * one of them is an update in a run, whatever Close has now. Whether lookups would find something
 * by another key of it is not known offline.
 */

#include "connector/model/draft.h"

/* Keys that are kept; behind them creates are shown of records that may be updates. */
enum { made_max_keys = 20000 };

struct made;

struct made *made_new(void);
void made_free(struct made *made);

/*
 * Where the create stands that makes what @create (with a match) would: "in.ndjson:1", as long as
 * @made is; NULL: none does yet, and from now on this one does.
 */
const char *made_before(struct made *made, const struct draft *create);

/* What @match finds is deleted: nobody has made it any more. */
void made_forget(struct made *made, const struct lookup *match);
