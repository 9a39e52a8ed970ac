#include "lib/natural.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int rank(char c)
{
	return c == '/' ? 1 : c == '\0' ? 0 : (unsigned char)c + 1;
}

static size_t count_digits(const char *text)
{
	size_t n = 0;

	while (is_digit(text[n]))
		n++;
	return n;
}

/* Compares the numbers both texts begin with, and passes them. */
static int compare_numbers(const char **a, const char **b)
{
	size_t n_a, n_b;
	int order;

	while (**a == '0')
		++*a;
	while (**b == '0')
		++*b;
	n_a = count_digits(*a);
	n_b = count_digits(*b);
	order = n_a == n_b ? strncmp(*a, *b, n_a) : n_a < n_b ? -1 : 1;
	*a += n_a;
	*b += n_b;
	return order;
}

int natural_compare(const char *a, const char *b)
{
	const char *x = a, *y = b;

	for (;;) {
		int order;

		if (is_digit(*x) && is_digit(*y)) {
			order = compare_numbers(&x, &y);
			if (order)
				return order;
			continue;
		}
		order = rank(*x) - rank(*y);
		if (order)
			return order;
		if (!*x)
			return strcmp(a, b); /* they differ in leading zeros, or not at all */
		x++;
		y++;
	}
}
