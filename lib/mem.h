#pragma once

/*
 * Allocation that cannot fail: out of memory ends the process, here and nowhere else. Progress is
 * durable, so a restart is a path that is tested anyway, and callers have no untested branches.
 * Whatever grows with input is bounded where it enters.
 */

#include <stdarg.h>
#include <stddef.h>

/* Zeroed storage of @size bytes (at least one), to free(). */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));

/* Zeroed storage for @n items of @size bytes; the product is checked. To free(). */
void *mem_array(size_t n, size_t size) __attribute__((malloc, returns_nonnull));

/* Like reallocarray(3); new storage is not zeroed. */
void *mem_resize(void *old, size_t n, size_t size) __attribute__((returns_nonnull));

/*
 * Makes room for one more item: @items has @n used and *@cap allocated items of @size bytes.
 * Returns the (possibly moved) array and updates *@cap.
 */
void *mem_grow(void *items, size_t n, size_t *cap, size_t size) __attribute__((returns_nonnull));

/* Copies of text, to free(). mem_dup() adds a NUL behind the @len bytes; NULL text gives NULL. */
char *mem_strdup(const char *text);
char *mem_dup(const void *bytes, size_t len) __attribute__((returns_nonnull));
/* The same without the blanks and line ends around it. */
char *mem_trimmed(const char *text) __attribute__((returns_nonnull));

/* asprintf(3) and vasprintf(3) that return the text, to free(). */
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
char *mem_vprintf(const char *format, va_list args)
	__attribute__((format(printf, 1, 0), returns_nonnull));

/* Ends the process with exit code 70 and a sentence: for callers of libraries that return NULL. */
void mem_exhausted(void) __attribute__((noreturn));
