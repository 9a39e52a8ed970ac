#include "lib/moment.h"
#include "tests/unit/check.h"

static void iso_8601_is_read_and_printed_in_utc(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: refused */
		bool is_date;
	} rows[] = {
		{"2026-03-09", "2026-03-09T00:00:00.000000+00:00", true},
		{"2026-03-09T14:00:00+01:00", "2026-03-09T13:00:00.000000+00:00", false},
		{"2026-03-09T14:00:00-0530", "2026-03-09T19:30:00.000000+00:00", false},
		{"2026-03-09 14:00", "2026-03-09T14:00:00.000000+00:00", false},
		{"2026-03-09T13:00:00.123Z", "2026-03-09T13:00:00.123000+00:00", false},
		{"2026-03-09T13:00:00.1234567Z", "2026-03-09T13:00:00.123456+00:00", false},
		{"1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000+00:00", false},
		{"2024-02-29", "2024-02-29T00:00:00.000000+00:00", true},
		{"2026-03-09t14:00:00.5z", "2026-03-09T14:00:00.500000+00:00", false},
		{"2026-03-09 14:00:00+01", "2026-03-09T13:00:00.000000+00:00", false},
		{"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000+00:00", false},
		{"2017-01-01T00:59:60.5+01:00", "2017-01-01T00:00:00.500000+00:00", false},
		{"0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000+00:00", false},
		{"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00", false},
		{"0000-01-01T00:00:00+00:01", NULL, false},
		{"9999-12-31T23:59:59-00:01", NULL, false},
		{"2016-12-31T22:59:60Z", NULL, false},
		{"2016-12-31T23:59:61Z", NULL, false},
		{"2026-02-29", NULL, false},
		{"2026-02-30", NULL, false},
		{"2100-02-29", NULL, false},
		{"2026-00-10", NULL, false},
		{"2026-01-00", NULL, false},
		{"2026-03-09T10:60", NULL, false},
		{"2026-03-09T14:00:00+24:00", NULL, false},
		{"2026-03-09T14:00:00+01:60", NULL, false},
		{"2026-13-01", NULL, false},
		{"2026-3-9", NULL, false},
		{"09.03.2026", NULL, false},
		{"2026-03-09T", NULL, false},
		{"2026-03-09T25:00", NULL, false},
		{"2026-03-09T14:00:00.Z", NULL, false},
		{"2026-03-09T14:00:00+1", NULL, false},
		{"2026-03-09T14:00:00Zx", NULL, false},
		{"", NULL, false},
	};
	char text[moment_bytes];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool is_date = !rows[i].is_date;
		int64_t us;

		check_eq(moment_parse(rows[i].in, &us, &is_date), rows[i].out != NULL);
		if (!rows[i].out)
			continue;
		check_text(moment_text(us, text), rows[i].out);
		check_eq(is_date, rows[i].is_date);
	}
}

static void the_shorter_forms_leave_parts_out(void **state)
{
	char text[moment_bytes];
	int64_t us;

	(void)state;
	check(moment_parse("2026-03-09T14:00:00.9+01:00", &us, NULL));
	check_text(moment_seconds_text(us, text), "2026-03-09T13:00:00+00:00");
	check_text(moment_date_text(us, text), "2026-03-09");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(iso_8601_is_read_and_printed_in_utc),
		sentence(the_shorter_forms_leave_parts_out),
	};

	return run_sentences(tests);
}
