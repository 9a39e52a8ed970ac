#pragma once

/*
 * How much came in the last minute, counted by the second: how fast something goes, and so when it
 * will be done. It never reads a clock.
 */

#include <stdint.h>

enum { minute_seconds = 60 };

struct minute {
	uint64_t counts[minute_seconds]; /* by second, as a ring */
	uint64_t newest_s;               /* the second that was counted last */
	uint64_t began_ms;
};

/* Begins with nothing. It owns nothing, so there is no deinit. */
void minute_begin(struct minute *minute, uint64_t now_ms);

/* @n more have come. @now_ms never goes back. */
void minute_add(struct minute *minute, uint64_t n, uint64_t now_ms);

/* How much a minute at the pace of the last one, or of what has passed of the first. */
uint64_t minute_rate(const struct minute *minute, uint64_t now_ms);

/* How long @left takes at @per_minute; -1: nobody can say, nothing is done. */
int64_t minute_forecast_ms(uint64_t left, uint64_t per_minute);
