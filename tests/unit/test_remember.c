#include "connector/engine/private.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "tests/unit/journal_case.h"

/* What an engine remembers of answers, and what it knows to be unchanged. */

static struct engine engine;
static struct watched_field fields[5];
static struct route routes[1];

static void watch(char *kind, char *name, enum lookup_like like)
{
	fields[engine.n_watched++] = (struct watched_field){kind, name, like};
}

static char lead[] = "lead", contact[] = "contact", email[] = "email", feed[] = "custom.cf_1";

static int begin_engine(void **state)
{
	begin(state);
	routes[0] = (struct route){.method = METHOD_PUT, .skip_unchanged = true};
	engine = (struct engine){.journal = journal,
	                         .loop = loop_new(),
	                         .parents = parents_new(),
	                         .watched = fields,
	                         .routes = {.items = routes, .n = 1},
	                         .skips_unchanged = true};
	watch(lead, email, LIKE_EMAIL);
	watch(contact, email, LIKE_EMAIL);
	watch(lead, feed, LIKE_TEXT);
	return 0;
}

static int end_engine(void **state)
{
	loop_free(engine.loop);
	parents_free(engine.parents);
	return end(state);
}

/* An ended call; @answer NULL: the object was found by lookup. */
struct call {
	enum http_method method;
	const char *operation, *object, *url, *sent, *answer, *object_id;
	enum request_state state; /* default: applied */
	unsigned attempts;
	const char *lane; /* NULL: none but what the request has */
};

static void take(char **to, const char *text)
{
	free(*to);
	*to = mem_strdup(text);
}

static void ended(const struct call *call)
{
	struct request *r = request_at(0);

	take(&r->operation, call->operation);
	take(&r->object, call->object);
	take(&r->url, call->url);
	take(&r->body, call->sent);
	r->body_len = call->sent ? strlen(call->sent) : 0;
	r->method = call->method;
	r->state = call->state ? call->state : REQUEST_APPLIED;
	r->attempts = call->attempts;
	r->object_id = mem_strdup(call->object_id);
	r->found_by_lookup = !call->answer;
	if (call->lane)
		request_add_lane(r, call->lane, true);
	if (call->answer) {
		r->answer = (struct answer){.status = 200,
		                            .is_json = true,
		                            .body = mem_strdup(call->answer),
		                            .body_len = strlen(call->answer)};
	}
	remember_answer(&engine, r);
	commit();
	request_free(r);
}

static void lead_answered(const char *answer)
{
	const struct call call = {.method = METHOD_PUT,
	                          .operation = "lead.update",
	                          .object = "lead",
	                          .url = "/lead/lead_1/",
	                          .sent = "{}",
	                          .answer = answer,
	                          .object_id = "lead_1"};

	ended(&call);
}

static void contact_answered(const char *answer)
{
	const struct call call = {.method = METHOD_PUT,
	                          .operation = "contact.update",
	                          .object = "contact",
	                          .url = "/contact/cont_1/",
	                          .sent = "{}",
	                          .answer = answer,
	                          .object_id = "cont_1"};

	ended(&call);
}

/* The ids of those remembered with this value, one after another. */
static const char *who(const char *kind, const char *field, const char *value)
{
	static char text[200];
	struct remembered items[4];
	const size_t n = journal_find_remembered(journal, kind, field, value, items, 4);

	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		const size_t len = strlen(text);

		(void)snprintf(text + len, sizeof(text) - len, "%s%s", i ? " " : "",
		               items[i].object_id);
		remembered_deinit(&items[i]);
	}
	return text;
}

static const char whole_lead[] =
	"{\"id\":\"lead_1\",\"name\":\"X\",\"custom.cf_1\":\"77\",\"contacts\":["
	"{\"id\":\"cont_1\",\"emails\":[{\"email\":\"Ana@x.example\"}]},"
	"{\"id\":\"cont_2\",\"emails\":[{\"email\":\"bob@x.example\"}]}]}";

static void the_answer_of_a_lead_brings_its_contacts(void **state)
{
	(void)state;
	lead_answered(whole_lead);
	check_text(who(lead, feed, "77"), "lead_1");
	check_text(who(lead, email, "ana@x.example"), "lead_1");
	check_text(who(contact, email, "ana@x.example"), "cont_1");
	check_text(who(contact, email, "bob@x.example"), "cont_2");
}

static void a_contact_that_loses_an_email_takes_it_from_its_lead(void **state)
{
	(void)state;
	lead_answered(whole_lead);
	contact_answered("{\"id\":\"cont_1\",\"lead_id\":\"lead_1\",\"emails\":["
	                 "{\"email\":\"new@x.example\"}]}");
	check_text(who(contact, email, "ana@x.example"), "");
	check_text(who(lead, email, "ana@x.example"), "");
	check_text(who(lead, email, "new@x.example"), "lead_1");
	check_text(who(lead, email, "bob@x.example"), "lead_1");
}

static void a_lead_without_a_contact_it_had_is_found_by_it_no_more(void **state)
{
	(void)state;
	journal_remember(journal, "cont_2",
	                 &(struct remembered){lead, email, (char[]){"bob@x.example"},
	                                      (char[]){"lead_1"}, NULL},
	                 1, 10);
	commit();
	lead_answered("{\"id\":\"lead_1\",\"name\":\"X\",\"contacts\":[{\"id\":\"cont_1\","
	              "\"emails\":[{\"email\":\"ana@x.example\"}]}]}");
	check_text(who(lead, email, "bob@x.example"), "");
	check_text(who(lead, email, "ana@x.example"), "lead_1");
}

static void what_was_sent_is_remembered_where_the_answer_was_lost(void **state)
{
	const struct call made = {.operation = "lead.create",
	                          .object = "lead",
	                          .url = "/lead/",
	                          .sent = "{\"name\":\"X\",\"custom.cf_1\":\"77\",\"contacts\":[{"
	                                  "\"emails\":[{\"email\":\"ana@x.example\"}]}]}",
	                          .object_id = "lead_1"};

	(void)state;
	ended(&made);
	check_text(who(lead, feed, "77"), "lead_1");
	check_text(who(lead, email, "ana@x.example"), "lead_1");
	check_text(who(contact, email, "ana@x.example"), ""); /* its id is not known */
}

static void what_is_deleted_or_merged_away_is_forgotten(void **state)
{
	const struct call deleted = {.method = METHOD_DELETE,
	                             .operation = "contact.delete",
	                             .object = "contact",
	                             .url = "/contact/cont_1/",
	                             .answer = "{}"};
	const struct call merged = {.operation = "lead.merge",
	                            .object = "lead",
	                            .url = "/lead/merge/",
	                            .sent = "{\"source\":\"lead_1\",\"destination\":\"lead_2\"}",
	                            .answer = "{\"status\":\"ok\"}"};

	(void)state;
	lead_answered(whole_lead);
	ended(&deleted);
	check_text(who(contact, email, "ana@x.example"), "");
	check_text(who(lead, email, "ana@x.example"), "");
	check_text(who(lead, email, "bob@x.example"), "lead_1");
	ended(&merged);
	check_text(who(lead, email, "bob@x.example"), "");
	check_text(who(contact, email, "bob@x.example"), "");
}

static void what_a_search_shows_is_remembered_with_its_contacts(void **state)
{
	struct json_object *object = NULL;

	(void)state;
	check_eq(json_parse(whole_lead, strlen(whole_lead), 0, &object, NULL, NULL), 0);
	remember_found(&engine, object, "lead", NULL, NULL);
	commit();
	json_object_put(object);
	check_text(who(lead, feed, "77"), "lead_1");
	check_text(who(contact, email, "bob@x.example"), "cont_2");
	contact_answered("{\"id\":\"cont_2\",\"lead_id\":\"lead_1\",\"emails\":[]}");
	check_text(who(lead, email, "bob@x.example"), "");
}

static void where_nothing_is_watched_nothing_is_written(void **state)
{
	struct request *r = request_at(0);

	(void)state;
	r->state = REQUEST_APPLIED;
	r->object_id = mem_strdup("lead_1");
	r->answer = (struct answer){.status = 200,
	                            .is_json = true,
	                            .body = mem_strdup(whole_lead),
	                            .body_len = strlen(whole_lead)};
	engine.n_watched = 0;
	engine.skips_unchanged = false;
	remember_answer(&engine, r);
	check(!journal_has_changes(journal));

	watch(lead, feed, LIKE_TEXT);
	take(&r->object, "opportunity"); /* of a kind nobody looks for */
	remember_answer(&engine, r);
	check(!journal_has_changes(journal));
	take(&r->object, "lead");
	remember_answer(&engine, r);
	check(journal_has_changes(journal));
	commit();
	request_free(r);
}

static void what_is_not_watched_any_more_is_forgotten_at_the_next_start(void **state)
{
	(void)state;
	check_eq(remember_open(&engine, NULL), 0);
	lead_answered(whole_lead);
	check_eq(remember_open(&engine, NULL), 0); /* the same pipeline */
	check_text(who(lead, feed, "77"), "lead_1");
	engine.n_watched = 1; /* the e-mail of leads alone */
	check_eq(remember_open(&engine, NULL), 0);
	check_text(who(lead, feed, "77"), "");
	check_text(who(contact, email, "ana@x.example"), "");
	check_text(who(lead, email, "ana@x.example"), "lead_1");
}

/* What Close writes otherwise */

static char phone[] = "phone";

/* A call by @method for whoever has this number, as a record writes it. */
static void matched_by_phone(enum http_method method, const char *lane, const char *sent,
                             const char *answer)
{
	const struct call call = {.method = method,
	                          .operation = "contact.create",
	                          .object = "contact",
	                          .url = method == METHOD_POST ? "/contact/" : "/contact/cont_1/",
	                          .sent = sent,
	                          .answer = answer,
	                          .object_id = "cont_1",
	                          .lane = lane};

	ended(&call);
}

#define SHOWN(number)                                                                              \
	"{\"id\":\"cont_1\",\"lead_id\":\"lead_1\",\"phones\":[{\"phone\":\"" number "\"}]}"
#define SENT(number) "{\"phones\":[{\"phone\":\"" number "\"}]}"

static const char *spelled(const char *number)
{
	static char text[40];
	cleanup_(freep) char *shown = spelling_of(&engine, phone, number);

	(void)snprintf(text, sizeof(text), "%s", shown ? shown : "");
	return text;
}

static void what_a_number_is_written_as_is_learned_from_the_answer(void **state)
{
	(void)state;
	watch(contact, phone, LIKE_PHONE);
	matched_by_phone(METHOD_POST, "match contact phone=6505551234", SENT("650-555-1234"),
	                 SHOWN("+16505551234"));
	check_text(spelled("6505551234"), "+16505551234");
	check_text(who(contact, phone, "+16505551234"), "cont_1");
	check_text(who(contact, phone, "6505551234"), "");
}

static void where_lists_are_added_to_numbers_are_learned_though_nobody_is_found_by_them(
	void **state)
{
	(void)state;
	matched_by_phone(METHOD_PUT, NULL, SENT("650-555-1234"), SHOWN("+16505551234"));
	check_text(spelled("6505551234"), "");
	engine.adds_to_lists = true;
	matched_by_phone(METHOD_PUT, NULL, SENT("650-555-1234"), SHOWN("+16505551234"));
	check_text(spelled("6505551234"), "+16505551234");
}

/* Of an extension Close keeps nothing: it is the object that is remembered, not a rule. */
static void what_is_not_shown_finds_the_object_that_was_made_for_it(void **state)
{
	static const char lane[] = "match contact phone=65055512345";

	(void)state;
	watch(contact, phone, LIKE_PHONE);
	matched_by_phone(METHOD_POST, lane, SENT("650-555-1234 ext. 5"), SHOWN("+16505551234"));
	check_text(spelled("65055512345"), "");
	check_text(who(contact, phone, "65055512345"), "cont_1");
	matched_by_phone(METHOD_PUT, lane, "{\"name\":\"Ana\"}", SHOWN("+16505551234"));
	matched_by_phone(METHOD_PUT, lane, SENT("650-555-1234 ext. 5"), SHOWN("+16505551234"));
	check_text(who(contact, phone, "65055512345"), "cont_1");
	/* It has another number now. */
	contact_answered(SHOWN("+14155550100"));
	check_text(who(contact, phone, "65055512345"), "");
}

static void a_create_whose_answer_was_lost_is_found_by_what_it_was_made_for(void **state)
{
	(void)state;
	watch(contact, phone, LIKE_PHONE);
	matched_by_phone(METHOD_POST, "match contact phone=6505551234", SENT("650-555-1234"), NULL);
	check_text(who(contact, phone, "6505551234"), "cont_1");
	contact_answered(SHOWN("+16505551234"));
	check_text(who(contact, phone, "6505551234"), "cont_1");
}

static void an_update_to_another_value_is_not_found_by_the_one_before(void **state)
{
	static const char lane[] = "match contact phone=+16505551234";

	(void)state;
	watch(contact, phone, LIKE_PHONE);
	matched_by_phone(METHOD_POST, lane, SENT("+16505551234"), SHOWN("+16505551234"));
	matched_by_phone(METHOD_PUT, lane, SENT("+14155550100"), SHOWN("+14155550100"));
	check_text(who(contact, phone, "+16505551234"), "");
	check_text(who(contact, phone, "+14155550100"), "cont_1");
}

/* Unchanged */

static void updated(const char *sent, const char *answer)
{
	const struct call call = {.method = METHOD_PUT,
	                          .operation = "lead.update",
	                          .object = "lead",
	                          .url = "/lead/lead_1/",
	                          .sent = sent,
	                          .answer = answer,
	                          .object_id = "lead_1"};

	ended(&call);
}

static bool is_unchanged(const char *body)
{
	struct draft draft = {0};
	bool is;

	check_eq(json_parse(body, strlen(body), 0, &draft.body, NULL, NULL), 0);
	is = remember_is_unchanged(&engine, &draft, "lead_1");
	json_object_put(draft.body);
	return is;
}

static void what_was_sent_or_answered_last_is_unchanged(void **state)
{
	(void)state;
	check(!is_unchanged("{\"name\":\"X\"}"));
	updated("{\"name\":\" X \",\"value\":100,\"address\":{\"city\":\"Y\",\"zip\":\"1\"}}",
	        "{\"id\":\"lead_1\",\"name\":\"X\",\"value\":100,\"address\":{\"zip\":\"1\","
	        "\"city\":\"Y\",\"label\":\"home\"},\"url\":\"u\"}");
	check(is_unchanged("{\"name\":\" X \"}")); /* as it was sent */
	check(is_unchanged("{\"name\":\"X\"}"));   /* as Close has it */
	check(!is_unchanged("{\"name\":\"Z\"}"));
	check(is_unchanged("{\"address\":{\"zip\":\"1\",\"city\":\"Y\"}}"));
	check(!is_unchanged("{\"address\":{\"zip\":\"1\"}}"));
	check(!is_unchanged("{\"name\":\"X\",\"url\":\"u\"}")); /* never sent: not known */
	check(is_unchanged("{}"));
}

static void numbers_are_the_same_by_their_value(void **state)
{
	(void)state;
	updated("{\"value\":19.90}", "{\"id\":\"lead_1\",\"value\":19.9}");
	check(is_unchanged("{\"value\":19.9}"));
	check(is_unchanged("{\"value\":1990e-2}"));
	check(!is_unchanged("{\"value\":\"19.9\"}"));
	check(!is_unchanged("{\"value\":19.91}"));
	updated("{\"value\":-0.0}", "{\"id\":\"lead_1\",\"value\":0}");
	check(is_unchanged("{\"value\":0}"));
	updated("{\"value\":100}", "{\"id\":\"lead_1\",\"value\":100}");
	check(is_unchanged("{\"value\":1e2}"));
	check(!is_unchanged("{\"value\":1}"));
}

static void what_close_does_not_show_is_always_sent(void **state)
{
	(void)state;
	updated("{\"status\":\"Won\",\"custom.cf_2\":null,\"custom.cf_3.add\":[\"a\"]}",
	        "{\"id\":\"lead_1\",\"status_label\":\"Won\",\"custom.cf_3\":[\"a\"]}");
	check(!is_unchanged("{\"status\":\"Won\"}"));
	check(!is_unchanged("{\"custom.cf_3.add\":[\"a\"]}"));
	check(is_unchanged("{\"custom.cf_2\":null}")); /* empty is not shown */
	check(!is_unchanged("{\"custom.cf_2\":1}"));
}

static void an_answer_to_another_update_has_the_last_word(void **state)
{
	(void)state;
	updated("{\"name\":\" X \"}", "{\"id\":\"lead_1\",\"name\":\"X\"}");
	updated("{\"url\":\"u\"}", "{\"id\":\"lead_1\",\"name\":\"X\",\"url\":\"u\"}");
	check(is_unchanged("{\"name\":\" X \",\"url\":\"u\"}"));
	updated("{\"url\":\"u\"}", "{\"id\":\"lead_1\",\"name\":\"Y\",\"url\":\"u\"}");
	check(!is_unchanged("{\"name\":\" X \"}"));
	check(!is_unchanged("{\"name\":\"X\"}"));
	check(is_unchanged("{\"name\":\"Y\"}"));
	updated("{\"name\":null}", "{\"id\":\"lead_1\",\"url\":\"u\"}");
	check(!is_unchanged("{\"name\":\"Y\"}"));
}

static void an_update_nobody_knows_about_makes_all_unknown(void **state)
{
	const struct call held = {.method = METHOD_PUT,
	                          .operation = "lead.update",
	                          .object = "lead",
	                          .url = "/lead/lead_1/",
	                          .sent = "{\"name\":\"Z\"}",
	                          .state = REQUEST_HELD,
	                          .attempts = 1};
	struct call refused = held;

	(void)state;
	refused.state = REQUEST_REFUSED;
	updated("{\"name\":\"X\"}", "{\"id\":\"lead_1\",\"name\":\"X\"}");
	ended(&refused);
	check(is_unchanged("{\"name\":\"X\"}"));
	refused.attempts = 2; /* the first may have been applied */
	ended(&refused);
	check(!is_unchanged("{\"name\":\"X\"}"));
	updated("{\"name\":\"X\"}", "{\"id\":\"lead_1\",\"name\":\"X\"}");
	ended(&held);
	check(!is_unchanged("{\"name\":\"X\"}"));
	updated("{\"name\":\"X\"}", "{\"id\":\"lead_1\",\"name\":\"X\"}");
	updated("{\"name\":\"Z\"}", NULL); /* applied, but nothing was shown */
	check(!is_unchanged("{\"name\":\"X\"}"));
	check(!is_unchanged("{\"name\":\"Z\"}"));
}

static void nothing_is_known_by_a_pipeline_that_did_not_look(void **state)
{
	(void)state;
	updated("{\"name\":\"X\"}", "{\"id\":\"lead_1\",\"name\":\"X\"}");
	check_eq(remember_open(&engine, NULL), 0);
	check(is_unchanged("{\"name\":\"X\"}"));
	routes[0].skip_unchanged = false;
	check_eq(remember_open(&engine, NULL), 0);
	check(!is_unchanged("{\"name\":\"X\"}"));
}

int main(void)
{
#define with_engine(fn) cmocka_unit_test_setup_teardown(fn, begin_engine, end_engine)
	const struct CMUnitTest tests[] = {
		with_engine(the_answer_of_a_lead_brings_its_contacts),
		with_engine(a_contact_that_loses_an_email_takes_it_from_its_lead),
		with_engine(a_lead_without_a_contact_it_had_is_found_by_it_no_more),
		with_engine(what_was_sent_is_remembered_where_the_answer_was_lost),
		with_engine(what_is_deleted_or_merged_away_is_forgotten),
		with_engine(what_a_search_shows_is_remembered_with_its_contacts),
		with_engine(where_nothing_is_watched_nothing_is_written),
		with_engine(what_is_not_watched_any_more_is_forgotten_at_the_next_start),
		with_engine(what_a_number_is_written_as_is_learned_from_the_answer),
		with_engine(
			where_lists_are_added_to_numbers_are_learned_though_nobody_is_found_by_them),
		with_engine(what_is_not_shown_finds_the_object_that_was_made_for_it),
		with_engine(a_create_whose_answer_was_lost_is_found_by_what_it_was_made_for),
		with_engine(an_update_to_another_value_is_not_found_by_the_one_before),
		with_engine(what_was_sent_or_answered_last_is_unchanged),
		with_engine(numbers_are_the_same_by_their_value),
		with_engine(what_close_does_not_show_is_always_sent),
		with_engine(an_answer_to_another_update_has_the_last_word),
		with_engine(an_update_nobody_knows_about_makes_all_unknown),
		with_engine(nothing_is_known_by_a_pipeline_that_did_not_look),
	};

	return run_sentences(tests);
}
