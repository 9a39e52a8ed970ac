#include "connector/close/catalogue.h"
#include "connector/close/class.h"
#include "connector/close/verdict.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

/* A whole answer in JSON to a POST that was sent once. */
static struct crm_attempt answered(unsigned status)
{
	return (struct crm_attempt){
		.method = METHOD_POST,
		.n_sends = 1,
		.status = status,
		.body = "{\"id\":\"lead_A1\"}",
		.body_len = 16,
		.is_complete = true,
		.is_json = true,
	};
}

static struct crm_attempt answered_page(unsigned status, bool is_complete)
{
	struct crm_attempt attempt = answered(status);

	attempt.body = "\n<html>";
	attempt.body_len = 7;
	attempt.is_complete = is_complete;
	attempt.is_json = false;
	return attempt;
}

static void check_judgement(struct crm_attempt attempt, enum verdict verdict,
                            enum reject_class class)
{
	const struct crm_judgement judgement = crm_judge(&attempt);

	check_eq(judgement.verdict, verdict);
	check_eq(judgement.class, class);
}

static void every_status_has_its_verdict(void **state)
{
	static const struct {
		unsigned status;
		enum verdict verdict;
		enum reject_class class;
	} rows[] = {
		{200, VERDICT_APPLIED, REJECT_NONE},
		{201, VERDICT_APPLIED, REJECT_NONE},
		{202, VERDICT_APPLIED, REJECT_NONE},
		{204, VERDICT_APPLIED, REJECT_NONE},
		{299, VERDICT_APPLIED, REJECT_NONE},
		{429, VERDICT_RATE_LIMITED, REJECT_NONE},
		{400, VERDICT_REJECTED, REJECT_VALIDATION},
		{404, VERDICT_REJECTED, REJECT_NOT_FOUND},
		{405, VERDICT_REJECTED, REJECT_VALIDATION},
		{409, VERDICT_REJECTED, REJECT_VALIDATION},
		{410, VERDICT_REJECTED, REJECT_NOT_FOUND},
		{413, VERDICT_REJECTED, REJECT_TOO_LARGE},
		{415, VERDICT_REJECTED, REJECT_VALIDATION},
		{422, VERDICT_REJECTED, REJECT_VALIDATION},
		{401, VERDICT_UNAUTHORIZED, REJECT_NONE},
		{402, VERDICT_PLAN_LIMIT, REJECT_NONE},
		{403, VERDICT_FORBIDDEN, REJECT_PERMISSION},
		{300, VERDICT_REDIRECTED, REJECT_NONE},
		{301, VERDICT_REDIRECTED, REJECT_NONE},
		{308, VERDICT_REDIRECTED, REJECT_NONE},
		{408, VERDICT_UNKNOWN, REJECT_NONE},
		{425, VERDICT_UNKNOWN, REJECT_NONE},
		{500, VERDICT_UNKNOWN, REJECT_NONE},
		{501, VERDICT_UNKNOWN, REJECT_NONE},
		{502, VERDICT_UNKNOWN, REJECT_NONE},
		{503, VERDICT_UNKNOWN, REJECT_NONE},
		{504, VERDICT_UNKNOWN, REJECT_NONE},
		{599, VERDICT_UNKNOWN, REJECT_NONE},
		{100, VERDICT_UNKNOWN, REJECT_NONE},
		{418, VERDICT_UNKNOWN, REJECT_NONE},
		{451, VERDICT_UNKNOWN, REJECT_NONE},
		{600, VERDICT_UNKNOWN, REJECT_NONE},
		{999, VERDICT_UNKNOWN, REJECT_NONE},
		{0, VERDICT_UNKNOWN, REJECT_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_judgement(answered(rows[i].status), rows[i].verdict, rows[i].class);
}

static void what_never_left_was_not_sent_whatever_else_is_said(void **state)
{
	static const unsigned statuses[] = {0, 200, 400, 429, 503};

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct crm_attempt attempt = answered(statuses[i]);

		attempt.n_sends = 0;
		check_judgement(attempt, VERDICT_NOT_SENT, REJECT_NONE);
	}
}

static void sent_without_a_status_line_is_unknown(void **state)
{
	struct crm_attempt attempt = {.method = METHOD_POST, .n_sends = 1};

	(void)state;
	check_judgement(attempt, VERDICT_UNKNOWN, REJECT_NONE);
	attempt.n_sends = 2;
	check_judgement(attempt, VERDICT_UNKNOWN, REJECT_NONE);
}

static void a_2xx_is_applied_even_if_its_body_is_cut_or_missing(void **state)
{
	struct crm_attempt attempt = answered(200);

	(void)state;
	attempt.is_complete = false;
	attempt.is_json = false;
	attempt.body_len = 5;
	check_judgement(attempt, VERDICT_APPLIED, REJECT_NONE);
	attempt.body = NULL;
	attempt.body_len = 0;
	check_judgement(attempt, VERDICT_APPLIED, REJECT_NONE);
	attempt.is_complete = true;
	check_judgement(attempt, VERDICT_APPLIED, REJECT_NONE);
	attempt.body = " \n ";
	attempt.body_len = 3;
	attempt.is_complete = false;
	check_judgement(attempt, VERDICT_APPLIED, REJECT_NONE);
}

static void a_2xx_that_is_no_json_is_unreadable(void **state)
{
	(void)state;
	check_judgement(answered_page(200, true), VERDICT_UNREADABLE, REJECT_NONE);
	check_judgement(answered_page(201, true), VERDICT_UNREADABLE, REJECT_NONE);
	/* A page longer than we read is no less a page. */
	check_judgement(answered_page(200, false), VERDICT_UNREADABLE, REJECT_NONE);
}

static void another_host_may_answer_in_any_form_but_a_page(void **state)
{
	static const char *const bodies[] = {"ok", "<?xml version=\"1.0\"?><done/>", "id=7", "{"};
	static const char *const pages[] = {"<!DOCTYPE html><title>Log in</title>", " \n<HTML>"};
	struct crm_attempt attempt = answered(200);

	(void)state;
	attempt.is_json = false;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		attempt.body = bodies[i];
		attempt.body_len = strlen(bodies[i]);
		attempt.is_other_host = true;
		check_judgement(attempt, VERDICT_APPLIED, REJECT_NONE);
		attempt.is_other_host = false;
		check_judgement(attempt, VERDICT_UNREADABLE, REJECT_NONE);
	}
	attempt.is_other_host = true;
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		attempt.body = pages[i];
		attempt.body_len = strlen(pages[i]);
		check_judgement(attempt, VERDICT_UNREADABLE, REJECT_NONE);
	}
	attempt = answered_page(422, true);
	attempt.is_other_host = true;
	check_judgement(attempt, VERDICT_REJECTED, REJECT_VALIDATION);
}

static void a_refusal_that_is_not_closes_json_is_unexpected(void **state)
{
	static const unsigned statuses[] = {400, 404, 405, 409, 410, 413, 415, 422};
	struct crm_attempt attempt;

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		check_judgement(answered_page(statuses[i], true), VERDICT_REJECTED,
		                REJECT_UNEXPECTED_ANSWER);
		attempt = answered(statuses[i]);
		attempt.is_complete = false;
		check_judgement(attempt, VERDICT_REJECTED, REJECT_UNEXPECTED_ANSWER);
	}
}

static void the_other_refusals_need_no_body(void **state)
{
	(void)state;
	check_judgement(answered_page(429, true), VERDICT_RATE_LIMITED, REJECT_NONE);
	check_judgement(answered_page(401, true), VERDICT_UNAUTHORIZED, REJECT_NONE);
	check_judgement(answered_page(402, false), VERDICT_PLAN_LIMIT, REJECT_NONE);
	check_judgement(answered_page(403, true), VERDICT_FORBIDDEN, REJECT_PERMISSION);
	check_judgement(answered_page(308, true), VERDICT_REDIRECTED, REJECT_NONE);
	check_judgement(answered_page(503, true), VERDICT_UNKNOWN, REJECT_NONE);
}

static void a_delete_answered_404_is_applied_only_after_an_unknown_attempt(void **state)
{
	struct crm_attempt attempt = answered(404);

	(void)state;
	attempt.method = METHOD_DELETE;
	check_judgement(attempt, VERDICT_REJECTED, REJECT_NOT_FOUND);
	attempt.was_unknown = true;
	check_judgement(attempt, VERDICT_APPLIED, REJECT_NONE);
	attempt.method = METHOD_PUT;
	check_judgement(attempt, VERDICT_REJECTED, REJECT_NOT_FOUND);
	attempt.method = METHOD_POST;
	check_judgement(attempt, VERDICT_REJECTED, REJECT_NOT_FOUND);
}

static void check_attempt_says(struct crm_attempt attempt, const char *part)
{
	char *text = crm_attempt_text(&attempt);

	check(strstr(text, part) != NULL);
	check(text[strlen(text) - 1] == '.');
	free(text);
}

static void every_verdict_has_a_sentence(void **state)
{
	struct crm_attempt attempt = {.n_sends = 0, .error = "no route to host"};

	(void)state;
	check_attempt_says(attempt, "Nothing was sent: no route to host");
	attempt.n_sends = 1;
	check_attempt_says(attempt, "may have been done: no route to host");
	attempt.error = NULL;
	check_attempt_says(attempt, "no reason given");
	check_attempt_says(answered(200), "200: done");
	check_attempt_says(answered(429), "rate limit");
	check_attempt_says(answered(400), "refused with 400");
	check_attempt_says(answered(401), "close.api_key");
	check_attempt_says(answered(402), "plan");
	check_attempt_says(answered(403), "may not");
	check_attempt_says(answered(301), "redirect");
	check_attempt_says(answered(503), "does not say whether");
	check_attempt_says(answered_page(200, true), "no JSON");
	attempt = answered(404);
	attempt.method = METHOD_DELETE;
	attempt.was_unknown = true;
	check_attempt_says(attempt, "had deleted it");
}

static void check_object_id(const char *answer, const char *id)
{
	cleanup_(json_freep) struct json_object *json = NULL;

	check_eq(json_parse(answer, strlen(answer), 0, &json, NULL, NULL), 0);
	if (id)
		check_text(crm_object_id(json), id);
	else
		check_null(crm_object_id(json));
}

static void the_object_id_is_the_id_of_the_answer_if_it_can_be_one(void **state)
{
	char text[200];

	(void)state;
	check_object_id("{\"id\":\"lead_A1\"}", "lead_A1");
	check_object_id("{\"status\":\"ok\"}", NULL);
	check_object_id("{\"id\":17}", NULL);
	check_object_id("{\"id\":\"\"}", NULL);
	check_object_id("{\"id\":\"lead A1\"}", NULL);
	check_object_id("{\"id\":\"lead\\u0001\"}", NULL);
	check_object_id("{\"id\":\"lead_\\u00e9\"}", NULL);
	check_object_id("[]", NULL);
	(void)snprintf(text, sizeof(text), "{\"id\":\"%0101d\"}", 7);
	check_object_id(text, NULL);
	(void)snprintf(text, sizeof(text), "{\"id\":\"%0100d\"}", 7);
	check_object_id(text, strndupa(text + 7, 100));
	check_null(crm_object_id(NULL));
}

static enum delivery_class class_of(const char *name, const char *status)
{
	cleanup_(json_freep) struct json_object *body = json_object_new_object();

	(void)json_object_object_add(body, "status", json_string(status));
	return crm_delivery_class(operation_find(crm_catalogue(), name), METHOD_POST, body);
}

static void a_message_that_would_be_sent_is_class_d(void **state)
{
	(void)state;
	check_eq(class_of("activity.email.create", "outbox"), CLASS_D);
	check_eq(class_of("activity.email.create", "scheduled"), CLASS_D);
	check_eq(class_of("activity.email.create", "sent"), CLASS_C);
	check_eq(class_of("activity.email.create", NULL), CLASS_C);
	check_eq(class_of("activity.sms.create", "outbox"), CLASS_D);
	check_eq(class_of("activity.note.create", "outbox"), CLASS_C);
	check_eq(class_of("lead.create", "outbox"), CLASS_A);
	check_eq(class_of("lead.update", NULL), CLASS_U);
}

static void outside_the_catalogue_a_post_is_d_and_the_rest_u(void **state)
{
	(void)state;
	check_eq(crm_delivery_class(NULL, METHOD_POST, NULL), CLASS_D);
	check_eq(crm_delivery_class(NULL, METHOD_PUT, NULL), CLASS_U);
	check_eq(crm_delivery_class(NULL, METHOD_DELETE, NULL), CLASS_U);
	check_eq(crm_delivery_class(operation_find(crm_catalogue(), "activity.email.create"),
	                            METHOD_POST, NULL),
	         CLASS_C);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(every_status_has_its_verdict),
		sentence(what_never_left_was_not_sent_whatever_else_is_said),
		sentence(sent_without_a_status_line_is_unknown),
		sentence(a_2xx_is_applied_even_if_its_body_is_cut_or_missing),
		sentence(a_2xx_that_is_no_json_is_unreadable),
		sentence(another_host_may_answer_in_any_form_but_a_page),
		sentence(a_refusal_that_is_not_closes_json_is_unexpected),
		sentence(the_other_refusals_need_no_body),
		sentence(a_delete_answered_404_is_applied_only_after_an_unknown_attempt),
		sentence(every_verdict_has_a_sentence),
		sentence(the_object_id_is_the_id_of_the_answer_if_it_can_be_one),
		sentence(a_message_that_would_be_sent_is_class_d),
		sentence(outside_the_catalogue_a_post_is_d_and_the_rest_u),
	};

	return run_sentences(tests);
}
