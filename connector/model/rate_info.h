#pragma once

/* What one answer said of the rate limit of its endpoint group. */

#include <stdbool.h>
#include <stdint.h>

struct rate_info {
	bool has_limit, has_remaining, has_reset;
	uint32_t limit;     /* calls in a whole window */
	uint32_t remaining; /* of them left */
	uint64_t reset_ms;  /* from the answer until the window is renewed; at most a day */
};
