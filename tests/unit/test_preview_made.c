#include "connector/cli/preview_made.h"

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

/* What made_before() says of a create on @line with these keys. */
static const char *before(struct made *made, uint64_t line, const char *lead_id,
                          const char *const *emails)
{
	struct lookup match = {.kind = mem_strdup("contact"), .lead_id = mem_strdup(lead_id)};
	struct record record = {.source_name = mem_strdup("in.ndjson"), .line = line};
	const struct draft create = {.match = &match, .record = &record};
	const char *place;

	for (; *emails; emails++)
		lookup_add_field(lookup_add_key(&match), "email", *emails, lookup_like_of("email"));
	place = made_before(made, &create);
	lookup_deinit(&match);
	free(record.source_name);
	return place;
}

#define emails(...) ((const char *const[]){__VA_ARGS__, NULL})

static void any_key_of_what_an_earlier_record_makes_finds_it(void **state)
{
	struct made *made = made_new();

	(void)state;
	check(!before(made, 1, NULL, emails("ana@x.example", "ana@y.example")));
	check(!before(made, 2, NULL, emails("bo@x.example")));
	check_text(before(made, 3, NULL, emails("ana@x.example")), "in.ndjson:1");
	check_text(before(made, 4, NULL, emails("ana@z.example", "ana@y.example")), "in.ndjson:1");
	check(!before(made, 5, NULL, emails("ana@z.example"))); /* line 4 made nothing */
	check_text(before(made, 6, NULL, emails("BO@x.example ")), "in.ndjson:2");
	made_free(made);
}

static void people_of_two_leads_are_two(void **state)
{
	struct made *made = made_new();

	(void)state;
	check(!before(made, 1, "lead_1", emails("ana@x.example")));
	check(!before(made, 2, "lead_2", emails("ana@x.example")));
	check(!before(made, 3, NULL, emails("ana@x.example")));
	check_text(before(made, 4, "lead_2", emails("ana@x.example")), "in.ndjson:2");
	made_free(made);
}

static void only_so_many_keys_are_kept(void **state)
{
	struct made *made = made_new();

	(void)state;
	for (uint64_t i = 1; i <= made_max_keys + 1; i++) {
		cleanup_(freep) char *email = mem_printf("%llu@x.example", (unsigned long long)i);

		check(!before(made, i, NULL, emails(email)));
		if (i > made_max_keys)
			check(!before(made, i + 1, NULL, emails(email)));
	}
	check_text(before(made, 1, NULL, emails("1@x.example")), "in.ndjson:1");
	made_free(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(any_key_of_what_an_earlier_record_makes_finds_it),
		sentence(people_of_two_leads_are_two),
		sentence(only_so_many_keys_are_kept),
	};

	return run_sentences(tests);
}
