#include "tests/unit/gather_case.h"

#include <stdio.h>

static const struct batch merge = {.algorithm = BATCH_MERGE, .wait_ms = 1000};

static void make_merge(struct world *w)
{
	make_world(w, merge, NULL);
	w->route.method = METHOD_PUT;
}

/* The request of the bodies in @bodies, a list. */
static struct request *fold(struct world *w, const char *bodies)
{
	struct json_object *list = parse(bodies);
	const size_t n = json_object_array_length(list);
	struct draft *drafts[8];
	struct request *request;

	for (size_t i = 0; i < n; i++) {
		char *text = json_text(json_object_array_get_idx(list, i));

		drafts[i] = draft_of(w, text);
		free(text);
	}
	request = gather_batch(drafts, n, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		draft_free(drafts[i]);
	json_object_put(list);
	return request;
}

static void check_folds(const char *const (*rows)[2], size_t n)
{
	struct world w;

	make_merge(&w);
	for (size_t i = 0; i < n; i++) {
		struct request *request = fold(&w, rows[i][0]);

		check_text(request->body, rows[i][1]);
		request_free(request);
	}
	end_world(&w);
}

#define CHECK_FOLDS(rows_) check_folds(rows_, sizeof(rows_) / sizeof((rows_)[0]))

static void a_later_value_wins(void **state)
{
	static const char *const rows[][2] = {
		{"[{\"a\":1,\"b\":2},{\"b\":3,\"c\":4}]", "{\"a\":1,\"b\":3,\"c\":4}"},
		{"[{\"a\":1},{\"a\":null}]", "{\"a\":null}"},
		{"[{\"a\":null},{\"a\":19.90}]", "{\"a\":19.90}"},
		{"[{\"a\":[1,2]},{\"a\":[3]}]", "{\"a\":[3]}"},
		{"[{\"a\":{\"x\":1}},{\"a\":{\"y\":2}}]", "{\"a\":{\"y\":2}}"},
		{"[{\"a\":1},{},{\"b\":2}]", "{\"a\":1,\"b\":2}"},
		/* Only custom fields have lists that are added to. */
		{"[{\"x.add\":1},{\"x.add\":2},{\"x\":3}]", "{\"x.add\":2,\"x\":3}"},
		{"[{\"custom.add\":1},{\"custom.add\":2}]", "{\"custom.add\":2}"},
	};

	(void)state;
	CHECK_FOLDS(rows);
}

static void what_is_added_goes_together_each_once(void **state)
{
	static const char *const rows[][2] = {
		{"[{\"custom.c.add\":\"x\"},{\"a\":1}]", "{\"custom.c.add\":\"x\",\"a\":1}"},
		{"[{\"custom.c.add\":\"x\"},{\"custom.c.add\":\"y\"}]",
	         "{\"custom.c.add\":[\"x\",\"y\"]}"},
		{"[{\"custom.c.add\":\"x\"},{\"custom.c.add\":[\"y\",\"x\"]}]",
	         "{\"custom.c.add\":[\"x\",\"y\"]}"},
		{"[{\"custom.c.add\":[\"x\"]},{\"custom.c.add\":\"x\"}]",
	         "{\"custom.c.add\":\"x\"}"},
		{"[{\"custom.c.remove\":\"x\"},{\"custom.c.remove\":\"y\"}]",
	         "{\"custom.c.remove\":[\"x\",\"y\"]}"},
		{"[{\"custom.c.add\":\"x\"},{\"custom.d.add\":\"x\"},{\"custom.c.remove\":\"y\"}]",
	         "{\"custom.c.add\":\"x\",\"custom.d.add\":\"x\",\"custom.c.remove\":\"y\"}"},
		{"[{\"custom.c.add\":1},{\"custom.c.add\":\"1\"}]", "{\"custom.c.add\":[1,\"1\"]}"},
	};

	(void)state;
	CHECK_FOLDS(rows);
}

/* As if the calls had come one by one: whatever the object had before. */
static void of_an_add_and_a_remove_of_one_value_the_later_counts(void **state)
{
	static const char *const rows[][2] = {
		{"[{\"custom.c.add\":\"x\"},{\"custom.c.remove\":\"x\"}]",
	         "{\"custom.c.remove\":\"x\"}"},
		{"[{\"custom.c.remove\":\"x\"},{\"custom.c.add\":\"x\"}]",
	         "{\"custom.c.add\":\"x\"}"},
		{"[{\"custom.c.add\":[\"x\",\"y\"]},{\"custom.c.remove\":\"x\"}]",
	         "{\"custom.c.add\":\"y\",\"custom.c.remove\":\"x\"}"},
		{"[{\"custom.c.add\":\"x\"},{\"custom.c.remove\":\"x\"},{\"custom.c.add\":\"x\"}]",
	         "{\"custom.c.add\":\"x\"}"},
	};

	(void)state;
	CHECK_FOLDS(rows);
}

static void a_plain_value_drops_what_was_added_and_removed_before(void **state)
{
	static const char *const rows[][2] = {
		{"[{\"custom.c.add\":\"x\"},{\"custom.c.remove\":\"y\"},{\"custom.c\":[\"z\"]}]",
	         "{\"custom.c\":[\"z\"]}"},
		{"[{\"custom.c.add\":\"x\"},{\"custom.c\":null}]", "{\"custom.c\":null}"},
		{"[{\"custom.c.add\":\"x\"},{\"custom.cc\":\"z\"}]",
	         "{\"custom.c.add\":\"x\",\"custom.cc\":\"z\"}"},
	};

	(void)state;
	CHECK_FOLDS(rows);
}

static void behind_a_plain_value_adds_join_and_removes_leave(void **state)
{
	static const char *const rows[][2] = {
		{"[{\"custom.c\":[\"x\"]},{\"custom.c.add\":\"y\"}]",
	         "{\"custom.c\":[\"x\",\"y\"]}"},
		{"[{\"custom.c\":[\"x\"]},{\"custom.c.add\":\"x\"}]", "{\"custom.c\":[\"x\"]}"},
		/* Of a field with several values, a single one is a list of one. */
		{"[{\"custom.c\":\"x\"},{\"custom.c.add\":\"x\"}]", "{\"custom.c\":\"x\"}"},
		{"[{\"custom.c\":\"x\"},{\"custom.c.add\":\"y\"}]", "{\"custom.c\":[\"x\",\"y\"]}"},
		{"[{\"custom.c\":null},{\"custom.c.add\":\"y\"}]", "{\"custom.c\":[\"y\"]}"},
		{"[{\"custom.c\":[\"x\",\"y\"]},{\"custom.c.remove\":\"x\"}]",
	         "{\"custom.c\":[\"y\"]}"},
		{"[{\"custom.c\":[\"x\"]},{\"custom.c.remove\":\"y\"}]", "{\"custom.c\":[\"x\"]}"},
		{"[{\"custom.c\":\"x\"},{\"custom.c.remove\":\"y\"}]", "{\"custom.c\":\"x\"}"},
		/* None is left: null is how a field is unset. */
		{"[{\"custom.c\":[\"x\"]},{\"custom.c.remove\":\"x\"}]", "{\"custom.c\":null}"},
		{"[{\"custom.c\":\"x\"},{\"custom.c.remove\":\"x\"}]", "{\"custom.c\":null}"},
		{"[{\"custom.c\":null},{\"custom.c.remove\":\"x\"}]", "{\"custom.c\":null}"},
		/* Added behind the list and removed again: gone, whatever stood in the list. */
		{"[{\"custom.c\":[\"x\"]},{\"custom.c.add\":\"y\"},{\"custom.c.remove\":\"y\"}]",
	         "{\"custom.c\":[\"x\"]}"},
	};

	(void)state;
	CHECK_FOLDS(rows);
}

static void what_one_record_says_goes_as_it_is(void **state)
{
	static const char *const rows[][2] = {
		{"[{\"custom.c.add\":[\"x\",\"x\"]}]", "{\"custom.c.add\":[\"x\",\"x\"]}"},
	};

	(void)state;
	CHECK_FOLDS(rows);
}

/* What folding takes from a draft's body must not change it: it may be halved. */
static void the_drafts_stay_as_they_are(void **state)
{
	struct draft *drafts[3];
	struct request *request;
	struct world w;

	(void)state;
	make_merge(&w);
	drafts[0] = draft_of(&w, "{\"custom.c\":[\"x\"]}");
	drafts[1] = draft_of(&w, "{\"custom.c.add\":\"y\"}");
	drafts[2] = draft_of(&w, "{\"custom.c.remove\":\"x\"}");
	request = gather_batch(drafts, 3, NULL, NULL);
	check_text(request->body, "{\"custom.c\":[\"y\"]}");
	check_text(request->notes[0], "3 records in one update");
	check_eq(request->n_parts, 3);
	check(strstr(request->parts[0].draft, "{\"custom.c\":[\"x\"]}"));
	check(strstr(request->parts[1].draft, "{\"custom.c.add\":\"y\"}"));
	request_free(request);
	for (size_t i = 0; i < 3; i++)
		draft_free(drafts[i]);
	end_world(&w);
}

static void lists_that_are_added_are_found(void **state)
{
	static const struct {
		const char *body, *key;
	} rows[] = {
		{"{\"custom.c.add\":[1,2]}", "custom.c.add"},
		{"{\"a\":[1,2],\"custom.c.remove\":[1,2]}", "custom.c.remove"},
		{"{\"custom.c.add\":[1],\"custom.c\":[1,2]}", NULL},
		{"{\"custom.c.add\":1}", NULL},
		{"[1,2]", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *body = parse(rows[i].body);
		const char *key = NULL;

		check_eq(gather_has_list(body, &key), rows[i].key != NULL);
		if (rows[i].key)
			check_text(key, rows[i].key);
		json_object_put(body);
	}
}

static void an_answer_tells_whether_lists_were_taken(void **state)
{
	static const struct {
		const char *body, *object;
		bool took;
	} rows[] = {
		{"{\"custom.c.add\":[1,2]}", "{\"custom.c\":[2,3,1]}", true},
		{"{\"custom.c.add\":[1,2]}", "{\"custom.c\":[1,3]}", false},
		{"{\"custom.c.add\":[1,2]}", "{\"custom.c\":1}", false},
		{"{\"custom.c.add\":[1,2]}", "{}", false},
		{"{\"custom.c.remove\":[1,2]}", "{}", true},
		{"{\"custom.c.remove\":[1,2]}", "{\"custom.c\":[3]}", true},
		{"{\"custom.c.remove\":[1,2]}", "{\"custom.c\":[3,2]}", false},
		/* Only of lists there are doubts. */
		{"{\"custom.c.add\":1,\"custom.d\":[1,2]}", "{}", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *body = parse(rows[i].body), *object = parse(rows[i].object);

		check_eq(gather_took_lists(body, object), rows[i].took);
		json_object_put(body);
		json_object_put(object);
	}
}

static void without_lists_as_many_go_together_as_may(void **state)
{
	static const char *const bodies[] = {
		"{\"custom.c.add\":1}", "{\"a\":1}",
		"{\"custom.c.add\":1}", "{\"custom.d.add\":2}",
		"{\"custom.c.add\":3}", "{\"custom.c.add\":[4,5]}",
	};
	struct draft *drafts[6];
	struct world w;

	(void)state;
	make_merge(&w);
	for (size_t i = 0; i < 6; i++)
		drafts[i] = draft_of(&w, bodies[i]);
	check_eq(gather_n_without_list(drafts, 6), 4);
	check_eq(gather_n_without_list(drafts, 3), 3);
	check_eq(gather_n_without_list(drafts + 4, 2), 1);
	check_eq(gather_n_without_list(drafts + 5, 1), 1);
	for (size_t i = 0; i < 6; i++)
		draft_free(drafts[i]);
	end_world(&w);
}

static void only_updates_wait_for_each_other(void **state)
{
	struct draft *draft;
	struct world w;

	(void)state;
	make_merge(&w);
	draft = draft_of(&w, "{}");
	check(gather_is_shared(draft));
	w.route.method = METHOD_POST;
	check(!gather_is_shared(draft));
	w.route.batch->algorithm = BATCH_ARRAY;
	check(gather_is_shared(draft));
	draft_free(draft);
	end_world(&w);
}

/* Objects apart, and within one object what `by` keeps apart. */
static void updates_of_one_object_share_a_call(void **state)
{
	struct world w;
	struct draft *draft;

	(void)state;
	make_merge(&w);
	add_to(&w, 1, "/lead/lead_A/", "{\"a\":1}", 1);
	add_to(&w, 1, "/lead/lead_B/", "{\"a\":2}", 1);
	add_to(&w, 1, "/lead/lead_A/", "{\"a\":3}", 1);
	draft = draft_of(&w, "{\"a\":4}");
	free(draft->url);
	draft->url = mem_strdup("/lead/lead_A/");
	draft->by = mem_strdup("monday");
	gather_add(w.gather, draft, 1);
	check_next(&w, 1, true, "{\"a\":1} {\"a\":3}");
	check_next(&w, 1, true, "{\"a\":2}");
	check_next(&w, 1, true, "{\"a\":4}");
	end_world(&w);
}

/* 10,000 changes of 800 leads, as an export has them: all in the budget, so each lead is called
 * once. */
static void many_small_changes_fit_into_the_budget(void **state)
{
	struct draft **drafts;
	size_t n, n_calls = 0, n_out = 0;
	struct world w;

	(void)state;
	make_merge(&w);
	for (unsigned i = 0; i < 10000; i++) {
		char url[64], body[128];
		struct draft *draft;

		(void)snprintf(url, sizeof(url), "/lead/lead_oPm4GQZ0iYbWkSRAxmVkWpwjFMw41L2p%04u/",
		               i % 800);
		(void)snprintf(
			body, sizeof(body),
			"{\"custom.cf_GQZ0iYbWkSRAxmVkWpwjFMw41L2%u\":%u.5,\"status_id\":\"stat_1\"}",
			i % 7, i);
		draft = draft_of(&w, body);
		free(draft->url);
		draft->url = mem_strdup(url);
		draft->record->len = 110;
		draft->written =
			parse("{\"custom.cf_GQZ0iYbWkSRAxmVkWpwjFMw41L2\":\"custom.Score\"}");
		gather_add(w.gather, draft, 1);
		check_eq(gather_take(w.gather, 1, false, &drafts), 0);
	}
	check(gather_bytes(w.gather) < gather_budget);
	while ((n = gather_take(w.gather, 1, true, &drafts)) > 0) {
		check_eq(json_object_object_length(drafts[n - 1]->body), 2);
		check_eq(json_object_object_length(drafts[n - 1]->written), 1);
		n_calls++;
		n_out += n;
		free_drafts(drafts, n);
	}
	check_eq(n_calls, 800);
	check_eq(n_out, 10000);
	check_eq(gather_bytes(w.gather), 0);
	end_world(&w);
}

/* Its text may have to be stored while it waits. */
static void a_draft_that_waits_has_the_same_text(void **state)
{
	struct draft *draft, **drafts;
	char *before, *waiting, *behind;
	struct world w;

	(void)state;
	make_merge(&w);
	draft = draft_of(&w, "{\"a\":19.90,\"b\":[null,\"\\\"\"]}");
	draft->written = parse("{\"custom.cf_1\":\"custom.Score\"}");
	before = draft_text(draft);
	gather_add(w.gather, draft, 1);
	check_null(draft->body);
	waiting = draft_text(draft);
	check_eq(gather_take(w.gather, 1, true, &drafts), 1);
	check(drafts[0] == draft);
	behind = draft_text(draft);
	check_text(waiting, before);
	check_text(behind, before);
	free_drafts(drafts, 1);
	free(before);
	free(waiting);
	free(behind);
	end_world(&w);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(a_later_value_wins),
		sentence(what_is_added_goes_together_each_once),
		sentence(of_an_add_and_a_remove_of_one_value_the_later_counts),
		sentence(a_plain_value_drops_what_was_added_and_removed_before),
		sentence(behind_a_plain_value_adds_join_and_removes_leave),
		sentence(what_one_record_says_goes_as_it_is),
		sentence(the_drafts_stay_as_they_are),
		sentence(lists_that_are_added_are_found),
		sentence(an_answer_tells_whether_lists_were_taken),
		sentence(without_lists_as_many_go_together_as_may),
		sentence(only_updates_wait_for_each_other),
		sentence(updates_of_one_object_share_a_call),
		sentence(a_draft_that_waits_has_the_same_text),
		sentence(many_small_changes_fit_into_the_budget),
	};

	return run_sentences(sentences);
}
