#include "connector/pipeline/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* From the largest, as the texts for messages look for the largest that divides. */
static const struct unit durations[] = {
	{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0},
};
static const struct unit sizes[] = {
	{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {NULL, 0},
};
static const struct unit rates[] = {
	{"/h", 3600000},
	{"/min", 60000},
	{"/s", 1000},
	{NULL, 0},
};

/* Digits, then what is left in *@ret_rest. */
static int parse_digits(const char *text, uint64_t *ret_n, const char **ret_rest)
{
	uint64_t n = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
			return -EINVAL;
	*ret_n = n;
	*ret_rest = text;
	return 0;
}

static int parse_unit(const char *text, const struct unit *units, uint64_t *ret_n,
                      uint64_t *ret_factor)
{
	const char *rest;
	uint64_t n;

	if (parse_digits(text, &n, &rest) < 0)
		return -EINVAL;
	for (; units->name; units++) {
		if (strcmp(rest, units->name) != 0)
			continue;
		*ret_n = n;
		*ret_factor = units->factor;
		return 0;
	}
	return -EINVAL;
}

static int parse_product(const char *text, const struct unit *units, uint64_t *ret_value)
{
	uint64_t n, factor, value;

	if (parse_unit(text, units, &n, &factor) < 0 || __builtin_mul_overflow(n, factor, &value))
		return -EINVAL;
	*ret_value = value;
	return 0;
}

int units_duration(const char *text, uint64_t *ret_ms)
{
	return parse_product(text, durations, ret_ms);
}

int units_size(const char *text, uint64_t *ret_bytes)
{
	return parse_product(text, sizes, ret_bytes);
}

int units_rate(const char *text, uint64_t *ret_n, uint64_t *ret_per_ms)
{
	uint64_t n, per_ms;

	if (parse_unit(text, rates, &n, &per_ms) < 0 || n == 0)
		return -EINVAL;
	*ret_n = n;
	*ret_per_ms = per_ms;
	return 0;
}

int units_share(const char *text, uint64_t *ret_percent)
{
	const char *rest;
	uint64_t n;

	if (parse_digits(text, &n, &rest) < 0 || strcmp(rest, "%") != 0 || n > 100)
		return -EINVAL;
	*ret_percent = n;
	return 0;
}

int units_count(const char *text, uint64_t *ret_count)
{
	const char *rest;
	uint64_t n;

	if (parse_digits(text, &n, &rest) < 0 || *rest)
		return -EINVAL;
	*ret_count = n;
	return 0;
}

static const char *unit_text(uint64_t value, const struct unit *units, char text[static 32])
{
	while (units[1].name && (value % units->factor || value == 0))
		units++;
	(void)snprintf(text, 32, "%" PRIu64 "%s", value / units->factor, units->name);
	return text;
}

const char *units_duration_text(uint64_t ms, char text[static 32])
{
	return unit_text(ms, durations, text);
}

const char *units_size_text(uint64_t bytes, char text[static 32])
{
	return unit_text(bytes, sizes, text);
}
