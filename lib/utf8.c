#include "lib/utf8.h"

/* What may stand second, by the first byte (table 3-7 of the Unicode standard). */
static size_t lead(unsigned char first, unsigned char *ret_low, unsigned char *ret_high)
{
	*ret_low = 0x80;
	*ret_high = 0xbf;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef) {
		if (first == 0xe0)
			*ret_low = 0xa0;
		if (first == 0xed)
			*ret_high = 0x9f;
		return 3;
	}
	if (first >= 0xf0 && first <= 0xf4) {
		if (first == 0xf0)
			*ret_low = 0x90;
		if (first == 0xf4)
			*ret_high = 0x8f;
		return 4;
	}
	return 0;
}

size_t utf8_sequence(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned char low, high;
	size_t n;

	if (!len)
		return 0;
	if (p[0] < 0x80)
		return 1;

	n = lead(p[0], &low, &high);
	if (!n || n > len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool utf8_is_valid(const char *text, size_t len)
{
	while (len) {
		const size_t n = utf8_sequence(text, len);

		if (!n)
			return false;
		text += n;
		len -= n;
	}
	return true;
}

size_t utf8_cut(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	for (size_t back = 1; back < 4 && back <= max; back++)
		if (utf8_sequence(text + max - back, len - max + back) > back)
			return max - back;
	return max;
}

size_t utf8_decode(const char *text, size_t len, uint32_t *ret_code)
{
	/* The bits of the first byte that belong to the character. */
	static const unsigned char bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	const size_t n = utf8_sequence(text, len);
	uint32_t code = 0;

	for (size_t i = 0; i < n; i++)
		code = code << 6 | ((unsigned char)text[i] & (i ? 0x3f : bits[n]));
	if (n)
		*ret_code = code;
	return n;
}

size_t utf8_encode(uint32_t code, char ret_bytes[static 4])
{
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = n - 1; i > 0; i--) {
		ret_bytes[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	ret_bytes[0] = (char)(marks[n] | code);
	return n;
}
