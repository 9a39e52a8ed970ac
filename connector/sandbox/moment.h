#pragma once

/* Dates and times as Close takes and gives them. */

#include <stdbool.h>
#include <stdint.h>

enum { box_moment_bytes = 40 };

/*
 * Reads ISO 8601: "2026-03-09", or with a time ("T" or a space, seconds and fraction optional) and
 * a zone ("Z", "+01:00", "+0100"; none means UTC). @ret_is_date (may be NULL): there was no time.
 */
bool box_moment_parse(const char *text, int64_t *ret_us, bool *ret_is_date);

/* "2026-03-09T13:00:00.123000+00:00" */
const char *box_moment_text(int64_t us, char text[static box_moment_bytes]);
/* "2026-03-09T13:00:00+00:00" */
const char *box_moment_seconds_text(int64_t us, char text[static box_moment_bytes]);
/* "2026-03-09" */
const char *box_moment_date_text(int64_t us, char text[static box_moment_bytes]);
