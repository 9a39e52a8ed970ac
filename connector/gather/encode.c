#include "connector/gather/encode.h"

#include "lib/json.h"
#include "lib/percent.h"
#include "lib/utf8.h"

#include <json-c/linkhash.h>
#include <string.h>

static bool refuse(struct rejection *rejection, const char *field, const char *why)
{
	if (field)
		rejection_set(rejection, REJECT_TEMPLATE, field, "the field \"%.100s\" %s", field,
		              why);
	else
		rejection_set(rejection, REJECT_TEMPLATE, NULL, "the body %s", why);
	return false;
}

static bool is_container(struct json_object *value)
{
	return json_object_is_type(value, json_type_object) ||
	       json_object_is_type(value, json_type_array);
}

/* The text of a single value: null is empty, numbers have their digits. */
static void add_scalar(struct json_object *value, struct buf *out)
{
	if (json_object_is_type(value, json_type_string))
		buf_add(out, json_object_get_string(value),
		        (size_t)json_object_get_string_len(value));
	else if (value)
		json_print(value, out);
}

/* A space is "+" in a form, and only there. */
static void add_form_text(const char *text, size_t len, struct buf *out)
{
	const char *space;

	while (len && (space = memchr(text, ' ', len))) {
		const size_t n = (size_t)(space - text);

		percent_encode(out, text, n, "");
		buf_addc(out, '+');
		text += n + 1;
		len -= n + 1;
	}
	percent_encode(out, text, len, "");
}

static void add_pair(const char *key, struct json_object *value, size_t begin, struct buf *out)
{
	struct buf text = BUF_INIT;

	if (out->len > begin)
		buf_addc(out, '&');
	add_form_text(key, strlen(key), out);
	buf_addc(out, '=');
	add_scalar(value, &text);
	add_form_text(buf_text(&text), text.len, out);
	buf_deinit(&text);
}

static bool encode_form(struct json_object *body, struct buf *out, struct rejection *rejection)
{
	const size_t begin = out->len;

	if (!json_object_is_type(body, json_type_object))
		return refuse(rejection, NULL,
		              "is no object, and content_format: form sends keys with values");
	json_object_object_foreach(body, key, value)
	{
		const bool is_list = json_object_is_type(value, json_type_array);
		const size_t n = is_list ? json_object_array_length(value) : 1;

		for (size_t i = 0; i < n; i++) {
			struct json_object *item =
				is_list ? json_object_array_get_idx(value, i) : value;

			if (is_container(item))
				return refuse(rejection, key,
				              "holds an object or a list inside a list, which "
				              "content_format: form cannot carry; exclude it, or "
				              "take single values out of it in a body");
			add_pair(key, item, begin, out);
		}
	}
	return true;
}

struct code_range {
	uint32_t first, last;
};

/* NameStartChar of XML 1.0 (fifth edition), 2.3, without the colon: it would be a namespace. */
static const struct code_range name_start[] = {
	{'A', 'Z'},       {'_', '_'},       {'a', 'z'},       {0xc0, 0xd6},     {0xd8, 0xf6},
	{0xf8, 0x2ff},    {0x370, 0x37d},   {0x37f, 0x1fff},  {0x200c, 0x200d}, {0x2070, 0x218f},
	{0x2c00, 0x2fef}, {0x3001, 0xd7ff}, {0xf900, 0xfdcf}, {0xfdf0, 0xfffd}, {0x10000, 0xeffff},
};
/* What NameChar has beside it. */
static const struct code_range name_rest[] = {
	{'-', '.'}, {'0', '9'}, {0xb7, 0xb7}, {0x300, 0x36f}, {0x203f, 0x2040},
};
/* Char: controls but tab and line ends, and the two that are no characters, cannot be written. */
static const struct code_range text_chars[] = {
	{'\t', '\n'}, {'\r', '\r'}, {' ', 0xd7ff}, {0xe000, 0xfffd}, {0x10000, 0x10ffff},
};

static bool is_among(const struct code_range *ranges, size_t n, uint32_t code)
{
	for (size_t i = 0; i < n; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

#define IS_AMONG(ranges_, code_) is_among(ranges_, sizeof(ranges_) / sizeof((ranges_)[0]), code_)

static bool is_xml_name(const char *name)
{
	const size_t len = strlen(name);
	uint32_t code;
	size_t n;

	for (size_t at = 0; at < len; at += n) {
		n = utf8_decode(name + at, len - at, &code);
		if (!n || (!IS_AMONG(name_start, code) && (at == 0 || !IS_AMONG(name_rest, code))))
			return false;
	}
	return len > 0;
}

static void add_xml_char(const char *bytes, size_t n, struct buf *out)
{
	switch (bytes[0]) {
	case '&':
		buf_adds(out, "&amp;");
		return;
	case '<':
		buf_adds(out, "&lt;");
		return;
	case '>':
		buf_adds(out, "&gt;");
		return;
	case '\r':
		/* A reader would make a line feed of the character itself. */
		buf_adds(out, "&#13;");
		return;
	default:
		buf_add(out, bytes, n);
	}
}

static bool add_xml_text(const char *text, size_t len, struct buf *out)
{
	uint32_t code;
	size_t n;

	for (size_t at = 0; at < len; at += n) {
		n = utf8_decode(text + at, len - at, &code);
		if (!n || !IS_AMONG(text_chars, code))
			return false;
		add_xml_char(text + at, n, out);
	}
	return true;
}

static bool add_xml_scalar(const char *field, struct json_object *value, struct buf *out,
                           struct rejection *rejection)
{
	struct buf text = BUF_INIT;
	bool is_text;

	add_scalar(value, &text);
	is_text = add_xml_text(buf_text(&text), text.len, out);
	buf_deinit(&text);
	return is_text || refuse(rejection, field,
	                         "holds a control character, which XML cannot carry; take it out "
	                         "in a transform");
}

/* As deep as the body: json_depth_limit at most. NOLINTBEGIN(misc-no-recursion) */
static bool add_element(const char *name, const char *field, struct json_object *value,
                        unsigned depth, struct buf *out, struct rejection *rejection);

static bool add_members(struct json_object *object, unsigned depth, struct buf *out,
                        struct rejection *rejection)
{
	json_object_object_foreach(object, key, value)
	{
		const bool is_list = json_object_is_type(value, json_type_array);
		const size_t n = is_list ? json_object_array_length(value) : 1;

		if (!is_xml_name(key))
			return refuse(rejection, key,
			              "cannot be an element of XML, whose names begin with a "
			              "letter and have no spaces; give it another name in a body");
		for (size_t i = 0; i < n; i++)
			if (!add_element(key, key,
			                 is_list ? json_object_array_get_idx(value, i) : value,
			                 depth, out, rejection))
				return false;
	}
	return true;
}

/* @field is what a rejection names; NULL: the body itself. */
static bool add_element(const char *name, const char *field, struct json_object *value,
                        unsigned depth, struct buf *out, struct rejection *rejection)
{
	size_t begin;
	bool is_done;

	if (json_object_is_type(value, json_type_array))
		return refuse(rejection, field,
		              "holds a list inside a list, which content_format: xml cannot carry");
	if (depth == 0)
		return refuse(rejection, field, "is nested deeper than 128 levels");
	buf_addf(out, "<%s>", name);
	begin = out->len;
	is_done = json_object_is_type(value, json_type_object)
	                  ? add_members(value, depth - 1, out, rejection)
	                  : add_xml_scalar(field, value, out, rejection);
	if (!is_done)
		return false;
	if (out->len > begin) {
		buf_addf(out, "</%s>", name);
	} else {
		/* Nothing in it: <name/> says so in one tag. */
		out->len--;
		buf_adds(out, "/>");
	}
	return true;
}

/* NOLINTEND(misc-no-recursion) */

static bool encode_xml(struct json_object *body, struct buf *out, struct rejection *rejection)
{
	size_t n;

	if (!json_object_is_type(body, json_type_array))
		return add_element("record", NULL, body, json_depth_limit, out, rejection);
	n = json_object_array_length(body);
	if (n == 0) {
		buf_adds(out, "<records/>");
		return true;
	}
	buf_adds(out, "<records>");
	for (size_t i = 0; i < n; i++)
		if (!add_element("record", NULL, json_object_array_get_idx(body, i),
		                 json_depth_limit, out, rejection))
			return false;
	buf_adds(out, "</records>");
	return true;
}

bool encode_body(enum content_format format, struct json_object *body, struct buf *out,
                 struct rejection *ret_rejection)
{
	switch (format) {
	case CONTENT_JSON:
		json_print(body, out);
		return true;
	case CONTENT_FORM:
		return encode_form(body, out, ret_rejection);
	case CONTENT_XML:
		return encode_xml(body, out, ret_rejection);
	}
	return false;
}
