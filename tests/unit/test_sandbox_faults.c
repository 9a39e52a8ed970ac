#include "connector/sandbox/faults.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <string.h>

/* "x..x" for requests that met the fault and did not. */
static const char *met(const char *rule, const char *method, const char *path, size_t n)
{
	struct box_faults *faults = box_faults_new();
	static char text[64];

	check_eq(box_faults_add_text(faults, rule, NULL), 0);
	for (size_t i = 0; i < n; i++)
		text[i] = box_faults_match(faults, method, path) ? 'x' : '.';
	text[n] = '\0';
	box_faults_free(faults);
	return text;
}

static void a_rule_says_which_requests_it_meets(void **state)
{
	(void)state;
	check_text(met("reset_after", "POST", "/lead/", 3), "xxx");
	check_text(met("reset_after every=3", "POST", "/lead/", 7), "..x..x.");
	check_text(met("reset_after n=2", "POST", "/lead/", 4), ".x..");
	check_text(met("reset_after times=2", "POST", "/lead/", 4), "xx..");
	check_text(met("reset_after every=2 times=1", "POST", "/lead/", 5), ".x...");
	check_text(met("reset_after path=/lead/", "POST", "/lead/lead_1/", 1), "x");
	check_text(met("reset_after path=/lead/", "POST", "/contact/", 1), ".");
	check_text(met("reset_after method=PUT", "POST", "/lead/", 1), ".");
}

static void only_the_first_of_two_rules_is_met_but_both_count(void **state)
{
	struct box_faults *faults = box_faults_new();
	const struct box_fault *first, *second;

	(void)state;
	check_eq(box_faults_add_text(faults, "reset_before n=2", NULL), 0);
	check_eq(box_faults_add_text(faults, "close_after every=2", NULL), 0);
	check_null(box_faults_match(faults, "GET", "/me/"));
	first = box_faults_match(faults, "GET", "/me/");
	check_text(first->kind->name, "reset_before");
	check_null(box_faults_match(faults, "GET", "/me/"));
	second = box_faults_match(faults, "GET", "/me/");
	check_text(second->kind->name, "close_after");
	box_faults_clear(faults);
	check_null(box_faults_match(faults, "GET", "/me/"));
	box_faults_free(faults);
}

static void json_and_flags_mean_the_same(void **state)
{
	static const char text[] = "{\"match\":{\"method\":\"POST\",\"n\":1},\"fault\":\"status\","
				   "\"status\":503,\"body\":{\"error\":\"x\"}}";
	struct box_faults *faults = box_faults_new();
	struct json_object *rule = NULL;
	const struct box_fault *fault;

	(void)state;
	check_eq(json_parse(text, strlen(text), 0, &rule, NULL, NULL), 0);
	check_eq(box_faults_add(faults, rule, NULL), 0);
	json_object_put(rule);
	fault = box_faults_match(faults, "POST", "/lead/");
	check_eq(fault->status, 503);
	check_text(fault->body, "{\"error\":\"x\"}");
	box_faults_clear(faults);
	check_eq(box_faults_add_text(faults, "status status=503 method=POST n=1", NULL), 0);
	check_eq(box_faults_match(faults, "POST", "/lead/")->status, 503);
	box_faults_free(faults);
}

static void a_plan_takes_what_the_rule_says_else_the_default(void **state)
{
	struct box_faults *faults = box_faults_new();
	struct box_tcp_plan plan;

	(void)state;
	check_eq(box_faults_add_text(faults, "body_cut times=1", NULL), 0);
	check_eq(box_faults_add_text(faults, "slow_body bytes=3 ms=7", NULL), 0);
	plan = box_fault_plan(box_faults_match(faults, "GET", "/me/"));
	check_eq(plan.act, BOX_TCP_CUT_BODY);
	check_eq(plan.bytes, 10);
	plan = box_fault_plan(box_faults_match(faults, "GET", "/me/"));
	check_eq(plan.act, BOX_TCP_SLOW);
	check_eq(plan.bytes, 3);
	check_eq(plan.every_ms, 7);
	box_faults_free(faults);
}

static void nonsense_is_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *rule, *says;
	} rows[] = {
		{"", "there is no fault \"\""},
		{"explode", "there is no fault \"explode\""},
		{"reset_after often", "must be KEY=VALUE"},
		{"reset_after every=often", "every must be a whole number"},
		{"reset_after n=-1", "n must be a whole number"},
		{"status status=999", "status must be from 200 to 599"},
	};
	struct box_faults *faults = box_faults_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err;

		check_eq(box_faults_add_text(faults, rows[i].rule, &err), -EINVAL);
		check(strstr(err.text, rows[i].says) != NULL);
	}
	check_null(box_faults_match(faults, "GET", "/me/"));
	box_faults_free(faults);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_rule_says_which_requests_it_meets),
		sentence(only_the_first_of_two_rules_is_met_but_both_count),
		sentence(json_and_flags_mean_the_same),
		sentence(a_plan_takes_what_the_rule_says_else_the_default),
		sentence(nonsense_is_refused_with_a_sentence),
	};

	return run_sentences(tests);
}
