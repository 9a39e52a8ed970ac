#include "tests/unit/gather_case.h"

static char items[] = "items";

static const char *const none[] = {NULL};

static const struct operation create = {
	.name = "lead.create",
	.method = METHOD_POST,
	.path = "/lead/",
	.required = none,
	.class = CLASS_A,
	.object = "lead",
};

static struct draft *make_draft(struct route *route)
{
	struct record *record = record_new();
	struct draft *draft = draft_new(record, route, 2);

	record_unref(record);
	draft->url = mem_strdup("/lead/?_fields=id");
	draft->headers = mem_array(2, sizeof(char *));
	draft->headers[0] = mem_strdup("X-Who: us");
	draft->identity_field = mem_strdup("custom.cf_K");
	draft->identity_value = mem_strdup("77");
	draft_note(draft, "a note");
	check_eq(json_parse("{\"a\":19.90}", 11, 0, &draft->body, NULL, NULL), 0);
	return draft;
}

static void a_draft_becomes_one_request_that_stands_alone(void **state)
{
	struct route route = {
		.name = mem_strdup("signups"),
		.op = &create,
		.method = METHOD_POST,
		.has_body = true,
	};
	struct draft *draft = make_draft(&route);
	struct request *request = gather_single(draft, NULL);

	(void)state;
	check(request->parts[0].record == draft->record);
	draft_free(draft);
	route_deinit(&route);
	check_eq(request->method, METHOD_POST);
	check_eq(request->class, CLASS_A);
	check_text(request->route, "signups");
	check_text(request->operation, "lead.create");
	check_text(request->object, "lead");
	check_text(request->url, "/lead/?_fields=id");
	check_text(request->headers[0], "X-Who: us");
	check_null(request->headers[1]);
	check_text(request->body, "{\"a\":19.90}");
	check_eq(request->body_len, 11);
	check_text(request->identity_field, "custom.cf_K");
	check_text(request->identity_value, "77");
	check_text(request->notes[0], "a note");
	check_null(request->notes[1]);
	check_eq(request->n_parts, 1);
	check_eq(request->parts[0].ordinal, 2);
	check_eq(request->parts[0].outcome, OUTCOME_OPEN);
	check_eq(request->state, REQUEST_PLANNED);
	check_eq(strlen(request->id), 26);
	request_free(request);
}

static void outside_the_catalogue_a_post_is_never_repeated(void **state)
{
	struct route route = {.name = mem_strdup("free"), .method = METHOD_POST};
	struct draft *draft = make_draft(&route);
	struct request *post = gather_single(draft, NULL), *put;

	(void)state;
	route.method = METHOD_PUT;
	put = gather_single(draft, NULL);
	check_eq(post->class, CLASS_D);
	check_eq(put->class, CLASS_U);
	check_text(post->operation, "");
	check_text(post->object, "");
	request_free(post);
	request_free(put);
	draft_free(draft);
	route_deinit(&route);
}

static void null_is_a_body_and_none_is_none(void **state)
{
	struct route route = {.name = mem_strdup("free"), .method = METHOD_POST};
	struct draft *draft = make_draft(&route);
	struct request *request;

	(void)state;
	json_object_put(draft->body);
	draft->body = NULL;
	request = gather_single(draft, NULL);
	check_null(request->body);
	check_eq(request->body_len, 0);
	request_free(request);

	route.has_body = true;
	request = gather_single(draft, NULL);
	check_text(request->body, "null");
	request_free(request);
	draft_free(draft);
	route_deinit(&route);
}

/* Requests of batches; @expected is the body, or "!sentence". */
static void check_request(struct world *w, const char *with, const char *expected)
{
	static const char *const bodies[] = {"{\"n\":1.50}", "{\"n\":2}", "{}"};
	struct draft *drafts[3];
	struct rejection rejection = {0};
	struct request *request;

	for (size_t i = 0; i < 3; i++) {
		drafts[i] = draft_of(w, bodies[i]);
		drafts[i]->with = with ? parse(with) : NULL;
	}
	request = gather_batch(drafts, 3, w->jq, &rejection);
	if (request) {
		check_text(request->body, expected);
		check_eq(request->body_len, strlen(request->body));
	} else {
		check_eq(rejection.class, REJECT_TRANSFORM);
		if (expected[0] != '!' || !strstr(rejection.message, expected + 1))
			fail_msg("%s", rejection.message);
	}
	rejection_deinit(&rejection);
	request_free(request);
	for (size_t i = 0; i < 3; i++)
		draft_free(drafts[i]);
}

static void an_array_is_the_list(void **state)
{
	struct world w;

	(void)state;
	make_world(&w, (struct batch){.algorithm = BATCH_ARRAY}, NULL);
	check_request(&w, NULL, "[{\"n\":1.50},{\"n\":2},{}]");
	end_world(&w);
}

static void a_keyed_array_has_constants_beside_its_list(void **state)
{
	struct world w;

	(void)state;
	make_world(&w, (struct batch){.algorithm = BATCH_KEYED_ARRAY, .key = items}, NULL);
	check_request(&w, NULL, "{\"items\":[{\"n\":1.50},{\"n\":2},{}]}");
	check_request(&w, "{\"of\":\"us\",\"items\":1}",
	              "{\"items\":[{\"n\":1.50},{\"n\":2},{}],\"of\":\"us\"}");
	end_world(&w);
}

static void an_expression_makes_the_body_of_the_list(void **state)
{
	static const struct {
		const char *program, *expected;
	} rows[] = {
		{"{count: length, first: .[0].n}", "{\"count\":3,\"first\":1.5}"},
		{"map(.n // 0) | add", "3.5"},
		{"null", "null"},
		{"\"x\"", "\"x\""},
		{"$source.file", "\"rows.ndjson\""},
		{"empty", "!gave nothing"},
		{".[]", "!gave more than one value"},
		{"1, error(\"late\")", "!late"},
		{".[2].n | tonumber", "!program of route rows fails on its records: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;

		make_world(&w, (struct batch){.algorithm = BATCH_EXPRESSION}, rows[i].program);
		check_request(&w, NULL, rows[i].expected);
		end_world(&w);
	}
}

static void what_is_excluded_is_in_no_body_that_a_program_makes(void **state)
{
	struct world w;

	(void)state;
	make_world(&w, (struct batch){.algorithm = BATCH_EXPRESSION},
	           "{list: map({n, at: 1}), x: \"s\", kept: true}");
	w.route.exclude = mem_array(2, sizeof(*w.route.exclude));
	w.route.n_exclude = 2;
	check_eq(exclude_compile("x", &w.route.exclude[0], NULL), 0);
	check_eq(exclude_compile("list[].n", &w.route.exclude[1], NULL), 0);
	check_request(&w, NULL, "{\"list\":[{\"at\":1},{\"at\":1},{\"at\":1}],\"kept\":true}");
	end_world(&w);
}

static void a_batch_has_a_part_for_each_draft_and_no_identity(void **state)
{
	struct draft *drafts[2];
	struct request *request;
	struct world w;
	char *text;

	(void)state;
	make_world(&w, (struct batch){.algorithm = BATCH_ARRAY}, NULL);
	w.route.method = METHOD_PUT;
	for (unsigned i = 0; i < 2; i++) {
		drafts[i] = draft_of(&w, "{}");
		drafts[i]->ordinal = i + 4;
		drafts[i]->identity_field = mem_strdup("custom.cf_K");
		drafts[i]->identity_value = mem_strdup("1");
		draft_note(drafts[i], "the same");
		draft_note(drafts[i], "of %u", i);
	}
	drafts[1]->part = 9;
	drafts[1]->generation = 2;
	request = gather_batch(drafts, 2, NULL, NULL);
	check_eq(request->class, CLASS_U);
	check_text(request->url, "/rows");
	check_text(request->route, "rows");
	check_null(request->identity_field);
	check_null(request->identity_value);
	check_eq(request->n_parts, 2);
	for (unsigned i = 0; i < 2; i++) {
		check(request->parts[i].record == drafts[i]->record);
		check_eq(request->parts[i].ordinal, i + 4);
		text = draft_text(drafts[i]);
		check_text(request->parts[i].draft, text);
		free(text);
		draft_free(drafts[i]);
	}
	check_eq(request->parts[0].id, 0);
	check_eq(request->parts[1].id, 9);
	check_eq(request->parts[1].generation, 2);
	check_text(request->notes[0], "the same");
	check_text(request->notes[1], "of 0");
	check_text(request->notes[2], "of 1");
	check_null(request->notes[3]);
	request_free(request);
	end_world(&w);
}

static void a_batch_of_one_can_be_halved_no_more_but_has_its_draft(void **state)
{
	struct request *request;
	struct draft *draft;
	struct world w;

	(void)state;
	make_world(&w, (struct batch){.algorithm = BATCH_ARRAY}, NULL);
	draft = draft_of(&w, "{}");
	request = gather_batch(&draft, 1, NULL, NULL);
	check_text(request->body, "[{}]");
	check_eq(request->class, CLASS_D);
	check(request->parts[0].draft);
	request_free(request);
	draft_free(draft);
	end_world(&w);
}

static void notes_of_a_batch_are_bounded(void **state)
{
	struct draft *drafts[60];
	struct request *request;
	struct world w;
	size_t n = 0;

	(void)state;
	make_world(&w, (struct batch){.algorithm = BATCH_ARRAY}, NULL);
	for (size_t i = 0; i < 60; i++) {
		drafts[i] = draft_of(&w, "{}");
		draft_note(drafts[i], "note %zu", i);
	}
	request = gather_batch(drafts, 60, NULL, NULL);
	while (request->notes[n])
		n++;
	check_eq(n, 21);
	check_text(request->notes[20], "40 more notes about records of this call");
	request_free(request);
	for (size_t i = 0; i < 60; i++)
		draft_free(drafts[i]);
	end_world(&w);
}

static void what_a_format_cannot_carry_is_rejected(void **state)
{
	struct rejection rejection = {0};
	struct draft *draft;
	struct world w;

	(void)state;
	make_world(&w, (struct batch){.algorithm = BATCH_ARRAY}, NULL);
	w.route.format = CONTENT_FORM;
	draft = draft_of(&w, "{\"a\":{\"b\":1}}");
	check(!gather_can_write(draft, &rejection));
	check_eq(rejection.class, REJECT_TEMPLATE);
	check_text(rejection.field, "a");
	rejection_deinit(&rejection);
	check_null(gather_single(draft, &rejection));
	check(rejection.class != REJECT_NONE);
	check(rejection.message);
	rejection_deinit(&rejection);
	check_null(gather_batch(&draft, 1, NULL, &rejection));
	check(rejection.class != REJECT_NONE);
	rejection_deinit(&rejection);
	json_object_put(draft->body);
	draft->body = parse("{\"a\":\"b c\"}");
	check(gather_can_write(draft, &rejection));
	{
		struct request *request = gather_single(draft, &rejection);

		check_text(request->body, "a=b+c");
		check_eq(request->format, CONTENT_FORM);
		request_free(request);
	}
	draft_free(draft);
	end_world(&w);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(a_draft_becomes_one_request_that_stands_alone),
		sentence(outside_the_catalogue_a_post_is_never_repeated),
		sentence(null_is_a_body_and_none_is_none),
		sentence(an_array_is_the_list),
		sentence(a_keyed_array_has_constants_beside_its_list),
		sentence(an_expression_makes_the_body_of_the_list),
		sentence(what_is_excluded_is_in_no_body_that_a_program_makes),
		sentence(a_batch_has_a_part_for_each_draft_and_no_identity),
		sentence(a_batch_of_one_can_be_halved_no_more_but_has_its_draft),
		sentence(notes_of_a_batch_are_bounded),
		sentence(what_a_format_cannot_carry_is_rejected),
	};

	return run_sentences(sentences);
}
