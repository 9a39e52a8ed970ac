#include "tests/unit/box.h"

#include "lib/mem.h"

#include <stdio.h>

#define ALL(kind, ...)                                                                             \
	"{\"type\":\"and\",\"queries\":[{\"type\":\"object_type\",\"object_type\":\"" kind         \
	"\"}," __VA_ARGS__ "]}"
#define FIELD(kind, name)                                                                          \
	"{\"type\":\"regular_field\",\"object_type\":\"" kind "\",\"field_name\":\"" name "\"}"
#define TEXT(mode, value) "{\"type\":\"text\",\"mode\":\"" mode "\",\"value\":\"" value "\"}"
#define WHERE(field, condition)                                                                    \
	"{\"type\":\"field_condition\",\"field\":" field ",\"condition\":" condition "}"
#define HAS(this, related, query)                                                                        \
	"{\"type\":\"has_related\",\"this_object_type\":\"" this "\",\"related_object_type\":\"" related \
								 "\",\"related_query\":" query "}"

static struct json_object *ask(struct box *b, const char *body, uint64_t now_ms)
{
	struct json_object *asked = from_json(body), *complaint = NULL, *found;

	found = box_search_answer(b->org->search, b->org, asked, now_ms, &complaint);
	json_object_put(asked);
	return found ? found : complaint;
}

/* The names of what a query finds, each followed by a space. */
static const char *names_at(struct box *b, const char *query, const char *more, uint64_t now_ms)
{
	char *body = mem_printf("{\"query\":%s,\"_fields\":{\"lead\":[\"name\"],\"contact\":"
	                        "[\"name\"]}%s}",
	                        query, more);
	struct json_object *found = ask(b, body, now_ms), *data = json_get(found, "data");
	static char text[256];

	*text = '\0';
	if (!data)
		check_text(json_object_to_json_string(found), "an answer");
	for (size_t i = 0; i < json_object_array_length(data); i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ",
		               json_get_string(json_object_array_get_idx(data, i), "name"));
	json_object_put(found);
	free(body);
	return text;
}

static const char *names(struct box *b, const char *query)
{
	return names_at(b, query, "", 1000);
}

static void open_with_leads(struct box *b)
{
	box_open(b, 0);
	(void)box_put(b, BOX_LEAD, NULL,
	              "{\"name\":\"North\",\"contacts\":[{\"name\":\"Ana\",\"emails\":[{\"email\":"
	              "\"Ana@North.example\"}]}]}");
	(void)box_put(b, BOX_LEAD, NULL,
	              "{\"name\":\"South\",\"contacts\":[{\"name\":\"Bo\",\"emails\":[{\"email\":"
	              "\"x.ana@north.example\"}]}]}");
	(void)box_put(b, BOX_LEAD, NULL, "{\"name\":\"Far North\"}");
}

static void exact_values_are_found_whatever_their_case(void **state)
{
	struct box b;

	(void)state;
	open_with_leads(&b);
	check_text(
		names(&b, ALL("lead", WHERE(FIELD("lead", "name"), TEXT("exact_value", "north")))),
		"North ");
	check_text(names(&b, ALL("contact", HAS("contact", "contact_email",
	                                        WHERE(FIELD("contact_email", "email"),
	                                              TEXT("exact_value", "ana@north.example"))))),
	           "Ana ");
	check_text(
		names(&b, ALL("lead", HAS("lead", "contact",
	                                  HAS("contact", "contact_email",
	                                      WHERE(FIELD("contact_email", "email"),
	                                            TEXT("exact_value", "x.ana@north.example")))))),
		"South ");
	box_close(&b);
}

static void words_and_phrases_find_more_than_equality(void **state)
{
	struct box b;

	(void)state;
	open_with_leads(&b);
	check_text(
		names(&b, ALL("lead", WHERE(FIELD("lead", "name"), TEXT("full_words", "north")))),
		"North Far North ");
	check_text(names(&b, ALL("lead", WHERE(FIELD("lead", "name"),
	                                       TEXT("beginning_of_words", "nor fa")))),
	           "Far North ");
	check_text(names(&b, ALL("contact", HAS("contact", "contact_email",
	                                        WHERE(FIELD("contact_email", "email"),
	                                              TEXT("phrase", "ana@north.example"))))),
	           "Ana Bo ");
	box_close(&b);
}

static void or_finds_any_and_negate_the_rest(void **state)
{
	struct box b;

	(void)state;
	open_with_leads(&b);
	check_text(
		names(&b,
	              ALL("lead",
	                  "{\"type\":\"or\",\"queries\":[" WHERE(
				  FIELD("lead", "name"),
				  TEXT("exact_value",
	                               "South")) "," WHERE(FIELD("lead", "name"),
	                                                   TEXT("exact_value",
	                                                        "north")) "," WHERE(FIELD("lead",
	                                                                                  "name"),
	                                                                            TEXT("exact_value",
	                                                                                 "NORTH")) "]}")),
		"North South ");
	check_text(names(&b, ALL("lead", "{\"negate\":true,\"type\":\"or\",\"queries\":[" WHERE(
						 FIELD("lead", "name"),
						 TEXT("exact_value", "South")) "]}")),
	           "North Far North ");
	check_text(names(&b, ALL("lead", "{\"type\":\"match_all\"}")), "North South Far North ");
	box_close(&b);
}

static void custom_fields_are_found_by_value_and_term(void **state)
{
	struct box b;
	const struct box_object *field;
	char *text;

	(void)state;
	open_with_leads(&b);
	field = box_put(&b, BOX_LEAD_FIELD, NULL, "{\"name\":\"Ext\",\"type\":\"text\"}");
	text = mem_printf("{\"name\":\"Custom\",\"custom.%s\":\"N-104\"}", field->id);
	(void)box_put(&b, BOX_LEAD, NULL, text);
	free(text);
	text = mem_printf(
		ALL("lead", WHERE("{\"type\":\"custom_field\",\"custom_field_id\":\"%s\"}",
	                          TEXT("exact_value", "N-104"))),
		field->id);
	check_text(names(&b, text), "Custom ");
	free(text);
	text = mem_printf(
		ALL("lead", WHERE("{\"type\":\"custom_field\",\"custom_field_id\":\"%s\"}",
	                          "{\"type\":\"term\",\"values\":[\"x\",\"N-104\"]}")),
		field->id);
	check_text(names(&b, text), "Custom ");
	free(text);
	text = mem_printf(
		ALL("lead", WHERE("{\"type\":\"custom_field\",\"custom_field_id\":\"%s\"}",
	                          TEXT("exact_value", "N-10"))),
		field->id);
	check_text(names(&b, text), "");
	free(text);
	box_close(&b);
}

static void writes_are_found_only_after_the_lag(void **state)
{
	static const char query[] =
		ALL("lead", WHERE(FIELD("lead", "name"), TEXT("exact_value", "Old")));
	const struct box_object *lead;
	struct box b;

	(void)state;
	box_open(&b, 2000);
	lead = box_put(&b, BOX_LEAD, NULL, "{\"name\":\"Old\"}");
	check_text(names_at(&b, query, "", 2999), "");
	check_text(names_at(&b, query, "", 3000), "Old ");
	b.actor.now_ms = 4000;
	(void)box_put(&b, BOX_LEAD, lead, "{\"name\":\"New\"}");
	check_text(names_at(&b, query, "", 5999), "Old ");
	check_text(names_at(&b, query, "", 6000), "");
	b.actor.now_ms = 7000;
	(void)box_delete(b.org, &b.actor, box_store_find(b.org->store, NULL, lead->id));
	check_text(names_at(&b, ALL("lead", "{\"type\":\"match_all\"}"), "", 8999), "New ");
	check_text(names_at(&b, ALL("lead", "{\"type\":\"match_all\"}"), "", 9000), "");
	box_close(&b);
}

static void pages_follow_a_cursor_for_thirty_seconds(void **state)
{
	static const char query[] = ALL("lead", "{\"type\":\"match_all\"}");
	struct json_object *found;
	char *more, *body;
	struct box b;

	(void)state;
	open_with_leads(&b);
	body = mem_printf("{\"query\":%s,\"_limit\":2,\"include_counts\":true}", query);
	found = ask(&b, body, 1000);
	free(body);
	check_eq(json_object_array_length(json_get(found, "data")), 2);
	check_eq(json_get_int(json_get(found, "count"), "total", 0), 3);
	more = mem_printf(",\"_limit\":2,\"cursor\":\"%s\"", json_get_string(found, "cursor"));
	json_object_put(found);
	check_text(names_at(&b, query, more, 30999), "Far North ");
	body = mem_printf("{\"query\":%s%s}", query, more);
	found = ask(&b, body, 31000);
	check_text(json_get_string(json_get(found, "field-errors"), "cursor"), "Expired cursor");
	json_object_put(found);
	free(body);
	free(more);
	box_close(&b);
}

static void results_are_sorted_as_asked(void **state)
{
	static const char query[] = ALL("lead", "{\"type\":\"match_all\"}");
	struct box b;

	(void)state;
	open_with_leads(&b);
	(void)box_put(&b, BOX_LEAD, NULL,
	              "{\"name\":\"Oldest\",\"date_created\":\"2020-01-01T00:00:00Z\"}");
	check_text(names_at(&b, query,
	                    ",\"_limit\":1,\"sort\":[{\"direction\":\"asc\",\"field\":" FIELD(
				    "lead", "date_created") "}]",
	                    1000),
	           "Oldest ");
	check_text(
		names_at(&b, query,
	                 ",\"sort\":[{\"direction\":\"desc\",\"field\":" FIELD("lead", "name") "}]",
	                 1000),
		"South Oldest North Far North ");
	box_close(&b);
}

static void the_first_key_that_differs_sorts(void **state)
{
	static const char query[] = ALL("lead", "{\"type\":\"match_all\"}");
	static const char *const leads[][2] = {{"B", "2"}, {"A", "2"}, {"C", "1"}, {"D", "2"}};
	struct box b;

	(void)state;
	box_open(&b, 0);
	for (size_t i = 0; i < 4; i++) {
		char *body = mem_printf("{\"name\":\"%s\",\"description\":\"%s\"}", leads[i][0],
		                        leads[i][1]);

		(void)box_put(&b, BOX_LEAD, NULL, body);
		free(body);
	}
	check_text(
		names_at(
			&b, query,
			",\"sort\":[{\"direction\":\"asc\",\"field\":" FIELD(
				"lead",
				"description") "},{\"direction\":\"desc\",\"field\":" FIELD("lead",
	                                                                                    "name") "}]",
			1000),
		"C D B A ");
	box_close(&b);
}

static void a_text_node_looks_at_every_text_of_an_object(void **state)
{
	struct box b;

	(void)state;
	open_with_leads(&b);
	check_text(names(&b, ALL("contact", "{\"type\":\"text\",\"value\":\"north.example ana\"}")),
	           "Ana Bo ");
	check_text(names(&b, ALL("lead", "{\"type\":\"text\",\"value\":\"far\"}")), "Far North ");
	check_text(names(&b, ALL("lead", "{\"type\":\"text\",\"value\":\"fa\"}")), "");
	check_text(names(&b, ALL("lead", "{\"type\":\"text\",\"mode\":\"beginning_of_words\","
	                                 "\"value\":\"fa\"}")),
	           "Far North ");
	box_close(&b);
}

static void a_contact_is_found_by_what_names_it(void **state)
{
	static const char query[] = ALL(
		"contact", HAS("contact", "opportunity",
	                       WHERE(FIELD("opportunity", "note"), TEXT("phrase", "big deal"))));
	const struct box_object *ana, *bo;
	struct box b;
	char *body;

	(void)state;
	box_open(&b, 0);
	ana = box_put(&b, BOX_CONTACT, NULL, "{\"name\":\"Ana\"}");
	body = mem_printf("{\"name\":\"Bo\",\"lead_id\":\"%s\"}", box_text(ana, "lead_id"));
	bo = box_put(&b, BOX_CONTACT, NULL, body);
	free(body);
	body = mem_printf("{\"lead_id\":\"%s\",\"contact_id\":\"%s\",\"note\":\"a big deal\"}",
	                  box_text(bo, "lead_id"), bo->id);
	(void)box_put(&b, BOX_OPPORTUNITY, NULL, body);
	free(body);
	check_text(names(&b, query), "Bo ");
	box_close(&b);
}

static void a_custom_field_that_is_gone_is_refused_or_finds_nothing(void **state)
{
	static const char query[] =
		ALL("lead", WHERE("{\"type\":\"custom_field\",\"custom_field_id\":\"cf_gone\"}",
	                          TEXT("exact_value", "x")));
	struct json_object *told;
	struct box b;
	struct err err;

	(void)state;
	open_with_leads(&b);
	told = ask(&b,
	           "{\"query\":" ALL("lead", WHERE("{\"type\":\"custom_field\","
	                                           "\"custom_field_id\":\"cf_gone\"}",
	                                           TEXT("exact_value", "x"))) "}",
	           1000);
	check_text(json_get_string(json_get(told, "field-errors"), "query"),
	           "The Custom Field \"cf_gone\" does not exist.");
	json_object_put(told);
	check_eq(box_doubts_set(&b.org->doubts, "search_field", "nothing", &err), 0);
	check_text(names(&b, query), "");
	box_close(&b);
}

static void what_it_does_not_understand_is_refused(void **state)
{
	static const char *const bodies[] = {
		"{}",
		"{\"query\":{\"type\":\"match_all\"}}",
		"{\"query\":{\"type\":\"telepathy\"}}",
		"{\"query\":{\"type\":\"object_type\",\"object_type\":\"dragon\"}}",
		"{\"query\":" ALL("lead", WHERE(FIELD("lead", "name"), TEXT("roughly", "x"))) "}",
		"{\"query\":" ALL("lead", WHERE(FIELD("lead", "nmae"), TEXT("phrase", "x"))) "}",
		"{\"query\":" ALL("lead", WHERE(FIELD("leda", "name"), TEXT("phrase", "x"))) "}",
		"{\"query\":" ALL("lead", HAS("lead", "email", "{\"type\":\"match_all\"}")) "}",
		"{\"query\":" ALL("lead", "{\"type\":\"text\",\"value\":\"x\",\"mode\":\"y\"}") "}",
		"{\"query\":" ALL("lead",
	                          WHERE(FIELD("lead", "name"),
	                                "{\"type\":\"any_of\",\"values\":[],\"set\":{}}")) "}",
		"{\"query\":" ALL("lead", "{\"type\":\"match_all\"}") ",\"_limit\":201}",
		"{\"query\":" ALL("lead", "{\"type\":\"match_all\"}") ",\"cursor\":\"x\"}",
	};
	struct box b;

	(void)state;
	open_with_leads(&b);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct json_object *told = ask(&b, bodies[i], 1000);

		check_eq(json_object_object_length(json_get(told, "field-errors")), 1);
		json_object_put(told);
	}
	box_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(exact_values_are_found_whatever_their_case),
		sentence(words_and_phrases_find_more_than_equality),
		sentence(or_finds_any_and_negate_the_rest),
		sentence(custom_fields_are_found_by_value_and_term),
		sentence(writes_are_found_only_after_the_lag),
		sentence(pages_follow_a_cursor_for_thirty_seconds),
		sentence(results_are_sorted_as_asked),
		sentence(the_first_key_that_differs_sorts),
		sentence(a_text_node_looks_at_every_text_of_an_object),
		sentence(a_contact_is_found_by_what_names_it),
		sentence(a_custom_field_that_is_gone_is_refused_or_finds_nothing),
		sentence(what_it_does_not_understand_is_refused),
	};

	return run_sentences(tests);
}
