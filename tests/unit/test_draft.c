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
	w->routes.items[1].update = mem_alloc(sizeof(struct route));
	w->routes.items[1].update->index = 1;
	w->routes.items[1].update->method = METHOD_PUT;
	w->routes.items[1].update->has_body = true;
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

static void match_and_links_come_back(void **state)
{
	struct world *w = *state;
	struct draft *draft = new_draft(w, 0);
	struct lookup_key *key;

	draft->match = mem_alloc(sizeof(*draft->match));
	draft->match->kind = mem_strdup("lead");
	key = lookup_add_key(draft->match);
	lookup_add_field(key, "email", " Ana@X.example ", LIKE_EMAIL);
	lookup_add_field(key, "custom.cf_\"", "1.50", LIKE_NUMBER);
	lookup_add_field(lookup_add_key(draft->match), "name", "A", LIKE_TEXT);
	draft->n_links = 2;
	draft->links = mem_array(2, sizeof(*draft->links));
	draft->links[0] = (struct draft_link){
		.field = mem_strdup("lead_id"),
		.takes_lead = true,
		.fallback = mem_strdup("lead_0"),
		.on_none = NONE_SKIP,
		.lookup = {.kind = mem_strdup("contact"), .lead_id = mem_strdup("lead_9")}};
	lookup_add_field(lookup_add_key(&draft->links[0].lookup), "phone", "+1 (2)", LIKE_PHONE);
	draft->links[1] = (struct draft_link){.field = mem_strdup("id"),
	                                      .is_in_url = true,
	                                      .on_none = NONE_REJECT,
	                                      .lookup = {.kind = mem_strdup("user")}};
	lookup_add_field(lookup_add_key(&draft->links[1].lookup), "id", "user_1", LIKE_ID);
	draft = there_and_back(
		w, draft,
		"{\"route\":0,\"url\":\"/lead/?a=%22\",\"match\":{\"kind\":\"lead\",\"keys\":"
		"[[[\"email\",\"email\",\"Ana@X.example\"],[\"custom.cf_\\\"\",\"number\","
		"\"1.50\"]],[[\"name\",\"text\",\"A\"]]]},\"links\":[{\"field\":\"lead_id\","
		"\"takes_lead\":true,\"fallback\":\"lead_0\",\"on_none\":\"skip\",\"lookup\":"
		"{\"kind\":\"contact\",\"lead_id\":\"lead_9\",\"keys\":[[[\"phone\",\"phone\","
		"\"+1 (2)\"]]]}},{\"field\":\"id\",\"is_in_url\":true,\"on_none\":\"reject\","
		"\"lookup\":{\"kind\":\"user\",\"keys\":[[[\"id\",\"id\",\"user_1\"]]]}}]}");
	check_eq(draft->match->n_keys, 2);
	check_text(draft->match->keys[0].fields[0].folded, "ana@x.example");
	check_text(draft->match->keys[0].fields[1].folded, "1.5");
	check_eq(draft->n_links, 2);
	check_text(draft->links[0].lookup.keys[0].fields[0].folded, "+12");
	check_eq(draft->links[0].on_none, NONE_SKIP);
	check(!draft->links[0].is_in_url);
	check(draft->links[1].is_in_url);
	check_null(draft->links[1].fallback);
	draft_free(draft);
}

static void an_upsert_comes_back_in_both_its_forms(void **state)
{
	struct world *w = *state;
	struct draft *draft = new_draft(w, 1);

	draft->refused = mem_alloc(sizeof(*draft->refused));
	rejection_set(draft->refused, REJECT_GUARD, "lead_id", "no lead");
	draft->update = draft_new(w->record, w->routes.items[1].update, 3);
	draft->update->url = mem_strdup("/lead/{id}/");
	draft->update->body = parse("{\"a\":1}");
	draft = there_and_back(w, draft,
	                       "{\"route\":1,\"url\":\"/lead/?a=%22\",\"body\":null,\"update\":{"
	                       "\"route\":1,\"url\":\"/lead/{id}/\",\"is_put\":true,\"body\":{"
	                       "\"a\":1}},\"refused\":{\"class\":\"guard\",\"message\":\"no "
	                       "lead\",\"field\":\"lead_id\"}}");
	check_eq(draft->refused->class, REJECT_GUARD);
	check_text(draft->refused->field, "lead_id");
	check(draft->update->route == w->routes.items[1].update);
	check(draft->update->record == w->record);
	check_eq(draft->update->ordinal, 3);
	draft_free(draft);
}

/* An update that was decided on goes its way alone. */
static void the_update_of_an_upsert_comes_back_alone(void **state)
{
	struct world *w = *state;
	struct draft *draft = draft_new(w->record, w->routes.items[1].update, 3);

	draft->url = mem_strdup("/lead/lead_1/");
	draft->is_settled_on = true;
	draft->unresolved = mem_strdup("{\"route\":1}");
	draft = there_and_back(w, draft,
	                       "{\"route\":1,\"url\":\"/lead/lead_1/\",\"is_put\":true,\"body\":"
	                       "null,\"is_settled_on\":true,\"unresolved\":\"{\\\"route\\\":1}\"}");
	check(draft->is_settled_on);
	check_text(draft->unresolved, "{\"route\":1}");
	draft_free(draft);
}

static void what_nest_gathers_comes_back(void **state)
{
	struct world *w = *state;
	struct draft *draft = new_draft(w, 0);

	draft->by = mem_strdup("Acme");
	draft->child = parse("{\"name\":\"Ana\"}");
	draft = there_and_back(w, draft,
	                       "{\"route\":0,\"url\":\"/lead/?a=%22\",\"by\":\"Acme\",\"child\":{"
	                       "\"name\":\"Ana\"}}");
	check_text(draft->by, "Acme");
	draft_free(draft);
}

/* A draft that is good but for one more member. */
#define OPEN(member_) "{\"route\":0,\"url\":\"/\"," member_ "}"
#define GOOD_LOOKUP   "{\"kind\":\"lead\",\"keys\":[[[\"a\",\"text\",\"b\"]]]}"

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
		{OPEN("\"match\":1"), "a member of it"},
		{OPEN("\"match\":{\"kind\":\"lead\",\"keys\":[]}"), "a member of it"},
		{OPEN("\"match\":{\"keys\":[[[\"a\",\"text\",\"b\"]]]}"), "a member of it"},
		{OPEN("\"match\":{\"kind\":\"lead\",\"keys\":[[]]}"), "a member of it"},
		{OPEN("\"match\":{\"kind\":\"lead\",\"keys\":[[[\"a\",\"b\"]]]}"),
	         "a member of it"},
		{OPEN("\"match\":{\"kind\":\"lead\",\"keys\":[[[\"a\",\"like\",\"b\"]]]}"),
	         "a member of it"},
		{OPEN("\"match\":{\"kind\":\"lead\",\"keys\":[[[\"a\",1,\"b\"]]]}"),
	         "a member of it"},
		{OPEN("\"match\":{\"kind\":\"lead\",\"keys\":[[[\"a\",\"text\",1]]]}"),
	         "a member of it"},
		{OPEN("\"links\":{}"), "a member of it"},
		{OPEN("\"links\":[1]"), "a member of it"},
		{OPEN("\"links\":[{\"field\":\"a\",\"on_none\":\"x\",\"lookup\":" GOOD_LOOKUP "}]"),
	         "a member of it"},
		{OPEN("\"links\":[{\"on_none\":\"skip\",\"lookup\":" GOOD_LOOKUP "}]"),
	         "a member of it"},
		{OPEN("\"links\":[{\"field\":\"a\",\"on_none\":\"skip\"}]"), "a member of it"},
		{OPEN("\"refused\":{\"class\":\"guard\"}"), "a member of it"},
		{OPEN("\"refused\":{\"class\":\"odd\",\"message\":\"a\"}"), "a member of it"},
		{OPEN("\"update\":1"), "no such route"},
		{OPEN("\"update\":{\"route\":0,\"url\":\"/\"}"), "another route"},
		{OPEN("\"update\":{\"route\":1,\"is_put\":true,\"url\":\"/\",\"body\":1}"),
	         "another route"},
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
		sentence(match_and_links_come_back),
		sentence(an_upsert_comes_back_in_both_its_forms),
		sentence(the_update_of_an_upsert_comes_back_alone),
		sentence(what_nest_gathers_comes_back),
		sentence(damaged_text_is_told),
	};

	return cmocka_run_group_tests(sentences, begin, end);
}
