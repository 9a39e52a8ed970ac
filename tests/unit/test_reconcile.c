#include "connector/close/catalogue.h"
#include "connector/close/reconcile.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <string.h>

static const char field[] = "custom.cf_B2";
static const char *const values[] = {"N-104", "N-105", "\"quoted\""};
static const struct crm_sought sought = {
	.object = "lead", .field = field, .values = values, .n = 3};

static struct json_object *parse(const char *text)
{
	struct json_object *value = NULL;
	struct err err = {{0}};

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, &err), 0);
	return value;
}

static void every_kind_that_takes_an_identity_can_be_searched(void **state)
{
	const struct operation_set *set = crm_catalogue();

	(void)state;
	for (size_t i = 0; i < set->n; i++)
		if (strcmp(set->items[i].lookup, "search") == 0)
			check(crm_search_knows(set->items[i].object));
	check(crm_search_knows("activity.custom"));
	check(!crm_search_knows("activity.note"));
	check(!crm_search_knows(""));
}

static void the_question_names_kind_field_values_and_order(void **state)
{
	cleanup_(freep) char *body = crm_search_body("lead", field, values, 3, NULL);

	(void)state;
	check_text(body,
	           "{\"query\":{\"type\":\"and\",\"queries\":["
	           "{\"type\":\"object_type\",\"object_type\":\"lead\"},"
	           "{\"type\":\"or\",\"queries\":["
	           "{\"type\":\"field_condition\",\"field\":{\"type\":\"custom_field\","
	           "\"custom_field_id\":\"cf_B2\"},\"condition\":{\"type\":\"text\","
	           "\"mode\":\"exact_value\",\"value\":\"N-104\"}},"
	           "{\"type\":\"field_condition\",\"field\":{\"type\":\"custom_field\","
	           "\"custom_field_id\":\"cf_B2\"},\"condition\":{\"type\":\"text\","
	           "\"mode\":\"exact_value\",\"value\":\"N-105\"}},"
	           "{\"type\":\"field_condition\",\"field\":{\"type\":\"custom_field\","
	           "\"custom_field_id\":\"cf_B2\"},\"condition\":{\"type\":\"text\","
	           "\"mode\":\"exact_value\",\"value\":\"\\\"quoted\\\"\"}}"
	           "]}]},\"_fields\":{\"lead\":[\"id\",\"date_created\",\"custom.cf_B2\"]},"
	           "\"sort\":[{\"direction\":\"asc\",\"field\":{\"type\":\"regular_field\","
	           "\"object_type\":\"lead\",\"field_name\":\"date_created\"}}],\"_limit\":200}");
}

static void the_next_page_is_asked_for_by_its_cursor(void **state)
{
	cleanup_(freep) char *body = crm_search_body("lead", field, values, 1, "a\"b");
	cleanup_(json_freep) struct json_object *json = parse(body);

	(void)state;
	check_text(json_get_string(json, "cursor"), "a\"b");
}

static void activities_are_searched_under_another_name(void **state)
{
	cleanup_(freep) char *body = crm_search_body("activity.custom", field, values, 1, NULL);

	(void)state;
	check(strstr(body,
	             "{\"type\":\"object_type\",\"object_type\":\"activity.custom_activity\"}"));
	check(strstr(body, "\"_fields\":{\"activity.custom_activity\":["));
}

static int read_page(const char *text, struct crm_matches *matches)
{
	cleanup_(json_freep) struct json_object *answer = parse(text);
	struct err err = {{0}};
	const int r = crm_search_read(answer, &sought, matches, &err);

	check((r < 0) == (err.text[0] != '\0'));
	return r;
}

static void only_equal_values_are_found(void **state)
{
	struct crm_matches matches = {0};

	(void)state;
	check_eq(read_page(
			 "{\"data\":["
			 "{\"__object_type\":\"lead\",\"id\":\"lead_1\",\"custom.cf_B2\":\"N-104\","
			 "\"date_created\":\"2026-03-09T13:00:00\"},"
			 "{\"id\":\"lead_2\",\"custom.cf_B2\":\"N-1045\"},"
			 "{\"id\":\"lead_3\",\"custom.cf_B2\":\"n-104\"},"
			 "{\"id\":\"lead_4\"},"
			 "{\"id\":\"lead_5\",\"custom.cf_B2\":\" N-105 \"},"
			 "{\"id\":\"lead_6\",\"custom.cf_B2\":[\"x\",\"\\\"quoted\\\"\"]},"
			 "{\"id\":\"lead_7\",\"custom.cf_B2\":105},"
			 "{\"id\":\"lead_8\",\"custom.cf_C3\":\"N-104\"},"
			 "{\"id\":\"lead_9\",\"custom.cf_B2\":\"N-104\"}"
			 "],\"cursor\":null}",
			 &matches),
	         0);
	check_eq(matches.n, 4);
	check_eq(matches.items[0].value, 0);
	check_text(matches.items[0].id, "lead_1");
	check_text(matches.items[0].date_created, "2026-03-09T13:00:00");
	check_eq(matches.items[1].value, 1);
	check_text(matches.items[1].id, "lead_5");
	check_text(matches.items[1].date_created, "");
	check_eq(matches.items[2].value, 2);
	check_text(matches.items[2].id, "lead_6");
	check_eq(matches.items[3].value, 0);
	check_text(matches.items[3].id, "lead_9");
	check_null(matches.cursor);
	crm_matches_deinit(&matches);
}

static void pages_add_up_without_repeating_an_object(void **state)
{
	struct crm_matches matches = {0};

	(void)state;
	check_eq(read_page("{\"data\":[{\"id\":\"lead_1\",\"custom.cf_B2\":\"N-104\"}],"
	                   "\"cursor\":\"next\"}",
	                   &matches),
	         0);
	check_text(matches.cursor, "next");
	check_eq(read_page("{\"data\":[{\"id\":\"lead_1\",\"custom.cf_B2\":\"N-104\"},"
	                   "{\"id\":\"lead_2\",\"custom.cf_B2\":\"N-105\"}]}",
	                   &matches),
	         0);
	check_null(matches.cursor);
	check_eq(matches.n, 2);
	check_text(matches.items[1].id, "lead_2");
	crm_matches_deinit(&matches);
}

static void only_the_oldest_of_many_are_kept(void **state)
{
	struct crm_matches matches = {0};
	struct buf text = BUF_INIT;

	(void)state;
	buf_adds(&text, "{\"data\":[");
	for (int i = 0; i < 50; i++)
		buf_addf(&text, "%s{\"id\":\"lead_%d\",\"custom.cf_B2\":\"N-104\"}", i ? "," : "",
		         i);
	buf_adds(&text, "]}");
	check_eq(read_page(buf_text(&text), &matches), 0);
	check_eq(matches.n, crm_search_matches);
	check_text(matches.items[0].id, "lead_0");
	crm_matches_deinit(&matches);
	buf_deinit(&text);
}

static void an_answer_that_is_no_search_answer_proves_nothing(void **state)
{
	static const char *const answers[] = {
		"null",
		"[]",
		"{}",
		"{\"data\":null}",
		"{\"data\":{}}",
		"{\"data\":[1]}",
		"{\"data\":[{\"id\":\"lead_1\",\"custom.cf_B2\":\"N-104\"},{\"id\":7}]}",
	};
	struct crm_matches matches = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		check_eq(read_page(answers[i], &matches), -EBADMSG);
	check_eq(matches.n, 0);
}

static void the_canary_is_the_newest_object_of_the_kind(void **state)
{
	cleanup_(freep) char *body = crm_canary_body("contact");

	(void)state;
	check_text(body,
	           "{\"query\":{\"type\":\"object_type\",\"object_type\":\"contact\"},"
	           "\"_fields\":{\"contact\":[\"id\",\"date_created\"]},"
	           "\"sort\":[{\"direction\":\"desc\",\"field\":{\"type\":\"regular_field\","
	           "\"object_type\":\"contact\",\"field_name\":\"date_created\"}}],\"_limit\":1}");
}

static void check_canary(const char *text, int r, int64_t created_ms)
{
	cleanup_(json_freep) struct json_object *answer = parse(text);
	struct err err = {{0}};
	int64_t ms = -1;

	check_eq(crm_canary_read(answer, &ms, &err), r);
	check_eq(ms, created_ms);
	check((r < 0) == (err.text[0] != '\0'));
}

static void the_canary_tells_when_it_was_created(void **state)
{
	(void)state;
	check_canary("{\"data\":[{\"id\":\"lead_1\",\"date_created\":"
	             "\"2026-03-09T13:00:00.130000+00:00\"}],\"cursor\":\"more\"}",
	             1, INT64_C(1773061200130));
	check_canary("{\"data\":[]}", 0, -1);
	check_canary("{\"data\":[{\"id\":\"lead_1\"}]}", -EBADMSG, -1);
	check_canary("{\"data\":[{\"id\":\"lead_1\",\"date_created\":\"soon\"}]}", -EBADMSG, -1);
	check_canary("{\"error\":\"no\"}", -EBADMSG, -1);
}

static void a_touched_lead_tells_its_last_change_in_both_answers(void **state)
{
	static const struct {
		const char *text;
		int r;
	} answers[] = {
		{"{\"id\":\"lead_1\",\"date_updated\":\"2026-03-09T13:00:00.130000+00:00\"}", 1},
		{"{\"data\":[{\"id\":\"lead_1\",\"date_updated\":\"2026-03-09T13:00:00.130000\"}]}",
	         1},
		{"{\"data\":[]}", 0},
		{"{\"data\":[{\"id\":\"lead_1\"}]}", -EBADMSG},
		{"{\"error\":\"no\"}", -EBADMSG},
	};
	cleanup_(freep) char *body = crm_touched_body("lead_1");
	cleanup_(freep) char *path = crm_touch_path("lead_1");

	(void)state;
	check_text(path, "/lead/lead_1/");
	check_text(body, "{\"query\":{\"type\":\"and\",\"queries\":[{\"type\":\"object_type\","
	                 "\"object_type\":\"lead\"},{\"type\":\"id\",\"value\":\"lead_1\"}]},"
	                 "\"_fields\":{\"lead\":[\"id\",\"date_updated\"]},\"_limit\":1}");
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		cleanup_(json_freep) struct json_object *answer = parse(answers[i].text);
		int64_t ms = -1;

		check_eq(crm_touched_read(answer, &ms, NULL), answers[i].r);
		check_eq(ms, answers[i].r == 1 ? INT64_C(1773061200130) : -1);
	}
}

static void times_are_read_in_all_forms_close_writes(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{"2026-03-09T13:00:00.130000+00:00", INT64_C(1773061200130)},
		{"2026-03-09T13:00:00.130999", INT64_C(1773061200130)},
		{"2026-03-09T13:00:00.1Z", INT64_C(1773061200100)},
		{"2026-03-09T13:00:00Z", INT64_C(1773061200000)},
		{"2026-03-09T14:30:00+01:30", INT64_C(1773061200000)},
		{"2026-03-09T12:00:00-0100", INT64_C(1773061200000)},
		{"2026-03-09", -1},
		{"2026-03-09T13:00:00+1", -1},
		{"2026-03-09T13:00:00+01:000", -1},
		{"2026-03-09T13:00:00 UTC", -1},
		{"", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ms = -1;

		check_eq(crm_time_parse(cases[i].text, &ms), cases[i].ms >= 0);
		check_eq(ms, cases[i].ms);
	}
}

static void a_number_is_the_same_however_it_is_written(void **state)
{
	static const char *const numbers[] = {"77.0", "78"};
	static const struct crm_sought two = {
		.object = "lead", .field = field, .values = numbers, .n = 2};
	struct crm_matches matches = {0};
	cleanup_(json_freep) struct json_object *answer =
		parse("{\"data\":[{\"id\":\"lead_A\",\"custom.cf_B2\":77},"
	              "{\"id\":\"lead_B\",\"custom.cf_B2\":79},"
	              "{\"id\":\"lead_C\",\"custom.cf_B2\":true}]}");

	(void)state;
	check_eq(crm_search_read(answer, &two, &matches, NULL), 0);
	check_eq(matches.n, 1);
	check_eq(matches.items[0].value, 0);
	check_text(matches.items[0].id, "lead_A");
	crm_matches_deinit(&matches);
}

/* The list of a lead */

static void check_list(const char *object, const char *of, int64_t from_ms, size_t skip,
                       const char *expected)
{
	cleanup_(freep) char *path = crm_list_path(object, of, from_ms, skip);

	if (expected)
		check_text(path, expected);
	else
		check_null(path);
}

static void what_stands_below_a_lead_is_asked_for_page_by_page(void **state)
{
	char group[crm_group_name_size];

	(void)state;
	check_list("contact", "lead_A", 0, 0, "/contact/?lead_id=lead_A&_limit=100&_skip=0");
	check_text(crm_list_group("contact", group), "read:contact");
	check_list("activity.custom", "lead_A", 0, 200,
	           "/activity/custom/?lead_id=lead_A&_limit=100&_skip=200");
	check_list("custom_object", "a&b=/", 0, 0,
	           "/custom_object/?lead_id=a%26b%3D%2F&_limit=100&_skip=0");
	check_list("lead", "lead_A", 0, 0, NULL);
	check_list("bulk_action.email", "lead_A", 0, 0, NULL);
}

static void lists_that_can_be_are_cut_to_what_was_made_since(void **state)
{
	(void)state;
	check_list("activity.note", "lead_A", 1773061200000, 0,
	           "/activity/note/?lead_id=lead_A&date_created__gte="
	           "2026-03-09T13%3A00%3A00%2B00%3A00&_limit=100&_skip=0");
	check_list("task", "lead_A", 1773061200000, 0,
	           "/task/?lead_id=lead_A&_type=all&date_created__gte="
	           "2026-03-09T13%3A00%3A00%2B00%3A00&_limit=100&_skip=0");
	check_list("contact", "lead_A", 1773061200000, 0,
	           "/contact/?lead_id=lead_A&_limit=100&_skip=0");
}

static void named_things_are_listed_all_and_comments_by_their_object(void **state)
{
	char group[crm_group_name_size];

	(void)state;
	check_list("status.lead", "", 0, 0, "/status/lead/");
	check_list("sms_template", "", 0, 100, "/sms_template/?_limit=100&_skip=100");
	check_list("comment", "acti_A", 0, 0, "/comment/?object_id=acti_A");
	check_text(crm_list_group("status.lead", group), "read:status");
	check_null(crm_list_key("status.lead"));
	check_text(crm_list_key("comment"), "object_id");
}

static void a_message_is_asked_for_by_its_external_id(void **state)
{
	cleanup_(freep) char *path = crm_external_path("activity.whatsapp_message", "wa 1");

	(void)state;
	check_text(path, "/activity/whatsapp_message/?external_whatsapp_message_id=wa%201");
}

/* Whoever can be proven without an identity, and by which list, follows from the catalogue. */
static void every_create_that_names_a_lookup_has_a_place(void **state)
{
	static const char *const without[] = {"custom_field.shared.associate",
	                                      "shared_scheduling_link.map"};
	const struct operation_set *set = crm_catalogue();

	(void)state;
	for (size_t i = 0; i < set->n; i++) {
		const struct operation *op = &set->items[i];
		const bool has_lookup = op->method == METHOD_POST && *op->lookup;
		bool is_without = false;

		for (size_t k = 0; k < sizeof(without) / sizeof(without[0]); k++)
			is_without |= strcmp(without[k], op->name) == 0;
		check_eq(crm_content_knows(op), has_lookup && !is_without);
		if (crm_content_knows(op) && strcmp(op->object, "lead") != 0)
			check(crm_has_list(op->object));
	}
	check(!crm_content_knows(NULL));
}

static void a_list_tells_its_newest_and_whether_there_is_more(void **state)
{
	struct crm_matches matches = {0};
	struct crm_list_page page;
	int64_t newest;
	cleanup_(json_freep) struct json_object *answer =
		parse("{\"has_more\":true,\"data\":["
	              "{\"id\":\"cont_A\",\"date_created\":\"2026-03-09T13:00:01.5+00:00\"},"
	              "{\"id\":\"cont_B\",\"date_created\":\"2026-03-09T13:00:03+00:00\","
	              "\"custom.cf_B2\":\"N-105\"},"
	              "{\"id\":\"cont_C\"}]}");

	(void)state;
	check(crm_time_parse("2026-03-09T13:00:03+00:00", &newest));
	check_eq(crm_list_read(answer, &sought, &matches, &page, NULL), 0);
	check_eq(page.n, 3);
	check(page.has_more);
	check_eq(page.newest_ms, newest);
	check_eq(matches.n, 1);
	check_eq(matches.items[0].value, 1);
	check_text(matches.items[0].id, "cont_B");
	crm_matches_deinit(&matches);
}

static void what_is_no_list_is_a_sentence(void **state)
{
	struct crm_matches matches = {0};
	struct crm_list_page page;
	cleanup_(json_freep) struct json_object *none = parse("{\"error\":\"x\"}");
	cleanup_(json_freep) struct json_object *odd = parse("{\"data\":[{}]}");
	struct err err = {{0}};

	(void)state;
	check_eq(crm_list_read(none, &sought, &matches, &page, &err), -EBADMSG);
	check_text(err.text, "the answer of the lead's list has no list \"data\"");
	check_eq(crm_list_read(odd, &sought, &matches, &page, &err), -EBADMSG);
	check_text(err.text, "the answer of the lead's list has an object without an id");
}

/* The event log */

static void the_log_is_asked_by_filters_that_may_stand_together(void **state)
{
	cleanup_(freep) char *first = crm_events_path("activity.custom", NULL);
	cleanup_(freep) char *second = crm_events_path("lead", "a b");

	(void)state;
	check_text(first, "/event/?object_type=activity.custom_activity&action=created");
	check_text(second, "/event/?object_type=lead&action=created&_cursor=a%20b");
	check_text(crm_event_group, "read:event");
}

#define EVENT(id, second, data)                                                                    \
	"{\"object_id\":\"" id "\",\"date_created\":\"2026-03-09T13:00:" second                    \
	"\",\"date_updated\":\"2026-03-09T13:00:" second "\",\"data\":" data "}"

static void the_log_is_read_back_to_the_attempt(void **state)
{
	struct crm_matches matches = {0};
	struct crm_events events = {0};
	cleanup_(json_freep) struct json_object *page =
		parse("{\"cursor_next\":\"c2\",\"data\":[" EVENT("lead_C", "09", "{}") "," EVENT(
			"lead_B", "08", "{\"name\":\"B\",\"custom.cf_B2\":\"N-104\"}") "]}");
	cleanup_(json_freep) struct json_object *older =
		parse("{\"cursor_next\":\"c3\",\"data\":[" EVENT(
			"lead_A", "01", "{\"custom.cf_B2\":\"N-105\"}") "]}");

	(void)state;
	check(crm_time_parse("2026-03-09T13:00:05", &events.from_ms));
	check_eq(crm_events_read(page, &sought, &events, &matches, NULL), 0);
	check(!events.is_complete && events.shows_field);
	check_text(events.cursor, "c2");
	check_text(events.unclear[0], "lead_C");
	check_null(events.unclear[1]);
	check_null(events.fieldless);
	check_eq(crm_events_read(older, &sought, &events, &matches, NULL), 0);
	check(events.is_complete);
	check_eq(matches.n, 1); /* what was made before the attempt is another's */
	check_text(matches.items[0].id, "lead_B");
	crm_events_deinit(&events);
	crm_matches_deinit(&matches);
}

static void the_end_of_the_log_is_its_end_too(void **state)
{
	struct crm_matches matches = {0};
	struct crm_events events = {0};
	cleanup_(json_freep) struct json_object *page = parse(
		"{\"cursor_next\":null,\"data\":[" EVENT("lead_B", "08", "{\"name\":\"B\"}") "]}");

	(void)state;
	check_eq(crm_events_read(page, &sought, &events, &matches, NULL), 0);
	check(events.is_complete && !events.shows_field && !events.unclear && !events.cursor);
	check_text(events.fieldless[0], "lead_B");
	crm_events_deinit(&events);
}

static void the_newest_event_tells_when_and_of_what(void **state)
{
	cleanup_(json_freep) struct json_object *page =
		parse("{\"data\":[" EVENT("lead_B", "08", "null") "]}");
	cleanup_(json_freep) struct json_object *joined = parse(
		"{\"data\":[{\"object_id\":\"lead_C\",\"date_created\":\"2026-03-09T12:00:00\","
		"\"date_updated\":\"2026-03-09T13:00:08\"}]}");
	cleanup_(json_freep) struct json_object *none = parse("{\"data\":[]}");
	cleanup_(json_freep) struct json_object *odd = parse("{\"data\":[{\"object_id\":\"x\"}]}");
	int64_t at, wanted;
	const char *id;

	(void)state;
	check(crm_time_parse("2026-03-09T13:00:08", &wanted));
	check_eq(crm_newest_event_read(page, &at, &id, NULL), 1);
	check_eq(at, wanted);
	check_text(id, "lead_B");
	check_eq(crm_newest_event_read(joined, &at, &id, NULL), 1);
	check_eq(at, wanted);
	check_eq(crm_newest_event_read(none, &at, &id, NULL), 0);
	check_eq(crm_newest_event_read(odd, &at, &id, NULL), -EBADMSG);
	check_eq(crm_newest_event_read(NULL, &at, &id, NULL), -EBADMSG);
}

static void what_is_no_log_is_a_sentence(void **state)
{
	struct crm_matches matches = {0};
	struct crm_events events = {0};
	cleanup_(json_freep) struct json_object *none = parse("[]");
	cleanup_(json_freep) struct json_object *odd = parse("{\"data\":[{\"object_id\":\"x\"}]}");
	struct err err = {{0}};

	(void)state;
	check_eq(crm_events_read(none, &sought, &events, &matches, &err), -EBADMSG);
	check_text(err.text, "the answer of /event/ has no list \"data\"");
	check_eq(crm_events_read(odd, &sought, &events, &matches, &err), -EBADMSG);
	check_text(err.text, "the answer of /event/ has an event without object_id or a readable "
	                     "date_created");
	crm_events_deinit(&events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(every_kind_that_takes_an_identity_can_be_searched),
		sentence(the_question_names_kind_field_values_and_order),
		sentence(the_next_page_is_asked_for_by_its_cursor),
		sentence(activities_are_searched_under_another_name),
		sentence(only_equal_values_are_found),
		sentence(pages_add_up_without_repeating_an_object),
		sentence(only_the_oldest_of_many_are_kept),
		sentence(an_answer_that_is_no_search_answer_proves_nothing),
		sentence(a_number_is_the_same_however_it_is_written),
		sentence(what_stands_below_a_lead_is_asked_for_page_by_page),
		sentence(lists_that_can_be_are_cut_to_what_was_made_since),
		sentence(named_things_are_listed_all_and_comments_by_their_object),
		sentence(a_message_is_asked_for_by_its_external_id),
		sentence(every_create_that_names_a_lookup_has_a_place),
		sentence(a_list_tells_its_newest_and_whether_there_is_more),
		sentence(what_is_no_list_is_a_sentence),
		sentence(the_log_is_asked_by_filters_that_may_stand_together),
		sentence(the_log_is_read_back_to_the_attempt),
		sentence(the_end_of_the_log_is_its_end_too),
		sentence(the_newest_event_tells_when_and_of_what),
		sentence(what_is_no_log_is_a_sentence),
		sentence(the_canary_is_the_newest_object_of_the_kind),
		sentence(the_canary_tells_when_it_was_created),
		sentence(a_touched_lead_tells_its_last_change_in_both_answers),
		sentence(times_are_read_in_all_forms_close_writes),
	};

	return run_sentences(tests);
}
