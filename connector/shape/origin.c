#include "connector/shape/steps.h"
#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <string.h>

static struct json_object *file_value(const struct record *record)
{
	return json_string(record->source_name);
}

static struct json_object *line_value(const struct record *record)
{
	return record->line ? json_object_new_int64((int64_t)record->line) : NULL;
}

static struct json_object *now_value(const struct record *record)
{
	char text[32];

	return json_string(clock_rfc3339(record->read_wall_ms, text));
}

static struct json_object *sha256_value(const struct record *record)
{
	char hex[sha256_hex];

	if (!record->raw)
		return NULL;
	crypto_sha256_hex(record->raw, record_raw_len(record), hex);
	return json_string(hex);
}

/* Rows of connector/model/origin.c; vars come from the pipeline file. */
static const struct {
	const char *name;
	struct json_object *(*value)(const struct record *record);
} origins[] = {
	{"file", file_value},
	{"line", line_value},
	{"now", now_value},
	{"sha256", sha256_value},
};

static int find_origin(void *arg, const char *name, struct json_object **ret_value)
{
	const struct shaping *s = arg;
	struct json_object *value = NULL;

	if (strncmp(name, "var.", 4) == 0)
		value = json_object_get(json_get(s->routes->vars, name + 4));
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++)
		if (strcmp(origins[i].name, name) == 0)
			value = origins[i].value(s->record);
	if (!value)
		return 0;
	*ret_value = value;
	return 1;
}

struct template_scope shape_scope(struct shaping *s)
{
	return (struct template_scope){
		.record = s->value,
		.origin = find_origin,
		.arg = s,
	};
}
