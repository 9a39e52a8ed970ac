#include "lib/json_diff.h"

#include "lib/buf.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <string.h>

static void add(void *arg, const struct json_difference *d)
{
	struct buf *out = arg;

	buf_addf(out, "%s: ", d->place);
	if (d->expected_is_there)
		json_print(d->expected, out);
	else
		buf_adds(out, "nothing");
	buf_adds(out, " -> ");
	if (d->got_is_there)
		json_print(d->got, out);
	else
		buf_adds(out, "nothing");
	buf_addc(out, '\n');
}

static struct json_object *parse(const char *text)
{
	struct json_object *value = NULL;

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, NULL), 0);
	return value;
}

static const struct {
	const char *expected, *got, *told;
} rows[] = {
	{"{\"a\":1,\"b\":[true]}", "{\"b\":[true],\"a\":1}", ""},
	{"19.90", "19.9", ""},
	{"100", "1e2", ""},
	{"null", "null", ""},
	{"9007199254740993", "9007199254740992", "at: 9007199254740993 -> 9007199254740992\n"},
	{"\"1\"", "1", "at: \"1\" -> 1\n"},
	{"{\"a\":null}", "{}", "at.a: null -> nothing\n"},
	{"{}", "{\"a\":null}", "at.a: nothing -> null\n"},
	{"[1,2,3]", "[1,4]", "at[1]: 2 -> 4\nat[2]: 3 -> nothing\n"},
	{"{\"e\":[{\"m\":\"x\"}]}", "{\"e\":[{\"m\":\"y\",\"n\":2}]}",
         "at.e[0].m: \"x\" -> \"y\"\nat.e[0].n: nothing -> 2\n"},
	{"[]", "{}", "at: [] -> {}\n"},
	{"\"a\\u0000b\"", "\"a\\u0000c\"", "at: \"a\\u0000b\" -> \"a\\u0000c\"\n"},
	{"\"a\\u0000b\"", "\"a\"", "at: \"a\\u0000b\" -> \"a\"\n"},
};

static void each_place_that_differs_is_told_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct json_object *expected = parse(rows[i].expected), *got = parse(rows[i].got);
		struct buf told = BUF_INIT;
		size_t lines = 0;

		for (const char *c = rows[i].told; *c; c++)
			lines += *c == '\n';
		check_eq(json_diff(expected, got, "at", add, &told), lines);
		check_text(buf_text(&told), rows[i].told);
		check_eq(json_diff(expected, got, "", NULL, NULL), lines);
		buf_deinit(&told);
		json_object_put(expected);
		json_object_put(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(each_place_that_differs_is_told_once),
	};

	return run_sentences(tests);
}
