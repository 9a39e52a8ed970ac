#pragma once

/*
 * A record of which something was rejected comes again: mended in its source, or taken up by a
 * person, maybe by other routes than it went by then.
 */

#include "connector/shape/shape.h"

#include <stdbool.h>
#include <stddef.h>

/* An output of a record that was rejected, as it was then. */
struct rejected_output {
	unsigned ordinal;
	bool takes_rest;   /* all that would have come behind it was rejected with it */
	const char *route; /* its name; "": none had taken it */
};

/*
 * Which item of @result, of the same record or of another with its key, @was is now; result->n:
 * none.
 */
size_t shape_find(const struct shape_result *result, const struct rejected_output *was);

/*
 * Leaves in @result, shaped by @routes, what the @n_was rejects of @was are now; the others were
 * sent before and count as skipped.
 */
void shape_narrow(const struct route_set *routes, struct shape_result *result,
                  const struct rejected_output *was, size_t n_was);
