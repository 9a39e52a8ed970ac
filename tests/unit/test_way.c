#include "tests/unit/shape_case.h"

#include "lib/buf.h"
#include "lib/jq.h"

/* Transforms, conditions and routes: which outputs a record gives, and in which order. */

struct route_row {
	const char *name, *when, *transform;
	bool goes_on;
	const char *body; /* NULL: the default body */
};

struct set_row {
	const char *transform;
	bool skip_unrouted;
	struct route_row routes[4]; /* ends with a NULL name */
};

static unsigned add_program(struct route_set *set, const char *program, const char *label)
{
	if (!program)
		return 0;
	if (!set->jq)
		set->jq = jq_set_new();
	return jq_set_add(set->jq, program, label);
}

static void no_fault(void *arg, unsigned program, const struct jq_fault *fault)
{
	(void)arg;
	fail_msg("program %u: %s", program, fault->text);
}

static void make_route(struct route_set *set, struct route *route, const struct route_row *row)
{
	struct json_object *body;

	route->index = (size_t)(route - set->items);
	route->name = mem_strdup(row->name);
	route->method = METHOD_POST;
	route->url = compile("/x/");
	route->has_body = true;
	route->goes_on = row->goes_on;
	route->when = add_program(set, row->when, "when");
	route->transform = add_program(set, row->transform, "transform");
	if (!row->body)
		return;
	body = parse(row->body);
	check_eq(template_tree_compile(body, any_origin, NULL, &route->body, NULL), 0);
	json_object_put(body);
}

static void make_set(struct route_set *set, const struct set_row *row)
{
	*set = (struct route_set){.items = mem_array(4, sizeof(struct route)),
	                          .skip_unrouted = row->skip_unrouted,
	                          .vars = parse(vars)};
	set->transform = add_program(set, row->transform, "transform");
	for (; set->n < 4 && row->routes[set->n].name; set->n++)
		make_route(set, &set->items[set->n], &row->routes[set->n]);
	if (set->jq)
		check_eq(jq_set_compile(set->jq, set->vars, no_fault, NULL), 0);
}

/* "0 a {…}\n" for a draft, "1 b !transform field\n" for a rejection; then what gave nothing. */
static char *told(const struct shape_result *result)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < result->n; i++) {
		const struct shape_output *o = &result->items[i];

		check_eq(o->ordinal, i);
		buf_addf(&out, "%u %s ", o->ordinal, o->route ? o->route->name : "-");
		if (o->draft)
			json_print(o->draft->body, &out);
		else
			buf_addf(&out, "!%s %s", reject_class_name(o->rejection.class),
			         o->rejection.field ? o->rejection.field : "-");
		buf_addc(&out, '\n');
	}
	if (result->n_filtered)
		buf_addf(&out, "filtered %u\n", result->n_filtered);
	if (result->n_skipped)
		buf_addf(&out, "skipped %u\n", result->n_skipped);
	return buf_take(&out);
}

static void check_way(const struct set_row *row, const char *text, const char *expected)
{
	struct shape_result result;
	struct route_set set;
	struct record *record = make_record(text);
	char *before = json_text(record->value), *after, *outcome;

	make_set(&set, row);
	shape_record(&set, record, &result);
	outcome = told(&result);
	check_text(outcome, expected);
	after = json_text(record->value);
	check_text(after, before);
	free(outcome);
	free(before);
	free(after);
	shape_result_deinit(&result);
	record_unref(record);
	route_set_deinit(&set);
}

/* The sentence of the first rejection; to free(). */
static char *message_of(const struct set_row *row, const char *text)
{
	struct shape_result result;
	struct route_set set;
	struct record *record = make_record(text);
	char *message = NULL;

	make_set(&set, row);
	shape_record(&set, record, &result);
	for (size_t i = 0; i < result.n && !message; i++)
		message = mem_strdup(result.items[i].rejection.message);
	shape_result_deinit(&result);
	record_unref(record);
	route_set_deinit(&set);
	check(message);
	return message;
}

static void check_message(const struct set_row *row, const char *text, const char *part)
{
	char *message = message_of(row, text);

	if (!strstr(message, part))
		fail_msg("%s", message);
	free(message);
}

#define A                                                                                          \
	{                                                                                          \
		.name = "a"                                                                        \
	}
#define B                                                                                          \
	{                                                                                          \
		.name = "b"                                                                        \
	}

static void the_first_route_that_holds_takes_the_record(void **state)
{
	const struct set_row set = {.routes = {{.name = "a", .when = ".kind == \"a\""},
	                                       {.name = "b", .when = ".kind"},
	                                       {.name = "rest"}}};
	const struct set_row strict = {.routes = {{.name = "a", .when = ".kind"}}};
	const struct set_row lenient = {.routes = {{.name = "a", .when = ".kind"}},
	                                .skip_unrouted = true};

	(void)state;
	check_way(&set, "{\"kind\":\"a\"}", "0 a {\"kind\":\"a\"}\n");
	check_way(&set, "{\"kind\":\"z\"}", "0 b {\"kind\":\"z\"}\n");
	check_way(&set, "{\"kind\":false}", "0 rest {\"kind\":false}\n");
	check_way(&set, "{}", "0 rest {}\n");
	check_way(&strict, "{}", "0 - !unrouted -\n");
	check_way(&lenient, "{}", "skipped 1\n");
}

static void continue_lets_the_next_routes_see_the_record(void **state)
{
	const struct set_row set = {
		.routes = {{.name = "a", .when = ".a", .goes_on = true},
	                   {.name = "b", .when = ".b", .goes_on = true, .transform = "{x: .b}"},
	                   {.name = "c", .when = ".c"},
	                   {.name = "d"}}};
	const struct set_row last = {.routes = {{.name = "a", .when = ".a", .goes_on = true}}};

	(void)state;
	check_way(&set, "{\"a\":1}", "0 a {\"a\":1}\n1 d {\"a\":1}\n");
	check_way(&set, "{\"a\":1,\"b\":2,\"c\":3}",
	          "0 a {\"a\":1,\"b\":2,\"c\":3}\n1 b {\"x\":2}\n2 c {\"a\":1,\"b\":2,\"c\":3}\n");
	/* Unrouted is what no route took; with continue it is enough that one did. */
	check_way(&last, "{\"a\":1}", "0 a {\"a\":1}\n");
	check_way(&last, "{}", "0 - !unrouted -\n");
}

static void a_condition_that_fails_rejects_the_record_there(void **state)
{
	const struct set_row set = {.routes = {{.name = "a", .goes_on = true},
	                                       {.name = "b", .when = ".tags | test(\"x\")"},
	                                       {.name = "c"}}};

	(void)state;
	check_way(&set, "{\"tags\":\"x\"}", "0 a {\"tags\":\"x\"}\n1 b {\"tags\":\"x\"}\n");
	check_way(&set, "{\"tags\":1}", "0 a {\"tags\":1}\n1 b !transform -\n");
	check_message(&set, "{\"tags\":1}", "route b fails on this record: ");
	check_message(&set, "{\"tags\":1}", "cannot be matched");
}

/* Which output stands for all that would have come from it on; result.n where none does. */
static size_t rest_at(const struct set_row *row, const char *text)
{
	struct shape_result result;
	struct route_set set;
	struct record *record = make_record(text);
	size_t at = 0, n = 0;

	make_set(&set, row);
	shape_record(&set, record, &result);
	for (size_t i = 0; i < result.n; i++)
		n += result.items[i].takes_rest;
	while (at < result.n && !result.items[at].takes_rest)
		at++;
	check(n <= 1);
	shape_result_deinit(&result);
	record_unref(record);
	route_set_deinit(&set);
	return at;
}

static void what_ends_the_way_stands_for_all_that_would_have_come(void **state)
{
	const struct set_row whole = {.transform = ".rows[] | {n: (.n + 1)}", .routes = {A}};
	const struct set_row condition = {.routes = {{.name = "a", .goes_on = true},
	                                             {.name = "b", .when = ".n | test(\"x\")"},
	                                             {.name = "c"}}};
	const struct set_row each = {.transform = ".rows[]",
	                             .routes = {{.name = "a", .when = ".n > 1"}}};
	const struct set_row body = {.routes = {{.name = "a", .body = "{\"x\": \"{n|number}\"}"}}};

	(void)state;
	check_eq(rest_at(&whole, "{\"rows\":1}"), 0);
	check_eq(rest_at(&condition, "{\"n\":1}"), 1);
	check_eq(rest_at(&each, "{\"rows\":[{\"n\":2},{\"n\":1}]}"), 1);
	check_eq(rest_at(&each, "{\"rows\":[{\"n\":1},{\"n\":2}]}"), 2); /* more came */
	check_eq(rest_at(&body, "{\"n\":\"x\"}"), 1); /* that is its own trouble alone */
}

static void a_transform_gives_none_one_or_several(void **state)
{
	const struct set_row set = {.transform = ".rows[]", .routes = {A}};
	const struct set_row in_route = {
		.routes = {{.name = "a", .transform = ".rows[]", .goes_on = true}, B}};
	const struct set_row both = {
		.transform = ".rows[]",
		.routes = {{.name = "a", .when = ".n > 1", .transform = "range(.n) as $i | {$i}"},
	                   {.name = "b", .transform = "empty"}}};

	(void)state;
	check_way(&set, "{\"rows\":[]}", "filtered 1\n");
	check_way(&set, "{\"rows\":[{\"n\":1}]}", "0 a {\"n\":1}\n");
	check_way(&set, "{\"rows\":[{\"n\":1},{\"n\":2},{}]}",
	          "0 a {\"n\":1}\n1 a {\"n\":2}\n2 a {}\n");
	check_way(&in_route, "{\"rows\":[{},{}]}", "0 a {}\n1 a {}\n2 b {\"rows\":[{},{}]}\n");
	check_way(&in_route, "{\"rows\":[]}", "0 b {\"rows\":[]}\nfiltered 1\n");
	check_way(&both, "{\"rows\":[{\"n\":2},{\"n\":1},{\"n\":3}]}",
	          "0 a {\"i\":0}\n1 a {\"i\":1}\n2 a {\"i\":0}\n3 a {\"i\":1}\n4 a {\"i\":2}\n"
	          "filtered 1\n");
}

static void what_is_no_object_is_rejected_by_itself(void **state)
{
	const struct set_row set = {.transform = ".v", .routes = {A}};
	const struct set_row many = {.transform = ".v[]", .routes = {A}};
	const struct set_row in_route = {.routes = {{.name = "a", .transform = ".v"}}};
	static const struct {
		const char *record, *part;
	} rows[] = {
		{"{\"v\":[1]}", "is a list, and a record is an object; \".[]\""},
		{"{\"v\":\"x\"}", "is a text, and"},
		{"{\"v\":1.5}", "is a number, and"},
		{"{\"v\":1}", "is a number, and"},
		{"{\"v\":true}", "is true or false, and"},
		{"{}", "is null, and"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check_way(&set, rows[i].record, "0 - !transform -\n");
		check_way(&in_route, rows[i].record, "0 a !transform -\n");
		check_message(&set, rows[i].record, rows[i].part);
	}
	check_way(&many, "{\"v\":[{\"a\":1},2,{\"a\":3}]}",
	          "0 a {\"a\":1}\n1 - !transform -\n2 a {\"a\":3}\n");
	check_message(&many, "{\"v\":[{},2]}", "output 2 of the transform of the file is a number");
}

static void a_transform_is_all_or_nothing(void **state)
{
	const struct set_row top = {.transform = ".rows[] | {n: (1 / .n)}", .routes = {A}};
	const struct set_row in_route = {
		.transform = ".rows[]",
		.routes = {{.name = "a", .transform = "{}, {n: (1 / .n)}", .goes_on = true}, B}};

	(void)state;
	check_way(&top, "{\"rows\":[{\"n\":1},{\"n\":2}]}", "0 a {\"n\":1}\n1 a {\"n\":0.5}\n");
	check_way(&top, "{\"rows\":[{\"n\":1},{\"n\":2},{\"n\":null}]}", "0 - !transform -\n");
	check_message(&top, "{\"rows\":[{\"n\":1},{\"n\":null}]}",
	              "the transform of the file fails on this record: ");
	/* One value that fails leaves the others, and the other routes, as they are. */
	check_way(&in_route, "{\"rows\":[{\"n\":1},{\"n\":null}]}",
	          "0 a {}\n1 a {\"n\":1}\n2 b {\"n\":1}\n3 a !transform -\n4 b {\"n\":null}\n");
}

static void a_transform_that_fails_once_in_a_thousand_rejects_once(void **state)
{
	const struct set_row row = {.transform = "{n: (.text | tonumber)}", .routes = {A}};
	struct route_set set;
	unsigned n_drafts = 0, n_rejected = 0;

	(void)state;
	make_set(&set, &row);
	for (unsigned i = 0; i < 1000; i++) {
		char *text = mem_printf("{\"text\":\"%s%u\"}", i == 617 ? "no " : "", i);
		struct record *record = make_record(text);
		struct shape_result result;

		shape_record(&set, record, &result);
		check_eq(result.n, 1);
		if (result.items[0].draft)
			n_drafts++;
		else
			n_rejected++;
		check_eq(result.items[0].draft == NULL, i == 617);
		shape_result_deinit(&result);
		record_unref(record);
		free(text);
	}
	check_eq(n_drafts, 999);
	check_eq(n_rejected, 1);
	route_set_deinit(&set);
}

static void numbers_are_never_changed_by_a_transform(void **state)
{
	const struct set_row top = {.transform = ".", .routes = {A}};
	const struct set_row in_route = {.routes = {{.name = "a", .when = ".t", .transform = "."},
	                                            {.name = "b", .when = ".n"}}};

	(void)state;
	check_way(&top, "{\"n\":19.90}", "0 a {\"n\":19.9}\n");
	check_way(&top, "{\"o\":{\"n\":9007199254740993}}", "0 - !number o.n\n");
	check_message(&top, "{\"n\":9007199254740993}",
	              "the transform of the file would change a number: n: 9007199254740993;");
	check_way(&in_route, "{\"t\":1,\"n\":9007199254740993}", "0 a !number n\n");
	/* A condition only looks: what it lets through keeps every digit. */
	check_way(&in_route, "{\"n\":9007199254740993,\"d\":19.90}",
	          "0 b {\"n\":9007199254740993,\"d\":19.90}\n");
}

static void programs_know_where_the_record_comes_from_and_vars(void **state)
{
	const struct set_row set = {
		.transform = "{file: $source.file, line: $source.line, r: $vars.region}",
		.routes = {{.name = "a", .when = "$source.line == 12"}}};

	(void)state;
	check_way(&set, "{}", "0 a {\"file\":\"signups.ndjson\",\"line\":12,\"r\":\"EU\"}\n");
}

static void templates_see_the_transformed_value_and_the_bytes_of_the_record(void **state)
{
	const struct set_row set = {
		.transform = "{who: .name}",
		.routes = {{.name = "a",
	                    .body = "{\"w\":\"{who}\",\"n\":\"{name}\",\"h\":\"{@sha256}\"}"}}};

	(void)state;
	check_way(
		&set, "{\"name\":\"Ana\"}",
		"0 a {\"w\":\"Ana\",\"h\":\"33a8dfda058083e4f761fb2862217ebc0bd66e98d87ff1c04130e121b7"
		"617da0\"}\n");
}

static void names_may_hold_anything(void **state)
{
	const struct set_row set = {
		.transform = "{\"a.b\": .[\"x[0]\"], \"*\": .[\"q\\\"\"], \"[]\": .[\".\"]}",
		.routes = {{.name = "a", .when = ".[\"a.b\"] == 1"}}};

	(void)state;
	check_way(&set, "{\"x[0]\":1,\"q\\\"\":2,\".\":3}", "0 a {\"a.b\":1,\"*\":2,\"[]\":3}\n");
}

static void a_record_has_no_more_outputs_than_may_be(void **state)
{
	const struct set_row most = {.transform = "range(.n) | {n: .}", .routes = {A}};
	const struct set_row twice = {.transform = "range(.n) | {n: .}",
	                              .routes = {{.name = "a", .goes_on = true}, B}};
	struct record *record = make_record("{\"n\":1000}");
	struct shape_result result;
	struct route_set set;

	(void)state;
	make_set(&set, &most);
	shape_record(&set, record, &result);
	check_eq(result.n, 1000);
	check(result.items[999].draft);
	shape_result_deinit(&result);
	record_unref(record);
	route_set_deinit(&set);
	check_way(&most, "{\"n\":1001}", "0 - !transform -\n");
	check_message(&most, "{\"n\":1001}", "1000 records or 64 MiB");
	check_way(&twice, "{\"n\":501}", "0 - !transform -\n");
	check_message(&twice, "{\"n\":501}", "more than 1000 calls of this record");
}

static void outputs_are_bounded_in_bytes_too(void **state)
{
	const struct set_row set = {.transform = ". as $r | range(90) | $r", .routes = {A}};
	struct buf text = BUF_INIT;

	(void)state;
	buf_adds(&text, "{\"t\":\"");
	for (size_t i = 0; i < 1 << 20; i++)
		buf_addc(&text, 'x');
	buf_adds(&text, "\"}");
	check_way(&set, buf_text(&text), "0 - !transform -\n");
	buf_deinit(&text);
}

/* source.key */

static void check_key(const char *key, const char *text, const char *expected)
{
	struct route_set set = {.key = compile(key), .vars = parse(vars)};
	struct record *record = make_record(text);
	struct rejection rejection = {0};
	struct buf found = BUF_INIT;

	if (shape_key(&set, record, &found, &rejection)) {
		check_text(buf_text(&found), expected);
	} else {
		check_eq(expected[0], '!');
		check_eq(rejection.class, REJECT_TEMPLATE);
		if (!strstr(rejection.message, expected + 1) ||
		    !strstr(rejection.message, "source.key"))
			fail_msg("%s", rejection.message);
	}
	rejection_deinit(&rejection);
	buf_deinit(&found);
	record_unref(record);
	route_set_deinit(&set);
}

static void a_key_is_one_value_of_the_record_as_it_was_read(void **state)
{
	(void)state;
	check_key("{id}", "{\"id\":\"a 1\"}", "a 1");
	check_key("{id}", "{\"id\":9007199254740993}", "9007199254740993");
	check_key("{id}", "{\"id\":true}", "true");
	check_key("{a}-{b}", "{\"a\":1,\"b\":2}", "1-2");
	check_key("{@sha256}", "{}",
	          "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
	check_key("{id}", "{}", "!is missing");
	check_key("{a}-{b}", "{\"a\":1}", "!is missing");
	check_key("{id}", "{\"id\":null}", "!is null");
	check_key("{id}", "{\"id\":\" \"}", "!is empty");
	check_key("{id}", "{\"id\":[]}", "!is a list");
	check_key("{id}", "{\"id\":{}}", "!is an object");
}

/* Batches: what a record brings to them */

static void make_batch(struct route_set *set, struct batch batch, const char *each,
                       const char *with)
{
	const struct set_row row = {.routes = {A}};
	struct route *route;
	struct json_object *tree;

	make_set(set, &row);
	route = &set->items[0];
	route->batch = mem_alloc(sizeof(batch));
	*route->batch = batch;
	if (each) {
		tree = parse(each);
		check_eq(template_tree_compile(tree, any_origin, NULL, &route->batch->each, NULL),
		         0);
		json_object_put(tree);
	}
	if (with) {
		tree = parse(with);
		check_eq(template_tree_compile(tree, any_origin, NULL, &route->batch->with, NULL),
		         0);
		json_object_put(tree);
	}
}

/* @expected: "body with", or "!class field". */
static void check_batch(struct batch batch, const char *each, const char *with, const char *text,
                        const char *expected)
{
	struct record *record = make_record(text);
	struct shape_result result;
	struct route_set set;
	struct buf out = BUF_INIT;

	make_batch(&set, batch, each, with);
	shape_record(&set, record, &result);
	check_eq(result.n, 1);
	if (result.items[0].draft) {
		json_print(result.items[0].draft->body, &out);
		buf_addc(&out, ' ');
		json_print(result.items[0].draft->with, &out);
	} else {
		buf_addf(&out, "!%s %s", reject_class_name(result.items[0].rejection.class),
		         result.items[0].rejection.field ? result.items[0].rejection.field : "-");
	}
	check_text(buf_text(&out), expected);
	buf_deinit(&out);
	shape_result_deinit(&result);
	record_unref(record);
	route_set_deinit(&set);
}

static void constants_are_laid_over_each_record_and_stand_beside_the_list(void **state)
{
	const struct batch keyed = {.algorithm = BATCH_KEYED_ARRAY};

	(void)state;
	check_batch(keyed, "{\"kind\":\"row\",\"line\":\"{@line}\"}", "{\"of\":\"{of}\"}",
	            "{\"of\":\"x\",\"kind\":1}",
	            "{\"of\":\"x\",\"kind\":\"row\",\"line\":12} {\"of\":\"x\"}");
	check_batch(keyed, "{\"gone\":\"{gone}\"}", "{\"gone\":\"{gone}\"}", "{\"a\":1}",
	            "{\"a\":1} null");
}

static void a_program_over_the_list_changes_no_number(void **state)
{
	const struct batch expression = {.algorithm = BATCH_EXPRESSION};
	const struct batch array = {.algorithm = BATCH_ARRAY};

	(void)state;
	check_batch(expression, NULL, NULL, "{\"n\":9007199254740993}", "!number n");
	check_batch(expression, NULL, NULL, "{\"n\":19.90}", "{\"n\":19.90} null");
	check_batch(array, NULL, NULL, "{\"n\":9007199254740993}", "{\"n\":9007199254740993} null");
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(the_first_route_that_holds_takes_the_record),
		sentence(continue_lets_the_next_routes_see_the_record),
		sentence(a_condition_that_fails_rejects_the_record_there),
		sentence(what_ends_the_way_stands_for_all_that_would_have_come),
		sentence(a_transform_gives_none_one_or_several),
		sentence(what_is_no_object_is_rejected_by_itself),
		sentence(a_transform_is_all_or_nothing),
		sentence(a_transform_that_fails_once_in_a_thousand_rejects_once),
		sentence(numbers_are_never_changed_by_a_transform),
		sentence(programs_know_where_the_record_comes_from_and_vars),
		sentence(templates_see_the_transformed_value_and_the_bytes_of_the_record),
		sentence(names_may_hold_anything),
		sentence(a_record_has_no_more_outputs_than_may_be),
		sentence(outputs_are_bounded_in_bytes_too),
		sentence(a_key_is_one_value_of_the_record_as_it_was_read),
		sentence(constants_are_laid_over_each_record_and_stand_beside_the_list),
		sentence(a_program_over_the_list_changes_no_number),
	};

	return run_sentences(sentences);
}
