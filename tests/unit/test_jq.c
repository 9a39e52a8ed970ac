#include "lib/buf.h"
#include "lib/jq.h"
#include "lib/json.h"

#include "tests/unit/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct jq_where nowhere = {"signups.ndjson", "line", 12};

static struct json_object *parsed(const char *text)
{
	struct json_object *value = NULL;
	struct err err = {0};

	if (json_parse(text, strlen(text), 0, &value, NULL, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return value;
}

static void collect_fault(void *arg, unsigned program, const struct jq_fault *fault)
{
	buf_addf(arg, "%u: %u:%u: %s\n", program, fault->line, fault->column, fault->text);
}

static bool collect(void *arg, struct json_object *output)
{
	struct buf *out = arg;

	if (out->len)
		buf_addc(out, ' ');
	json_print(output, out);
	return true;
}

static struct jq_set *compiled(const char *program)
{
	struct jq_set *set = jq_set_new();
	struct json_object *vars = parsed("{\"team\":\"north\"}");
	struct buf faults = BUF_INIT;

	check_eq(jq_set_add(set, program, "routes[0].transform"), 1);
	if (jq_set_compile(set, vars, collect_fault, &faults) < 0)
		fail_msg("%s: %s", program, buf_text(&faults));
	json_object_put(vars);
	return set;
}

/* All outputs of @program with blanks between, or "! " and what it fails with. */
static char *outputs(const char *program, const char *input)
{
	struct jq_set *set = compiled(program);
	struct json_object *value = parsed(input), *source = parsed("{\"file\":\"a.ndjson\"}");
	struct jq_input *in = jq_input_new(value, source, &nowhere);
	struct buf out = BUF_INIT;
	struct err err = {0};

	if (jq_run(set, 1, in, collect, &out, &err) < 0)
		buf_addf(&out, "%s! %s", out.len ? " " : "", err.text);
	jq_input_free(in);
	json_object_put(value);
	json_object_put(source);
	jq_set_free(set);
	return buf_take(&out);
}

static void programs_see_record_source_and_vars(void **state)
{
	static const struct {
		const char *program, *input, *output;
	} rows[] = {
		{".a", "{\"a\":1}", "1"},
		{".", "{\"b\":[1,2.50,\"x\"],\"a\":null}", "{\"b\":[1,2.5,\"x\"],\"a\":null}"},
		{"[$vars.team, $source.file]", "{}", "[\"north\",\"a.ndjson\"]"},
		{"def twice: . * 2; .a | twice", "{\"a\":4}", "8"},
		{".a[]", "{\"a\":[1,2,3]}", "1 2 3"},
		{"empty", "{}", ""},
		{".a # the end", "{\"a\":1}", "1"},
		{"1, error(\"no \\(.a)\"), 2", "{\"a\":7}", "1 ! no 7"},
		{"error(null)", "{}", "! null"},
		{"error({a: 1})", "{}", "! {\"a\":1}"},
		{".a.b", "{\"a\":3}", "! Cannot index number with string \"b\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *got = outputs(rows[i].program, rows[i].input);

		if (strcmp(got, rows[i].output) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", rows[i].program, got, rows[i].output);
		free(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(programs_see_record_source_and_vars),
	};

	return run_sentences(tests);
}
