#include "connector/engine/nest.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <string.h>

/* Which answers send rows of nest anew, and what their lead is known by. */

#define OF_CONTACTS(errors_)                                                                       \
	"{\"errors\":[],\"field-errors\":{\"contacts\":{\"errors\":" errors_ "}}}"

static const char row[] = "{\"route\":0,\"by\":\"Acme\",\"child\":{\"name\":\"Ana\"}}";
static const char settled[] =
	"{\"route\":0,\"by\":\"Acme\",\"child\":{\"name\":\"Ana\"},\"is_settled_on\":true}";
static const char childless[] = "{\"route\":0,\"by\":\"Acme\"}";
static const char plain[] = "{\"route\":0,\"child\":{}}";

static struct request *request_of(const char *operation, unsigned status, const char *draft)
{
	struct request *r = request_new();

	r->operation = mem_strdup(operation);
	r->route = mem_strdup("companies");
	r->answer.status = status;
	r->parts = mem_array(2, sizeof(*r->parts));
	r->n_parts = 1;
	r->parts[0].draft = mem_strdup(draft);
	return r;
}

static bool goes_anew(const char *operation, unsigned status, const char *draft, const char *text)
{
	struct request *r = request_of(operation, status, draft);
	struct json_object *answer = NULL;
	bool goes_anew;

	check_eq(json_parse(text, strlen(text), 0, &answer, NULL, NULL), 0);
	goes_anew = nest_goes_anew(r, answer, status == 200);
	json_object_put(answer);
	request_free(r);
	return goes_anew;
}

static void rows_go_anew_where_contacts_alone_are_refused(void **state)
{
	static const struct {
		const char *answer;
		bool goes_anew;
	} rows[] = {
		{OF_CONTACTS("{\"0\":{\"errors\":[\"no\"]}}"), true},
		{OF_CONTACTS("{\"0\":\"no\",\"17\":\"no\"}"), true},
		{OF_CONTACTS("{}"), false},
		{OF_CONTACTS("{\"0\":\"no\",\"x\":\"no\"}"), false},
		{OF_CONTACTS("\"no\""), false},
		{"{\"field-errors\":{\"contacts\":\"no\"}}", false},
		{"{\"field-errors\":{\"name\":\"no\"}}", false},
		{"{\"errors\":[\"also\"],\"field-errors\":{\"contacts\":{\"errors\":{\"0\":\"no\"}}}}",
	         false},
		{"{\"field-errors\":{\"name\":\"no\",\"contacts\":{\"errors\":{\"0\":\"no\"}}}}",
	         false},
		{"[]", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_eq(goes_anew("lead.create", 400, row, rows[i].answer), rows[i].goes_anew);
	check(!goes_anew("lead.create", 422, row, rows[0].answer));
	check(!goes_anew("contact.create", 400, row, rows[0].answer));
	/* A lead that is one record's. */
	check(!goes_anew("lead.create", 400, plain, rows[0].answer));
}

static void a_row_that_carried_the_update_goes_anew_for_its_contact(void **state)
{
	(void)state;
	check(goes_anew("lead.update", 200, row, "{\"id\":\"lead_1\"}"));
	check(!goes_anew("lead.update", 200, settled, "{\"id\":\"lead_1\"}"));
	check(!goes_anew("lead.update", 200, childless, "{\"id\":\"lead_1\"}"));
	check(!goes_anew("lead.update", 200, plain, "{\"id\":\"lead_1\"}"));
	check(!goes_anew("contact.update", 200, row, "{\"id\":\"cont_1\"}"));
	check(!goes_anew("lead.create", 200, row, "{\"id\":\"lead_1\"}"));
}

static void a_lead_is_known_by_its_route_and_what_its_rows_share(void **state)
{
	struct request *r = request_of("lead.create", 200, row);
	char *text = nest_text_of_part(r, 0);

	(void)state;
	check_text(text, "lead nest\\ companies=Acme");
	free(text);
	request_free(r);
	r = request_of("lead.update", 200, row);
	check_null(nest_text_of_part(r, 0));
	request_free(r);
	r = request_of("lead.create", 200, plain);
	check_null(nest_text_of_part(r, 0));
	request_free(r);
}

static void its_key_stands_behind_what_it_is_matched_by(void **state)
{
	struct batch batch = {.algorithm = BATCH_NEST, .into = (char[]){"contacts"}};
	struct route route = {.name = (char[]){"companies"}, .batch = &batch, .has_body = true};
	struct draft **rows = mem_array(1, sizeof(struct draft *)), *nest;
	struct record *record = record_new();
	char *text;

	(void)state;
	rows[0] = draft_new(record, &route, 0);
	record_unref(record);
	rows[0]->url = mem_strdup("/lead/");
	rows[0]->by = mem_strdup(" Acme ");
	rows[0]->match = mem_alloc(sizeof(struct lookup));
	rows[0]->match->kind = mem_strdup("lead");
	lookup_add_field(lookup_add_key(rows[0]->match), "name", "A", LIKE_TEXT);
	check(nest_is_row(rows[0]));
	nest = nest_fold(rows, 1);
	check(!nest_is_row(nest));
	check_eq(nest->match->n_keys, 2);
	check(!nest_is_key(&nest->match->keys[0]));
	check(nest_is_key(&nest->match->keys[1]));
	check_text(nest->match->keys[1].fields[0].folded, "Acme");
	/* The row itself asks no more than it did: it may have to go with others. */
	check_eq(rows[0]->match->n_keys, 1);
	text = nest_text(nest);
	check_text(text, "lead nest\\ companies=Acme");
	free(text);
	draft_free(nest);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(rows_go_anew_where_contacts_alone_are_refused),
		sentence(a_row_that_carried_the_update_goes_anew_for_its_contact),
		sentence(a_lead_is_known_by_its_route_and_what_its_rows_share),
		sentence(its_key_stands_behind_what_it_is_matched_by),
	};

	return run_sentences(sentences);
}
