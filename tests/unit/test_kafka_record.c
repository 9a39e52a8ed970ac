#include "connector/source/kafka_record.h"

#include "connector/model/origin.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct kafka_format plain = {.tombstones = KAFKA_TOMBSTONES_REJECT, .max_record = 64};

static struct kafka_message message(const char *value)
{
	return (struct kafka_message){.topic = "t",
	                              .partition = 3,
	                              .offset = 41,
	                              .value = value,
	                              .value_len = value ? strlen(value) : 0,
	                              .timestamp_ms = 1700000000123};
}

static void a_value_is_the_record_and_the_offset_its_place(void **state)
{
	const struct kafka_message m = message("{\"id\":7}");
	struct record *r = kafka_record(&m, &plain);

	(void)state;
	check_eq(r->fault, RECORD_OK);
	check_eq(r->kind, STREAM_PARTITION);
	check_text(r->source_name, "t");
	check_eq(r->partition, 3);
	check_eq(r->pos, 41);
	check_eq(r->next_pos, 42);
	check_eq(r->line, 0);
	check_eq(r->len, 8);
	check_eq(r->timestamp_ms, 1700000000123);
	check_eq(json_object_get_int(json_get(r->value, "id")), 7);
	check_null(r->message_key);
	check_null(r->headers);
	record_unref(r);
}

static void keys_are_text_or_json(void **state)
{
	static const struct {
		const char *key, *json; /* NULL: it is not there */
	} cases[] = {
		{"k-17", "\"k-17\""},
		{"0017", "\"0017\""},
		{"17", "\"17\""},
		{"", "\"\""},
		{"\"quoted\"", "\"quoted\""},
		{"{\"id\": 17}", "{\"id\":17}"},
		{"{not json", "\"{not json\""},
		{"\xff\x01", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct kafka_message m = message("{}");
		struct record *r;

		m.key = cases[i].key;
		m.key_len = strlen(m.key);
		r = kafka_record(&m, &plain);
		if (cases[i].json)
			check_text(json_object_to_json_string_ext(r->message_key,
			                                          JSON_C_TO_STRING_PLAIN),
			           cases[i].json);
		else
			check_null(r->message_key);
		record_unref(r);
	}
}

static void of_headers_with_one_name_the_last_counts(void **state)
{
	const struct kafka_header headers[] = {
		{"a", "1", 1}, {"b", NULL, 0}, {"a", "23", 1}, {"bin", "\xff", 1}};
	struct kafka_message m = message("{}");
	struct record *r;

	(void)state;
	m.headers = headers;
	m.n_headers = 4;
	r = kafka_record(&m, &plain);
	check_text(json_object_to_json_string_ext(r->headers, JSON_C_TO_STRING_PLAIN),
	           "{\"a\":\"2\",\"b\":null,\"bin\":null}");
	record_unref(r);
}

static void what_is_no_record_says_why_and_where(void **state)
{
	static const struct {
		const char *value;
		enum record_fault fault;
		const char *text;
	} cases[] = {
		{"{\"a\":", RECORD_JSON, "offset 41, "},
		{"", RECORD_JSON, "offset 41, "},
		{"[1]", RECORD_JSON, "offset 41 is no JSON object, {…}, as a record must be"},
		{NULL, RECORD_TOMBSTONE,
	         "offset 41 has a key and no value: set kafka.tombstones to say what that means"},
		{"{\"a\":\"0123456789012345678901234567890123456789012345678901234567890\"}",
	         RECORD_TOO_LONG,
	         "offset 41 is 69 bytes long, and max_record allows 64: raise it in the pipeline "
	         "file, or make the record smaller"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct kafka_message m = message(cases[i].value);
		struct record *r = kafka_record(&m, &plain);

		check_eq(r->fault, cases[i].fault);
		check_null(r->value);
		check_eq(strncmp(r->fault_text, cases[i].text, strlen(cases[i].text)), 0);
		check(!r->raw == (cases[i].fault == RECORD_TOO_LONG || !cases[i].value));
		record_unref(r);
	}
}

static void tombstones_are_ignored_or_routed_where_one_says_so(void **state)
{
	struct kafka_format format = plain;
	struct kafka_message m = message(NULL);
	struct record *r;

	(void)state;
	m.key = "k";
	m.key_len = 1;
	format.tombstones = KAFKA_TOMBSTONES_IGNORE;
	r = kafka_record(&m, &format);
	check(r->is_ignored && r->is_tombstone);
	check_eq(r->fault, RECORD_OK);
	record_unref(r);

	format.tombstones = KAFKA_TOMBSTONES_ROUTE;
	r = kafka_record(&m, &format);
	check(!r->is_ignored && r->is_tombstone);
	check_eq(json_object_object_length(r->value), 0);
	check_text(r->raw, "{}");
	check_text(json_object_get_string(r->message_key), "k");
	record_unref(r);
}

static void the_frame_of_a_schema_registry_is_checked_and_taken_off(void **state)
{
	struct kafka_format format = plain;
	struct kafka_message m = message("");
	struct record *r;

	(void)state;
	format.is_framed = true;
	m.value = "\0\0\0\0\7{\"a\":1}";
	m.value_len = 12;
	r = kafka_record(&m, &format);
	check_eq(r->fault, RECORD_OK);
	check_text(r->raw, "{\"a\":1}");
	check_eq(r->len, 7);
	record_unref(r);

	m.value = "{\"a\":1}";
	m.value_len = 7;
	r = kafka_record(&m, &format);
	check_eq(r->fault, RECORD_JSON);
	check_text(r->fault_text,
	           "offset 41 does not begin with the five bytes of a schema registry that "
	           "framing: confluent says stand before the JSON");
	check_text(r->raw, "{\"a\":1}");
	record_unref(r);

	m.value = "\0\0";
	m.value_len = 2;
	r = kafka_record(&m, &format);
	check_eq(r->fault, RECORD_JSON);
	record_unref(r);
}

/* The state has the name of the stream, and this text. */
static void what_a_message_carries_comes_back_from_the_state(void **state)
{
	const struct kafka_header header = {"h", "v", 1};
	struct kafka_message m = message("{}");
	struct record *r, *again = record_new();
	struct buf place = BUF_INIT;
	struct json_object *source;
	char *text, *for_people;

	(void)state;
	m.key = "{\"id\":7}";
	m.key_len = 8;
	m.headers = &header;
	m.n_headers = 1;
	r = kafka_record(&m, &plain);
	text = record_message_text(r);
	again->kind = STREAM_PARTITION;
	again->source_name = mem_strdup("a/b/3");
	again->pos = 41;
	check_eq(record_message_parse(again, text, NULL), 0);
	check_text(again->source_name, "a/b");
	check_eq(again->partition, 3);
	check_eq(again->timestamp_ms, 1700000000123);
	source = origin_source(again);
	check_text(json_object_to_json_string_ext(source, JSON_C_TO_STRING_PLAIN),
	           "{\"topic\":\"a\\/b\",\"partition\":3,\"offset\":41,\"timestamp\":"
	           "\"2023-11-14T22:13:20.123Z\",\"key\":{\"id\":7},\"headers\":{\"h\":\"v\"},"
	           "\"tombstone\":false}");
	origin_print(again, &place);
	check_text(buf_text(&place), "{\"topic\":\"a/b\",\"partition\":3,\"offset\":41,"
	                             "\"key\":{\"id\":7}}");
	for_people = origin_place(again);
	check_text(for_people, "a/b/3:41");
	check_eq(record_message_parse(again, "{", NULL), -EBADMSG);
	free(for_people);
	buf_deinit(&place);
	json_object_put(source);
	free(text);
	record_unref(r);
	record_unref(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_value_is_the_record_and_the_offset_its_place),
		sentence(keys_are_text_or_json),
		sentence(of_headers_with_one_name_the_last_counts),
		sentence(what_is_no_record_says_why_and_where),
		sentence(tombstones_are_ignored_or_routed_where_one_says_so),
		sentence(what_a_message_carries_comes_back_from_the_state),
		sentence(the_frame_of_a_schema_registry_is_checked_and_taken_off),
	};

	return run_sentences(tests);
}
