#include "connector/model/operation.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/template.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const char *http_method_name(enum http_method method)
{
	static const char *const names[] = {
		[METHOD_POST] = "POST",
		[METHOD_PUT] = "PUT",
		[METHOD_PATCH] = "PATCH",
		[METHOD_DELETE] = "DELETE",
	};

	assert((size_t)method < sizeof(names) / sizeof(names[0]));
	return names[method];
}

const char *content_type_name(enum content_format format)
{
	static const char *const names[] = {
		[CONTENT_JSON] = "application/json",
		[CONTENT_FORM] = "application/x-www-form-urlencoded",
		[CONTENT_XML] = "application/xml",
	};

	assert((size_t)format < sizeof(names) / sizeof(names[0]));
	return names[format];
}

const char *delivery_class_name(enum delivery_class class)
{
	static const char *const names[] = {
		[CLASS_A] = "A", [CLASS_B] = "B", [CLASS_C] = "C", [CLASS_N] = "N",
		[CLASS_R] = "R", [CLASS_D] = "D", [CLASS_U] = "U",
	};

	assert((size_t) class < sizeof(names) / sizeof(names[0]));
	return names[class];
}

const struct operation *operation_find(const struct operation_set *set, const char *name)
{
	size_t low = 0, high = set->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = strcmp(name, set->items[middle].name);

		if (order == 0)
			return &set->items[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

struct segment {
	const char *text;
	size_t len;
};

/* A slash inside a placeholder ("{day|default:a/b}") ends no segment. */
static size_t segment_len(const char *text)
{
	const char *at = text;

	while (*at && !strchr("/?#", *at)) {
		const char *close = *at == '{' ? template_place_end(at) : NULL;

		at = close ? close + 1 : at + 1;
	}
	return (size_t)(at - text);
}

/* Takes the next segment of @path; an empty one (two slashes, or the end) has no length. */
static struct segment next_segment(const char **path)
{
	struct segment segment;

	if (**path == '/')
		(*path)++;
	segment.text = *path;
	segment.len = segment_len(*path);
	*path += segment.len;
	return segment;
}

/* Without query and fragment. */
static size_t path_len(const char *path)
{
	const char *at = path;

	while (*at == '/' || segment_len(at))
		at += *at == '/' ? 1 : segment_len(at);
	return (size_t)(at - path);
}

static bool is_end(const char *path)
{
	if (*path == '/')
		path++;
	return *path == '\0' || *path == '?' || *path == '#';
}

static bool segment_is(struct segment segment, const char *text)
{
	return segment.len == strlen(text) && memcmp(segment.text, text, segment.len) == 0;
}

static bool holds_placeholder(struct segment segment)
{
	return memchr(segment.text, '{', segment.len) != NULL;
}

/* The first half of an object type that is written in two segments: "custom_activity_type/<id>". */
static bool opens_object_type(struct segment segment)
{
	static const char *const kinds[] = {"custom_activity_type", "custom_object_type",
	                                    "activity", "custom_object"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (segment_is(segment, kinds[i]))
			return true;
	return false;
}

/* Whether @path is one of @pattern; *@ret_params counts the segments that filled a parameter. */
static bool path_matches(const char *pattern, const char *path, unsigned *ret_params)
{
	unsigned params = 0;

	while (!is_end(pattern)) {
		const struct segment want = next_segment(&pattern);
		const struct segment have = next_segment(&path);

		if (have.len == 0)
			return false;
		if (!holds_placeholder(want)) {
			if (want.len != have.len || memcmp(want.text, have.text, have.len) != 0)
				return false;
			continue;
		}
		params++;
		if (segment_is(want, "{object_type}") && opens_object_type(have) && !is_end(path))
			(void)next_segment(&path);
	}
	*ret_params = params;
	return is_end(path);
}

const struct operation *operation_match(const struct operation_set *set, enum http_method method,
                                        const char *path)
{
	const struct operation *best = NULL;
	unsigned params, fewest = 0;

	if (method == METHOD_PATCH)
		method = METHOD_PUT;
	if (path[0] != '/')
		return NULL;
	for (size_t i = 0; i < set->n; i++) {
		const struct operation *op = &set->items[i];

		if (op->method != method || !path_matches(op->path, path, &params))
			continue;
		if (!best || params < fewest) {
			best = op;
			fewest = params;
		}
	}
	return best;
}

static unsigned hex_value(char c)
{
	return isdigit((unsigned char)c) ? (unsigned)(c - '0')
	                                 : (unsigned)(tolower((unsigned char)c) - 'a') + 10;
}

/*
 * Decodes at @c, where % stands, in place until no %XX is left there: %252F is a slash. Returns the
 * last byte of what was decoded. What ends a path or looks like a placeholder stays some letter.
 */
static char *decode_at(char *c)
{
	while (*c == '%' && isxdigit((unsigned char)c[1]) && isxdigit((unsigned char)c[2])) {
		c[2] = (char)(hex_value(c[1]) << 4 | hex_value(c[2]));
		c += 2;
	}
	if (!*c || strchr("?#{}", *c))
		*c = 'x';
	return c;
}

/* Takes the last segment off. */
static void step_back(struct buf *path)
{
	while (path->len && path->data[path->len - 1] != '/')
		path->len--;
	if (path->len)
		path->len--;
}

/* Adds @text without its segments . and .. to @out; false: they lead above its beginning. */
static bool put_straight(const char *text, struct buf *out)
{
	while (*text == '/') {
		const char *segment = text + 1;
		const size_t len = segment_len(segment);
		const bool is_back = len == 2 && memcmp(segment, "..", 2) == 0;

		text = segment + len;
		if (is_back && !out->len)
			return false;
		if (is_back)
			step_back(out);
		else if (len != 1 || *segment != '.')
			buf_add(out, segment - 1, len + 1);
		if (!*text && (is_back || (len == 1 && *segment == '.')))
			buf_addc(out, '/');
	}
	return true;
}

char *operation_plain_path(const char *path)
{
	static const char api[] = "/api/v1/";
	cleanup_(freep) char *coded = mem_dup(path, path_len(path));
	cleanup_(buf_deinit) struct buf plain = BUF_INIT, straight = BUF_INIT;
	const char *text;

	for (char *c = coded; *c; c++) {
		const char *close = *c == '{' ? template_place_end(c) : NULL;

		if (close) {
			buf_add(&plain, c, (size_t)(close - c) + 1);
			c += close - c;
			continue;
		}
		if (*c == '%')
			c = decode_at(c);
		if (*c != '/' || !plain.len || plain.data[plain.len - 1] != '/')
			buf_addc(&plain, (char)tolower((unsigned char)*c));
	}
	if (!put_straight(buf_text(&plain), &straight))
		return NULL;
	text = buf_text(&straight);
	return mem_strdup(strncmp(text, api, strlen(api)) == 0 ? text + strlen(api) - 1 : text);
}

const struct operation_field *operation_field(const struct operation *op, const char *name)
{
	const char *wanted = strncmp(name, "custom.", 7) == 0 ? "custom.cf_*" : name;

	for (const struct operation_field *field = op->body_fields; field->name; field++)
		if (strcmp(field->name, wanted) == 0)
			return field;
	return NULL;
}
