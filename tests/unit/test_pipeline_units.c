#include "connector/pipeline/units.h"
#include "tests/unit/check.h"

static void durations_sizes_rates_and_shares_are_read(void **state)
{
	char text[32];
	uint64_t v, per;

	(void)state;
	check_eq(units_duration("500ms", &v), 0);
	check_eq(v, 500);
	check_eq(units_duration("30s", &v), 0);
	check_eq(v, 30000);
	check_eq(units_duration("5m", &v), 0);
	check_eq(v, 300000);
	check_eq(units_duration("30d", &v), 0);
	check_eq(v, INT64_C(2592000000));
	check_eq(units_size("64KiB", &v), 0);
	check_eq(v, 65536);
	check_eq(units_size("10B", &v), 0);
	check_eq(v, 10);
	check_eq(units_rate("60/min", &v, &per), 0);
	check_eq(v, 60);
	check_eq(per, 60000);
	check_eq(units_rate("20/s", &v, &per), 0);
	check_eq(per, 1000);
	check_eq(units_share("90%", &v), 0);
	check_eq(v, 90);
	check_text(units_duration_text(330000, text), "330s");
	check_text(units_duration_text(7200000, text), "2h");
	check_text(units_duration_text(0, text), "0ms");
	check_text(units_size_text(1 << 20, text), "1MiB");
}

static void anything_else_is_refused(void **state)
{
	static const char *const bad[] = {
		"",     "5",     "-5s",   " 5s", "5 s",  "5S",
		"1.5h", "5sec",  "s",     "5s ", "0x5s", "99999999999999999999s",
		"+5s",  "5KB",   "5kib",  "5/",  "/s",   "5%%",
		"101%", "0/min", "5/day", "5 %"};
	uint64_t v, per;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		check(units_duration(bad[i], &v) < 0);
		check(units_size(bad[i], &v) < 0);
		check(units_rate(bad[i], &v, &per) < 0);
		check(units_share(bad[i], &v) < 0);
	}
	check(units_count("5s", &v) < 0);
	check(units_count("", &v) < 0);
	check(units_count("18446744073709551616", &v) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(durations_sizes_rates_and_shares_are_read),
		sentence(anything_else_is_refused),
	};

	return run_sentences(tests);
}
