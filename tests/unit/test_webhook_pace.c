#include "connector/respond/webhook_pace.h"

#include "tests/unit/check.h"

enum { max = 16 };

static struct webhook_pace begin(void)
{
	struct webhook_pace p;

	webhook_pace_init(&p, max, 1);
	return p;
}

/* Fails until the receiver counts as down; returns when the first trial is due. */
static uint64_t bring_down(struct webhook_pace *p, uint64_t now_ms)
{
	for (int i = 0; i < 5; i++) {
		check(!webhook_pace_is_down(p));
		(void)webhook_pace_failed(p, WEBHOOK_FAILED, 0, now_ms);
	}
	check(webhook_pace_is_down(p));
	return p->not_before_ms;
}

static void answers_are_judged_as_the_standard_says(void **state)
{
	static const struct {
		long status;
		enum webhook_verdict verdict;
	} rows[] = {
		{0, WEBHOOK_FAILED},     {200, WEBHOOK_ACCEPTED}, {204, WEBHOOK_ACCEPTED},
		{299, WEBHOOK_ACCEPTED}, {301, WEBHOOK_REFUSED},  {307, WEBHOOK_REFUSED},
		{400, WEBHOOK_REFUSED},  {401, WEBHOOK_REFUSED},  {404, WEBHOOK_REFUSED},
		{410, WEBHOOK_ENDED},    {429, WEBHOOK_BUSY},     {500, WEBHOOK_FAILED},
		{502, WEBHOOK_BUSY},     {503, WEBHOOK_BUSY},     {504, WEBHOOK_BUSY},
		{599, WEBHOOK_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_eq(webhook_judge(rows[i].status), rows[i].verdict);
}

static void one_failure_stops_nobody_else(void **state)
{
	struct webhook_pace p = begin();
	uint64_t again_ms = webhook_pace_failed(&p, WEBHOOK_FAILED, 0, 1000);

	(void)state;
	check(again_ms > 1000 && again_ms <= 1500);
	check(webhook_pace_send(&p, max - 1, 1000));
	check(!webhook_pace_send(&p, max, 1000));
}

static void a_receiver_that_is_down_gets_one_event_at_a_time(void **state)
{
	struct webhook_pace p = begin();
	uint64_t trial_ms = bring_down(&p, 1000);

	(void)state;
	check(trial_ms > 1000 && trial_ms <= 1500);
	/* What was in flight fails as well; that changes nothing. */
	check_eq(webhook_pace_failed(&p, WEBHOOK_FAILED, 0, 1000), trial_ms);
	check(!webhook_pace_send(&p, 0, trial_ms - 1));
	check(webhook_pace_send(&p, 3, trial_ms));
	check(!webhook_pace_send(&p, 0, trial_ms));
}

static void trials_are_never_more_than_a_minute_apart(void **state)
{
	struct webhook_pace p = begin();
	uint64_t now_ms = bring_down(&p, 1000), longest_ms = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		check(webhook_pace_send(&p, 0, now_ms));
		uint64_t again_ms = webhook_pace_failed(&p, WEBHOOK_REFUSED, 0, now_ms);

		check_eq(again_ms, p.not_before_ms);
		check(again_ms > now_ms && again_ms <= now_ms + 60000);
		if (again_ms - now_ms > longest_ms)
			longest_ms = again_ms - now_ms;
		now_ms = again_ms;
	}
	check(longest_ms > 30000);
}

static void once_it_accepts_it_gets_more_and_more(void **state)
{
	struct webhook_pace p = begin();
	uint64_t now_ms = bring_down(&p, 1000);

	(void)state;
	check(webhook_pace_send(&p, 0, now_ms));
	webhook_pace_accepted(&p, now_ms);
	check(!webhook_pace_is_down(&p));
	for (unsigned limit = 2; limit < max; limit++) {
		check(webhook_pace_send(&p, limit - 1, now_ms));
		check(!webhook_pace_send(&p, limit, now_ms));
		webhook_pace_accepted(&p, now_ms);
	}
	webhook_pace_accepted(&p, now_ms);
	check(!webhook_pace_send(&p, max, now_ms));
}

static void a_busy_receiver_gets_the_pause_it_asks_for(void **state)
{
	struct webhook_pace p = begin();

	(void)state;
	check_eq(webhook_pace_failed(&p, WEBHOOK_BUSY, 30000, 1000), 31000);
	check(!webhook_pace_is_down(&p));
	check(!webhook_pace_send(&p, 0, 30999));
	/* What was sent before the pause does not end it. */
	webhook_pace_accepted(&p, 2000);
	check(!webhook_pace_send(&p, 0, 30999));
	check(webhook_pace_send(&p, 0, 31000));
	check(!webhook_pace_send(&p, 1, 31000));
	/* It cannot ask for silence for ever. */
	check_eq(webhook_pace_failed(&p, WEBHOOK_BUSY, 999999999, 31000), 31000 + 3600000);
}

static void only_a_busy_receiver_is_believed_about_pauses(void **state)
{
	struct webhook_pace p = begin();

	(void)state;
	check(webhook_pace_failed(&p, WEBHOOK_REFUSED, 30000, 1000) <= 1500);
}

static void an_event_with_trouble_of_its_own_waits_longer_and_longer(void **state)
{
	static const uint64_t waits_s[] = {5, 300, 1800, 7200, 18000, 36000, 36000, 36000};

	(void)state;
	for (unsigned n = 1; n <= sizeof(waits_s) / sizeof(*waits_s); n++) {
		uint64_t lowest_ms = UINT64_MAX, highest_ms = 0;

		for (uint64_t seq = 1; seq <= 1000; seq++) {
			const uint64_t wait_ms = webhook_own_wait_ms(seq, n);

			lowest_ms = wait_ms < lowest_ms ? wait_ms : lowest_ms;
			highest_ms = wait_ms > highest_ms ? wait_ms : highest_ms;
		}
		check(lowest_ms >= waits_s[n - 1] * 900 && lowest_ms < waits_s[n - 1] * 950);
		check(highest_ms <= waits_s[n - 1] * 1100 && highest_ms > waits_s[n - 1] * 1050);
	}
}

static void retry_after_is_seconds_or_a_date(void **state)
{
	static const struct {
		const char *value;
		uint64_t wait_ms;
	} rows[] = {
		{NULL, 0},
		{"", 0},
		{"0", 0},
		{"120", 120000},
		{"99999999999999999999999", 3600000},
		{"1.5", 0},
		{"-3", 0},
		{"soon", 0},
		{"Wed, 21 Oct 2015 07:28:30 GMT", 30000},
		{"Wed, 21 Oct 2015 07:27:00 GMT", 0},
		{"Wed, 21 Oct 2015 07:28:30 GMT and more", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_eq(webhook_retry_after_ms(rows[i].value, 1445412480000), rows[i].wait_ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(answers_are_judged_as_the_standard_says),
		sentence(one_failure_stops_nobody_else),
		sentence(a_receiver_that_is_down_gets_one_event_at_a_time),
		sentence(trials_are_never_more_than_a_minute_apart),
		sentence(once_it_accepts_it_gets_more_and_more),
		sentence(a_busy_receiver_gets_the_pause_it_asks_for),
		sentence(only_a_busy_receiver_is_believed_about_pauses),
		sentence(an_event_with_trouble_of_its_own_waits_longer_and_longer),
		sentence(retry_after_is_seconds_or_a_date),
	};

	return run_sentences(tests);
}
