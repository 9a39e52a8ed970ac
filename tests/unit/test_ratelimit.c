#include "connector/close/ratelimit.h"
#include "tests/unit/check.h"

enum { none = -1 };

/* 2026-03-09 13:00:00 UTC */
static const int64_t now_ms = INT64_C(1773061200000);

static void check_info(const struct rate_info *info, int64_t limit, int64_t remaining,
                       int64_t reset_ms)
{
	check_eq(info->has_limit ? (int64_t)info->limit : none, limit);
	check_eq(info->has_remaining ? (int64_t)info->remaining : none, remaining);
	check_eq(info->has_reset ? (int64_t)info->reset_ms : none, reset_ms);
}

struct row {
	const char *value;
	int64_t limit, remaining, reset_ms;
};

static void check_rows(const char *name, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct crm_rate_reader reader = {0};

		crm_rate_header(&reader, name, rows[i].value, now_ms);
		check_info(&reader.info, rows[i].limit, rows[i].remaining, rows[i].reset_ms);
	}
}

static void the_documented_header_is_read_in_every_form(void **state)
{
	static const struct row rows[] = {
		{"limit=100, remaining=50, reset=5", 100, 50, 5000},
		{"limit=160; remaining=159; reset=8", 160, 159, 8000},
		{"limit=16;remaining=14;reset=1", 16, 14, 1000},
		{"limit=16,remaining=14;reset=1", 16, 14, 1000},
		{"reset=0.595956, remaining=0, limit=20", 20, 0, 596},
		{"reset=0.5", none, none, 500},
		{"reset=0.0001", none, none, 1},
		{"reset=1.000", none, none, 1000},
		{"reset=1.0000001", none, none, 1001},
		{"remaining=0", none, 0, none},
		{"Limit=1, REMAINING=2, rEset=3", 1, 2, 3000},
		{"  limit = 100 ,\tremaining = 50 ; reset = 5  ", 100, 50, 5000},
		{"limit=100, policy=7, remaining=50", 100, 50, none},
		{"limit=100, burst=1.5, remaining=50", 100, 50, none},
		{"limit=99999999999999999999, remaining=4294967296", UINT32_MAX, UINT32_MAX, none},
		{"reset=99999999999999999999999", none, none, 86400000},
		{"limit=1, limit=2", 2, none, none},
	};

	(void)state;
	check_rows("RateLimit", rows, sizeof(rows) / sizeof(rows[0]));
	check_rows("ratelimit", rows, sizeof(rows) / sizeof(rows[0]));
	check_rows("RATELIMIT", rows, sizeof(rows) / sizeof(rows[0]));
}

static void a_malformed_header_is_ignored_whole(void **state)
{
	static const struct row rows[] = {
		{"", none, none, none},
		{" ", none, none, none},
		{"limit", none, none, none},
		{"limit=", none, none, none},
		{"limit=100,", none, none, none},
		{"limit=100, remaining", none, none, none},
		{"limit=100, remaining=", none, none, none},
		{"limit=100, remaining=x, reset=5", none, none, none},
		{"limit=100, remaining=-1, reset=5", none, none, none},
		{"limit=100 remaining=50", none, none, none},
		{"limit=100,,remaining=50", none, none, none},
		{"limit=1.5, remaining=50", none, none, none},
		{"remaining=0.5, limit=7", none, none, none},
		{"limit=100, reset=5.", none, none, none},
		{"limit=100, reset=.5", none, none, none},
		{"limit=100, reset=1e3", none, none, none},
		{"limit=0x10", none, none, none},
		{"=5", none, none, none},
		{"\"default\";r=50;t=30", none, none, none},
		{"limit=100, reset=5 seconds", none, none, none},
	};

	(void)state;
	check_rows("RateLimit", rows, sizeof(rows) / sizeof(rows[0]));
}

static void retry_after_is_seconds_or_a_date(void **state)
{
	static const struct row rows[] = {
		{"5", none, none, 5000},
		{" 5 ", none, none, 5000},
		{"0", none, none, 0},
		{"0.25", none, none, 250},
		{"Mon, 09 Mar 2026 13:00:07 GMT", none, none, 7000},
		{"Monday, 09-Mar-26 13:01:00 GMT", none, none, 60000},
		{"Mon Mar  9 13:00:01 2026", none, none, 1000},
		{"Mon, 09 Mar 2026 12:59:00 GMT", none, none, 0},
		{"Thu, 01 Jan 1970 00:00:00 GMT", none, none, 0},
		{"Mon, 09 Mar 2027 13:00:07 GMT", none, none, 86400000},
		{"Mon, 09 Mar 2026 13:00:07 CET", none, none, none},
		{"Mon, 09 Mar 2026", none, none, none},
		{"-5", none, none, none},
		{"soon", none, none, none},
		{"", none, none, none},
		{"5 6", none, none, none},
	};

	(void)state;
	check_rows("retry-after", rows, sizeof(rows) / sizeof(rows[0]));
	check_rows("Retry-After", rows, sizeof(rows) / sizeof(rows[0]));
}

static void the_old_headers_are_read(void **state)
{
	struct crm_rate_reader reader = {0};

	(void)state;
	crm_rate_header(&reader, "X-Rate-Limit-Limit", "240", now_ms);
	crm_rate_header(&reader, "x-rate-limit-remaining", "239", now_ms);
	crm_rate_header(&reader, "x-rate-limit-reset", "7.550697", now_ms);
	check_info(&reader.info, 240, 239, 7551);
	reader = (struct crm_rate_reader){0};
	crm_rate_header(&reader, "ratelimit-reset", "3", now_ms);
	crm_rate_header(&reader, "RateLimit-Limit", "10", now_ms);
	crm_rate_header(&reader, "x-ratelimit-remaining", "1.5", now_ms);
	crm_rate_header(&reader, "x-rate-limit-other", "1", now_ms);
	crm_rate_header(&reader, "x-rate-limit-remaining", "many", now_ms);
	check_info(&reader.info, 10, none, 3000);
}

static void the_more_exact_header_wins_in_any_order(void **state)
{
	static const char *const headers[][2] = {
		{"RateLimit", "limit=100, remaining=0, reset=4.2"},
		{"retry-after", "5"},
		{"x-rate-limit-reset", "9"},
		{"x-rate-limit-limit", "7"},
	};
	struct crm_rate_reader forward = {0}, backward = {0}, two = {0};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		crm_rate_header(&forward, headers[i][0], headers[i][1], now_ms);
		crm_rate_header(&backward, headers[3 - i][0], headers[3 - i][1], now_ms);
	}
	check_info(&forward.info, 100, 0, 4200);
	check_info(&backward.info, 100, 0, 4200);
	crm_rate_header(&two, "retry-after", "5", now_ms);
	crm_rate_header(&two, "x-rate-limit-reset", "9", now_ms);
	check_info(&two.info, none, none, 5000);
	/* What the exact one leaves open, the others may fill. */
	crm_rate_header(&two, "ratelimit", "remaining=3", now_ms);
	check_info(&two.info, none, 3, 5000);
}

static void a_malformed_header_leaves_room_for_a_good_one(void **state)
{
	struct crm_rate_reader reader = {0};

	(void)state;
	crm_rate_header(&reader, "RateLimit", "limit=100, remaining=x, reset=1", now_ms);
	crm_rate_header(&reader, "retry-after", "5", now_ms);
	crm_rate_header(&reader, "date", "Mon, 09 Mar 2026 13:00:07 GMT", now_ms);
	check_info(&reader.info, none, none, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(the_documented_header_is_read_in_every_form),
		sentence(a_malformed_header_is_ignored_whole),
		sentence(retry_after_is_seconds_or_a_date),
		sentence(the_old_headers_are_read),
		sentence(the_more_exact_header_wins_in_any_order),
		sentence(a_malformed_header_leaves_room_for_a_good_one),
	};

	return run_sentences(tests);
}
