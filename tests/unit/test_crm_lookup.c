#include "connector/close/lookup.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct json_object *parse(const char *text)
{
	struct json_object *value = NULL;
	struct err err = {{0}};

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, &err), 0);
	return value;
}

/* Fields of one key, up to the row without a name. */
struct field {
	const char *name, *value;
	enum lookup_like like;
};

enum { max_fields = 3, max_keys = 4 };

/* Keys as crm_lookup_body() takes them. */
struct keys {
	struct lookup lookup;
	const struct lookup_key *all[crm_lookup_keys];
};

static void point_at_keys(struct keys *keys)
{
	for (size_t i = 0; i < keys->lookup.n_keys; i++)
		keys->all[i] = &keys->lookup.keys[i];
}

static struct keys *keys_of(const struct field rows[][max_fields])
{
	struct keys *keys = mem_alloc(sizeof(*keys));

	for (size_t i = 0; i < max_keys && rows[i][0].name; i++) {
		struct lookup_key *key = lookup_add_key(&keys->lookup);

		for (size_t f = 0; f < max_fields && rows[i][f].name; f++)
			lookup_add_field(key, rows[i][f].name, rows[i][f].value, rows[i][f].like);
	}
	point_at_keys(keys);
	return keys;
}

static void keys_free(struct keys *keys)
{
	lookup_deinit(&keys->lookup);
	free(keys);
}

DEFINE_CLEANUP(struct keys *, keys_free)

static char *body_of(const char *kind, const struct keys *keys)
{
	return crm_lookup_body(kind, keys->all, keys->lookup.n_keys, NULL, 0, NULL);
}

static void objects_are_searched_and_things_with_a_name_are_not(void **state)
{
	(void)state;
	check(crm_lookup_is_search("lead"));
	check(crm_lookup_is_search("contact"));
	check(crm_lookup_is_search("opportunity"));
	check(crm_lookup_is_search("custom_object"));
	check(!crm_lookup_is_search("user"));
	check(!crm_lookup_is_search("custom_object_type"));
	check(!crm_lookup_is_search(""));
}

static void leads_are_found_by_the_emails_of_their_contacts_in_both_spellings(void **state)
{
	static const struct field rows[max_keys][max_fields] = {
		{{"email", " Ana@x.example ", LIKE_EMAIL}},
		{{"email", "bo@x.example", LIKE_EMAIL}},
	};
	cleanup_(keys_freep) struct keys *keys = keys_of(rows);
	cleanup_(freep) char *body = body_of("lead", keys);

	(void)state;
#define EMAIL(value)                                                                               \
	"{\"type\":\"field_condition\",\"field\":{\"type\":\"regular_field\",\"object_type\":"     \
	"\"contact_email\",\"field_name\":\"email\"},\"condition\":{\"type\":\"text\",\"mode\":"   \
	"\"exact_value\",\"value\":\"" value "\"}}"
	check_text(
		body,
		"{\"query\":{\"type\":\"and\",\"queries\":["
		"{\"type\":\"object_type\",\"object_type\":\"lead\"},"
		"{\"type\":\"has_related\",\"this_object_type\":\"lead\","
		"\"related_object_type\":\"contact\",\"related_query\":"
		"{\"type\":\"has_related\",\"this_object_type\":\"contact\","
		"\"related_object_type\":\"contact_email\",\"related_query\":"
		"{\"type\":\"or\",\"queries\":[" EMAIL("Ana@x.example") "," EMAIL("ana@x.example") "," EMAIL(
			"bo@x.example") "]}}}]},"
					"\"_fields\":{\"lead\":[\"id\",\"contacts\"]},"
					"\"sort\":[{\"direction\":\"asc\",\"field\":{\"type\":\"regular_field\","
					"\"object_type\":\"lead\",\"field_name\":\"date_created\"}}],"
					"\"_limit\":200}");
#undef EMAIL
}

static void each_kind_of_value_has_its_condition(void **state)
{
	static const struct {
		const char *kind;
		struct field keys[max_keys][max_fields];
		const char *part;
	} rows[] = {
		{"contact",
	         {{{"custom.cf_B2", "N-104", LIKE_TEXT}}},
	         "{\"type\":\"or\",\"queries\":[{\"type\":\"field_condition\",\"field\":{\"type\":"
	         "\"custom_field\",\"custom_field_id\":\"cf_B2\"},\"condition\":{\"type\":\"text\","
	         "\"mode\":\"exact_value\",\"value\":\"N-104\"}}]}"},
		{"lead",
	         {{{"custom.cf_T", "Gold", LIKE_CHOICE}},
	          {{"custom.cf_T", "\"Old\"", LIKE_CHOICE}}},
	         "\"condition\":{\"type\":\"term\",\"values\":[\"Gold\",\"\\\"Old\\\"\"]}}]}"},
		{"lead",
	         {{{"custom.cf_N", "77.50", LIKE_NUMBER}}},
	         "\"condition\":{\"type\":\"number_range\",\"gte\":77.5,\"lte\":77.5}"},
		{"lead",
	         {{{"custom.cf_D", "2026-03-09", LIKE_DAY}}},
	         "\"condition\":{\"type\":\"moment_range\",\"on_or_after\":{\"type\":"
	         "\"fixed_local_date\",\"value\":\"2026-03-09\",\"which\":\"start\"},\"before\":"
	         "{\"type\":\"fixed_local_date\",\"value\":\"2026-03-09\",\"which\":\"end\"}}"},
		{"lead",
	         {{{"custom.cf_D", "2026-03-09T01:00:00.5+01:00", LIKE_MOMENT}}},
	         "\"condition\":{\"type\":\"moment_range\",\"on_or_after\":{\"type\":"
	         "\"fixed_utc\",\"value\":\"2026-03-09T00:00:00.000000+00:00\"},\"before\":"
	         "{\"type\":\"fixed_utc\",\"value\":\"2026-03-09T00:00:01.000000+00:00\"}}"},
		{"lead",
	         {{{"custom.cf_D", "soon", LIKE_DAY}}},
	         "\"value\":\"1970-01-01\",\"which\":\"start\"},\"before\":{\"type\":"
	         "\"fixed_local_date\",\"value\":\"1970-01-01\",\"which\":\"start\"}}"},
		/* What is no number finds nothing, but is no broken question either. */
		{"lead",
	         {{{"custom.cf_N", "1,\"x\":2", LIKE_NUMBER}}},
	         "\"condition\":{\"type\":\"number_range\",\"gt\":0,\"lt\":0}"},
		{"contact",
	         {{{"phone", "+1 (800) 444-5555", LIKE_PHONE}}},
	         "\"value\":\"+18004445555\"}"},
		{"contact",
	         {{{"url", "WWW.Ana.example/Me/", LIKE_URL}}},
	         "\"value\":\"https://www.ana.example/Me/\"}"},
		{"lead",
	         {{{"url", "ana.example", LIKE_URL}}},
	         "\"object_type\":\"lead\",\"field_name\":\"url\"},\"condition\":{\"type\":"
	         "\"text\",\"mode\":\"exact_value\",\"value\":\"http://ana.example/\"}"},
		{"lead",
	         {{{"url", "ana.example", LIKE_URL}}},
	         "\"related_object_type\":\"contact_url\""},
		{"custom_object",
	         {{{"name", "Red car", LIKE_TEXT}}},
	         "\"object_type\":\"custom_object\",\"field_name\":\"name\"},\"condition\":"
	         "{\"type\":\"text\",\"mode\":\"exact_value\",\"value\":\"Red car\"}"},
		{"opportunity",
	         {{{"custom.cf_O", "o1", LIKE_TEXT}, {"lead_id", "lead_A", LIKE_TEXT}}},
	         "{\"type\":\"has_related\",\"this_object_type\":\"opportunity\","
	         "\"related_object_type\":\"lead\",\"related_query\":{\"type\":\"or\",\"queries\":["
	         "{\"type\":\"id\",\"value\":\"lead_A\"}]}}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_(keys_freep) struct keys *keys = keys_of(rows[i].keys);
		cleanup_(freep) char *body = body_of(rows[i].kind, keys);

		json_object_put(parse(body));
		check(strstr(body, rows[i].part) != NULL);
	}
}

static void keys_of_several_fields_ask_for_all_of_them(void **state)
{
	static const struct field rows[max_keys][max_fields] = {
		{{"email", "ana@x.example", LIKE_EMAIL}, {"name", "Ana", LIKE_TEXT}},
		{{"email", "bo@x.example", LIKE_EMAIL}, {"name", "Bo", LIKE_TEXT}},
	};
	cleanup_(keys_freep) struct keys *keys = keys_of(rows);
	cleanup_(freep) char *body = body_of("contact", keys);
	struct json_object *question = parse(body), *any, *all;

	(void)state;
	any = json_object_array_get_idx(json_get(json_get(question, "query"), "queries"), 1);
	check_text(json_get_string(any, "type"), "or");
	check_eq(json_object_array_length(json_get(any, "queries")), 2);
	all = json_object_array_get_idx(json_get(any, "queries"), 1);
	check_text(json_get_string(all, "type"), "and");
	check_eq(json_object_array_length(json_get(all, "queries")), 2);
	check_text(json_get_string(json_object_array_get_idx(json_get(all, "queries"), 0), "type"),
	           "has_related");
	json_object_put(question);
}

static char *fields_of(const char *kind, const char *key, enum lookup_like like,
                       const struct watched_field *watched, size_t n_watched)
{
	const struct field rows[max_keys][max_fields] = {{{key, "1", like}}};
	cleanup_(keys_freep) struct keys *keys = keys_of(rows);
	cleanup_(freep) char *body = crm_lookup_body(kind, keys->all, 1, watched, n_watched, NULL);
	struct json_object *question = parse(body);
	char *text = json_text(json_get(json_get(question, "_fields"), kind));

	json_object_put(question);
	return text;
}

static void answers_bring_what_is_looked_for_and_what_is_watched(void **state)
{
	static char lead[] = "lead", contact[] = "contact", email[] = "email", phone[] = "phone",
		    url[] = "url", name[] = "name", known[] = "custom.cf_9",
		    unknown[] = "custom.Tier";
	const struct watched_field watched[] = {
		{lead, known, LIKE_TEXT},     {lead, phone, LIKE_PHONE},
		{lead, url, LIKE_URL},        {lead, unknown, LIKE_TEXT},
		{contact, email, LIKE_EMAIL}, {contact, name, LIKE_TEXT},
	};
	static const struct {
		const char *kind, *key;
		enum lookup_like like;
		size_t n_watched;
		const char *fields;
	} rows[] = {
		{"lead", "custom.cf_1", LIKE_TEXT, 0, "[\"id\",\"custom.cf_1\"]"},
		{"lead", "url", LIKE_URL, 0, "[\"id\",\"url\",\"contacts\"]"},
		{"lead", "name", LIKE_TEXT, 6,
	         "[\"id\",\"name\",\"custom.cf_9\",\"contacts\",\"url\"]"},
		{"contact", "email", LIKE_EMAIL, 0, "[\"id\",\"lead_id\",\"emails\"]"},
		{"contact", "custom.cf_1", LIKE_TEXT, 6,
	         "[\"id\",\"lead_id\",\"custom.cf_1\",\"phones\",\"urls\",\"emails\",\"name\"]"},
		{"opportunity", "custom.cf_1", LIKE_TEXT, 6,
	         "[\"id\",\"lead_id\",\"custom.cf_1\"]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_(freep) char *fields = fields_of(rows[i].kind, rows[i].key, rows[i].like,
		                                         watched, rows[i].n_watched);

		check_text(fields, rows[i].fields);
	}
}

static void the_next_page_is_asked_for_by_its_cursor(void **state)
{
	static const struct field rows[max_keys][max_fields] = {{{"name", "Ana", LIKE_TEXT}}};
	cleanup_(keys_freep) struct keys *keys = keys_of(rows);
	cleanup_(freep) char *body = crm_lookup_body("lead", keys->all, 1, NULL, 0, "a\"b");

	(void)state;
	check(strstr(body, ",\"_limit\":200,\"cursor\":\"a\\\"b\"}") != NULL);
}

static void keys_of_the_same_fields_go_together(void **state)
{
	static const struct field rows[max_keys][max_fields] = {
		{{"email", "ana@x.example", LIKE_EMAIL}, {"name", "Ana", LIKE_TEXT}},
		{{"name", "Bo", LIKE_TEXT}, {"email", "bo@x.example", LIKE_EMAIL}},
		{{"name", "Cy", LIKE_TEXT}, {"email", "cy@x.example", LIKE_TEXT}},
		{{"name", "Di", LIKE_TEXT}},
	};
	cleanup_(keys_freep) struct keys *keys = keys_of(rows);

	(void)state;
	check(crm_lookup_goes_with("lead", keys->all[0], "lead", keys->all[1]));
	check(!crm_lookup_goes_with("lead", keys->all[0], "contact", keys->all[1]));
	check(!crm_lookup_goes_with("lead", keys->all[0], "lead", keys->all[2]));
	check(!crm_lookup_goes_with("lead", keys->all[0], "lead", keys->all[3]));
	check(!crm_lookup_goes_with("lead", keys->all[3], "lead", keys->all[0]));
}

static void a_full_question_of_emails_stays_within_the_bytes(void **state)
{
	cleanup_(keys_freep) struct keys *keys = mem_alloc(sizeof(*keys));
	cleanup_(freep) char *body = NULL;
	size_t weight = 0;

	(void)state;
	for (size_t i = 0; i < crm_lookup_keys; i++) {
		char email[64];

		(void)snprintf(email, sizeof(email), "Somebody.number.%zu@some.example", i);
		lookup_add_field(lookup_add_key(&keys->lookup), "email", email, LIKE_EMAIL);
	}
	point_at_keys(keys);
	body = body_of("contact", keys);
	for (size_t i = 0; i < crm_lookup_keys; i++)
		weight += crm_lookup_weight("contact", keys->all[i]);
	check(strlen(body) <= crm_lookup_bytes);
	/* What is told of each is never too little. */
	check(strlen(body) <= weight + 512);
}

static char *read_all(const char *kind, const struct keys *keys, const char *const *pages)
{
	struct crm_found_list found = {0};
	struct buf text = BUF_INIT;

	for (; *pages; pages++) {
		struct json_object *answer = parse(*pages);
		struct err err = {{0}};

		check_eq(
			crm_lookup_read(answer, kind, keys->all, keys->lookup.n_keys, &found, &err),
			0);
		json_object_put(answer);
	}
	for (size_t i = 0; i < found.n; i++)
		buf_addf(&text, "%s%zu=%s/%s", i ? " " : "", found.items[i].key, found.items[i].id,
		         found.items[i].lead_id ? found.items[i].lead_id : "-");
	if (found.cursor)
		buf_addf(&text, " > %s", found.cursor);
	crm_found_deinit(&found);
	return buf_take(&text);
}

static void what_is_found_is_told_with_the_key_it_fits(void **state)
{
	static const struct {
		const char *kind;
		struct field keys[max_keys][max_fields];
		const char *pages[3], *found;
	} rows[] = {
		/* Search finds neighbours and other spellings; only what is the same counts. */
		{"contact",
	         {{{"email", "Bo@x.example", LIKE_EMAIL}},
	          {{"email", "ana@x.example", LIKE_EMAIL}}},
	         {"{\"data\":[{\"id\":\"cont_1\",\"lead_id\":\"lead_1\",\"emails\":[{\"email\":"
	          "\"x.ana@x.example\"},{\"email\":\"ANA@x.example\"}]},{\"id\":\"cont_2\","
	          "\"lead_id\":\"lead_2\",\"emails\":[{\"email\":\"bo.ana@x.example\"}]}],"
	          "\"cursor\":null}"},
	         "1=cont_1/lead_1"},
		/* A lead by its contacts; the page behind shows one of them again. */
		{"lead",
	         {{{"phone", "+1 800 444-5555", LIKE_PHONE}}},
	         {"{\"data\":[{\"id\":\"lead_1\",\"contacts\":[{\"phones\":[{\"phone\":"
	          "\"+18004445555\"}]}]}],\"cursor\":\"c\"}",
	          "{\"data\":[{\"id\":\"lead_1\",\"contacts\":[{\"phones\":[{\"phone\":"
	          "\"+18004445555\"}]}]},{\"id\":\"lead_2\",\"contacts\":[{},{\"phones\":"
	          "[{\"phone\":\"+18004445555\"},{\"phone\":\"+18004445555\"}]}]}],"
	          "\"cursor\":\"d\"}"},
	         "0=lead_1/- 0=lead_2/- > d"},
		{"lead",
	         {{{"url", "www.one.example/", LIKE_URL}}, {{"url", "two.example/a", LIKE_URL}}},
	         {"{\"data\":[{\"id\":\"lead_1\",\"url\":\"http://one.example\"},{\"id\":\"lead_2\","
	          "\"url\":null,\"contacts\":[{\"urls\":[{\"url\":\"https://www.two.example/a/\"}]}"
	          "]},{\"id\":\"lead_3\",\"url\":\"http://one.example/b\"}]}"},
	         "0=lead_1/- 1=lead_2/-"},
		/* Numbers by value, items of lists one by one. */
		{"lead",
	         {{{"custom.cf_N", "77.50", LIKE_NUMBER}}, {{"custom.cf_N", "8", LIKE_NUMBER}}},
	         {"{\"data\":[{\"id\":\"lead_1\",\"custom.cf_N\":77.5},{\"id\":\"lead_2\","
	          "\"custom.cf_N\":8},{\"id\":\"lead_3\",\"custom.cf_N\":\"8.0\"},{\"id\":"
	          "\"lead_4\",\"custom.cf_N\":80}]}"},
	         "0=lead_1/- 1=lead_2/- 1=lead_3/-"},
		{"lead",
	         {{{"custom.cf_T", "Gold", LIKE_CHOICE}}},
	         {"{\"data\":[{\"id\":\"lead_1\",\"custom.cf_T\":[\"Old\",\"Gold\"]},"
	          "{\"id\":\"lead_2\",\"custom.cf_T\":\"gold\"}]}"},
	         "0=lead_1/-"},
		{"lead",
	         {{{"custom.cf_D", "2026-03-09T10:00:00Z", LIKE_DAY}},
	          {{"custom.cf_D", "2026-03-10", LIKE_DAY}}},
	         {"{\"data\":[{\"id\":\"lead_1\",\"custom.cf_D\":\"2026-03-09\"},"
	          "{\"id\":\"lead_2\",\"custom.cf_D\":\"2026-03-11\"}]}"},
	         "0=lead_1/-"},
		{"lead",
	         {{{"custom.cf_D", "2026-03-09T14:00:00+01:00", LIKE_MOMENT}}},
	         {"{\"data\":[{\"id\":\"lead_1\",\"custom.cf_D\":\"2026-03-09T13:00:00+00:00\"},"
	          "{\"id\":\"lead_2\",\"custom.cf_D\":\"2026-03-09T13:00:01+00:00\"}]}"},
	         "0=lead_1/-"},
		/* All fields of a key; two keys that begin alike; their order in the key is free.
	         */
		{"contact",
	         {{{"name", "Ana", LIKE_TEXT}, {"lead_id", "lead_2", LIKE_TEXT}},
	          {{"lead_id", "lead_1", LIKE_TEXT}, {"name", "Ana", LIKE_TEXT}}},
	         {"{\"data\":[{\"id\":\"cont_1\",\"lead_id\":\"lead_1\",\"name\":\" Ana \"},"
	          "{\"id\":\"cont_2\",\"lead_id\":\"lead_2\",\"name\":\"Ana\"},{\"id\":\"cont_3\","
	          "\"lead_id\":\"lead_2\",\"name\":\"ana\"}]}"},
	         "1=cont_1/lead_1 0=cont_2/lead_2"},
		{"lead", {{{"name", "Acme", LIKE_TEXT}}}, {"{\"data\":[],\"cursor\":null}"}, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_(keys_freep) struct keys *keys = keys_of(rows[i].keys);
		cleanup_(freep) char *found = read_all(rows[i].kind, keys, rows[i].pages);

		check_text(found, rows[i].found);
	}
}

static void what_is_no_search_answer_is_refused_whole(void **state)
{
	static const char *const answers[] = {
		"{}", "[]", "{\"data\":{}}",
		"{\"data\":[{\"id\":\"lead_1\",\"name\":\"Acme\"},{\"name\":\"Acme\"}]}"};
	static const struct field rows[max_keys][max_fields] = {{{"name", "Acme", LIKE_TEXT}}};
	cleanup_(keys_freep) struct keys *keys = keys_of(rows);

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct json_object *answer = parse(answers[i]);
		struct crm_found_list found = {0};
		struct err err = {{0}};

		check_eq(crm_lookup_read(answer, "lead", keys->all, 1, &found, &err), -EBADMSG);
		check(strstr(err.text, "/data/search/") != NULL);
		check_eq(found.n, 0);
		json_object_put(answer);
	}
}

static void a_body_fits_a_key_as_an_answer_does(void **state)
{
	static const struct field rows[max_keys][max_fields] = {
		{{"email", "ana@x.example", LIKE_EMAIL}, {"custom.cf_1", "7", LIKE_TEXT}},
	};
	cleanup_(keys_freep) struct keys *keys = keys_of(rows);
	struct json_object *body = parse("{\"custom.cf_1\":7,\"contacts\":[{\"emails\":[{\"email\":"
	                                 "\" Ana@X.example\"}]}]}");

	(void)state;
	check(crm_lookup_fits(body, "lead", keys->all[0]));
	check(!crm_lookup_fits(body, "contact", keys->all[0]));
	json_object_object_del(body, "custom.cf_1");
	check(!crm_lookup_fits(body, "lead", keys->all[0]));
	json_object_put(body);
}

/* A number is looked for as it was written and as Close has shown it, and may be either. */
static void what_close_writes_otherwise_is_asked_for_and_fits_both_ways(void **state)
{
	static const struct field rows[max_keys][max_fields] = {
		{{"phone", "650-555-1234", LIKE_PHONE}},
		{{"phone", "415-555-1234", LIKE_PHONE}},
	};
	static const char page[] =
		"{\"data\":[{\"id\":\"cont_1\",\"lead_id\":\"lead_1\",\"phones\":[{\"phone\":"
		"\"+16505551234\"}]},{\"id\":\"cont_2\",\"lead_id\":\"lead_1\",\"phones\":["
		"{\"phone\":\"+14155551234\"}]},{\"id\":\"cont_3\",\"lead_id\":\"lead_1\","
		"\"phones\":[{\"phone\":\"650 5551234\"},{\"phone\":\"+446505551234\"}]}]}";
	const char *const pages[3] = {page};
	cleanup_(keys_freep) struct keys *keys = keys_of(rows);
	cleanup_(freep) char *body = NULL, *found = NULL;

	(void)state;
	keys->lookup.keys[0].fields[0].shown = mem_strdup("+16505551234");
	body = body_of("contact", keys);
	check(strstr(body, "\"650-555-1234\"") != NULL);
	check(strstr(body, "\"6505551234\"") != NULL);
	check(strstr(body, "\"+16505551234\"") != NULL);
	check(strstr(body, "+1415") == NULL);
	found = read_all("contact", keys, pages);
	check_text(found, "0=cont_1/lead_1 0=cont_3/lead_1");
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(objects_are_searched_and_things_with_a_name_are_not),
		sentence(leads_are_found_by_the_emails_of_their_contacts_in_both_spellings),
		sentence(each_kind_of_value_has_its_condition),
		sentence(keys_of_several_fields_ask_for_all_of_them),
		sentence(answers_bring_what_is_looked_for_and_what_is_watched),
		sentence(the_next_page_is_asked_for_by_its_cursor),
		sentence(keys_of_the_same_fields_go_together),
		sentence(a_full_question_of_emails_stays_within_the_bytes),
		sentence(what_is_found_is_told_with_the_key_it_fits),
		sentence(what_is_no_search_answer_is_refused_whole),
		sentence(a_body_fits_a_key_as_an_answer_does),
		sentence(what_close_writes_otherwise_is_asked_for_and_fits_both_ways),
	};

	return run_sentences(sentences);
}
