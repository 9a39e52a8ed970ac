#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Text with its length, so that rows may hold a NUL. */
#define T(text) text, sizeof(text) - 1

static void what_is_passed_through_is_printed_as_it_was_written(void **state)
{
	static const char *const same[] = {
		/* json-c clamps these, */
		"18446744073709551616",
		"-9223372036854775809",
		"12345678901234567890123",
		/* holds these, */
		"9223372036854775807",
		"9223372036854775808",
		"18446744073709551615",
		"-9223372036854775808",
		"0",
		"-1",
		"42",
		/* rounds, reformats or changes these, */
		"0.1",
		"1.10",
		"19.90",
		"1E400",
		"-1e-400",
		"1e5",
		"1E+05",
		"100.0",
		"-0",
		"-0.0",
		"0.123456789012345678901234567890",
		"0e0",
		/* and escapes or rearranges these. */
		"\"a/b\"",
		"{\"b\":1,\"a\":2,\"c\":{\"z\":[],\"y\":{}}}",
		"[1,[2,[3,null]],true,false]",
		"\"\"",
		"{\"\":\"\"}",
		"{}",
		"[]",
		"null",
		"true",
		"false",
		"\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000\"",
		"\"caf\xc3\xa9 \xf0\x9f\x98\x80\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		cleanup_(json_freep) struct json_object *value = NULL;
		cleanup_(freep) char *text = NULL;
		struct err err = {""};

		if (json_parse(same[i], strlen(same[i]), 0, &value, NULL, &err) < 0)
			fail_msg("%s: %s", same[i], err.text);
		text = json_text(value);
		check_text(text, same[i]);
	}
}

static void other_spellings_of_a_value_are_printed_in_the_short_one(void **state)
{
	static const struct {
		const char *text, *printed;
	} rows[] = {
		{" {\t\"a\" : [ 1 ,\r\n2 ] } ", "{\"a\":[1,2]}"},
		{"\"a\\/b\"", "\"a/b\""},
		{"\"\\u0041\\u00e9\\u20AC\\uD83D\\uDE00\"",
	         "\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
		{"\"\\u000a\\u0008\\u007f\"", "\"\\n\\b\\u007f\""},
		{"\"\x7f\"", "\"\\u007f\""},
		{"{\"\\u0061\":1}", "{\"a\":1}"},
		{"[ ]", "[]"},
		{"{ }", "{}"},
		{"\"\\ud7ff\\ue000\\uffff\"", "\"\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_(json_freep) struct json_object *value = NULL;
		cleanup_(freep) char *text = NULL;
		struct err err = {""};

		if (json_parse(rows[i].text, strlen(rows[i].text), 0, &value, NULL, &err) < 0)
			fail_msg("%s: %s", rows[i].text, err.text);
		text = json_text(value);
		check_text(text, rows[i].printed);
	}
}

static const struct bad {
	const char *text;
	size_t len;
	size_t offset;
	const char *what;
} bad_rows[] = {
	/* Accepted or repaired by json-c in its strictest mode. */
	{T("1."), 2, "cut off"},
	{T("[1.]"), 3, "number"},
	{T("NaN"), 0, "unexpected character"},
	{T("Infinity"), 0, "unexpected character"},
	{T("-Infinity"), 1, "number"},
	{T("{'a':1}"), 1, "unexpected character"},
	{T("\"a\nb\""), 2, "control character"},
	{T("\"a\x01\""), 2, "control character"},
	{T("{\"a\x01\":1}"), 3, "control character"},
	{T("\"a\0\""), 2, "control character"},
	{T("{\"a\":1,\"a\":2}"), 7, "duplicate key"},
	{T("{\"a\":1,\"\\u0061\":2}"), 7, "duplicate key"},
	{T("{\"a\":{},\"a\":{}}"), 8, "duplicate key"},
	{T("{\"\":1,\"\":null}"), 6, "duplicate key"},
	{T("{\"a\\u0000b\":1}"), 1, "NUL in key"},
	{T("\"\xff\""), 1, "UTF-8"},
	{T("\"\xc0\xaf\""), 1, "UTF-8"},         /* overlong */
	{T("\"\xe0\x80\x80\""), 1, "UTF-8"},     /* overlong */
	{T("\"\xed\xa0\x80\""), 1, "UTF-8"},     /* a surrogate */
	{T("\"\xf4\x90\x80\x80\""), 1, "UTF-8"}, /* beyond U+10FFFF */
	{T("\"ok\xe2\x82\""), 3, "UTF-8"},
	{T("{\"\xff\":1}"), 2, "UTF-8"},
	{T("\"\\ud800\""), 1, "surrogate"},
	{T("\"\\udc00\""), 1, "surrogate"},
	{T("\"x\\ud800\\u0041\""), 2, "surrogate"},
	{T("\"\\ud800x\""), 1, "surrogate"},
	{T("\"\\ud800\\ud800\""), 1, "surrogate"},
	/* Refused by json-c too, or never decided. */
	{T("{} x"), 3, "trailing bytes"},
	{T("1 2"), 2, "trailing bytes"},
	{T("{}{}"), 2, "trailing bytes"},
	{T("{}\0"), 2, "trailing bytes"},
	{T("[1]]"), 3, "trailing bytes"},
	{T("/* a */ 1"), 0, "unexpected character"},
	{T("[1 // a\n]"), 3, "unexpected character"},
	{T("[1,]"), 3, "unexpected character"},
	{T("[,1]"), 1, "unexpected character"},
	{T("[1 2]"), 3, "unexpected character"},
	{T("[1}"), 2, "unexpected character"},
	{T("{\"a\":1]"), 6, "unexpected character"},
	{T("{\"a\":1,}"), 7, "unexpected character"},
	{T("{\"a\" 1}"), 5, "unexpected character"},
	{T("{\"a\"}"), 4, "unexpected character"},
	{T("{\"a\":}"), 5, "unexpected character"},
	{T("{a:1}"), 1, "unexpected character"},
	{T("{1:1}"), 1, "unexpected character"},
	{T("TRUE"), 0, "unexpected character"},
	{T("truE"), 0, "unexpected character"},
	{T("nul"), 3, "cut off"},
	{T("\xef\xbb\xbf{}"), 0, "unexpected character"}, /* a mark of the file, not of the value */
	{T("\f1"), 0, "unexpected character"},
	{T("01"), 0, "number"},
	{T("-01"), 1, "number"},
	{T("00"), 0, "number"},
	{T("+1"), 0, "unexpected character"},
	{T(".5"), 0, "unexpected character"},
	{T("- 1"), 1, "number"},
	{T("1e"), 2, "cut off"},
	{T("[1e+]"), 4, "number"},
	{T("[1.e1]"), 3, "number"},
	{T("0x1"), 1, "trailing bytes"},
	{T("1_000"), 1, "trailing bytes"},
	{T("\"\\x41\""), 1, "escape"},
	{T("\"\\'\""), 1, "escape"},
	{T("\"\\\0\""), 1, "escape"},
	{T("\"\\u12g4\""), 5, "escape"},
	{T(""), 0, "empty"},
	{T(" \n"), 2, "empty"},
	{T("{"), 1, "cut off"},
	{T("["), 1, "cut off"},
	{T("{\"a"), 3, "cut off"},
	{T("{\"a\""), 4, "cut off"},
	{T("{\"a\":"), 5, "cut off"},
	{T("{\"a\":1"), 6, "cut off"},
	{T("{\"a\":1,"), 7, "cut off"},
	{T("[1,"), 3, "cut off"},
	{T("\"\\"), 2, "cut off"},
	{T("\"\\u00"), 5, "cut off"},
	{T("-"), 1, "cut off"},
};

static void what_is_no_json_is_refused_with_its_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		const struct bad *row = &bad_rows[i];
		/* A copy of exact size, so that the sanitizer sees a byte read too many. */
		cleanup_(freep) char *copy = malloc(row->len ? row->len : 1);
		struct json_object *value = NULL;
		struct json_fault fault = {0};
		struct err err = {""};
		char prefix[32];

		memcpy(copy, row->text, row->len);
		if (json_parse(copy, row->len, 0, &value, &fault, &err) != -EBADMSG)
			fail_msg("row %zu (%s) was accepted", i, row->text);
		check_null(value);
		if (strcmp(fault.what, row->what) != 0 || fault.offset != row->offset)
			fail_msg("row %zu (%s): %s at %zu: %s", i, row->text, fault.what,
			         fault.offset, err.text);
		(void)snprintf(prefix, sizeof(prefix), "byte %zu: ", row->offset + 1);
		check_eq(strncmp(err.text, prefix, strlen(prefix)), 0);
		check_eq(json_parse(copy, row->len, 0, &value, NULL, NULL), -EBADMSG);
	}
}

static char *nested(unsigned depth, const char *open, const char *middle, const char *end)
{
	struct buf text = BUF_INIT;

	for (unsigned i = 0; i < depth; i++)
		buf_adds(&text, open);
	buf_adds(&text, middle);
	for (unsigned i = 0; i < depth; i++)
		buf_adds(&text, end);
	return buf_take(&text);
}

static void depth_counts_the_outermost_as_1_and_ends_at_32(void **state)
{
	static const struct {
		unsigned depth, max_depth;
		bool is_good;
	} rows[] = {{32, 0, true}, {33, 0, false}, {3, 3, true}, {4, 3, false}, {128, 128, true}};
	static const char *const shapes[][3] = {
		{"[", "", "]"}, {"[", "1", "]"}, {"{\"a\":", "{}", "}"}, {"{\"a\":", "1", "}"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
			const bool has_inner = strcmp(shapes[s][1], "{}") == 0;
			cleanup_(freep) char *text = nested(rows[i].depth - has_inner, shapes[s][0],
			                                    shapes[s][1], shapes[s][2]);
			cleanup_(json_freep) struct json_object *value = NULL;
			struct json_fault fault = {0};
			int r = json_parse(text, strlen(text), rows[i].max_depth, &value, &fault,
			                   NULL);

			check_eq(r, rows[i].is_good ? 0 : -EBADMSG);
			if (!rows[i].is_good)
				check_text(fault.what, "depth");
		}
	}
}

static void a_fault_says_what_where_and_in_words(void **state)
{
	static const struct {
		const char *text, *sentence;
	} rows[] = {
		{"{\"a\":1,\"a\":2}", "byte 8: key \"a\" stands twice in one object"},
		{"{'a':1}", "byte 2: text stands in double quotes in JSON, not in single ones"},
		{"[1,]",
	         "byte 4: expected a value (an object, list, text, number, true, false or null), "
	         "not \"]\""},
		{"[01]", "byte 2: a number must not begin with a needless 0"},
		{"\"\x02\"", "byte 2: a control character (0x02) must be written as \\u0002"},
		{"{\"a\":1", "byte 7: the text ends here, but the value is not complete"},
		{"[1#]", "byte 3: JSON has no comments: expected a comma or \"]\""},
		{"[1\x1b]", "byte 3: expected a comma or \"]\", not the byte 0x1b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *value = NULL;
		struct err err = {""};

		check_eq(json_parse(rows[i].text, strlen(rows[i].text), 0, &value, NULL, &err),
		         -EBADMSG);
		check_text(err.text, rows[i].sentence);
	}
}

static void a_long_or_wild_key_is_shown_shortened_and_escaped(void **state)
{
	cleanup_(freep) char *e = nested(100, "\xc3\xa9", "", "");
	cleanup_(freep) char *text = mem_printf("{\"\\u001b%s\":1,\"\\u001b%s\":2}", e, e);
	struct json_object *value = NULL;
	struct err err = {""};

	(void)state;
	check_eq(json_parse(text, strlen(text), 0, &value, NULL, &err), -EBADMSG);
	check(strstr(err.text, "key \"\\u001b\xc3\xa9") != NULL);
	check(strstr(err.text, "\"\xe2\x80\xa6 stands twice") != NULL);
	check(strlen(err.text) < 150);
}

static void nul_in_a_value_is_kept(void **state)
{
	cleanup_(json_freep) struct json_object *value = NULL;
	static const char text[] = "\"a\\u0000b\"";

	(void)state;
	check_eq(json_parse(text, strlen(text), 0, &value, NULL, NULL), 0);
	check_eq(json_object_get_string_len(value), 3);
	assert_memory_equal(json_object_get_string(value), "a\0b", 4);
}

static void many_keys_stay_in_order_and_are_found(void **state)
{
	enum { n_keys = 5000 };
	cleanup_(json_freep) struct json_object *value = NULL;
	struct buf text = BUF_INIT;
	cleanup_(freep) char *again = NULL;

	(void)state;
	buf_addc(&text, '{');
	for (int i = 0; i < n_keys; i++)
		buf_addf(&text, "%s\"k%d\":%d", i ? "," : "", i * 7919 % n_keys, i);
	buf_addc(&text, '}');
	check_eq(json_parse(text.data, text.len, 0, &value, NULL, NULL), 0);
	check_eq(json_object_object_length(value), n_keys);
	again = json_text(value);
	check_text(again, text.data);
	buf_deinit(&text);
}

static void digits_survive_a_deep_copy(void **state)
{
	static const char text[] = "{\"a\":[12345678901234567890123,-0,1E400,19.90]}";
	cleanup_(json_freep) struct json_object *value = NULL;
	cleanup_(json_freep) struct json_object *copy = NULL;
	cleanup_(freep) char *again = NULL;

	(void)state;
	check_eq(json_parse(text, strlen(text), 0, &value, NULL, NULL), 0);
	check_eq(json_object_deep_copy(value, &copy, NULL), 0);
	again = json_text(copy);
	check_text(again, text);
}

static void computed_doubles_are_printed_with_the_fewest_digits(void **state)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {{0.1, "0.1"}, {1e100, "1e+100"}, {1.0 / 3, "0.3333333333333333"},
	            {5, "5"},     {-2.5, "-2.5"},    {0.1 + 0.2, "0.30000000000000004"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_(json_freep) struct json_object *value =
			json_object_new_double(rows[i].value);
		cleanup_(freep) char *text = json_text(value);

		check_text(text, rows[i].text);
	}
}

static void text_that_is_no_utf8_is_printed_with_replacements(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	json_print_string(T("a\xff\xc3\xa9\xe2\x82z\0"), &out);
	check_text(out.data, "\"a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbdz\\u0000\"");
	buf_deinit(&out);
}

static void a_value_of_any_depth_is_printed(void **state)
{
	enum { depth = 2000 };
	cleanup_(freep) char *wanted = nested(depth, "[", "", "]");
	struct json_object *value = json_object_new_array();
	cleanup_(freep) char *text = NULL;

	(void)state;
	for (int i = 1; i < depth; i++) {
		struct json_object *outer = json_object_new_array();

		check_eq(json_object_array_add(outer, value), 0);
		value = outer;
	}
	text = json_text(value);
	check_text(text, wanted);
	json_object_put(value);
}

static void members_are_read_only_with_their_own_type(void **state)
{
	static const char text[] =
		"{\"s\":\"12abc\",\"i\":-7,\"u\":18446744073709551615,\"b\":true,"
		"\"n\":null,\"d\":1.5}";
	cleanup_(json_freep) struct json_object *value = NULL;

	(void)state;
	check_eq(json_parse(text, strlen(text), 0, &value, NULL, NULL), 0);
	check_text(json_get_string(value, "s"), "12abc");
	check_null(json_get_string(value, "i"));
	check_null(json_get_string(value, "none"));
	check_eq(json_get_int(value, "s", 5), 5);
	check_eq(json_get_int(value, "i", 5), -7);
	check_eq(json_get_int(value, "u", 5), 5);
	check_eq(json_get_int(value, "d", 5), 5);
	check_eq(json_get_int(NULL, "i", 5), 5);
	check(json_get_bool(value, "b", false));
	check(json_get_bool(value, "s", true));
	check(!json_get_bool(value, "n", false));
	check_null(json_get(json_get(value, "s"), "x"));
	check_null(json_string(NULL));
}

static void weight_is_about_the_memory_a_value_takes(void **state)
{
	static const struct {
		const char *text;
		size_t least, most;
	} rows[] = {
		{"null", 0, 0},   {"1", 40, 100},    {"\"0123456789\"", 50, 110},
		{"[]", 300, 500}, {"{}", 600, 1000}, {"{\"a\":{},\"b\":[1,2.50,null]}", 1600, 2800},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *value = NULL;
		size_t weight;

		check_eq(json_parse(rows[i].text, strlen(rows[i].text), 0, &value, NULL, NULL), 0);
		weight = json_weight(value);
		if (weight < rows[i].least || weight > rows[i].most)
			fail_msg("%s weighs %zu", rows[i].text, weight);
		json_object_put(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(what_is_passed_through_is_printed_as_it_was_written),
		sentence(other_spellings_of_a_value_are_printed_in_the_short_one),
		sentence(what_is_no_json_is_refused_with_its_byte),
		sentence(depth_counts_the_outermost_as_1_and_ends_at_32),
		sentence(a_fault_says_what_where_and_in_words),
		sentence(a_long_or_wild_key_is_shown_shortened_and_escaped),
		sentence(nul_in_a_value_is_kept),
		sentence(many_keys_stay_in_order_and_are_found),
		sentence(digits_survive_a_deep_copy),
		sentence(computed_doubles_are_printed_with_the_fewest_digits),
		sentence(text_that_is_no_utf8_is_printed_with_replacements),
		sentence(a_value_of_any_depth_is_printed),
		sentence(members_are_read_only_with_their_own_type),
		sentence(weight_is_about_the_memory_a_value_takes),
	};

	return run_sentences(tests);
}
