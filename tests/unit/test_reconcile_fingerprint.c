#include "connector/close/catalogue.h"
#include "connector/close/reconcile.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <string.h>

/* Whether an object is what was sent: surely, surely not, or not to be told. */

static struct json_object *parse(const char *text)
{
	struct json_object *value = NULL;

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, NULL), 0);
	return value;
}

static enum crm_likeness like(enum delivery_class class, const char *sent, const char *shown)
{
	cleanup_(json_freep) struct json_object *body = parse(sent), *object = parse(shown);
	const struct crm_print print = {.class = class, .sent = body, .user = "user_us"};

	return crm_likeness(&print, object);
}

#define NOTE(more_) "{\"lead_id\":\"lead_A\"," more_ "}"
#define check_note(sent_, shown_, expected_)                                                       \
	check_eq(like(CLASS_C, NOTE(sent_), NOTE(shown_)), (expected_))

static void the_same_note_is_the_same_whatever_else_it_shows(void **state)
{
	(void)state;
	check_note("\"note\":\"Called\"", "\"note\":\"Called\",\"id\":\"acti_1\",\"title\":null",
	           CRM_SAME);
	check_note("\"note\":\" Called\\n\"", "\"note\":\"Called\"", CRM_SAME);
	check_note("\"note\":\"Called\",\"pinned\":true", "\"note\":\"Called\"", CRM_SAME);
	check_note("\"note\":\"Called\",\"title\":null", "\"note\":\"Called\"", CRM_SAME);
}

static void another_text_or_lead_is_another_note(void **state)
{
	(void)state;
	check_note("\"note\":\"Called\"", "\"note\":\"Called again\"", CRM_DIFFERENT);
	check_eq(like(CLASS_C, "{\"lead_id\":\"lead_A\",\"note\":\"x\"}",
	              "{\"lead_id\":\"lead_B\",\"note\":\"x\"}"),
	         CRM_DIFFERENT);
}

static void what_formatting_could_explain_is_unclear(void **state)
{
	(void)state;
	check_note("\"note\":\"<b>Called</b>\"", "\"note\":\"Called\"", CRM_UNCLEAR);
	check_note("\"note\":\"a  b\"", "\"note\":\"a b\"", CRM_UNCLEAR);
	check_note("\"note\":\"x\",\"title\":\"T\"", "\"note\":\"x\"", CRM_UNCLEAR);
	check_note("\"note\":\"x\",\"title\":\"T\"", "\"note\":\"x\",\"title\":null", CRM_UNCLEAR);
}

static void html_is_the_same_by_its_text(void **state)
{
	(void)state;
	check_note("\"note_html\":\"<body><p onclick='a'>A &amp; B</p></body>\"",
	           "\"note_html\":\"<body><p>A &amp; B</p></body>\"", CRM_SAME);
	check_note("\"note_html\":\"<body>A</body>\"", "\"note_html\":\"<body>B</body>\"",
	           CRM_DIFFERENT);
}

static void a_long_text_that_is_cut_is_unclear(void **state)
{
	(void)state;
	check_note("\"note\":\"0123456789012345678901234567890123456789012345678901234567890123X\"",
	           "\"note\":\"0123456789012345678901234567890123456789012345678901234567890123\"",
	           CRM_UNCLEAR);
}

static void what_somebody_changed_since_is_unclear(void **state)
{
	(void)state;
	check_note("\"note\":\"Called\"",
	           "\"note\":\"Called twice\",\"date_created\":\"2026-03-09T13:00:00\","
	           "\"date_updated\":\"2026-03-09T13:05:00\"",
	           CRM_UNCLEAR);
	check_note("\"note\":\"Called\"",
	           "\"note\":\"Called twice\",\"date_created\":\"2026-03-09T13:00:00\","
	           "\"date_updated\":\"2026-03-09T13:00:01\"",
	           CRM_DIFFERENT);
}

static void what_another_user_made_is_not_ours(void **state)
{
	(void)state;
	check_note("\"note\":\"x\"", "\"note\":\"x\",\"created_by\":\"user_us\"", CRM_SAME);
	check_note("\"note\":\"x\"", "\"note\":\"x\",\"created_by\":\"user_B\"", CRM_DIFFERENT);
	check_note("\"note\":\"x\",\"created_by_id\":\"user_B\"",
	           "\"note\":\"x\",\"created_by\":\"user_B\"", CRM_SAME);
	check_note("\"note\":\"x\",\"user_id\":\"user_B\"",
	           "\"note\":\"x\",\"user_id\":\"user_C\",\"created_by\":\"user_us\"",
	           CRM_DIFFERENT);
	check_note("\"note\":\"x\",\"user_id\":\"user_B\"",
	           "\"note\":\"x\",\"user_id\":\"user_B\",\"created_by\":\"user_B\"", CRM_SAME);
}

static void times_are_the_same_in_any_zone(void **state)
{
	(void)state;
	check_note("\"activity_at\":\"2026-03-09T14:00:00+01:00\"",
	           "\"activity_at\":\"2026-03-09T13:00:00+00:00\"", CRM_SAME);
	check_note("\"activity_at\":\"2026-03-09T13:00:00Z\"",
	           "\"activity_at\":\"2026-03-09T13:00:01.5+00:00\"", CRM_DIFFERENT);
	/* A time without a zone may have been taken for one of the organization's. */
	check_note("\"activity_at\":\"2026-03-09T13:00:00\"",
	           "\"activity_at\":\"2026-03-09T08:00:00+00:00\"", CRM_UNCLEAR);
	check_note("\"activity_at\":\"2026-03-09T13:00:00\"",
	           "\"activity_at\":\"2026-03-09T08:01:00+00:00\"", CRM_DIFFERENT);
	check_note("\"date\":\"2026-03-09\"", "\"date\":\"2026-03-09T00:00:00+00:00\"", CRM_SAME);
	check_note("\"date\":\"2026-03-09\"", "\"date\":\"2026-03-12\"", CRM_DIFFERENT);
}

static void a_phone_in_a_countrys_own_form_is_unclear(void **state)
{
	(void)state;
	check_note("\"phone\":\"+1 800 444-5555\"", "\"phone\":\"+18004445555\"", CRM_SAME);
	check_note("\"phone\":\"8004445555\"", "\"phone\":\"+18004445555\"", CRM_UNCLEAR);
	check_note("\"phone\":\"+18004445556\"", "\"phone\":\"+18004445555\"", CRM_DIFFERENT);
	check_note("\"phone\":\"+44 (0)20 7946 0000\"", "\"phone\":\"+442079460000\"", CRM_UNCLEAR);
	check_note("\"phone\":\"+1 650 555 0100 ext. 12\"", "\"phone\":\"+16505550100\"",
	           CRM_UNCLEAR);
}

static void letters_may_be_written_in_another_way(void **state)
{
	(void)state;
	check_note("\"note_html\":\"<p>Caf&eacute; in Z&uuml;rich</p>\"",
	           "\"note_html\":\"<p>Café in Zürich</p>\"", CRM_UNCLEAR);
	check_note("\"note_html\":\"a&nbsp;b\"", "\"note_html\":\"a\u00a0b\"", CRM_UNCLEAR);
	check_note("\"note_html\":\"Caf&eacute; one\"", "\"note_html\":\"Café two\"",
	           CRM_DIFFERENT);
	check_note("\"note\":\"Jose\u0301 called\"", "\"note\":\"José called\"", CRM_UNCLEAR);
	check_note("\"note\":\"José called\"", "\"note\":\"José wrote\"", CRM_DIFFERENT);
	/* Other scripts have no second way. */
	check_note("\"note\":\"Иван\"", "\"note\":\"Анна\"", CRM_DIFFERENT);
	check_note("\"note\":\"中文\"", "\"note\":\"文中\"", CRM_DIFFERENT);
}

static void numbers_and_receivers_are_compared(void **state)
{
	(void)state;
	check_note("\"duration\":30", "\"duration\":30.0", CRM_SAME);
	check_note("\"duration\":30", "\"duration\":31", CRM_DIFFERENT);
	check_note("\"duration\":12.6", "\"duration\":12", CRM_UNCLEAR);
	check_note("\"to\":[\"Ana <A@b.example>\"]", "\"to\":[\"a@b.example\"]", CRM_SAME);
	check_note("\"to\":[\"a@b.example\"]", "\"to\":[\"c@b.example\"]", CRM_DIFFERENT);
	check_note("\"to\":[\"a@b.example\"]", "\"to\":null", CRM_UNCLEAR);
	check_note("\"sender\":\"Ana <a@b.example>\"", "\"sender\":\"A@b.example\"", CRM_SAME);
	check_note("\"sender\":\"a@b.example\"", "\"sender\":\"c@b.example\"", CRM_DIFFERENT);
}

static void of_an_object_every_scalar_must_be_equal(void **state)
{
	static const char sent[] =
		"{\"name\":\"Ana\",\"custom.cf_1\":\"Gold\",\"url\":\"b.example\","
		"\"emails\":[{\"email\":\"A@b.example\"}],\"status\":\"New\"}";

	(void)state;
	check_eq(like(CLASS_A, sent,
	              "{\"name\":\"Ana\",\"custom.cf_1\":\"Gold\",\"url\":\"http://b.example/\","
	              "\"emails\":[{\"email\":\"a@b.example\"}]}"),
	         CRM_SAME);
	check_eq(like(CLASS_A, sent,
	              "{\"name\":\"Ana\",\"custom.cf_1\":\"Silver\",\"url\":\"http://b.example/\","
	              "\"emails\":[{\"email\":\"a@b.example\"}]}"),
	         CRM_DIFFERENT);
	check_eq(like(CLASS_A, sent,
	              "{\"name\":\"Ana\",\"url\":\"http://b.example/\","
	              "\"emails\":[{\"email\":\"a@b.example\"}]}"),
	         CRM_UNCLEAR);
	/* A user that was sent by name is shown by id. */
	check_eq(like(CLASS_A, "{\"name\":\"Ana\",\"custom.cf_2\":\"Bo Li\"}",
	              "{\"name\":\"Ana\",\"custom.cf_2\":\"user_B\"}"),
	         CRM_UNCLEAR);
	check_eq(like(CLASS_A, "{\"name\":\"Ana\",\"custom.cf_2\":\"bo_li@b.example\"}",
	              "{\"name\":\"Ana\",\"custom.cf_2\":\"user_B\"}"),
	         CRM_UNCLEAR);
	check_eq(like(CLASS_A, "{\"name\":\"Ana\",\"custom.cf_3\":5,\"confidence\":60}",
	              "{\"name\":\"Ana\",\"custom.cf_3\":[5],\"confidence\":100}"),
	         CRM_UNCLEAR);
	check_eq(like(CLASS_A, "{\"name\":\"Ana\",\"custom.cf_4\":\"b.example\"}",
	              "{\"name\":\"Ana\",\"custom.cf_4\":\"http://b.example\"}"),
	         CRM_SAME);
}

static void what_close_ignores_says_nothing(void **state)
{
	cleanup_(json_freep) struct json_object *body =
		parse("{\"name\":\"Acme\",\"id\":\"C-1\",\"custom.cf_1\":\"x\"}");
	cleanup_(json_freep) struct json_object *shown =
		parse("{\"name\":\"Acme\",\"id\":\"lead_A\",\"custom.cf_1\":\"x\"}");
	cleanup_(json_freep) struct json_object *other =
		parse("{\"name\":\"Acme\",\"id\":\"lead_A\",\"custom.cf_1\":\"y\"}");
	const struct crm_print print = {.class = CLASS_A,
	                                .op = operation_find(crm_catalogue(), "lead.create"),
	                                .sent = body};

	(void)state;
	check_eq(crm_likeness(&print, shown), CRM_SAME);
	check_eq(crm_likeness(&print, other), CRM_DIFFERENT);
}

static void of_a_named_thing_the_name_decides(void **state)
{
	(void)state;
	check_eq(like(CLASS_N, "{\"name\":\"Tier\",\"type\":\"text\",\"required\":true}",
	              "{\"name\":\"Tier\",\"type\":\"text\"}"),
	         CRM_SAME);
	check_eq(like(CLASS_N, "{\"name\":\"Tier\",\"type\":\"text\"}",
	              "{\"name\":\"Tier\",\"type\":\"number\"}"),
	         CRM_DIFFERENT);
	check_eq(like(CLASS_N, "{\"name\":\"Tier\"}", "{\"type\":\"number\"}"), CRM_UNCLEAR);
}

static void of_a_message_with_an_external_id_that_decides(void **state)
{
	(void)state;
	check_eq(like(CLASS_B, "{\"external_whatsapp_message_id\":\"w1\",\"lead_id\":\"lead_A\"}",
	              "{\"external_whatsapp_message_id\":\"w1\",\"lead_id\":\"lead_B\"}"),
	         CRM_SAME);
	check_eq(like(CLASS_B, "{\"external_whatsapp_message_id\":\"w1\"}",
	              "{\"external_whatsapp_message_id\":\"w2\"}"),
	         CRM_DIFFERENT);
}

static bool is_enough(enum delivery_class class, const char *sent)
{
	cleanup_(json_freep) struct json_object *body = parse(sent);
	const struct crm_print print = {.class = class, .sent = body};

	return crm_print_is_enough(&print);
}

static void what_says_nothing_recognises_nothing(void **state)
{
	(void)state;
	check(is_enough(CLASS_C, "{\"lead_id\":\"lead_A\"}"));
	check(!is_enough(CLASS_C, "{\"direction\":\"inbound\",\"note\":\"\"}"));
	check(is_enough(CLASS_A, "{\"name\":\"Ana\"}"));
	check(!is_enough(CLASS_A, "{\"description\":\"x\"}"));
	check(!is_enough(CLASS_B, "{\"lead_id\":\"lead_A\"}"));
	check(is_enough(CLASS_B, "{\"external_whatsapp_message_id\":\"w1\"}"));
}

static void equal_contents_are_all_counted_and_the_clearer_source_decides(void **state)
{
	static const char answer[] =
		"{\"data\":[{\"id\":\"acti_1\",\"lead_id\":\"lead_A\",\"note\":\"x\"},"
		"{\"id\":\"acti_2\",\"lead_id\":\"lead_A\",\"note\":\"x\"},"
		"{\"id\":\"acti_3\",\"lead_id\":\"lead_A\"},"
		"{\"id\":\"acti_4\",\"lead_id\":\"lead_A\",\"note\":\"y\"}],\"has_more\":false}";
	cleanup_(json_freep) struct json_object *body = parse(NOTE("\"note\":\"x\""));
	cleanup_(json_freep) struct json_object *page = parse(answer);
	cleanup_(json_freep) struct json_object *again =
		parse("{\"data\":[{\"id\":\"acti_3\",\"lead_id\":\"lead_A\",\"note\":\"x\"}]}");
	const struct crm_print print = {.class = CLASS_C, .sent = body};
	const struct crm_sought sought = {.object = "activity.note", .prints = &print, .n = 1};
	struct crm_matches matches = {0};
	struct crm_list_page shown;

	(void)state;
	check_eq(crm_list_read(page, &sought, &matches, &shown, NULL), 0);
	check_eq(matches.n, 3);
	check_text(matches.items[1].id, "acti_2");
	check(!matches.items[1].is_unclear);
	check(matches.items[2].is_unclear);
	check_eq(crm_list_read(again, &sought, &matches, &shown, NULL), 0);
	check_eq(matches.n, 3);
	check(!matches.items[2].is_unclear);
	crm_matches_deinit(&matches);
}

static void a_time_of_its_own_does_not_tell_when_it_was_made(void **state)
{
	static const char own[] = NOTE("\"note\":\"x\",\"date_created\":\"2020-01-01T00:00:00Z\"");
	cleanup_(json_freep) struct json_object *body = parse(own);
	cleanup_(json_freep) struct json_object *page =
		parse("{\"data\":[{\"id\":\"acti_1\",\"lead_id\":\"lead_A\",\"note\":\"x\","
	              "\"date_created\":\"2020-01-01T00:00:00+00:00\","
	              "\"date_updated\":\"2026-03-09T13:00:00+00:00\"}]}");
	const struct crm_print print = {.class = CLASS_C, .sent = body};
	const struct crm_sought sought = {.object = "activity.note", .prints = &print, .n = 1};
	struct crm_matches matches = {0};
	struct crm_list_page shown;
	int64_t own_ms = 0;

	(void)state;
	check(crm_print_own_time(&print, &own_ms) && own_ms == 1577836800000);
	check_eq(crm_list_read(page, &sought, &matches, &shown, NULL), 0);
	check_eq(matches.n, 1);
	check_text(matches.items[0].date_created, "2026-03-09T13:00:00+00:00");
	crm_matches_deinit(&matches);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(the_same_note_is_the_same_whatever_else_it_shows),
		sentence(another_text_or_lead_is_another_note),
		sentence(what_formatting_could_explain_is_unclear),
		sentence(html_is_the_same_by_its_text),
		sentence(a_long_text_that_is_cut_is_unclear),
		sentence(what_somebody_changed_since_is_unclear),
		sentence(what_another_user_made_is_not_ours),
		sentence(times_are_the_same_in_any_zone),
		sentence(a_phone_in_a_countrys_own_form_is_unclear),
		sentence(letters_may_be_written_in_another_way),
		sentence(numbers_and_receivers_are_compared),
		sentence(of_an_object_every_scalar_must_be_equal),
		sentence(what_close_ignores_says_nothing),
		sentence(of_a_named_thing_the_name_decides),
		sentence(of_a_message_with_an_external_id_that_decides),
		sentence(what_says_nothing_recognises_nothing),
		sentence(equal_contents_are_all_counted_and_the_clearer_source_decides),
		sentence(a_time_of_its_own_does_not_tell_when_it_was_made),
	};

	return run_sentences(tests);
}
