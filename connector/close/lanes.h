#pragma once

/*
 * Which objects a call must not meet other calls about. It owns its target: ids and other
 * parameters of its path, the keys that name the target in its body (both leads of a merge), its
 * identity. It shares what it only names: "lead_id" and every other "…_id" and "…_ids" that holds
 * ids. A PUT or DELETE without a parameter owns its path. A create without a key owns nothing.
 *
 * Keys are ids as Close writes them, "identity FIELD=VALUE", "KIND VALUE" for a target that has
 * another name than an id, or "path PATH". A long value is cut and completed by its hash.
 */

#include "connector/model/draft.h"
#include "connector/model/request.h"

#include <stdbool.h>

/* Adds the lanes of @draft to @request; for a batch call it once for each draft. */
void crm_lanes(const struct draft *draft, struct request *request);

/*
 * Adds the lane of the one of @kind that is called @value: by its id, or by another name, as it
 * stands in the place of the id in a path.
 */
void crm_lane(struct request *request, const char *kind, const char *value, bool is_owner);

/* Whether @text has the shape of a Close id: "lead_", "cf_", … and letters or digits. */
bool crm_is_id(const char *text);
/* The id at the end of the path of @url; to free(). NULL: there is none. */
char *crm_object_in_url(const char *url);
