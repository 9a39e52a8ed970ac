#include "connector/close/lookup.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <string.h>

static struct json_object *parse(const char *text)
{
	struct json_object *value = NULL;
	struct err err = {{0}};

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, &err), 0);
	return value;
}

static char emails[] = "emails", phones[] = "phones", urls[] = "urls", addresses[] = "addresses",
	    tags[] = "custom.cf_1";

static void the_lists_that_are_added_to_are_asked_for(void **state)
{
	char *const both[] = {emails, tags, NULL};
	cleanup_(freep) char *lists = crm_lists_url("/contact/cont_1/?x=y", both);

	(void)state;
	check_text(lists, "/contact/cont_1/?_fields=id,emails,custom.cf_1");
}

static const struct row {
	char *field;
	const char *object, *body, *sent; /* sent NULL: nothing is */
} rows[] = {
	/* What is there stays as it is, and what is new stands behind it. */
	{emails,
         "{\"id\":\"cont_1\",\"emails\":[{\"email\":\"Ana@x.example\",\"type\":\"home\","
         "\"is_unsubscribed\":true}]}",
         "{\"emails\":[{\"email\":\"bo@x.example\",\"type\":\"office\"},{\"email\":"
         "\"ANA@X.example\",\"type\":\"office\"}],\"title\":\"CEO\"}",
         "{\"emails\":[{\"email\":\"Ana@x.example\",\"type\":\"home\",\"is_unsubscribed\":true},"
         "{\"email\":\"bo@x.example\",\"type\":\"office\"}],\"title\":\"CEO\"}"},
	{emails, "{\"emails\":[{\"email\":\"ana@x.example\"}]}",
         "{\"emails\":[{\"email\":\" ana@X.example\"}]}", NULL},
	/* What comes twice is added once. */
	{emails, "{\"emails\":[]}",
         "{\"emails\":[{\"email\":\"ana@x.example\"},{\"email\":\"Ana@x.example\"}]}",
         "{\"emails\":[{\"email\":\"ana@x.example\"}]}"},
	{emails, "{}", "{\"emails\":[{\"email\":\"ana@x.example\"}]}",
         "{\"emails\":[{\"email\":\"ana@x.example\"}]}"},
	/* Nothing empties a list that is added to. */
	{emails, "{\"emails\":[{\"email\":\"ana@x.example\"}]}", "{\"emails\":[]}", NULL},
	{emails, "{\"emails\":[{\"email\":\"ana@x.example\"}]}", "{\"emails\":null}", NULL},
	{emails, "{\"emails\":[]}", "{}", NULL},
	/* The plus is all that may be missing. */
	{phones, "{\"phones\":[{\"phone\":\"+18004445555\"}]}",
         "{\"phones\":[{\"phone\":\"1 (800) 444-5555\"},{\"phone\":\"+1.800.444.5555\"}]}", NULL},
	{phones, "{\"phones\":[{\"phone\":\"+18004445555\"}]}",
         "{\"phones\":[{\"phone\":\"8004445555\"}]}",
         "{\"phones\":[{\"phone\":\"+18004445555\"},{\"phone\":\"8004445555\"}]}"},
	{urls, "{\"urls\":[{\"url\":\"https://www.acme.example/\"}]}",
         "{\"urls\":[{\"url\":\"acme.example\"}]}", NULL},
	{urls, "{\"urls\":[{\"url\":\"https://www.acme.example/\"}]}",
         "{\"urls\":[{\"url\":\"acme.example/de\"}]}",
         "{\"urls\":[{\"url\":\"https://www.acme.example/\"},{\"url\":\"acme.example/de\"}]}"},
	/* Of an address all members count; what it does not say is empty there, its label aside. */
	{addresses,
         "{\"addresses\":[{\"label\":\"business\",\"address_1\":\"1 High St\",\"address_2\":\"\","
         "\"city\":\"Ghent\",\"state\":\"\",\"zipcode\":null,\"country\":\"BE\"}]}",
         "{\"addresses\":[{\"address_1\":\"1 High St \",\"city\":\"Ghent\",\"country\":\"BE\"}]}",
         NULL},
	{addresses,
         "{\"addresses\":[{\"label\":\"business\",\"city\":\"Ghent\",\"country\":\"BE\"}]}",
         "{\"addresses\":[{\"label\":\"mailing\",\"city\":\"Ghent\",\"country\":\"BE\"}]}",
         "{\"addresses\":[{\"label\":\"business\",\"city\":\"Ghent\",\"country\":\"BE\"},"
         "{\"label\":\"mailing\",\"city\":\"Ghent\",\"country\":\"BE\"}]}"},
	{addresses, "{\"addresses\":[{\"city\":\"Ghent\",\"country\":\"BE\"}]}",
         "{\"addresses\":[{\"city\":\"Ghent\"}]}",
         "{\"addresses\":[{\"city\":\"Ghent\",\"country\":\"BE\"},{\"city\":\"Ghent\"}]}"},
	/* Any other list is one of values. */
	{tags, "{\"custom.cf_1\":[\"a\",\"b\"]}", "{\"custom.cf_1\":[\"b\",\"c\"]}",
         "{\"custom.cf_1\":[\"a\",\"b\",\"c\"]}"},
	/* What is no list, or an item that says nothing, is Close's to judge. */
	{emails, "{\"emails\":[]}", "{\"emails\":\"ana@x.example\"}",
         "{\"emails\":\"ana@x.example\"}"},
	{emails, "{\"emails\":[{\"email\":\"ana@x.example\"}]}",
         "{\"emails\":[{\"type\":\"home\"}]}",
         "{\"emails\":[{\"email\":\"ana@x.example\"},{\"type\":\"home\"}]}"},
};

static void only_what_is_not_there_is_added(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *const fields[] = {rows[i].field, NULL};
		struct json_object *object = parse(rows[i].object), *body = parse(rows[i].body);
		const bool is_changed = crm_lists_append(object, fields, body, NULL, NULL);
		cleanup_(freep) char *text = json_text(body);

		check_text(text, rows[i].sent ? rows[i].sent : "{}");
		check_eq(is_changed, rows[i].sent != NULL);
		json_object_put(object);
		json_object_put(body);
	}
}

static void each_field_is_looked_at_for_itself(void **state)
{
	char *const fields[] = {emails, phones, NULL};
	struct json_object *object = parse("{\"emails\":[{\"email\":\"a@x.example\"}],"
	                                   "\"phones\":[{\"phone\":\"+15550100\"}]}");
	struct json_object *body = parse("{\"emails\":[{\"email\":\"b@x.example\"}],"
	                                 "\"phones\":[{\"phone\":\"+15550100\"}],"
	                                 "\"urls\":[{\"url\":\"x.example\"}]}");
	cleanup_(freep) char *text = NULL, *there = NULL;

	(void)state;
	check(crm_lists_append(object, fields, body, NULL, NULL));
	text = json_text(body);
	check_text(text, "{\"emails\":[{\"email\":\"a@x.example\"},{\"email\":\"b@x.example\"}],"
	                 "\"urls\":[{\"url\":\"x.example\"}]}");
	/* The object is as it was. */
	there = json_text(json_get(object, emails));
	check_text(there, "[{\"email\":\"a@x.example\"}]");
	json_object_put(object);
	json_object_put(body);
}

static void it_is_told_where_items_came_from(void **state)
{
	struct json_object *object, *body, *places = json_object_new_object();
	char *fields[] = {emails, phones, NULL};
	char *told;

	(void)state;
	object = parse("{\"emails\":[{\"email\":\"a@x.example\"}]}");
	body = parse("{\"emails\":[{\"email\":\"A@x.example\"},{\"email\":\"b\"},"
	             "{\"email\":\"B\"},{\"email\":\"c\"}],"
	             "\"phones\":[{\"phone\":\"1\"}]}");
	check(crm_lists_append(object, fields, body, places, NULL));
	told = json_text(places);
	check_text(told, "{\"emails[2]\":\"emails[3]\"}");
	free(told);
	json_object_put(places);
	json_object_put(object);
	json_object_put(body);
}

static void without_an_object_a_list_has_nothing_twice(void **state)
{
	struct json_object *body = parse("{\"phones\":[{\"phone\":\"+49 30 1\"},"
	                                 "{\"phone\":\"+49301\"}],\"name\":\"A\"}");
	char *fields[] = {emails, phones, NULL}, *text;

	(void)state;
	check(crm_lists_append(NULL, fields, body, NULL, NULL));
	text = json_text(body);
	check_text(text, "{\"phones\":[{\"phone\":\"+49 30 1\"}],\"name\":\"A\"}");
	free(text);
	json_object_put(body);
}

static void a_number_is_there_as_close_has_shown_it(void **state)
{
	struct json_object *object = parse("{\"phones\":[{\"phone\":\"+16505551234\"}]}");
	struct json_object *body = parse("{\"phones\":[{\"phone\":\"(650) 555-1234\"},"
	                                 "{\"phone\":\"415-555-1234\"}]}");
	struct json_object *shown = json_object_new_object();
	char *fields[] = {phones, NULL}, *text, *key = crm_shown_key("phone", "6505551234");

	(void)state;
	(void)json_object_object_add(shown, key, json_string("+16505551234"));
	check(crm_lists_append(object, fields, body, NULL, shown));
	text = json_text(body);
	check_text(text,
	           "{\"phones\":[{\"phone\":\"+16505551234\"},{\"phone\":\"415-555-1234\"}]}");
	free(text);
	free(key);
	json_object_put(shown);
	json_object_put(object);
	json_object_put(body);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(the_lists_that_are_added_to_are_asked_for),
		sentence(only_what_is_not_there_is_added),
		sentence(each_field_is_looked_at_for_itself),
		sentence(it_is_told_where_items_came_from),
		sentence(without_an_object_a_list_has_nothing_twice),
		sentence(a_number_is_there_as_close_has_shown_it),
	};

	return run_sentences(sentences);
}
