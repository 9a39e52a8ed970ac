#include "tests/unit/check.h"

#include "lib/json.h"
#include "lib/template.h"

#include <errno.h>
#include <string.h>

static bool is_origin(void *arg, const char *name, const char **ret_near)
{
	(void)arg;
	if (strcmp(name, "line") == 0 || strcmp(name, "key") == 0)
		return true;
	*ret_near = strcmp(name, "lin") == 0 ? "line" : NULL;
	return false;
}

/* Line 12 everywhere; a key nowhere. */
static int origin(void *arg, const char *name, struct json_object **ret_value)
{
	(void)arg;
	if (strcmp(name, "line") != 0)
		return 0;
	*ret_value = json_object_new_int(12);
	return 1;
}

static struct json_object *parse(const char *text)
{
	struct json_object *value = NULL;

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, NULL), 0);
	return value;
}

static struct template *compile(const char *text)
{
	struct template *t = NULL;
	struct err err = {""};

	if (template_compile(text, is_origin, NULL, &t, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return t;
}

static const char record[] =
	"{\"company\":\"Ana & Co\",\"n\":19.90,\"big\":12345678901234567890,\"no\":null,\"yes\":true,"
	"\"empty\":\"\",\"profile\":{\"first\":\"Ana\",\"last\":\"Diaz\"},"
	"\"emails\":[{\"email\":\"a@b.example\"},{}],\"a.b\":\"dotted\",\"a\":{\"b\":\"nested\","
	"\"c\":{\"d.e\":7}},\"record\":{\"n\":\"inner\"},\"od|d}\":\"odd\",\"umlaut\":\"\303\266/ x\","
	"\"dot\":\".\",\"dots\":\"..\",\"type\":\"custom_activity_type/actitype_1\","
	"\"climb\":\"custom_activity_type/../x\"}";

/* "~" for what is missing. */
static void check_renders(const char *text, const char *expected)
{
	struct json_object *value = parse(record), *result = NULL;
	const struct template_scope scope = {.record = value, .origin = origin};
	struct template *t = compile(text);
	char *json;

	check_text(template_text(t), text);
	if (template_render(t, &scope, &result, NULL) == TEMPLATE_MISSING)
		json = strdup("~");
	else
		json = json_text(result);
	check_text(json, expected);
	free(json);
	json_object_put(result);
	template_free(t);
	json_object_put(value);
}

static void a_lone_placeholder_keeps_the_type_and_others_make_text(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{"{company}", "\"Ana & Co\""},
		{"{ company }", "\"Ana & Co\""},
		{"{n}", "19.90"},
		{"{big}", "12345678901234567890"},
		{"{no}", "null"},
		{"{yes}", "true"},
		{"{empty}", "\"\""},
		{"{profile}", "{\"first\":\"Ana\",\"last\":\"Diaz\"}"},
		{"{profile.first} {profile.last}", "\"Ana Diaz\""},
		{"{emails[0].email}", "\"a@b.example\""},
		{"{emails[1].email}", "~"},
		{"{emails[2].email}", "~"},
		{"{emails[0]}!", "\"{\\\"email\\\":\\\"a@b.example\\\"}!\""},
		{"n={n}, big={big}, {yes}", "\"n=19.90, big=12345678901234567890, true\""},
		{"x{no}", "~"},
		{"{company} {gone}", "~"},
		{"{gone}", "~"},
		{"{company.x}", "~"},
		{"{no.x}", "~"},
		{"{profile[0]}", "~"},
		{"{record.n}", "19.90"},
		{"{record}", "{\"n\":\"inner\"}"},
		{"{a.b}", "\"dotted\""},
		{"{a.c.d.e}", "7"},
		{"{\"a.b\"}", "\"dotted\""},
		{"{\"a\".b}", "\"nested\""},
		{"{\"od|d}\"}", "\"odd\""},
		{"{@line}", "12"},
		{"line {@line}", "\"line 12\""},
		{"{@key}", "~"},
		{"key {@key}", "~"},
		{"plain", "\"plain\""},
		{"", "\"\""},
		{"{{company}}", "\"{company}\""},
		{"{{{company}}}", "\"{Ana & Co}\""},
		{"{{}}", "\"{}\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_renders(rows[i].text, rows[i].expected);
}

static void filters_apply_from_left_to_right_before_types_and_gaps_are_judged(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{"{company|lower}", "\"ana & co\""},
		{"{ company | upper | lower }", "\"ana & co\""},
		{"{n|cents}", "1990"},
		{"{n|cents|text}", "\"1990\""},
		{"{n|cents} cents", "\"1990 cents\""},
		{"{company|lower|split:\" & \"|upper}", "[\"ANA\",\"CO\"]"},
		{"{gone|lower}", "~"},
		{"{gone|default:x|upper}", "\"X\""},
		{"{no|lower}", "null"},
		{"x{no|lower}", "~"},
		{"{no|or:}!", "\"!\""},
		{"{company} {gone|or:}", "\"Ana & Co \""},
		{"{empty|number}", "null"},
		{"{empty|number|default:0|number}", "0"},
		{"{profile.first|upper}", "\"ANA\""},
		{"{emails[1].email|default:none}", "\"none\""},
		{"{a.b|upper}", "\"DOTTED\""},
		{"{\"a\".b|upper}", "\"NESTED\""},
		{"{\"od|d}\"|upper}", "\"ODD\""},
		{"{record.n|text}", "\"19.90\""},
		{"{gone|default:\"a|b}{\"}", "\"a|b}{\""},
		{"{@line|text}", "\"12\""},
		{"{@key|default:none}", "\"none\""},
		{"{{{company|lower}}}", "\"{ana & co}\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_renders(rows[i].text, rows[i].expected);
}

static void a_value_that_a_filter_cannot_take_is_refused_with_its_placeholder(void **state)
{
	struct json_object *value = parse(record), *result = NULL, *shape;
	const struct template_scope scope = {.record = value, .origin = origin};
	struct template *alone = compile("{company|cents}"), *text = compile("a {profile|trim}");
	struct template_tree *tree = NULL;
	struct buf out = BUF_INIT;
	struct err err = {""};

	(void)state;
	check_eq(template_render(alone, &scope, &result, &err), TEMPLATE_REFUSED);
	check_text(err.text,
	           "{company|cents}: cents takes a number, or text that is one, of at most "
	           "64 digits before its point and behind it; this record has the text "
	           "\"Ana & Co\"");
	check_eq(template_render(alone, &scope, &result, NULL), TEMPLATE_REFUSED);
	check_eq(template_render(text, &scope, &result, &err), TEMPLATE_REFUSED);
	check(strstr(err.text, "{profile|trim}: trim takes text"));
	check_eq(template_render_text(text, &scope, &out, NULL), TEMPLATE_REFUSED);
	check_eq(template_render_url(alone, &scope, NULL, &out, &err), TEMPLATE_REFUSED);
	check(strstr(err.text, "{company|cents}: cents takes"));
	shape = parse("{\"a\":\"{gone}\",\"b\":[\"{company|date}\"]}");
	check_eq(template_tree_compile(shape, is_origin, NULL, &tree, NULL), 0);
	check_eq(template_tree_render(tree, &scope, &result, &err), TEMPLATE_REFUSED);
	check(strstr(err.text, "{company|date}: date takes"));
	check_null(result);
	template_tree_free(tree);
	json_object_put(shape);
	buf_deinit(&out);
	template_free(alone);
	template_free(text);
	json_object_put(value);
}

static void a_mistake_is_said_with_the_way_out(void **state)
{
	static const struct {
		const char *text, *sentence;
	} rows[] = {
		{"{'{company}'}",
	         "{'{company}'} is how Nexla writes a placeholder; write {company} here"},
		{"x {a", "the brace of \"{a\" is not closed; write {{ for a brace itself"},
		{"a} b", "a } stands alone in \"a} b\"; write }} for a brace itself"},
		{"{}", "{} names no field; write {name}, or {{}} for the braces themselves"},
		{"{ }", "{} names no field; write {name}, or {{}} for the braces themselves"},
		{"{a{b}}", "{a{b}: a brace stands inside a placeholder; write {{ for a brace"},
		{"{email|lowr}", "{email|lowr}: there is no filter \"lowr\"; did you mean lower?"},
		{"{tags| split:,|trim:}", "{tags| split:,|trim:}: trim takes no argument"},
		{"{a|}", "{a|}: behind | stands a filter: lower, upper, trim, text, number, split, "
	                 "default, or, cents, datetime, date"},
		{"{|lower}",
	         "{|lower} names no field; write {name}, or {{}} for the braces themselves"},
		{"{a|default:{b}}",
	         "{a|default:{b}: a brace stands inside a placeholder; write {{ for a brace"},
		{"{a..b|lower}", "{a..b|lower}: a name is empty"},
		{"{@lin|lower}", "{@lin} is not known; did you mean {@line}?"},
		{"{@lin}", "{@lin} is not known; did you mean {@line}?"},
		{"{@moon}", "{@moon} is not known here"},
		{"{a..b}", "{a..b}: a name is empty"},
		{"{a[]}", "{a[]}: [] needs an index here, as in [0]"},
		{"{a[x]}", "{a[x]}: brackets hold an index counted from 0, or nothing: [0], []"},
		{"{a[-1]}", "{a[-1]}: brackets hold an index counted from 0, or nothing: [0], []"},
		{"{\"a\"b}", "{\"a\"b}: behind a name or a bracket stands a dot or ["},
		{"{\"a}", "the brace of \"{\"a}\" is not closed; write {{ for a brace itself"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct template *t = NULL;
		struct err err = {""};

		check_eq(template_compile(rows[i].text, is_origin, NULL, &t, &err), -EINVAL);
		check_null(t);
		check_text(err.text, rows[i].sentence);
	}
}

static void missing_names_the_placeholder(void **state)
{
	struct json_object *value = parse(record), *result = NULL;
	const struct template_scope scope = {.record = value};
	struct template *t = compile("{company} {profile.middle}");
	struct err err = {""};

	(void)state;
	check_eq(template_render(t, &scope, &result, &err), TEMPLATE_MISSING);
	check_null(result);
	check_text(err.text, "{profile.middle} has no value in this record");
	template_free(t);
	json_object_put(value);
}

static void text_is_missing_where_a_value_is_null(void **state)
{
	struct json_object *value = parse(record);
	const struct template_scope scope = {.record = value, .origin = origin};
	struct template *null = compile("{no}"), *list = compile("{emails} {@line}");
	struct buf out = BUF_INIT;

	(void)state;
	check_eq(template_render_text(null, &scope, &out, NULL), TEMPLATE_MISSING);
	check_eq(template_render_text(list, &scope, &out, NULL), TEMPLATE_VALUE);
	check_text(buf_text(&out), "[{\"email\":\"a@b.example\"},{}] 12");
	buf_deinit(&out);
	template_free(null);
	template_free(list);
	json_object_put(value);
}

static void a_url_takes_one_segment_per_placeholder_or_refuses(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{"/lead/{company}/", "/lead/Ana%20%26%20Co/"},
		{"/lead/{umlaut}/", "/lead/%C3%B6%2F%20x/"},
		{"/lead/{n}/", "/lead/19.90/"},
		{"/lead/{yes}/", "/lead/true/"},
		{"/x/{type}/", "/x/custom_activity_type/actitype_1/"},
		{"/x/{company}{type}/", "/x/Ana%20%26%20Cocustom_activity_type/actitype_1/"},
		{"/lead/", "/lead/"},
		{"/lead/{company|upper}/", "/lead/ANA%20%26%20CO/"},
		{"/lead/{gone|default:a/b}/", "/lead/a%2Fb/"},
		{"/lead/{gone|or:}/", "!{gone|or:} is empty"},
		{"/lead/{no|default:..}/", "!{no|default:..} is \"..\""},
		{"/lead/{company|split:,}/", "!{company|split:,} is a list"},
		{"/lead/{gone|lower}/", "!{gone|lower} is missing"},
		{"/lead/{gone}/", "!{gone} is missing"},
		{"/lead/{no}/", "!{no} is null"},
		{"/lead/{empty}/", "!{empty} is empty"},
		{"/lead/{dot}/", "!{dot} is \".\""},
		{"/lead/{dots}/", "!{dots} is \"..\""},
		{"/lead/{profile}/", "!{profile} is an object"},
		{"/lead/{emails}/", "!{emails} is a list"},
		{"/lead/{@key}/", "!{@key} is missing"},
		{"/x/{climb}/", "/x/custom_activity_type%2F..%2Fx/"},
	};
	struct json_object *value = parse(record);
	const struct template_scope scope = {.record = value, .origin = origin};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct template *t = compile(rows[i].text);
		const bool is_refused = rows[i].expected[0] == '!';
		struct buf out = BUF_INIT;
		struct err err = {""};

		check_eq(template_render_url(t, &scope, "type", &out, &err),
		         is_refused ? TEMPLATE_REFUSED : TEMPLATE_VALUE);
		if (is_refused)
			check_eq(strncmp(err.text, rows[i].expected + 1,
			                 strlen(rows[i].expected) - 1),
			         0);
		else
			check_text(buf_text(&out), rows[i].expected);
		buf_deinit(&out);
		template_free(t);
	}
	json_object_put(value);
}

static void slashes_that_stay_lead_nowhere_else(void **state)
{
	struct json_object *value = parse(record);
	const struct template_scope scope = {.record = value};
	struct template *t = compile("/x/{climb}/");
	struct buf out = BUF_INIT;
	struct err err = {""};

	(void)state;
	check_eq(template_render_url(t, &scope, "climb", &out, &err), TEMPLATE_REFUSED);
	check(strstr(err.text, "{climb} has an empty segment"));
	buf_deinit(&out);
	template_free(t);
	json_object_put(value);
}

static void collect(void *arg, const char *name)
{
	struct buf *names = arg;

	buf_addf(names, "%s;", name);
}

static void fields_that_fill_a_placeholder_alone_are_told(void **state)
{
	struct template *t = compile("/{id|trim}/{a.b}/{@line}/{record.kind}/{list[0]}/");
	struct buf names = BUF_INIT;

	(void)state;
	template_each_field(t, collect, &names);
	check_text(buf_text(&names), "id;kind;");
	buf_deinit(&names);
	template_free(t);
}

static void a_placeholder_ends_at_a_brace_that_is_not_in_quotes(void **state)
{
	static const char text[] = "{a|default:\"}\"}/x}";

	(void)state;
	check_text(template_place_end(text), "}/x}");
	check_null(template_place_end("{a|default:\"}"));
}

static void literal_is_what_has_no_placeholder(void **state)
{
	static const struct {
		const char *text;
		bool is_literal;
	} rows[] = {{"", true}, {"a {{b}}", true}, {"{a}", false}, {"x{@line}", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct template *t = compile(rows[i].text);

		check_eq(template_is_literal(t), rows[i].is_literal);
		template_free(t);
	}
}

static void a_tree_drops_what_has_no_value(void **state)
{
	static const struct {
		const char *tree, *expected;
	} rows[] = {
		{"{\"name\":\"{company}\",\"x\":\"{gone}\"}", "{\"name\":\"Ana & Co\"}"},
		{"{\"name\":\"{no}\"}", "{\"name\":null}"},
		{"{\"emails\":[{\"type\":\"office\",\"email\":\"{emails[0].email}\"}]}",
	         "{\"emails\":[{\"type\":\"office\",\"email\":\"a@b.example\"}]}"},
		/* A constant beside it keeps no object alive, and no object no list. */
		{"{\"name\":\"{company}\",\"emails\":[{\"type\":\"office\",\"email\":\"{gone}\"}]}",
	         "{\"name\":\"Ana & Co\"}"},
		{"{\"l\":[\"{gone}\",\"{company}\",\"{gone}\"]}", "{\"l\":[\"Ana & Co\"]}"},
		{"{\"l\":[\"{gone}\",\"x\"],\"n\":1}", "~"},
		{"{\"l\":[\"{gone}\",\"x\"],\"n\":\"{n}\"}", "{\"n\":19.90}"},
		{"{\"o\":{\"p\":{\"q\":\"{gone}\"},\"r\":\"{n}\"}}", "{\"o\":{\"r\":19.90}}"},
		{"{\"o\":{\"p\":{\"q\":\"{gone}\"},\"r\":1},\"n\":\"{n}\"}", "{\"n\":19.90}"},
		/* What was written without placeholders is meant. */
		{"{\"l\":[],\"o\":{},\"z\":null,\"t\":true,\"k\":1.50,\"s\":\"{{x}}\"}",
	         "{\"l\":[],\"o\":{},\"z\":null,\"t\":true,\"k\":1.50,\"s\":\"{x}\"}"},
		{"{\"a\":\"{gone}\",\"b\":\"{gone}\"}", "~"},
		{"{\"a\":\"{gone}\",\"b\":1}", "~"},
		{"{}", "{}"},
		{"\"{n}\"", "19.90"},
		{"{\"a\":\"{company} {gone}\"}", "~"},
	};
	struct json_object *value = parse(record);
	const struct template_scope scope = {.record = value, .origin = origin};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *shape = parse(rows[i].tree), *result = NULL;
		struct template_tree *tree = NULL;
		char *text;

		check_eq(template_tree_compile(shape, is_origin, NULL, &tree, NULL), 0);
		json_object_put(shape);
		if (template_tree_render(tree, &scope, &result, NULL) == TEMPLATE_MISSING)
			text = strdup("~");
		else
			text = json_text(result);
		check_text(text, rows[i].expected);
		free(text);
		json_object_put(result);
		template_tree_free(tree);
	}
	json_object_put(value);
}

static void what_is_laid_over_keeps_its_constants(void **state)
{
	static const struct {
		const char *tree, *expected;
	} rows[] = {
		{"{\"a\":\"{gone}\",\"b\":\"x\"}", "{\"b\":\"x\"}"},
		{"{\"a\":\"{gone}\"}", "{}"},
		{"{\"a\":{\"c\":\"{gone}\",\"d\":1},\"b\":[\"{gone}\",2]}", "{}"},
		{"{\"a\":\"{x}\",\"b\":null}", "{\"a\":7,\"b\":null}"},
	};
	struct json_object *value = parse("{\"x\":7}");
	const struct template_scope scope = {.record = value};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *shape = parse(rows[i].tree), *result = NULL;
		struct template_tree *tree = NULL;
		char *text;

		check_eq(template_tree_compile(shape, is_origin, NULL, &tree, NULL), 0);
		check_eq(template_tree_render_over(tree, &scope, &result, NULL), TEMPLATE_VALUE);
		text = json_text(result);
		check_text(text, rows[i].expected);
		free(text);
		json_object_put(result);
		json_object_put(shape);
		template_tree_free(tree);
	}
	json_object_put(value);
}

static void a_mistake_in_a_tree_says_where(void **state)
{
	struct json_object *shape =
		parse("{\"name\":\"{a}\",\"contacts\":[{\"name\":\"{b|uper}\"}]}");
	struct template_tree *tree = NULL;
	struct err err = {""};

	(void)state;
	check_eq(template_tree_compile(shape, is_origin, NULL, &tree, &err), -EINVAL);
	check_null(tree);
	check_text(err.text,
	           "contacts[0].name: {b|uper}: there is no filter \"uper\"; did you mean upper?");
	json_object_put(shape);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(a_lone_placeholder_keeps_the_type_and_others_make_text),
		sentence(filters_apply_from_left_to_right_before_types_and_gaps_are_judged),
		sentence(a_value_that_a_filter_cannot_take_is_refused_with_its_placeholder),
		sentence(a_mistake_is_said_with_the_way_out),
		sentence(missing_names_the_placeholder),
		sentence(text_is_missing_where_a_value_is_null),
		sentence(a_url_takes_one_segment_per_placeholder_or_refuses),
		sentence(slashes_that_stay_lead_nowhere_else),
		sentence(fields_that_fill_a_placeholder_alone_are_told),
		sentence(a_placeholder_ends_at_a_brace_that_is_not_in_quotes),
		sentence(literal_is_what_has_no_placeholder),
		sentence(a_tree_drops_what_has_no_value),
		sentence(what_is_laid_over_keeps_its_constants),
		sentence(a_mistake_in_a_tree_says_where),
	};

	return run_sentences(sentences);
}
