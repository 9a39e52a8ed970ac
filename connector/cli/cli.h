#pragma once

/*
 * The command line: `closefeed VERB [PIPELINE] [FLAGS]`. A verb is a row of data and one function
 * in a file of its own; verbs.c lists them all. Parsing, --help and near names come from the rows,
 * so a verb sees only what it declared. --help and --json belong to every verb.
 */

#include "connector/model/exit_code.h"
#include "lib/buf.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_flag_type {
	FLAG_SWITCH, /* takes no value */
	FLAG_TEXT,
	FLAG_COUNT, /* a whole number from min to max, checked before the verb runs */
};

struct cli_flag {
	const char *name; /* "limit" for --limit; NULL ends the table */
	char letter;      /* 'n' for -n; 0: none */
	enum cli_flag_type type;
	const char *value;  /* what help calls the value: "N" */
	bool is_repeatable; /* may stand several times */
	uint64_t min, max;  /* FLAG_COUNT; max 0: no limit */
	const char *help;   /* a line */
};

struct cli_example {
	const char *command; /* what to type; NULL ends the table */
	const char *what;    /* what it does, a line */
};

struct cli;

struct verb {
	const char *name;
	const char *summary;                /* a line, without a full stop */
	const char *usage;                  /* "check PIPELINE [--online] [--json]" */
	const struct cli_example *examples; /* help begins with them; ends with a NULL command */
	const struct cli_flag *flags;       /* NULL: none of its own */
	size_t min_args, max_args;          /* how many arguments that are no flags */
	void (*explain)(struct buf *out);   /* adds what help says below the flags; or NULL */
	enum exit_code (*run)(const struct cli *cli);
};

struct cli_value {
	const struct cli_flag *flag;
	const char *text;
	uint64_t count;
};

struct cli {
	const struct verb *verb;
	const char **args; /* arguments that are no flags; borrowed from argv */
	size_t n_args;
	struct cli_value *values; /* flags as they were given, in order */
	size_t n_values;
	bool json; /* --json */
	bool help; /* --help */
};

/* --json and --help: rows every verb has; ends with a NULL name. */
extern const struct cli_flag cli_common_flags[];

/* All verbs in the order help lists them; ends with NULL. */
extern const struct verb *const verbs[];

/* The verb called @name, or NULL. */
const struct verb *verb_find(const char *name);

/*
 * Reads the command line (argv[1] is the verb). -EINVAL with a sentence for wrong usage. The texts
 * stay argv's; cli_deinit() frees the rest, also after a failure.
 */
int cli_parse(int argc, char **argv, struct cli *ret_cli, struct err *err);
void cli_deinit(struct cli *cli);

/* The argument at @at (from 0), or NULL. */
const char *cli_arg(const struct cli *cli, size_t at);

/* Whether the flag was given. Asking for a flag the verb did not declare is a bug. */
bool cli_has(const struct cli *cli, const char *name);
/* Its value, the last one where it is repeatable; @otherwise where it was not given. */
const char *cli_text(const struct cli *cli, const char *name, const char *otherwise);
uint64_t cli_count(const struct cli *cli, const char *name, uint64_t otherwise);
/* The @at-th value (from 0) of a repeatable flag, or NULL past the last one. */
const char *cli_text_at(const struct cli *cli, const char *name, size_t at);

/*
 * getenv() of the environment the process was started with, for pipeline_options.getenv:
 * start_clean() leaves the process itself nearly none.
 */
const char *cli_getenv(void *arg, const char *name);

/* Prints the sentence on standard error as "closefeed: …" and returns @code. */
enum exit_code cli_fail(enum exit_code code, const struct err *err);
/* The same for wrong usage, with the verb's usage line below it. */
enum exit_code cli_misuse(const struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Help of all verbs, and of one: examples first. */
void cli_print_help(void);
void cli_print_verb_help(const struct verb *verb);

/* One per file; each is listed in verbs.c. */
extern const struct verb verb_check;
extern const struct verb verb_completion;
extern const struct verb verb_doctor;
extern const struct verb verb_explain;
extern const struct verb verb_fields;
extern const struct verb verb_held;
extern const struct verb verb_help;
extern const struct verb verb_init;
extern const struct verb verb_operations;
extern const struct verb verb_preview;
extern const struct verb verb_rejects;
extern const struct verb verb_responses;
extern const struct verb verb_run;
extern const struct verb verb_runs;
extern const struct verb verb_sandbox;
extern const struct verb verb_schema;
extern const struct verb verb_send;
extern const struct verb verb_status;
extern const struct verb verb_tap;
extern const struct verb verb_version;
