#include "lib/natural.h"
#include "tests/unit/check.h"

/* In their order. */
static const char *const names[] = {
	"",
	"/",
	"0",
	"001",
	"01",
	"1",
	"1a",
	"2",
	"10",
	"18446744073709551616",
	"99999999999999999999999999999998",
	"99999999999999999999999999999999",
	"100000000000000000000000000000000",
	"A",
	"a",
	"a/z",
	"a-b",
	"a.ndjson",
	"a1b2",
	"a01b10",
	"a1b10",
	"a2b1",
	"part-1.ndjson",
	"part-1.ndjson.gz",
	"part-2.ndjson",
	"part-9.ndjson",
	"part-10.ndjson",
	"part-11.ndjson",
	"x/2/1",
	"x/2/10",
	"x/10/1",
	"\xc3\xa4",
};

enum { n_names = sizeof(names) / sizeof(names[0]) };

static void every_pair_has_the_order_of_the_list(void **state)
{
	(void)state;
	for (int i = 0; i < n_names; i++) {
		for (int k = 0; k < n_names; k++) {
			const int order = natural_compare(names[i], names[k]);

			if ((i < k && order >= 0) || (i > k && order <= 0) || (i == k && order))
				fail_msg("%s and %s compare as %d", names[i], names[k], order);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(every_pair_has_the_order_of_the_list),
	};

	return run_sentences(tests);
}
