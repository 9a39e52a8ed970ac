#include "connector/close/lookup.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <string.h>

/* What Close has made of what was sent, as its answers tell. */

static char lead[] = "lead", contact[] = "contact", phone[] = "phone", email[] = "email",
	    name[] = "name", feed[] = "custom.cf_1";

static struct json_object *parse(const char *text)
{
	struct json_object *value = NULL;
	struct err err = {{0}};

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, &err), 0);
	return value;
}

/* "field sent>shown", one after the other. */
static char *learned(const char *sent, const char *shown, const char *kind,
                     const struct watched_field *fields, size_t n_fields)
{
	cleanup_(json_freep) struct json_object *a = parse(sent), *b = parse(shown);
	struct buf text = BUF_INIT;
	size_t n;
	struct crm_spelling *spellings = crm_spellings(a, b, kind, fields, n_fields, &n);

	for (size_t i = 0; i < n; i++)
		buf_addf(&text, "%s%s %s>%s", i ? ", " : "", spellings[i].field, spellings[i].sent,
		         spellings[i].shown);
	crm_spellings_free(spellings, n);
	return buf_take(&text);
}

/* A list of contacts' phones, of texts that commas separate. */
static char *contact_of(const char *phones)
{
	struct buf out = BUF_INIT;

	buf_adds(&out, "{\"phones\":[");
	for (bool is_first = true; *phones; is_first = false) {
		const size_t len = strcspn(phones, ",");

		buf_addf(&out, "%s{\"phone\":\"%.*s\"}", is_first ? "" : ",", (int)len, phones);
		phones += len + (phones[len] == ',');
	}
	buf_adds(&out, "]}");
	return buf_take(&out);
}

static void a_number_is_the_shown_one_that_it_has_become(void **state)
{
	static const struct watched_field of_contact = {contact, phone, LIKE_PHONE};
	static const struct {
		const char *sent, *shown, *learned;
	} rows[] = {
		{"+1 650-555-1234", "+16505551234", ""}, /* the same by its digits */
		{"650-555-1234", "+16505551234", "phone 6505551234>+16505551234"},
		{"(650) 555.1234", "+16505551234", "phone 6505551234>+16505551234"},
		{"1 650 555 1234", "+16505551234", "phone 16505551234>+16505551234"},
		{"020 7946 0000", "+442079460000", "phone 02079460000>+442079460000"},
		{"0044 20 7946 0000", "+442079460000", "phone 00442079460000>+442079460000"},
		{"011 44 20 7946 0000", "+442079460000", "phone 011442079460000>+442079460000"},
		{"+44 (0)20 7946 0000", "+442079460000", "phone +4402079460000>+442079460000"},
		{"8 916 123-45-67", "+79161234567", "phone 89161234567>+79161234567"},
		{"1234", "+441234", "phone 1234>+441234"},
		{"tel: 650 555 1234", "+16505551234", "phone 6505551234>+16505551234"},
		/* Several at once, in any order. */
		{"650-555-1234,415-555-1234", "+14155551234,+16505551234",
	         "phone 6505551234>+16505551234, phone 4155551234>+14155551234"},
		{"650-555-1234,+446505551234", "+446505551234,+16505551234",
	         "phone 6505551234>+16505551234"},
		{"650-555-1234,+16505551234", "+16505551234,+16505551234",
	         "phone 6505551234>+16505551234"},
		/* Others than that they cannot be. */
		{"650-555-1234", "", ""},
		{"650-555-1234", "+16505551235", ""},
		{"650-555-1234", "6505551235", ""},
		{"650-555-1234", "650-555-1234", ""},
		{"+1 650 555 1234", "+446505551234", ""},
		{"34", "+1234", ""},
		{"415-555-123", "+16505551234", ""},
		{"5551234", "+999996505551234", ""}, /* too much before it */
		/* What is told by an extension is not the number alone. */
		{"650-555-1234 ext. 5", "+16505551234", ""},
		{"+1 650 555 1234 x56", "+16505551234", ""},
		{"650-555-1234 ext. 5", "+16505551234;ext=5", "phone 65055512345>+165055512345"},
		/* Which of two it has become nobody can say. */
		{"650-555-1234,7", "+16505551234,+446505551234", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_(freep) char *sent = contact_of(rows[i].sent);
		cleanup_(freep) char *shown = contact_of(rows[i].shown);
		cleanup_(freep) char *text = learned(sent, shown, "contact", &of_contact, 1);

		check_text(text, rows[i].learned);
	}
}

static void the_contacts_of_a_lead_and_the_lead_of_a_contact_have_the_numbers(void **state)
{
	static const struct watched_field of_contact = {contact, phone, LIKE_PHONE},
					  of_lead = {lead, phone, LIKE_PHONE};
	static const char sent[] = "{\"contacts\":[{\"phones\":[{\"phone\":\"650 555 1234\"}]},"
				   "{\"phones\":[{\"phone\":\"415 555 1234\"}]}]}";
	static const char shown[] =
		"{\"id\":\"lead_1\",\"contacts\":[{\"phones\":[{\"phone\":\"+14155551234\"}]},"
		"{\"phones\":[{\"phone\":\"+16505551234\"}]}]}";
	static const char both[] = "phone 6505551234>+16505551234, phone 4155551234>+14155551234";
	cleanup_(freep) char *by_contact = learned(sent, shown, "lead", &of_contact, 1);
	cleanup_(freep) char *by_lead = learned(sent, shown, "lead", &of_lead, 1);
	cleanup_(freep) char *of_its_lead =
		learned("{\"phones\":[{\"phone\":\"650 555 1234\"}]}",
	                "{\"phones\":[{\"phone\":\"+16505551234\"}]}", "contact", &of_lead, 1);

	(void)state;
	check_text(by_contact, both);
	check_text(by_lead, both);
	check_text(of_its_lead, "phone 6505551234>+16505551234");
}

static void other_values_are_the_same_but_for_spaces(void **state)
{
	static const struct watched_field fields[] = {
		{contact, name, LIKE_TEXT},
		{contact, email, LIKE_EMAIL},
		{contact, feed, LIKE_TEXT},
	};
	static const struct {
		const char *sent, *shown, *learned;
	} rows[] = {
		{"{\"name\":\" Ana \"}", "{\"name\":\"Ana\"}", ""},
		{"{\"name\":\"\u00a0Ana  Bell\"}", "{\"name\":\"Ana Bell\"}",
	         "name \u00a0Ana  Bell>Ana Bell"},
		{"{\"name\":\"Ana Bell\"}", "{\"name\":\"Eva Bell\"}", ""},
		{"{\"name\":\"Ana\"}", "{\"name\":\"\"}", ""},
		{"{\"name\":\"Ana\"}", "{}", ""},
		/* What was cut may be the beginning of another one. */
		{"{\"name\":\"Ana-\"}", "{\"name\":\"Ana\"}", ""},
		{"{\"emails\":[{\"email\":\"ANA@x.example\"}]}",
	         "{\"emails\":[{\"email\":\"ana@x.example\"}]}", ""},
		{"{\"emails\":[{\"email\":\"\u200bana@x.example\"}]}",
	         "{\"emails\":[{\"email\":\"ana@x.example\"}]}",
	         "email \u200bana@x.example>ana@x.example"},
		{"{\"custom.cf_1\":\"N\\t104\"}", "{\"custom.cf_1\":\"N 104\"}",
	         "custom.cf_1 N\t104>N 104"},
		{"{\"name\":\"Ana-Bell\"}", "{\"name\":\"Ana Bell\"}", ""},
		{"{\"name\":\"Müller\"}", "{\"name\":\"Möller\"}", ""},
		{"{\"custom.cf_1\":\"00123\"}", "{\"custom.cf_1\":\"123\"}", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_(freep) char *text =
			learned(rows[i].sent, rows[i].shown, "contact", fields, 3);

		check_text(text, rows[i].learned);
	}
}

static void a_body_or_an_answer_that_is_none_teaches_nothing(void **state)
{
	static const struct watched_field of_contact = {contact, phone, LIKE_PHONE};
	cleanup_(json_freep) struct json_object *body =
		parse("{\"phones\":[{\"phone\":\"650 555 1234\"}]}");
	size_t n = 1;

	(void)state;
	check(!crm_spellings(NULL, body, "contact", &of_contact, 1, &n));
	check_eq(n, 0);
	check(!crm_spellings(body, NULL, "contact", &of_contact, 1, &n));
	check_eq(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_the_shown_one_that_it_has_become),
		cmocka_unit_test(the_contacts_of_a_lead_and_the_lead_of_a_contact_have_the_numbers),
		cmocka_unit_test(other_values_are_the_same_but_for_spaces),
		cmocka_unit_test(a_body_or_an_answer_that_is_none_teaches_nothing),
	};

	return run_sentences(tests);
}
