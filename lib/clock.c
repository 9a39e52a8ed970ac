#include "lib/clock.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
	struct timespec ts;
	int r = clock_gettime(id, &ts);

	assert(r == 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

uint64_t clock_monotonic_ms(void)
{
	return (uint64_t)read_ms(CLOCK_MONOTONIC) + 1;
}

int64_t clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

const char *clock_rfc3339(int64_t wall_ms, char text[static 32])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	(void)gmtime_r(&seconds, &tm);
	(void)snprintf(text, 32, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (tm.tm_year + 1900) % 10000,
	               tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	               (int)(wall_ms % 1000));
	return text;
}

const char *clock_local_hms(int64_t wall_ms, char text[static 16])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	(void)localtime_r(&seconds, &tm);
	(void)snprintf(text, 16, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
	return text;
}

const char *clock_local_text(int64_t wall_ms, char text[static 32])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	(void)localtime_r(&seconds, &tm);
	(void)strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm);
	return text;
}
