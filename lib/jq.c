#include "lib/jq.h"

#include "lib/cleanup.h"
#include "lib/jq_compile.h"
#include "lib/jq_guard.h"
#include "lib/jq_value.h"
#include "lib/mem.h"
#include "lib/utf8.h"

#include <assert.h>
#include <errno.h>
#include <jq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct jq_set {
	jq_state *jq; /* NULL until compiled */
	struct jq_program *programs;
	size_t n, cap;
};

struct jq_input {
	jv value, source;
	struct jq_where where;
};

struct jq_set *jq_set_new(void)
{
	return mem_alloc(sizeof(struct jq_set));
}

void jq_set_free(struct jq_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->n; i++) {
		jq_words_deinit(&set->programs[i].words);
		free(set->programs[i].text);
		free(set->programs[i].label);
	}
	free(set->programs);
	if (set->jq)
		jq_teardown(&set->jq);
	free(set);
}

unsigned jq_set_add(struct jq_set *set, const char *program, const char *label)
{
	assert(!set->jq);
	set->programs = mem_grow(set->programs, set->n, &set->cap, sizeof(*set->programs));
	set->programs[set->n++] = (struct jq_program){mem_strdup(program), mem_strdup(label)};
	return (unsigned)set->n;
}

/* @faults, one for each program, say what is wrong; line 0: nothing. */
static bool read_words(struct jq_set *set, struct jq_fault *faults)
{
	bool is_well = true;

	for (size_t i = 0; i < set->n; i++)
		if (jq_words_read(set->programs[i].text, &set->programs[i].words, &faults[i]) < 0)
			is_well = false;
	return is_well;
}

/*
 * Checks the programs nothing is said about yet. Each alone, since of all together libjq may say
 * what is wrong with the first only; but not where words of others were all there was.
 */
static void check_rest(const struct jq_set *set, struct json_object *vars, struct jq_fault *faults)
{
	cleanup_(freep) struct jq_program *rest = mem_array(set->n, sizeof(*rest));
	struct jq_complaint complaint;
	jq_state *jq = NULL;
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++)
		if (!faults[i].line)
			rest[n++] = set->programs[i];
	if (n && n < set->n)
		jq = jq_compile_programs(rest, n, vars, &complaint);
	if (jq) {
		jq_teardown(&jq);
		return;
	}
	for (size_t i = 0; i < set->n; i++)
		if (!faults[i].line)
			(void)jq_compile_check(&set->programs[i], vars, &faults[i]);
}

int jq_set_compile(struct jq_set *set, struct json_object *vars,
                   void (*fault)(void *arg, unsigned program, const struct jq_fault *fault),
                   void *arg)
{
	cleanup_(freep) struct jq_fault *faults = mem_array(set->n, sizeof(*faults));
	struct jq_complaint complaint;
	bool is_told = false;

	assert(!set->jq);
	if (!set->n)
		return 0;
	if (read_words(set, faults))
		set->jq = jq_compile_programs(set->programs, set->n, vars, &complaint);
	if (set->jq)
		return 0;
	check_rest(set, vars, faults);
	for (size_t i = 0; i < set->n; i++) {
		if (!faults[i].line)
			continue;
		fault(arg, (unsigned)i + 1, &faults[i]);
		is_told = true;
	}
	if (!is_told) {
		static const struct jq_fault whole = {
			1, 1, "this file holds too many or too large jq programs"};

		fault(arg, 1, &whole); /* each alone is well */
	}
	return -EINVAL;
}

struct jq_input *jq_input_new(struct json_object *value, struct json_object *source,
                              const struct jq_where *where)
{
	struct jq_input *input = mem_alloc(sizeof(*input));

	input->value = jq_value_from_json(value);
	input->source = jq_value_from_json(source);
	input->where = *where;
	return input;
}

void jq_input_free(struct jq_input *input)
{
	if (!input)
		return;
	jv_free(input->value);
	jv_free(input->source);
	free(input);
}

static void start(struct jq_set *set, unsigned program, const struct jq_input *input)
{
	assert(set->jq && program >= 1 && program <= set->n);
	jq_guard_enter(set->programs[program - 1].label, &input->where);
	jq_start(set->jq,
	         JV_ARRAY(jv_copy(input->source), jv_number(program), jv_copy(input->value)), 0);
}

/* Frees what the program still holds, as long as it is the guard's business. */
static void finish(struct jq_set *set)
{
	jq_start(set->jq, jv_null(), 0);
	jq_guard_leave();
}

/* Cuts where a character begins. */
static void copy_cut(char *to, size_t size, const char *text)
{
	const size_t len = strlen(text);

	if (len < size)
		memcpy(to, text, len + 1);
	else
		(void)snprintf(to, size, "%.*s…", (int)utf8_cut(text, len, size - 4), text);
}

/* What error() was called with, or what libjq found, as one line of bounded length. */
static int failed(jv invalid, struct err *err)
{
	jv message = jv_invalid_get_msg(invalid);
	char text[300];

	if (jv_get_kind(message) != JV_KIND_STRING)
		message = jv_dump_string(message, 0);
	copy_cut(text, sizeof(text), jv_string_value(message));
	jv_free(message);
	for (char *at = text; *at; at++)
		if ((unsigned char)*at < ' ')
			*at = ' ';
	return err_set(err, -EINVAL, "%s", text);
}

int jq_run(struct jq_set *set, unsigned program, const struct jq_input *input,
           bool (*take)(void *arg, struct json_object *output), void *arg, struct err *err)
{
	bool wants_more = true;
	int r = 0;

	start(set, program, input);
	while (wants_more && r >= 0) {
		jv output = jq_next(set->jq);
		struct json_object *value = NULL;

		if (!jv_is_valid(output)) {
			if (jv_invalid_has_msg(jv_copy(output)))
				r = failed(jv_copy(output), err);
			jv_free(output);
			break;
		}
		r = jq_value_to_json(output, &value, err);
		jv_free(output);
		if (r >= 0)
			wants_more = take(arg, value);
		json_object_put(value);
	}
	finish(set);
	return r;
}

int jq_is_true(struct jq_set *set, unsigned program, const struct jq_input *input, bool *ret_truth,
               struct err *err)
{
	bool truth = false;
	jv output;
	int r = 0;

	start(set, program, input);
	output = jq_next(set->jq);
	if (jv_is_valid(output))
		truth = jv_get_kind(output) != JV_KIND_FALSE && jv_get_kind(output) != JV_KIND_NULL;
	else if (jv_invalid_has_msg(jv_copy(output)))
		r = failed(jv_copy(output), err);
	jv_free(output);
	finish(set);
	if (r >= 0)
		*ret_truth = truth;
	return r;
}
