#include "connector/model/origin.h"

#include "lib/json.h"
#include "lib/mem.h"

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
