/* Programs, keys of records and names of routes: what is compiled, and where a fault is told. */

#include "tests/unit/pipeline_case.h"

#include "lib/buf.h"
#include "lib/json.h"

#include <time.h>

#define START V S C

/* What program @number of @p says of {"n": 3}. */
static bool holds(const struct pipeline *p, unsigned number)
{
	static const struct jq_where where = {"in.ndjson", "line", 1};
	struct json_object *record = NULL;
	struct jq_input *input;
	struct err err = {0};
	bool truth = false;

	check_eq(json_parse("{\"n\":3}", 7, 0, &record, NULL, NULL), 0);
	input = jq_input_new(record, NULL, &where);
	check_eq(jq_is_true(p->routes.jq, number, input, &truth, &err), 0);
	jq_input_free(input);
	json_object_put(record);
	return truth;
}

static void programs_are_compiled_together_and_know_vars(void **state)
{
	struct pipeline *p = case_load(START "vars: {limit: 2}\n"
	                                     "transform: .n == 3\n"
	                                     "routes:\n"
	                                     "  - operation: lead.create\n"
	                                     "    when: .n > $vars.limit\n"
	                                     "    transform: .n == 4\n"
	                                     "  - {method: POST, url: /x/, batch: {algorithm: "
	                                     "expression, program: .n == 5}}\n");
	const struct route *route = p->routes.items;

	(void)state;
	check_eq(p->n_errors, 0);
	check(holds(p, p->routes.transform));
	check(holds(p, route[0].when));
	check(!holds(p, route[0].transform));
	check(!holds(p, route[1].batch->jq));
	check_eq(route[1].when, 0);
	pipeline_free(p);
}

static void a_file_without_programs_pays_for_none(void **state)
{
	struct pipeline *p = case_good(V S C R);

	(void)state;
	check_null(p->routes.jq);
	check_eq(p->routes.transform, 0);
	check(!p->routes.items[0].goes_on);
	pipeline_free(p);
}

struct mistake {
	const char *text, *notes;
};

static void check_all(const struct mistake *mistakes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		case_check_notes(mistakes[i].text, mistakes[i].notes);
}

static void a_fault_is_told_at_the_very_place(void **state)
{
	static const struct mistake mistakes[] = {
		{START R "transform: .a | lenght\n",
	         "6:17: error: transform: line 1, column 6 of the program: there is no function lenght/0\n"},
		{START
	         "routes:\n  - operation: lead.create\n    when: |\n      .a\n      and .b | lenght\n",
	         "9:16: error: routes[0].when: line 2, column 10 of the program: there is no function lenght/0\n"},
		{START R "transform: >\n  .a\n  | lenght\n",
	         "6:12: error: transform: line 1, column 6 of the program: there is no function lenght/0\n"},
		{START
	         "routes: [{method: POST, url: /x/, batch: {algorithm: expression, program: \". +\"}}]\n",
	         "5:30: warning: routes[0].url: the catalogue has no POST /x/\n"
	         "5:79: error: routes[0].batch.program: line 1, column 4 of the program: the program ends here\n"},
		{START R "transform: env.HOME\n",
	         "6:12: error: transform: line 1, column 1 of the program: \n"},
		{START R "transform: {a: .b}\n",
	         "6:12: error: transform: must be a jq program as text, not a map: put it in quotes, or on lines of its own behind |\n"},
		{START R "transform: true\n",
	         "6:12: error: transform: must be a jq program as text, not true: put it in quotes\n"},
		{START R "transform: \"\"\n", "6:12: error: transform: must not be empty\n"},
		{START R "transform: {file: nowhere.jq}\n",
	         "6:19: error: transform: the file \"feeds/nowhere.jq\" does not exist\n"},
	};

	(void)state;
	check_all(mistakes, sizeof(mistakes) / sizeof(*mistakes));
}

static void all_wrong_programs_are_told_in_one_go(void **state)
{
	(void)state;
	case_check_notes(
		START "routes:\n"
		      "  - operation: lead.create\n"
		      "    when: .a | foo\n"
		      "  - operation: contact.create\n"
		      "    when: .a\n"
		      "    transform: .a |\n"
		      "transform: bar\n",
		"7:16: error: routes[0].when: line 1, column 6 of the program: there is no function foo/0\n"
		"10:20: error: routes[1].transform: line 1, column 5 of the program: the program ends\n"
		"11:12: error: transform: line 1, column 1 of the program: there is no function bar/0\n");
}

/* A condition that cannot be had would let every record pass. */
static void a_program_that_cannot_be_had_is_never_left_out(void **state)
{
	struct pipeline *p = case_load_as(
		"p.yaml", START "routes: [{operation: lead.create, when: {env: NOT_SET}}]\n",
		false);
	char *notes = case_notes(p);

	(void)state;
	check_text(notes,
	           "5:41: error: routes[0].when: records would be treated otherwise without "
	           "it\n5:47: warning: routes[0].when: the environment variable \"NOT_SET\" is "
	           "not set\n");
	free(notes);
	pipeline_free(p);
}

static void only_a_route_that_takes_all_hides_others(void **state)
{
	static const struct mistake mistakes[] = {
		{START
	         "routes:\n  - {operation: lead.create, continue: true}\n  - operation: contact.create\n",
	         ""},
		{START
	         "routes:\n  - {operation: lead.create, when: .a}\n  - operation: contact.create\n",
	         ""},
		{START
	         "routes:\n  - operation: lead.create\n  - {operation: contact.create, when: .a}\n  - operation: task.create\n",
	         "7:5: warning: routes[1]: never reached: the route in line 6 takes every record\n"
	         "8:5: warning: routes[2]: never reached: the route in line 6 takes every record\n"},
	};

	(void)state;
	check_all(mistakes, sizeof(mistakes) / sizeof(*mistakes));
}

static void the_key_of_records_is_a_template(void **state)
{
	static const struct mistake mistakes[] = {
		{V "source: {ndjson: {path: a}, key: id}\n" C R,
	         "3:34: error: source.key: must differ for every record: use a placeholder\n"},
		{V "source: {ndjson: {path: a}, key: \"{@topic}\"}\n" C R,
	         "3:34: error: source.key: {@topic}: only source.kafka has it\n"},
		{V "source: {ndjson: {path: a}, key: {id}}\n" C R,
	         "3:34: error: source.key: {id} without quotes is a YAML map\n"},
		{V "source: {ndjson: {path: a}, key: \"{@sah256}\"}\n" C R,
	         "3:34: error: source.key: {@sah256} is not known; did you mean {@sha256}?\n"},
	};
	struct pipeline *p = case_good(V "source: {ndjson: {path: a}, key: \"{id}\"}\n" C R);

	(void)state;
	check_text(template_text(p->routes.key), "{id}");
	check(p->start_anew_on_change);
	pipeline_free(p);
	p = case_good(V "source: {ndjson: {path: a, on_change: stop}, key: \"{id}\"}\n" C R);
	check(!p->start_anew_on_change);
	pipeline_free(p);
	p = case_good(V S C R);
	check_null(p->routes.key);
	check(!p->start_anew_on_change);
	pipeline_free(p);
	check_all(mistakes, sizeof(mistakes) / sizeof(*mistakes));
}

static void no_two_routes_have_one_name(void **state)
{
	static const char *const names[] = {"lead.create",   "lead.create 2", "lead.create 3",
	                                    "lead.create 4", "task.create 2", "task.create"};
	struct pipeline *p = case_good(START "routes:\n"
	                                     "  - {operation: lead.create, continue: true}\n"
	                                     "  - {operation: lead.create, when: .b}\n"
	                                     "  - {operation: task.create, when: .c, name: "
	                                     "lead.create 3}\n"
	                                     "  - {operation: lead.create, when: .d}\n"
	                                     "  - {operation: task.create, when: .e}\n"
	                                     "  - {operation: contact.create, name: "
	                                     "task.create}\n");

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		check_text(p->routes.items[i].name, names[i]);
	pipeline_free(p);
	case_check_notes(
		START "routes:\n"
		      "  - {operation: lead.create, when: .a, name: people}\n"
		      "  - {operation: contact.create, name: people}\n",
		"7:39: error: routes[1].name: \"people\" is the name of the route in line 6\n");
}

/* Processor time of loading a file with @n programs: the least of three, as others run, too. */
static clock_t time_to_load(unsigned n)
{
	struct buf text = BUF_INIT;
	clock_t best = 0;

	buf_adds(&text, START "routes:\n");
	for (unsigned i = 0; i < n; i++)
		buf_addf(&text,
		         "  - operation: lead.create\n    when: .kind == \"%u\" and (.email | "
		         "test(\"@example[.]com$\"))\n",
		         i);
	for (unsigned i = 0; i < 3; i++) {
		const clock_t began = clock();
		clock_t took;

		pipeline_free(case_good(buf_text(&text)));
		took = clock() - began;
		best = i == 0 || took < best ? took : best;
	}
	buf_deinit(&text);
	return best;
}

static void twenty_programs_cost_little_more_than_one(void **state)
{
	(void)state;
	check(time_to_load(20) < 6 * time_to_load(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(programs_are_compiled_together_and_know_vars),
		sentence(a_file_without_programs_pays_for_none),
		sentence(a_fault_is_told_at_the_very_place),
		sentence(all_wrong_programs_are_told_in_one_go),
		sentence(twenty_programs_cost_little_more_than_one),
		sentence(a_program_that_cannot_be_had_is_never_left_out),
		sentence(only_a_route_that_takes_all_hides_others),
		sentence(the_key_of_records_is_a_template),
		sentence(no_two_routes_have_one_name),
	};

	return run_sentences(tests);
}
