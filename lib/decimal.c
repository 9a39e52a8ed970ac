#include "lib/decimal.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

/* No text that fits into memory moves an exponent beyond this back into sight. */
static const int64_t max_exponent = 1000000000000000;

/* A number taken apart where it stands. */
struct scan {
	bool is_negative;
	const char *at, *end; /* its digits, with a point among them or none */
	size_t n_before;      /* digits before the point */
	size_t n;             /* digits altogether */
	int64_t exponent;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void scan_digits(struct scan *s, const char *end)
{
	bool is_behind = false;

	for (s->end = s->at; s->end < end && (is_digit(*s->end) || *s->end == '.'); s->end++) {
		if (*s->end == '.' && is_behind)
			return;
		is_behind |= *s->end == '.';
		s->n += *s->end != '.';
		s->n_before += !is_behind;
	}
}

/* What stands behind the digits; false unless it is an exponent or nothing. */
static bool scan_exponent(struct scan *s, const char *end)
{
	const char *at = s->end;
	bool is_negative;

	if (at == end)
		return true;
	if (*at != 'e' && *at != 'E')
		return false;
	at++;
	is_negative = at < end && *at == '-';
	if (at < end && (*at == '-' || *at == '+'))
		at++;
	if (at == end)
		return false;
	for (; at < end && is_digit(*at); at++)
		if (s->exponent < max_exponent)
			s->exponent = s->exponent * 10 + (*at - '0');
	if (is_negative)
		s->exponent = -s->exponent;
	return at == end;
}

static bool scan(const char *text, size_t len, struct scan *ret)
{
	const char *end = text + len;
	struct scan s = {.at = text};

	if (len && (*text == '-' || *text == '+')) {
		s.is_negative = *text == '-';
		s.at++;
	}
	scan_digits(&s, end);
	if (s.n == 0 || !scan_exponent(&s, end))
		return false;
	*ret = s;
	return true;
}

static void skip_point(struct scan *s)
{
	if (s->at < s->end && *s->at == '.')
		s->at++;
}

/* Goes to the first digit that is not 0; false where there is none. */
static bool skip_zeros(struct scan *s)
{
	for (; s->at < s->end && (*s->at == '0' || *s->at == '.'); s->at++) {
		if (*s->at == '.')
			continue;
		/* The power of ten of the first digit is n_before + exponent. */
		s->exponent--;
		s->n--;
	}
	s->exponent += (int64_t)s->n_before;
	return s->at < s->end;
}

static char next_digit(struct scan *s)
{
	skip_point(s);
	if (s->at == s->end)
		return '0';
	return *s->at++;
}

bool decimal_equal(const char *a, const char *b)
{
	struct scan left, right;
	bool is_left, is_right;

	if (!scan(a, strlen(a), &left) || !scan(b, strlen(b), &right))
		return false;
	is_left = skip_zeros(&left);
	is_right = skip_zeros(&right);
	if (!is_left || !is_right)
		return is_left == is_right;
	if (left.is_negative != right.is_negative || left.exponent != right.exponent)
		return false;
	while (left.at < left.end || right.at < right.end)
		if (next_digit(&left) != next_digit(&right))
			return false;
	return true;
}

int decimal_read(const char *text, size_t len, struct decimal *ret)
{
	struct decimal d = {0};
	int64_t fraction;
	struct scan s;

	if (!scan(text, len, &s))
		return -EINVAL;
	fraction = (int64_t)(s.n - s.n_before) - s.exponent;
	d.is_negative = s.is_negative;
	/* Behind it s.exponent is how many digits stand before the point. */
	if (skip_zeros(&s) && s.exponent > decimal_max_digits)
		return -ERANGE;
	if (fraction > decimal_max_digits)
		return -ERANGE;
	while (d.n < s.n)
		d.digits[d.n++] = next_digit(&s);
	for (; d.n && fraction < 0; fraction++)
		d.digits[d.n++] = '0';
	d.n_fraction = fraction > 0 ? (size_t)fraction : 0;
	*ret = d;
	return 0;
}

static void add_one(struct decimal *d)
{
	size_t at = d->n;

	while (at && d->digits[at - 1] == '9')
		d->digits[--at] = '0';
	if (at) {
		d->digits[at - 1]++;
		return;
	}
	memmove(d->digits + 1, d->digits, d->n++);
	d->digits[0] = '1';
}

/* Drops the digits behind the point. */
static void round_off(struct decimal *d)
{
	const size_t kept = d->n > d->n_fraction ? d->n - d->n_fraction : 0;
	const bool is_up = d->n_fraction && d->n >= d->n_fraction && d->digits[kept] >= '5';

	d->n = kept;
	d->n_fraction = 0;
	if (is_up)
		add_one(d);
}

void decimal_to_cents(struct decimal *d)
{
	for (int i = 0; i < 2; i++) {
		if (d->n_fraction)
			d->n_fraction--;
		else if (d->n)
			d->digits[d->n++] = '0';
	}
	round_off(d);
}

bool decimal_scaled(const struct decimal *d, unsigned places, int64_t *ret_value)
{
	/* How many of the digits stand before the point once it has moved. */
	const int64_t n = (int64_t)d->n - (int64_t)d->n_fraction + places;
	int64_t value = 0;

	if (d->n && n > 18)
		return false;
	for (int64_t i = 0; d->n && i < n; i++)
		value = value * 10 + (i < (int64_t)d->n ? d->digits[i] - '0' : 0);
	*ret_value = d->is_negative ? -value : value;
	return true;
}

void decimal_print(const struct decimal *d, struct buf *out)
{
	const size_t before = d->n > d->n_fraction ? d->n - d->n_fraction : 0;

	if (d->is_negative && d->n)
		buf_addc(out, '-');
	if (before)
		buf_add(out, d->digits, before);
	else
		buf_addc(out, '0');
	if (!d->n_fraction)
		return;
	buf_addc(out, '.');
	for (size_t zeros = d->n; zeros < d->n_fraction; zeros++)
		buf_addc(out, '0');
	buf_add(out, d->digits + before, d->n - before);
}
