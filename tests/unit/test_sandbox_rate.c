#include "connector/sandbox/rate.h"
#include "tests/unit/check.h"

static struct box_rate_verdict search(struct box_rate *rate, const char *key, uint64_t now_ms)
{
	return box_rate_take(rate, key, "POST", "/data/search/", now_ms);
}

static void a_window_may_be_used_at_once_and_then_nothing_more(void **state)
{
	struct box_rate *rate = box_rate_new(8000);
	struct box_rate_verdict v;

	(void)state;
	for (uint32_t i = 0; i < 16; i++) {
		v = search(rate, "api_1", 1000 + i);
		check(v.is_allowed);
		check_eq(v.limit, 16);
		check_eq(v.remaining, 15 - i);
		check_eq(v.reset_ms, 8000 - i);
	}
	v = search(rate, "api_1", 5000);
	check(!v.is_allowed);
	check_eq(v.remaining, 0);
	check_eq(v.reset_ms, 4000);
	box_rate_free(rate);
}

static void the_next_window_begins_where_the_last_one_ended(void **state)
{
	struct box_rate *rate = box_rate_new(8000);

	(void)state;
	(void)search(rate, "api_1", 1000); /* until 9000 */
	check_eq(search(rate, "api_1", 12000).reset_ms, 5000);
	/* After a silence it begins with the request. */
	check_eq(search(rate, "api_1", 40000).reset_ms, 8000);
	box_rate_free(rate);
}

static void groups_are_counted_apart_and_reads_per_resource(void **state)
{
	static const struct {
		const char *method, *path;
		enum box_rate_group group;
	} rows[] = {
		{"POST", "/data/search/", BOX_RATE_SEARCH},
		{"POST", "/lead/", BOX_RATE_WRITE},
		{"PUT", "/contact/cont_1/", BOX_RATE_WRITE},
		{"DELETE", "/lead/lead_1/", BOX_RATE_DELETE_LEAD},
		{"DELETE", "/contact/cont_1/", BOX_RATE_DELETE},
		{"GET", "/lead/", BOX_RATE_READ},
	};
	struct box_rate *rate = box_rate_new(8000);
	const char *resource;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_eq(box_rate_group(rows[i].method, rows[i].path, &resource, &len),
		         rows[i].group);
	check_eq(box_rate_take(rate, "k", "POST", "/lead/", 1).remaining, 159);
	check_eq(box_rate_take(rate, "k", "PUT", "/contact/c/", 1).remaining, 158);
	check_eq(box_rate_take(rate, "k", "GET", "/lead/", 1).remaining, 159);
	check_eq(box_rate_take(rate, "k", "GET", "/lead/lead_1/", 1).remaining, 158);
	check_eq(box_rate_take(rate, "k", "GET", "/contact/", 1).remaining, 159);
	check_eq(box_rate_take(rate, "k", "DELETE", "/lead/l/", 1).remaining, 79);
	box_rate_free(rate);
}

static void the_organization_allows_three_times_a_key(void **state)
{
	static const char *const keys[] = {"api_1", "api_2", "api_3"};
	struct box_rate *rate = box_rate_new(8000);

	(void)state;
	for (size_t k = 0; k < 3; k++)
		for (int i = 0; i < 16; i++)
			check(search(rate, keys[k], 1000).is_allowed);
	check_eq(search(rate, "api_4", 1000).limit, 48);
	check(!search(rate, "api_4", 1000).is_allowed);
	box_rate_free(rate);
}

static void a_lowered_limit_holds_at_once(void **state)
{
	struct box_rate *rate = box_rate_new(8000);

	(void)state;
	(void)search(rate, "k", 1);
	(void)search(rate, "k", 1);
	box_rate_set(rate, BOX_RATE_SEARCH, 1);
	check(!search(rate, "k", 1).is_allowed);
	check_eq(search(rate, "k", 1).remaining, 0);
	check(search(rate, "k", 8001).is_allowed);
	box_rate_free(rate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_window_may_be_used_at_once_and_then_nothing_more),
		sentence(the_next_window_begins_where_the_last_one_ended),
		sentence(groups_are_counted_apart_and_reads_per_resource),
		sentence(the_organization_allows_three_times_a_key),
		sentence(a_lowered_limit_holds_at_once),
	};

	return run_sentences(tests);
}
