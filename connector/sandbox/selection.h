#pragma once

/*
 * Which leads a bulk action or an export is about: `s_query`, `results_limit` and `sort` as in POST
 * /data/search/, or `query` in the old language; all leads where there is neither.
 */

#include "connector/sandbox/org.h"

/*
 * Puts the living leads that @selection selects, as search sees them at @now_ms, into @ret_leads.
 * False: it is not understood, and *ret_why says why, to free().
 */
bool box_select_leads(struct box_org *org, struct json_object *selection, uint64_t now_ms,
                      struct box_list *ret_leads, char **ret_why);
