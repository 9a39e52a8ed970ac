#include "lib/moment.h"

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

bool moment_is_in_range(int64_t us)
{
	return us >= -62167219200 * second_us && us < 253402300800 * second_us;
}

/* Leap seconds are put in at the end of a day of UTC. */
static bool is_leap_second(int64_t us)
{
	static const int64_t day_us = INT64_C(24) * 60 * 60 * 1000000;

	return us % day_us < second_us && us % day_us >= 0;
}

bool moment_parse(const char *text, int64_t *ret_us, bool *ret_is_date)
{
	int64_t fraction = 0, zone = 0, us;
	bool is_date, is_leap;
	struct tm tm;

	if (!read_date(&text, &tm))
		return false;
	is_date = !*text;
	if (!is_date && (!(skip(&text, 'T') || skip(&text, 't') || skip(&text, ' ')) ||
	                 !read_time(&text, &tm, &fraction) || !read_zone(&text, &zone) || *text))
		return false;
	is_leap = !is_date && tm.tm_sec == 60;
	us = (int64_t)timegm(&tm) * second_us + fraction - zone;
	if (!moment_is_in_range(us) || (is_leap && !is_leap_second(us)))
		return false;
	*ret_us = us;
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

static const char *print_day(const struct tm *tm, char text[static moment_bytes])
{
	(void)snprintf(text, moment_bytes, "%04d-%02d-%02d", (tm->tm_year + 1900) % 10000,
	               tm->tm_mon + 1, tm->tm_mday);
	return text;
}

static const char *print_time(const struct tm *tm, const char *fraction,
                              char text[static moment_bytes])
{
	(void)print_day(tm, text);
	(void)strftime(text + 10, moment_bytes - 10, "T%H:%M:%S", tm);
	(void)snprintf(text + 19, moment_bytes - 19, "%s+00:00", fraction);
	return text;
}

const char *moment_text(int64_t us, char text[static moment_bytes])
{
	int fraction;
	const struct tm tm = civil(us, &fraction);
	char digits[16];

	(void)snprintf(digits, sizeof(digits), ".%06d", fraction);
	return print_time(&tm, digits, text);
}

const char *moment_seconds_text(int64_t us, char text[static moment_bytes])
{
	int fraction;
	const struct tm tm = civil(us, &fraction);

	return print_time(&tm, "", text);
}

const char *moment_date_text(int64_t us, char text[static moment_bytes])
{
	int fraction;
	const struct tm tm = civil(us, &fraction);

	return print_day(&tm, text);
}
