#include "connector/sandbox/validate.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <string.h>

static const char *const colours[] = {"red", "green", NULL};

static const struct box_field items[] = {
	{.name = "email", .type = BOX_EMAIL_TEXT, .flags = BOX_REQUIRED},
	{.name = "type", .type = BOX_TEXT, .otherwise = "\"office\""},
	{NULL},
};

enum {
	TEXT,
	SHORT,
	INT,
	BOOL,
	MOMENT,
	DAY,
	EMAIL,
	PHONE,
	URL,
	CHOICE,
	REF,
	REFS,
	MAP,
	TEXTS,
	PICKS,
	LIST,
	EMPTY,
	NEED
};

static const struct box_field fields[] = {
	[TEXT] = {.name = "text", .type = BOX_TEXT},
	[SHORT] = {.name = "short", .type = BOX_TEXT, .max = 3},
	[INT] = {.name = "int", .type = BOX_INTEGER, .max = 100},
	[BOOL] = {.name = "bool", .type = BOX_BOOLEAN},
	[MOMENT] = {.name = "moment", .type = BOX_MOMENT},
	[DAY] = {.name = "day", .type = BOX_DAY},
	[EMAIL] = {.name = "email", .type = BOX_EMAIL_TEXT},
	[PHONE] = {.name = "phone", .type = BOX_PHONE},
	[URL] = {.name = "url", .type = BOX_URL},
	[CHOICE] = {.name = "choice", .type = BOX_CHOICE, .choices = colours},
	[REF] = {.name = "lead_id", .type = BOX_REFERENCE, .ref = BOX_LEAD},
	[REFS] = {.name = "lead_ids", .type = BOX_REFERENCES, .ref = BOX_LEAD},
	[MAP] = {.name = "map", .type = BOX_MAP},
	[TEXTS] = {.name = "texts", .type = BOX_TEXTS},
	[PICKS] = {.name = "picks", .type = BOX_TEXTS, .choices = colours},
	[LIST] = {.name = "list", .type = BOX_LIST, .items = items, .max = 2},
	[EMPTY] = {.name = "empty", .type = BOX_TEXT, .flags = BOX_EMPTY},
	[NEED] = {.name = "need", .type = BOX_TEXT, .flags = BOX_REQUIRED},
};

static bool only_lead_one_exists(void *arg, enum box_kind_id kind, const char *id)
{
	(void)arg;
	return kind == BOX_LEAD && strcmp(id, "lead_1") == 0;
}

static const struct {
	int field;
	const char *in;    /* JSON */
	const char *clean; /* JSON; NULL: refused */
	const char *error; /* JSON */
} rows[] = {
	{TEXT, "\"a\"", "\"a\"", NULL},
	{TEXT, "1", NULL, "\"Value must be of str type.\""},
	{TEXT, "null", "null", NULL},
	{SHORT, "\"äöü\"", "\"äöü\"", NULL},
	{SHORT, "\"abcd\"", NULL, "\"The value must be no longer than 3 characters.\""},
	{INT, "100", "100", NULL},
	{INT, "101", NULL, "\"The value must not be larger than 100.\""},
	{INT, "-1", NULL, "\"The value must be at least 0.\""},
	{INT, "1.5", NULL, "\"Value must be of int type.\""},
	{INT, "\"1\"", NULL, "\"Value must be of int type.\""},
	{BOOL, "false", "false", NULL},
	{BOOL, "0", NULL, "\"Value must be of bool type.\""},
	{MOMENT, "\"2026-03-09T14:00:00+01:00\"", "\"2026-03-09T13:00:00.000000+00:00\"", NULL},
	{MOMENT, "\"yesterday\"", NULL, "\"Invalid ISO 8601 datetime.\""},
	{DAY, "\"2026-03-09\"", "\"2026-03-09\"", NULL},
	{DAY, "\"2026-03-09T14:00:00Z\"", "\"2026-03-09T14:00:00.000000+00:00\"", NULL},
	{EMAIL, "\"  Ana@Northwind.example \\n\"", "\"Ana@Northwind.example\"", NULL},
	{EMAIL, "\"ana@localhost\"", NULL, "\"Invalid email address.\""},
	{EMAIL, "\"ana\"", NULL, "\"Invalid email address.\""},
	{EMAIL, "\"@northwind.example\"", NULL, "\"Invalid email address.\""},
	{EMAIL, "\"ana@.example\"", NULL, "\"Invalid email address.\""},
	{EMAIL, "\"a@b@c.example\"", NULL, "\"Invalid email address.\""},
	{EMAIL, "\"a b@c.example\"", NULL, "\"Invalid email address.\""},
	{EMAIL, "\"a@b.c\"", NULL, "\"Invalid email address.\""},
	{PHONE, "\"+44 (20) 7946-0000\"", "\"+442079460000\"", NULL},
	{PHONE, "\"8004445555\"", "\"+18004445555\"", NULL},
	{PHONE, "\"call me\"", NULL,
         "\"Phone number is not valid. Please use the international format like +16505551234\""},
	{PHONE, "\"+1234567890123456\"", NULL,
         "\"Phone number is not valid. Please use the international format like +16505551234\""},
	{URL, "\"northwind.example/a\"", "\"http://northwind.example/a\"", NULL},
	{URL, "\"https://northwind.example\"", "\"https://northwind.example\"", NULL},
	{URL, "\"north wind\"", NULL, "\"Invalid URL.\""},
	{URL, "\"https://\"", NULL, "\"Invalid URL.\""},
	{CHOICE, "\"red\"", "\"red\"", NULL},
	{CHOICE, "\"Red\"", NULL, "\"Not a valid choice.\""},
	{REF, "\"lead_1\"", "\"lead_1\"", NULL},
	{REF, "\"lead_2\"", NULL, "\"Object does not exist.\""},
	{TEXTS, "[\"a\",\"b\"]", "[\"a\",\"b\"]", NULL},
	{TEXTS, "[\"a\",1]", NULL, "{\"errors\":{\"1\":\"Value must be of str type.\"}}"},
	{TEXTS, "null", "[]", NULL},
	{PICKS, "[\"red\",\"green\"]", "[\"red\",\"green\"]", NULL},
	{PICKS, "[\"blue\"]", NULL, "{\"errors\":{\"0\":\"Not a valid choice.\"}}"},
	{REFS, "[\"lead_1\"]", "[\"lead_1\"]", NULL},
	{REFS, "[\"lead_1\",\"lead_2\"]", NULL, "{\"errors\":{\"1\":\"Object does not exist.\"}}"},
	{REFS, "[null]", NULL, "{\"errors\":{\"0\":\"This field is required.\"}}"},
	{REFS, "null", "[]", NULL},
	{MAP, "{\"a\":{}}", "{\"a\":{}}", NULL},
	{MAP, "[]", NULL, "\"Value must be of dict type.\""},
	{LIST, "[{\"email\":\"a@b.example\",\"more\":1}]",
         "[{\"email\":\"a@b.example\",\"type\":\"office\"}]", NULL},
	{LIST, "[{\"email\":\"a@b.example\"},{}]", NULL,
         "{\"errors\":{\"1\":{\"errors\":[],\"field-errors\":{\"email\":\"This field is "
         "required.\"}}}}"},
	{LIST, "[3]", NULL, "{\"errors\":{\"0\":\"Value must be of dict type.\"}}"},
	{LIST, "{}", NULL, "\"Value must be of list type.\""},
	{LIST, "[{},{},{}]", NULL, "\"List is too long.\""},
	{EMPTY, "null", "\"\"", NULL},
	{NEED, "null", NULL, "\"This field is required.\""},
};

static void check_json(struct json_object *value, const char *text)
{
	char *printed = json_text(value);

	check_text(printed, text);
	free(printed);
	json_object_put(value);
}

static void values_are_cleaned_or_refused_in_the_words_of_close(void **state)
{
	const struct box_check check = {only_lead_one_exists, NULL};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *value = NULL, *clean = NULL, *error = NULL;
		bool is_good;

		check_eq(json_parse(rows[i].in, strlen(rows[i].in), 0, &value, NULL, NULL), 0);
		is_good = box_validate(&fields[rows[i].field], value, &check, &clean, &error);
		check_eq(is_good, rows[i].clean != NULL);
		check_json(is_good ? clean : error, is_good ? rows[i].clean : rows[i].error);
		json_object_put(value);
	}
}

static void a_reference_is_blamed_without_its_id(void **state)
{
	char *name = box_blamed_name(&fields[REF]);

	(void)state;
	check_text(name, "lead");
	free(name);
	name = box_blamed_name(&fields[TEXT]);
	check_text(name, "text");
	free(name);
}

static void every_default_of_every_kind_is_json(void **state)
{
	(void)state;
	for (size_t k = 0; k < BOX_N_KINDS; k++)
		for (const struct box_field *f = box_kinds[k].fields; f->name; f++) {
			bool has;

			json_object_put(box_default(f, &has));
			check_eq(has, f->otherwise != NULL);
		}
}

static void a_path_names_a_collection_or_an_item(void **state)
{
	const char *id = "";

	(void)state;
	check(box_kind_of_path("/lead/", &id) == &box_kinds[BOX_LEAD]);
	check_null(id);
	check(box_kind_of_path("/activity/note/acti_1/", &id) == &box_kinds[BOX_NOTE]);
	check_text(id, "acti_1/");
	check_null(box_kind_of_path("/lead/lead_1/more/", &id));
	check_null(box_kind_of_path("/lead//", &id));
	check_null(box_kind_of_path("/lead", &id));
	check_null(box_kind_of_path("/leads/", &id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(values_are_cleaned_or_refused_in_the_words_of_close),
		sentence(a_reference_is_blamed_without_its_id),
		sentence(every_default_of_every_kind_is_json),
		sentence(a_path_names_a_collection_or_an_item),
	};

	return run_sentences(tests);
}
