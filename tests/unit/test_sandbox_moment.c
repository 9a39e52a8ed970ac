#include "connector/sandbox/moment.h"
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
		{"2026-02-29", NULL, false},
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
	char text[box_moment_bytes];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool is_date = !rows[i].is_date;
		int64_t us;

		check_eq(box_moment_parse(rows[i].in, &us, &is_date), rows[i].out != NULL);
		if (!rows[i].out)
			continue;
		check_text(box_moment_text(us, text), rows[i].out);
		check_eq(is_date, rows[i].is_date);
	}
}

static void the_shorter_forms_leave_parts_out(void **state)
{
	char text[box_moment_bytes];
	int64_t us;

	(void)state;
	check(box_moment_parse("2026-03-09T14:00:00.9+01:00", &us, NULL));
	check_text(box_moment_seconds_text(us, text), "2026-03-09T13:00:00+00:00");
	check_text(box_moment_date_text(us, text), "2026-03-09");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(iso_8601_is_read_and_printed_in_utc),
		sentence(the_shorter_forms_leave_parts_out),
	};

	return run_sentences(tests);
}
