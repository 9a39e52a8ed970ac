#include "connector/sandbox/doubts.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <string.h>

static void every_doubt_has_a_name_help_and_two_ways_at_least(void **state)
{
	(void)state;
	for (size_t d = 0; d < BOX_N_DOUBTS; d++) {
		const struct box_doubt_row *row = &box_doubt_rows[d];

		check(*row->name && *row->help);
		check(row->values[0] && row->values[1]);
		check(!d || strcmp(box_doubt_rows[d - 1].name, row->name) < 0);
	}
}

static void a_doubt_is_as_usual_until_it_is_set(void **state)
{
	struct box_doubts doubts = {0};
	struct err err;

	(void)state;
	check_text(box_doubt_value(&doubts, DOUBT_SLASH), "308");
	check_eq(box_doubts_set_text(&doubts, "slash=301", &err), 0);
	check(box_doubt_is(&doubts, DOUBT_SLASH, "301"));
	check_eq(box_doubts_set(&doubts, "slash", "308", &err), 0);
	check(box_doubt_is(&doubts, DOUBT_SLASH, "308"));
}

static void what_is_no_doubt_is_a_sentence_and_changes_nothing(void **state)
{
	struct box_doubts doubts = {0};
	struct err err;

	(void)state;
	check_eq(box_doubts_set_text(&doubts, "slash", &err), -EINVAL);
	check_text(err.text, "\"slash\" must be NAME=VALUE");
	check_eq(box_doubts_set(&doubts, "slash", "302", &err), -EINVAL);
	check_text(err.text, "slash must be 308 or 301, not \"302\"");
	check_eq(box_doubts_set_text(&doubts, "=", &err), -ENOENT);
	check_text(err.text, "the sandbox has no switch called \"\"");
	for (size_t d = 0; d < BOX_N_DOUBTS; d++)
		check_eq(doubts.chosen[d], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(every_doubt_has_a_name_help_and_two_ways_at_least),
		sentence(a_doubt_is_as_usual_until_it_is_set),
		sentence(what_is_no_doubt_is_a_sentence_and_changes_nothing),
	};

	return run_sentences(tests);
}
