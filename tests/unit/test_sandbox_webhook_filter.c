#include "connector/sandbox/webhook_filter.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <string.h>

static struct json_object *parsed(const char *text)
{
	struct json_object *value = NULL;

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, NULL), 0);
	return value;
}

static bool passes(const char *filter_text, const char *value_text)
{
	struct json_object *filter = parsed(filter_text), *value = parsed(value_text);
	struct err err;
	bool is_passed;

	check_eq(box_webhook_filter_check(filter, &err), 0);
	is_passed = box_webhook_filter_passes(filter, value);
	json_object_put(filter);
	json_object_put(value);
	return is_passed;
}

static void a_value_is_compared_whole(void **state)
{
	(void)state;
	check(passes("{\"type\":\"equals\",\"value\":\"a\"}", "\"a\""));
	check(!passes("{\"type\":\"equals\",\"value\":\"a\"}", "\"ab\""));
	check(!passes("{\"type\":\"equals\",\"value\":\"a\"}", "null"));
	check(passes("{\"type\":\"equals\",\"value\":null}", "null"));
	check(passes("{\"type\":\"equals\",\"value\":[1]}", "[1]"));
	check(passes("{\"type\":\"not_equals\",\"value\":1}", "2"));
	check(!passes("{\"type\":\"not_equals\",\"value\":1}", "1"));
}

static void a_text_contains_a_part_and_a_list_an_item(void **state)
{
	(void)state;
	check(passes("{\"type\":\"contains\",\"value\":\"b\"}", "\"abc\""));
	check(passes("{\"type\":\"contains\",\"value\":\"b\"}", "[\"a\",\"b\"]"));
	check(!passes("{\"type\":\"contains\",\"value\":\"b\"}", "[\"abc\"]"));
	check(!passes("{\"type\":\"contains\",\"value\":null}", "\"abc\""));
	check(!passes("{\"type\":\"contains\",\"value\":1}", "{\"a\":1}"));
}

static void filters_are_joined_and_turned_round(void **state)
{
	(void)state;
	check(passes("{\"type\":\"and\",\"filters\":[]}", "1"));
	check(!passes("{\"type\":\"or\",\"filters\":[]}", "1"));
	check(passes("{\"type\":\"or\",\"filters\":[{\"type\":\"is_null\"},"
	             "{\"type\":\"non_null\"}]}",
	             "1"));
	check(!passes("{\"type\":\"and\",\"filters\":[{\"type\":\"is_null\"},"
	              "{\"type\":\"non_null\"}]}",
	              "1"));
	check(!passes("{\"type\":\"not\",\"filter\":{\"type\":\"non_null\"}}", "1"));
}

static void a_filter_leads_into_objects_and_lists(void **state)
{
	static const char filter[] =
		"{\"type\":\"field_accessor\",\"field\":\"a\",\"filter\":{\"type\":\"any_array_value\","
		"\"filter\":{\"type\":\"equals\",\"value\":2}}}";

	(void)state;
	check(passes(filter, "{\"a\":[1,2]}"));
	check(!passes(filter, "{\"a\":[1]}"));
	check(!passes(filter, "{\"a\":2}"));
	check(!passes(filter, "[2]"));
}

static void what_is_no_filter_is_a_sentence(void **state)
{
	static const char *const wrong[] = {
		"{}",
		"null",
		"{\"type\":\"like\"}",
		"{\"type\":\"equals\"}",
		"{\"type\":\"not\"}",
		"{\"type\":\"or\",\"filters\":{}}",
		"{\"type\":\"and\",\"filters\":[{\"type\":\"is_null\"},1]}",
		"{\"type\":\"field_accessor\",\"filter\":{\"type\":\"is_null\"}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct json_object *filter = parsed(wrong[i]);
		struct err err = {""};

		check_eq(box_webhook_filter_check(filter, &err), -EINVAL);
		check(*err.text);
		json_object_put(filter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_value_is_compared_whole),
		sentence(a_text_contains_a_part_and_a_list_an_item),
		sentence(filters_are_joined_and_turned_round),
		sentence(a_filter_leads_into_objects_and_lists),
		sentence(what_is_no_filter_is_a_sentence),
	};

	return run_sentences(tests);
}
