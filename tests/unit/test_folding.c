#include "connector/engine/private.h"
#include "lib/json.h"
#include "tests/unit/journal_case.h"

/* What answers teach of lists under .add and .remove. */

#define ADDS "{\"custom.cf_1.add\":[\"a\",\"b\"]}"

static struct engine engine;

static int begin_engine(void **state)
{
	begin(state);
	engine = (struct engine){.journal = journal};
	return 0;
}

/* Whether a call of @n_parts records with this body is to be divided after this answer. */
static bool is_partial(const char *body, size_t n_parts, unsigned status, const char *text)
{
	struct request *r = request_new();
	struct json_object *answer = NULL;
	bool is_partial;

	r->method = METHOD_PUT;
	r->url = mem_strdup("/lead/lead_1/");
	r->body = mem_strdup(body);
	r->body_len = strlen(body);
	r->answer.status = status;
	r->n_parts = n_parts;
	check_eq(json_parse(text, strlen(text), 0, &answer, NULL, NULL), 0);
	is_partial = folding_is_partial(&engine, r, answer, status == 200);
	r->n_parts = 0;
	json_object_put(answer);
	request_free(r);
	return is_partial;
}

static void an_answer_with_all_values_teaches_nothing(void **state)
{
	(void)state;
	check(!is_partial(ADDS, 2, 200, "{\"id\":\"lead_1\",\"custom.cf_1\":[\"b\",\"a\"]}"));
	check(!engine.adds_singly);
}

static void an_answer_that_lacks_a_value_has_the_call_divided(void **state)
{
	(void)state;
	check(is_partial(ADDS, 2, 200, "{\"id\":\"lead_1\",\"custom.cf_1\":[\"a\"]}"));
	check(engine.adds_singly);
}

static void what_one_record_says_is_its_own_affair(void **state)
{
	(void)state;
	check(!is_partial(ADDS, 1, 200, "{\"id\":\"lead_1\"}"));
	check(!is_partial(ADDS, 1, 400, "{\"field-errors\":{\"custom.cf_1.add\":\"no\"}}"));
	check(!engine.adds_singly);
}

static void a_refusal_counts_where_it_names_the_list(void **state)
{
	static const struct {
		const char *answer;
		bool counts;
	} rows[] = {
		{"{\"field-errors\":{\"name\":\"no\"}}", false},
		{"{\"field-errors\":{\"custom.cf_12\":\"no\"}}", false},
		{"{\"field-errors\":{\"custom.cf\":\"no\"}}", false},
		{"{\"errors\":[\"no\"]}", false},
		{"{\"field-errors\":{\"custom.cf_1\":\"no\"}}", true},
		{"{\"field-errors\":{\"custom.cf_1.add\":\"no\"}}", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		engine.adds_singly = false;
		/* A refused call is halved as any other: nothing special is to be done. */
		check(!is_partial(ADDS, 2, 400, rows[i].answer));
		check_eq(engine.adds_singly, rows[i].counts);
	}
}

static void the_next_run_knows(void **state)
{
	(void)state;
	folding_load(&engine);
	check(!engine.adds_singly);
	(void)is_partial(ADDS, 2, 400, "{\"field-errors\":{\"custom.cf_1.add\":\"no\"}}");
	engine.adds_singly = false;
	folding_load(&engine);
	check(engine.adds_singly);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		cmocka_unit_test_setup_teardown(an_answer_with_all_values_teaches_nothing,
	                                        begin_engine, end),
		cmocka_unit_test_setup_teardown(an_answer_that_lacks_a_value_has_the_call_divided,
	                                        begin_engine, end),
		cmocka_unit_test_setup_teardown(what_one_record_says_is_its_own_affair,
	                                        begin_engine, end),
		cmocka_unit_test_setup_teardown(a_refusal_counts_where_it_names_the_list,
	                                        begin_engine, end),
		cmocka_unit_test_setup_teardown(the_next_run_knows, begin_engine, end),
	};

	return run_sentences(sentences);
}
