#include "lib/near.h"
#include "tests/unit/check.h"

static const char *const keys[] = {
	"source",       "routes",      "close",       "responses",
	"retry_for",    "lead.create", "lead.update", "activity.note.create",
	"unknown_keys", "run",         NULL};

static void a_mistyped_word_finds_its_name(void **state)
{
	static const struct {
		const char *word, *near;
	} cases[] = {
		{"souce", "source"},
		{"sorce", "source"},
		{"Routes", "routes"},
		{"route", "routes"},
		{"respones", "responses"},
		{"retry-for", "retry_for"},
		{"lead.craete", "lead.create"},
		{"lead.updat", "lead.update"},
		{"activity.notes.create", "activity.note.create"},
		{"unknownkeys", "unknown_keys"},
		{"rnu", "run"},
		{"run", "run"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *near = near_name(cases[i].word, keys);

		check(near != NULL);
		check_text(near, cases[i].near);
	}
}

static void a_word_unlike_all_names_finds_none(void **state)
{
	static const char *const words[] = {
		"",
		"x",
		"frobnicate",
		"rxy",
		"lead.merge.all.of.them",
		"0123456789012345678901234567890123456789012345678901234567890123456789"};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		check_null(near_name(words[i], keys));
}

static void the_nearest_wins_and_the_first_of_equals(void **state)
{
	static const char *const names[] = {"abcdef", "abcdeg", "abcdxy", NULL};

	(void)state;
	check_text(near_name("abcdxz", names), "abcdxy");
	check_text(near_name("abcdeh", names), "abcdef");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_mistyped_word_finds_its_name),
		sentence(a_word_unlike_all_names_finds_none),
		sentence(the_nearest_wins_and_the_first_of_equals),
	};

	return run_sentences(tests);
}
