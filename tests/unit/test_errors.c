#include "connector/close/errors.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <string.h>

static struct json_object *parse(const char *text)
{
	struct json_object *value = NULL;

	if (text)
		check_eq(json_parse(text, strlen(text), 0, &value, NULL, NULL), 0);
	return value;
}

/* Reads @body (JSON or not) as the answer to @sent. */
static struct crm_error read_error(const char *body, const char *sent)
{
	cleanup_(json_freep) struct json_object *answer = NULL;
	cleanup_(json_freep) struct json_object *sent_value = parse(sent);
	struct crm_error error;

	(void)json_parse(body, strlen(body), 0, &answer, NULL, NULL);
	crm_error_read(body, strlen(body), answer, sent_value, NULL, &error);
	return error;
}

static void check_error(const char *body, const char *sent, const char *message, const char *fields)
{
	struct crm_error error = read_error(body, sent);
	cleanup_(freep) char *text = json_text(error.fields);

	check_text(error.message, message);
	check_text(text, fields ? fields : "null");
	check((error.field != NULL) == (fields != NULL));
	crm_error_deinit(&error);
}

static void keys_are_told_as_they_were_written(void **state)
{
	static const char body[] =
		"{\"field-errors\":{\"custom.cf_1\":\"Bad.\",\"contacts\":{"
		"\"errors\":{\"0\":{\"field-errors\":{\"custom.cf_2\":\"Worse.\"}}"
		"}}}}";
	cleanup_(json_freep) struct json_object *answer = parse(body);
	cleanup_(json_freep) struct json_object *sent =
		parse("{\"custom.cf_1.add\":1,\"contacts\":[{\"custom.cf_2\":2}]}");
	cleanup_(json_freep) struct json_object *written =
		parse("{\"custom.cf_1.add\":\"custom.Tags.add\",\"custom.cf_2\":\"custom.Role\"}");
	struct crm_error error;

	(void)state;
	crm_error_read(body, strlen(body), answer, sent, written, &error);
	check_text(error.field, "custom.Tags.add");
	check_text(error.message, "custom.Tags.add: Bad. contacts[0].custom.Role: Worse.");
	crm_error_deinit(&error);
}

static void every_shape_of_closes_is_read(void **state)
{
	static const struct {
		const char *body, *message, *fields;
	} cases[] = {
		{"{\"error\":\"Unauthorized\"}", "Unauthorized", NULL},
		{"{\"errors\":[\"Source lead does not exist.\"]}", "Source lead does not exist.",
	         NULL},
		{"{\"errors\":[\"One.\",\"Two.\"],\"field-errors\":{}}", "One. Two.", NULL},
		{"{\"field-errors\":{\"cursor\":\"Expired cursor\"}}", "cursor: Expired cursor",
	         "{\"cursor\":\"Expired cursor\"}"},
		{"{\"errors\":[\"Bad.\"],\"field-errors\":{\"name\":\"Too long.\"}}",
	         "Bad. name: Too long.", "{\"name\":\"Too long.\"}"},
		{"{\"error\":{\"message\":\"API call count exceeded\",\"rate_reset\":0.87}}",
	         "API call count exceeded", NULL},
		{"{\"message\":\"API call count exceeded\",\"rate_limit\":320}",
	         "API call count exceeded", NULL},
		{"{\"error\":{\"code\":7}}", "{\"code\":7}", NULL},
		{"{\"name\":\"This field is required.\"}", "name: This field is required.",
	         "{\"name\":\"This field is required.\"}"},
		{"{\"field-errors\":{\"name\":[\"One.\",\"Two.\"]}}", "name: One. Two.",
	         "{\"name\":\"One. Two.\"}"},
		{"{\"error\":\"Stop.\",\"field-errors\":{\"a\":\"b\"}}", "Stop. a: b",
	         "{\"a\":\"b\"}"},
		{"{\"errors\":\"A text.\"}", "A text.", NULL},
		{"{\"errors\":[{\"x\":1}]}", "{\"x\":1}", NULL},
		{"{\"field-errors\":\"odd\"}", "odd", NULL},
		{"{\"name\":[\"One.\",\"Two.\"],\"emails\":{\"errors\":{\"0\":\"Bad.\"}}}",
	         "name: One. Two. emails[0]: Bad.",
	         "{\"name\":\"One. Two.\",\"emails[0]\":\"Bad.\"}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_error(cases[i].body, NULL, cases[i].message, cases[i].fields);
}

static void nested_errors_get_the_path_a_person_would_write(void **state)
{
	(void)state;
	check_error("{\"errors\":[],\"field-errors\":{\"emails\":{\"errors\":{\"0\":{\"errors\":[],"
	            "\"field-errors\":{\"email\":\"Invalid email address.\"}}}}}}",
	            "{\"emails\":[{\"email\":\"x\"}]}", "emails[0].email: Invalid email address.",
	            "{\"emails[0].email\":\"Invalid email address.\"}");
	check_error(
		"{\"errors\":[],\"field-errors\":{\"contacts\":{\"errors\":{\"1\":{\"errors\":[],"
		"\"field-errors\":{\"custom.Region\":\"The Custom Field \\\"Region\\\" does not "
		"exist.\"}}}}}}",
		"{\"contacts\":[{},{\"custom.Region\":1}]}",
		"contacts[1].custom.Region: The Custom Field \"Region\" does not exist.",
		"{\"contacts[1].custom.Region\":\"The Custom Field \\\"Region\\\" does not exist.\"}");
	check_error("{\"field-errors\":{\"emails\":{\"errors\":{\"2\":\"Not a dict.\"}}}}", NULL,
	            "emails[2]: Not a dict.", "{\"emails[2]\":\"Not a dict.\"}");
	check_error("{\"field-errors\":{\"emails\":{\"errors\":[\"List is too long.\"]}}}", NULL,
	            "emails: List is too long.", "{\"emails\":\"List is too long.\"}");
}

static void the_key_that_was_sent_is_named(void **state)
{
	static const char lead[] = "{\"errors\":[],\"field-errors\":{\"lead\":\"No.\"}}";
	static const char lead_id[] = "{\"errors\":[],\"field-errors\":{\"lead_id\":\"No.\"}}";
	static const char custom[] = "{\"field-errors\":{\"custom.cf_1\":\"No.\"}}";

	(void)state;
	check_error(lead, "{\"lead_id\":\"x\"}", "lead_id: No.", "{\"lead_id\":\"No.\"}");
	check_error(lead, "{\"lead\":1,\"lead_id\":\"x\"}", "lead: No.", "{\"lead\":\"No.\"}");
	check_error(lead, "{}", "lead: No.", "{\"lead\":\"No.\"}");
	check_error(lead, NULL, "lead: No.", "{\"lead\":\"No.\"}");
	check_error(lead, "[1]", "lead: No.", "{\"lead\":\"No.\"}");
	check_error(lead_id, "{\"lead\":\"x\"}", "lead: No.", "{\"lead\":\"No.\"}");
	check_error(lead_id, "{\"other\":1}", "lead_id: No.", "{\"lead_id\":\"No.\"}");
	check_error(custom, "{\"custom.cf_1.add\":\"x\"}", "custom.cf_1.add: No.",
	            "{\"custom.cf_1.add\":\"No.\"}");
	/* Inside a list the item that was sent decides. */
	check_error("{\"field-errors\":{\"links\":{\"errors\":{\"1\":{\"field-errors\":"
	            "{\"status\":\"No.\"}}}}}}",
	            "{\"links\":[{\"status\":1},{\"status_id\":1}]}", "links[1].status_id: No.",
	            "{\"links[1].status_id\":\"No.\"}");
}

static void the_first_field_is_the_field(void **state)
{
	struct crm_error error =
		read_error("{\"field-errors\":{\"b\":\"1\",\"a\":\"2\"}}", "{\"b_id\":1}");

	(void)state;
	check_text(error.field, "b_id");
	crm_error_deinit(&error);
}

static void what_is_no_json_of_closes_gives_its_beginning(void **state)
{
	(void)state;
	check_error("<html>\r\n <h1>502\tBad</h1>", NULL,
	            "The answer is not an error of Close's. It begins: <html> <h1>502 Bad</h1>",
	            NULL);
	check_error("[1, 2]", NULL, "The answer is not an error of Close's. It begins: [1, 2]",
	            NULL);
	check_error("{}", NULL, "The answer is not an error of Close's. It begins: {}", NULL);
	check_error("{\"errors\":[],\"field-errors\":{}}", NULL,
	            "The answer is not an error of Close's. It begins: "
	            "{\"errors\":[],\"field-errors\":{}}",
	            NULL);
	check_error("", NULL, "The answer has no text.", NULL);
	check_error(" \n\x01 ", NULL, "The answer has no text.", NULL);
	check_error("caf\xc3\xa9 \xff!", NULL,
	            "The answer is not an error of Close's. It begins: caf\xc3\xa9 \xef\xbf\xbd!",
	            NULL);
}

/* What is neither a text nor texts says nothing of a field: an answer of something else. */
static void json_that_tells_no_errors_gives_its_beginning(void **state)
{
	static const char *const bodies[] = {
		"{\"ok\":1}",
		"{\"ok\":false,\"name\":\"This field is required.\"}",
		"{\"name\":[\"Too long.\",1]}",
		"{\"name\":[]}",
		"{\"name\":null}",
		"{\"data\":{\"id\":\"lead_1\"}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		char *message = mem_printf("The answer is not an error of Close's. It begins: %s",
		                           bodies[i]);

		check_error(bodies[i], "{\"name\":\"A\"}", message, NULL);
		free(message);
	}
}

static void a_long_page_is_cut_after_200_characters(void **state)
{
	struct buf body = BUF_INIT;
	struct crm_error error;

	(void)state;
	for (int i = 0; i < 300; i++)
		buf_adds(&body, "\xc3\xa9");
	error = read_error(buf_text(&body), NULL);
	check_eq(strlen(error.message),
	         strlen("The answer is not an error of Close's. It begins: ") + 400 + strlen("…"));
	crm_error_deinit(&error);
	buf_deinit(&body);
}

static void a_huge_error_stays_small(void **state)
{
	struct buf body = BUF_INIT;
	struct crm_error error;

	(void)state;
	buf_adds(&body, "{\"errors\":[\"x\"");
	for (int i = 0; i < 1000; i++)
		buf_addf(&body, ",\"%01000d\"", i);
	buf_adds(&body, "],\"field-errors\":{\"f\":\"x\"");
	for (int i = 0; i < 1000; i++)
		buf_addf(&body, ",\"f%d\":\"%01000d\"", i, i);
	buf_adds(&body, "}}");
	error = read_error(buf_text(&body), NULL);
	check_eq(json_object_object_length(error.fields), 50);
	check(strlen(error.message) < 6000);
	check(strstr(error.message, "(and 45 more fields)") != NULL);
	crm_error_deinit(&error);
	buf_deinit(&body);
}

static void an_endless_name_names_no_field(void **state)
{
	struct buf body = BUF_INIT;
	struct crm_error error;

	(void)state;
	buf_addf(&body, "{\"errors\":[\"Bad.\"],\"field-errors\":{\"%02000d\":\"x\"}}", 7);
	error = read_error(buf_text(&body), NULL);
	check_null(error.field);
	check_text(error.message, "Bad.");
	crm_error_deinit(&error);
	buf_deinit(&body);
}

static void deep_nesting_ends(void **state)
{
	struct buf body = BUF_INIT;
	struct crm_error error;

	(void)state;
	for (int i = 0; i < 30; i++)
		buf_adds(&body, "{\"a\":");
	buf_adds(&body, "\"deep\"");
	for (int i = 0; i < 30; i++)
		buf_adds(&body, "}");
	error = read_error(buf_text(&body), NULL);
	check_null(error.field);
	check(strstr(error.message, "begins") != NULL);
	crm_error_deinit(&error);
	buf_deinit(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(every_shape_of_closes_is_read),
		sentence(keys_are_told_as_they_were_written),
		sentence(nested_errors_get_the_path_a_person_would_write),
		sentence(the_key_that_was_sent_is_named),
		sentence(the_first_field_is_the_field),
		sentence(what_is_no_json_of_closes_gives_its_beginning),
		sentence(json_that_tells_no_errors_gives_its_beginning),
		sentence(a_long_page_is_cut_after_200_characters),
		sentence(a_huge_error_stays_small),
		sentence(an_endless_name_names_no_field),
		sentence(deep_nesting_ends),
	};

	return run_sentences(tests);
}
