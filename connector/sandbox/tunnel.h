#pragma once

/*
 * A GET whose parameters are too long for a URL: a POST with the header `x-http-method-override:
 * GET` and the body {"_params": {…}}.
 */

#include "connector/sandbox/visit.h"

/* Whether @call is such a POST. From then on it is a GET, and its log still says POST. */
bool box_tunnel_is(struct box_call *call);

/* Takes the parameters out of its body; false: it has answered why not. */
bool box_tunnel_open(struct box_visit *v);
