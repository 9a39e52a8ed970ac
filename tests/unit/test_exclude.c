#include "tests/unit/check.h"

#include "lib/exclude.h"
#include "lib/json.h"

#include <errno.h>
#include <string.h>

static struct json_object *parse(const char *text)
{
	struct json_object *value = NULL;

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, NULL), 0);
	return value;
}

static struct exclude *compile(const char *path)
{
	struct exclude *e = NULL;
	struct err err = {""};

	if (exclude_compile(path, &e, &err) < 0)
		fail_msg("%s", err.text);
	return e;
}

static void what_matches_goes_and_the_rest_stays(void **state)
{
	static const struct {
		const char *path, *before, *after;
		unsigned removed;
	} rows[] = {
		{"id", "{\"id\":1,\"name\":2}", "{\"name\":2}", 1},
		{"id", "{\"name\":2}", "{\"name\":2}", 0},
		{"meta.ip", "{\"meta\":{\"ip\":1,\"b\":2},\"ip\":3}",
	         "{\"meta\":{\"b\":2},\"ip\":3}", 1},
		{"meta.ip", "{\"meta\":[{\"ip\":1}]}", "{\"meta\":[{\"ip\":1}]}", 0},
		{"meta.ip", "{\"meta\":null}", "{\"meta\":null}", 0},
		{"meta.ip", "{\"meta.ip\":1,\"meta\":{\"ip\":2}}", "{\"meta\":{}}", 2},
		{"lines[].internal_id",
	         "{\"lines\":[{\"internal_id\":1,\"a\":2},3,{\"internal_id\":4}]}",
	         "{\"lines\":[{\"a\":2},3,{}]}", 2},
		{"lines[].internal_id", "{\"lines\":{\"internal_id\":1}}",
	         "{\"lines\":{\"internal_id\":1}}", 0},
		{"l[1].a", "{\"l\":[{\"a\":1},{\"a\":2}]}", "{\"l\":[{\"a\":1},{}]}", 1},
		{"l[1]", "{\"l\":[1,2,3]}", "{\"l\":[1,3]}", 1},
		{"l[3]", "{\"l\":[1,2,3]}", "{\"l\":[1,2,3]}", 0},
		{"l[][].x", "{\"l\":[[{\"x\":1}],[{\"x\":2,\"y\":3}]]}",
	         "{\"l\":[[{}],[{\"y\":3}]]}", 2},
		{"_*", "{\"_a\":1,\"_\":2,\"a_\":3,\"b\":{\"_c\":4}}",
	         "{\"a_\":3,\"b\":{\"_c\":4}}", 2},
		{"*_id", "{\"a_id\":1,\"_id\":2,\"id\":3,\"a_id_\":4}", "{\"id\":3,\"a_id_\":4}",
	         2},
		{"a*b*c", "{\"abc\":1,\"axxbyyc\":2,\"abcb\":3,\"acb\":4}",
	         "{\"abcb\":3,\"acb\":4}", 2},
		{"*", "{\"a\":1,\"b\":{\"c\":2}}", "{}", 2},
		{"*.ip", "{\"a\":{\"ip\":1},\"b\":{\"ip\":2,\"c\":3},\"ip\":4}",
	         "{\"a\":{},\"b\":{\"c\":3},\"ip\":4}", 2},
		{"\"a.b\"", "{\"a.b\":1,\"a\":{\"b\":2}}", "{\"a\":{\"b\":2}}", 1},
		{"\"a*\"", "{\"a*\":1,\"ab\":2}", "{\"ab\":2}", 1},
		{"\"a\\\"b\"", "{\"a\\\"b\":1}", "{}", 1},
		{"custom.cf_*",
	         "{\"custom.cf_1\":1,\"custom\":{\"cf_2\":2,\"x\":3},\"custom.y\":4}",
	         "{\"custom\":{\"x\":3},\"custom.y\":4}", 2},
		{"x.\"a.b\"", "{\"x\":{\"a.b\":1,\"a\":2},\"x.a.b\":3}",
	         "{\"x\":{\"a\":2},\"x.a.b\":3}", 1},
		{"\303\266", "{\"\303\266\":1}", "{}", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *value = parse(rows[i].before);
		struct exclude *e = compile(rows[i].path);
		char *text;

		check_text(exclude_text(e), rows[i].path);
		check_eq(exclude_apply(e, value), rows[i].removed);
		text = json_text(value);
		check_text(text, rows[i].after);
		free(text);
		exclude_free(e);
		json_object_put(value);
	}
}

static void a_caller_learns_what_would_change(void **state)
{
	static const struct {
		const char *path, *name;
		enum exclude_effect effect;
	} rows[] = {
		{"id", "id", EXCLUDE_WHOLE},
		{"id", "ids", EXCLUDE_NOTHING},
		{"_*", "_x", EXCLUDE_WHOLE},
		{"meta.ip", "meta", EXCLUDE_INSIDE},
		{"meta.ip", "ip", EXCLUDE_NOTHING},
		{"meta.ip", "meta.ip", EXCLUDE_WHOLE},
		{"lines[].a", "lines", EXCLUDE_INSIDE},
		{"*.a", "b", EXCLUDE_INSIDE},
		{"\"a.b\"", "a.b", EXCLUDE_WHOLE},
		{"\"a.b\"", "a", EXCLUDE_NOTHING},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct exclude *e = compile(rows[i].path);

		check_eq(exclude_effect(e, rows[i].name), rows[i].effect);
		exclude_free(e);
	}
}

static void a_wrong_path_is_said(void **state)
{
	static const struct {
		const char *path, *sentence;
	} rows[] = {
		{"", "\"\" is no path to exclude: a name is empty"},
		{"a.", "\"a.\" is no path to exclude: a name is empty"},
		{".a", "\".a\" is no path to exclude: a name is empty"},
		{"a..b", "\"a..b\" is no path to exclude: a name is empty"},
		{"[0].a", "\"[0].a\" is no path to exclude: a name is empty"},
		{"\"\"", "\"\"\"\" is no path to exclude: a name is empty"},
		{"\"a", "\"\"a\" is no path to exclude: a quoted name is not closed"},
		{"a[x]",
	         "\"a[x]\" is no path to exclude: brackets hold an index counted from 0, or "
	         "nothing: [0], []"},
		{"a[", "\"a[\" is no path to exclude: brackets hold an index counted from 0, or "
	               "nothing: [0], []"},
		{"a[1234567890]",
	         "\"a[1234567890]\" is no path to exclude: an index in brackets has more than 9 digits"},
		{"a]",
	         "\"a]\" is no path to exclude: behind a name or a bracket stands a dot or ["},
		{"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q",
	         "\"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q\" is no path to exclude: a path has at most 16 "
	         "steps"},
		{"lines[]",
	         "\"lines[]\" is no path to exclude: to leave out the whole list, write it "
	         "without the last []"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct exclude *e = NULL;
		struct err err = {""};

		check_eq(exclude_compile(rows[i].path, &e, &err), -EINVAL);
		check_null(e);
		check_text(err.text, rows[i].sentence);
	}
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(what_matches_goes_and_the_rest_stays),
		sentence(a_caller_learns_what_would_change),
		sentence(a_wrong_path_is_said),
	};

	return run_sentences(sentences);
}
