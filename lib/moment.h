#pragma once

/*
 * Dates and times as Close takes and gives them (ISO 8601, of which RFC 3339 is a part), of the
 * years 0 to 9999. Times are counted in microseconds since 1970 UTC, as Close does; what is finer
 * is cut off.
 */

#include <stdbool.h>
#include <stdint.h>

enum { moment_bytes = 40 };

/*
 * Reads "2026-03-09", or with a time ("T", "t" or a space, seconds and fraction optional) and a
 * zone
 * ("Z", "z", "+01:00", "+0100", "+01"; none means UTC). A day must exist; the second 60 must be a
 * leap second, and is the second behind it. @ret_is_date (may be NULL): there was no time.
 */
bool moment_parse(const char *text, int64_t *ret_us, bool *ret_is_date);

/* Whether @us is of the years 0 to 9999, which the texts below have room for. */
bool moment_is_in_range(int64_t us);

/* "2026-03-09T13:00:00.123000+00:00" */
const char *moment_text(int64_t us, char text[static moment_bytes]);
/* "2026-03-09T13:00:00+00:00" */
const char *moment_seconds_text(int64_t us, char text[static moment_bytes]);
/* "2026-03-09" */
const char *moment_date_text(int64_t us, char text[static moment_bytes]);
