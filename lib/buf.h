#pragma once

/* A growing byte buffer that always ends in a NUL, so .data can be used as text once not empty. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data; /* NULL until something was added */
	size_t len; /* bytes used, without the NUL behind them */
	size_t cap;
};

#define BUF_INIT                                                                                   \
	{                                                                                          \
		0                                                                                  \
	}

/* Frees the storage and leaves an empty buffer; safe on a zeroed struct. */
void buf_deinit(struct buf *b);

/* Forgets the content and keeps the storage. */
void buf_clear(struct buf *b);

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_adds(struct buf *b, const char *text);
void buf_addc(struct buf *b, char c);
void buf_addu(struct buf *b, uint64_t number); /* its digits; much faster than buf_addf() */
void buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* Makes room for @more bytes behind the content and returns where they go; the caller adds to len.
 */
char *buf_room(struct buf *b, size_t more);

/* Removes the first @n bytes. */
void buf_drop(struct buf *b, size_t n);

/* Hands the text over (to free()), leaving an empty buffer. Never NULL: empty gives "". */
char *buf_take(struct buf *b);

/* The content as text; "" when empty. Valid until the next change. */
const char *buf_text(const struct buf *b);
