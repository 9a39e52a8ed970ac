#pragma once

/* Text for manual pages: roff with the man(7) macros. */

#include "lib/buf.h"

/* Begins a page: roff_title(b, "ls", 1, "coreutils 9", "list a folder"). */
void roff_title(struct buf *page, const char *name, unsigned section, const char *version,
                const char *about);

/* A request line: roff_macro(b, "SH", "EXIT STATUS"); @argument may be NULL. */
void roff_macro(struct buf *page, const char *macro, const char *argument);

/* Text as it is, ended by a line end: nothing in it is a request, dashes can be copied. */
void roff_text(struct buf *page, const char *text);
void roff_textf(struct buf *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
