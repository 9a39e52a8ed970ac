#pragma once

/* Exact UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing beyond U+10FFFF. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the one character @text begins with (1 to 4), or 0 where it is none within @len. */
size_t utf8_sequence(const char *text, size_t len);

/* All of @text is characters; so is nothing at all. */
bool utf8_is_valid(const char *text, size_t len);

/* How many bytes of @text fit into @max without cutting a character; what is none is cut anywhere.
 */
size_t utf8_cut(const char *text, size_t len, size_t max);

/* As utf8_sequence(), with the character in *@ret_code. */
size_t utf8_decode(const char *text, size_t len, uint32_t *ret_code);

/* Writes @code (a Unicode scalar value) to @ret_bytes and returns how many bytes it took. */
size_t utf8_encode(uint32_t code, char ret_bytes[static 4]);
