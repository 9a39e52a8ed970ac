#include "connector/sandbox/old_query_date.h"

#include "lib/moment.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const int64_t second_us = 1000000;
static const int64_t day_us = INT64_C(86400) * 1000000;

/* Where the day of the caller's zone began that is @days_ago. */
static int64_t day_began(const struct box_old_clock *clock, int64_t days_ago)
{
	const int64_t offset_us = clock->offset_ms * 1000;
	const int64_t local_us = clock->wall_ms * 1000 + offset_us;

	return local_us - local_us % day_us - days_ago * day_us - offset_us;
}

static bool read_day_word(const struct box_old_clock *clock, const char *text, int64_t *ret_from_us)
{
	static const struct {
		const char *word;
		int64_t days_ago;
	} words[] = {{"today", 0}, {"yesterday", 1}, {"tomorrow", -1}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i].word) != 0)
			continue;
		*ret_from_us = day_began(clock, words[i].days_ago);
		return true;
	}
	return false;
}

/* "3 days ago"; a month has thirty days and a year 365. */
static bool read_ago(const struct box_old_clock *clock, const char *text, int64_t *ret_from_us)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {
		{"minute", 60},   {"hour", 3600},     {"day", 86400},
		{"week", 604800}, {"month", 2592000}, {"year", 31536000},
	};
	char *end;
	const unsigned long n = strtoul(text, &end, 10);

	if (strcasecmp(text, "now") == 0) {
		*ret_from_us = clock->wall_ms * 1000;
		return true;
	}
	if (*text < '0' || *text > '9' || *end != ' ' || n > 100000)
		return false;
	end++;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		const size_t len = strlen(units[i].unit);
		const char *rest = end + len;

		if (strncasecmp(end, units[i].unit, len) != 0)
			continue;
		*ret_from_us = clock->wall_ms * 1000 - (int64_t)n * units[i].seconds * second_us;
		return strcasecmp(rest + (*rest == 's'), " ago") == 0;
	}
	return false;
}

/* What stands behind the minutes tells whether it is a minute or a second. */
static int64_t length_of(const char *text)
{
	return strlen(text) > strlen("2026-03-09T14:00") && text[strlen("2026-03-09T14:00")] == ':'
	               ? second_us
	               : 60 * second_us;
}

bool box_old_date(const struct box_old_clock *clock, const char *text, int64_t *ret_from_us,
                  int64_t *ret_to_us)
{
	bool is_day;

	if (read_ago(clock, text, ret_from_us)) {
		*ret_to_us = *ret_from_us + 1;
		return true;
	}
	if (read_day_word(clock, text, ret_from_us)) {
		*ret_to_us = *ret_from_us + day_us;
		return true;
	}
	if (!moment_parse(text, ret_from_us, &is_day))
		return false;
	if (is_day)
		*ret_from_us -= clock->offset_ms * 1000;
	*ret_to_us = *ret_from_us + (is_day ? day_us : length_of(text));
	return true;
}
