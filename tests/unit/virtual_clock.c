#include "tests/unit/virtual_clock.h"

#include "lib/clock.h"

#include <stdio.h>

static uint64_t monotonic_ms;
static int64_t wall_ms;

void virtual_clock_reset(void)
{
	monotonic_ms = 5000000;
	wall_ms = 1795255200000;
}

void virtual_clock_pass(uint64_t ms)
{
	monotonic_ms += ms;
	wall_ms += (int64_t)ms;
}

void virtual_clock_set_back(uint64_t ms)
{
	wall_ms -= (int64_t)ms;
}

void virtual_clock_set_forward(uint64_t ms)
{
	wall_ms += (int64_t)ms;
}

uint64_t clock_monotonic_ms(void)
{
	return monotonic_ms;
}

int64_t clock_wall_ms(void)
{
	return wall_ms;
}

const char *clock_rfc3339(int64_t ms, char text[static 32])
{
	(void)snprintf(text, 32, "wall %lld", (long long)ms);
	return text;
}

const char *clock_local_hms(int64_t ms, char text[static 16])
{
	(void)snprintf(text, 16, "%lld", (long long)(ms / 1000 % 86400));
	return text;
}
