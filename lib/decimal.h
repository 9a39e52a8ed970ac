#pragma once

/*
 * Decimal numbers as the digits they are written with. Sums of money never pass through a double:
 * what 19.99 times 100 is, and whether 19.90 is 19.9, is decided on the digits.
 */

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether two numbers as JSON writes them have the same value: 19.90 and 19.9, 1e2 and 100, -0 and
 * 0. Numbers of any length and exponent are compared, without allocating.
 */
bool decimal_equal(const char *a, const char *b);

/*
 * Digits a number may have, written out without an exponent, before its point and behind it, when
 * it is read by decimal_read(): far above any sum, and small enough for the stack.
 */
enum { decimal_max_digits = 64 };

/* A number written out: @n digits, the first no 0, of which @n_fraction stand behind the point. */
struct decimal {
	bool is_negative;
	char digits[2 * decimal_max_digits + 2]; /* as many more as cents need */
	size_t n;                                /* 0: the number is 0 */
	size_t n_fraction;                       /* where it is more than n, zeros come first */
};

/*
 * Reads the @len bytes of @text: a sign or none, digits with or without a point (".5" and "5." are
 * numbers), an exponent or none; no spaces, no separators of thousands. -EINVAL: no such number;
 * -ERANGE: one of too many digits. @ret is untouched then.
 */
int decimal_read(const char *text, size_t len, struct decimal *ret);

/* Multiplies by 100 and rounds to a whole number, a half away from zero. */
void decimal_to_cents(struct decimal *d);

/*
 * The value times ten to the power of @places as a whole number, what is finer cut off. False where
 * that has more than 18 digits.
 */
bool decimal_scaled(const struct decimal *d, unsigned places, int64_t *ret_value);

/* Adds @d as a JSON number without an exponent: all its digits, no zeros before them, no "-0". */
void decimal_print(const struct decimal *d, struct buf *out);
