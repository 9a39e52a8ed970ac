#include "connector/model/origin.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <inttypes.h>
#include <string.h>

struct json_object *origin_timestamp(const struct record *record)
{
	char text[32];

	return record->timestamp_ms < 0 ? NULL
	                                : json_string(clock_rfc3339(record->timestamp_ms, text));
}

static struct json_object *message_source(const struct record *record)
{
	struct json_object *source = json_made(json_object_new_object());
	struct json_object *headers = json_made(record->headers ? json_object_get(record->headers)
	                                                        : json_object_new_object());

	(void)json_object_object_add(source, "topic", json_string(record->source_name));
	(void)json_object_object_add(source, "partition", json_object_new_int(record->partition));
	(void)json_object_object_add(source, "offset", json_object_new_uint64(record->pos));
	(void)json_object_object_add(source, "timestamp", origin_timestamp(record));
	(void)json_object_object_add(source, "key", json_object_get(record->message_key));
	(void)json_object_object_add(source, "headers", headers);
	(void)json_object_object_add(source, "tombstone",
	                             json_object_new_boolean(record->is_tombstone));
	return source;
}

static struct json_object *line_source(const struct record *record)
{
	struct json_object *source = json_made(json_object_new_object());

	(void)json_object_object_add(source, "file", json_string(record->source_name));
	if (record->line)
		(void)json_object_object_add(source, "line", json_object_new_uint64(record->line));
	return source;
}

struct json_object *origin_source(const struct record *record)
{
	return record->kind == STREAM_PARTITION ? message_source(record) : line_source(record);
}

struct jq_where origin_where(const struct record *record)
{
	const bool is_message = record->kind == STREAM_PARTITION;

	return (struct jq_where){
		.name = record->source_name,
		.unit = is_message ? "offset" : "line",
		.number = is_message ? record->pos : record->line,
	};
}

char *origin_place(const struct record *record)
{
	if (record->kind == STREAM_PARTITION)
		return mem_printf("%s/%" PRId32 ":%" PRIu64, record->source_name, record->partition,
		                  record->pos);
	return mem_printf("%s:%" PRIu64, record->source_name, record->line);
}

void origin_print(const struct record *record, struct buf *out)
{
	const bool is_file = record->kind != STREAM_PARTITION;

	buf_adds(out, is_file ? "{\"file\":" : "{\"topic\":");
	json_print_string(record->source_name, strlen(record->source_name), out);
	if (!is_file) {
		buf_addf(out, ",\"partition\":%" PRId32 ",\"offset\":%" PRIu64, record->partition,
		         record->pos);
		if (record->message_key) {
			buf_adds(out, ",\"key\":");
			json_print(record->message_key, out);
		}
		buf_addc(out, '}');
		return;
	}
	buf_adds(out, ",\"line\":");
	buf_addu(out, record->line);
	buf_adds(out, ",\"bytes\":[");
	buf_addu(out, record->pos);
	buf_addc(out, ',');
	buf_addu(out, record->len);
	buf_adds(out, "]}");
}
