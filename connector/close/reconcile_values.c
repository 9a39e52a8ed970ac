#include "connector/close/reconcile_private.h"

#include "connector/model/lookup.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/moment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * Whether what Close shows of a key may be what was sent. It may trim, strip HTML, write numbers of
 * phones and accents anew, so "not the same text" is not always "something else": what such a
 * change could explain is unclear.
 */

enum { second_us = 1000000, quarter_us = 900 * second_us };

static bool contains(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

static bool is_entity(const char *c, const char *end)
{
	return *c == '&' && end && end - c < 10;
}

/* U+0300 to U+036F: they change the letter before them, with which Close may make one of them. */
static bool is_accent(unsigned char c, unsigned char next)
{
	return c == 0xcc || (c == 0xcd && next < 0xb0);
}

/* A byte of U+0080 to U+024F, or of a mark behind such a letter. */
static bool is_of_latin(const char *c)
{
	const unsigned char byte = (unsigned char)*c;

	if ((byte & 0xc0) == 0x80)
		return (unsigned char)c[-1] >= 0xc2 && (unsigned char)c[-1] <= 0xcd;
	return byte >= 0xc2 && byte <= 0xcd;
}

/* What is left of a text. */
enum bare {
	BARE_LETTERS, /* letters and digits, in one case, without tags and entities */
	BARE_PLAIN,   /* of these none with an accent, which may be written in several ways */
	BARE_ASCII,   /* where any may be written as an entity */
};

static bool is_left(enum bare how, const char *c)
{
	switch (how) {
	case BARE_LETTERS:
		return true;
	case BARE_PLAIN:
		return !is_of_latin(c);
	case BARE_ASCII:
		break;
	}
	return false;
}

static char *bare(const char *text, enum bare how)
{
	char *out = mem_strdup(text), *to = out;

	for (const char *c = text; *c; c++) {
		const char *end = *c == '<' ? strchr(c, '>') : *c == '&' ? strchr(c, ';') : NULL;

		if (end && (*c == '<' || is_entity(c, end)))
			c = end;
		else if (how != BARE_LETTERS && is_accent((unsigned char)c[0], (unsigned char)c[1]))
			to -= to > out && !(c[-1] & 0x80);
		else if ((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') ||
		         ((*c & 0x80) && is_left(how, c)))
			*to++ = *c;
		else if (*c >= 'A' && *c <= 'Z')
			*to++ = (char)(*c - 'A' + 'a');
	}
	*to = '\0';
	return out;
}

/* One may be the beginning of the other, which Close has cut. */
static bool is_cut(const char *a, const char *b)
{
	const size_t shorter = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

	return shorter >= 64 && strncmp(a, b, shorter) == 0;
}

static bool is_same_left(const char *sent, const char *shown, enum bare how)
{
	cleanup_(freep) char *a = bare(sent, how), *b = bare(shown, how);

	return strcmp(a, b) == 0;
}

static enum crm_likeness compare_bare(const char *sent, const char *shown, bool is_html)
{
	cleanup_(freep) char *a = bare(sent, BARE_LETTERS), *b = bare(shown, BARE_LETTERS);

	if (strcmp(a, b) == 0)
		return is_html ? CRM_SAME : CRM_UNCLEAR;
	if (is_cut(a, b) || is_same_left(sent, shown, is_html ? BARE_ASCII : BARE_PLAIN))
		return CRM_UNCLEAR;
	return CRM_DIFFERENT;
}

static bool has_zone(const char *text)
{
	const char *time = strpbrk(text, "Tt ");

	return time && strpbrk(time, "+-Zz");
}

/* A time without a zone may be read in another one; a day has no time. */
static enum crm_likeness compare_times(const char *sent, int64_t a, bool a_is_day, int64_t b,
                                       bool b_is_day)
{
	const int64_t apart = a > b ? a - b : b - a;
	char a_day[moment_bytes], b_day[moment_bytes];

	if ((a_is_day || b_is_day) &&
	    !strcmp(moment_date_text(a, a_day), moment_date_text(b, b_day)))
		return CRM_SAME;
	if (apart < second_us)
		return CRM_SAME;
	if (a_is_day || b_is_day || (!has_zone(sent) && apart % quarter_us < second_us))
		return apart <= (int64_t)26 * 4 * quarter_us ? CRM_UNCLEAR : CRM_DIFFERENT;
	return CRM_DIFFERENT;
}

/* A country's trunk zero ("+44 (0)20 …") or an extension may be in only one of them. */
static bool is_number_with_more(const char *a, const char *b)
{
	const size_t a_len = strlen(a), b_len = strlen(b), tail = 6;

	return strstr(a, b) || strstr(b, a) ||
	       (a_len >= tail && b_len >= tail && !strcmp(a + a_len - tail, b + b_len - tail));
}

/* Of a number in a country's own form Close makes one in the world's. */
static enum crm_likeness compare_phones(const char *sent, const char *shown)
{
	cleanup_(freep) char *a = lookup_fold(LIKE_PHONE, sent);
	cleanup_(freep) char *b = lookup_fold(LIKE_PHONE, shown);

	if (strcmp(a, b) == 0)
		return CRM_SAME;
	return *a == '+' && *b == '+' && !is_number_with_more(a, b) ? CRM_DIFFERENT : CRM_UNCLEAR;
}

static enum crm_likeness compare_folded(enum lookup_like like, const char *sent, const char *shown)
{
	cleanup_(freep) char *a = lookup_fold(like, sent), *b = lookup_fold(like, shown);

	return strcmp(a, b) == 0 ? CRM_SAME : CRM_DIFFERENT;
}

/* The address in "Ana <a@b.example>". */
static char *address_of(const char *text)
{
	const char *begin = strrchr(text, '<'), *end = begin ? strchr(begin, '>') : NULL;
	cleanup_(freep) char *inner = end ? mem_dup(begin + 1, (size_t)(end - begin - 1)) : NULL;

	return lookup_fold(LIKE_EMAIL, inner ? inner : text);
}

static enum crm_likeness compare_senders(const char *sent, const char *shown)
{
	cleanup_(freep) char *a = address_of(sent), *b = address_of(shown);

	return strcmp(a, b) == 0 ? CRM_SAME : CRM_DIFFERENT;
}

/* "a@b.example", or {"email": "a@b.example"}. */
static const char *item_text(struct json_object *item)
{
	return json_object_is_type(item, json_type_string) ? json_object_get_string(item)
	                                                   : json_get_string(item, "email");
}

/* "user_4qZ…": a user, contact or object may be sent by its name, and is shown by its id. */
static bool is_id_of_it(const char *sent, const char *shown)
{
	const size_t prefix = strspn(shown, "abcdefghijklmnopqrstuvwxyz");

	return prefix && shown[prefix] == '_' && !strpbrk(shown, "@ .") &&
	       strncmp(sent, shown, prefix + 1) != 0;
}

static enum crm_likeness compare_text(const char *key, const char *sent, const char *shown)
{
	int64_t a, b;
	bool a_is_day, b_is_day;

	if (crm_same_text(sent, shown))
		return CRM_SAME;
	if (moment_parse(sent, &a, &a_is_day) && moment_parse(shown, &b, &b_is_day))
		return compare_times(sent, a, a_is_day, b, b_is_day);
	if (contains(key, "phone"))
		return compare_phones(sent, shown);
	if (strcmp(key, "sender") == 0)
		return compare_senders(sent, shown);
	if (strcmp(key, "url") == 0 || contains(key, "_url") || contains(shown, "://"))
		return compare_folded(LIKE_URL, sent, shown);
	if (strncmp(key, "custom.", strlen("custom.")) == 0 && is_id_of_it(sent, shown))
		return CRM_UNCLEAR;
	return compare_bare(sent, shown, contains(key, "html"));
}

static bool has_address(struct json_object *list, const char *address)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *text = item_text(json_object_array_get_idx(list, i));
		cleanup_(freep) char *other = text ? address_of(text) : NULL;

		if (other && strcmp(other, address) == 0)
			return true;
	}
	return false;
}

static enum crm_likeness compare_addresses(struct json_object *sent, struct json_object *shown)
{
	if (!json_object_is_type(shown, json_type_array))
		return CRM_UNCLEAR;
	for (size_t i = 0; i < json_object_array_length(sent); i++) {
		const char *text = item_text(json_object_array_get_idx(sent, i));
		cleanup_(freep) char *address = text ? address_of(text) : NULL;

		if (address && !has_address(shown, address))
			return CRM_DIFFERENT;
	}
	return CRM_SAME;
}

static bool is_number(struct json_object *value)
{
	return json_object_is_type(value, json_type_int) ||
	       json_object_is_type(value, json_type_double);
}

static bool is_scalar(struct json_object *value)
{
	return is_number(value) || json_object_is_type(value, json_type_string);
}

/* Close may round a number, and sets this one by what it knows besides. */
static bool is_reckoned(const char *key, struct json_object *sent, struct json_object *shown)
{
	return strcmp(key, "confidence") == 0 ||
	       (json_object_is_type(sent, json_type_double) && is_number(shown) &&
	        fabs(json_object_get_double(sent) - json_object_get_double(shown)) < 1);
}

static enum crm_likeness compare_numbers(const char *key, struct json_object *sent,
                                         struct json_object *shown)
{
	if (compare_folded(LIKE_NUMBER, json_object_get_string(sent),
	                   json_object_get_string(shown)) == CRM_SAME)
		return CRM_SAME;
	return is_reckoned(key, sent, shown) ? CRM_UNCLEAR : CRM_DIFFERENT;
}

enum crm_likeness crm_compare(const char *key, struct json_object *sent, struct json_object *shown)
{
	if (json_object_is_type(sent, json_type_array))
		return compare_addresses(sent, shown);
	if (!shown)
		return CRM_UNCLEAR;
	if (json_object_is_type(sent, json_type_string) &&
	    json_object_is_type(shown, json_type_string))
		return compare_text(key, json_object_get_string(sent),
		                    json_object_get_string(shown));
	if ((is_number(sent) || is_number(shown)) && is_scalar(sent) && is_scalar(shown))
		return compare_numbers(key, sent, shown);
	if (json_object_is_type(sent, json_type_boolean) &&
	    json_object_is_type(shown, json_type_boolean))
		return json_object_get_boolean(sent) == json_object_get_boolean(shown)
		               ? CRM_SAME
		               : CRM_DIFFERENT;
	return CRM_UNCLEAR;
}
