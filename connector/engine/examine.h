#pragma once

/*
 * A look at a pipeline's state and at the place it lives in, for those who ask what is wrong or
 * what soon will be. It changes nothing in the state; while somebody owns it only what can be seen
 * from outside is looked at.
 */

#include "connector/pipeline/pipeline.h"

#include <stdbool.h>

enum finding_kind { FINDING_GOOD, FINDING_WARNING, FINDING_BAD };

struct finding {
	enum finding_kind kind;
	const char *what; /* what was looked at: "state folder", "journal" */
	const char *text; /* what was found and, unless it is good, what to do */
};

/* Calls @take with each finding, in order; they are borrowed during the call. */
void state_examine(const struct pipeline *pipeline,
                   void (*take)(void *arg, const struct finding *finding), void *arg);
