#pragma once

/*
 * Strict RFC 8259 in and out, over json-c's objects. json-c's own parser changes data silently
 * (clamped integers, merged keys, repaired text), so this one scan builds the objects itself: exact
 * UTF-8, duplicate keys refused (by decoded key), no NUL in keys, no lone surrogates, no control
 * characters, bounded depth and size. A number whose digits json-c would change is built with
 * json_object_new_double_s(), so what is passed through is printed as it was written.
 */

#include "lib/buf.h"
#include "lib/err.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	json_max_depth = 32,    /* of what comes from outside */
	json_depth_limit = 128, /* what a caller may ask for at most: json-c frees by recursion */
};

struct json_fault {
	size_t offset;    /* byte in the text, from 0 */
	const char *what; /* static text, one of those in the table of tests/unit/test_json.c */
};

/*
 * Parses the whole of @text. Returns 0 and a new object (a JSON null is a NULL object), or -EBADMSG
 * with @fault (may be NULL) and a sentence in @err: "byte 17: key \"a\" stands twice in one
 * object". For people, bytes count from 1 as columns do. @max_depth counts the outermost container
 * as 1; 0 means json_max_depth. Numbers need LC_NUMERIC "C", the locale a program starts with.
 */
int json_parse(const char *text, size_t len, unsigned max_depth, struct json_object **ret_value,
               struct json_fault *fault, struct err *err);

/*
 * Adds @value as compact JSON in ASCII controls and UTF-8: no spaces, slashes plain, members in
 * their order, numbers with the digits they came with (a computed double with the fewest that give
 * the same value; it must be finite).
 */
void json_print(struct json_object *value, struct buf *out);

/* Adds @len bytes as a quoted JSON string (bytes that are not UTF-8 become U+FFFD). */
void json_print_string(const char *text, size_t len, struct buf *out);

/* The compact text of @value; to free(). */
char *json_text(struct json_object *value);

/*
 * Conveniences for reading answers: NULL or @otherwise where @object is no object, has no such
 * member or has it with another type (json-c would read "12abc" as 12).
 */
struct json_object *json_get(struct json_object *object, const char *key);
const char *json_get_string(struct json_object *object, const char *key);
int64_t json_get_int(struct json_object *object, const char *key, int64_t otherwise);
bool json_get_bool(struct json_object *object, const char *key, bool otherwise);

/* What @value is, for people: "null", "true or false", "a number", "a text", "a list", "an object".
 */
const char *json_kind_text(struct json_object *value);

/* A new string object; NULL text gives a JSON null. */
struct json_object *json_string(const char *text);

/* @value, which json-c has just made: NULL is want of memory, and ends the process. */
struct json_object *json_made(struct json_object *value);

/* Bytes of memory that @value takes, about: what is shared in it counts as often as it stands
 * there. */
size_t json_weight(struct json_object *value);

void json_freep(struct json_object **value); /* for cleanup_() */
