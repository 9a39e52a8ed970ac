#include "connector/sandbox/moment.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const int64_t second_us = 1000000;

/* Reads exactly @n digits. */
static bool digits(const char **at, int n, int *ret_value)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		if (!isdigit((unsigned char)**at))
			return false;
		value = value * 10 + (*(*at)++ - '0');
	}
	*ret_value = value;
	return true;
}

static bool skip(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

static bool read_date(const char **at, struct tm *tm)
{
	int year, month, day;
	struct tm normal;

	if (!digits(at, 4, &year) || !skip(at, '-') || !digits(at, 2, &month) || !skip(at, '-') ||
	    !digits(at, 2, &day))
		return false;
	*tm = (struct tm){.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
	normal = *tm;
	(void)timegm(&normal); /* turns February 30 into March, which we notice */
	return normal.tm_mon == month - 1 && normal.tm_mday == day;
}

static bool read_fraction(const char **at, int64_t *ret_us)
{
	int64_t unit = second_us / 10;

	*ret_us = 0;
	if (!skip(at, '.'))
		return true;
	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); (*at)++, unit /= 10)
		*ret_us += (**at - '0') * unit;
	return true;
}

static bool read_time(const char **at, struct tm *tm, int64_t *ret_us)
{
	*ret_us = 0;
	if (!digits(at, 2, &tm->tm_hour) || !skip(at, ':') || !digits(at, 2, &tm->tm_min))
		return false;
	if (skip(at, ':') && (!digits(at, 2, &tm->tm_sec) || !read_fraction(at, ret_us)))
		return false;
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 61;
}

static bool read_zone(const char **at, int64_t *ret_us)
{
	int hours, minutes = 0, sign;

	*ret_us = 0;
	if (!**at || skip(at, 'Z') || skip(at, 'z'))
		return true;
	if (**at != '+' && **at != '-')
		return false;
	sign = *(*at)++ == '-' ? -1 : 1;
	if (!digits(at, 2, &hours))
		return false;
	(void)skip(at, ':');
	if (**at && !digits(at, 2, &minutes))
		return false;
	*ret_us = (int64_t)sign * (hours * 60 + minutes) * 60 * second_us;
	return hours < 24 && minutes < 60;
}

bool box_moment_parse(const char *text, int64_t *ret_us, bool *ret_is_date)
{
	int64_t fraction = 0, zone = 0;
	bool is_date;
	struct tm tm;

	if (!read_date(&text, &tm))
		return false;
	is_date = !*text;
	if (!is_date && (!(skip(&text, 'T') || skip(&text, 't') || skip(&text, ' ')) ||
	                 !read_time(&text, &tm, &fraction) || !read_zone(&text, &zone) || *text))
		return false;
	*ret_us = (int64_t)timegm(&tm) * second_us + fraction - zone;
	if (ret_is_date)
		*ret_is_date = is_date;
	return true;
}

static struct tm civil(int64_t us, int *ret_fraction)
{
	int64_t seconds = us / second_us;
	struct tm tm;
	time_t at;

	if (us % second_us < 0)
		seconds--;
	*ret_fraction = (int)(us - seconds * second_us);
	at = (time_t)seconds;
	(void)gmtime_r(&at, &tm);
	return tm;
}

const char *box_moment_text(int64_t us, char text[static box_moment_bytes])
{
	int fraction;
	const struct tm tm = civil(us, &fraction);
	char whole[24];

	(void)strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text, box_moment_bytes, "%s.%06d+00:00", whole, fraction);
	return text;
}

const char *box_moment_seconds_text(int64_t us, char text[static box_moment_bytes])
{
	int fraction;
	const struct tm tm = civil(us, &fraction);

	(void)strftime(text, box_moment_bytes, "%Y-%m-%dT%H:%M:%S+00:00", &tm);
	return text;
}

const char *box_moment_date_text(int64_t us, char text[static box_moment_bytes])
{
	int fraction;
	const struct tm tm = civil(us, &fraction);

	(void)strftime(text, box_moment_bytes, "%Y-%m-%d", &tm);
	return text;
}
