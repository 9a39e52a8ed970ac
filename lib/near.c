#include "lib/near.h"

#include <ctype.h>
#include <string.h>

/* Longer words are not compared: nobody's key is that long, and the rows below stay on the stack.
 */
enum { word_max = 64 };

static int letter(char c)
{
	return c == '-' ? '_' : tolower((unsigned char)c);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment, three rows at a time: a swap looks two rows back. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][word_max + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;

	for (size_t i = 1; i <= a_len; i++) {
		const size_t *above = rows[(i - 1) % 3], *two_above = rows[(i + 1) % 3];
		size_t *row = rows[i % 3];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			const size_t cost = letter(a[i - 1]) != letter(b[j - 1]);

			row[j] = smaller(above[j - 1] + cost, smaller(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && letter(a[i - 1]) == letter(b[j - 2]) &&
			    letter(a[i - 2]) == letter(b[j - 1]))
				row[j] = smaller(row[j], two_above[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

static size_t mistakes_allowed(size_t len)
{
	return len <= 5 ? 1 : smaller(len / 3, 4);
}

const char *near_name(const char *word, const char *const *names)
{
	const size_t len = strlen(word);
	size_t best = mistakes_allowed(len) + 1;
	const char *near = NULL;

	/* One letter is near to every other letter; that is no hint. */
	if (len < 2 || len > word_max)
		return NULL;

	for (; *names; names++) {
		const size_t name_len = strlen(*names);
		size_t d;

		if (name_len > word_max || name_len > len + 4 || len > name_len + 4)
			continue;
		d = distance(word, len, *names, name_len);
		if (d < best) {
			best = d;
			near = *names;
		}
	}
	return near;
}
