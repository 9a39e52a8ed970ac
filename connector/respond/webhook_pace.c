#include "connector/respond/webhook_pace.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { most_retry_after_ms = 3600 * 1000 };

enum webhook_verdict webhook_judge(long status)
{
	switch (status) {
	case 410:
		return WEBHOOK_ENDED;
	case 429:
	case 502:
	case 503:
	case 504:
		return WEBHOOK_BUSY;
	default: /* a number of HTTP, not an enum of ours */
		if (status >= 200 && status < 300)
			return WEBHOOK_ACCEPTED;
		return status == 0 || status >= 500 ? WEBHOOK_FAILED : WEBHOOK_REFUSED;
	}
}

void webhook_pace_init(struct webhook_pace *p, unsigned max, uint64_t seed)
{
	*p = (struct webhook_pace){.seed = seed, .limit = max, .max = max};
	breaker_init(&p->breaker);
	backoff_init(&p->backoff, seed);
}

bool webhook_pace_is_down(const struct webhook_pace *p)
{
	return p->breaker.state != BREAKER_CLOSED;
}

bool webhook_pace_send(struct webhook_pace *p, unsigned n_in_flight, uint64_t now_ms)
{
	if (now_ms < p->not_before_ms)
		return false;
	switch (p->breaker.state) {
	case BREAKER_OPEN:
		/* Those still in flight from before do not count: they may hang for long. */
		breaker_half_open(&p->breaker);
		return true;
	case BREAKER_HALF_OPEN:
		return false;
	case BREAKER_CLOSED:
		break;
	}
	return n_in_flight < p->limit;
}

void webhook_pace_accepted(struct webhook_pace *p, uint64_t now_ms)
{
	if (now_ms < p->not_before_ms)
		return;
	breaker_succeeded(&p->breaker);
	if (webhook_pace_is_down(p))
		return; /* sent before it opened; the trial is due now */
	backoff_init(&p->backoff, ++p->seed);
	if (p->limit < p->max)
		p->limit++;
}

uint64_t webhook_pace_failed(struct webhook_pace *p, enum webhook_verdict verdict,
                             uint64_t retry_after_ms, uint64_t now_ms)
{
	const bool was_down = webhook_pace_is_down(p);
	uint64_t wait_ms;

	if (p->breaker.state == BREAKER_OPEN) /* sent before it opened: nothing new */
		return p->not_before_ms > now_ms ? p->not_before_ms : now_ms;

	breaker_failed(&p->breaker);
	if (!was_down && webhook_pace_is_down(p))
		backoff_init(&p->backoff,
		             ++p->seed); /* many failed at once: that was one failure */
	wait_ms = backoff_next(&p->backoff);
	if (retry_after_ms > most_retry_after_ms)
		retry_after_ms = most_retry_after_ms;
	if (verdict == WEBHOOK_BUSY && retry_after_ms > wait_ms)
		wait_ms = retry_after_ms;

	if (webhook_pace_is_down(p) || verdict == WEBHOOK_BUSY) {
		p->not_before_ms = now_ms + wait_ms;
		p->limit = 1;
	}
	return now_ms + wait_ms;
}

uint64_t webhook_own_wait_ms(uint64_t seq, unsigned n_failures)
{
	static const uint64_t waits_s[] = {5, 300, 1800, 7200, 18000, 36000};
	const size_t n = sizeof(waits_s) / sizeof(*waits_s);
	const uint64_t wait_ms = waits_s[n_failures < n ? n_failures - 1 : n - 1] * 1000;
	/* 90 to 110 % of it: spread over the events, the same for one of them. */
	const uint64_t share = (seq * 2654435761u + n_failures) % 201;

	return wait_ms * (900 + share) / 1000;
}

uint64_t webhook_retry_after_ms(const char *value, int64_t wall_ms)
{
	struct tm tm = {0};
	const char *end;
	int64_t at_ms;

	if (!value)
		return 0;
	if (isdigit((unsigned char)*value)) {
		const size_t n = strspn(value, "0123456789");

		if (value[n])
			return 0;
		return n > 6 ? most_retry_after_ms : strtoul(value, NULL, 10) * 1000;
	}
	end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	if (!end || *end)
		return 0;
	at_ms = (int64_t)timegm(&tm) * 1000;
	return at_ms > wall_ms ? (uint64_t)(at_ms - wall_ms) : 0;
}
