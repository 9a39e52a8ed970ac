/* The printing half of lib/json.h: without recursion, since what is printed may be of any depth. */

#include "lib/json.h"
#include "lib/mem.h"
#include "lib/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <json-c/linkhash.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct level {
	struct json_object *container;
	struct lh_entry *entry; /* of an object: the member to print next */
	size_t index, n;        /* of a list */
	bool is_object, has_items;
};

/* Bytes that stand for themselves in a text. */
static bool is_plain(unsigned char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

static void print_control(unsigned char c, struct buf *out)
{
	static const char meant[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *found = memchr(meant, c, sizeof(meant) - 1);

	if (found) {
		buf_addc(out, '\\');
		buf_addc(out, letters[found - meant]);
	} else {
		buf_addf(out, "\\u%04x", c);
	}
}

void json_print_string(const char *text, size_t len, struct buf *out)
{
	size_t at = 0, began = 0, n;

	buf_addc(out, '"');
	while (at < len) {
		if (is_plain((unsigned char)text[at])) {
			at++;
			continue;
		}
		n = utf8_sequence(text + at, len - at);
		if (n > 1) {
			at += n;
			continue;
		}
		buf_add(out, text + began, at - began);
		if (n == 1)
			print_control((unsigned char)text[at], out);
		else
			buf_adds(out, "\xef\xbf\xbd");
		began = ++at;
	}
	buf_add(out, text + began, at - began);
	buf_addc(out, '"');
}

static void print_integer(struct json_object *value, struct buf *out)
{
	const int64_t number = json_object_get_int64(value);
	uint64_t left = number < 0 ? 0 - (uint64_t)number : json_object_get_uint64(value);
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (number < 0)
		buf_addc(out, '-');
	buf_add(out, digits + at, sizeof(digits) - at);
}

/* The text the number was read from, or else the shortest that gives the same value. */
static void print_double(struct json_object *value, struct buf *out)
{
	const char *text = json_object_get_userdata(value);
	const double number = json_object_get_double(value);
	char shortest[32];

	if (text) {
		buf_adds(out, text);
		return;
	}
	assert(isfinite(number));
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(shortest, sizeof(shortest), "%.*g", digits, number);
		if (strtod(shortest, NULL) == number)
			break;
	}
	buf_adds(out, shortest);
}

static void print_scalar(struct json_object *value, struct buf *out)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		buf_add(out, "null", 4);
		return;
	case json_type_boolean:
		buf_adds(out, json_object_get_boolean(value) ? "true" : "false");
		return;
	case json_type_double:
		print_double(value, out);
		return;
	case json_type_int:
		print_integer(value, out);
		return;
	case json_type_string:
		json_print_string(json_object_get_string(value),
		                  (size_t)json_object_get_string_len(value), out);
		return;
	case json_type_object:
	case json_type_array:
		assert(false);
	}
}

static struct level open_level(struct json_object *container, struct buf *out)
{
	struct level level = {.container = container};

	level.is_object = json_object_is_type(container, json_type_object);
	if (level.is_object)
		level.entry = lh_table_head(json_object_get_object(container));
	else
		level.n = json_object_array_length(container);
	buf_addc(out, level.is_object ? '{' : '[');
	return level;
}

/* Prints what stands before the next item and returns it in @ret_value; false at the end. */
static bool next_item(struct level *level, struct json_object **ret_value, struct buf *out)
{
	if (level->is_object ? !level->entry : level->index == level->n)
		return false;
	if (level->has_items)
		buf_addc(out, ',');
	level->has_items = true;
	if (!level->is_object) {
		*ret_value = json_object_array_get_idx(level->container, level->index++);
		return true;
	}

	const char *key = lh_entry_k(level->entry);

	json_print_string(key, strlen(key), out);
	buf_addc(out, ':');
	*ret_value = lh_entry_v(level->entry);
	level->entry = lh_entry_next(level->entry);
	return true;
}

static bool is_container(struct json_object *value)
{
	return json_object_is_type(value, json_type_object) ||
	       json_object_is_type(value, json_type_array);
}

void json_print(struct json_object *value, struct buf *out)
{
	struct level *levels = NULL;
	size_t n = 0, cap = 0;

	if (!is_container(value)) {
		print_scalar(value, out);
		return;
	}
	levels = mem_grow(levels, n, &cap, sizeof(*levels));
	levels[n++] = open_level(value, out);
	while (n) {
		if (!next_item(&levels[n - 1], &value, out)) {
			buf_addc(out, levels[--n].is_object ? '}' : ']');
		} else if (is_container(value)) {
			levels = mem_grow(levels, n, &cap, sizeof(*levels));
			levels[n++] = open_level(value, out);
		} else {
			print_scalar(value, out);
		}
	}
	free(levels);
}

char *json_text(struct json_object *value)
{
	struct buf out = BUF_INIT;

	json_print(value, &out);
	return buf_take(&out);
}
