#pragma once

/* The dates of the old query language. */

#include "connector/sandbox/old_query.h"

/*
 * The stretch of time that @text means, half open, in microseconds: a day ("2026-03-09", "today",
 * "yesterday"), a minute ("2026-03-09T14:00"), a second or less, or a moment that is so long ago
 * ("2 weeks ago", "now"). Days are those of the caller's zone. False: it is no date.
 */
bool box_old_date(const struct box_old_clock *clock, const char *text, int64_t *ret_from_us,
                  int64_t *ret_to_us);
