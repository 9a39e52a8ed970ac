#pragma once

/*
 * What only Close can say, shown offline: ids that are looked up stand as text in their place,
 * "<lead where email = ana@x.example>", and an upsert is a create and an update, with notes that
 * say when each is sent.
 */

#include "connector/cli/preview_made.h"
#include "connector/model/draft.h"
#include "connector/model/record.h"
#include "connector/model/request.h"
#include "connector/model/route.h"

#include <stddef.h>

enum { preview_max_forms = 2 };

/*
 * Whether @record has what source.key knows it by, as a run asks before it shapes: what has no key
 * could not be known again. False: @ret_rejection says so. Which keys were seen is not asked.
 */
bool preview_has_key(const struct route_set *routes, struct record *record,
                     struct rejection *ret_rejection);

/*
 * What may be sent of @takes_draft, as it is to be shown: the caller's, in order. 0: nothing is
 * ever sent of it; @ret_rejection says why. @made: what was shown before it makes; NULL: it stands
 * alone.
 */
size_t preview_forms(struct draft *takes_draft, struct made *made,
                     struct draft *ret_forms[static preview_max_forms],
                     struct rejection *ret_rejection);

/*
 * Which objects the call of @form must not meet other calls about; what is looked up counts by what
 * it is looked up by. The caller's.
 */
struct request *preview_lanes(const struct draft *form);

/* Whether @form does not join the call of those before it: it adds to lists, which are read first.
 */
bool preview_begins_call(const struct draft *form);

/* The request that @form gives by itself, a batch of one where it has a batch; NULL: none. */
struct request *preview_request(struct draft *form, struct jq_set *jq,
                                struct rejection *ret_rejection);
