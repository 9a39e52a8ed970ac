/* Its own file is part of this one, so that a test can see how large the set grew. */
#include "connector/engine/identities.c" /* NOLINT(bugprone-suspicious-include) */
#include "tests/unit/check.h"

#include <stdio.h>

static void take(struct identities *set, char *object, char *field, char *value, bool expected)
{
	const struct request r = {
		.object = object, .identity_field = field, .identity_value = value};

	check(identities_take(set, &r) == expected);
}

static void release(struct identities *set, char *value)
{
	const struct request r = {.object = (char[]){"lead"},
	                          .identity_field = (char[]){"custom.cf_1"},
	                          .identity_value = value};

	identities_release(set, &r);
}

static void an_identity_is_taken_once_until_it_is_released(void **state)
{
	struct identities *set = identities_new();

	(void)state;
	take(set, (char[]){"lead"}, (char[]){"custom.cf_1"}, (char[]){"77"}, true);
	take(set, (char[]){"lead"}, (char[]){"custom.cf_1"}, (char[]){"77"}, false);
	take(set, (char[]){"lead"}, (char[]){"custom.cf_1"}, (char[]){"7"}, true);
	take(set, (char[]){"lead"}, (char[]){"custom.cf_2"}, (char[]){"77"}, true);
	take(set, (char[]){"contact"}, (char[]){"custom.cf_1"}, (char[]){"77"}, true);
	release(set, (char[]){"77"});
	take(set, (char[]){"lead"}, (char[]){"custom.cf_1"}, (char[]){"7"}, false);
	take(set, (char[]){"lead"}, (char[]){"custom.cf_1"}, (char[]){"77"}, true);
	identities_free(set);
}

static void one_that_was_never_taken_may_be_released(void **state)
{
	struct identities *set = identities_new();

	(void)state;
	release(set, (char[]){"77"});
	take(set, (char[]){"lead"}, (char[]){"custom.cf_1"}, (char[]){"77"}, true);
	identities_free(set);
	identities_free(NULL);
}

static void nothing_is_lost_as_the_set_grows(void **state)
{
	struct identities *set = identities_new();
	char value[16];

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 5000; i++) {
			(void)snprintf(value, sizeof(value), "%d", i);
			take(set, (char[]){"lead"}, (char[]){"custom.cf_1"}, value, round == 0);
			if (round == 0 && i % 3 == 0) {
				release(set, value);
				take(set, (char[]){"lead"}, (char[]){"custom.cf_1"}, value, true);
			}
		}
	identities_free(set);
}

static void its_size_follows_what_is_open_and_not_the_length_of_the_input(void **state)
{
	struct identities *set = identities_new();
	char value[16];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		(void)snprintf(value, sizeof(value), "%d", i);
		take(set, (char[]){"lead"}, (char[]){"custom.cf_1"}, value, true);
		if (i >= 20) {
			(void)snprintf(value, sizeof(value), "%d", i - 20);
			release(set, value);
		}
	}
	check(set->n_slots <= 256);
	identities_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(an_identity_is_taken_once_until_it_is_released),
		sentence(one_that_was_never_taken_may_be_released),
		sentence(nothing_is_lost_as_the_set_grows),
		sentence(its_size_follows_what_is_open_and_not_the_length_of_the_input),
	};

	return run_sentences(tests);
}
