/* Filters that make numbers and times. */

#include "lib/decimal.h"
#include "lib/filter_private.h"
#include "lib/json.h"
#include "lib/moment.h"

#include <stdlib.h>
#include <string.h>

static const char a_number[] = "a number, or text that is one, of at most 64 digits before its "
			       "point and behind it";
static const char a_time[] = "a time such as 2026-03-09T14:00:00Z, a date, or seconds or "
			     "milliseconds since 1970";
static const char no_digits[] = "no number of 4 or 8 digits, which may be a year or a date without "
				"dashes";

static struct json_object *number_of(const struct decimal *d)
{
	struct json_object *value = NULL;
	struct buf out = BUF_INIT;

	decimal_print(d, &out);
	/* It keeps the digits, which no number of json-c's own would. */
	(void)json_parse(out.data, out.len, 0, &value, NULL, NULL);
	buf_deinit(&out);
	return value;
}

/* False: it is none. *@ret_is_blank: it is no text either. */
static bool read_number(struct json_object *value, struct decimal *ret, bool *ret_is_blank)
{
	struct buf text = BUF_INIT;
	bool is_read;

	if (!filter_is_text(value) && !filter_is_number(value))
		return false;
	filter_plain_text(value, &text);
	*ret_is_blank = text.len == 0;
	is_read = *ret_is_blank || decimal_read(text.data, text.len, ret) == 0;
	buf_deinit(&text);
	return is_read;
}

const char *filter_number(struct json_object *value, const char *argument,
                          struct json_object **ret_value)
{
	struct decimal d;
	bool is_blank;

	(void)argument;
	if (!read_number(value, &d, &is_blank))
		return a_number;
	if (filter_is_number(value))
		*ret_value = json_object_get(value);
	else
		*ret_value = is_blank ? NULL : number_of(&d);
	return NULL;
}

const char *filter_cents(struct json_object *value, const char *argument,
                         struct json_object **ret_value)
{
	struct decimal d;
	bool is_blank;

	(void)argument;
	if (!read_number(value, &d, &is_blank))
		return a_number;
	if (!is_blank)
		decimal_to_cents(&d);
	*ret_value = is_blank ? NULL : number_of(&d);
	return NULL;
}

/*
 * Seconds up to 10^11 (the year 5138), milliseconds from there on (1973), so that no number of our
 * days is both.
 */
static const char *read_epoch(const struct decimal *d, int64_t *ret_us)
{
	static const int64_t first_ms = 100000000000;
	const size_t before = d->n > d->n_fraction ? d->n - d->n_fraction : 0;
	int64_t whole;

	if (before == 4 || before == 8)
		return no_digits;
	if (!decimal_scaled(d, 0, &whole) ||
	    !decimal_scaled(d, llabs(whole) < first_ms ? 6 : 3, ret_us) ||
	    !moment_is_in_range(*ret_us))
		return a_time;
	return NULL;
}

/*
 * A time as people and programs write it. NULL, or what is taken instead; *@ret_is_blank: it is no
 * text either.
 */
static const char *read_time(struct json_object *value, int64_t *ret_us, bool *ret_is_blank)
{
	struct buf text = BUF_INIT;
	const char *takes = a_time;
	struct decimal d;

	*ret_is_blank = false;
	if (!filter_is_text(value) && !filter_is_number(value))
		return a_time;
	filter_plain_text(value, &text);
	*ret_is_blank = text.len == 0;
	if (text.len == 0 ||
	    (strlen(text.data) == text.len && moment_parse(text.data, ret_us, NULL)))
		takes = NULL;
	else if (decimal_read(text.data, text.len, &d) == 0)
		takes = read_epoch(&d, ret_us);
	buf_deinit(&text);
	return takes;
}

static const char *apply_time(struct json_object *value,
                              const char *(*print)(int64_t us, char text[static moment_bytes]),
                              struct json_object **ret_value)
{
	char text[moment_bytes];
	bool is_blank;
	int64_t us;
	const char *takes = read_time(value, &us, &is_blank);

	if (!takes)
		*ret_value = is_blank ? NULL : json_string(print(us, text));
	return takes;
}

static const char *print_datetime(int64_t us, char text[static moment_bytes])
{
	return us % 1000000 ? moment_text(us, text) : moment_seconds_text(us, text);
}

const char *filter_datetime(struct json_object *value, const char *argument,
                            struct json_object **ret_value)
{
	(void)argument;
	return apply_time(value, print_datetime, ret_value);
}

const char *filter_date(struct json_object *value, const char *argument,
                        struct json_object **ret_value)
{
	(void)argument;
	return apply_time(value, moment_date_text, ret_value);
}
