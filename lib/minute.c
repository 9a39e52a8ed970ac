#include "lib/minute.h"

static const uint64_t second_ms = 1000, minute_ms = 60000;

void minute_begin(struct minute *minute, uint64_t now_ms)
{
	*minute = (struct minute){.newest_s = now_ms / second_ms, .began_ms = now_ms};
}

void minute_add(struct minute *m, uint64_t n, uint64_t now_ms)
{
	const uint64_t now_s = now_ms / second_ms;
	uint64_t n_passed = now_s - m->newest_s;

	if (n_passed > minute_seconds)
		n_passed = minute_seconds;
	for (uint64_t i = 0; i < n_passed; i++)
		m->counts[(now_s - i) % minute_seconds] = 0;
	m->newest_s = now_s;
	m->counts[now_s % minute_seconds] += n;
}

uint64_t minute_rate(const struct minute *m, uint64_t now_ms)
{
	const uint64_t now_s = now_ms / second_ms;
	const uint64_t first_s = now_s < minute_seconds ? 0 : now_s - minute_seconds + 1;
	uint64_t from_ms = first_s * second_ms, sum = 0, passed_ms;

	/* A slot is of the ring's last minute, which may have ended before this one. */
	for (uint64_t s = first_s; s <= m->newest_s; s++)
		sum += m->counts[s % minute_seconds];
	if (from_ms < m->began_ms)
		from_ms = m->began_ms;
	passed_ms = now_ms - from_ms;
	if (passed_ms < second_ms)
		passed_ms = second_ms;
	return sum * minute_ms / passed_ms;
}

int64_t minute_forecast_ms(uint64_t left, uint64_t per_minute)
{
	uint64_t ms;

	if (!left)
		return 0;
	if (!per_minute)
		return -1;
	if (!__builtin_mul_overflow(left, minute_ms, &ms))
		ms /= per_minute;
	else if (__builtin_mul_overflow(left / per_minute, minute_ms, &ms))
		return INT64_MAX;
	return ms > INT64_MAX ? INT64_MAX : (int64_t)ms;
}
