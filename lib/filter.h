#pragma once

/*
 * Filters of templates: what stands behind | in {amount|cents}. Each is a pure function from a
 * value to a value; a table names them all. Null and what is missing pass every filter as they are,
 * but those that fill them in. Text that is empty or of spaces only is no number, no time and no
 * list: the filters that make such values make null of it.
 */

#include "lib/err.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

enum filter_argument {
	ARGUMENT_NONE,
	ARGUMENT_TEXT,  /* needed, and not empty */
	ARGUMENT_EMPTY, /* a colon with nothing behind it, or no colon */
};

struct filter {
	const char *name;
	enum filter_argument argument;
	const char *example; /* "split:," */
	const char *help;    /* one line: what it makes of what */
	bool fills;          /* it is asked where there is no value or null, and only there */
	/*
	 * Makes *@ret_value (a new reference; NULL is null) of @value. Returns NULL, or what it
	 * takes, in words: "a number, or text that is one".
	 */
	const char *(*apply)(struct json_object *value, const char *argument,
	                     struct json_object **ret_value);
};

/* All filters, in the order the documentation has them. */
const struct filter *filter_table(size_t *ret_n);

/* A filter as a template has it. */
struct filter_use {
	const struct filter *filter;
	char *argument; /* "" where it has none */
};

/*
 * Reads the @len bytes between | and the next | or }: `lower`, `split:,`, `default:"a|b"` (in
 * quotes \" and \\ stand for " and \; spaces around an argument count only there). -EINVAL with a
 * sentence that says which filters there are or how this one is written.
 */
int filter_parse(const char *text, size_t len, struct filter_use *ret_use, struct err *err);
void filter_use_deinit(struct filter_use *use);

/*
 * Applies @use to *@value, which it takes and replaces, or where there is none (*@is_missing) fills
 * it in. -EINVAL where it cannot take the value, with what it takes and what kind of value this is;
 * *@value is then let go of and NULL.
 */
int filter_apply(const struct filter_use *use, struct json_object **value, bool *is_missing,
                 struct err *err);
