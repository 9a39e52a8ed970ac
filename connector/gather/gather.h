#pragma once

/*
 * Drafts become requests: what several records send together in one call. Pure. A route without a
 * batch makes one request of each draft.
 */

#include "connector/model/draft.h"
#include "connector/model/request.h"

/*
 * The request that carries @draft alone, with one part; the caller's, to request_free(). Left open
 * are the pacing group, the lanes and a class that depends on the body: connector/close knows them.
 * @draft is borrowed.
 */
struct request *gather_single(const struct draft *draft);
