#include "lib/buf.h"
#include "lib/decimal.h"
#include "lib/jq.h"
#include "lib/json.h"

#include "tests/unit/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct jq_where line_12 = {"signups.ndjson", "line", 12};

static struct json_object *parsed(const char *text)
{
	struct json_object *value = NULL;
	struct err err = {0};

	if (json_parse(text, strlen(text), 0, &value, NULL, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return value;
}

/* "2 at 1:5: text\n" */
static void collect_fault(void *arg, unsigned program, const struct jq_fault *fault)
{
	buf_addf(arg, "%u at %u:%u: %s\n", program, fault->line, fault->column, fault->text);
}

static bool collect(void *arg, struct json_object *output)
{
	struct buf *out = arg;

	if (out->len)
		buf_addc(out, ' ');
	json_print(output, out);
	return true;
}

static struct jq_set *compiled(const char *const *programs, size_t n)
{
	struct jq_set *set = jq_set_new();
	struct json_object *vars = parsed("{\"team\":\"north\"}");
	struct buf faults = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		check_eq(jq_set_add(set, programs[i], "transform"), i + 1);
	if (jq_set_compile(set, vars, collect_fault, &faults) < 0)
		fail_msg("%s", buf_text(&faults));
	json_object_put(vars);
	return set;
}

static struct jq_input *input_of(const char *text)
{
	struct json_object *value = parsed(text), *source = parsed("{\"file\":\"a.ndjson\"}");
	struct jq_input *input = jq_input_new(value, source, &line_12);

	json_object_put(value);
	json_object_put(source);
	return input;
}

/* All outputs with blanks between, and "! " with what the program fails with. */
static char *run(struct jq_set *set, unsigned program, const char *text)
{
	struct jq_input *input = input_of(text);
	struct buf out = BUF_INIT;
	struct err err = {0};
	const int r = jq_run(set, program, input, collect, &out, &err);

	if (r < 0) {
		check_eq(r, -EINVAL);
		buf_addf(&out, "%s! %s", out.len ? " " : "", err.text);
	}
	jq_input_free(input);
	return buf_take(&out);
}

struct outcome {
	const char *program, *input, *output;
};

static void check_outcomes(const struct outcome *rows, size_t n)
{
	const char **programs = calloc(n, sizeof(*programs));
	struct jq_set *set;

	for (size_t i = 0; i < n; i++)
		programs[i] = rows[i].program;
	set = compiled(programs, n);
	for (size_t i = 0; i < n; i++) {
		char *got = run(set, (unsigned)i + 1, rows[i].input);

		if (strcmp(got, rows[i].output) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", rows[i].program, got, rows[i].output);
		free(got);
	}
	jq_set_free(set);
	free(programs);
}

#define check_rows(rows) check_outcomes(rows, sizeof(rows) / sizeof(*(rows)))

static void programs_see_record_source_and_vars(void **state)
{
	static const struct outcome rows[] = {
		{".a", "{\"a\":1}", "1"},
		{".", "{\"b\":[1,2.50,\"x\"],\"a\":null}", "{\"b\":[1,2.5,\"x\"],\"a\":null}"},
		{"[$vars.team, $source.file]", "{}", "[\"north\",\"a.ndjson\"]"},
		{"def twice: . * 2; .a | twice", "{\"a\":4}", "8"},
		{".a[]", "{\"a\":[1,null,3]}", "1 null 3"},
		{"empty", "{}", ""},
		{".c = 3 | del(.b) | .b = 4", "{\"b\":1,\"a\":2}", "{\"a\":2,\"c\":3,\"b\":4}"},
		{"\"\\(.a) \\(\"(\" + \"\\(.b))\")\"", "{\"a\":1,\"b\":2}", "\"1 (2)\""},
		{".a # then a comment )", "{\"a\":1}", "1"},
		{"# before\r\n .a\r\n", "{\"a\":1}", "1"},
		{".a|todate", "{\"a\":1000000000}", "\"2001-09-09T01:46:40Z\""},
	};

	(void)state;
	check_rows(rows);
}

static void a_program_that_fails_says_why_in_one_line(void **state)
{
	static const struct outcome rows[] = {
		{"1, error(\"no \\(.a)\"), 2", "{\"a\":7}", "1 ! no 7"},
		{".a.b", "{\"a\":3}", "! Cannot index number with string \"b\""},
		{"error(null)", "{}", "! null"},
		{".a | error", "{}", "! null"},
		{"error({a: 1})", "{}", "! {\"a\":1}"},
		{"error(\"a\\nb\\u0007\")", "{}", "! a b "},
		{"try error(\"x\") catch .", "{}", "\"x\""},
	};

	(void)state;
	check_rows(rows);
}

static void a_long_complaint_is_cut_between_characters(void **state)
{
	const char *program = "error(\"a\" + \"é\" * 400)";
	struct jq_set *set = compiled(&program, 1);
	char *got = run(set, 1, "{}");

	(void)state;
	check(strlen(got) > 250 && strlen(got) < 310);
	check_text(got + strlen(got) - 5, "é…");
	free(got);
	jq_set_free(set);
}

/* Times beyond all calendars end jq 1.6's process; a record may hold one. */
static void a_time_beyond_all_calendars_is_a_failure_of_its_record(void **state)
{
	static const struct outcome rows[] = {
		{".a|todate", "{\"a\":1e300}",
	         "! errror converting number of seconds since epoch to datetime"},
		{".a|strflocaltime(\"%Y\")", "{\"a\":1e300}",
	         "! error converting number of seconds since epoch to datetime"},
		{"0|strftime(1)", "{}", "! the format of a time has to be a text"},
	};

	(void)state;
	check_rows(rows);
}

static void outputs_are_printed_as_jq_prints_them(void **state)
{
	static const struct outcome rows[] = {
		{".[]", "[1.10,1.0,19.90]", "1.1 1 19.9"},
		{".[]", "[9007199254740992,-9007199254740992]",
	         "9007199254740992 -9007199254740992"},
		{".[]", "[100000000000000000000,12345678901234567890,123456789.123456789]",
	         "1e+20 12345678901234567000 123456789.12345679"},
		{".[]", "[1e400,-1e400]", "1.7976931348623157e+308 -1.7976931348623157e+308"},
		{"nan, [nan], 0.1 + 0.2", "{}", "null [null] 0.30000000000000004"},
		{"19.99 * 100 | floor", "{}", "1998"},
		{".[] | length", "[18446744073709551615, -3]", "18446744073709552000 3"},
		{"., length", "\"a\\u0000b\"", "\"a\\u0000b\" 3"},
		{"{\"a\\u0000b\": 1}", "{}", "! a key of the output holds a NUL character"},
		{"[[1, {\"a\\u0000b\": 1}]]", "{}", "! a key of the output holds a NUL character"},
		{"reduce range(31) as $i (.; [.]) | tojson | length", "{}", "64"},
		{"reduce range(32) as $i (.; [.])", "1",
	         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"},
		{"reduce range(32) as $i (.; [.])", "{}",
	         "! the output is nested deeper than 32 levels"},
	};

	(void)state;
	check_rows(rows);
}

static bool take_two(void *arg, struct json_object *output)
{
	unsigned *n = arg;

	(void)output;
	return ++*n < 2;
}

static void taking_may_stop_and_the_set_goes_on(void **state)
{
	const char *program = ".a[]";
	struct jq_set *set = compiled(&program, 1);
	struct jq_input *input = input_of("{\"a\":[1,2,3,4]}");
	unsigned n = 0;
	char *got;

	(void)state;
	check_eq(jq_run(set, 1, input, take_two, &n, NULL), 0);
	check_eq(n, 2);
	jq_input_free(input);
	got = run(set, 1, "{\"a\":[5,6]}");
	check_text(got, "5 6");
	free(got);
	jq_set_free(set);
}

static void a_condition_is_its_first_output(void **state)
{
	static const struct {
		const char *program;
		bool truth;
	} rows[] = {
		{"true", true},
		{"false", false},
		{"null", false},
		{"empty", false},
		{"0", true},
		{"\"\"", true},
		{".a == 1", true},
		{"false, true", false},
		{".b // false", false},
		{".b == 2", false},
		{"true, error(1)", true},
	};
	enum { n = sizeof(rows) / sizeof(*rows) };
	struct jq_input *input = input_of("{\"a\":1}");
	const char *programs[n];
	struct jq_set *set;

	(void)state;
	for (size_t i = 0; i < n; i++)
		programs[i] = rows[i].program;
	set = compiled(programs, n);
	for (unsigned i = 0; i < n; i++) {
		bool truth = !rows[i].truth;

		check_eq(jq_is_true(set, i + 1, input, &truth, NULL), 0);
		if (truth != rows[i].truth)
			fail_msg("%s is %s", rows[i].program, truth ? "true" : "false");
	}
	jq_set_free(set);
	jq_input_free(input);
}

static void a_condition_that_fails_says_why(void **state)
{
	const char *program = ".a.b == 1";
	struct jq_set *set = compiled(&program, 1);
	struct jq_input *input = input_of("{\"a\":1}");
	struct err err = {0};
	bool truth = true;

	(void)state;
	check_eq(jq_is_true(set, 1, input, &truth, &err), -EINVAL);
	check_text(err.text, "Cannot index number with string \"b\"");
	check(truth);
	jq_input_free(input);
	jq_set_free(set);
}

static void each_of_many_programs_is_found_by_its_number(void **state)
{
	char texts[40][16];
	const char *programs[40];
	struct jq_set *set;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), ".a + %u # x", i);
		programs[i] = texts[i];
	}
	set = compiled(programs, 40);
	for (unsigned i = 0; i < 40; i++) {
		char *got = run(set, i + 1, "{\"a\":100}");

		check_eq(atoi(got), 100 + i);
		free(got);
	}
	jq_set_free(set);
}

/* Long alone, and far longer together than the one function libjq would take. */
static void many_long_programs_fit_into_one_file(void **state)
{
	enum { n_steps = 2000, n_programs = 6 };
	struct buf text = BUF_INIT;
	const char *programs[n_programs];
	struct jq_set *set;
	char *got;

	(void)state;
	for (unsigned i = 0; i < n_steps; i++)
		buf_adds(&text, ". + 1 | ");
	buf_adds(&text, ".");
	for (unsigned i = 0; i < n_programs; i++)
		programs[i] = text.data;
	set = compiled(programs, n_programs);
	got = run(set, n_programs, "5");
	check_text(got, "2005");
	free(got);
	jq_set_free(set);
	buf_deinit(&text);
}

static void the_same_words_are_allowed_where_they_reach_nothing(void **state)
{
	static const struct outcome rows[] = {
		{".env", "{\"env\":1}", "1"},
		{".a.input.halt", "{}", "null"},
		{".\"debug\", .[\"stderr\"]", "{\"debug\":1,\"stderr\":2}", "1 2"},
		{"{env: 1, input: 2, \"halt\": 3}", "{}", "{\"env\":1,\"input\":2,\"halt\":3}"},
		{"{env, debug}", "{\"env\":1}", "{\"env\":1,\"debug\":null}"},
		{"{a: 1 | 2, env}", "{\"env\":1}", "{\"a\":2,\"env\":1}"},
		{". as {env: $e, $input} | [$e, $input]", "{\"env\":1,\"input\":2}", "[1,2]"},
		{"1 as $halt | {$halt}", "{}", "{\"halt\":1}"},
		{"\"env input $ENV import\" # env $ENV", "{}", "\"env input $ENV import\""},
		{".env |= 2", "{\"env\":1}", "{\"env\":2}"},
		{"now | type", "{}", "\"number\""},
	};

	(void)state;
	check_rows(rows);
}

static void no_program_gets_out_of_its_parentheses(void **state)
{
	static const char *const attempts[] = {
		"1) | (2",
		"1 end | if true then 2",
		"\"a\\(1))\" | (\"\\(2)",
		"1 ) #",
		"1 #)",
		"1 # \\",
		"\"1",
		"\"\\(1",
		"\"\\(1\"",
		"1); def __program3: (7",
		"def f: 1;",
		"{a: 1",
		"[1",
		"1]",
		"}{",
		". as [$a",
		"if 1 then 2",
		"elif 1",
		"| 1",
		"1 |",
		"\"\\\\\\(1)\"",
		"#",
		"\"#\" #\"",
		"1\n#\n",
		"\"a\nb\" # c\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++) {
		struct jq_set *set = jq_set_new();
		struct buf faults = BUF_INIT;
		char *got;

		(void)jq_set_add(set, "\"first\"", "a");
		(void)jq_set_add(set, attempts[i], "b");
		(void)jq_set_add(set, "\"third\"", "c");
		if (jq_set_compile(set, NULL, collect_fault, &faults) < 0) {
			check(!strncmp(faults.data, "2 at ", 5));
			check(strchr(faults.data, '\n') == faults.data + faults.len - 1);
		} else {
			got = run(set, 1, "{}");
			check_text(got, "\"first\"");
			free(got);
			got = run(set, 3, "{}");
			check_text(got, "\"third\"");
			free(got);
		}
		buf_deinit(&faults);
		jq_set_free(set);
	}
}

static void nothing_of_the_home_directory_is_read(void **state)
{
	static const char theirs[] = "def length: \"hijacked\"; def extra: 1;\n";
	char home[] = "/tmp/test_jq.XXXXXX", path[64];
	const char *program = "length";
	struct buf faults = BUF_INIT;
	struct jq_set *set;
	FILE *file;
	char *got;

	(void)state;
	check(mkdtemp(home) != NULL);
	(void)snprintf(path, sizeof(path), "%s/.jq", home);
	file = fopen(path, "w");
	check(file && fputs(theirs, file) >= 0 && !fclose(file));
	check_eq(setenv("HOME", home, 1), 0);

	set = compiled(&program, 1);
	got = run(set, 1, "[1,2]");
	check_text(got, "2");
	free(got);
	jq_set_free(set);
	set = jq_set_new();
	(void)jq_set_add(set, "extra", "transform");
	check_eq(jq_set_compile(set, NULL, collect_fault, &faults), -EINVAL);
	buf_deinit(&faults);
	jq_set_free(set);
	check_text(getenv("HOME"), home); /* it is only set aside */
	check_eq(unlink(path) | rmdir(home), 0);
}

static void numbers_that_change_in_a_double_are_named_with_their_place(void **state)
{
	static const struct {
		const char *value, *says; /* "" where all are kept */
	} rows[] = {
		{"1.10", ""},
		{"19.90", ""},
		{"-0", ""},
		{"-0.0", ""},
		{"1E2", ""},
		{"1e-7", ""},
		{"0.000000000000000001", ""},
		{"0e999", ""},
		{"9007199254740992", ""},
		{"9007199254740994", ""},
		{"100000000000000000000", ""},
		{"1.7976931348623157e308", ""},
		{"\"9007199254740993\"", ""},
		{"9007199254740993", "9007199254740993"},
		{"-9007199254740993", "-9007199254740993"},
		{"18446744073709551615", "18446744073709551615"},
		{"12345678901234567890", "12345678901234567890"},
		{"1e400", "1e400"},
		{"-1e400", "-1e400"},
		{"1e-400", "1e-400"},
		{"5e-325", "5e-325"},
		{"{\"total\":9007199254740993}", "total: 9007199254740993"},
		{"{\"a\":{\"lines\":[1,{\"price\":123456789.123456789}]},\"b\":1e400}",
	         "a.lines[1].price: 123456789.123456789"},
		{"[[1,0.1,null,true],[0.30000000000000004441]]", "[1][0]: 0.30000000000000004441"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct json_object *value = parsed(rows[i].value);
		struct err err = {0};
		const bool is_kept = jq_keeps_numbers(value, &err);

		if (is_kept != !*rows[i].says || strcmp(err.text, rows[i].says) != 0)
			fail_msg("%s: \"%s\"", rows[i].value, err.text);
		json_object_put(value);
	}
}

/* What jq_keeps_numbers() lets through comes out of a program with its value. */
static void a_number_that_is_kept_comes_out_as_it_went_in(void **state)
{
	static const char *const numbers[] = {
		"9007199254740992",
		"9007199254740994",
		"18014398509481990",
		"100000000000000000000",
		"0.1",
		"123456789012345",
		"-72057594037927940",
		"1e22",
		"2251799813685249.5",
	};
	const char *program = ".";
	struct jq_set *set = compiled(&program, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct json_object *value = parsed(numbers[i]);
		char *got = run(set, 1, numbers[i]);

		check(jq_keeps_numbers(value, NULL));
		if (!decimal_equal(got, numbers[i]))
			fail_msg("%s came out as %s", numbers[i], got);
		free(got);
		json_object_put(value);
	}
	jq_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(programs_see_record_source_and_vars),
		sentence(a_program_that_fails_says_why_in_one_line),
		sentence(a_long_complaint_is_cut_between_characters),
		sentence(a_time_beyond_all_calendars_is_a_failure_of_its_record),
		sentence(outputs_are_printed_as_jq_prints_them),
		sentence(taking_may_stop_and_the_set_goes_on),
		sentence(a_condition_is_its_first_output),
		sentence(a_condition_that_fails_says_why),
		sentence(each_of_many_programs_is_found_by_its_number),
		sentence(many_long_programs_fit_into_one_file),
		sentence(the_same_words_are_allowed_where_they_reach_nothing),
		sentence(no_program_gets_out_of_its_parentheses),
		sentence(nothing_of_the_home_directory_is_read),
		sentence(numbers_that_change_in_a_double_are_named_with_their_place),
		sentence(a_number_that_is_kept_comes_out_as_it_went_in),
	};

	return run_sentences(tests);
}
