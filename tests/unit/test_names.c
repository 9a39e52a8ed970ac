/* Names of custom fields, statuses and users: books of them, and shaping by them. */

#include "connector/close/names.h"
#include "tests/unit/shape_case.h"

#include "lib/buf.h"

#include <errno.h>

static const char leads[] =
	"{\"object_type\":\"lead\",\"fields\":["
	"{\"id\":\"cf_1\",\"name\":\" Industry \",\"type\":\"choices\",\"choices\":[\"Arts\",\"Law\"]},"
	"{\"id\":\"cf_2\",\"name\":\"Tags\",\"type\":\"choices\",\"choices\":[\"a\",\"b\"],"
	"\"accepts_multiple_values\":true},"
	"{\"id\":\"cf_3\",\"name\":\"Score\",\"type\":\"number\"},"
	"{\"id\":\"cf_4\",\"name\":\"Since\",\"type\":\"date\"},"
	"{\"id\":\"cf_5\",\"name\":\"Seen\",\"type\":\"datetime\"},"
	"{\"id\":\"cf_6\",\"name\":\"Owner\",\"type\":\"user\"},"
	"{\"id\":\"cf_7\",\"name\":\"Buyer\",\"type\":\"contact\"},"
	"{\"id\":\"cf_8\",\"name\":\"Note\",\"type\":\"text\",\"is_shared\":true},"
	"{\"id\":\"cf_9\",\"name\":\"Twice\",\"type\":\"text\"},"
	"{\"id\":\"cf_10\",\"name\":\"Twice\",\"type\":\"text\"},"
	"{\"id\":\"cf_11\",\"name\":\"Odd.add\",\"type\":\"text\"},"
	"{\"id\":\"cf_12\",\"name\":\"New kind\",\"type\":\"rainbow\"},"
	"{\"id\":\"cf_13\",\"name\":\"Machines\",\"type\":\"custom_object\","
	"\"accepts_multiple_values\":true}]}";
static const char contacts[] =
	"{\"object_type\":\"contact\",\"fields\":[{\"id\":\"cf_20\",\"name\":\"Role\",\"type\":\"text\"},"
	"{\"id\":\"cf_21\",\"name\":\"Score\",\"type\":\"number\"}]}";
static const char visits[] =
	"{\"object_type\":\"activity\",\"fields\":[{\"id\":\"cf_30\",\"name\":\"Place\",\"type\":"
	"\"text\"}]}";
static const char lead_statuses[] =
	"{\"has_more\":false,\"data\":[{\"id\":\"stat_1\",\"label\":\"Inbound\"},"
	"{\"id\":\"stat_2\",\"label\":\"Won\"}]}";
static const char statuses[] = "{\"data\":[{\"id\":\"stat_3\",\"label\":\"Won\",\"pipeline_id\":"
			       "\"pipe_1\"},{\"id\":\"stat_4\",\"label\":\"Won\",\"pipeline_id\":"
			       "\"pipe_2\"},{\"id\":\"stat_5\",\"label\":\"Lost\",\"pipeline_id\":"
			       "\"pipe_2\"}]}";
static const char pipelines[] = "{\"data\":[{\"id\":\"pipe_1\",\"name\":\"Sales\"},"
				"{\"id\":\"pipe_2\",\"name\":\"Partners\"}]}";
static const char users[] =
	"{\"has_more\":false,\"data\":[{\"id\":\"user_1\",\"email\":\"Ana@Example.com\","
	"\"first_name\":\"Ana\",\"last_name\":\"Ruiz\"},{\"id\":\"user_2\",\"email\":"
	"\"bo@example.com\",\"first_name\":\"Bo\",\"last_name\":\"\"}]}";

static struct name_book *book_of(const char *kind, const char *answer)
{
	struct name_book *book = name_book_new(kind);
	struct json_object *json = parse(answer);
	bool has_more = true;

	check_eq(crm_names_read(json, book, &has_more, NULL), 0);
	check(!has_more);
	book->is_fresh = true;
	json_object_put(json);
	return book;
}

static struct names all_books(void)
{
	struct names names = {0};

	names_put(&names, book_of("lead", leads));
	names_put(&names, book_of("contact", contacts));
	names_put(&names, book_of("activity/actitype_1", visits));
	names_put(&names, book_of("status/lead", lead_statuses));
	names_put(&names, book_of("status/opportunity", statuses));
	names_put(&names, book_of("pipeline", pipelines));
	names_put(&names, book_of("user", users));
	return names;
}

static void an_entry_is_found_by_its_exact_name(void **state)
{
	static const struct {
		const char *kind, *name, *within, *id; /* id NULL: there is none */
		size_t n;
	} rows[] = {
		{"lead", "Industry", NULL, "cf_1", 1},
		{"lead", "  Industry\t", NULL, "cf_1", 1},
		{"lead", "industry", NULL, NULL, 0},
		{"lead", "Twice", NULL, NULL, 2},
		{"contact", "Industry", NULL, NULL, 0},
		{"status/opportunity", "Won", NULL, NULL, 2},
		{"status/opportunity", "Won", "pipe_2", "stat_4", 1},
		{"status/opportunity", "Lost", "pipe_1", NULL, 0},
		{"user", "Ana Ruiz", NULL, "user_1", 1},
		{"user", "ana@example.COM", NULL, "user_1", 1},
		{"user", "Bo", NULL, "user_2", 1},
	};
	struct names names = all_books();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = 99;
		const struct name_entry *entry = name_find(names_book(&names, rows[i].kind),
		                                           rows[i].name, rows[i].within, &n);

		check_eq(n, rows[i].n);
		if (rows[i].id)
			check_text(entry->id, rows[i].id);
		else
			check_null(entry);
	}
	check_null(names_book(&names, "opportunity"));
	check_null(names_book(NULL, "lead"));
	names_deinit(&names);
}

static void what_is_not_found_is_told_with_near_names_or_all_ids(void **state)
{
	static const struct {
		const char *kind, *name, *within, *told;
	} rows[] = {
		{"lead", "Industri", NULL,
	         "there is no custom field of leads called \"Industri\": did you mean "
	         "\"Industry\"?"},
		{"lead", "zzz", NULL, "there is no custom field of leads called \"zzz\""},
		{"lead", "Twice", NULL,
	         "\"Twice\" is the name of more than one custom field of leads (cf_9, cf_10): "
	         "write the id of the one you mean"},
		{"status/opportunity", "Lost", "pipe_1",
	         "there is no opportunity status called \"Lost\" in this pipeline"},
		{"user", "anna@example.com", NULL,
	         "there is no user called \"anna@example.com\": did you mean \"Ana@Example.com\"?"},
	};
	struct names names = all_books();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *told = name_trouble(names_book(&names, rows[i].kind), rows[i].name,
		                          rows[i].within);

		check_text(told, rows[i].told);
		free(told);
	}
	names_deinit(&names);
}

static void a_book_is_the_same_after_it_was_kept_as_text(void **state)
{
	struct name_book *book = book_of("lead", leads), *again = NULL;
	struct json_object *json = crm_names_json(book), *json_again;
	char *text, *text_again;

	(void)state;
	check_eq(crm_names_parse("lead", json, &again, NULL), 0);
	json_again = crm_names_json(again);
	text = json_text(json);
	text_again = json_text(json_again);
	check_text(text_again, text);
	check(strstr(text, "{\"id\":\"cf_2\",\"name\":\"Tags\",\"type\":\"choices\","
	                   "\"accepts_multiple_values\":true,\"choices\":[\"a\",\"b\"]}"));
	check_eq(again->items[2].type, FIELD_NUMBER);
	check_eq(again->items[11].type, FIELD_ANY);
	check(!again->is_fresh);
	free(text);
	free(text_again);
	json_object_put(json);
	json_object_put(json_again);
	name_book_free(book);
	name_book_free(again);
}

static void an_answer_that_lists_nothing_named_makes_no_book(void **state)
{
	static const char *const answers[] = {"{}",
	                                      "[]",
	                                      "{\"fields\":{}}",
	                                      "{\"fields\":[1]}",
	                                      "{\"fields\":[{\"name\":\"x\"}]}",
	                                      "{\"data\":[]}"};
	struct name_book *book = name_book_new("lead");

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct json_object *json = parse(answers[i]);
		struct err err = {""};
		bool has_more;

		check_eq(crm_names_read(json, book, &has_more, &err), -EBADMSG);
		check(strlen(err.text) > 10);
		check_eq(book->n, 0);
		json_object_put(json);
	}
	name_book_free(book);
}

static void books_are_asked_for_where_close_has_them(void **state)
{
	static const struct {
		const char *kind, *url, *group;
	} rows[] = {
		{"lead", "/custom_field_schema/lead/", "read:custom_field_schema"},
		{"activity/actitype_1", "/custom_field_schema/activity/actitype_1/",
	         "read:custom_field_schema"},
		{"status/lead", "/status/lead/?_limit=100&_skip=200", "read:status"},
		{"pipeline", "/pipeline/?_limit=100&_skip=200", "read:pipeline"},
		{"user", "/user/?_limit=100&_skip=200", "read:user"},
	};
	static const char *const none[] = {
		"leads",        "activity",          "activity/", "activity/..",
		"activity/a/b", "custom_object/a?b", "lead/x",    ""};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *url = crm_names_url(rows[i].kind, 200);

		check(crm_names_is_kind(rows[i].kind));
		check_text(url, rows[i].url);
		check_text(crm_names_group(rows[i].kind), rows[i].group);
		free(url);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		check(!crm_names_is_kind(none[i]));
}

/* The value of one field by name in a lead, and what is sent or why not. */
static void values_are_held_against_the_type_of_their_field(void **state)
{
	static const struct {
		const char *member, *expected;
	} rows[] = {
		{"\"custom.Industry\":\"Law\"", "{\"custom.cf_1\":\"Law\"}"},
		{"\"custom. Industry \":\"Law\"", "{\"custom.cf_1\":\"Law\"}"},
		{"\"custom.Industry\":null", "{\"custom.cf_1\":null}"},
		{"\"custom.Industry\":\"law\"", "!field custom.Industry"},
		{"\"custom.Industry\":[\"Law\"]", "!field custom.Industry"},
		{"\"custom.Industry\":1", "!field custom.Industry"},
		{"\"custom.Industry.add\":\"Law\"", "!field custom.Industry.add"},
		{"\"custom.Tags\":[\"a\",\"b\"]", "{\"custom.cf_2\":[\"a\",\"b\"]}"},
		{"\"custom.Tags\":[]", "{\"custom.cf_2\":[]}"},
		{"\"custom.Tags\":\"a\"", "{\"custom.cf_2\":\"a\"}"},
		{"\"custom.Tags\":[\"a\",\"c\"]", "!field custom.Tags"},
		{"\"custom.Tags.add\":\"a\"", "{\"custom.cf_2.add\":\"a\"}"},
		{"\"custom.Tags.remove\":[\"b\"]", "{\"custom.cf_2.remove\":[\"b\"]}"},
		{"\"custom.Tags.add\":\"c\"", "!field custom.Tags.add"},
		{"\"custom.Score\":1.50", "{\"custom.cf_3\":1.50}"},
		{"\"custom.Score\":\"12\"", "!field custom.Score"},
		{"\"custom.Score\":true", "!field custom.Score"},
		{"\"custom.Since\":\"2026-03-09\"", "{\"custom.cf_4\":\"2026-03-09\"}"},
		{"\"custom.Since\":\"2026-03-09T14:00:00Z\"",
	         "{\"custom.cf_4\":\"2026-03-09T14:00:00Z\"}"},
		{"\"custom.Since\":\"9.3.2026\"", "!field custom.Since"},
		{"\"custom.Since\":1773064800", "!field custom.Since"},
		{"\"custom.Seen\":\"2026-03-09T14:00:00+01:00\"",
	         "{\"custom.cf_5\":\"2026-03-09T14:00:00+01:00\"}"},
		{"\"custom.Seen\":\"yesterday\"", "!field custom.Seen"},
		{"\"custom.Owner\":\"ana@example.com\"", "{\"custom.cf_6\":\"user_1\"}"},
		{"\"custom.Owner\":\"Ana Ruiz\"", "{\"custom.cf_6\":\"user_1\"}"},
		{"\"custom.Owner\":\"user_77\"", "{\"custom.cf_6\":\"user_77\"}"},
		{"\"custom.Owner\":\"nobody\"", "!field custom.Owner"},
		{"\"custom.Buyer\":\"cont_1\"", "{\"custom.cf_7\":\"cont_1\"}"},
		{"\"custom.Buyer\":\"Ana\"", "!field custom.Buyer"},
		{"\"custom.Note\":\"text\"", "{\"custom.cf_8\":\"text\"}"},
		{"\"custom.Note\":77", "{\"custom.cf_8\":77}"},
		{"\"custom.Note\":{\"a\":1}", "!field custom.Note"},
		{"\"custom.Note\":[1]", "!field custom.Note"},
		{"\"custom.Odd.add\":\"x\"", "{\"custom.cf_11\":\"x\"}"},
		{"\"custom.New kind\":\"x\"", "{\"custom.cf_12\":\"x\"}"},
		{"\"custom.Machines\":[\"coi_1\"]", "{\"custom.cf_13\":[\"coi_1\"]}"},
		{"\"custom.Machines\":[7]", "!field custom.Machines"},
		{"\"custom.Twice\":1", "!field custom.Twice"},
		{"\"custom.Nobody\":1", "!field custom.Nobody"},
		{"\"custom.cf_99\":{\"a\":1}", "{\"custom.cf_99\":{\"a\":1}}"},
		{"\"custom\":{\"Score\":1,\"cf_8\":\"x\"}",
	         "{\"custom.cf_3\":1,\"custom.cf_8\":\"x\"}"},
		{"\"custom.Score\":1,\"custom.cf_3\":2", "!field custom.cf_3"},
		{"\"custom.cf_3\":2,\"custom.Score\":1", "!field custom.Score"},
		{"\"name\":1,\"custom.Score\":2,\"url\":3",
	         "{\"name\":1,\"custom.cf_3\":2,\"url\":3}"},
		{"\"contacts\":[{\"custom.Role\":\"x\",\"name\":1},{\"name\":2}]",
	         "{\"contacts\":[{\"custom.cf_20\":\"x\",\"name\":1},{\"name\":2}]}"},
		{"\"contacts\":[{\"custom\":{\"Score\":3}}],\"custom.Score\":4",
	         "{\"contacts\":[{\"custom.cf_21\":3}],\"custom.cf_3\":4}"},
		{"\"contacts\":[{\"custom.Industry\":\"Law\"}]", "!field custom.Industry"},
	};
	struct names names = all_books();
	const struct spec create = {.operation = "lead.create", .names = &names};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *record = mem_printf("{%s}", rows[i].member);

		check_body(&create, record, rows[i].expected);
		free(record);
	}
	names_deinit(&names);
}

static void a_value_that_is_refused_is_told_with_its_remedy(void **state)
{
	static const struct {
		const char *record, *told;
	} rows[] = {
		{"{\"custom.Score\":\"12\"}",
	         "\"custom.Score\" is a field of type number, and \"12\" is no number (the filter "
	         "|number makes one of its text)"},
		{"{\"custom.Industry\":\"Lav\"}",
	         "\"custom.Industry\" is a field of type choices, and \"Lav\" is none of its "
	         "choices: did you mean \"Law\"?"},
		{"{\"custom.Score.add\":1}",
	         "\"custom.Score.add\": this field holds one value, so nothing can be added to it "
	         "or removed from it"},
		{"{\"custom.Scor\":1}",
	         "\"custom.Scor\": there is no custom field of leads called \"Scor\": did you "
	         "mean \"Score\"?"},
	};
	struct names names = all_books();
	const struct spec create = {.operation = "lead.create", .names = &names};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;

		check_text(shape(&f, &create, rows[i].record)->rejection.message, rows[i].told);
		check_null(f.result.needs);
		done(&f);
	}
	names_deinit(&names);
}

static void names_stand_for_ids_where_the_kind_is_known(void **state)
{
	static const struct {
		const char *operation, *record, *expected;
	} rows[] = {
		{"lead.create", "{\"status_id\":\"Won\"}", "{\"status_id\":\"stat_2\"}"},
		{"lead.create", "{\"status\":\"Inbound\",\"name\":1}",
	         "{\"name\":1,\"status_id\":\"stat_1\"}"},
		{"lead.create", "{\"status\":\"Inbound\",\"status_id\":\"stat_2\"}",
	         "!field status"},
		{"lead.create", "{\"status_id\":\"stat_9\"}", "{\"status_id\":\"stat_9\"}"},
		{"lead.create", "{\"status_id\":null}", "{\"status_id\":null}"},
		{"lead.create", "{\"status_id\":\"Nope\"}", "!field status_id"},
		{"opportunity.create",
	         "{\"status_id\":\"Won\",\"pipeline_id\":\"Partners\",\"lead_id\":"
	         "\"lead_1\"}",
	         "{\"status_id\":\"stat_4\",\"pipeline_id\":\"pipe_2\",\"lead_id\":\"lead_1\"}"},
		{"opportunity.create", "{\"status_id\":\"Won\",\"lead_id\":\"lead_1\"}",
	         "!field status_id"},
		{"opportunity.create",
	         "{\"status_id\":\"Lost\",\"user_id\":\"bo@example.com\","
	         "\"lead_id\":\"lead_1\"}",
	         "{\"status_id\":\"stat_5\",\"user_id\":\"user_2\",\"lead_id\":\"lead_1\"}"},
		{"task.create", "{\"lead_id\":\"lead_1\",\"assigned_to\":\"Ana Ruiz\"}",
	         "{\"lead_id\":\"lead_1\",\"assigned_to\":\"user_1\"}"},
		{"activity.note.create", "{\"lead_id\":\"lead_1\",\"user_id\":\"ana@example.com\"}",
	         "{\"lead_id\":\"lead_1\",\"user_id\":\"user_1\"}"},
		{"activity.custom.create",
	         "{\"lead_id\":\"lead_1\",\"custom_activity_type_id\":\"actitype_1\",\"custom.Place\":"
	         "\"here\"}",
	         "{\"lead_id\":\"lead_1\",\"custom_activity_type_id\":\"actitype_1\",\"custom.cf_30\":"
	         "\"here\"}"},
		{"activity.call.create", "{\"lead_id\":\"lead_1\",\"custom.Place\":\"here\"}",
	         "!field custom.Place"},
	};
	struct names names = all_books();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct spec spec = {.operation = rows[i].operation, .names = &names};

		check_body(&spec, rows[i].record, rows[i].expected);
	}
	names_deinit(&names);
}

/* The kinds as one line. */
static char *needs_of(const struct spec *spec, const char *record)
{
	struct fixture f;
	struct buf text = BUF_INIT;

	(void)shape(&f, spec, record);
	for (char **kind = f.result.needs; kind && *kind; kind++)
		buf_addf(&text, "%s%s", text.len ? " " : "", *kind);
	done(&f);
	return text.len ? buf_take(&text) : strdup("");
}

static void check_needs(const struct spec *spec, const char *record, const char *expected)
{
	char *needs = needs_of(spec, record);

	check_text(needs, expected);
	free(needs);
}

static void only_what_is_written_by_name_needs_a_book(void **state)
{
	const struct spec create = {.operation = "lead.create"};
	const struct spec visit = {.operation = "activity.custom.create"};

	(void)state;
	check_needs(&create, "{\"name\":\"x\",\"custom.cf_1\":1,\"status_id\":\"stat_1\"}", "");
	check_needs(&create, "{\"custom.A\":1,\"custom.B\":2}", "lead");
	check_needs(&create, "{\"custom.A\":1,\"contacts\":[{\"custom.B\":1}],\"status\":\"x\"}",
	            "lead contact status/lead");
	check_needs(&create, "{\"created_by\":\"ana@example.com\"}", "user");
	check_needs(
		&visit,
		"{\"lead_id\":\"lead_1\",\"custom_activity_type_id\":\"actitype_7\",\"custom.A\":1}",
		"activity/actitype_7");
	/* And stays as it is, with a note. */
	check_body(&create, "{\"custom.A\":1,\"status\":\"x\"}",
	           "{\"custom.A\":1,\"status\":\"x\"}");
}

static void an_old_book_that_refuses_is_asked_for_again(void **state)
{
	struct names names = all_books();
	const struct spec create = {.operation = "lead.create", .names = &names};

	(void)state;
	check_needs(&create, "{\"custom.Nobody\":1}", "");
	for (size_t i = 0; i < names.n; i++)
		names.books[i]->is_fresh = false;
	check_needs(&create, "{\"custom.Score\":1,\"status\":\"Won\"}", "");
	check_needs(&create, "{\"custom.Nobody\":1}", "lead");
	check_needs(&create, "{\"custom.Industry\":\"Lawyers\"}", "lead");
	check_needs(&create, "{\"custom.Owner\":\"nobody\"}", "user");
	check_needs(&create, "{\"status\":\"Nope\"}", "status/lead");
	names_deinit(&names);
}

static void an_identity_may_be_named(void **state)
{
	struct names names = all_books();
	const struct spec spec = {
		.operation = "lead.create", .identity = "custom.Note={id}", .names = &names};
	const struct spec unknown = {
		.operation = "lead.create", .identity = "custom.Not={id}", .names = &names};
	struct fixture f;
	struct shape_output *output = shape(&f, &spec, "{\"id\":7}");

	(void)state;
	check_text(output->draft->identity_field, "custom.cf_8");
	check_text(output->draft->identity_value, "7");
	check_text(json_get_string(output->draft->body, "custom.cf_8"), "7");
	check_text(json_get_string(output->draft->written, "custom.cf_8"), "custom.Note");
	done(&f);
	check_body(&unknown, "{\"id\":7}", "!field custom.Not");
	names_deinit(&names);
}

static void a_path_is_told_as_it_was_written(void **state)
{
	static const char *const rows[][2] = {
		{"custom.cf_1", "custom.Industry"},
		{"contacts[0].custom.cf_1", "contacts[0].custom.Industry"},
		{"custom.cf_11", "custom.cf_11"},
		{"xcustom.cf_1", "xcustom.cf_1"},
		{"custom.cf_2.add", "custom.Tags.add"},
		{"status_id", "status"},
		{"name", "name"},
		{"emails[3]", "emails[1]"},
		{"emails[3].email", "emails[1].email"},
		{"emails[30].email", "emails[30].email"},
	};
	struct json_object *written =
		parse("{\"custom.cf_1\":\"custom.Industry\",\"custom.cf_2.add\":"
	              "\"custom.Tags.add\",\"status_id\":\"status\",\"emails[3]\":\"emails[1]\"}");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *told = name_written(written, rows[i][0]);

		check_text(told, rows[i][1]);
		free(told);
		told = name_written(NULL, rows[i][0]);
		check_text(told, rows[i][0]);
		free(told);
	}
	json_object_put(written);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_found_by_its_exact_name),
		cmocka_unit_test(what_is_not_found_is_told_with_near_names_or_all_ids),
		cmocka_unit_test(a_book_is_the_same_after_it_was_kept_as_text),
		cmocka_unit_test(an_answer_that_lists_nothing_named_makes_no_book),
		cmocka_unit_test(books_are_asked_for_where_close_has_them),
		cmocka_unit_test(values_are_held_against_the_type_of_their_field),
		cmocka_unit_test(a_value_that_is_refused_is_told_with_its_remedy),
		cmocka_unit_test(names_stand_for_ids_where_the_kind_is_known),
		cmocka_unit_test(only_what_is_written_by_name_needs_a_book),
		cmocka_unit_test(an_old_book_that_refuses_is_asked_for_again),
		cmocka_unit_test(an_identity_may_be_named),
		cmocka_unit_test(a_path_is_told_as_it_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
