#include "connector/engine/private.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <stdio.h>

/* Whom a draft that waits for others must not be overtaken by. */

static struct batch batch = {.size = 100, .bytes = 1 << 20};
static struct route route = {.batch = &batch};
static struct waiting *waiting;
static struct record *record;

static int begin(void **state)
{
	(void)state;
	waiting = waiting_new();
	record = record_new();
	return 0;
}

static int end(void **state)
{
	(void)state;
	waiting_free(waiting);
	record_unref(record);
	return 0;
}

static struct request *call(const char *owns, const char *shares)
{
	struct request *r = request_new();

	if (owns)
		request_add_lane(r, owns, true);
	if (shares)
		request_add_lane(r, shares, false);
	return r;
}

static struct draft *draft_to(const char *url)
{
	struct draft *d = draft_new(record, &route, 0);

	d->url = mem_strdup(url);
	return d;
}

static struct draft *wait_at(const char *url, const char *owns, const char *shares)
{
	struct draft *d = draft_to(url);
	struct request *r = call(owns, shares);

	waiting_add(waiting, d, r);
	request_free(r);
	return d;
}

static void go(struct draft *draft)
{
	waiting_remove(waiting, draft);
	check_null(draft->lanes);
	draft_free(draft);
}

static const struct draft *before(const char *owns, const char *shares, const struct draft *joining)
{
	struct request *r = call(owns, shares);
	const struct draft *draft = waiting_before(waiting, r, joining);

	request_free(r);
	return draft;
}

static void owners_exclude_everybody_and_sharers_only_owners(void **state)
{
	struct draft *owner = wait_at("/a/", "lead_1", NULL);
	struct draft *sharer = wait_at("/a/", NULL, "lead_2");

	(void)state;
	check(before("lead_1", NULL, NULL) == owner);
	check(before(NULL, "lead_1", NULL) == owner);
	check(before("lead_2", NULL, NULL) == sharer);
	check_null(before(NULL, "lead_2", NULL));
	check_null(before("lead_3", "lead_4", NULL));
	check(before("lead_3", "lead_1", NULL) == owner);
	go(owner);
	check_null(before("lead_1", NULL, NULL));
	go(sharer);
	check_null(before("lead_2", NULL, NULL));
}

static void those_that_share_its_call_are_in_nobodys_way(void **state)
{
	struct draft *owner = wait_at("/a/", "lead_1", NULL);
	struct draft *same = draft_to("/a/"), *other = draft_to("/b/");

	(void)state;
	check_null(before("lead_1", NULL, same));
	check_null(before(NULL, "lead_1", same));
	check(before("lead_1", NULL, other) == owner);
	draft_free(same);
	draft_free(other);
	go(owner);
}

static void an_owner_meets_each_sharer_of_another_call(void **state)
{
	struct draft *same = wait_at("/a/", NULL, "lead_1");
	struct draft *other = wait_at("/b/", NULL, "lead_1");
	struct draft *too = wait_at("/a/", NULL, "lead_1");
	struct draft *joining = draft_to("/a/");

	(void)state;
	check(before("lead_1", NULL, joining) == other);
	go(other);
	check_null(before("lead_1", NULL, joining));
	draft_free(joining);
	go(same);
	check(before("lead_1", NULL, NULL) == too);
	go(too);
}

static void thousands_come_and_go_in_any_order(void **state)
{
	enum { n = 20000 };
	struct draft **drafts = mem_array(n, sizeof(*drafts));

	(void)state;
	for (size_t i = 0; i < n; i++) {
		char own[32], shared[32];

		(void)snprintf(own, sizeof(own), "lead_%zu", i);
		(void)snprintf(shared, sizeof(shared), "user_%zu", i % 7);
		drafts[i] = wait_at("/a/", own, shared);
	}
	check(before("lead_12345", NULL, NULL) == drafts[12345]);
	for (size_t i = 0; i < n; i++)
		go(drafts[i * 7919 % n]);
	check_null(before("lead_12345", "user_1", NULL));
	check_null(before("user_1", NULL, NULL));
	free(drafts);
}

int main(void)
{
#define with_waiting(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		with_waiting(owners_exclude_everybody_and_sharers_only_owners),
		with_waiting(those_that_share_its_call_are_in_nobodys_way),
		with_waiting(an_owner_meets_each_sharer_of_another_call),
		with_waiting(thousands_come_and_go_in_any_order),
	};

	return run_sentences(tests);
}
