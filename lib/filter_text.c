/* Filters that make text, or lists of it. */

#include "lib/filter_private.h"
#include "lib/json.h"
#include "lib/letter_case.h"
#include "lib/utf8.h"

#include <string.h>

static const char a_single[] = "text, a number, true or false, or a list of them";
static const char a_splittable[] = "text, a number, or a list already made";
static struct json_object *new_text(const char *text, size_t len)
{
	return json_made(json_object_new_string_len(text, (int)len));
}

bool filter_is_text(struct json_object *value)
{
	return json_object_is_type(value, json_type_string);
}

bool filter_is_number(struct json_object *value)
{
	return json_object_is_type(value, json_type_int) ||
	       json_object_is_type(value, json_type_double);
}

/* White space of Unicode, and two that exports bring along and nobody sees: U+200B and U+FEFF. */
static bool is_space(uint32_t code)
{
	static const uint32_t others[] = {0x20,   0x85,   0xa0,   0x1680, 0x2028,
	                                  0x2029, 0x202f, 0x205f, 0x3000, 0xfeff};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (code == others[i])
			return true;
	return (code >= '\t' && code <= '\r') || (code >= 0x2000 && code <= 0x200b);
}

/* Takes the spaces off both ends. */
static void trim(const char **text, size_t *len)
{
	const char *begin = NULL, *end = *text;
	uint32_t code;
	size_t n;

	for (const char *at = *text; at < *text + *len; at += n) {
		n = utf8_decode(at, (size_t)(*text + *len - at), &code);
		if (n && is_space(code))
			continue;
		n = n ? n : 1;
		begin = begin ? begin : at;
		end = at + n;
	}
	*text = begin ? begin : end;
	*len = (size_t)(end - *text);
}

void filter_plain_text(struct json_object *value, struct buf *out)
{
	const char *text;
	size_t len;

	if (!filter_is_text(value)) {
		json_print(value, out);
		return;
	}
	text = json_object_get_string(value);
	len = (size_t)json_object_get_string_len(value);
	trim(&text, &len);
	buf_add(out, text, len);
}

static void add_cased(const char *text, size_t len, uint32_t (*cased)(uint32_t), struct buf *out)
{
	char bytes[4];
	uint32_t code;
	size_t n;

	for (size_t at = 0; at < len; at += n) {
		n = utf8_decode(text + at, len - at, &code);
		if (!n) {
			n = 1;
			buf_addc(out, text[at]);
			continue;
		}
		buf_add(out, bytes, utf8_encode(cased(code), bytes));
	}
}

static struct json_object *cased_text(struct json_object *value, uint32_t (*cased)(uint32_t))
{
	struct json_object *result;
	struct buf out = BUF_INIT;

	add_cased(json_object_get_string(value), (size_t)json_object_get_string_len(value), cased,
	          &out);
	result = new_text(buf_text(&out), out.len);
	buf_deinit(&out);
	return result;
}

static struct json_object *lower_text(struct json_object *value)
{
	return cased_text(value, letter_lower);
}

static struct json_object *upper_text(struct json_object *value)
{
	return cased_text(value, letter_upper);
}

static struct json_object *trimmed_text(struct json_object *value)
{
	const char *text = json_object_get_string(value);
	size_t len = (size_t)json_object_get_string_len(value);

	trim(&text, &len);
	return new_text(text, len);
}

/* @change for a text; what has no letters and no spaces stays as it is. */
static bool change_single(struct json_object *value,
                          struct json_object *(*change)(struct json_object *text),
                          struct json_object **ret_value)
{
	if (json_object_is_type(value, json_type_object) ||
	    json_object_is_type(value, json_type_array))
		return false;
	*ret_value = filter_is_text(value) ? change(value) : json_object_get(value);
	return true;
}

/* The same for each item of a list, so that what split makes can be trimmed. */
static const char *change_each(struct json_object *value,
                               struct json_object *(*change)(struct json_object *text),
                               struct json_object **ret_value)
{
	struct json_object *list, *item;

	if (!json_object_is_type(value, json_type_array))
		return change_single(value, change, ret_value) ? NULL : a_single;
	list = json_made(json_object_new_array());
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		if (!change_single(json_object_array_get_idx(value, i), change, &item)) {
			json_object_put(list);
			return a_single;
		}
		(void)json_object_array_add(list, item);
	}
	*ret_value = list;
	return NULL;
}

const char *filter_lower(struct json_object *value, const char *argument,
                         struct json_object **ret_value)
{
	(void)argument;
	return change_each(value, lower_text, ret_value);
}

const char *filter_upper(struct json_object *value, const char *argument,
                         struct json_object **ret_value)
{
	(void)argument;
	return change_each(value, upper_text, ret_value);
}

const char *filter_trim(struct json_object *value, const char *argument,
                        struct json_object **ret_value)
{
	(void)argument;
	return change_each(value, trimmed_text, ret_value);
}

const char *filter_text(struct json_object *value, const char *argument,
                        struct json_object **ret_value)
{
	struct buf out = BUF_INIT;

	(void)argument;
	if (filter_is_text(value)) {
		*ret_value = json_object_get(value);
		return NULL;
	}
	json_print(value, &out);
	*ret_value = new_text(buf_text(&out), out.len);
	buf_deinit(&out);
	return NULL;
}

static struct json_object *pieces_of(const char *text, size_t len, const char *separator)
{
	const size_t n = strlen(separator);
	struct json_object *list = json_made(json_object_new_array());
	const char *end = text + len, *found;

	while ((found = memmem(text, (size_t)(end - text), separator, n))) {
		(void)json_object_array_add(list, new_text(text, (size_t)(found - text)));
		text = found + n;
	}
	(void)json_object_array_add(list, new_text(text, (size_t)(end - text)));
	return list;
}

const char *filter_split(struct json_object *value, const char *argument,
                         struct json_object **ret_value)
{
	struct json_object *whole = NULL;
	struct buf text = BUF_INIT;

	if (json_object_is_type(value, json_type_array)) {
		*ret_value = json_object_get(value);
		return NULL;
	}
	if (!filter_is_text(value) && !filter_is_number(value))
		return a_splittable;
	filter_plain_text(value, &text);
	if (!text.len) {
		*ret_value = NULL;
	} else {
		(void)filter_text(value, argument, &whole);
		*ret_value = pieces_of(json_object_get_string(whole),
		                       (size_t)json_object_get_string_len(whole), argument);
		json_object_put(whole);
	}
	buf_deinit(&text);
	return NULL;
}

const char *filter_fill(struct json_object *value, const char *argument,
                        struct json_object **ret_value)
{
	(void)value;
	*ret_value = json_string(argument);
	return NULL;
}
