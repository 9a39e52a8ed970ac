#pragma once

/*
 * Reads the rate limit out of an answer's headers, in every form Close has been seen to send:
 *   RateLimit: limit=100, remaining=50, reset=5      documented; also with ';', any order and case
 *   retry-after: 5, or an HTTP date                  on every 429, whole seconds
 *   x-rate-limit-limit, -remaining, -reset           until 2022; also ratelimit-limit and so on
 * Seconds may be decimal. The more exact header wins: RateLimit, then Retry-After, then the old
 * ones. A header that is malformed in any part is ignored whole, as Close's own client does.
 */

#include "lib/pace.h"

#include <stdint.h>

enum crm_rate_header {
	CRM_RATE_OLD, /* least exact first */
	CRM_RATE_RETRY_AFTER,
	CRM_RATE_LIMIT,
};

struct crm_rate_reader {
	struct rate_info info;
	enum crm_rate_header limit_from, remaining_from, reset_from;
};

/*
 * Takes one header of an answer; call it for each, in any order, on a zeroed reader, then use
 * reader.info. @wall_ms is the wall clock (for dates; Close's own "date" header is not needed,
 * since the seconds forms are relative).
 */
void crm_rate_header(struct crm_rate_reader *reader, const char *name, const char *value,
                     int64_t wall_ms);
