#pragma once

/*
 * What may stand where on the command line, read from a verb's usage line: "rejects list|show
 * PIPELINE [ID...] [--json]" has a choice and then a pipeline file. For those who complete and
 * those who describe.
 */

#include "connector/cli/cli.h"

enum word_kind {
	WORD_OTHER,     /* nothing is known of it */
	WORD_CHOICE,    /* one of word.choices */
	WORD_PIPELINE,  /* a YAML file */
	WORD_FILE,      /* any file */
	WORD_VERB,      /* the name of a verb */
	WORD_CLASS,     /* a reject class */
	WORD_OPERATION, /* a name of the catalogue */
};

struct word {
	enum word_kind kind;
	char *choices; /* WORD_CHOICE: "list show"; else NULL */
};

enum { words_max = 4 };

/* The words a verb takes, in order; what repeats stands once. Returns how many. */
size_t words_of(const struct verb *verb, struct word words[words_max]);
void words_deinit(struct word words[words_max], size_t n);

/* What the value of a flag is. */
enum word_kind words_of_flag(const struct cli_flag *flag);
