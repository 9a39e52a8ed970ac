#include "tests/unit/check.h"

#include "connector/gather/gather.h"
#include "lib/buf.h"
#include "lib/jq.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdio.h>
#include <string.h>

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

/* Batches */

static struct json_object *parse(const char *text)
{
	struct json_object *value = NULL;

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, NULL), 0);
	return value;
}

static char plain[] = "k", quoted[] = "k\"", items[] = "items";

/* A route with a batch; the test changes what it is about. */
struct world {
	struct route route;
	struct jq_set *jq;
	struct gather *gather;
};

static void make_world(struct world *w, struct batch batch, const char *program)
{
	*w = (struct world){.route = {.name = mem_strdup("rows"),
	                              .method = METHOD_POST,
	                              .has_body = true,
	                              .batch = mem_alloc(sizeof(batch))},
	                    .gather = gather_new()};
	if (!batch.size)
		batch.size = 100;
	if (!batch.bytes)
		batch.bytes = 1 << 20;
	if (batch.key)
		batch.key = mem_strdup(batch.key);
	*w->route.batch = batch;
	if (!program)
		return;
	w->jq = jq_set_new();
	w->route.batch->jq = jq_set_add(w->jq, program, "program");
	check_eq(jq_set_compile(w->jq, NULL, NULL, NULL), 0);
}

static void end_world(struct world *w)
{
	gather_free(w->gather);
	jq_set_free(w->jq);
	route_deinit(&w->route);
}

static struct draft *draft_of(struct world *w, const char *body)
{
	static uint64_t line;
	struct record *record = record_new();
	struct draft *draft = draft_new(record, &w->route, 0);

	record->source_name = mem_strdup("rows.ndjson");
	record->line = ++line;
	record->stream = 1;
	record_unref(record);
	draft->url = mem_strdup("/rows");
	draft->body = parse(body);
	return draft;
}

/* A draft of a stream and URL. */
static void add_to(struct world *w, uint64_t stream, const char *url, const char *body,
                   uint64_t now_ms)
{
	struct draft *draft = draft_of(w, body);

	draft->record->stream = stream;
	free(draft->url);
	draft->url = mem_strdup(url);
	gather_add(w->gather, draft, now_ms);
}

static void add(struct world *w, const char *body, uint64_t now_ms)
{
	add_to(w, 1, "/rows", body, now_ms);
}

static void free_drafts(struct draft **drafts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		draft_free(drafts[i]);
	free(drafts);
}

/* The bodies of the next group, "1 2 3"; "" where none is to go. */
static void check_next(struct world *w, uint64_t now_ms, bool all, const char *expected)
{
	struct draft **drafts = NULL;
	const size_t n = gather_take(w->gather, now_ms, all, &drafts);
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(&out, ' ');
		json_print(drafts[i]->body, &out);
	}
	check_text(buf_text(&out), expected);
	buf_deinit(&out);
	free_drafts(drafts, n);
}

static void a_group_goes_when_it_is_full(void **state)
{
	struct world w;

	(void)state;
	make_world(&w, (struct batch){.size = 2, .wait_ms = 1000}, NULL);
	add(&w, "1", 5);
	check_next(&w, 5, false, "");
	add(&w, "2", 5);
	add(&w, "3", 6);
	check_eq(gather_n(w.gather), 3);
	check_next(&w, 6, false, "1 2");
	check_next(&w, 6, false, "");
	check_eq(gather_n(w.gather), 1);
	end_world(&w);
}

static void a_group_goes_when_its_first_draft_has_waited(void **state)
{
	struct world w;

	(void)state;
	make_world(&w, (struct batch){.wait_ms = 1000}, NULL);
	check_eq(gather_due_ms(w.gather), 0);
	add(&w, "1", 5);
	add(&w, "2", 900);
	check_eq(gather_due_ms(w.gather), 1005);
	check_next(&w, 1004, false, "");
	check_next(&w, 1005, false, "1 2");
	check_eq(gather_due_ms(w.gather), 0);
	/* The next one waits anew. */
	add(&w, "3", 1006);
	check_eq(gather_due_ms(w.gather), 2006);
	end_world(&w);
}

static void routes_that_wait_shorter_go_earlier(void **state)
{
	struct world w, quick;

	(void)state;
	make_world(&w, (struct batch){.wait_ms = 1000}, NULL);
	make_world(&quick, (struct batch){.wait_ms = 10}, NULL);
	add(&w, "1", 1);
	gather_add(w.gather, draft_of(&quick, "2"), 5);
	/* Of the same URL and stream: the call that is due takes the earlier one along. */
	check_eq(gather_due_ms(w.gather), 15);
	check_next(&w, 15, false, "1");
	check_next(&w, 15, false, "2");
	add_to(&w, 1, "/other", "3", 20);
	gather_add(w.gather, draft_of(&quick, "4"), 20);
	check_next(&w, 30, false, "4");
	check_next(&w, 30, false, "");
	end_world(&w);
	end_world(&quick);
}

static void the_end_takes_all_in_the_order_of_their_first_draft(void **state)
{
	struct world w;

	(void)state;
	make_world(&w, (struct batch){.wait_ms = 1000}, NULL);
	add_to(&w, 1, "/b", "1", 1);
	add_to(&w, 1, "/a", "2", 1);
	add_to(&w, 1, "/b", "3", 1);
	add_to(&w, 1, "/c", "4", 1);
	check_next(&w, 1, true, "1 3");
	check_next(&w, 1, true, "2");
	check_next(&w, 1, true, "4");
	check_next(&w, 1, true, "");
	end_world(&w);
}

static void only_what_is_the_same_shares_a_call(void **state)
{
	struct world w;
	struct draft *draft;

	(void)state;
	make_world(&w, (struct batch){.algorithm = BATCH_KEYED_ARRAY, .key = plain}, NULL);
	add_to(&w, 1, "/a", "1", 1);
	add_to(&w, 2, "/a", "2", 1);
	add_to(&w, 1, "/A", "3", 1);
	draft = draft_of(&w, "4");
	free(draft->url);
	draft->url = mem_strdup("/a");
	draft->with = parse("{\"x\":1}");
	gather_add(w.gather, draft, 1);
	draft = draft_of(&w, "5");
	free(draft->url);
	draft->url = mem_strdup("/a");
	draft->headers = mem_array(2, sizeof(char *));
	draft->headers[0] = mem_strdup("X: 1");
	gather_add(w.gather, draft, 1);
	add_to(&w, 1, "/a", "6", 1);
	check_next(&w, 1, true, "1 6");
	check_next(&w, 1, true, "2");
	check_next(&w, 1, true, "3");
	check_next(&w, 1, true, "4");
	check_next(&w, 1, true, "5");
	end_world(&w);
}

static void drafts_tell_whether_they_share_a_call(void **state)
{
	struct world w;
	struct draft *a, *b;

	(void)state;
	make_world(&w, (struct batch){.algorithm = BATCH_ARRAY}, NULL);
	a = draft_of(&w, "1");
	b = draft_of(&w, "2");
	check(gather_shares_call(a, b));
	b->record->stream = 7;
	check(!gather_shares_call(a, b));
	draft_free(a);
	draft_free(b);
	end_world(&w);
}

static void calls_of_one_url_go_in_the_order_of_the_source(void **state)
{
	struct world w;
	struct draft *draft;

	(void)state;
	make_world(
		&w,
		(struct batch){
			.algorithm = BATCH_KEYED_ARRAY, .key = plain, .size = 2, .wait_ms = 1000},
		NULL);
	draft = draft_of(&w, "1");
	draft->with = parse("{\"x\":1}");
	gather_add(w.gather, draft, 1);
	add_to(&w, 2, "/rows", "2", 1); /* another stream has an order of its own */
	add(&w, "3", 1);
	check_next(&w, 1, false, "");
	add(&w, "4", 1);
	check_next(&w, 1, false, "1");
	check_next(&w, 1, false, "3 4");
	check_next(&w, 1, false, "");
	end_world(&w);
}

/* Gathers six drafts; each call must have @n_each of them and be no longer than may be. */
static void check_lengths(struct batch batch, const char *with, size_t n_each)
{
	struct draft **drafts;
	struct world w;
	size_t n;

	make_world(&w, batch, NULL);
	for (size_t k = 0; k < 6; k++) {
		struct draft *draft = draft_of(&w, k % 2 ? "\"bbbbb\"" : "\"a\"");

		draft->with = with ? parse(with) : NULL;
		gather_add(w.gather, draft, 1);
	}
	while ((n = gather_take(w.gather, 1, true, &drafts)) > 0) {
		struct request *request = gather_batch(drafts, n, NULL, NULL);

		check(request->body_len <= batch.bytes);
		check_eq(n, n_each);
		request_free(request);
		free_drafts(drafts, n);
	}
	end_world(&w);
}

static void a_body_is_no_longer_than_bytes(void **state)
{
	static const struct {
		struct batch batch;
		const char *with;
	} rows[] = {
		{{.algorithm = BATCH_ARRAY, .bytes = 13}, NULL},
		{{.algorithm = BATCH_KEYED_ARRAY, .key = quoted, .bytes = 21}, NULL},
		{{.algorithm = BATCH_KEYED_ARRAY, .key = plain, .bytes = 25}, "{\"w\":1}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct batch less = rows[i].batch;

		check_lengths(rows[i].batch, rows[i].with, 2);
		/* To the byte. */
		less.bytes--;
		check_lengths(less, rows[i].with, 1);
	}
}

static void what_is_longer_than_bytes_goes_alone(void **state)
{
	struct world w;

	(void)state;
	make_world(&w, (struct batch){.bytes = 10, .wait_ms = 1000}, NULL);
	add(&w, "1", 1);
	add(&w, "\"0123456789\"", 1);
	add(&w, "2", 1);
	add(&w, "3", 1);
	check_next(&w, 1, false, "1");
	check_next(&w, 1, false, "\"0123456789\"");
	check_next(&w, 1, false, "");
	check_next(&w, 1, true, "2 3");
	end_world(&w);
}

static void beyond_the_budget_the_oldest_goes_first(void **state)
{
	struct buf text = BUF_INIT;
	struct world w;
	struct draft **drafts;
	size_t n_added = 0, n;

	(void)state;
	make_world(&w, (struct batch){.bytes = 64 << 20, .size = 1000, .wait_ms = 1000}, NULL);
	buf_addc(&text, '"');
	for (size_t i = 0; i < 1 << 20; i++)
		buf_addc(&text, 'x');
	buf_addc(&text, '"');
	while (gather_bytes(w.gather) <= gather_budget) {
		char url[16];

		check_eq(gather_take(w.gather, 1, false, &drafts), 0);
		(void)snprintf(url, sizeof(url), "/%zu", n_added++ % 4);
		add_to(&w, 1, url, buf_text(&text), 1);
	}
	check_eq(n_added, 8); /* of a MiB and what a draft needs beside */
	check_eq(gather_due_ms(w.gather), 1);
	n = gather_take(w.gather, 1, false, &drafts);
	check_eq(n, 2);
	check_text(drafts[0]->url, "/0");
	free_drafts(drafts, n);
	check(gather_bytes(w.gather) < gather_budget);
	check_eq(gather_take(w.gather, 1, false, &drafts), 0);
	buf_deinit(&text);
	end_world(&w);
}

static void what_left_weighs_nothing(void **state)
{
	struct world w;

	(void)state;
	make_world(&w, (struct batch){.size = 3}, NULL);
	check_eq(gather_bytes(w.gather), 0);
	for (size_t i = 0; i < 10; i++)
		add(&w, "{\"a\":[1,2.5,null,true,\"text\"],\"b\":{}}", 1);
	check(gather_bytes(w.gather) > 10 * 500);
	for (size_t i = 0; i < 3; i++)
		check_next(&w, 0, false,
		           "{\"a\":[1,2.5,null,true,\"text\"],\"b\":{}} "
		           "{\"a\":[1,2.5,null,true,\"text\"],\"b\":{}} "
		           "{\"a\":[1,2.5,null,true,\"text\"],\"b\":{}}");
	check_next(&w, 1, true, "{\"a\":[1,2.5,null,true,\"text\"],\"b\":{}}");
	check_eq(gather_bytes(w.gather), 0);
	check_eq(gather_n(w.gather), 0);
	end_world(&w);
}

/* Each draft must come out once, whatever is asked in between; groups keep their order. */
static void nothing_is_lost_or_doubled(void **state)
{
	unsigned seed = 7, n_out = 0, last[8] = {0};
	struct draft **drafts;
	struct world w;
	size_t n;

	(void)state;
	make_world(&w, (struct batch){.size = 7, .wait_ms = 40}, NULL);
	for (unsigned now = 1; now <= 5000; now++) {
		char url[16], body[16];
		bool all;

		seed = seed * 1103515245 + 12345;
		(void)snprintf(url, sizeof(url), "/%u", (seed >> 16) % 8);
		(void)snprintf(body, sizeof(body), "%u", now);
		add_to(&w, 1, url, body, now);
		all = (seed >> 20) % 97 == 0 || now == 5000;
		while ((n = gather_take(w.gather, now, all, &drafts)) > 0) {
			for (size_t i = 0; i < n; i++) {
				unsigned *at = &last[drafts[i]->url[1] - '0'];
				const unsigned number =
					(unsigned)json_object_get_int(drafts[i]->body);

				check(number > *at);
				check(now - number <= 40);
				*at = number;
				n_out++;
			}
			check(n <= 7);
			free_drafts(drafts, n);
		}
	}
	check_eq(n_out, 5000);
	check_eq(gather_bytes(w.gather), 0);
	end_world(&w);
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
		sentence(a_group_goes_when_it_is_full),
		sentence(a_group_goes_when_its_first_draft_has_waited),
		sentence(routes_that_wait_shorter_go_earlier),
		sentence(the_end_takes_all_in_the_order_of_their_first_draft),
		sentence(only_what_is_the_same_shares_a_call),
		sentence(drafts_tell_whether_they_share_a_call),
		sentence(calls_of_one_url_go_in_the_order_of_the_source),
		sentence(a_body_is_no_longer_than_bytes),
		sentence(what_is_longer_than_bytes_goes_alone),
		sentence(beyond_the_budget_the_oldest_goes_first),
		sentence(what_left_weighs_nothing),
		sentence(nothing_is_lost_or_doubled),
		sentence(an_array_is_the_list),
		sentence(a_keyed_array_has_constants_beside_its_list),
		sentence(an_expression_makes_the_body_of_the_list),
		sentence(a_batch_has_a_part_for_each_draft_and_no_identity),
		sentence(a_batch_of_one_can_be_halved_no_more_but_has_its_draft),
		sentence(notes_of_a_batch_are_bounded),
		sentence(what_a_format_cannot_carry_is_rejected),
	};

	return run_sentences(sentences);
}
