/* The part of lib/jq.h that tells which numbers survive a double. */

#include "lib/jq.h"

#include "lib/decimal.h"
#include "lib/jq_value.h"

#include <ctype.h>
#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where in the value we are; names the place of the first number that is lost. */
struct place {
	const struct place *outer;
	const char *key; /* NULL: an item of a list */
	size_t index;
};

/*
 * Any decimal of up to 15 digits comes back from a double as it was, in the range where doubles
 * have all their digits.
 */
static bool is_short(const char *text)
{
	size_t n_digits = 0;

	for (; *text; text++) {
		if (isdigit((unsigned char)*text))
			n_digits++;
		else if (*text != '-' && *text != '.')
			return false; /* an exponent: the long way */
	}
	return n_digits <= 15;
}

static bool is_kept(const char *text)
{
	bool is_equal;
	jv shown;

	if (is_short(text))
		return true;
	shown = jv_dump_string(jv_number(strtod(text, NULL)), 0);
	is_equal = decimal_equal(text, jv_string_value(shown));
	jv_free(shown);
	return is_equal;
}

static void add_place(const struct place *place, char *text, size_t size)
{
	size_t len;

	if (!place)
		return;
	add_place(place->outer, text, size);
	len = strlen(text);
	if (place->key)
		(void)snprintf(text + len, size - len, "%s%s", len ? "." : "", place->key);
	else
		(void)snprintf(text + len, size - len, "[%zu]", place->index);
}

static bool lost(const char *digits, const struct place *place, struct err *err)
{
	char where[200] = "";

	add_place(place, where, sizeof(where));
	(void)err_set(err, 0, "%s%s%.200s", where, *where ? ": " : "", digits);
	return false;
}

static bool keeps_integer(struct json_object *value, const struct place *place, struct err *err)
{
	const int64_t number = json_object_get_int64(value);
	char digits[24];

	if (number >= -jq_exact_integers && number <= jq_exact_integers)
		return true;
	if (number < 0)
		(void)snprintf(digits, sizeof(digits), "%lld", (long long)number);
	else
		(void)snprintf(digits, sizeof(digits), "%llu",
		               (unsigned long long)json_object_get_uint64(value));
	return is_kept(digits) || lost(digits, place, err);
}

/* A double without digits of its own was computed by us and is what it is. */
static bool keeps_double(struct json_object *value, const struct place *place, struct err *err)
{
	const char *digits = json_object_get_userdata(value);

	return !digits || is_kept(digits) || lost(digits, place, err);
}

static bool keeps(struct json_object *value, const struct place *outer, struct err *err)
{
	struct place place = {.outer = outer};

	switch (json_object_get_type(value)) {
	case json_type_int:
		return keeps_integer(value, outer, err);
	case json_type_double:
		return keeps_double(value, outer, err);
	case json_type_array:
		for (; place.index < json_object_array_length(value); place.index++)
			if (!keeps(json_object_array_get_idx(value, place.index), &place, err))
				return false;
		return true;
	case json_type_object: {
		struct lh_entry *entry;

		lh_foreach(json_object_get_object(value), entry)
		{
			place.key = lh_entry_k(entry);
			if (!keeps(lh_entry_v(entry), &place, err))
				return false;
		}
		return true;
	}
	case json_type_null:
	case json_type_boolean:
	case json_type_string:
		return true;
	}
	return true;
}

bool jq_keeps_numbers(struct json_object *value, struct err *err)
{
	return keeps(value, NULL, err);
}
