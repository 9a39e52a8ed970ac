#include "tests/unit/gather_case.h"

#include <stdio.h>

static char contacts[] = "contacts";

static void make_nest(struct world *w)
{
	make_world(w,
	           (struct batch){.algorithm = BATCH_NEST,
	                          .into = contacts,
	                          .size = 3,
	                          .wait_ms = 1000,
	                          .bytes = 4000},
	           NULL);
}

static struct draft *row_of(struct world *w, const char *by, const char *body, const char *child)
{
	struct draft *draft = draft_of(w, body);

	draft->by = mem_strdup(by);
	draft->child = child ? parse(child) : NULL;
	return draft;
}

static void add_row(struct world *w, const char *by, const char *child)
{
	gather_add(w->gather, row_of(w, by, "{\"name\":\"A\"}", child), 1);
}

/* The children of the next group. */
static void check_children(struct world *w, bool all, const char *expected)
{
	struct draft **drafts = NULL;
	const size_t n = gather_take(w->gather, 1, all, &drafts);
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		json_print(drafts[i]->child, &out);
	check_text(buf_text(&out), expected);
	buf_deinit(&out);
	free_drafts(drafts, n);
}

static struct draft **three_rows(struct world *w)
{
	struct draft **rows = mem_array(3, sizeof(struct draft *));

	rows[0] = row_of(w, "a", "{\"name\":\"A\",\"url\":null}", "{\"name\":\"Ana\"}");
	rows[1] = row_of(w, "a", "{\"name\":\"B\",\"custom.cf_1\":7}", NULL);
	rows[2] = row_of(w, "a", "{\"url\":\"x\"}", "{\"name\":\"Bob\"}");
	return rows;
}

static void rows_become_their_parent_with_their_children(void **state)
{
	static const char *const body = "{\"name\":\"A\",\"url\":null,\"custom.cf_1\":7,"
					"\"contacts\":[{\"name\":\"Ana\"},{\"name\":\"Bob\"}]}";
	struct request *request;
	struct draft **rows, *nest;
	struct world w;

	(void)state;
	make_nest(&w);
	rows = three_rows(&w);
	request = gather_batch(rows, 3, NULL, NULL);
	check_text(request->body, body);
	request_free(request);

	rows[0]->identity_field = mem_strdup("custom.cf_K");
	rows[0]->identity_value = mem_strdup("77");
	nest = gather_nest(rows, 3);
	check_text(nest->by, "a");
	check(nest->record == rows[0]->record);
	request = gather_single(nest, NULL);
	check_text(request->body, body);
	check_text(request->identity_value, "77");
	check_eq(request->n_parts, 3);
	for (size_t i = 0; i < 3; i++)
		check(request->parts[i].record == rows[i]->record);
	check(strstr(request->parts[2].draft, "\"child\":{\"name\":\"Bob\"}"));
	request_free(request);
	draft_free(nest);
	end_world(&w);
}

static void without_children_there_is_no_list(void **state)
{
	struct draft **rows = mem_array(1, sizeof(struct draft *)), *nest;
	struct world w;

	(void)state;
	make_nest(&w);
	rows[0] = row_of(&w, "a", "{\"name\":\"A\"}", NULL);
	nest = gather_nest(rows, 1);
	check_null(json_object_object_get(nest->body, "contacts"));
	draft_free(nest);
	end_world(&w);
}

static void children_with_an_e_mail_in_common_are_one(void **state)
{
	static const char *const children[] = {
		"{\"name\":\"Ana\",\"title\":\"CTO\",\"emails\":[{\"email\":\"ana@a.example\"}],"
		"\"phones\":[{\"phone\":\"+49 30 1\"}]}",
		"{\"name\":\"Bo\",\"emails\":[{\"email\":\"bo@a.example\"}]}",
		"{\"name\":\"Ana Bell\",\"emails\":[{\"email\":\"Ana@A.example\"},"
		"{\"email\":\"bell@a.example\"}],\"phones\":[{\"phone\":\"+49301\"}]}",
		NULL,
		"{\"title\":\"CEO\",\"emails\":[{\"email\":\"bell@a.example\"}]}",
		"{\"name\":\"Nobody\",\"emails\":[{\"email\":\"\"}]}",
		"{\"name\":\"Nobody\",\"emails\":[{\"email\":\"\"}]}",
	};
	enum { n = sizeof(children) / sizeof(children[0]) };
	struct json_object *list;
	struct draft *rows[n];
	struct world w;
	size_t at[n];

	(void)state;
	make_nest(&w);
	for (size_t i = 0; i < n; i++)
		rows[i] = row_of(&w, "a", "{}", children[i]);
	list = gather_children(rows, n, at);
	check_eq(json_object_array_length(list), 4);
	check_text(json_object_to_json_string_ext(json_object_array_get_idx(list, 0),
	                                          JSON_C_TO_STRING_PLAIN |
	                                                  JSON_C_TO_STRING_NOSLASHESCAPE),
	           "{\"name\":\"Ana Bell\",\"title\":\"CEO\",\"emails\":[{\"email\":"
	           "\"ana@a.example\"},{\"email\":\"bell@a.example\"}],\"phones\":[{\"phone\":"
	           "\"+49 30 1\"}]}");
	check_eq(at[0], 0);
	check_eq(at[1], 1);
	check_eq(at[2], 0);
	check_eq(at[3], SIZE_MAX);
	check_eq(at[4], 0);
	check_eq(at[5], 2);
	check_eq(at[6], 3);
	json_object_put(list);
	for (size_t i = 0; i < n; i++)
		draft_free(rows[i]);
	end_world(&w);
}

static void the_parent_asks_what_the_first_row_asked_and_each_row_can_go_anew(void **state)
{
	struct route update = {.name = mem_strdup("rows"), .method = METHOD_PUT, .has_body = true};
	struct draft **rows, *nest, *again;
	struct route_set routes;
	struct world w;
	char *text;

	(void)state;
	make_nest(&w);
	w.route.update = &update;
	routes = (struct route_set){.items = &w.route, .n = 1};
	rows = three_rows(&w);
	for (size_t i = 0; i < 3; i++) {
		rows[i]->match = mem_alloc(sizeof(struct lookup));
		rows[i]->match->kind = mem_strdup("lead");
		lookup_add_field(lookup_add_key(rows[i]->match), "name", "A", LIKE_TEXT);
		rows[i]->update = draft_new(rows[i]->record, &update, 0);
		rows[i]->update->url = mem_strdup("/lead/{id}/");
		rows[i]->update->body = json_object_get(rows[i]->body);
	}
	nest = gather_nest(rows, 3);
	check_text(nest->match->keys[0].fields[0].value, "A");
	check_eq(json_object_object_length(nest->update->body), 3);
	check_null(json_object_object_get(nest->update->body, "contacts"));
	text = draft_text(rows[0]);
	check_eq(draft_parse(text, rows[0]->record, 0, &routes, &again, NULL), 0);
	free(text);
	check_text(again->by, "a");
	check_text(again->match->keys[0].fields[0].value, "A");
	check_eq(json_object_object_length(again->update->body), 2);
	check_eq(json_object_object_length(again->body), 2);
	draft_free(again);
	draft_free(nest);
	w.route.update = NULL;
	free(update.name);
	end_world(&w);
}

static void rows_of_one_company_share_a_call_and_need_not_be_adjacent(void **state)
{
	struct world w;

	(void)state;
	make_nest(&w);
	add_row(&w, "a", "1");
	add_row(&w, "b", "2");
	add_row(&w, "a", "3");
	check_children(&w, false, "");
	add_row(&w, "b", "4");
	add_row(&w, "b", "5");
	/* Full, and not behind the other company, though both are created at one URL. */
	check_children(&w, false, "245");
	check_children(&w, false, "");
	check_children(&w, true, "13");
	end_world(&w);
}

static void a_company_with_many_rows_keeps_their_order(void **state)
{
	struct world w;

	(void)state;
	make_nest(&w);
	for (unsigned i = 1; i <= 7; i++) {
		char child[8];

		(void)snprintf(child, sizeof(child), "%u", i);
		add_row(&w, "a", child);
	}
	check_children(&w, false, "123");
	check_children(&w, false, "456");
	check_children(&w, true, "7");
	end_world(&w);
}

static void a_body_of_many_children_is_no_longer_than_bytes(void **state)
{
	struct draft **drafts;
	struct world w;
	size_t n, n_calls = 0;

	(void)state;
	make_nest(&w);
	w.route.batch->size = 1000;
	for (unsigned i = 0; i < 500; i++)
		add_row(&w, "a", "{\"name\":\"Ana\"}");
	while ((n = gather_take(w.gather, 1, true, &drafts)) > 0) {
		struct request *request = gather_batch(drafts, n, NULL, NULL);

		check(request->body_len <= 4000);
		request_free(request);
		free_drafts(drafts, n);
		n_calls++;
	}
	check(n_calls > 1 && n_calls < 6);
	end_world(&w);
}

static void beyond_a_thousand_open_groups_the_oldest_goes_first(void **state)
{
	struct world w;

	(void)state;
	make_nest(&w);
	for (unsigned i = 0; i < 1002; i++) {
		char by[16];

		(void)snprintf(by, sizeof(by), "company %u", i);
		add_row(&w, by, i == 0 ? "1" : i == 1 ? "2" : "{}");
		if (i == 999)
			check_children(&w, false, "");
	}
	check_children(&w, false, "1");
	check_children(&w, false, "2");
	check_children(&w, false, "");
	check_eq(gather_n(w.gather), 1000);
	/* Rooms that were left are there again. */
	check_children(&w, true, "{}");
	add_row(&w, "new", "{}");
	check_children(&w, false, "");
	end_world(&w);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(rows_become_their_parent_with_their_children),
		sentence(without_children_there_is_no_list),
		sentence(children_with_an_e_mail_in_common_are_one),
		sentence(the_parent_asks_what_the_first_row_asked_and_each_row_can_go_anew),
		sentence(rows_of_one_company_share_a_call_and_need_not_be_adjacent),
		sentence(a_company_with_many_rows_keeps_their_order),
		sentence(a_body_of_many_children_is_no_longer_than_bytes),
		sentence(beyond_a_thousand_open_groups_the_oldest_goes_first),
	};

	return run_sentences(sentences);
}
