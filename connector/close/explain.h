#pragma once

/* What `closefeed explain` knows: HTTP statuses, exit codes and reject classes in plain words. */

#include <stdbool.h>
#include <stddef.h>

struct crm_explanation {
	const char *kind;    /* "HTTP status", "exit code", "reject class" */
	const char *code;    /* "429", "5xx", "75", "validation" */
	const char *meaning; /* what happened, and what closefeed does about it */
	const char *advice;  /* what to do */
};

/*
 * Explains @code: a status ("404"; one that is not listed falls to its family, "5xx"), an exit code
 * ("75", "exit 75") or a reject class, in any case of letters. False for a code nobody knows.
 */
bool crm_explain(const char *code, struct crm_explanation *ret_explanation);

/* The @index-th of everything that can be explained, in the order of a list; false past the last.
 */
bool crm_explain_nth(size_t index, struct crm_explanation *ret_explanation);
