#include "lib/jq_compile.h"

#include "lib/cleanup.h"
#include "lib/jq_guard.h"
#include "lib/jq_value.h"
#include "lib/mem.h"
#include "lib/near.h"
#include "lib/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What stands before the programs, on one line. In jq 1.6 error(null) is no error but no output,
 * which would drop a record in silence; and strftime of a number beyond all calendars, which a
 * record may hold, ends the process.
 */
static const char prelude[] =
	"def __error(m): error(m);"
	"def error(m): m | if . == null then __error(\"null\") else __error(.) end;"
	"def error: error(.);"
	"def __format(f): f | if type == \"string\" then ."
	" else error(\"the format of a time has to be a text\") end;"
	"def __strftime(f): strftime(f);"
	"def strftime(f): __format(f) as $f"
	" | if type == \"number\" then gmtime else . end | __strftime($f);"
	"def __strflocaltime(f): strflocaltime(f);"
	"def strflocaltime(f): __format(f) as $f"
	" | if type == \"number\" then localtime else . end | __strflocaltime($f);"
	"def todateiso8601: strftime(\"%Y-%m-%dT%H:%M:%SZ\");"
	"def todate: todateiso8601;"
	".[0] as $source | .[1] as $__n | .[2] | ";

/*
 * Each is a function of its own, since libjq bounds the length of one. The line break before the
 * last parenthesis gives the end of a program a line of its own.
 */
static void print_program(const struct jq_program *program, size_t number, struct buf *out)
{
	buf_addf(out, "def __program%zu: (", number);
	jq_words_print(&program->words, out);
	buf_adds(out, "\n); ");
}

/* Finds the program by halves, so that a file with many pays for few comparisons. */
static void print_choice(size_t first, size_t last, struct buf *out)
{
	const size_t middle = first + (last - first) / 2;

	if (first == last) {
		buf_addf(out, "__program%zu", first);
		return;
	}
	buf_addf(out, "if $__n <= %zu then ", middle);
	print_choice(first, middle, out);
	buf_adds(out, " else ");
	print_choice(middle + 1, last, out);
	buf_adds(out, " end");
}

/* "jq: error: foo/0 is not defined at <top-level>, line 3:\nfoo\n" */
static void on_complaint(void *arg, jv message)
{
	static const char place_says[] = " at <top-level>, line ", details[] = " at line ";
	struct jq_complaint *complaint = arg;
	jv text = jq_format_error(message);
	const char *said = jv_string_value(text), *place = strstr(said, place_says);
	const char *end = strstr(said, details);

	if (!complaint->line) {
		complaint->line =
			place ? (unsigned)strtoul(place + strlen(place_says), NULL, 10) : 1;
		if (!strncmp(said, "jq: ", 4))
			said += 4;
		if (!strncmp(said, "error: ", 7))
			said += 7;
		if (!end || (place && end > place))
			end = place ? place : said + strcspn(said, "\n");
		(void)snprintf(complaint->text, sizeof(complaint->text), "%.*s", (int)(end - said),
		               said);
	}
	jv_free(text);
}

/* ~/.jq would be read into every program; libjq finds it by HOME. */
static jq_state *compile_text(const char *text, jv args, struct jq_complaint *complaint)
{
	cleanup_(freep) char *home = mem_strdup(getenv("HOME"));
	jq_state *jq;
	int ok;

	jq_guard_enter(NULL, NULL);
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
	jq_guard_leave();
	return jq;
}

jq_state *jq_compile_programs(const struct jq_program *programs, size_t n, struct json_object *vars,
                              struct jq_complaint *complaint)
{
	jv args = jv_object_set(jv_object(), jv_string("ENV"), jv_object());
	struct buf text = BUF_INIT;
	jq_state *jq;

	args = jv_object_set(args, jv_string("vars"),
	                     vars ? jq_value_from_json(vars) : jv_object());
	complaint->line = 0;
	buf_adds(&text, prelude);
	for (size_t i = 0; i < n; i++)
		print_program(&programs[i], i + 1, &text);
	print_choice(1, n, &text);
	jq = compile_text(text.data, args, complaint);
	buf_deinit(&text);
	return jq;
}

static int __attribute__((format(printf, 3, 4)))
fault_at(struct jq_fault *fault, const struct jq_word *word, const char *format, ...)
{
	va_list args;

	fault->line = word ? word->line : 1;
	fault->column = word ? word->column : 1;
	va_start(args, format);
	(void)vsnprintf(fault->text, sizeof(fault->text), format, args);
	va_end(args);
	return -EINVAL;
}

static bool is_text(const struct jq_word *word, const char *text)
{
	return word->len == strlen(text) && !memcmp(word->text, text, word->len);
}

/* A word as it can be shown: its first line, at most 40 bytes. */
static int shown_length(const struct jq_word *word)
{
	size_t len = 0, n;

	while (len < word->len && word->text[len] != '\n') {
		n = utf8_sequence(word->text + len, word->len - len);
		if (!n || len + n > 40)
			break;
		len += n;
	}
	return (int)len;
}

static int explain_syntax(const struct jq_program *program, const struct jq_word *word,
                          struct jq_fault *fault)
{
	const struct jq_word end = {.line = program->words.end_line,
	                            .column = program->words.end_column};

	if (!word)
		return fault_at(fault, &end,
		                "the program ends here, but something is still missing");
	return fault_at(fault, word, "%s%.*s%s cannot stand here%s",
	                word->kind == JQ_WORD_TEXT ? "" : "\"", shown_length(word), word->text,
	                word->kind == JQ_WORD_TEXT ? "" : "\"",
	                is_text(word, "?//") ? "; \"? //\" with a blank is another operator" : "");
}

/* libjq's own functions, as ["map/1", …]. */
static jv builtins(void)
{
	struct jq_complaint complaint = {.line = 0};
	jq_state *jq = compile_text("builtins", jv_object(), &complaint);
	jv list;

	if (!jq)
		mem_exhausted();
	jq_start(jq, jv_null(), 0);
	list = jq_next(jq);
	jq_teardown(&jq);
	return list;
}

/* Adds the builtin that may be meant by @name to @out, if there is one. */
static void add_near(const char *name, struct buf *out)
{
	jv list = builtins();
	const int n = jv_array_length(jv_copy(list));
	cleanup_(freep) char **names = mem_array((size_t)n + 1, sizeof(*names));
	const char *near;

	for (int i = 0; i < n; i++) {
		jv item = jv_array_get(jv_copy(list), i);

		names[i] = mem_dup(jv_string_value(item), strcspn(jv_string_value(item), "/"));
		jv_free(item);
	}
	near = near_name(name, (const char *const *)names);
	for (int i = 0; i < n; i++) {
		jv item = jv_array_get(jv_copy(list), i);

		if (names[i] == near)
			buf_addf(out, "; did you mean %s?", jv_string_value(item));
		jv_free(item);
		free(names[i]);
	}
	jv_free(list);
}

/* .first-name is a subtraction to jq. */
static bool is_cut_name(const struct jq_program *program, const struct jq_word *word)
{
	return word - program->words.list >= 2 && is_text(word - 1, "-") &&
	       word[-2].kind == JQ_WORD_FIELD && word[-1].text == word[-2].text + word[-2].len &&
	       word->text == word[-1].text + 1;
}

/* @said is "name/arguments is not defined". */
static int explain_undefined(const struct jq_program *program, const struct jq_word *word,
                             const char *said, struct jq_fault *fault)
{
	cleanup_(freep) char *name = mem_dup(said, strcspn(said, "/"));
	struct buf hint = BUF_INIT;

	if (is_cut_name(program, word))
		buf_addf(&hint, "; a field with \"-\" in its name is written .\"%.*s-%s\"",
		         (int)word[-2].len - 1, word[-2].text + 1, name);
	else
		add_near(name, &hint);
	(void)fault_at(fault, word, "there is no function %.*s (the number counts arguments)%s",
	               (int)strcspn(said, " "), said, buf_text(&hint));
	buf_deinit(&hint);
	return -EINVAL;
}

/* The program stands from the second line on, each word on a line of its own. */
static int explain(const struct jq_program *program, const struct jq_complaint *complaint,
                   struct jq_fault *fault)
{
	static const char syntax[] = "syntax error", label[] = "$*label-";
	const struct jq_word *word = NULL;
	const char *said = complaint->text;

	if (complaint->line > 1)
		word = jq_words_at_line(&program->words, complaint->line - 1);
	if (!strncmp(said, syntax, strlen(syntax)))
		return explain_syntax(program, word, fault);
	if (!strcmp(said, "memory exhausted")) /* of bison, whose stack has a bound */
		return fault_at(fault, word, "the program is nested too deep here");
	if (!strncmp(said, label, strlen(label)))
		return fault_at(fault, word, "label $%s", said + strlen(label));
	if (word && *said != '$' && strstr(said, " is not defined"))
		return explain_undefined(program, word, said, fault);
	return fault_at(fault, word, "%s", said);
}

int jq_compile_check(const struct jq_program *program, struct json_object *vars,
                     struct jq_fault *fault)
{
	struct jq_complaint complaint;
	jq_state *jq = jq_compile_programs(program, 1, vars, &complaint);

	if (!jq)
		return complaint.line ? explain(program, &complaint, fault)
		                      : fault_at(fault, NULL, "libjq cannot compile this program");
	jq_teardown(&jq);
	return 0;
}
