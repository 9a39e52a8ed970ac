#pragma once

/* Percent-encoding of one part of a URL (RFC 3986, 2.1): unreserved characters stay. */

#include "lib/buf.h"

#include <stddef.h>

/* Adds the @len bytes of @text encoded; the characters of @keep stay too. */
void percent_encode(struct buf *out, const char *text, size_t len, const char *keep);
