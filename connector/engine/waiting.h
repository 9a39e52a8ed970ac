#pragma once

/* Whom drafts in gather must not be overtaken by: calls about one object keep their order. */

#include "connector/model/draft.h"
#include "connector/model/request.h"

struct waiting;

struct waiting *waiting_new(void);
void waiting_free(struct waiting *waiting); /* it must be empty; NULL is ignored */
/* @draft waits from now on for a call with the lanes of @call. */
void waiting_add(struct waiting *waiting, struct draft *draft, const struct request *call);
void waiting_remove(struct waiting *waiting, struct draft *draft);
/*
 * A draft that must go before @call, because both have a lane and one of them owns it; NULL: none.
 * Those that may share the call of @joining (may be NULL) do not count.
 */
const struct draft *waiting_before(struct waiting *waiting, const struct request *call,
                                   const struct draft *joining);
