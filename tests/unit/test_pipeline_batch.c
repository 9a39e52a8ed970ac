/* batch: what a route makes of it, and what does not go together. */

#include "tests/unit/pipeline_case.h"

#include "connector/model/batch.h"

static const struct batch *batch_of(const struct pipeline *p)
{
	check_eq(p->n_errors, 0);
	return p->routes.items[0].batch;
}

static void a_batch_has_bounds_of_its_own_and_defaults(void **state)
{
	struct pipeline *p = case_load(
		V S C "routes: [{method: POST, url: /bulk/, batch: {algorithm: array}}]\n");
	const struct batch *batch = batch_of(p);

	(void)state;
	check_eq(batch->algorithm, BATCH_ARRAY);
	check_eq(batch->size, 100);
	check_eq(batch->wait_ms, 1000);
	check_eq(batch->bytes, 1 << 20);
	check_null(batch->key);
	check_eq(batch->jq, 0);
	pipeline_free(p);
	p = case_load(V S C
	              "routes: [{method: POST, url: /bulk/, batch: {algorithm: array, size: 7, "
	              "wait: 0s, bytes: 2KiB}}]\n");
	batch = batch_of(p);
	check_eq(batch->size, 7);
	check_eq(batch->wait_ms, 0);
	check_eq(batch->bytes, 2048);
	pipeline_free(p);
}

static void a_route_without_batch_makes_a_call_for_each_record(void **state)
{
	struct pipeline *p = case_good(V S C R);

	(void)state;
	check_null(p->routes.items[0].batch);
	pipeline_free(p);
}

static void a_keyed_array_has_a_key_and_constants(void **state)
{
	struct pipeline *p = case_load(
		V S C
		"vars: {region: north}\nroutes: [{method: POST, url: /bulk/, batch: {algorithm: keyed_array, "
		"key: items, with: {region: \"{@var.region}\", n: 1}, each: {kind: \"{kind}\"}}}]\n");
	const struct batch *batch = batch_of(p);
	const struct template_scope scope = {.record = NULL};
	struct json_object *value = NULL;

	(void)state;
	check_eq(batch->algorithm, BATCH_KEYED_ARRAY);
	check_text(batch->key, "items");
	check(batch->with && template_tree_is_container(batch->with));
	check_eq(template_tree_render(batch->each, &scope, &value, NULL), TEMPLATE_MISSING);
	pipeline_free(p);
}

static void the_algorithm_may_come_from_outside(void **state)
{
	struct pipeline *p =
		case_load(V S C "routes: [{method: POST, url: /bulk/, batch: {algorithm: "
	                        "{env: NOT_SET, default: keyed_array}, key: items}}]\n");

	(void)state;
	check_eq(batch_of(p)->algorithm, BATCH_KEYED_ARRAY);
	pipeline_free(p);
}

struct mistake {
	const char *text, *notes;
};

#define SENT                                                                                       \
	"5:30: warning: routes[0].url: the catalogue has no POST /bulk/: it is sent as written\n"
#define B(s)  V S C "routes: [{method: POST, url: /bulk/, batch: " s "}]\n"
#define OP(s) V S C "routes: [{operation: lead.create, batch: " s "}]\n"

static void keys_belong_to_their_algorithm(void **state)
{
	static const struct mistake mistakes[] = {
		{B("{}"), SENT "5:45: error: routes[0].batch: algorithm is missing: how records\n"},
		{B("{algorithm: keyed_array}"),
	         SENT "5:45: error: routes[0].batch: keyed_array needs key: the key of the list\n"},
		{B("{algorithm: expression}"),
	         SENT "5:45: error: routes[0].batch: expression needs program: a jq program\n"},
		{B("{algorithm: array, key: items, with: {a: 1}}"), SENT
	         "5:64: error: routes[0].batch: key belongs to keyed_array, and algorithm is array: take it out\n"
	         "5:76: error: routes[0].batch: with belongs to keyed_array, and algorithm is array\n"},
		{B("{algorithm: keyed_array, key: items, program: .}"), SENT
	         "5:82: error: routes[0].batch: program belongs to expression, and algorithm is keyed_array\n"},
		{B("{algorithm: array, by: \"{id}\"}"), SENT
	         "5:64: error: routes[0].batch: by belongs to merge and nest, and algorithm is array\n"},
		{B("{algorithm: nest, by: \"{id}\"}"), SENT
	         "5:45: error: routes[0].batch: nest needs into: the list of the lead\n"
	         "5:45: error: routes[0].batch: nest needs child: the contact that one row becomes\n"
	         "5:57: error: routes[0].batch: POST /bulk/ takes no rows: nest makes leads\n"},
		{B("{algorithm: merge}"), SENT
	         "5:57: error: routes[0].batch: merge folds updates of Close, and nothing is known\n"},
		{B("{algorithm: keyed_arry, key: a}"), SENT
	         "5:57: error: routes[0].batch.algorithm: must be array, keyed_array, expression, merge or nest, not \"keyed_arry\": did you mean \"keyed_array\"?\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++)
		case_check_notes(mistakes[i].text, mistakes[i].notes);
}

static void values_are_bounded_and_templates_literal(void **state)
{
	static const struct mistake mistakes[] = {
		{B("{algorithm: array, size: 0}"), SENT
	         "5:70: error: routes[0].batch.size: must be a whole number from 1 to 10000\n"},
		{B("{algorithm: array, bytes: 32MiB}"),
	         SENT "5:71: error: routes[0].batch.bytes: must be a size such as\n"},
		{B("{algorithm: keyed_array, key: items, with: \"{a}\"}"), SENT
	         "5:88: error: routes[0].batch.with: must be a map with placeholders in its texts, not the text \"{a}\"\n"},
		{B("{algorithm: keyed_array, key: items, each: {a: {b}}}"),
	         SENT "5:92: error: routes[0].batch.each.a: {b} without quotes is a YAML map\n"},
		{B("{algorithm: keyed_array, key: items, each: {a: {env: REGION}}}"), SENT
	         "5:92: error: routes[0].batch.each.a: values from outside do not stand here: name it under vars\n"},
		{B("{algorithm: keyed_array, key: items, with: {a: \"{@nwo}\"}}"), SENT
	         "5:92: error: routes[0].batch.with.a: {@nwo} is not known; did you mean {@now}?\n"},
		{B("{algorithm: keyed_array, key: items, with: {items: 1}}"),
	         SENT "5:88: error: routes[0].batch: has the key of the list itself, items\n"},
		{B("{algorithm: keyed_array, key: \"\"}"),
	         SENT "5:75: error: routes[0].batch.key: must not be empty\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++)
		case_check_notes(mistakes[i].text, mistakes[i].notes);
}

static void operations_of_close_take_no_lists(void **state)
{
	static const struct mistake mistakes[] = {
		{OP("{algorithm: array}"),
	         "5:54: error: routes[0].batch: lead.create takes no list: Close answers \"JSON data must be a dict\"\n"},
		{OP("{algorithm: keyed_array, key: leads}"),
	         "5:54: warning: routes[0].batch: lead.create takes one record a call\n"},
		{OP("{algorithm: keyed_array, key: contacts}"), ""},
		{V S C
	         "routes: [{operation: task.create, batch: {algorithm: expression, program: .}}]\n",
	         "5:54: warning: routes[0].batch: task.create takes one record a call\n"},
		{V S C
	         "routes: [{method: DELETE, url: /thing/, allow: [destroys], batch: {algorithm: array}}]\n",
	         "5:32: warning: routes[0].url: the catalogue has no DELETE /thing/\n"
	         "5:67: error: routes[0].batch: DELETE /thing/ takes no body\n"},
		{V S C
	         "routes: [{operation: lead.create, identity: {custom.cf_a: \"{id}\"}, batch: "
	         "{algorithm: expression, program: .}}]\n",
	         "5:75: error: routes[0].batch: batch and identity do not go together\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++)
		case_check_notes(mistakes[i].text, mistakes[i].notes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_batch_has_bounds_of_its_own_and_defaults),
		sentence(a_route_without_batch_makes_a_call_for_each_record),
		sentence(a_keyed_array_has_a_key_and_constants),
		sentence(the_algorithm_may_come_from_outside),
		sentence(keys_belong_to_their_algorithm),
		sentence(values_are_bounded_and_templates_literal),
		sentence(operations_of_close_take_no_lists),
	};

	return run_sentences(tests);
}
