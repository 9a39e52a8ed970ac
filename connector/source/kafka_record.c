#include "connector/source/kafka_record.h"

#include "lib/json.h"
#include "lib/mem.h"
#include "lib/utf8.h"

#include <inttypes.h>
#include <string.h>

enum { frame_bytes = 5, frame_magic = 0, max_key = 4096, max_headers = 16384 };

/* NULL: it is neither JSON nor text. */
static struct json_object *value_of(const char *bytes, size_t len)
{
	struct json_object *value = NULL;

	if (len && (*bytes == '{' || *bytes == '"') &&
	    json_parse(bytes, len, 0, &value, NULL, NULL) == 0)
		return value;
	if (!utf8_is_valid(bytes, len))
		return NULL;
	return json_made(json_object_new_string_len(bytes, (int)len));
}

static struct json_object *headers_of(const struct kafka_message *m)
{
	struct json_object *headers = json_made(json_object_new_object());
	size_t bytes = 0;

	for (size_t i = 0; i < m->n_headers; i++) {
		const struct kafka_header *h = &m->headers[i];
		struct json_object *value = NULL;

		bytes += strlen(h->name) + h->len;
		if (bytes > max_headers || !utf8_is_valid(h->name, strlen(h->name)))
			continue;
		if (h->value && utf8_is_valid(h->value, h->len))
			value = json_object_new_string_len(h->value, (int)h->len);
		(void)json_object_object_add(headers, h->name, value);
	}
	return headers;
}

static void fail(struct record *r, enum record_fault fault, char *takes_text)
{
	r->fault = fault;
	r->fault_text = takes_text;
}

static void take_tombstone(struct record *r, const struct kafka_format *format)
{
	r->is_tombstone = true;
	switch (format->tombstones) {
	case KAFKA_TOMBSTONES_IGNORE:
		r->is_ignored = true;
		break;
	case KAFKA_TOMBSTONES_REJECT:
		fail(r, RECORD_TOMBSTONE,
		     mem_printf("offset %" PRIu64 " has a key and no value: set kafka.tombstones "
		                "to say what that means",
		                r->pos));
		return;
	case KAFKA_TOMBSTONES_ROUTE:
		break;
	}
	r->raw = mem_strdup("{}");
	r->len = 2;
	r->value = json_made(json_object_new_object());
}

static void parse(struct record *r)
{
	struct json_object *value = NULL;
	struct err err = {""};

	if (json_parse(r->raw, r->len, 0, &value, NULL, &err) < 0) {
		fail(r, RECORD_JSON, mem_printf("offset %" PRIu64 ", %s", r->pos, err.text));
	} else if (!json_object_is_type(value, json_type_object)) {
		fail(r, RECORD_JSON,
		     mem_printf("offset %" PRIu64 " is no JSON object, {…}, as a record must be",
		                r->pos));
		json_object_put(value);
	} else {
		r->value = value;
	}
}

static void take_value(struct record *r, const struct kafka_message *m,
                       const struct kafka_format *format)
{
	const size_t frame = format->is_framed ? frame_bytes : 0;
	const bool has_frame = !frame || (m->value_len >= frame && m->value[0] == frame_magic);

	r->len = m->value_len - (has_frame ? frame : 0);
	if (r->len > format->max_record) {
		fail(r, RECORD_TOO_LONG,
		     mem_printf("offset %" PRIu64 " is %" PRIu64 " bytes long, and max_record "
		                "allows %" PRIu64 ": raise it in the pipeline file, or make the "
		                "record smaller",
		                r->pos, r->len, format->max_record));
		return;
	}
	r->raw = mem_dup(m->value + (m->value_len - r->len), r->len);
	if (has_frame)
		parse(r);
	else
		fail(r, RECORD_JSON,
		     mem_printf("offset %" PRIu64 " does not begin with the five bytes of a schema "
		                "registry that framing: confluent says stand before the JSON",
		                r->pos));
}

struct record *kafka_record(const struct kafka_message *message, const struct kafka_format *format)
{
	const struct kafka_message *m = message;
	struct record *r = record_new();

	r->kind = STREAM_PARTITION;
	r->source_name = mem_strdup(m->topic);
	r->partition = m->partition;
	r->pos = (uint64_t)m->offset;
	r->next_pos = r->pos + 1;
	r->timestamp_ms = m->timestamp_ms;
	if (m->key && m->key_len <= max_key)
		r->message_key = value_of(m->key, m->key_len);
	if (m->n_headers)
		r->headers = headers_of(m);
	if (m->value)
		take_value(r, m, format);
	else
		take_tombstone(r, format);
	return r;
}
