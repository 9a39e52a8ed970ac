#pragma once

/*
 * Output for people. What records say is shown on a terminal with control and bidirectional
 * characters escaped, so that no lead can rename the window or turn a line around. Colour comes
 * only on a terminal, never alone, and not where NO_COLOR is set.
 */

#include "lib/buf.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

bool term_is(FILE *out);

/* Columns of the terminal behind @out; 80 where it is none. */
unsigned term_width(FILE *out);

enum term_style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_BAD, STYLE_WARN };

/* The escape sequence that begins the style (STYLE_PLAIN ends all), or "" where colour is unwanted.
 */
const char *term_style(FILE *out, enum term_style style);

/*
 * Adds @text with control, bidirectional and line-separating characters as \n, \t, \uXXXX (valid
 * inside JSON strings, too) and bytes that are no UTF-8 as \xNN.
 */
void term_escape(const char *text, size_t len, struct buf *out);

/* Prints text that came from records: escaped on a terminal, as it is elsewhere. */
void term_print(FILE *out, const char *text);

/* A line of JSON on standard output, as it is but for what term_print() escapes. */
void term_print_json(struct json_object *value);

/* "1,234,567" */
const char *term_thousands(uint64_t n, char text[static 32]);
/* "512 bytes", "1.5 KiB", "30.1 MiB" */
const char *term_bytes(uint64_t n, char text[static 32]);
/* "850 ms", "12 s", "3 min 20 s", "5 h 2 min" */
const char *term_duration(uint64_t ms, char text[static 32]);

/* Rows of text in columns as wide as their widest cell; the last column is never padded. */
struct term_table;

struct term_table *term_table_new(size_t n_columns, const char *const *headings);
/* Fills the next cell, row by row; the text is copied and escaped, so it keeps to its line. NULL is
 * "". */
void term_table_add(struct term_table *table, const char *text);
void term_table_print(const struct term_table *table, FILE *out);
void term_table_free(struct term_table *table);
