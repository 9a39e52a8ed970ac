#include "lib/yaml_scalar.h"

#include "lib/buf.h"
#include "lib/mem.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *written, *json;
} words[] = {
	{"True", "true"},   {"TRUE", "true"}, {"False", "false"},
	{"FALSE", "false"}, {"Null", "null"}, {"NULL", "null"},
};

enum { max_digits = 64 }; /* more are no number that anybody counts with */

/* Numbers with a base: longer than any integer of ours, so the decimal digits are made one by one,
 * the last first. */
static void times_plus(struct buf *digits, unsigned base, unsigned digit)
{
	unsigned carry = digit;

	for (size_t i = 0; i < digits->len; i++) {
		carry += (unsigned)(digits->data[i] - '0') * base;
		digits->data[i] = (char)('0' + carry % 10);
		carry /= 10;
	}
	for (; carry; carry /= 10)
		buf_addc(digits, (char)('0' + carry % 10));
}

static char *decimal_of(const char *text, unsigned base, const char *alphabet)
{
	struct buf digits = BUF_INIT, decimal = BUF_INIT;

	for (; *text; text++) {
		const char *digit = strchr(alphabet, *text);
		const unsigned value = (unsigned)(digit - alphabet);

		times_plus(&digits, base, value < base ? value : value - 6);
	}
	if (!digits.len)
		buf_addc(&decimal, '0');
	while (digits.len)
		buf_addc(&decimal, digits.data[--digits.len]);
	buf_deinit(&digits);
	return buf_take(&decimal);
}

static char *based_number(const char *text)
{
	static const char octal[] = "01234567", hex[] = "0123456789abcdefABCDEF";
	const bool is_hex = text[0] == '0' && text[1] == 'x';
	const char *alphabet = is_hex ? hex : octal;

	if (!is_hex && (text[0] != '0' || text[1] != 'o'))
		return NULL;
	text += 2;
	if (!*text || strlen(text) > max_digits || text[strspn(text, alphabet)])
		return NULL;
	return decimal_of(text, is_hex ? 16 : 8, alphabet);
}

static const char decimal_digits[] = "0123456789";

/* What is a number to YAML and not to JSON: a sign +, no digit on one side of the point. */
static char *decimal_number(const char *text)
{
	const char *unsigned_text = text + (*text == '-' || *text == '+');
	const size_t whole = strspn(unsigned_text, decimal_digits);
	const char *at = unsigned_text + whole;
	const bool has_point = *at == '.';
	const size_t part = has_point ? strspn(at + 1, decimal_digits) : 0;
	const char *exponent = at + has_point + part;

	if (whole + part == 0 || (whole > 1 && *unsigned_text == '0'))
		return NULL;
	if (*exponent == 'e' || *exponent == 'E') {
		const char *digits = exponent + 1 + (exponent[1] == '-' || exponent[1] == '+');

		if (!*digits || digits[strspn(digits, decimal_digits)])
			return NULL;
	} else if (*exponent) {
		return NULL;
	}
	if (*text != '+' && whole && (!has_point || part))
		return NULL; /* as JSON writes it */
	return mem_printf("%s%s%.*s%s%.*s%s%s", *text == '-' ? "-" : "", whole ? "" : "0",
	                  (int)whole, unsigned_text, has_point ? "." : "", (int)part,
	                  has_point ? at + 1 : "", has_point && !part ? "0" : "", exponent);
}

char *yaml_scalar_json(const char *text)
{
	char *number = based_number(text);

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(text, words[i].written))
			return mem_strdup(words[i].json);
	return number ? number : decimal_number(text);
}

bool yaml_scalar_has_no_json(const char *text)
{
	static const char *const infinite[] = {".inf", ".Inf", ".INF"}, *const none[] = {".nan",
	                                                                                 ".NaN",
	                                                                                 ".NAN"};
	const char *unsigned_text = text + (*text == '-' || *text == '+');
	bool has_none = false;

	for (size_t i = 0; i < 3; i++)
		has_none |= !strcmp(unsigned_text, infinite[i]) || !strcmp(text, none[i]);
	return has_none;
}
