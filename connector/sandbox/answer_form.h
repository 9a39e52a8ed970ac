#pragma once

/* Bodies of errors that nobody outside Close knows for sure, in the form they are set to. */

#include "connector/sandbox/call.h"
#include "connector/sandbox/doubts.h"
#include "connector/sandbox/rate.h"

/* The body of a 429. */
void box_answer_too_many(struct box_answer *answer, const struct box_doubts *doubts,
                         const struct box_rate_verdict *verdict);

/* Gives the {"error": …} of a 402, 403, 405, 415 or 5xx another form, if one is set. */
void box_answer_reform(struct box_answer *answer, const struct box_doubts *doubts);
