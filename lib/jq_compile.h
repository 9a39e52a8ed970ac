#pragma once

/* Programs made ready to run, all as one, and what is wrong with one that cannot. Only lib/jq uses
 * it. */

#include "lib/jq.h"
#include "lib/jq_words.h"

#include <jq.h>

struct jq_program {
	char *text, *label;
	struct jq_words words;
};

/* What libjq says first about what it compiles. */
struct jq_complaint {
	unsigned line; /* of what was compiled; 0: it has said nothing */
	char text[sizeof(((struct jq_fault *)NULL)->text)];
};

/*
 * Compiles @programs (at least one), whose words have been read. What comes back is the caller's,
 * to jq_teardown(); its input is [source, number of the program from 1, value]. NULL: libjq
 * complains.
 */
jq_state *jq_compile_programs(const struct jq_program *programs, size_t n, struct json_object *vars,
                              struct jq_complaint *complaint);

/* Compiles @program alone. -EINVAL: @fault says what is wrong with it, and where. */
int jq_compile_check(const struct jq_program *program, struct json_object *vars,
                     struct jq_fault *fault);
