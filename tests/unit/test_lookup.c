#include "connector/model/lookup.h"
#include "lib/cleanup.h"
#include "tests/unit/check.h"

static void what_is_the_same_has_the_same_text(void **state)
{
	static const struct {
		enum lookup_like like;
		const char *value, *folded;
	} rows[] = {
		{LIKE_TEXT, " N-104\n", "N-104"},
		{LIKE_TEXT, "a  B", "a  B"},
		{LIKE_TEXT, " ", ""},
		{LIKE_CHOICE, " Gold ", "Gold"},
		{LIKE_ID, "lead_A", "lead_A"},
		{LIKE_EMAIL, " Ana.RUIZ@X.example ", "ana.ruiz@x.example"},
		{LIKE_EMAIL, "J\xc3\x96RG@x.example", "j\xc3\xb6rg@x.example"},
		{LIKE_PHONE, "+1 (800) 444-5555", "+18004445555"},
		{LIKE_PHONE, "1 800 444 5555", "18004445555"},
		{LIKE_PHONE, " ask me ", "ask me"},
		{LIKE_URL, "https://www.Acme.example/", "acme.example"},
		{LIKE_URL, "HTTP://ACME.example", "acme.example"},
		{LIKE_URL, "acme.example", "acme.example"},
		{LIKE_URL, "acme.example/De/Team//?a=b#c", "acme.example/De/Team"},
		{LIKE_URL, "acme.example:8080/a", "acme.example:8080/a"},
		{LIKE_URL, "acme.example/go?to=http://x.example", "acme.example/go"},
		{LIKE_URL, "wwwacme.example", "wwwacme.example"},
		{LIKE_URL, "https://", "https://"},
		{LIKE_NUMBER, "77.50", "77.5"},
		{LIKE_NUMBER, "+077", "77"},
		{LIKE_NUMBER, "1e2", "100"},
		{LIKE_NUMBER, "-0.0", "0"},
		{LIKE_NUMBER, "12345678901234567890.10", "12345678901234567890.1"},
		{LIKE_NUMBER, "77 EUR", "77 EUR"},
		{LIKE_DAY, "2026-03-09T23:30:00-05:00", "2026-03-09"},
		{LIKE_DAY, " 2026-03-09", "2026-03-09"},
		{LIKE_DAY, "9.3.2026", "9.3.2026"},
		{LIKE_MOMENT, "2026-03-09T14:00:00.75+01:00", "2026-03-09T13:00:00.000000+00:00"},
		{LIKE_MOMENT, "2026-03-09 13:00:00Z", "2026-03-09T13:00:00.000000+00:00"},
		{LIKE_MOMENT, "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.000000+00:00"},
		{LIKE_MOMENT, "soon", "soon"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_(freep) char *folded = lookup_fold(rows[i].like, rows[i].value);

		check_text(folded, rows[i].folded);
	}
}

static void a_field_says_by_its_name_how_it_is_compared(void **state)
{
	(void)state;
	check_eq(lookup_like_of("id"), LIKE_ID);
	check_eq(lookup_like_of("email"), LIKE_EMAIL);
	check_eq(lookup_like_of("phone"), LIKE_PHONE);
	check_eq(lookup_like_of("url"), LIKE_URL);
	check_eq(lookup_like_of("name"), LIKE_TEXT);
	check_eq(lookup_like_of("custom.url"), LIKE_TEXT);
}

static void equal_keys_have_equal_texts(void **state)
{
	struct lookup lookup = {0};
	cleanup_(freep) char *first = NULL, *second = NULL;

	(void)state;
	lookup_add_field(lookup_add_key(&lookup), "name", " Ana ", LIKE_TEXT);
	lookup_add_field(&lookup.keys[0], "email", "ANA@x.example", LIKE_EMAIL);
	lookup_add_field(lookup_add_key(&lookup), "email", "ana@X.example ", LIKE_EMAIL);
	lookup_add_field(&lookup.keys[1], "name", "Ana", LIKE_TEXT);
	check_text(lookup.keys[0].fields[1].value, "ANA@x.example");
	first = lookup_key_text("contact", &lookup.keys[0]);
	second = lookup_key_text("contact", &lookup.keys[1]);
	check_text(first, "contact email=ana@x.example name=Ana");
	check_text(second, first);
	lookup_deinit(&lookup);
}

static void a_value_cannot_look_like_two_fields(void **state)
{
	struct lookup lookup = {0};
	char *one, *two, *alone;

	(void)state;
	lookup_add_field(lookup_add_key(&lookup), "custom.cf_A", "a name=b", LIKE_TEXT);
	lookup_add_field(lookup_add_key(&lookup), "custom.cf_A", "a", LIKE_TEXT);
	lookup_add_field(&lookup.keys[1], "name", "b", LIKE_TEXT);
	one = lookup_key_text("lead", &lookup.keys[0]);
	two = lookup_key_text("lead", &lookup.keys[1]);
	alone = lookup_field_text("lead", "custom.cf_A", "a name=b");
	assert_string_not_equal(one, two);
	assert_string_equal(one, alone);
	free(one);
	free(two);
	free(alone);
	lookup_deinit(&lookup);
}

static void a_key_of_one_field_is_read_back_from_its_text(void **state)
{
	char *text = lookup_field_text("lead", "custom.a b", "x=y\\z w"), *kind, *name, *folded;

	(void)state;
	check(lookup_field_parse(text, &kind, &name, &folded));
	check_text(kind, "lead");
	check_text(name, "custom.a b");
	check_text(folded, "x=y\\z w");
	free(kind);
	free(name);
	free(folded);
	free(text);
	check(!lookup_field_parse("lead email=a name=b", &kind, &name, &folded));
	check(!lookup_field_parse("lead", &kind, &name, &folded));
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(what_is_the_same_has_the_same_text),
		sentence(a_field_says_by_its_name_how_it_is_compared),
		sentence(equal_keys_have_equal_texts),
		sentence(a_value_cannot_look_like_two_fields),
		sentence(a_key_of_one_field_is_read_back_from_its_text),
	};

	return run_sentences(sentences);
}
