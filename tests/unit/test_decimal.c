#include "tests/unit/check.h"

#include "lib/decimal.h"

#include <errno.h>
#include <string.h>

static void numbers_are_equal_by_value_and_not_by_how_they_are_written(void **state)
{
	static const struct {
		const char *a, *b;
		bool is_equal;
	} rows[] = {
		{"19.90", "19.9", true},
		{"19.9", "19.900", true},
		{"19.90", "19.91", false},
		{"1e2", "100", true},
		{"100", "1E+2", true},
		{"100.0", "1.00e2", true},
		{"1e-2", "0.01", true},
		{"0.01", "0.001", false},
		{"0", "-0", true},
		{"0.00", "0e17", true},
		{"0", "1e-400", false},
		{"-1", "1", false},
		{"-1.50", "-1.5", true},
		{"9007199254740993", "9007199254740992", false},
		{"9007199254740993", "9007199254740993", true},
		{"12345678901234567890123456789012345678901234567890.1",
	         "12345678901234567890123456789012345678901234567890.10", true},
		{"12345678901234567890123456789012345678901234567890.1",
	         "12345678901234567890123456789012345678901234567890.2", false},
		{"1e400", "10e399", true},
		{"1e400", "1e401", false},
		{"1e99999999999999999999", "1", false},
		{"1", "10", false},
		{"10", "1", false},
		{"101", "1.01e2", true},
		{"1001", "101", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (decimal_equal(rows[i].a, rows[i].b) != rows[i].is_equal ||
		    decimal_equal(rows[i].b, rows[i].a) != rows[i].is_equal)
			fail_msg("%s and %s", rows[i].a, rows[i].b);
	}
}

/* @expected: the number, or "!" for no number and "!!" for one of too many digits. */
static void check_read(const char *text, bool is_cents, const char *expected)
{
	const int code = expected[0] != '!' ? 0 : expected[1] == '!' ? -ERANGE : -EINVAL;
	struct buf out = BUF_INIT;
	struct decimal d;

	if (decimal_read(text, strlen(text), &d) != code)
		fail_msg("%s is expected to give %s", text, expected);
	if (code)
		return;
	if (is_cents)
		decimal_to_cents(&d);
	decimal_print(&d, &out);
	check_text(buf_text(&out), expected);
	buf_deinit(&out);
}

static void a_number_is_read_with_all_its_digits(void **state)
{
	static const char *const rows[][2] = {
		{"19.90", "19.90"},
		{"0", "0"},
		{"-0", "0"},
		{"-0.00", "0.00"},
		{"+5", "5"},
		{"007", "7"},
		{"-007.50", "-7.50"},
		{".5", "0.5"},
		{"5.", "5"},
		{"0.05", "0.05"},
		{"00.005", "0.005"},
		{"1e3", "1000"},
		{"1.5E1", "15"},
		{"1.50e1", "15.0"},
		{"12.5e-3", "0.0125"},
		{"0e5", "0"},
		{"9007199254740993", "9007199254740993"},
		{"", "!"},
		{"-", "!"},
		{".", "!"},
		{"e5", "!"},
		{"1e", "!"},
		{"1e+", "!"},
		{"1e5x", "!"},
		{"1.2.3", "!"},
		{"1,234", "!"},
		{"12 ", "!"},
		{"--1", "!"},
		{"NaN", "!"},
		{"0x10", "!"},
		{"1e400", "!!"},
		{"1e-400", "!!"},
		{"1e99999999999999999999", "!!"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_read(rows[i][0], false, rows[i][1]);
}

static void cents_are_rounded_half_away_from_zero(void **state)
{
	static const char *const rows[][2] = {
		{"19.99", "1999"},
		{"19.9", "1990"},
		{"19", "1900"},
		{"0", "0"},
		{"0.00", "0"},
		{"-19.99", "-1999"},
		{"0.005", "1"},
		{"-0.005", "-1"},
		{"0.0049999999999999999999999999999999999", "0"},
		{"-0.004", "0"},
		{"1.005", "101"},
		{"1.004999", "100"},
		{"9.995", "1000"},
		{"99.999", "10000"},
		{"0.995", "100"},
		{"0.0005", "0"},
		{"1e2", "10000"},
		{"1.15", "115"},
		{"4.35", "435"},
		{"1.1e-1", "11"},
		{"90071992547409.93", "9007199254740993"},
		{"123456789012345678901234567890.12", "12345678901234567890123456789012"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_read(rows[i][0], true, rows[i][1]);
}

static void digits_are_bounded_on_both_sides_of_the_point(void **state)
{
	char text[512], expected[512];

	(void)state;
	memset(text, '9', sizeof(text));
	text[decimal_max_digits] = '\0';
	check_read(text, false, text);
	/* The longest of all: 9…9.9…9 rounds up to 1 and two more zeros than it had digits. */
	text[decimal_max_digits] = '.';
	text[2 * decimal_max_digits + 1] = '\0';
	memset(expected, '0', sizeof(expected));
	expected[0] = '1';
	expected[decimal_max_digits + 3] = '\0';
	check_read(text, true, expected);
	check_read(text, false, text);
	text[2 * decimal_max_digits + 1] = '9';
	text[2 * decimal_max_digits + 2] = '\0';
	check_read(text, false, "!!");
	memset(text, '9', 400);
	text[400] = '\0';
	check_read(text, false, "!!");
}

static void a_scaled_number_is_whole_and_cut(void **state)
{
	static const struct {
		const char *text;
		unsigned places;
		int64_t value; /* -1: too large */
	} rows[] = {
		{"12.345", 0, 12},
		{"12.345", 2, 1234},
		{"12.345", 6, 12345000},
		{"0.0123", 3, 12},
		{"0.0123", 1, 0},
		{"-2.9", 0, -2},
		{"0", 6, 0},
		{"0.00", 1, 0},
		{"999999999999999999", 0, 999999999999999999},
		{"1000000000000000000", 0, -1},
		{"1", 18, -1},
		{"0.1", 18, 100000000000000000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct decimal d;
		int64_t value = -1;

		check_eq(decimal_read(rows[i].text, strlen(rows[i].text), &d), 0);
		check_eq(decimal_scaled(&d, rows[i].places, &value), rows[i].value != -1);
		check_eq(value, rows[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(numbers_are_equal_by_value_and_not_by_how_they_are_written),
		sentence(a_number_is_read_with_all_its_digits),
		sentence(cents_are_rounded_half_away_from_zero),
		sentence(digits_are_bounded_on_both_sides_of_the_point),
		sentence(a_scaled_number_is_whole_and_cut),
	};

	return run_sentences(sentences);
}
