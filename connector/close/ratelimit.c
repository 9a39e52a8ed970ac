#include "connector/close/ratelimit.h"

#include <string.h>
#include <strings.h>
#include <time.h>

/* A longer pause than a day is a mistake of the server's, or an attack. */
static const uint64_t max_reset_ms = UINT64_C(86400) * 1000;

/* A number as the headers write it, in thousandths rounded up; larger ones stay at the top. */
struct number {
	uint64_t milli;
	bool is_whole;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void add_digit(uint64_t *value, char digit)
{
	if (__builtin_mul_overflow(*value, 10, value) ||
	    __builtin_add_overflow(*value, (uint64_t)(digit - '0'), value))
		*value = UINT64_MAX;
}

/* 1*DIGIT [ "." 1*DIGIT ]; returns the rest, or NULL. */
static const char *read_number(const char *text, struct number *ret_number)
{
	uint64_t whole = 0, milli = 0, unit = 100;
	bool has_rest = false, has_fraction = false;

	if (!is_digit(*text))
		return NULL;
	for (; is_digit(*text); text++)
		add_digit(&whole, *text);
	if (*text == '.') {
		if (!is_digit(*++text))
			return NULL;
		has_fraction = true;
		for (; is_digit(*text); text++, unit /= 10) {
			milli += unit * (uint64_t)(*text - '0');
			has_rest |= unit == 0 && *text != '0';
		}
	}
	if (__builtin_mul_overflow(whole, 1000, &whole) ||
	    __builtin_add_overflow(whole, milli + has_rest, &whole))
		whole = UINT64_MAX;
	*ret_number = (struct number){whole, !has_fraction};
	return text;
}

static const char *skip_space(const char *text)
{
	return text + strspn(text, " \t");
}

static uint32_t to_count(struct number number)
{
	const uint64_t count = number.milli / 1000;

	return count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

static void take_limit(struct crm_rate_reader *reader, enum crm_rate_header from, uint32_t limit)
{
	if (reader->info.has_limit && reader->limit_from > from)
		return;
	reader->info.has_limit = true;
	reader->info.limit = limit;
	reader->limit_from = from;
}

static void take_remaining(struct crm_rate_reader *reader, enum crm_rate_header from,
                           uint32_t remaining)
{
	if (reader->info.has_remaining && reader->remaining_from > from)
		return;
	reader->info.has_remaining = true;
	reader->info.remaining = remaining;
	reader->remaining_from = from;
}

static void take_reset(struct crm_rate_reader *reader, enum crm_rate_header from, uint64_t reset_ms)
{
	if (reader->info.has_reset && reader->reset_from > from)
		return;
	reader->info.has_reset = true;
	reader->info.reset_ms = reset_ms > max_reset_ms ? max_reset_ms : reset_ms;
	reader->reset_from = from;
}

static bool word_is(const char *word, size_t len, const char *expected)
{
	return strlen(expected) == len && strncasecmp(word, expected, len) == 0;
}

/* One "name=number" of a RateLimit header into @info; returns the rest, or NULL. */
static const char *read_item(const char *text, struct rate_info *info)
{
	const char *name = text;
	const size_t len = strcspn(text, " \t=,;");
	struct number number;

	text = skip_space(text + len);
	if (len == 0 || *text != '=')
		return NULL;
	text = read_number(skip_space(text + 1), &number);
	if (!text)
		return NULL;

	if (word_is(name, len, "reset")) {
		info->has_reset = true;
		info->reset_ms = number.milli;
	} else if (word_is(name, len, "limit")) {
		if (!number.is_whole)
			return NULL;
		info->has_limit = true;
		info->limit = to_count(number);
	} else if (word_is(name, len, "remaining")) {
		if (!number.is_whole)
			return NULL;
		info->has_remaining = true;
		info->remaining = to_count(number);
	}
	return skip_space(text);
}

static void read_rate_limit(struct crm_rate_reader *reader, const char *value)
{
	struct rate_info info = {0};
	const char *text = skip_space(value);

	for (;;) {
		text = read_item(text, &info);
		if (!text)
			return;
		if (*text == '\0')
			break;
		if (*text != ',' && *text != ';')
			return;
		text = skip_space(text + 1);
	}
	if (info.has_limit)
		take_limit(reader, CRM_RATE_LIMIT, info.limit);
	if (info.has_remaining)
		take_remaining(reader, CRM_RATE_LIMIT, info.remaining);
	if (info.has_reset)
		take_reset(reader, CRM_RATE_LIMIT, info.reset_ms);
}

static bool read_whole_number(const char *value, struct number *ret_number)
{
	const char *rest = read_number(skip_space(value), ret_number);

	return rest && *skip_space(rest) == '\0';
}

/* The three date forms of RFC 9110, section 5.6.7; all are UTC. */
static bool read_http_date(const char *value, int64_t *ret_wall_ms)
{
	static const char *const forms[] = {
		"%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT",
		"%a %b %e %H:%M:%S %Y",
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {0};
		const char *rest = strptime(skip_space(value), forms[i], &tm);

		if (rest && *skip_space(rest) == '\0') {
			*ret_wall_ms = (int64_t)timegm(&tm) * 1000;
			return true;
		}
	}
	return false;
}

static void read_retry_after(struct crm_rate_reader *reader, const char *value, int64_t wall_ms)
{
	struct number number;
	int64_t date_ms;

	if (read_whole_number(value, &number))
		take_reset(reader, CRM_RATE_RETRY_AFTER, number.milli);
	else if (read_http_date(value, &date_ms))
		take_reset(reader, CRM_RATE_RETRY_AFTER,
		           date_ms > wall_ms ? (uint64_t)date_ms - (uint64_t)wall_ms : 0);
}

static void read_old(struct crm_rate_reader *reader, const char *what, const char *value)
{
	struct number number;

	if (!read_whole_number(value, &number))
		return;
	if (strcasecmp(what, "reset") == 0)
		take_reset(reader, CRM_RATE_OLD, number.milli);
	else if (strcasecmp(what, "limit") == 0 && number.is_whole)
		take_limit(reader, CRM_RATE_OLD, to_count(number));
	else if (strcasecmp(what, "remaining") == 0 && number.is_whole)
		take_remaining(reader, CRM_RATE_OLD, to_count(number));
}

void crm_rate_header(struct crm_rate_reader *reader, const char *name, const char *value,
                     int64_t wall_ms)
{
	static const char *const old_prefixes[] = {"x-rate-limit-", "x-ratelimit-", "ratelimit-"};

	if (strcasecmp(name, "ratelimit") == 0)
		read_rate_limit(reader, value);
	else if (strcasecmp(name, "retry-after") == 0)
		read_retry_after(reader, value, wall_ms);
	for (size_t i = 0; i < sizeof(old_prefixes) / sizeof(old_prefixes[0]); i++)
		if (strncasecmp(name, old_prefixes[i], strlen(old_prefixes[i])) == 0)
			read_old(reader, name + strlen(old_prefixes[i]), value);
}
