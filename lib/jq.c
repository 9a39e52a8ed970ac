#include "lib/jq.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/jq_guard.h"
#include "lib/jq_value.h"
#include "lib/jq_words.h"
#include "lib/mem.h"

#include <assert.h>
#include <errno.h>
#include <jq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct program {
	char *text, *label;
	struct jq_words words;
	struct jq_fault fault;
	bool is_wrong; /* and @fault says why */
};

struct jq_set {
	jq_state *jq; /* NULL until compiled */
	struct program *programs;
	size_t n, cap;
};

struct jq_input {
	jv value, source;
	struct jq_where where;
};

/*
 * What stands before the programs; their input is [source, number of the program, value]. In jq
 * 1.6 error(null) is not an error but no output, which would drop a record in silence.
 */
static const char prelude[] =
	"def __error(m): error(m);"
	"def error(m): m | if . == null then __error(\"null\") else __error(.) end;"
	"def error: error(.);"
	".[0] as $source | .[1] as $__n | .[2] | ";

/* What libjq says first about what it compiles. */
struct complaint {
	unsigned line;
	char text[sizeof(((struct jq_fault *)NULL)->text)];
	bool is_there;
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
	set->programs[set->n++] = (struct program){mem_strdup(program), mem_strdup(label)};
	return (unsigned)set->n;
}

/* The line break before the last parenthesis keeps it out of reach. */
static void print_program(const struct program *program, struct buf *out)
{
	buf_addc(out, '(');
	jq_words_print(&program->words, out);
	buf_adds(out, "\n)");
}

/* Finds the program by halves, so that a file with many pays for few comparisons. */
static void print_choice(const struct program *programs, size_t first, size_t last, struct buf *out)
{
	const size_t middle = first + (last - first) / 2;

	if (first == last) {
		print_program(&programs[first], out);
		return;
	}
	buf_addf(out, "if $__n <= %zu then ", middle + 1);
	print_choice(programs, first, middle, out);
	buf_adds(out, " else ");
	print_choice(programs, middle + 1, last, out);
	buf_adds(out, " end");
}

/* "jq: error: foo/0 is not defined at <top-level>, line 3:\nfoo\n" */
static void on_complaint(void *arg, jv message)
{
	struct complaint *complaint = arg;
	jv text = jq_format_error(message);
	const char *said = jv_string_value(text), *place = strstr(said, " at <top-level>, line ");

	if (!complaint->is_there && place) {
		if (!strncmp(said, "jq: ", 4))
			said += 4;
		if (!strncmp(said, "error: ", 7))
			said += 7;
		(void)snprintf(complaint->text, sizeof(complaint->text), "%.*s",
		               (int)(place - said), said);
		complaint->line = (unsigned)strtoul(place + 22, NULL, 10);
		complaint->is_there = true;
	}
	jv_free(text);
}

/* ~/.jq would be read into every program; libjq finds it by HOME. */
static jq_state *compile_without_home(const char *text, jv args, struct complaint *complaint)
{
	cleanup_(freep) char *home = mem_strdup(getenv("HOME"));
	jq_state *jq;
	int ok;

	(void)unsetenv("HOME");
	jq = jq_init();
	if (!jq)
		mem_exhausted();
	jq_set_nomem_handler(jq, jq_guard_no_memory, NULL);
	jq_set_error_cb(jq, on_complaint, complaint);
	jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
	ok = jq_compile_args(jq, text, args);
	if (home)
		(void)setenv("HOME", home, 1);
	if (!ok)
		jq_teardown(&jq);
	return jq;
}

static jq_state *compile(const struct program *programs, size_t n, struct json_object *vars,
                         struct complaint *complaint)
{
	jv args = jv_object_set(jv_object(), jv_string("ENV"), jv_object());
	struct buf text = BUF_INIT;
	jq_state *jq;

	args = jv_object_set(args, jv_string("vars"),
	                     vars ? jq_value_from_json(vars) : jv_object());
	buf_adds(&text, prelude);
	print_choice(programs, 0, n - 1, &text);
	jq_guard_enter(NULL, NULL);
	jq = compile_without_home(text.data, args, complaint);
	jq_guard_leave();
	buf_deinit(&text);
	return jq;
}

static void fault_at(struct jq_fault *fault, unsigned line, unsigned column, const char *text)
{
	fault->line = line;
	fault->column = column;
	(void)snprintf(fault->text, sizeof(fault->text), "%s", text);
}

/* The program stands from the second line on, a word a line. */
static void explain(const struct program *program, struct complaint *complaint,
                    struct jq_fault *fault)
{
	const struct jq_words *words = &program->words;
	const struct jq_word *word = NULL;
	const bool is_syntax = !strncmp(complaint->text, "syntax error", 12);
	static const char label[] = "$*label-";

	if (complaint->line > 1)
		word = jq_words_at_line(words, complaint->line - 1);
	if (!word && is_syntax) {
		fault_at(fault, words->end_line, words->end_column,
		         "the program ends here, but something is still missing");
		return;
	}
	fault_at(fault, word ? word->line : 1, word ? word->column : 1, complaint->text);
	if (is_syntax)
		(void)snprintf(fault->text, sizeof(fault->text), "\"%.*s\" cannot stand here",
		               (int)(word->len < 40 ? word->len : 40), word->text);
	else if (!strncmp(fault->text, label, strlen(label)))
		(void)snprintf(fault->text, sizeof(fault->text), "label $%s",
		               complaint->text + strlen(label));
}

/* Compiles @program alone, for what is wrong with it if something is. */
static void check_alone(struct program *program, struct json_object *vars)
{
	struct complaint complaint = {.is_there = false};
	jq_state *jq = compile(program, 1, vars, &complaint);

	program->is_wrong = !jq;
	if (jq)
		jq_teardown(&jq);
	else if (complaint.is_there)
		explain(program, &complaint, &program->fault);
	else
		fault_at(&program->fault, 1, 1, "libjq cannot compile this and does not say why");
}

static bool read_words(struct jq_set *set)
{
	bool is_well = true;

	for (size_t i = 0; i < set->n; i++) {
		struct program *program = &set->programs[i];

		program->is_wrong =
			jq_words_read(program->text, &program->words, &program->fault) < 0;
		is_well = is_well && !program->is_wrong;
	}
	return is_well;
}

int jq_set_compile(struct jq_set *set, struct json_object *vars,
                   void (*fault)(void *arg, unsigned program, const struct jq_fault *fault),
                   void *arg)
{
	struct complaint complaint = {.is_there = false};
	bool is_told = false;

	assert(!set->jq);
	if (!set->n)
		return 0;
	if (read_words(set))
		set->jq = compile(set->programs, set->n, vars, &complaint);
	if (set->jq)
		return 0;
	for (size_t i = 0; i < set->n; i++) {
		struct program *program = &set->programs[i];

		if (!program->is_wrong)
			check_alone(program, vars);
		if (program->is_wrong)
			fault(arg, (unsigned)i + 1, &program->fault);
		is_told = is_told || program->is_wrong;
	}
	if (!is_told) { /* each alone is well: they are too many, or too large together */
		fault_at(&set->programs[0].fault, 1, 1, complaint.text);
		fault(arg, 1, &set->programs[0].fault);
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

/* What error() was called with, or what libjq found, as one line of bounded length. */
static int failed(jv invalid, struct err *err)
{
	jv message = jv_invalid_get_msg(invalid);
	char text[300];

	if (jv_get_kind(message) != JV_KIND_STRING)
		message = jv_dump_string(message, 0);
	(void)snprintf(text, sizeof(text), "%s", jv_string_value(message));
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
