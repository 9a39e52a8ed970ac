#pragma once

/*
 * The only place that asks the system for the time. The loop reads it once a turn and hands values
 * down; below the loop nobody reads a clock, so tests own time.
 */

#include <stddef.h>
#include <stdint.h>

/* Monotonic milliseconds; never 0. */
uint64_t clock_monotonic_ms(void);

/* Wall clock, milliseconds since 1970 UTC. */
int64_t clock_wall_ms(void);

/* RFC 3339 in UTC with milliseconds, "2026-11-21T10:42:07.123Z"; @text holds at least 32 bytes. */
const char *clock_rfc3339(int64_t wall_ms, char text[static 32]);

/* "2026-11-21 10:42:07" of the local time zone, for people. */
const char *clock_local_text(int64_t wall_ms, char text[static 32]);

/* "10:42:07" of the local time zone, for people; @text holds at least 16 bytes. */
const char *clock_local_hms(int64_t wall_ms, char text[static 16]);
