#include "connector/close/catalogue.h"
#include "connector/model/effects.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

static const struct operation *find(const char *name)
{
	const struct operation *op = operation_find(crm_catalogue(), name);

	check(op);
	return op;
}

static struct json_object *parsed(const char *text)
{
	struct json_object *value = NULL;

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, NULL), 0);
	return value;
}

static void only_bodies_that_send_are_shown_to_send(void **state)
{
	static const struct {
		const char *operation, *body;
		bool sends;
	} rows[] = {
		{"activity.email.create", "{\"status\":\"outbox\"}", true},
		{"activity.email.create", "{\"status\":\" Scheduled \"}", true},
		{"activity.email.create", "{\"status\":\"sent\"}", false},
		{"activity.email.create", "{\"status\":\"outboxes\"}", false},
		{"activity.email.create", "{}", false},
		{"activity.email.create",
	         "{\"status\":\"sent\",\"followup_sequence_id\":\"seq_1\"}", true},
		{"activity.email.create", "{\"status\":\"sent\",\"followup_sequence_id\":null}",
	         false},
		{"activity.email.update", "{\"status\":\"outbox\"}", true},
		{"activity.email.update", "{\"subject\":\"outbox\"}", false},
		{"activity.sms.create", "{\"status\":\"scheduled\"}", true},
		{"activity.sms.update", "{\"status\":\"draft\"}", false},
		{"sequence.update", "{\"name\":\"x\"}", false},
		{"sequence.update", "{\"status\":\"active\"}", true},
		{"sequence.update", "{\"status\":\"resumed\"}", true},
		{"sequence.update", "{\"status\":\"paused\"}", false},
		{"sequence.update", "{\"steps\":[]}", true},
		{"sequence.update", "{\"steps\":[],\"status\":\"draft\"}", false},
		{"sequence_subscription.update", "{\"status\":\"active\"}", true},
		{"sequence_subscription.update", "{\"status\":\"paused\"}", false},
		{"bulk_action.sequence_subscription.create", "{\"action_type\":\"pause\"}", false},
		{"bulk_action.sequence_subscription.create", "{\"action_type\":\"resume\"}", true},
		{"bulk_action.sequence_subscription.create", "{}", true},
		{"activity.note.create", "{\"status\":\"outbox\"}", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *body = parsed(rows[i].body);

		if (!(effects_shown(find(rows[i].operation), body) & EFFECT_SENDS) == rows[i].sends)
			fail_msg("%s %s", rows[i].operation, rows[i].body);
		json_object_put(body);
	}
}

static void what_a_call_always_does_needs_no_body(void **state)
{
	static const struct {
		const char *operation;
		unsigned effects;
	} rows[] = {
		{"lead.delete", EFFECT_DESTROYS},
		{"lead.merge", EFFECT_DESTROYS},
		{"bulk_action.delete.create", EFFECT_MASS | EFFECT_DESTROYS},
		{"bulk_action.email.create", EFFECT_SENDS | EFFECT_MASS},
		{"bulk_action.sequence_subscription.create", EFFECT_MASS},
		{"sequence_subscription.create", EFFECT_SENDS},
		{"membership.create", EFFECT_SENDS},
		{"enrich_field.create", EFFECT_COSTS},
		{"task.bulk_update", EFFECT_MASS},
		{"activity.email.create", 0},
		{"contact.create", 0},
		{"lead.update", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_eq(effects_always(find(rows[i].operation), METHOD_PUT, ""), rows[i].effects);
	check_eq(effects_always(NULL, METHOD_DELETE, "/x/"), EFFECT_DESTROYS);
	check_eq(effects_always(NULL, METHOD_POST, "/bulk_action/new/"), EFFECT_MASS);
	check_eq(effects_always(NULL, METHOD_POST, "/x/"), 0);
}

static void deletes_and_merges_count_and_nothing_else(void **state)
{
	(void)state;
	check(effects_destroy(NULL, METHOD_DELETE));
	check(effects_destroy(find("contact.delete"), METHOD_DELETE));
	check(effects_destroy(find("lead.merge"), METHOD_POST));
	check(effects_destroy(find("bulk_action.delete.create"), METHOD_POST));
	check(!effects_destroy(find("lead.update"), METHOD_PUT));
	check(!effects_destroy(NULL, METHOD_POST));
}

#define ALL_LEADS "{\"type\":\"object_type\",\"object_type\":\"lead\"}"
#define ONE       "{\"type\":\"id\",\"value\":\"lead_1\"}"

static void a_call_that_would_change_everything_selects_nothing(void **state)
{
	static const struct {
		const char *operation, *url, *body, *field; /* NULL: it selects */
	} rows[] = {
		{"task.bulk_update", "/task/", "{}", ""},
		{"task.bulk_update", "/task/?", "{}", ""},
		{"task.bulk_update", "/task/?id__in=", "{}", "id__in"},
		{"task.bulk_update", "/task/?id__in=%2C%20", "{}", "id__in"},
		{"task.bulk_update", "/task/?_type=all&_fields=id&organization_id=orga_1", "{}",
	         ""},
		{"task.bulk_update", "/task/?lead=lead_1", "{}", "lead"},
		{"task.bulk_update", "/task/?is_complete=false&lead_id=", "{}", "lead_id"},
		{"task.bulk_update", "/task/?is_complete=false&leadid=1", "{}", "leadid"},
		{"task.bulk_update", "/task/?lead_id=lead_1", "{}", NULL},
		{"task.bulk_update", "/task/", "{\"_params\":{\"id__in\":\"task_1,task_2\"}}",
	         NULL},
		{"task.bulk_update", "/task/", "{\"_params\":{\"id__in\":[]}}", "id__in"},
		{"task.bulk_update", "/task/", "{\"_params\":{}}", ""},
		{"membership.bulk_update", "/membership/", "{\"role_id\":\"admin\"}", ""},
		{"membership.bulk_update", "/membership/", "{\"_params\":{\"id__in\":null}}",
	         "id__in"},
		{"membership.bulk_update", "/membership/", "{\"_params\":{\"id__in\":\"memb_1\"}}",
	         NULL},
		{"send_as.delete_by_user", "/send_as/", "{}", ""},
		{"send_as.delete_by_user", "/send_as/?allowed_user_id=user_1", "{}", ""},
		{"send_as.delete_by_user",
	         "/send_as/?allowed_user_id=user_1&allowing_user_id=user_2", "{}", NULL},
		{"bulk_action.delete.create", "/", "{}", "s_query"},
		{"bulk_action.delete.create", "/", "{\"s_query\":{}}", "s_query"},
		{"bulk_action.delete.create", "/", "{\"s_query\":{\"query\":null}}", "s_query"},
		{"bulk_action.delete.create", "/", "{\"query\":\"  \",\"results_limit\":5}",
	         "s_query"},
		{"bulk_action.delete.create", "/", "{\"s_query\":{\"query\":" ALL_LEADS "}}",
	         "s_query"},
		{"bulk_action.delete.create", "/",
	         "{\"s_query\":{\"query\":{\"type\":\"and\",\"queries\":[" ALL_LEADS "]}}}",
	         "s_query"},
		{"bulk_action.delete.create", "/",
	         "{\"s_query\":{\"query\":{\"type\":\"or\",\"queries\":[" ONE "," ALL_LEADS "]}}}",
	         "s_query"},
		{"bulk_action.delete.create", "/",
	         "{\"s_query\":{\"query\":{\"type\":\"and\",\"queries\":[" ALL_LEADS "," ONE "]}}}",
	         NULL},
		{"bulk_action.delete.create", "/",
	         "{\"s_query\":{\"query\":{\"type\":\"field_condition\",\"field\":{}}}}",
	         "s_query"},
		{"bulk_action.delete.create", "/",
	         "{\"s_query\":{\"query\":{\"type\":\"match_all\"}}}", NULL},
		{"bulk_action.edit.create", "/", "{\"query\":\"status:Lost\"}", NULL},
		{"lead.delete", "/lead/lead_1/", "{}", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *body = parsed(rows[i].body);
		char *field = NULL;
		char *why = effects_unselected(find(rows[i].operation), rows[i].url, body, &field);

		if (!why != !rows[i].field ||
		    (why && strcmp(field ? field : "", rows[i].field) != 0))
			fail_msg("%s %s %s: %s (%s)", rows[i].operation, rows[i].url, rows[i].body,
			         why ? why : "selects", field ? field : "");
		free(why);
		free(field);
		json_object_put(body);
	}
}

static void a_sentence_names_the_field_and_its_value(void **state)
{
	struct json_object *body = parsed("{\"status\":\"outbox\"}");
	const struct effect_rule *rule = effect_rule_next(find("activity.email.update"), NULL);
	char *text = effect_rule_text(rule, body), *names;

	(void)state;
	check(strstr(text, "status \"outbox\": with it Close really sends the e-mail") == text);
	names = effect_names(EFFECT_SENDS | EFFECT_MASS | EFFECT_DESTROYS);
	check_text(names, "sends, mass, destroys");
	free(names);
	free(text);
	json_object_put(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(only_bodies_that_send_are_shown_to_send),
		sentence(what_a_call_always_does_needs_no_body),
		sentence(deletes_and_merges_count_and_nothing_else),
		sentence(a_call_that_would_change_everything_selects_nothing),
		sentence(a_sentence_names_the_field_and_its_value),
	};

	return run_sentences(tests);
}
