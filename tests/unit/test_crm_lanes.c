#include "connector/close/catalogue.h"
#include "connector/close/lanes.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <string.h>

struct call {
	const char *operation; /* NULL: outside the catalogue */
	enum http_method method;
	const char *url;
	const char *body;     /* JSON; NULL: none */
	const char *identity; /* value of custom.cf_B2; NULL: none */
};

static struct request *lanes_of(struct call call)
{
	struct request *request = request_new();
	struct route route = {.method = call.method};
	struct draft draft = {.route = &route, .url = strdup(call.url)};

	if (call.operation) {
		route.op = operation_find(crm_catalogue(), call.operation);
		route.method = route.op->method;
		draft.op = route.op;
	}
	if (call.body)
		check_eq(json_parse(call.body, strlen(call.body), 0, &draft.body, NULL, NULL), 0);
	if (call.identity) {
		draft.identity_field = strdup("custom.cf_B2");
		draft.identity_value = strdup(call.identity);
	}
	crm_lanes(&draft, request);
	free(draft.url);
	free(draft.identity_field);
	free(draft.identity_value);
	json_object_put(draft.body);
	return request;
}

/* @expected: keys, owners with "!" before them, in order, between "|". */
static void check_lanes(struct call call, const char *expected)
{
	struct request *request = lanes_of(call);
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < request->n_lanes; i++)
		buf_addf(&text, "%s%s%s", i ? "|" : "", request->lanes[i].is_owner ? "!" : "",
		         request->lanes[i].key);
	check_text(buf_text(&text), expected);
	buf_deinit(&text);
	request_free(request);
}

static void the_id_in_the_path_is_owned(void **state)
{
	(void)state;
	check_lanes(
		(struct call){"lead.update", .url = "/lead/lead_A1/", .body = "{\"name\":\"x\"}"},
		"!lead_A1");
	check_lanes((struct call){"contact.delete", .url = "/contact/cont_A1/"}, "!cont_A1");
	check_lanes((struct call){"lead.update", .url = "/lead/lead_A1"}, "!lead_A1");
	check_lanes((struct call){"lead.update", .url = "/lead/lead_A1/?_fields=id"}, "!lead_A1");
	check_lanes((struct call){"lead.update", .url = "/lead/lead%5FA1/"}, "!lead_A1");
	check_lanes((struct call){"playbook.archive", .url = "/playbook/playbook_1/archive/"},
	            "!playbook_1");
	check_lanes((struct call){"group.member.remove", .url = "/group/group_1/member/user_2/"},
	            "!group_1|!user_2");
}

static void other_parameters_are_owned_under_their_kind(void **state)
{
	(void)state;
	check_lanes((struct call){"unsubscribe.email.delete",
	                          .url = "/unsubscribe/email/ana%40northwind.example/"},
	            "!unsubscribe.email ana@northwind.example");
	check_lanes((struct call){"unsubscribe.email.create", .url = "/unsubscribe/email/",
	                          .body = "{\"email\":\"ana@northwind.example\"}"},
	            "!unsubscribe.email ana@northwind.example");
	check_lanes((struct call){"custom_field.shared.disassociate",
	                          .url = "/custom_field/shared/cf_1/association/"
	                                 "custom_object_type/cotype_2/"},
	            "!cf_1|!custom_field.shared custom_object_type/cotype_2");
	check_lanes(
		(struct call){"custom_field_schema.update", .url = "/custom_field_schema/lead/"},
		"!custom_field_schema lead");
	check_lanes((struct call){"lead.update", .url = "/lead/a%00b%zz%/"}, "!lead a%00b%zz%");
}

static void a_merge_owns_both_leads(void **state)
{
	(void)state;
	check_lanes((struct call){"lead.merge", .url = "/lead/merge/",
	                          .body = "{\"source\":\"lead_A\",\"destination\":\"lead_B\"}"},
	            "!lead_A|!lead_B");
	check_lanes((struct call){"lead.create", .url = "/lead/",
	                          .body = "{\"source\":\"lead_A\",\"destination\":\"lead_B\"}"},
	            "");
}

static void what_the_body_names_is_shared(void **state)
{
	(void)state;
	check_lanes((struct call){"opportunity.create", .url = "/opportunity/",
	                          .body = "{\"lead_id\":\"lead_A\",\"contact_id\":\"cont_B\","
	                                  "\"status_id\":\"Won\",\"user_id\":null,\"value\":5}"},
	            "lead_A|cont_B");
	check_lanes(
		(struct call){
			"playbook.create", .url = "/playbook/",
			.body = "{\"name\":\"x_1\",\"outcome_ids\":[\"outcome_1\",2,\"no\"]}"},
		"outcome_1");
	check_lanes((struct call){"contact.update", .url = "/contact/cont_A/",
	                          .body = "{\"id\":\"cont_Z\",\"lead_id\":\"lead_A\"}"},
	            "!cont_A|lead_A");
	check_lanes((struct call){"activity.note.create",
	                          .url = "/activity/note/?contact_id=cont_B",
	                          .body = "{\"lead_id\":\"lead_A\"}"},
	            "cont_B|lead_A");
}

static void an_object_both_owned_and_named_is_owned(void **state)
{
	(void)state;
	check_lanes((struct call){"lead.update", .url = "/lead/lead_A/",
	                          .body = "{\"lead_id\":\"lead_A\"}"},
	            "!lead_A");
}

static void a_create_without_a_key_owns_nothing(void **state)
{
	(void)state;
	check_lanes((struct call){"lead.create", .url = "/lead/", .body = "{\"name\":\"x\"}"}, "");
	check_lanes(
		(struct call){"lead.create", .url = "/lead/", .body = "[{\"lead_id\":\"lead_A\"}]"},
		"");
	check_lanes((struct call){.method = METHOD_POST, .url = "/new_thing/", .body = "{}"}, "");
}

static void an_identity_is_owned(void **state)
{
	(void)state;
	check_lanes((struct call){"lead.create", .url = "/lead/", .identity = "N-104"},
	            "!identity custom.cf_B2=N-104");
	/* An id as identity must not meet the object of that id. */
	check_lanes((struct call){"lead.create", .url = "/lead/", .identity = "lead_A"},
	            "!identity custom.cf_B2=lead_A");
}

static void a_bulk_change_owns_the_ids_of_its_filter(void **state)
{
	(void)state;
	check_lanes((struct call){"task.bulk_update",
	                          .url = "/task/?id__in=task_A%2Ctask_B&lead_id=lead_1&view=inbox",
	                          .body = "{\"is_complete\":true}"},
	            "!path /task/|!task_A|!task_B|lead_1");
	check_lanes((struct call){"membership.bulk_update", .url = "/membership/",
	                          .body = "{\"_params\":{\"id__in\":\"memb_A,memb_B\"},"
	                                  "\"role_id\":\"role_1\"}"},
	            "!path /membership/|role_1|!memb_A|!memb_B");
}

static void a_put_without_parameters_owns_its_path(void **state)
{
	(void)state;
	check_lanes((struct call){"blocked_phone_number.settings.update",
	                          .url = "/blocked_phone_number/settings/"},
	            "!path /blocked_phone_number/settings/");
	check_lanes(
		(struct call){"send_as.delete_by_user",
	                      .url = "/send_as/?allowed_user_id=user_1&allowing_user_id=user_2"},
		"!path /send_as/|user_1|user_2");
	check_lanes((struct call){.method = METHOD_PUT, .url = "/things/77?x=1"},
	            "!path /things/77/");
	check_lanes((struct call){.method = METHOD_DELETE, .url = "/thing/thing_7/"}, "!thing_7");
}

static void a_long_value_is_told_apart_by_its_hash(void **state)
{
	char a[302] = {0}, b[302] = {0};
	struct request *one, *other;

	(void)state;
	memset(a, 'x', 300);
	memset(b, 'x', 300);
	b[299] = 'y';
	one = lanes_of((struct call){"lead.create", .url = "/lead/", .identity = a});
	other = lanes_of((struct call){"lead.create", .url = "/lead/", .identity = b});
	check(strlen(one->lanes[0].key) < 200);
	check(strcmp(one->lanes[0].key, other->lanes[0].key) != 0);
	request_free(one);
	request_free(other);
}

static void an_id_is_a_prefix_and_letters_or_digits(void **state)
{
	static const char *const good[] = {"lead_A1", "cf_9", "actitype_0aZ"};
	static const char *const bad[] = {"",       "_",        "lead_",    "_A1",    "lead",
	                                  "Lead_A", "lead_A-1", "lead_A_1", "lead A1"};
	char text[103];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		check(crm_is_id(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check(!crm_is_id(bad[i]));
	memset(text, 'a', sizeof(text));
	text[4] = '_';
	text[100] = '\0';
	check(crm_is_id(text));
	text[100] = 'a';
	text[101] = '\0';
	check(!crm_is_id(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(the_id_in_the_path_is_owned),
		sentence(other_parameters_are_owned_under_their_kind),
		sentence(a_merge_owns_both_leads),
		sentence(what_the_body_names_is_shared),
		sentence(an_object_both_owned_and_named_is_owned),
		sentence(a_create_without_a_key_owns_nothing),
		sentence(an_identity_is_owned),
		sentence(a_bulk_change_owns_the_ids_of_its_filter),
		sentence(a_put_without_parameters_owns_its_path),
		sentence(a_long_value_is_told_apart_by_its_hash),
		sentence(an_id_is_a_prefix_and_letters_or_digits),
	};

	return run_sentences(tests);
}
