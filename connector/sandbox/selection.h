#pragma once

/*
 * Which leads a bulk action or an export is about: `s_query`, `results_limit` and `sort` as in POST
 * /data/search/, or `query` in the old language; all leads where there is neither.
 */

#include "connector/sandbox/write.h"
#include "lib/err.h"

/*
 * Puts the living leads that @selection selects, as search sees them at @actor's now, into
 * @ret_leads. -EINVAL and what is not understood.
 */
int box_select_leads(struct box_org *org, const struct box_actor *actor,
                     struct json_object *selection, struct box_list *ret_leads, struct err *err);

/* Blames a write's selection, if there is something wrong with it. */
void box_check_selection(struct box_write *write);
