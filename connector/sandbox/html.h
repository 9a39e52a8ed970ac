#pragma once

/*
 * The HTML of notes and the like: a body with a limited set of tags. Which tags Close takes nobody
 * outside knows for sure; those here are what its own editor makes.
 */

#include "lib/buf.h"

#include <stdbool.h>

/* Adds @html without the tags that are not allowed in it; their content stays. True: there were
 * some. */
bool box_html_strip(const char *html, struct buf *out);

/* Adds the text of @html. */
void box_html_text(const char *html, struct buf *out);
