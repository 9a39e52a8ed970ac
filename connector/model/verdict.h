#pragma once

/* What one attempt to send a request proves. Values, not errors: each has its own way on. */

enum verdict {
	VERDICT_NOT_SENT,     /* nothing reached the network: sent again after back-off */
	VERDICT_APPLIED,      /* Close did it */
	VERDICT_RATE_LIMITED, /* not done; wait for the window, sent again */
	VERDICT_REJECTED,     /* not done, and never will be as it is */
	VERDICT_OUTDATED,     /* not done; what it was made with is asked for anew: sent again */
	VERDICT_UNAUTHORIZED, /* not done: refresh the token once, else stop */
	VERDICT_PLAN_LIMIT,   /* not done: stop, nothing is rejected */
	VERDICT_FORBIDDEN,    /* not done; rejected, and five in a row stop the run */
	VERDICT_REDIRECTED,   /* not done, never followed: stop */
	VERDICT_UNKNOWN,      /* may have been done: look for proof */
	VERDICT_UNREADABLE, /* a 2xx that is not Close's: unknown, and five in a row stop the run */
};
