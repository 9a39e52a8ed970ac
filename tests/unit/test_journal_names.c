/* What the journal keeps of names: books of them, and how the keys of a request were written. */

#include "lib/buf.h"
#include "tests/unit/journal_case.h"

#include <stdlib.h>

static void add_row(void *arg, const char *kind, const char *text)
{
	buf_addf(arg, "%s=%s;", kind, text);
}

static void check_names(const char *expected)
{
	struct buf all = BUF_INIT;

	check_eq(journal_each_names(journal, add_row, &all, NULL), 0);
	check_text(buf_text(&all), expected);
	buf_deinit(&all);
}

static void a_book_is_kept_until_another_takes_its_place(void **state)
{
	(void)state;
	check_names("");
	journal_put_names(journal, "status/lead", "[1]", 5);
	journal_put_names(journal, "lead", "[2]", 6);
	commit();
	reopen();
	check_names("lead=[2];status/lead=[1];");
	journal_put_names(journal, "lead", "[3]", 7);
	commit();
	check_names("lead=[3];status/lead=[1];");
}

static void a_request_knows_how_its_keys_were_written(void **state)
{
	struct request *r = request_at(0), *again = NULL;

	(void)state;
	r->written = mem_strdup("{\"custom.cf_1\":\"custom.Industry\"}");
	journal_put_request(journal, r, NULL, NULL);
	commit();
	reopen();
	check_eq(journal_load_request(journal, r->seq, &again, NULL), 0);
	check_text(again->written, r->written);
	request_free(r);
	request_free(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_book_is_kept_until_another_takes_its_place, begin,
	                                        end),
		cmocka_unit_test_setup_teardown(a_request_knows_how_its_keys_were_written, begin,
	                                        end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
