#include "tests/unit/gather_case.h"

#include <stdio.h>

static char plain[] = "k", quoted[] = "k\"";

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

int main(void)
{
	const struct CMUnitTest sentences[] = {
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
	};

	return run_sentences(sentences);
}
