#include "connector/model/origin.h"

#include "lib/json.h"
#include "lib/mem.h"

#include <inttypes.h>
#include <string.h>

struct json_object *origin_source(const struct record *record)
{
	struct json_object *source = json_object_new_object();

	if (!source)
		mem_exhausted();
	(void)json_object_object_add(source, "file", json_string(record->source_name));
	if (record->line)
		(void)json_object_object_add(source, "line", json_object_new_uint64(record->line));
	return source;
}

struct jq_where origin_where(const struct record *record)
{
	return (struct jq_where){
		.name = record->source_name,
		.unit = "line",
		.number = record->line,
	};
}

void origin_print(const struct record *record, struct buf *out)
{
	const bool is_file = record->kind != STREAM_PARTITION;

	buf_adds(out, is_file ? "{\"file\":" : "{\"topic\":");
	json_print_string(record->source_name, strlen(record->source_name), out);
	if (!is_file) {
		buf_addf(out, ",\"partition\":%" PRId32 ",\"offset\":%" PRIu64 "}",
		         record->partition, record->pos);
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
