/*
 * One scan over the text, without recursion. A container is hung into its parent the moment it
 * opens, so the stack is a row of borrowed pointers and giving up is one json_object_put() of the
 * root. A key is looked up once: the add of json-c replaces silently, and an object that has not
 * grown by it says that the key stood there already.
 */

#include "lib/json.h"

#include "lib/mem.h"
#include "lib/utf8.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	const char *text;
	size_t len, at;
	unsigned max_depth, depth;
	struct json_object *root;
	struct json_object *open[json_depth_limit]; /* borrowed, outermost first */
	bool in_object;     /* the innermost is an object; false at depth 0 */
	bool wants_value;   /* a value must follow; else a comma, an end or nothing */
	struct buf key;     /* decoded key of the member being read */
	size_t key_at;      /* where it stands */
	struct buf scratch; /* a text with escapes, decoded */
	struct json_fault fault;
	struct err *err;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Notes the fault and what to say of it; false, so that failing is one line. */
static bool __attribute__((format(printf, 4, 5)))
fail_at(struct parser *p, size_t offset, const char *what, const char *format, ...)
{
	va_list args;

	p->fault = (struct json_fault){.offset = offset, .what = what};
	va_start(args, format);
	(void)err_vset(p->err, -EBADMSG, format, args);
	va_end(args);
	(void)err_prefix(p->err, -EBADMSG, "byte %zu", offset + 1);
	return false;
}

static bool fail_cut_off(struct parser *p)
{
	return fail_at(p, p->len, "cut off", "the text ends here, but the value is not complete");
}

static bool fail_unexpected(struct parser *p, const char *wanted)
{
	const unsigned char c = (unsigned char)p->text[p->at];

	if (c == '\'')
		return fail_at(p, p->at, "unexpected character",
		               "text stands in double quotes in JSON, not in single ones");
	if (c == '/' || c == '#')
		return fail_at(p, p->at, "unexpected character",
		               "JSON has no comments: expected %s", wanted);
	if (c > ' ' && c < 0x7f)
		return fail_at(p, p->at, "unexpected character", "expected %s, not \"%c\"", wanted,
		               c);
	return fail_at(p, p->at, "unexpected character", "expected %s, not the byte 0x%02x", wanted,
	               c);
}

static void skip_spaces(struct parser *p)
{
	while (p->at < p->len && is_space(p->text[p->at]))
		p->at++;
}

static bool read_hex4(struct parser *p, uint32_t *ret_code)
{
	uint32_t code = 0;

	for (int i = 0; i < 4; i++, p->at++) {
		char c;

		if (p->at >= p->len)
			return fail_cut_off(p);
		c = p->text[p->at];
		if (is_digit(c))
			code = code << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			code = code << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return fail_at(p, p->at, "escape", "\\u needs four hexadecimal digits");
	}
	*ret_code = code;
	return true;
}

/* Behind "\u": one character, of one escape or of a pair of surrogates. */
static bool read_unicode(struct parser *p, struct buf *out)
{
	const size_t began = p->at - 2;
	uint32_t code = 0, low = 0;
	char bytes[4];

	if (!read_hex4(p, &code))
		return false;
	if (code >= 0xdc00 && code <= 0xdfff)
		return fail_at(p, began, "surrogate", "half a surrogate pair is no character");
	if (code >= 0xd800 && code <= 0xdbff) {
		if (p->len - p->at < 2 || p->text[p->at] != '\\' || p->text[p->at + 1] != 'u')
			return fail_at(p, began, "surrogate",
			               "half a surrogate pair is no character");
		p->at += 2;
		if (!read_hex4(p, &low))
			return false;
		if (low < 0xdc00 || low > 0xdfff)
			return fail_at(p, began, "surrogate",
			               "half a surrogate pair is no character");
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	buf_add(out, bytes, utf8_encode(code, bytes));
	return true;
}

static bool read_escape(struct parser *p, struct buf *out)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *found;

	if (++p->at >= p->len)
		return fail_cut_off(p);
	if (p->text[p->at] == 'u') {
		p->at++;
		return read_unicode(p, out);
	}
	found = memchr(letters, p->text[p->at], sizeof(letters) - 1);
	if (!found)
		return fail_at(p, p->at - 1, "escape",
		               "a backslash must be followed by one of \" \\ / b f n r t u");
	buf_addc(out, meant[found - letters]);
	p->at++;
	return true;
}

/* Passes over bytes that stand for themselves; stops at a quote or a backslash. */
static bool skip_plain(struct parser *p)
{
	const char *text = p->text;
	size_t at = p->at;

	for (;;) {
		unsigned char c;
		size_t n;

		while (at < p->len && (c = (unsigned char)text[at]) >= ' ' && c < 0x80 &&
		       c != '"' && c != '\\')
			at++;
		p->at = at;
		if (at >= p->len)
			return fail_cut_off(p);
		c = (unsigned char)text[at];
		if (c == '"' || c == '\\')
			return true;
		if (c < ' ')
			return fail_at(p, at, "control character",
			               "a control character (0x%02x) must be written as \\u%04x", c,
			               c);
		n = utf8_sequence(text + at, p->len - at);
		if (!n)
			return fail_at(p, at, "UTF-8", "the byte 0x%02x is not valid UTF-8 here",
			               c);
		at += n;
	}
}

/*
 * Reads a text from its opening quote on. What it says is borrowed: from the input itself, or from
 * @scratch where an escape had to be decoded.
 */
static bool read_text(struct parser *p, struct buf *scratch, const char **ret_text, size_t *ret_len)
{
	size_t began = ++p->at;

	if (!skip_plain(p))
		return false;
	if (p->text[p->at] == '"') {
		*ret_text = p->text + began;
		*ret_len = p->at++ - began;
		return true;
	}

	buf_clear(scratch);
	for (;;) {
		buf_add(scratch, p->text + began, p->at - began);
		if (p->text[p->at] == '"')
			break;
		if (!read_escape(p, scratch))
			return false;
		began = p->at;
		if (!skip_plain(p))
			return false;
	}
	p->at++;
	*ret_text = buf_text(scratch);
	*ret_len = scratch->len;
	return true;
}

static bool read_digits(struct parser *p)
{
	const size_t began = p->at;

	while (p->at < p->len && is_digit(p->text[p->at]))
		p->at++;
	if (p->at > began)
		return true;
	if (p->at >= p->len)
		return fail_cut_off(p);
	return fail_at(p, p->at, "number", "a digit must follow here in a number");
}

/* Passes over a number by the grammar of RFC 8259, section 6. */
static bool skip_number(struct parser *p, bool *ret_is_integer)
{
	size_t first;

	*ret_is_integer = true;
	if (p->text[p->at] == '-')
		p->at++;
	first = p->at;
	if (!read_digits(p))
		return false;
	if (p->text[first] == '0' && p->at - first > 1)
		return fail_at(p, first, "number", "a number must not begin with a needless 0");
	if (p->at < p->len && p->text[p->at] == '.') {
		*ret_is_integer = false;
		p->at++;
		if (!read_digits(p))
			return false;
	}
	if (p->at < p->len && (p->text[p->at] | 0x20) == 'e') {
		*ret_is_integer = false;
		p->at++;
		if (p->at < p->len && (p->text[p->at] == '+' || p->text[p->at] == '-'))
			p->at++;
		if (!read_digits(p))
			return false;
	}
	return true;
}

/* The integer @text says, where json-c can hold it and would print the same text; else NULL. */
static struct json_object *exact_integer(const char *text, size_t len)
{
	const bool is_negative = text[0] == '-';
	uint64_t value = 0;

	for (size_t i = is_negative; i < len; i++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			return NULL;
	if (!is_negative)
		return value <= INT64_MAX ? json_object_new_int64((int64_t)value)
		                          : json_object_new_uint64(value);
	if (value == 0 || value > (uint64_t)INT64_MAX + 1)
		return NULL; /* "-0" would lose its sign */
	return json_object_new_int64((int64_t)(0 - value));
}

static bool read_number(struct parser *p, struct json_object **ret_value)
{
	const size_t began = p->at;
	struct json_object *value = NULL;
	bool is_integer;
	size_t len;

	if (!skip_number(p, &is_integer))
		return false;
	len = p->at - began;
	if (is_integer)
		value = exact_integer(p->text + began, len);
	if (!value) {
		buf_clear(&p->scratch);
		buf_add(&p->scratch, p->text + began, len);
		value = json_object_new_double_s(strtod(p->scratch.data, NULL), p->scratch.data);
	}
	if (!value)
		mem_exhausted();
	*ret_value = value;
	return true;
}

static bool read_word(struct parser *p, struct json_object **ret_value)
{
	static const struct {
		const char *text;
		size_t len;
	} words[] = {{"null", 4}, {"true", 4}, {"false", 5}};
	const size_t left = p->len - p->at;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const size_t n = left < words[i].len ? left : words[i].len;

		if (memcmp(p->text + p->at, words[i].text, n) != 0)
			continue;
		if (n < words[i].len)
			return fail_cut_off(p);
		p->at += n;
		*ret_value = i == 0 ? NULL : json_object_new_boolean(i == 1);
		if (i != 0 && !*ret_value)
			mem_exhausted();
		return true;
	}
	return fail_unexpected(p, "a value (an object, list, text, number, true, false or null)");
}

static bool fail_duplicate(struct parser *p)
{
	const size_t most = 60; /* bytes of the key worth showing */
	struct buf shown = BUF_INIT;
	size_t len = 0, n;

	while (len < p->key.len &&
	       (n = utf8_sequence(p->key.data + len, p->key.len - len)) + len <= most)
		len += n;
	json_print_string(buf_text(&p->key), len, &shown);
	(void)fail_at(p, p->key_at, "duplicate key", "key %s%s stands twice in one object",
	              buf_text(&shown), len < p->key.len ? "…" : "");
	buf_deinit(&shown);
	return false;
}

/* Hangs @value (taken) where it belongs. */
static bool add_value(struct parser *p, struct json_object *value)
{
	struct json_object *parent = p->depth ? p->open[p->depth - 1] : NULL;

	if (!parent) {
		p->root = value;
		return true;
	}
	if (!p->in_object) {
		if (json_object_array_add(parent, value) < 0)
			mem_exhausted();
		return true;
	}

	const int n_before = json_object_object_length(parent);

	if (json_object_object_add_ex(parent, buf_text(&p->key), value, 0) < 0)
		mem_exhausted();
	return json_object_object_length(parent) > n_before || fail_duplicate(p);
}

/* At a key: reads it and the colon behind it. */
static bool read_key(struct parser *p)
{
	const char *text;
	size_t len;

	skip_spaces(p);
	if (p->at >= p->len)
		return fail_cut_off(p);
	if (p->text[p->at] != '"')
		return fail_unexpected(p, "a key in double quotes");
	p->key_at = p->at;
	if (!read_text(p, &p->scratch, &text, &len))
		return false;
	if (memchr(text, '\0', len))
		return fail_at(p, p->key_at, "NUL in key", "a key must not hold the character NUL");
	buf_clear(&p->key);
	buf_add(&p->key, text, len);

	skip_spaces(p);
	if (p->at >= p->len)
		return fail_cut_off(p);
	if (p->text[p->at] != ':')
		return fail_unexpected(p, "a colon behind the key");
	p->at++;
	return true;
}

/* At "{" or "[": opens it and reads on up to its first value. */
static bool open_container(struct parser *p, bool is_object)
{
	struct json_object *value;

	if (p->depth == p->max_depth)
		return fail_at(p, p->at, "depth", "objects and lists are nested deeper than %u",
		               p->max_depth);
	value = is_object ? json_object_new_object() : json_object_new_array_ext(4);
	if (!value)
		mem_exhausted();
	if (!add_value(p, value))
		return false;
	p->open[p->depth++] = value;
	p->in_object = is_object;
	p->at++;

	skip_spaces(p);
	p->wants_value = p->at >= p->len || p->text[p->at] != (is_object ? '}' : ']');
	return !p->wants_value || !is_object || read_key(p);
}

/* Reads one value; of a container only its opening. */
static bool read_value(struct parser *p)
{
	struct json_object *value = NULL;
	const char *text;
	size_t len;
	char c;

	p->wants_value = false;
	skip_spaces(p);
	if (p->at >= p->len)
		return fail_cut_off(p);
	c = p->text[p->at];
	if (c == '{' || c == '[')
		return open_container(p, c == '{');
	if (c == '"') {
		if (!read_text(p, &p->scratch, &text, &len))
			return false;
		if (len > INT_MAX)
			return fail_at(p, p->at, "size", "a text is longer than 2 GiB");
		value = json_object_new_string_len(text, (int)len);
		if (!value)
			mem_exhausted();
	} else if (c == '-' || is_digit(c)) {
		if (!read_number(p, &value))
			return false;
	} else if (!read_word(p, &value)) {
		return false;
	}
	return add_value(p, value);
}

/* Behind a value: closes what ends here, up to a comma or the end of the document. */
static bool read_behind(struct parser *p)
{
	while (p->depth) {
		skip_spaces(p);
		if (p->at >= p->len)
			return fail_cut_off(p);
		if (p->text[p->at] == ',') {
			p->at++;
			p->wants_value = true;
			return !p->in_object || read_key(p);
		}
		if (p->text[p->at] != (p->in_object ? '}' : ']'))
			return fail_unexpected(p, p->in_object ? "a comma or \"}\""
			                                       : "a comma or \"]\"");
		p->at++;
		p->depth--;
		p->in_object =
			p->depth && json_object_is_type(p->open[p->depth - 1], json_type_object);
	}
	return true;
}

static bool read_document(struct parser *p)
{
	skip_spaces(p);
	if (p->at >= p->len)
		return fail_at(p, p->at, "empty", "there is no value");
	do {
		if (!read_value(p) || (!p->wants_value && !read_behind(p)))
			return false;
	} while (p->wants_value);
	skip_spaces(p);
	if (p->at < p->len)
		return fail_at(p, p->at, "trailing bytes",
		               "something stands behind the end of the value");
	return true;
}

int json_parse(const char *text, size_t len, unsigned max_depth, struct json_object **ret_value,
               struct json_fault *fault, struct err *err)
{
	struct parser p = {.text = text, .len = len, .max_depth = max_depth, .err = err};
	bool is_good;

	assert(max_depth <= json_depth_limit);
	if (!max_depth)
		p.max_depth = json_max_depth;
	is_good = read_document(&p);
	buf_deinit(&p.key);
	buf_deinit(&p.scratch);
	if (!is_good) {
		json_object_put(p.root);
		if (fault)
			*fault = p.fault;
		return -EBADMSG;
	}
	*ret_value = p.root;
	return 0;
}
