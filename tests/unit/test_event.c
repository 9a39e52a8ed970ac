/* With --samples it prints events instead, for check_event_schema.py. */

#include "connector/respond/event.h"

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <json-c/json_tokener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char key[] = "api_6Kd0rGjXQuPzPw3";

struct scene {
	struct redact *redact;
	struct request *request;
	struct event_input in;
	struct buf out;
};

static struct record *record_at(uint64_t line, uint64_t pos)
{
	struct record *r = record_new();

	r->source_name = mem_strdup("signups.ndjson");
	r->line = line;
	r->pos = pos;
	r->len = 214;
	return r;
}

static void add_part(struct request *request, struct record *takes_record)
{
	request->parts = mem_resize(request->parts, request->n_parts + 1, sizeof(*request->parts));
	request->parts[request->n_parts++] = (struct part){.record = takes_record};
}

static void begin(struct scene *s)
{
	struct request *r = request_new();

	*s = (struct scene){.redact = redact_new(), .request = r};
	redact_add(s->redact, key);
	r->method = METHOD_POST;
	r->route = mem_strdup("new sign-ups");
	r->operation = mem_strdup("lead.create");
	r->url = mem_strdup("/lead/");
	r->body = mem_strdup("{\"name\":\"Bluth\"}");
	r->body_len = strlen(r->body);
	r->attempts = 1;
	r->duration_ms = 31;
	r->answer = (struct answer){
		.status = 200,
		.headers = mem_strdup("{\"content-type\":\"application/json\"}"),
		.body = mem_strdup("{\"id\":\"lead_A1\"}"),
	};
	r->answer.body_len = strlen(r->answer.body);
	r->object_id = mem_strdup("lead_A1");
	add_part(r, record_at(12, 3301));
	s->in = (struct event_input){
		.id = "clo_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		.pipeline = "signups",
		.run = "r1",
		.wall_ms = 1795257727123,
		.base_url = "https://api.close.com/api/v1",
		.request = r,
		.outcome = OUTCOME_DELIVERED,
		.include_response = true,
		.answer_is_json = true,
	};
}

static void end(struct scene *s)
{
	request_free(s->request);
	redact_free(s->redact);
	buf_deinit(&s->out);
}

static void set_answer(struct scene *s, unsigned status, const char *body)
{
	free(s->request->answer.body);
	s->request->answer.status = status;
	s->request->answer.body = body ? mem_strdup(body) : NULL;
	s->request->answer.body_len = body ? strlen(body) : 0;
}

static const char *printed(struct scene *s)
{
	buf_clear(&s->out);
	event_print(&s->in, s->redact, &s->out);
	return s->out.data;
}

/* The event, parsed by our own strict reader: to json_object_put(). */
static struct json_object *parsed(struct scene *s)
{
	struct json_object *event = NULL;
	struct err err;

	(void)printed(s);
	check_eq(json_parse(s->out.data, s->out.len, 0, &event, NULL, &err), 0);
	return event;
}

static void a_delivered_request_is_told_as_the_design_has_it(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.in.include_request = true;
	check_text(
		printed(&s),
		"{\"specversion\":\"1.0\",\"id\":\"clo_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
		"\"source\":\"closefeed/signups\",\"type\":\"closefeed.delivered\","
		"\"time\":\"2026-11-21T10:42:07.123Z\",\"subject\":\"lead_A1\",\"data\":{\"run\":\"r1\","
		"\"route\":\"new sign-ups\",\"operation\":\"lead.create\",\"outcome\":\"delivered\","
		"\"records\":[{\"file\":\"signups.ndjson\",\"line\":12,\"bytes\":[3301,214]}],"
		"\"request\":{\"method\":\"POST\",\"url\":\"https://api.close.com/api/v1/lead/\","
		"\"body\":{\"name\":\"Bluth\"}},"
		"\"response\":{\"status\":200,\"headers\":{\"content-type\":\"application/json\"},"
		"\"body\":{\"id\":\"lead_A1\"}},\"object_id\":\"lead_A1\",\"attempts\":1,"
		"\"duration_ms\":31,\"found_by_lookup\":false,\"notes\":[]}}");
	end(&s);
}

static void bodies_are_carried_only_where_asked_for(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.in.include_response = false;
	check_null(strstr(printed(&s), "\"body\""));
	check(strstr(s.out.data, "\"response\":{\"status\":200,"));
	check(strstr(s.out.data, "\"url\":\"https://api.close.com/api/v1/lead/\"}"));
	end(&s);
}

static void an_error_names_class_message_and_the_users_fields(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.in.outcome = OUTCOME_REJECTED;
	s.in.class = REJECT_VALIDATION;
	s.in.message = "Close refused the lead: \"emails[0].email\" is wrong";
	s.in.fields = "{\"emails[0].email\":\"Invalid email address.\"}";
	free(s.request->object_id);
	s.request->object_id = NULL;
	set_answer(&s, 400, "{\"field-errors\":{}}");
	check(strstr(printed(&s),
	             ",\"error\":{\"class\":\"validation\",\"message\":\"Close refused the lead: "
	             "\\\"emails[0].email\\\" is wrong\",\"fields\":{\"emails[0].email\":\"Invalid "
	             "email address.\"}}}}"));
	check(strstr(s.out.data, "\"type\":\"closefeed.rejected\""));
	check_null(strstr(s.out.data, "subject"));
	check_null(strstr(s.out.data, "object_id"));

	s.in.fields = NULL;
	s.in.field = "name";
	check(strstr(printed(&s), "\"fields\":{\"name\":\"Close refused"));
	s.in.field = NULL;
	check(strstr(printed(&s), "\"fields\":{}}}}"));
	end(&s);
}

static void a_record_without_a_request_is_told_by_its_place(void **state)
{
	struct scene s;
	struct part part = {.record = record_at(7, 90)};

	(void)state;
	begin(&s);
	s.in.request = NULL;
	s.in.part = &part;
	s.in.route = "";
	s.in.operation = "";
	s.in.outcome = OUTCOME_REJECTED;
	s.in.class = REJECT_JSON;
	s.in.message = "byte 17: key \"a\" stands twice";
	check(strstr(printed(&s), "\"route\":\"\",\"operation\":\"\",\"outcome\":\"rejected\","
	                          "\"records\":[{\"file\":\"signups.ndjson\",\"line\":7,\"bytes\":"
	                          "[90,214]}],\"attempts\":0,"));
	check_null(strstr(s.out.data, "\"request\""));
	check_null(strstr(s.out.data, "\"response\""));
	part_deinit(&part);
	end(&s);
}

static void every_record_of_a_batch_is_named(void **state)
{
	struct scene s;
	struct record *message = record_at(0, 77);

	(void)state;
	begin(&s);
	message->kind = STREAM_PARTITION;
	message->partition = 3;
	add_part(s.request, record_at(13, 3516));
	add_part(s.request, message);
	check(strstr(printed(&s),
	             "\"records\":[{\"file\":\"signups.ndjson\",\"line\":12,\"bytes\":[3301,214]},"
	             "{\"file\":\"signups.ndjson\",\"line\":13,\"bytes\":[3516,214]},"
	             "{\"topic\":\"signups.ndjson\",\"partition\":3,\"offset\":77}],"));
	end(&s);
}

static void what_is_no_json_is_carried_as_text(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.in.answer_is_json = false;
	set_answer(&s, 502, "<html>\n\"bad\" \xff gateway");
	check(strstr(printed(&s), "\"body\":\"<html>\\n\\\"bad\\\" \xef\xbf\xbd gateway\"}"));

	s.in.include_request = true;
	free(s.request->body);
	s.request->body = mem_strdup("name=Bluth&n=1");
	s.request->body_len = strlen(s.request->body);
	s.request->format = CONTENT_FORM;
	check(strstr(printed(&s), "/lead/\",\"body\":\"name=Bluth&n=1\"}"));
	end(&s);
}

static void an_event_keeps_to_one_line(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	set_answer(&s, 200, "{\r\n \"id\": \"lead_A1\"\n}");
	check_null(strchr(printed(&s), '\n'));
	check_null(strchr(s.out.data, '\r'));
	check(strstr(s.out.data, "\"body\":{   \"id\": \"lead_A1\" }"));
	end(&s);
}

static void without_an_answer_there_is_no_response(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.in.outcome = OUTCOME_HELD;
	s.in.class = REJECT_UNKNOWN;
	s.in.message = "the connection died after the request was sent";
	set_answer(&s, 0, NULL);
	check_null(strstr(printed(&s), "\"response\""));
	check(strstr(s.out.data, "\"class\":\"unknown\""));
	end(&s);
}

static void a_long_body_is_cut_and_a_note_says_so(void **state)
{
	struct scene s;
	const size_t len = event_body_max + 100;
	char *body = mem_alloc(len + 1);
	struct json_object *event, *data, *response;

	(void)state;
	begin(&s);
	memset(body, 'x', len);
	/* A secret across the cut must not leave its beginning behind. */
	memcpy(body + event_body_max - 5, key, sizeof(key) - 1);
	set_answer(&s, 200, body);
	event = parsed(&s);
	data = json_get(event, "data");
	response = json_get(data, "response");
	check_eq(strlen(json_get_string(response, "body")), event_body_max);
	check_null(strstr(s.out.data, "api_"));
	check(strstr(s.out.data, "\"notes\":[\"the response body is cut: it has 262244 bytes, "
	                         "262144 are shown\"]"));
	json_object_put(event);
	free(body);
	end(&s);
}

static void an_answer_that_was_cut_when_it_came_is_noted_too(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.request->answer.is_cut = true;
	s.in.answer_is_json = false;
	check(strstr(printed(&s),
	             "\"notes\":[\"the response body is cut: more came than is kept\"]"));
	s.in.include_response = false;
	check(strstr(printed(&s), "\"notes\":[]"));
	end(&s);
}

static void secrets_echoed_by_the_server_are_masked(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	set_answer(&s, 401,
	           "{\"error\":\"bad key api_6Kd0rGjXQuPzPw3\",\"authorization\":\"Basic eHk=\"}");
	check(strstr(printed(&s),
	             "\"body\":{\"error\":\"bad key ***\",\"authorization\":\"***\"}}"));
	json_object_put(parsed(&s));
	end(&s);
}

static void notes_are_told_in_order(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.request->notes = mem_array(3, sizeof(char *));
	s.request->notes[0] = mem_strdup("PATCH is sent as PUT");
	s.request->notes[1] = mem_strdup("second");
	check(strstr(printed(&s), "\"notes\":[\"PATCH is sent as PUT\",\"second\"]}}"));
	end(&s);
}

static void an_event_is_added_behind_what_is_there(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	buf_adds(&s.out, "api_6Kd0rGjXQuPzPw3 ");
	event_print(&s.in, s.redact, &s.out);
	check(!strncmp(s.out.data, "api_6Kd0rGjXQuPzPw3 {\"specversion\"", 34));
	check_eq(strlen(s.out.data), s.out.len);
	end(&s);
}

static void an_id_is_the_same_for_the_same_origin_and_no_other(void **state)
{
	static const struct event_origin origins[] = {
		{"j1", "r1", 0, 0, 0, 0},  {"j2", "r1", 0, 0, 0, 0},  {"j1", "r2", 0, 0, 0, 0},
		{"j1", "r1", 0, 0, 0, 1},  {"j1", NULL, 0, 0, 0, 0},  {"j1", NULL, 1, 0, 0, 0},
		{"j1", NULL, 0, 1, 0, 0},  {"j1", NULL, 0, 0, 1, 0},  {"j1", NULL, 0, 0, 0, 1},
		{"j1", NULL, 11, 1, 0, 0}, {"j1", NULL, 1, 11, 0, 0},
	};
	enum { n = sizeof(origins) / sizeof(*origins) };
	char ids[n][event_id_bytes], again[event_id_bytes];

	(void)state;
	for (size_t i = 0; i < n; i++) {
		event_id(&origins[i], ids[i]);
		event_id(&origins[i], again);
		check_text(ids[i], again);
		check_eq(strspn(ids[i] + 4, "abcdefghijklmnopqrstuvwxyz234567"), 52);
		check(!strncmp(ids[i], "clo_", 4));
		for (size_t k = 0; k < i; k++)
			check(strcmp(ids[i], ids[k]) != 0);
	}
}

static void an_id_does_not_change_from_version_to_version(void **state)
{
	const struct event_origin request = {.journal_id = "j", .request_id = "r"};
	const struct event_origin record = {.journal_id = "j", .stream = 1, .pos = 2, .ordinal = 3};
	char id[event_id_bytes];

	(void)state;
	event_id(&request, id);
	check_text(id, "clo_4aminyrjnfxhvw5zosgf6ledlkax4ah6mmqjle6jo4h3dhsq6s5q");
	event_id(&record, id);
	check_text(id, "clo_xmdqaymrrx43f73ctpxrhvnflolxuurite3cf6wuhgbtdnqzkyka");
}

static void set_raw(struct record *r, const char *raw, size_t len)
{
	free(r->raw);
	r->raw = mem_dup(raw, len);
	r->len = len;
}

static void a_copy_carries_each_record_as_it_was_read(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	set_raw(s.request->parts[0].record, "{\"a\": \"\xc3\xa9\"", 10);
	add_part(s.request, record_at(13, 0));
	set_raw(s.request->parts[1].record, "\xff\0", 2);
	add_part(s.request, record_at(14, 0)); /* too long to be kept */
	check_null(strstr(printed(&s), "\"text\""));
	s.in.include_records = true;
	check(strstr(printed(&s), "\"records\":[{\"file\":\"signups.ndjson\",\"line\":12,\"bytes\":"
	                          "[3301,10],\"text\":\"{\\\"a\\\": \\\"\xc3\xa9\\\"\"},"
	                          "{\"file\":\"signups.ndjson\",\"line\":13,\"bytes\":[0,2],"
	                          "\"base64\":\"/wA=\"},"
	                          "{\"file\":\"signups.ndjson\",\"line\":14,\"bytes\":[0,214]}]"));
	end(&s);
}

static void records_that_are_too_much_are_left_out_and_counted(void **state)
{
	static char big[event_record_max];
	struct json_object *event;
	struct scene s;

	(void)state;
	memset(big, 'x', sizeof(big));
	begin(&s);
	s.in.include_records = true;
	set_raw(s.request->parts[0].record, big, sizeof(big));
	check(strstr(printed(&s), "\"notes\":[]"));
	add_part(s.request, record_at(13, 0));
	set_raw(s.request->parts[1].record, "{}", 2);
	event = parsed(&s);
	check(strstr(s.out.data, "1 record is too large to stand here"));
	check(s.out.len < event_record_max + 2000);
	json_object_put(event);
	end(&s);
}

static void a_secret_in_a_copied_record_is_masked(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.in.include_records = true;
	set_raw(s.request->parts[0].record, key, strlen(key));
	check_null(strstr(printed(&s), key));
	check(strstr(printed(&s), "\"text\":\"" REDACT_MASK));
	end(&s);
}

static void check_key(const struct scene *s, const char *expected)
{
	cleanup_(freep) char *made = event_key(&s->in, s->redact);

	check_text(made, expected);
}

static void an_event_is_ordered_by_its_subject_else_by_the_key_of_its_message(void **state)
{
	struct part part = {.record = record_at(0, 7)};
	struct scene s;
	char *masked;

	(void)state;
	begin(&s);
	s.request->parts[0].record->message_key = json_string("k1");
	check_key(&s, "lead_A1");
	free(s.request->object_id);
	s.request->object_id = NULL;
	check_key(&s, "k1");
	add_part(s.request, record_at(13, 3515));
	check_key(&s, "k1");

	s.in.request = NULL;
	s.in.part = &part;
	check_null(event_key(&s.in, s.redact));
	part.record->message_key = json_tokener_parse("{\"id\":7}");
	check_key(&s, "{\"id\":7}");
	json_object_put(part.record->message_key);
	part.record->message_key = json_string(key);
	masked = event_key(&s.in, s.redact);
	check_null(strstr(masked, key));
	free(masked);
	part_deinit(&part);
	end(&s);
}

static void print_samples(void)
{
	struct part part = {.record = record_at(7, 90)};
	struct scene s;

	begin(&s);
	s.in.include_request = true;
	puts(printed(&s));
	s.in.include_response = false;
	puts(printed(&s));
	s.in.answer_is_json = false;
	s.in.include_response = true;
	set_answer(&s, 502, "<html>");
	s.in.outcome = OUTCOME_HELD;
	s.in.class = REJECT_SERVER;
	s.in.message = "tried 8 times";
	puts(printed(&s));
	set_answer(&s, 0, NULL);
	puts(printed(&s));
	s.in.request = NULL;
	s.in.part = &part;
	s.in.route = s.in.operation = "";
	s.in.outcome = OUTCOME_REJECTED;
	s.in.field = "name";
	for (enum reject_class c = REJECT_NONE + 1; c < n_reject_classes; c++) {
		s.in.class = c;
		puts(printed(&s));
	}
	s.in.include_records = true;
	set_raw(part.record, "{\"a\":", 5);
	puts(printed(&s));
	set_raw(part.record, "\xff", 1);
	puts(printed(&s));
	part.record->kind = STREAM_PARTITION;
	puts(printed(&s));
	s.in.include_records = false;
	s.in.outcome = OUTCOME_SKIPPED;
	s.in.class = REJECT_NONE;
	puts(printed(&s));
	part_deinit(&part);
	end(&s);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		sentence(a_delivered_request_is_told_as_the_design_has_it),
		sentence(bodies_are_carried_only_where_asked_for),
		sentence(an_error_names_class_message_and_the_users_fields),
		sentence(a_record_without_a_request_is_told_by_its_place),
		sentence(every_record_of_a_batch_is_named),
		sentence(what_is_no_json_is_carried_as_text),
		sentence(an_event_keeps_to_one_line),
		sentence(without_an_answer_there_is_no_response),
		sentence(a_long_body_is_cut_and_a_note_says_so),
		sentence(an_answer_that_was_cut_when_it_came_is_noted_too),
		sentence(secrets_echoed_by_the_server_are_masked),
		sentence(notes_are_told_in_order),
		sentence(an_event_is_added_behind_what_is_there),
		sentence(a_copy_carries_each_record_as_it_was_read),
		sentence(records_that_are_too_much_are_left_out_and_counted),
		sentence(a_secret_in_a_copied_record_is_masked),
		sentence(an_event_is_ordered_by_its_subject_else_by_the_key_of_its_message),
		sentence(an_id_is_the_same_for_the_same_origin_and_no_other),
		sentence(an_id_does_not_change_from_version_to_version),
	};

	if (argc == 2 && !strcmp(argv[1], "--samples")) {
		print_samples();
		return 0;
	}
	return run_sentences(tests);
}
