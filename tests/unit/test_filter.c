#include "tests/unit/check.h"

#include "lib/filter.h"
#include "lib/json.h"
#include "lib/letter_case.h"
#include "lib/mem.h"

#include <errno.h>
#include <string.h>

static struct json_object *parse(const char *text)
{
	struct json_object *value = NULL;

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, NULL), 0);
	return value;
}

/* @input is JSON, "~" for a missing value; so is what comes back, or "!" and a sentence. */
static char *applied(const char *text, const char *input)
{
	bool is_missing = input[0] == '~';
	struct json_object *value = is_missing ? NULL : parse(input);
	struct filter_use use = {0};
	struct err err = {""};
	char *result;

	if (filter_parse(text, strlen(text), &use, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	if (filter_apply(&use, &value, &is_missing, &err) < 0) {
		check_null(value);
		result = mem_printf("!%s", err.text);
	} else {
		result = is_missing ? strdup("~") : json_text(value);
	}
	json_object_put(value);
	filter_use_deinit(&use);
	return result;
}

struct row {
	const char *filter, *input, *expected;
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *result = applied(rows[i].filter, rows[i].input);

		if (strcmp(result, rows[i].expected) != 0)
			fail_msg("%s|%s: %s", rows[i].input, rows[i].filter, result);
		free(result);
	}
}

#define CHECK_ROWS(rows_) check_rows(rows_, sizeof(rows_) / sizeof((rows_)[0]))

static void letters_change_their_case_and_nothing_else_does(void **state)
{
	static const struct row rows[] = {
		{"lower", "\"ANA@Example.COM\"", "\"ana@example.com\""},
		{"upper", "\"ana 1\"", "\"ANA 1\""},
		{"lower", "\"\303\226\303\204\303\237\"", "\"\303\266\303\244\303\237\""},
		{"upper", "\"stra\303\237e\"", "\"STRA\303\237E\""},
		{"lower", "\"\316\243\316\220\"", "\"\317\203\316\220\""},
		{"upper", "\"\320\270\320\262\320\260\320\275\"",
	         "\"\320\230\320\222\320\220\320\235\""},
		{"lower", "\"\"", "\"\""},
		{"lower", "42", "42"},
		{"upper", "true", "true"},
		{"lower", "null", "null"},
		{"lower", "~", "~"},
		{"lower", "[\"A\",7,null,\"B\"]", "[\"a\",7,null,\"b\"]"},
		{"lower", "{}",
	         "!lower takes text, a number, true or false, or a list of them; this record has an "
	         "object"},
		{"upper", "[\"a\",[\"b\"]]",
	         "!upper takes text, a number, true or false, or a list of them; this record has a "
	         "list"},
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void every_pair_of_letters_goes_there_and_back(void **state)
{
	(void)state;
	for (uint32_t code = 0; code < 0x20000; code++) {
		const uint32_t small = letter_lower(code), large = letter_upper(code);

		/* What has another case has that one for good. */
		check_eq(letter_lower(small), small);
		check_eq(letter_upper(large), large);
	}
	check_eq(letter_lower(0x130), 'i');
	check_eq(letter_upper(0x131), 'I');
	check_eq(letter_upper(0x3c2), 0x3a3);
	check_eq(letter_lower(0x1e9e), 0xdf);
	check_eq(letter_upper(0xdf), 0xdf);
	check_eq(letter_upper(0x561), 0x531);
	check_eq(letter_lower(0xff21), 0xff41);
	check_eq(letter_upper(0x1f600), 0x1f600);
}

static void spaces_are_taken_off_both_ends_only(void **state)
{
	static const struct row rows[] = {
		{"trim", "\"  a b \\t\\r\\n\"", "\"a b\""},
		{"trim", "\"\302\240\343\200\200a\342\200\213\357\273\277\"", "\"a\""},
		{"trim", "\" \\u2003 \"", "\"\""},
		{"trim", "\"\"", "\"\""},
		{"trim", "12", "12"},
		{"trim", "[\" a\",\"b \"]", "[\"a\",\"b\"]"},
		{"trim", "null", "null"},
		{"trim", "{\"a\":1}",
	         "!trim takes text, a number, true or false, or a list of them; this record has an "
	         "object"},
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void text_is_what_a_text_would_have_there(void **state)
{
	static const struct row rows[] = {
		{"text", "\"a\"", "\"a\""},
		{"text", "19.90", "\"19.90\""},
		{"text", "12345678901234567890", "\"12345678901234567890\""},
		{"text", "true", "\"true\""},
		{"text", "[1,\"a\"]", "\"[1,\\\"a\\\"]\""},
		{"text", "{\"a\":null}", "\"{\\\"a\\\":null}\""},
		{"text", "null", "null"},
		{"text", "~", "~"},
	};

	(void)state;
	CHECK_ROWS(rows);
}

static const char no_number[] = " takes a number, or text that is one, of at most 64 digits before "
				"its point and behind it; this record has ";

static void numbers_keep_their_digits(void **state)
{
	static const struct row rows[] = {
		{"number", "\"19.90\"", "19.90"},
		{"number", "\" 19.90\\n\"", "19.90"},
		{"number", "\"9007199254740993\"", "9007199254740993"},
		{"number", "\"12345678901234567890.10\"", "12345678901234567890.10"},
		{"number", "\"007\"", "7"},
		{"number", "\"+.5\"", "0.5"},
		{"number", "\"-0\"", "0"},
		{"number", "\"1e3\"", "1000"},
		{"number", "1e3", "1e3"},
		{"number", "19.90", "19.90"},
		{"number", "\"\"", "null"},
		{"number", "\" \"", "null"},
		{"number", "null", "null"},
		{"number", "~", "~"},
		{"cents", "19.99", "1999"},
		{"cents", "\"19.99\"", "1999"},
		{"cents", "\"1.005\"", "101"},
		{"cents", "-1.005", "-101"},
		{"cents", "\"-0.001\"", "0"},
		{"cents", "\"\"", "null"},
		{"cents", "null", "null"},
		{"cents", "12345678901234567890.12", "1234567890123456789012"},
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void what_is_no_number_is_told_and_never_at_length(void **state)
{
	static const char *const inputs[][2] = {
		{"\"1,234.50\"", "the text \"1,234.50\""},
		{"\"12 EUR\"", "the text \"12 EUR\""},
		{"\"12\\u0000\"", "the text \"12\\u0000\""},
		{"1e400", "the number 1e400"},
		{"true", "true"},
		{"[1]", "a list"},
		{"{}", "an object"},
		{"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
	         "the text \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" \342\200\246"},
		{"11111111111111111111111111111111111111111111111111111111111111111",
	         "the number 1111111111111111111111111111111111111111 \342\200\246"},
	};
	static const char *const names[] = {"number", "cents"};

	(void)state;
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
		for (size_t k = 0; k < 2; k++) {
			char *sentence = mem_printf("!%s%s%s", names[k], no_number, inputs[i][1]);
			const struct row row = {names[k], inputs[i][0], sentence};

			check_rows(&row, 1);
			free(sentence);
		}
}

static void split_gives_the_pieces_as_they_are(void **state)
{
	static const struct row rows[] = {
		{"split:,", "\"a,b\"", "[\"a\",\"b\"]"},
		{"split:,", "\"a, b,,\"", "[\"a\",\" b\",\"\",\"\"]"},
		{"split:\", \"", "\"a, b,c\"", "[\"a\",\"b,c\"]"},
		{"split:\"|\"", "\"a|b\"", "[\"a\",\"b\"]"},
		{"split:\" \"", "\"a b\"", "[\"a\",\"b\"]"},
		{"split: :: ", "\"a::b\"", "[\"a\",\"b\"]"},
		{"split:,", "\"a\"", "[\"a\"]"},
		{"split:.", "19.90", "[\"19\",\"90\"]"},
		{"split:,", "\"\"", "null"},
		{"split:,", "\"  \"", "null"},
		{"split:,", "[\"a,b\"]", "[\"a,b\"]"},
		{"split:,", "null", "null"},
		{"split:,", "true",
	         "!split takes text, a number, or a list already made; this record has true"},
		{"split:,", "{}",
	         "!split takes text, a number, or a list already made; this record has an object"},
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void what_is_missing_or_null_is_filled_in_and_nothing_else(void **state)
{
	static const struct row rows[] = {
		{"default:US", "~", "\"US\""},
		{"default:US", "null", "\"US\""},
		{"default:US", "\"\"", "\"\""},
		{"default:US", "0", "0"},
		{"default:US", "false", "false"},
		{"default:US", "[]", "[]"},
		{"default: New York ", "~", "\"New York\""},
		{"default:\" x \"", "~", "\" x \""},
		{"default:\"a|b}\\\"\\\\\"", "~", "\"a|b}\\\"\\\\\""},
		{"default:a:b", "~", "\"a:b\""},
		{" default :US", "~", "\"US\""},
		{"or:", "~", "\"\""},
		{"or", "null", "\"\""},
		{"or:", "\"x\"", "\"x\""},
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void times_become_utc_as_close_writes_it(void **state)
{
	static const struct row rows[] = {
		{"datetime", "\"2026-03-09T14:00:00+01:00\"", "\"2026-03-09T13:00:00+00:00\""},
		{"datetime", "\"2026-03-09t14:00:00.5z\"", "\"2026-03-09T14:00:00.500000+00:00\""},
		{"datetime", "\" 2026-03-09 14:00:00 \"", "\"2026-03-09T14:00:00+00:00\""},
		{"datetime", "\"2026-03-09\"", "\"2026-03-09T00:00:00+00:00\""},
		{"datetime", "1773064800", "\"2026-03-09T14:00:00+00:00\""},
		{"datetime", "\"1773064800\"", "\"2026-03-09T14:00:00+00:00\""},
		{"datetime", "1773064800.25", "\"2026-03-09T14:00:00.250000+00:00\""},
		{"datetime", "1773064800123", "\"2026-03-09T14:00:00.123000+00:00\""},
		{"datetime", "1.7730648e9", "\"2026-03-09T14:00:00+00:00\""},
		{"datetime", "99999999999", "\"5138-11-16T09:46:39+00:00\""},
		{"datetime", "100000000000", "\"1973-03-03T09:46:40+00:00\""},
		{"datetime", "0", "\"1970-01-01T00:00:00+00:00\""},
		{"datetime", "-86400", "\"1969-12-31T00:00:00+00:00\""},
		{"datetime", "-0.5", "\"1969-12-31T23:59:59.500000+00:00\""},
		{"datetime", "\"\"", "null"},
		{"datetime", "null", "null"},
		{"datetime", "~", "~"},
		{"date", "\"2026-03-09\"", "\"2026-03-09\""},
		{"date", "\"2026-03-09T23:30:00-05:00\"", "\"2026-03-10\""},
		{"date", "1773064800", "\"2026-03-09\""},
		{"date", "\"1773064800123\"", "\"2026-03-09\""},
		{"date", "\" \"", "null"},
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const inputs[] = {
		"\"2026-02-30\"",           "\"09.03.2026\"", "\"yesterday\"",
		"\"2026-03-09T25:00:00Z\"", "true",           "[1773064800]",
		"253402300800000",          "-62167219201",   "1e400",
		"\"2026-03-09\\u0000\"",
	};
	static const struct row digits[] = {
		{"datetime", "2026",
	         "!datetime takes no number of 4 or 8 digits, which may be a year or a date without "
	         "dashes; this record has the number 2026"},
		{"date", "\"20260309\"",
	         "!date takes no number of 4 or 8 digits, which may be a year or a date without "
	         "dashes; this record has the text \"20260309\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		char *sentence = applied("datetime", inputs[i]);

		if (strncmp(sentence, "!datetime takes a time such as", 30) != 0)
			fail_msg("%s: %s", inputs[i], sentence);
		free(sentence);
	}
	CHECK_ROWS(digits);
}

static void a_filter_written_wrong_is_told_with_the_way_out(void **state)
{
	static const char *const rows[][2] = {
		{"lowr", "there is no filter \"lowr\"; did you mean lower?"},
		{"Lower", "there is no filter \"Lower\"; did you mean lower?"},
		{"reverse",
	         "there is no filter \"reverse\"; the filters are lower, upper, trim, text, "
	         "number, split, default, or, cents, datetime, date"},
		{" ",
	         "behind | stands a filter: lower, upper, trim, text, number, split, default, or, "
	         "cents, datetime, date"},
		{"lower:", "lower takes no argument"},
		{"cents:EUR", "cents takes no argument"},
		{"split",
	         "split needs an argument, as in split:,; spaces go in quotes: split:\" \""},
		{"default: ",
	         "default needs an argument, as in default:US; spaces go in quotes: default:\" \""},
		{"default:\"\"",
	         "default needs an argument, as in default:US; spaces go in quotes: default:\" \""},
		{"or:x",
	         "or stands for empty text and takes no other: write default:\342\200\246 for one"},
		{"default:\"a\"b",
	         "an argument in quotes is in quotes as a whole: \"\342\200\246\""},
		{"default:a\"b",
	         "an argument that has a quote in it stands in quotes as a whole, with "
	         "\\\" for the quote"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct filter_use use;
		struct err err = {""};

		check_eq(filter_parse(rows[i][0], strlen(rows[i][0]), &use, &err), -EINVAL);
		check_text(err.text, rows[i][1]);
	}
}

static void every_filter_is_written_as_its_example_shows(void **state)
{
	size_t n;
	const struct filter *table = filter_table(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct filter_use use = {0};

		check_eq(filter_parse(table[i].example, strlen(table[i].example), &use, NULL), 0);
		check(use.filter == &table[i]);
		filter_use_deinit(&use);
	}
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(letters_change_their_case_and_nothing_else_does),
		sentence(every_pair_of_letters_goes_there_and_back),
		sentence(spaces_are_taken_off_both_ends_only),
		sentence(text_is_what_a_text_would_have_there),
		sentence(numbers_keep_their_digits),
		sentence(what_is_no_number_is_told_and_never_at_length),
		sentence(split_gives_the_pieces_as_they_are),
		sentence(what_is_missing_or_null_is_filled_in_and_nothing_else),
		sentence(times_become_utc_as_close_writes_it),
		sentence(what_is_no_time_is_refused),
		sentence(a_filter_written_wrong_is_told_with_the_way_out),
		sentence(every_filter_is_written_as_its_example_shows),
	};

	return run_sentences(sentences);
}
