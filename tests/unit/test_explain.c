#include "connector/close/explain.h"
#include "connector/close/verdict.h"
#include "connector/model/exit_code.h"
#include "connector/model/outcome.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

static void check_explains(const char *code, const char *kind, const char *found)
{
	struct crm_explanation explanation;

	check(crm_explain(code, &explanation));
	check_text(explanation.kind, kind);
	check_text(explanation.code, found);
}

static void statuses_exit_codes_and_classes_are_explained(void **state)
{
	(void)state;
	check_explains("429", "HTTP status", "429");
	check_explains("200", "HTTP status", "2xx");
	check_explains("308", "HTTP status", "3xx");
	check_explains("418", "HTTP status", "4xx");
	check_explains("507", "HTTP status", "5xx");
	check_explains("5XX", "HTTP status", "5xx");
	check_explains("75", "exit code", "75");
	check_explains("exit 75", "exit code", "75");
	check_explains("EXIT0", "exit code", "0");
	check_explains("130", "exit code", "130");
	check_explains("validation", "reject class", "validation");
	check_explains("Duplicate_Identity", "reject class", "duplicate_identity");
}

static void what_nobody_knows_is_not_explained(void **state)
{
	static const char *const codes[] = {"",       "3", "700",   "099", "exit",
	                                    "exit 3", "x", "12345", "-1",  "exit 429"};
	struct crm_explanation explanation = {.code = "untouched"};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		check(!crm_explain(codes[i], &explanation));
	check_text(explanation.code, "untouched");
}

static void every_exit_code_and_class_has_a_text(void **state)
{
	static const enum exit_code codes[] = {
		EXIT_DONE,  EXIT_UNSETTLED, EXIT_USAGE,   EXIT_INPUT,    EXIT_UNREACHABLE, EXIT_BUG,
		EXIT_LOCAL, EXIT_AGAIN,     EXIT_REFUSED, EXIT_PIPELINE, EXIT_INTERRUPTED};
	char text[16];

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		(void)snprintf(text, sizeof(text), "%d", (int)codes[i]);
		check_explains(text, "exit code", text);
	}
	for (int i = REJECT_NONE + 1; i < n_reject_classes; i++) {
		const char *name = reject_class_name((enum reject_class)i);

		check_explains(name, "reject class", name);
	}
}

/* Every status judged by a row of its own is explained by one of its own. */
static void every_refusal_has_a_text_of_its_own(void **state)
{
	char text[16];

	(void)state;
	for (unsigned status = 400; status < 500; status++) {
		const struct crm_attempt attempt = {.n_sends = 1, .status = status};

		(void)snprintf(text, sizeof(text), "%u", status);
		if (crm_judge(&attempt).verdict != VERDICT_UNKNOWN)
			check_explains(text, "HTTP status", text);
	}
}

static void every_text_is_whole_sentences(void **state)
{
	struct crm_explanation explanation;
	size_t n = 0;

	(void)state;
	for (; crm_explain_nth(n, &explanation); n++) {
		check(explanation.meaning[strlen(explanation.meaning) - 1] == '.');
		check(explanation.advice[strlen(explanation.advice) - 1] == '.');
	}
	check(n > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(statuses_exit_codes_and_classes_are_explained),
		sentence(what_nobody_knows_is_not_explained),
		sentence(every_exit_code_and_class_has_a_text),
		sentence(every_refusal_has_a_text_of_its_own),
		sentence(every_text_is_whole_sentences),
	};

	return run_sentences(tests);
}
