/* What is said about programs that are wrong, and where. */

#include "lib/buf.h"
#include "lib/jq.h"

#include "tests/unit/check.h"

#include <errno.h>
#include <string.h>

/* "2 at 1:5: text\n" */
static void collect_fault(void *arg, unsigned program, const struct jq_fault *fault)
{
	buf_addf(arg, "%u at %u:%u: %s\n", program, fault->line, fault->column, fault->text);
}

/* What is said about @program, "" if it is in order. */
static char *faults_of(const char *program)
{
	struct jq_set *set = jq_set_new();
	struct buf faults = BUF_INIT;
	int r;

	(void)jq_set_add(set, program, "transform");
	r = jq_set_compile(set, NULL, collect_fault, &faults);
	check_eq(r, faults.len ? -EINVAL : 0);
	jq_set_free(set);
	return buf_take(&faults);
}

static void what_reaches_outside_is_refused_where_it_stands(void **state)
{
	static const struct {
		const char *program, *begins;
	} rows[] = {
		{"import \"a\" as a; .", "1 at 1:1: import is not allowed: "},
		{"include \"a\"; .", "1 at 1:1: include is not allowed: "},
		{"module {}; .", "1 at 1:1: module is not allowed: "},
		{"env", "1 at 1:1: env is not allowed: "},
		{".a |\n  env.HOME", "1 at 2:3: env is not allowed: "},
		{"$ENV", "1 at 1:1: $ENV is not allowed: "},
		{". + $ # name\n ENV", "1 at 1:5: $ENV is not allowed: "},
		{"{$ENV}", "1 at 1:2: $ENV is not allowed: "},
		{"{a: env}", "1 at 1:5: env is not allowed: "},
		{"{a: 1 | env}", "1 at 1:9: env is not allowed: "},
		{"{(env): 1}", "1 at 1:3: env is not allowed: "},
		{"{a: [1, env]}", "1 at 1:9: env is not allowed: "},
		{"{\"a\\(env)\": 1}", "1 at 1:6: env is not allowed: "},
		{"\"é \\( [env] )\"", "1 at 1:8: env is not allowed: "},
		{"@base64 \"\\(env)\"", "1 at 1:12: env is not allowed: "},
		{".a |= env", "1 at 1:7: env is not allowed: "},
		{"def f(env): 1; f", "1 at 1:7: env is not allowed: "},
		{"[input]", "1 at 1:2: input is not allowed: "},
		{"[., inputs]", "1 at 1:5: inputs is not allowed: "},
		{"_input", "1 at 1:1: _input is not allowed: "},
		{"input_filename", "1 at 1:1: input_filename is not allowed: "},
		{"input_line_number", "1 at 1:1: input_line_number is not allowed: "},
		{"if .a then halt else . end", "1 at 1:12: halt is not allowed: "},
		{"\"x\" | halt_error", "1 at 1:7: halt_error is not allowed: "},
		{"halt_error(1)", "1 at 1:1: halt_error is not allowed: "},
		{". | debug", "1 at 1:5: debug is not allowed: "},
		{". | stderr", "1 at 1:5: stderr is not allowed: "},
		{"get_search_list", "1 at 1:1: get_search_list is not allowed: "},
		{"get_jq_origin", "1 at 1:1: get_jq_origin is not allowed: "},
		{"get_prog_origin", "1 at 1:1: get_prog_origin is not allowed: "},
		{"\"a\" | modulemeta", "1 at 1:7: modulemeta is not allowed: "},
		{"$__prog_args", "1 at 1:1: __prog_args is not allowed: "},
		{"$__loc__", "1 at 1:1: __loc__ is not allowed: "},
		{"$ __loc__", "1 at 1:1: __loc__ is not allowed: "},
		{"$__n", "1 at 1:1: __n is not allowed: "},
		{"__program2", "1 at 1:1: __program2 is not allowed: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *got = faults_of(rows[i].program);

		if (strncmp(got, rows[i].begins, strlen(rows[i].begins)) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", rows[i].program, got, rows[i].begins);
		free(got);
	}
}

static void a_fault_names_line_and_column_in_plain_words(void **state)
{
	static const struct {
		const char *program, *fault;
	} rows[] = {
		{"", "1 at 1:1: the program is empty; \".\" passes its input on\n"},
		{" # nothing\n", "1 at 1:1: the program is empty; \".\" passes its input on\n"},
		{".a\n  | lenght",
	         "1 at 2:5: there is no function lenght/0 (the number counts arguments); "
	         "did you mean length/0?\n"},
		{"limit(1; 2; 3)",
	         "1 at 1:1: there is no function limit/3 (the number counts arguments); "
	         "did you mean limit/2?\n"},
		{"\"é\\(\n zzzz )\"",
	         "1 at 2:2: there is no function zzzz/0 (the number counts arguments)\n"},
		{".first-name",
	         "1 at 1:8: there is no function name/0 (the number counts arguments); a field "
	         "with \"-\" in its name is written .\"first-name\"\n"},
		{"1 + $foo", "1 at 1:5: $foo is not defined\n"},
		{"break $x", "1 at 1:1: label $x is not defined\n"},
		{". == = 1", "1 at 1:6: \"=\" cannot stand here\n"},
		{"\"a\nb\" \"c\nd\"", "1 at 2:4: \"c cannot stand here\n"},
		{".a?//3", "1 at 1:3: \"?//\" cannot stand here; \"? //\" with a blank is another "
	                   "operator\n"},
		{"if .a then 1",
	         "1 at 1:13: the program ends here, but something is still missing\n"},
		{".a |\n# more\n",
	         "1 at 1:5: the program ends here, but something is still missing\n"},
		{"map(", "1 at 1:4: what is opened here is never closed\n"},
		{"{a: [1}", "1 at 1:7: this \"}\" does not close the \"[\" of line 1, column 5\n"},
		{"1)", "1 at 1:2: this \")\" closes nothing that was opened\n"},
		{". | \"abc", "1 at 1:5: the text that begins here has no closing quote\n"},
		{"\"a\\(1) b", "1 at 1:1: the text that begins here has no closing quote\n"},
		{".a && .b", "1 at 1:4: \"&\" cannot stand here: jq says \"and\"\n"},
		{"'x'", "1 at 1:1: \"'\" cannot stand here: texts stand in double quotes\n"},
		{".é", "1 at 1:2: \"é\" cannot stand here\n"},
		{".\x01", "1 at 1:2: a character that cannot be shown stands here\n"},
		{".\xff", "1 at 1:2: a character that cannot be shown stands here\n"},
		{"test(\"é\\d\")", "1 at 1:8: a backslash in a text is written \\\\\n"},
		{"\"\\u12\"", "1 at 1:2: \\u takes four hexadecimal digits\n"},
		{"\"\\ud800\"", "1 at 1:1: Invalid \\uXXXX\\uXXXX surrogate pair escape\n"},
		{"@base65",
	         "1 at 1:1: there is no format @base65; there are @text @json @html @uri @csv "
	         "@tsv @sh @base64 @base64d\n"},
		{"{(1): 2}", "1 at 1:2: Cannot use number (1) as object key\n"},
		{"1.2.3", "1 at 1:4: \".3\" cannot stand here\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *got = faults_of(rows[i].program);

		if (strcmp(got, rows[i].fault) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", rows[i].program, got, rows[i].fault);
		free(got);
	}
}

static void every_program_that_is_wrong_is_named_in_order(void **state)
{
	struct jq_set *set = jq_set_new();
	struct buf faults = BUF_INIT;

	(void)state;
	(void)jq_set_add(set, ".a |", "a");
	(void)jq_set_add(set, ".b", "b");
	(void)jq_set_add(set, "env", "c");
	(void)jq_set_add(set, "$x", "d");
	check_eq(jq_set_compile(set, NULL, collect_fault, &faults), -EINVAL);
	check_text(buf_text(&faults),
	           "1 at 1:5: the program ends here, but something is still missing\n"
	           "3 at 1:1: env is not allowed: the environment holds secrets; put what the "
	           "program needs under vars and write $vars\n"
	           "4 at 1:1: $x is not defined\n");
	buf_deinit(&faults);
	jq_set_free(set);
}

static char *nested(const char *open, const char *close, unsigned times)
{
	struct buf text = BUF_INIT;

	for (unsigned i = 0; i < times; i++)
		buf_adds(&text, open);
	buf_adds(&text, ".");
	for (unsigned i = 0; i < times; i++)
		buf_adds(&text, close);
	return buf_take(&text);
}

static void nesting_and_length_have_bounds(void **state)
{
	static const struct {
		const char *open, *close;
		unsigned times;
		const char *says; /* NULL: it is in order */
	} rows[] = {
		{"map(", ")", 200, NULL},
		{"(", ")", 201, "1 at 1:201: brackets are nested deeper than 200 levels\n"},
		{"\"\\(", ")\"", 201, "1 at 1:601: brackets are nested deeper than 200 levels\n"},
		{". as $x | ", "", 4000, "the program is nested too deep here\n"},
		{"reduce . as $x (0; .) | ", "", 3000, "which is too long\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *program = nested(rows[i].open, rows[i].close, rows[i].times);
		char *got = faults_of(program);

		if (rows[i].says ? !strstr(got, rows[i].says) : *got)
			fail_msg("%s: \"%s\"", rows[i].open, got);
		free(got);
		free(program);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(what_reaches_outside_is_refused_where_it_stands),
		sentence(a_fault_names_line_and_column_in_plain_words),
		sentence(every_program_that_is_wrong_is_named_in_order),
		sentence(nesting_and_length_have_bounds),
	};

	return run_sentences(tests);
}
