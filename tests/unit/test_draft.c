#include "tests/unit/check.h"

#include "connector/model/draft.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <errno.h>
#include <string.h>

/* Drafts as text, and back. */

struct world {
	struct route_set routes;
	struct record *record;
};

static int begin(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	w->record = record_new();
	w->routes.items = mem_array(2, sizeof(struct route));
	w->routes.n = 2;
	w->routes.items[0].index = 0;
	w->routes.items[1].index = 1;
	w->routes.items[1].has_body = true;
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	record_unref(w->record);
	route_set_deinit(&w->routes);
	free(w);
	return 0;
}

static struct json_object *parse(const char *text)
{
	struct json_object *value = NULL;

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, NULL), 0);
	return value;
}

static struct draft *new_draft(struct world *w, size_t route)
{
	struct draft *draft = draft_new(w->record, &w->routes.items[route], 3);

	draft->url = mem_strdup("/lead/?a=%22");
	return draft;
}

/* The draft that comes back says the same; takes the draft, the other is to draft_free(). */
static struct draft *there_and_back(struct world *w, struct draft *draft, const char *expected)
{
	char *text = draft_text(draft), *again;
	struct draft *back = NULL;
	struct err err = {""};

	check_text(text, expected);
	if (draft_parse(text, w->record, 3, &w->routes, &back, &err) < 0)
		fail_msg("%s", err.text);
	again = draft_text(back);
	check_text(again, text);
	check(back->record == draft->record);
	check(back->route == draft->route);
	check_eq(back->ordinal, 3);
	free(text);
	free(again);
	draft_free(draft);
	return back;
}

static void all_that_was_rendered_comes_back(void **state)
{
	struct world *w = *state;
	struct draft *draft = new_draft(w, 1);

	draft->headers = mem_array(3, sizeof(char *));
	draft->headers[0] = mem_strdup("X-A: \"1\"");
	draft->headers[1] = mem_strdup("X-B: 2");
	draft->body = parse("{\"n\":19.90,\"big\":12345678901234567890123,\"t\":\"\\u0000\"}");
	draft->with = parse("{\"w\":[null]}");
	draft->identity_field = mem_strdup("custom.cf_K");
	draft->identity_value = mem_strdup("77");
	draft_note(draft, "a note");
	draft = there_and_back(
		w, draft,
		"{\"route\":1,\"url\":\"/lead/?a=%22\",\"headers\":[\"X-A: \\\"1\\\"\",\"X-B: "
		"2\"],\"body\":{\"n\":19.90,\"big\":12345678901234567890123,\"t\":\"\\u0000\"},"
		"\"with\":{\"w\":[null]},\"identity\":[\"custom.cf_K\",\"77\"],\"notes\":[\"a "
		"note\"]}");
	check_text(draft->headers[1], "X-B: 2");
	check_null(draft->headers[2]);
	check_text(draft->identity_value, "77");
	check_text(draft->notes[0], "a note");
	draft_free(draft);
}

static void no_body_and_a_null_body_differ(void **state)
{
	struct world *w = *state;

	draft_free(there_and_back(w, new_draft(w, 0), "{\"route\":0,\"url\":\"/lead/?a=%22\"}"));
	draft_free(there_and_back(w, new_draft(w, 1),
	                          "{\"route\":1,\"url\":\"/lead/?a=%22\",\"body\":null}"));
}

static void a_body_may_be_deeper_than_a_record(void **state)
{
	struct world *w = *state;
	struct draft *draft = new_draft(w, 1), *back;
	char *text;

	for (size_t i = 0; i < 60; i++) {
		struct json_object *list = json_object_new_array();

		(void)json_object_array_add(list, draft->body);
		draft->body = list;
	}
	text = draft_text(draft);
	check_eq(draft_parse(text, w->record, 0, &w->routes, &back, NULL), 0);
	draft_free(back);
	draft_free(draft);
	free(text);
}

static void damaged_text_is_told(void **state)
{
	static const struct {
		const char *text, *part;
	} rows[] = {
		{"", "cannot be read"},
		{"[]", "no such route"},
		{"{\"route\":2,\"url\":\"/\"}", "no such route"},
		{"{\"route\":-1,\"url\":\"/\"}", "no such route"},
		{"{\"route\":\"0\",\"url\":\"/\"}", "no such route"},
		{"{\"route\":0}", "a member of it is missing"},
		{"{\"route\":0,\"url\":1}", "a member of it"},
		{"{\"route\":1,\"url\":\"/\"}", "a member of it"},
		{"{\"route\":0,\"url\":\"/\",\"body\":1}", "a member of it"},
		{"{\"route\":0,\"url\":\"/\",\"headers\":{}}", "a member of it"},
		{"{\"route\":0,\"url\":\"/\",\"headers\":[1]}", "a member of it"},
		{"{\"route\":0,\"url\":\"/\",\"notes\":\"x\"}", "a member of it"},
		{"{\"route\":0,\"url\":\"/\",\"identity\":[\"a\"]}", "a member of it"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct draft *draft = NULL;
		struct err err = {""};

		check_eq(draft_parse(rows[i].text, w->record, 0, &w->routes, &draft, &err),
		         -EUCLEAN);
		check_null(draft);
		if (!strstr(err.text, rows[i].part))
			fail_msg("%s: %s", rows[i].text, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(all_that_was_rendered_comes_back),
		sentence(no_body_and_a_null_body_differ),
		sentence(a_body_may_be_deeper_than_a_record),
		sentence(damaged_text_is_told),
	};

	return cmocka_run_group_tests(sentences, begin, end);
}
