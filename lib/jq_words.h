#pragma once

/*
 * A jq program cut into its words, as jq's own lexer would, for two purposes. What a program may
 * not reach is judged by words, so that .env, {input: 1} and "halt" in a text stay allowed; and
 * given to libjq with each word on a line of its own, the line libjq complains about is the word.
 * Only lib/jq uses it.
 */

#include "lib/buf.h"
#include "lib/jq.h"

#include <stddef.h>

enum { jq_max_nesting = 200 }; /* brackets within brackets; jq compiles by recursion */

enum jq_word_kind {
	JQ_WORD_NAME,   /* map, if, $ has been a word before a variable's name */
	JQ_WORD_FIELD,  /* .name */
	JQ_WORD_FORMAT, /* @base64 */
	JQ_WORD_NUMBER,
	JQ_WORD_TEXT, /* "…", and of one with insertions each piece: "…\( and )…\( and )…" */
	JQ_WORD_SIGN, /* operators and brackets */
};

struct jq_word {
	enum jq_word_kind kind;
	const char *text; /* within the program */
	size_t len;
	unsigned line, column; /* from 1; columns count characters */
};

struct jq_words {
	struct jq_word *list;
	size_t n, cap;
	unsigned end_line, end_column; /* just behind the last word */
};

/*
 * Cuts @program, which must live as long as the words. Returns 0, or -EINVAL with @fault: no word
 * at all, a character or bracket out of place, a name that is not allowed.
 */
int jq_words_read(const char *program, struct jq_words *ret_words, struct jq_fault *fault);
void jq_words_deinit(struct jq_words *words);

/* Adds the program to @out, a line break before each word. */
void jq_words_print(const struct jq_words *words, struct buf *out);

/* The word that is printed on line @line (the first word is on line 1), NULL behind the last. */
const struct jq_word *jq_words_at_line(const struct jq_words *words, unsigned line);
