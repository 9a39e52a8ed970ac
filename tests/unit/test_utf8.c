#include "lib/utf8.h"
#include "tests/unit/check.h"

#include <stdbool.h>

/* Decoding by arithmetic and encoding again: a second opinion on utf8_sequence(). */
static bool is_character(const char *bytes, size_t len)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	static const unsigned char marks[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
	const unsigned char *p = (const unsigned char *)bytes;
	uint32_t code = p[0] & masks[len];

	if ((p[0] & (unsigned char)~masks[len]) != marks[len])
		return false;
	for (size_t i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return false;
		code = code << 6 | (p[i] & 0x3f);
	}
	return code >= smallest[len] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

static size_t expected(const char *bytes, size_t len)
{
	for (size_t n = 1; n <= len && n <= 4; n++)
		if (is_character(bytes, n))
			return n;
	return 0;
}

static void every_first_and_second_byte_is_judged_exactly(void **state)
{
	static const char tails[][2] = {
		{'\x80', '\x80'}, {'\xbf', '\xbf'}, {'\x7f', '\x80'}, {'\x80', '\xc0'}, {'a', 'a'}};

	(void)state;
	for (unsigned first = 0; first < 256; first++)
		for (unsigned second = 0; second < 256; second++)
			for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
				const char bytes[4] = {(char)first, (char)second, tails[i][0],
				                       tails[i][1]};

				for (size_t len = 1; len <= 4; len++)
					check_eq(utf8_sequence(bytes, len), expected(bytes, len));
			}
	check_eq(utf8_sequence("", 0), 0);
}

static void every_scalar_value_is_encoded_as_one_character_and_read_again(void **state)
{
	(void)state;
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		uint32_t again = 0;
		char bytes[4];
		size_t n;

		if (code == 0xd800)
			code = 0xe000;
		n = utf8_encode(code, bytes);
		check_eq(utf8_sequence(bytes, n), n);
		check_eq(utf8_decode(bytes, n, &again), n);
		check_eq(again, code);
		check_eq(utf8_decode(bytes, n - 1, &again), 0);
	}
}

static void encoding_agrees_with_known_characters(void **state)
{
	char bytes[4];

	(void)state;
	check_eq(utf8_encode('A', bytes), 1);
	assert_memory_equal(bytes, "A", 1);
	check_eq(utf8_encode(0xe9, bytes), 2);
	assert_memory_equal(bytes, "\xc3\xa9", 2);
	check_eq(utf8_encode(0x20ac, bytes), 3);
	assert_memory_equal(bytes, "\xe2\x82\xac", 3);
	check_eq(utf8_encode(0x1f600, bytes), 4);
	assert_memory_equal(bytes, "\xf0\x9f\x98\x80", 4);
}

static void text_is_valid_when_all_of_it_is_characters(void **state)
{
	(void)state;
	check(utf8_is_valid("", 0));
	check(utf8_is_valid("a\xc3\xa9\0b", 5));
	check(!utf8_is_valid("a\xc3\xa9", 2)); /* cut off */
	check(!utf8_is_valid("\xc3\xa9\xff", 3));
}

static void text_is_cut_where_a_character_begins(void **state)
{
	(void)state;
	check_eq(utf8_cut("abc", 3, 8), 3);
	check_eq(utf8_cut("abcd", 4, 3), 3);
	check_eq(utf8_cut("", 0, 0), 0);
	check_eq(utf8_cut("ab\xc3\xa9", 4, 4), 4);
	check_eq(utf8_cut("ab\xc3\xa9", 4, 3), 2);
	for (size_t max = 1; max <= 4; max++)
		check_eq(utf8_cut("a\xf0\x9f\x98\x80z", 6, max), 1);
	check_eq(utf8_cut("a\xf0\x9f\x98\x80z", 6, 5), 5);
	check_eq(utf8_cut("\xe2\x82\xac", 3, 2), 0);
	/* What is no character has no beginning. */
	check_eq(utf8_cut("\xa9\xa9\xa9\xa9\xa9", 5, 3), 3);
	check_eq(utf8_cut("a\xc3z", 3, 2), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(every_first_and_second_byte_is_judged_exactly),
		sentence(every_scalar_value_is_encoded_as_one_character_and_read_again),
		sentence(encoding_agrees_with_known_characters),
		sentence(text_is_cut_where_a_character_begins),
		sentence(text_is_valid_when_all_of_it_is_characters),
	};

	return run_sentences(tests);
}
