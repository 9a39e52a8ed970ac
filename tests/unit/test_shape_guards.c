#include "tests/unit/shape_case.h"

/* What a record makes of a URL, and whether it may be called. */

static void effects_of_a_record_need_to_be_allowed(void **state)
{
	static const struct {
		const char *operation, *record, *expected;
		unsigned allow;
	} rows[] = {
		{"contact.create", "{\"name\":1}", "!guard lead_id", 0},
		{"contact.create", "{\"lead_id\":null}", "!guard lead_id", 0},
		{"contact.create", "{\"lead_id\":\" \"}", "!guard lead_id", 0},
		{"contact.create", "{\"name\":1}", "{\"name\":1}", EFFECT_ORPHANS},
		{"contact.create", "{\"lead_id\":\"lead_1\"}", "{\"lead_id\":\"lead_1\"}", 0},
		{"opportunity.create", "{\"value\":1}", "!guard lead_id", EFFECT_SENDS},
		{"activity.email.create", "{\"lead_id\":1,\"status\":\"outbox\"}", "!guard status",
	         0},
		{"activity.email.create", "{\"lead_id\":1,\"status\":\" Scheduled\"}",
	         "!guard status", 0},
		{"activity.email.create", "{\"lead_id\":1,\"status\":\"draft\"}",
	         "{\"lead_id\":1,\"status\":\"draft\"}", 0},
		{"activity.email.create", "{\"lead_id\":1,\"status\":\"outbox\"}",
	         "{\"lead_id\":1,\"status\":\"outbox\"}", EFFECT_SENDS},
		{"activity.email.update", "{\"id\":\"acti_1\",\"status\":\"outbox\"}",
	         "!guard status", 0},
		{"activity.sms.create", "{\"status\":\"outbox\"}", "!guard status", 0},
		{"activity.sms.update", "{\"id\":\"acti_1\",\"status\":\"scheduled\"}",
	         "!guard status", 0},
		{"activity.call.create", "{\"status\":\"outbox\"}", "{\"status\":\"outbox\"}", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct spec spec = {.operation = rows[i].operation, .allow = rows[i].allow};

		check_body(&spec, rows[i].record, rows[i].expected);
	}
}

static void a_url_leads_to_its_own_operation_or_nowhere(void **state)
{
	const struct spec update = {.operation = "lead.update"};
	const struct spec blocked = {.operation = "blocked_phone_number.update"};
	const struct spec schema = {.operation = "custom_field_schema.update",
	                            .keep_slash = "object_type"};
	const struct spec closed = {.operation = "custom_field_schema.update"};
	const struct spec unknown = {.method = METHOD_POST, .url = "/x/{a}"};
	const struct spec group = {.operation = "group.delete"};

	(void)state;
	check_url(&update, "{\"id\":\"lead_1\"}", "/lead/lead_1/");
	check_url(&update, "{\"id\":\"a/b ?#\303\266\"}", "/lead/a%2Fb%20%3F%23%C3%B6/");
	check_url(&update, "{\"id\":12}", "/lead/12/");
	check_url(&update, "{}", "!{id} is missing");
	check_url(&update, "{\"id\":null}", "!{id} is null");
	check_url(&update, "{\"id\":\"\"}", "!{id} is empty");
	check_url(&update, "{\"id\":\"..\"}", "!{id} is \"..\"");
	check_url(&update, "{\"id\":[]}", "!{id} is a list");
	/* The settings have a path of their own beside the numbers. */
	check_url(&blocked, "{\"id\":\"settings\",\"reason\":\"x\"}",
	          "!is blocked_phone_number.settings.update and no longer "
	          "blocked_phone_number.update");
	check_url(&schema, "{\"object_type\":\"lead\",\"fields\":[]}",
	          "/custom_field_schema/lead/");
	check_url(&schema, "{\"object_type\":\"custom_activity_type/actitype_1\",\"fields\":[]}",
	          "/custom_field_schema/custom_activity_type/actitype_1/");
	check_url(&schema, "{\"object_type\":\"lead/x\",\"fields\":[]}", "!is no path of Close");
	check_url(&closed, "{\"object_type\":\"custom_activity_type/a\",\"fields\":[]}",
	          "/custom_field_schema/custom_activity_type%2Fa/");
	check_url(&unknown, "{\"a\":\"b/c\"}", "/x/b%2Fc");
	check_url(&update, "{\"id\":\"../contact/c\"}", "!/contact/c/, contact.update");
	check_url(&group, "{\"id\":\"group_1/member/user_1\"}",
	          "!is group.delete as it is written, but Close may read it as "
	          "/group/group_1/member/user_1/, group.member.remove");
}

/* Of a URL that only the record makes whole. @expected: the operation and url, or "!class text". */
static void check_call(const struct spec *spec, const char *record, const char *expected)
{
	struct fixture f;
	struct shape_output *output = shape(&f, spec, record);
	char *text;

	if (output->draft)
		text = mem_printf("%s %s", draft_operation(output->draft), output->draft->url);
	else
		text = mem_printf("!%s %s", reject_class_name(output->rejection.class),
		                  output->rejection.message);
	if (expected[0] == '!' ? !strstr(text, expected + 1) || output->draft
	                       : strcmp(text, expected) != 0)
		fail_msg("%s: %s", record, text);
	free(text);
	done(&f);
}

static void what_a_url_of_placeholders_calls_is_guarded_as_that_operation(void **state)
{
	const struct spec one = {.method = METHOD_POST, .url = "/{a}/", .body = "{\"name\":\"x\"}"};
	const struct spec two = {.method = METHOD_POST, .url = "/{a}/{b}"};
	const struct spec mail = {.method = METHOD_POST, .url = "/activity/{a}/", .exclude = {"a"}};
	const struct spec gone = {.method = METHOD_DELETE, .url = "/{a}/{b}/"};
	const struct spec put = {.method = METHOD_PUT,
	                         .url = "/{a}/",
	                         .body = "{\"is_complete\":true}",
	                         .allow = EFFECT_MASS};
	const struct spec allowed = {.method = METHOD_POST,
	                             .url = "/{a}/{b}",
	                             .allow = EFFECT_DESTROYS,
	                             .body = "{\"source\":\"l_1\",\"destination\":\"l_2\"}"};

	(void)state;
	check_call(&one, "{\"a\":\"lead\"}", "lead.create /lead/");
	check_call(&one, "{\"a\":\"contact\"}", "!guard the contact names no lead");
	check_call(&one, "{\"a\":\"hook\"}", " /hook/");
	check_call(&one, "{\"a\":\"LEAD\"}", "!template the finished URL /LEAD/ is no path");
	check_call(&one, "{\"a\":\"lead/merge\"}",
	           "!Close may read it as /lead/merge/, lead.merge");
	check_call(&one, "{\"a\":\"lead%2Fmerge\"}", "!lead.merge: a value in it");
	check_call(&one, "{\"a\":\"x/../lead\"}", "!Close may read it as /lead/, lead.create");
	check_call(&one, "{\"a\":\"x/../../v1/lead\"}", "!leads above base_url");
	check_call(&one, "{\"a\":\"api/v1/lead/merge\"}", "!lead.merge: a value in it");
	check_call(&two, "{\"a\":\"lead\",\"b\":\"merge\"}",
	           "!guard the URL of this record makes it POST /lead/merge/, lead.merge, which "
	           "needs allow: [destroys]");
	check_call(&allowed, "{\"a\":\"lead\",\"b\":\"merge\"}", "lead.merge /lead/merge/");
	check_call(&allowed, "{\"a\":\"bulk_action\",\"b\":\"delete\"}",
	           "!needs allow: [mass, destroys]: one call");
	check_call(&two, "{\"a\":\"bulk_action\",\"b\":\"tomorrow\"}", "!needs allow: [mass]");
	check_call(&two, "{\"a\":\"Bulk_action\",\"b\":\"tomorrow\"}", "!needs allow: [mass]");
	check_call(&mail, "{\"a\":\"email\",\"lead_id\":\"l\",\"status\":\"outbox\"}",
	           "!guard status \"outbox\"");
	check_call(&mail, "{\"a\":\"email\",\"lead_id\":\"l\",\"status\":\"sent\"}",
	           "activity.email.create /activity/email/");
	check_call(&gone, "{\"a\":\"lead\",\"b\":\"lead_1\"}", "!guard the URL of this record");
	check_call(&gone, "{\"a\":\"x\",\"b\":\"y\"}", "!DELETE /x/y/, which needs");
	check_call(&put, "{\"a\":\"task\"}", "!the call has no filter");
}

static void a_part_of_the_selection_is_no_less_one_where_the_url_is_open(void **state)
{
	const struct spec spec = {.method = METHOD_PUT,
	                          .url = "/{a}/",
	                          .query = "lead_id={l}",
	                          .body = "{\"is_complete\":true}",
	                          .allow = EFFECT_MASS};

	(void)state;
	check_call(&spec, "{\"a\":\"task\",\"l\":\"\"}", "!guard {l} is empty");
	check_call(&spec, "{\"a\":\"task\",\"l\":\"lead_1\"}",
	           "task.bulk_update /task/?lead_id=lead_1");
	check_call(&spec, "{\"a\":\"hook\",\"l\":\"\"}", " /hook/?lead_id=");
}

static void without_a_catalogue_a_route_is_held_against_its_own_operation(void **state)
{
	const struct spec spec = {.operation = "custom_field_schema.update",
	                          .keep_slash = "object_type"};
	struct record *record = make_record("{\"object_type\":\"lead/x\",\"fields\":[]}");
	struct shape_result result;
	struct route_set routes;

	(void)state;
	make_routes(&routes, &spec);
	routes.operations = NULL;
	shape_record(&routes, record, &result);
	check_eq(result.items[0].rejection.class, REJECT_TEMPLATE);
	shape_result_deinit(&result);
	record_unref(record);
	route_set_deinit(&routes);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(effects_of_a_record_need_to_be_allowed),
		sentence(a_url_leads_to_its_own_operation_or_nowhere),
		sentence(what_a_url_of_placeholders_calls_is_guarded_as_that_operation),
		sentence(a_part_of_the_selection_is_no_less_one_where_the_url_is_open),
		sentence(without_a_catalogue_a_route_is_held_against_its_own_operation),
	};

	return run_sentences(sentences);
}
