#include "connector/shape/again.h"
#include "connector/shape/steps.h"
#include "lib/buf.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <string.h>

/*
 * What was rejected, found in what the record gives now. Outputs and rejects are written as
 * "0a 1b+": ordinal, route (- for none), and + where it stands for all that would have come.
 */

static char names[][2] = {"a", "b", "c", "d"};
static struct route items[4] = {
	{.name = names[0]}, {.name = names[1]}, {.name = names[2]}, {.name = names[3]}};
static const struct route_set routes = {.items = items, .n = 4};

static const char *next_word(const char *text)
{
	text += strcspn(text, " ");
	return text + strspn(text, " ");
}

static struct shape_result shaped(const char *text)
{
	struct shape_result result = {0};

	for (; *text; text = next_word(text)) {
		struct shape_output *output =
			shape_add_output(&result, text[1] == '-' ? NULL : &items[text[1] - 'a']);

		output->ordinal = (unsigned)(text[0] - '0');
		output->takes_rest = text[2] == '+';
		rejection_set(&output->rejection, REJECT_TRANSFORM, "field", "message");
	}
	return result;
}

static size_t rejects(const char *text, struct rejected_output *ret_list)
{
	size_t n = 0;

	for (; *text; text = next_word(text))
		ret_list[n++] = (struct rejected_output){
			.ordinal = (unsigned)(text[0] - '0'),
			.takes_rest = text[2] == '+',
			.route = text[1] == '-' ? "" : names[text[1] - 'a'],
		};
	return n;
}

static char *text_of(const struct shape_result *result)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < result->n; i++) {
		const struct shape_output *o = &result->items[i];

		buf_addf(&b, "%s%u%s%s", i ? " " : "", o->ordinal, o->route ? o->route->name : "-",
		         o->takes_rest ? "+" : "");
		check_text(o->rejection.message, "message");
		check_text(o->rejection.field, "field");
	}
	if (result->n_skipped)
		buf_addf(&b, " skipped %u", result->n_skipped);
	return b.len ? buf_take(&b) : mem_strdup("");
}

struct row {
	const char *was, *now, *taken;
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct shape_result result = shaped(rows[i].now);
		struct rejected_output was[8];
		const size_t n_was = rejects(rows[i].was, was);
		char *text;

		shape_narrow(&routes, &result, was, n_was);
		text = text_of(&result);
		if (strcmp(text, rows[i].taken) != 0)
			fail_msg("%s of %s: %s", rows[i].was, rows[i].now, text);
		free(text);
		shape_result_deinit(&result);
	}
}

static void only_what_was_rejected_is_left(void **state)
{
	static const struct row rows[] = {
		{"1b", "0a 1b 2c", "1b skipped 2"},
		{"0a 2c", "0a 1b 2c", "0a 2c skipped 1"},
		{"0a", "0a", "0a"},
		{"0-", "0a", "0a"},
		{"1a", "0a 1a 2a", "1a skipped 2"}, /* a transform that gives several */
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(*rows));
}

static void a_reject_that_stood_for_more_leaves_all_behind_it(void **state)
{
	static const struct row rows[] = {
		{"1b+", "0a 1b 2c", "1b 2c skipped 1"},
		{"0-+", "0a 1b", "0a 1b"},
		{"1-+", "0a 1b 2c+", "1b 2c+ skipped 1"},
		{"0b 1c+", "0b 1c 2d", "0b 1c 2d"},
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(*rows));
}

static void routes_that_moved_are_found_by_their_names(void **state)
{
	static const struct row rows[] = {
		{"1b", "0c 1a 2b", "2b skipped 2"},
		{"1b", "0b", "0b"},
		/* Which of them it was cannot be said, and the others were sent. */
		{"1b", "0b 1a 2b", " skipped 3"},
		{"1b", "0a 1c", " skipped 2"},
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(*rows));
}

static void what_is_not_known_stays_rejected_as_what_it_was(void **state)
{
	static const struct row rows[] = {
		/* The transform of the file fails now: of nothing is known what it would be. */
		{"1b", "0-+", "1b"},
		{"1b 3d", "0-+", "1b 3d"},
		{"1b+", "0-+", "1b+"},
		{"0a 2c+", "0-+", "0a 2c+"},
		/* A condition fails: what came before it is known. */
		{"0a", "0a 1b+", "0a skipped 1"},
		{"2c", "0a 1b+", "2c skipped 1"},
		{"1b", "0a 1c+", "1b skipped 1"},
		{"0b", "0a 1b+", "0b skipped 1"},
		/* It goes on standing for all from where it is. */
		{"0-+", "0a 1b+", "0a 1b+"},
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(*rows));
}

static void a_record_that_gives_nothing_any_more_leaves_nothing(void **state)
{
	static const struct row row = {"0a 1b+", "", ""};

	(void)state;
	check_rows(&row, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(only_what_was_rejected_is_left),
		sentence(a_reject_that_stood_for_more_leaves_all_behind_it),
		sentence(routes_that_moved_are_found_by_their_names),
		sentence(what_is_not_known_stays_rejected_as_what_it_was),
		sentence(a_record_that_gives_nothing_any_more_leaves_nothing),
	};

	return run_sentences(tests);
}
