/* Books of what only links name: templates, types, groups, and fields as objects of their own. */

#include "connector/close/catalogue.h"
#include "connector/close/lookup.h"
#include "connector/close/names.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <string.h>

static const struct {
	const char *looked_up, *book, *url, *group;
} rows[] = {
	{"user", "user", "/user/?_limit=100&_skip=0", "read:user"},
	{"status.lead", "status/lead", "/status/lead/?_limit=100&_skip=0", "read:status"},
	{"status.opportunity", "status/opportunity", "/status/opportunity/?_limit=100&_skip=0",
         "read:status"},
	{"pipeline", "pipeline", "/pipeline/?_limit=100&_skip=0", "read:pipeline"},
	{"custom_field.lead", "lead", "/custom_field_schema/lead/", "read:custom_field_schema"},
	{"custom_field.contact", "contact", "/custom_field_schema/contact/",
         "read:custom_field_schema"},
	{"custom_field.opportunity", "opportunity", "/custom_field_schema/opportunity/",
         "read:custom_field_schema"},
	{"custom_field.shared", "custom_field/shared", "/custom_field/shared/?_limit=100&_skip=0",
         "read:custom_field"},
	{"custom_field.activity", "custom_field/activity",
         "/custom_field/activity/?_limit=100&_skip=0", "read:custom_field"},
	{"custom_field.custom_object_type", "custom_field/custom_object_type",
         "/custom_field/custom_object_type/?_limit=100&_skip=0", "read:custom_field"},
	{"custom_activity_type", "custom_activity", "/custom_activity/?_limit=100&_skip=0",
         "read:custom_activity"},
	{"custom_object_type", "custom_object_type", "/custom_object_type/?_limit=100&_skip=0",
         "read:custom_object_type"},
	{"email_template", "email_template", "/email_template/?_limit=100&_skip=0",
         "read:email_template"},
	{"sms_template", "sms_template", "/sms_template/?_limit=100&_skip=0", "read:sms_template"},
	{"sequence", "sequence", "/sequence/?_limit=100&_skip=0", "read:sequence"},
	{"group", "group", "/group/?_limit=100&_skip=0", "read:group"},
	{"role", "role", "/role/?_limit=100&_skip=0", "read:role"},
};

enum { n_rows = sizeof(rows) / sizeof(rows[0]) };

static void every_kind_that_is_not_searched_has_a_book(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_rows; i++) {
		cleanup_(freep) char *book = crm_lookup_book(rows[i].looked_up);
		cleanup_(freep) char *url = crm_names_url(rows[i].book, 0);

		check_text(book, rows[i].book);
		check(!crm_lookup_is_search(rows[i].looked_up));
		check(crm_names_is_kind(book));
		check(*name_kind_prefix(book));
		check_text(url, rows[i].url);
		check_text(crm_names_group(book), rows[i].group);
	}
	check_null(crm_lookup_book("lead"));
	check_null(crm_lookup_book("custom_object"));
	check_null(crm_lookup_book("template"));
	check_null(crm_lookup_book("task"));
}

static bool makes(const char *object)
{
	const struct operation_set *set = crm_catalogue();

	for (size_t i = 0; i < set->n; i++)
		if (set->items[i].object && strcmp(set->items[i].object, object) == 0)
			return true;
	return false;
}

/* What a create makes is remembered under the name links look it up by. */
static void they_are_called_as_the_catalogue_calls_them(void **state)
{
	(void)state;
	for (size_t i = 1; i < n_rows; i++) /* nobody makes users */
		check(makes(rows[i].looked_up));
}

static void only_links_name_what_no_key_of_a_body_does(void **state)
{
	static const char *const written[] = {"lead",        "contact",
	                                      "opportunity", "activity/actitype_1",
	                                      "status/lead", "status/opportunity",
	                                      "pipeline",    "custom_object/cotype_1",
	                                      "user"};

	(void)state;
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++)
		check(!name_kind_is_linked(written[i]));
	for (size_t i = 0; i < n_rows; i++)
		check_eq(name_kind_is_linked(rows[i].book), i >= 7);
	check(!name_kind_is_linked("lunch"));
}

static struct name_book *read_book(const char *kind, const char *const *pages)
{
	struct name_book *book = name_book_new(kind);

	for (; *pages; pages++) {
		struct json_object *answer = NULL;
		struct err err = {{0}};
		bool has_more;

		check_eq(json_parse(*pages, strlen(*pages), 0, &answer, NULL, &err), 0);
		check_eq(crm_names_read(answer, book, &has_more, &err), 0);
		check_eq(has_more, pages[1] != NULL);
		json_object_put(answer);
	}
	return book;
}

static void a_thing_is_found_by_its_name_page_after_page(void **state)
{
	static const char *const pages[] = {
		"{\"has_more\":true,\"data\":[{\"id\":\"tmpl_1\",\"name\":\"Welcome\"},"
		"{\"id\":\"tmpl_2\",\"name\":\"Twice\"}]}",
		"{\"has_more\":false,\"data\":[{\"id\":\"tmpl_3\",\"name\":\"Twice\"},"
		"{\"id\":\"tmpl_4\",\"name\":\" Bye \"}]}",
		NULL};
	struct name_book *book = read_book("email_template", pages);
	cleanup_(freep) char *unknown = name_trouble(book, "Welcom", NULL);
	cleanup_(freep) char *twice = name_trouble(book, "Twice", NULL);
	size_t n;

	(void)state;
	check_text(name_find(book, "Bye", NULL, &n)->id, "tmpl_4");
	check_null(name_find(book, "Twice", NULL, &n));
	check_eq(n, 2);
	check_text(unknown,
	           "there is no e-mail template called \"Welcom\": did you mean \"Welcome\"?");
	check_text(twice, "\"Twice\" is the name of more than one e-mail template (tmpl_2, "
	                  "tmpl_3): write the id of the one you mean");
	name_book_free(book);
}

static void shared_fields_are_read_from_their_own_list_and_kept(void **state)
{
	static const char *const pages[] = {
		"{\"has_more\":false,\"data\":[{\"id\":\"cf_1\",\"name\":\"Tier\",\"type\":"
		"\"choices\",\"choices\":[\"a\"],\"is_shared\":true}]}",
		NULL};
	struct name_book *book = read_book("custom_field/shared", pages), *again = NULL;
	cleanup_(json_freep) struct json_object *kept = crm_names_json(book);
	size_t n;

	(void)state;
	check_eq(crm_names_parse("custom_field/shared", kept, &again, NULL), 0);
	check_text(name_find(again, "Tier", NULL, &n)->id, "cf_1");
	check_text(name_kind_all("custom_field/shared"), "shared custom fields");
	name_book_free(book);
	name_book_free(again);
}

static void types_of_fields_say_how_their_values_are_compared(void **state)
{
	(void)state;
	check_eq(name_like_of_type(FIELD_NUMBER), LIKE_NUMBER);
	check_eq(name_like_of_type(FIELD_CHOICES), LIKE_CHOICE);
	check_eq(name_like_of_type(FIELD_TEXT), LIKE_TEXT);
	check_eq(name_like_of_type(FIELD_ANY), LIKE_TEXT);
	check_eq(name_like_of_type(FIELD_USER), LIKE_CHOICE);
	check_eq(name_like_of_type(FIELD_DATE), LIKE_DAY);
	check_eq(name_like_of_type(FIELD_DATETIME), LIKE_MOMENT);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(every_kind_that_is_not_searched_has_a_book),
		sentence(they_are_called_as_the_catalogue_calls_them),
		sentence(only_links_name_what_no_key_of_a_body_does),
		sentence(a_thing_is_found_by_its_name_page_after_page),
		sentence(shared_fields_are_read_from_their_own_list_and_kept),
		sentence(types_of_fields_say_how_their_values_are_compared),
	};

	return run_sentences(sentences);
}
