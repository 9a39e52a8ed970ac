#include "connector/model/outcome.h"
#include "tests/unit/check.h"

#include <string.h>

static void every_outcome_is_found_by_its_name(void **state)
{
	(void)state;
	for (int i = OUTCOME_OPEN; i <= OUTCOME_HELD; i++)
		check_eq(outcome_find(outcome_name((enum outcome)i)), i);
	check_text(outcome_name(OUTCOME_DELIVERED), "delivered");
	check_eq(outcome_find("lost"), OUTCOME_OPEN);
}

static void worse_outcomes_are_larger(void **state)
{
	(void)state;
	check(OUTCOME_FILTERED < OUTCOME_SKIPPED && OUTCOME_SKIPPED < OUTCOME_DELIVERED &&
	      OUTCOME_DELIVERED < OUTCOME_REJECTED && OUTCOME_REJECTED < OUTCOME_HELD);
}

static void the_reject_classes_are_the_published_list(void **state)
{
	static const char published[] =
		" json too_long tombstone transform number template unrouted guard field match link "
		"parent_rejected duplicate_identity required validation not_found permission "
		"too_large unexpected_answer server given_up unknown ";
	size_t len = 1;

	(void)state;
	for (int i = REJECT_NONE + 1; i < n_reject_classes; i++) {
		const char *name = reject_class_name((enum reject_class)i);
		const char *at = strstr(published, name);

		check(at != NULL);
		check_eq(reject_class_find(name), i);
		len += strlen(name) + 1;
	}
	check_eq(len, strlen(published));
	check_eq(reject_class_find("reset"), REJECT_NONE);
	check_eq(reject_class_find(""), REJECT_NONE);
	check_text(reject_class_name(REJECT_NONE), "");
}

static void check_sentence(const char *text)
{
	check(text[0] >= 'A' && text[0] <= 'Z');
	check(text[strlen(text) - 1] == '.');
}

static void every_class_says_what_happened_and_what_to_do(void **state)
{
	(void)state;
	for (int i = REJECT_NONE + 1; i < n_reject_classes; i++) {
		check_sentence(reject_class_meaning((enum reject_class)i));
		check_sentence(reject_class_advice((enum reject_class)i));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(every_outcome_is_found_by_its_name),
		sentence(worse_outcomes_are_larger),
		sentence(the_reject_classes_are_the_published_list),
		sentence(every_class_says_what_happened_and_what_to_do),
	};

	return run_sentences(tests);
}
