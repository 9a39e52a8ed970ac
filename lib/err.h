#pragma once

/*
 * The sentence a person reads about a failure. A function that fails returns a negative errno and,
 * where it takes a struct err, has written what, where, why and what to do. It never allocates.
 * `err` may be NULL for callers that only need the code.
 */

#include <stdarg.h>

struct err {
	char text[512];
};

/* Writes the sentence and returns @code (a negative errno), so failing is one line. */
int err_set(struct err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int err_vset(struct err *err, int code, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

/* Puts "prefix: " before the sentence and returns @code. */
int err_prefix(struct err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
