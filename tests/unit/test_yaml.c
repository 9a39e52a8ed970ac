#include "lib/yaml.h"

#include "lib/buf.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* The first fault of @text as "line:column: text". */
static char *first_fault(const char *text, size_t len)
{
	struct yaml_doc *doc = yaml_doc_parse(text, len);
	char *said = doc->n_faults ? mem_printf("%u:%u: %s", doc->faults[0].line,
	                                        doc->faults[0].column, doc->faults[0].text)
	                           : mem_strdup("none");

	yaml_doc_free(doc);
	return said;
}

static void a_tree_has_kinds_places_and_quoting(void **state)
{
	const char text[] = "\xef\xbb\xbf"
			    "a: 1\nb:\n  - x\n  - \"2\"\nc: {d: }\n\xc3\xa4: y\n";
	struct yaml_doc *doc = yaml_doc_parse(text, strlen(text));
	const struct yaml_node *b, *c;

	(void)state;
	check_eq(doc->n_faults, 0);
	check_eq(doc->root->kind, YAML_MAP);
	check_eq(doc->root->n, 4);
	check(yaml_is_number(yaml_get(doc->root, "a")));
	b = yaml_get(doc->root, "b");
	check_eq(b->kind, YAML_LIST);
	check(!b->is_flow);
	check_eq(b->items[1]->line, 4);
	check_eq(b->items[1]->column, 5);
	check(b->items[0]->is_plain);
	check(!b->items[1]->is_plain);
	check(!yaml_is_number(b->items[1]));
	c = yaml_get(doc->root, "c");
	check(c->is_flow);
	check(yaml_is_null(yaml_get(c, "d")));
	check_eq(doc->root->keys[3]->line, 6);
	check_eq(doc->root->items[3]->column, 4);
	check_null(yaml_get(doc->root, "nope"));
	yaml_doc_free(doc);
}

static void only_core_scalars_are_more_than_text(void **state)
{
	static const char *const texts[] = {
		"no",   "yes",  "on",     "010",   "1:30", "1_000",  "-007",  "007.5", "1e",
		"-x",   "tRUE", "nULL",   "y",     ".",    "+",      "-.e3",  "0x",    "0o",
		"0o18", "0xG1", "-0x1F",  "0X1F",  "0b1",  "+-5",    "1.2.3", "5e+",   "12e03 x",
		"off",  "..5",  "+.inf0", "truee", "",     "\"+5\"", "'True'"};
	static const char *const numbers[] = {
		"0", "-1", "10", "1.50", "1e5", "2.5E-3", "12345678901234567890"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char *text = mem_printf("[%s]", texts[i]);
		struct yaml_doc *doc = yaml_doc_parse(text, strlen(text));
		bool value;

		for (size_t k = 0; k < doc->root->n; k++) {
			check(!yaml_is_number(doc->root->items[k]));
			check(!yaml_is_bool(doc->root->items[k], &value));
			check(!yaml_is_null(doc->root->items[k]));
		}
		yaml_doc_free(doc);
		free(text);
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct yaml_doc *doc = yaml_doc_parse(numbers[i], strlen(numbers[i]));

		check(yaml_is_number(doc->root));
		check_text(doc->root->text, numbers[i]);
		yaml_doc_free(doc);
	}
}

static void core_scalars_are_told_as_json_writes_them(void **state)
{
	static const struct {
		const char *written, *json;
	} cases[] = {
		{"True", "true"},
		{"TRUE", "true"},
		{"False", "false"},
		{"FALSE", "false"},
		{"Null", "null"},
		{"NULL", "null"},
		{"+5", "5"},
		{"+0", "0"},
		{".5", "0.5"},
		{"-.5", "-0.5"},
		{"+.5e-3", "0.5e-3"},
		{"5.", "5.0"},
		{"-5.E2", "-5.0E2"},
		{"+12.50", "12.50"},
		{"0x1F", "31"},
		{"0x0", "0"},
		{"0xDeadBeef", "3735928559"},
		{"0xffffffffffffffffffff", "1208925819614629174706175"},
		{"0o17", "15"},
		{"0o0010", "8"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text = mem_printf("%s: %s", cases[i].written, cases[i].written);
		struct yaml_doc *doc = yaml_doc_parse(text, strlen(text));
		const struct yaml_node *value = doc->root->items[0];
		bool truth;

		check_text(value->text, cases[i].json);
		check(yaml_is_number(value) || yaml_is_null(value) || yaml_is_bool(value, &truth));
		check_text(doc->root->keys[0]->text, cases[i].written);
		yaml_doc_free(doc);
		free(text);
	}
}

static void what_is_not_allowed_is_told_with_its_place(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{"a: &x 1\nb: 2\n", "1:4: the anchor &x is not allowed"},
		{"a: 1\nb: *x\n", "2:4: the alias *x is not allowed"},
		{"a: !!str 1\n", "1:4: the tag !!str is not allowed"},
		{"a: !secret x\n", "1:4: the tag !secret is not allowed"},
		{"a:\n  <<: {b: 1}\n", "2:3: the merge key << is not allowed"},
		{"a: 1\nb: 2\na: 3\n", "3:1: key \"a\" stands twice (first in line 1)"},
		{"a: {b: 1, 'b': 2}\n", "1:11: key \"b\" stands twice (first in line 1)"},
		{"a: 1\n---\nb: 2\n", "2:1: a second document begins here"},
		{"a: .inf\n", "1:4: .inf is a number that JSON does not have: put it in quotes"},
		{"a: [-.INF]\n", "1:5: -.INF is a number that JSON does not have: put it in"},
		{"a: .NaN\n", "1:4: .NaN is a number that JSON does not have: put it in quotes"},
		{"a: \"x\\0y\"\n", "1:4: a NUL character is not allowed in text"},
		{"a: {{x}}\n", "1:5: a key must be text, not a map: put quotes"},
		{"? [a]\n: 1\n", "1:3: a key must be text, not a list"},
		{"%TAG ! x:\n---\na: 1\n", "1:1: tags are not allowed"},
		{"a: [1, 2\n", "2:1: while parsing a flow sequence that begins in line 1: "},
		{"a: b: c\n",
	         "1:5: mapping values are not allowed in this context: put quotes around"},
		{"a: @x\n", "1:4: while scanning for the next token: found character that cannot "
	                    "start any token: put quotes around text that begins with @"},
		{"a:\n\tb: 1\n",
	         "2:1: while scanning for the next token: found character that cannot "
	         "start any token: indent with spaces"},
		{"a: {x} y\n", "1:8: while parsing a block mapping: did not find expected key: put "
	                       "quotes around text with braces"},
		{"a: \"x\n", "2:1: while scanning a quoted scalar"},
		{"a: 1\nb: \x01\n",
	         "2:4: control characters are not allowed: the file must be plain"},
		{"a: 1\nb: x\xff\n",
	         "2:5: invalid leading UTF-8 octet: the file must be plain UTF-8"},
		{"a: \xc3\xa4\xc3\xa4\xed\xa0\x80\n", "1:6: invalid Unicode character: the file"},
		{"\xff\xfe"
	         "a",
	         "1:1: the file is UTF-16: save it as UTF-8"},
		{"\xfe\xff"
	         "a",
	         "1:1: the file is UTF-16: save it as UTF-8"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *said = first_fault(cases[i].text, strlen(cases[i].text));

		if (strncmp(said, cases[i].said, strlen(cases[i].said)) != 0)
			check_text(said, cases[i].said);
		free(said);
	}
}

static void faults_are_collected_in_the_order_of_the_text(void **state)
{
	const char text[] = "a: &x 1\na: 2\nb: [*x, {c: 1, c: 2}]\n";
	const unsigned lines[] = {1, 2, 3, 3};
	struct yaml_doc *doc = yaml_doc_parse(text, strlen(text));

	(void)state;
	check_eq(doc->n_faults, 4);
	for (size_t i = 0; i < 4; i++)
		check_eq(doc->faults[i].line, lines[i]);
	check_eq(doc->root->n, 2); /* and what is right is there */
	yaml_doc_free(doc);
}

static void empty_files_have_no_root(void **state)
{
	static const char *const texts[] = {"", "\n", "# nothing\n", "\xef\xbb\xbf"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct yaml_doc *doc = yaml_doc_parse(texts[i], strlen(texts[i]));

		check_null(doc->root);
		check_eq(doc->n_faults, 0);
		yaml_doc_free(doc);
	}
}

static char *repeated(const char *text, size_t times)
{
	struct buf b = BUF_INIT;

	while (times--)
		buf_adds(&b, text);
	return buf_take(&b);
}

static void depth_32_passes_and_33_does_not(void **state)
{
	char *open = repeated("[", 33), *shut = repeated("]", 33), *text, *said;

	(void)state;
	text = mem_printf("%s%s", open + 1, shut + 1);
	said = first_fault(text, strlen(text));
	check_text(said, "none");
	free(said);
	free(text);
	text = mem_printf("%s%s", open, shut);
	said = first_fault(text, strlen(text));
	check_text(said, "1:33: more than 32 levels deep");
	free(said);
	free(text);
	free(open);
	free(shut);
}

/* Each of these costs libyaml's own loader seconds or gigabytes. */
static void bombs_are_refused_quickly(void **state)
{
	static const struct {
		const char *piece;
		size_t times;
		const char *said;
	} bombs[] = {
		{"[", 100000, "1:33: more than 32 levels deep"},
		{"{a: ", 100000, "1:129: more than 32 levels deep"},
		{"- ", 100000, "1:65: more than 32 levels deep"},
		{"[\n", 100000, "33:1: more than 32 levels deep"},
		{"? ", 100000, "1:3: a key must be text, not a map"},
		{"a: 1\n", 200000, "2:1: key \"a\" stands twice"},
		{"&a ", 300000, "1:1: the anchor &a is not allowed"},
		{"x", yaml_max_bytes + 1, "1:1: the file is larger than 1024 KiB"},
		{"\"", 1000000, ""},
		{"a: [*a,*a,*a,*a]\n", 50000, "1:5: the alias *a is not allowed"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bombs) / sizeof(*bombs); i++) {
		char *text = repeated(bombs[i].piece, bombs[i].times), *said;
		const clock_t began = clock();

		said = first_fault(text, strlen(text));
		if (strncmp(said, bombs[i].said, strlen(bombs[i].said)) != 0)
			check_text(said, bombs[i].said);
		/* Of processor time: it would be a minute or more without the bounds. */
		check(clock() - began < 30 * CLOCKS_PER_SEC);
		free(said);
		free(text);
	}
}

static void faults_are_bounded(void **state)
{
	char *text = repeated("- *a\n", 5000);
	struct yaml_doc *doc = yaml_doc_parse(text, strlen(text));

	(void)state;
	check_eq(doc->n_faults, yaml_max_faults);
	yaml_doc_free(doc);
	free(text);
}

/* The place of @line:@column of the value of "a" in @text, or "nowhere". */
static char *place_of(const char *text, unsigned line, unsigned column)
{
	struct yaml_doc *doc = yaml_doc_parse(text, strlen(text));
	unsigned l = 0, c = 0;
	char *said;

	check_eq(doc->n_faults, 0);
	said = yaml_place(yaml_get(doc->root, "a"), text, strlen(text), line, column, &l, &c)
	               ? mem_printf("%u:%u", l, c)
	               : mem_strdup("nowhere");
	yaml_doc_free(doc);
	return said;
}

static void a_place_in_a_text_is_found_in_the_file_or_not_at_all(void **state)
{
	static const struct {
		const char *text;
		unsigned line, column;
		const char *place;
	} cases[] = {
		{"a: .x | y\n", 1, 6, "1:9"},
		{"\xef\xbb\xbf"
	         "a: .x | y\n",
	         1, 6, "1:9"},
		{"b: 1\r\na: .x | y\r\n", 1, 1, "2:4"},
		{"b: 1\na: \".x | y\"\n", 1, 6, "2:10"},
		{"a: '.x | y'\n", 1, 7, "1:11"},
		{"a: {b: 1, c: \xc3\xa4}\nb: |\n  x\n", 1, 1, "nowhere"},
		{"\xc3\xa4: {b: 1}\na: .\xc3\xa4 | \xc3\xa4x\n", 1, 7, "2:10"},
		{"a: \".x \\\" y\"\n", 1, 4, "1:8"},
		{"a: \".x \\\" y\"\n", 1, 6, "nowhere"},
		{"a: \"\\\\\\\\x\"\n", 1, 2, "nowhere"},
		{"a: 'x''y'\n", 1, 3, "nowhere"},
		{"a: |\n  .x\n   | y\n\n  | z\n", 1, 2, "2:4"},
		{"a: |\n  .x\n   | y\n\n  | z\n", 2, 4, "3:6"},
		{"a: |\n  .x\n   | y\n\n  | z\n", 4, 3, "5:5"},
		{"a: |-\r\n  .x\r\n  y\r\n", 2, 1, "3:3"},
		{"a: |2\n    .x\n", 1, 3, "2:5"},
		{"a: |\n  .x\n", 3, 1, "nowhere"},
		{"a: >\n  .x\n  y\n", 1, 4, "nowhere"},
		{"a: .x\n  y\n", 1, 2, "1:5"},
		{"a: .x\n  y\n", 1, 4, "nowhere"},
		{"a: .x\n", 1, 9, "nowhere"},
		{"a: .x\n", 0, 1, "nowhere"},
		{"a: [x]\n", 1, 1, "nowhere"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *place = place_of(cases[i].text, cases[i].line, cases[i].column);

		check_text(place, cases[i].place);
		free(place);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_tree_has_kinds_places_and_quoting),
		sentence(only_core_scalars_are_more_than_text),
		sentence(core_scalars_are_told_as_json_writes_them),
		sentence(what_is_not_allowed_is_told_with_its_place),
		sentence(faults_are_collected_in_the_order_of_the_text),
		sentence(empty_files_have_no_root),
		sentence(depth_32_passes_and_33_does_not),
		sentence(bombs_are_refused_quickly),
		sentence(faults_are_bounded),
		sentence(a_place_in_a_text_is_found_in_the_file_or_not_at_all),
	};

	return run_sentences(tests);
}
