#pragma once

/*
 * The door to libjq: programs that look at records or shape them. All programs of one file are
 * compiled as one, because libjq compiles its own builtins anew with every program (20 ms). They
 * are pure: no file, no environment, no module, no input but their own can be reached, and
 * ~/.jq is never read. A program that takes longer than jq_seconds of processor time on one value,
 * or more than jq_bytes of memory, ends the process (jq 1.6 cannot be interrupted); a sentence on
 * standard error names the program and the value.
 *
 * Numbers are doubles in jq 1.6. jq_keeps_number() tells whether one survives that.
 */

#include "lib/err.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

enum { jq_seconds = 10, jq_bytes = 1 << 30 };

struct jq_set;   /* programs compiled together */
struct jq_input; /* a value as programs see it, converted once */

/* What is wrong with a program, and where in it (both from 1). */
struct jq_fault {
	unsigned line, column;
	char text[400];
};

/* The exit code of a process that a program has to be stopped in; once, before the first run. */
void jq_set_exit_code(int code);

struct jq_set *jq_set_new(void);
void jq_set_free(struct jq_set *set); /* NULL is ignored */

/*
 * Adds a program; @label is what messages call it ("routes[0].when"). Returns its number, from 1.
 */
unsigned jq_set_add(struct jq_set *set, const char *program, const char *label);

/*
 * Compiles all that was added; @vars (an object or NULL) is $vars. Where something is wrong,
 * @fault is called for each program that is, in their order, and -EINVAL comes back; the set can
 * then not be run.
 */
int jq_set_compile(struct jq_set *set, struct json_object *vars,
                   void (*fault)(void *arg, unsigned program, const struct jq_fault *fault),
                   void *arg);

/* Where a value comes from, for the sentence of a stopped program; borrowed, async-signal-safe. */
struct jq_where {
	const char *name; /* "signups.ndjson" */
	const char *unit; /* "line" */
	uint64_t number;
};

/*
 * @value as the programs' input and @source as their $source (NULL: null). Both are borrowed
 * during the call only; @where until jq_input_free().
 */
struct jq_input *jq_input_new(struct json_object *value, struct json_object *source,
                              const struct jq_where *where);
void jq_input_free(struct jq_input *input);

/*
 * Runs program number @program and calls @take with each output (borrowed; NULL is null) until it
 * says false; no program may be run from within @take. Returns 0, or -EINVAL with what jq says
 * where the program fails; outputs before that were taken.
 */
int jq_run(struct jq_set *set, unsigned program, const struct jq_input *input,
           bool (*take)(void *arg, struct json_object *output), void *arg, struct err *err);

/* Whether the first output is neither false nor null; no output is false. -EINVAL as above. */
int jq_is_true(struct jq_set *set, unsigned program, const struct jq_input *input, bool *ret_truth,
               struct err *err);

/*
 * Whether every number in @value has the same decimal value after it went through a double (19.90
 * and 19.9 are the same, 9007199254740993 is not kept). If not, @err names the first one and its
 * place: "total: 9007199254740993".
 */
bool jq_keeps_numbers(struct json_object *value, struct err *err);
