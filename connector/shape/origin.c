#include "connector/shape/steps.h"

#include "connector/model/origin.h"
#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
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

static struct json_object *partition_value(const struct record *record)
{
	return json_object_new_int(record->partition);
}

static struct json_object *offset_value(const struct record *record)
{
	return json_object_new_uint64(record->pos);
}

static struct json_object *key_value(const struct record *record)
{
	return json_object_get(record->message_key);
}

/* "a.b" of a key that is JSON: a field of that name, or b of a. */
static struct json_object *within_key(struct json_object *key, const char *path)
{
	const char *dot = strchr(path, '.');
	struct json_object *value = json_get(key, path);
	char *first;

	if (value || !dot)
		return value;
	first = mem_dup(path, (size_t)(dot - path));
	value = within_key(json_get(key, first), dot + 1);
	free(first);
	return value;
}

/* Rows of connector/model/origin.c; vars come from the pipeline file. */
static const struct {
	const char *name;
	struct json_object *(*value)(const struct record *record);
} origins[] = {
	{"file", file_value},     {"line", line_value},
	{"now", now_value},       {"sha256", sha256_value},
	{"topic", file_value},    {"partition", partition_value},
	{"offset", offset_value}, {"timestamp", origin_timestamp},
	{"key", key_value},
};

static int find_origin(void *arg, const char *name, struct json_object **ret_value)
{
	const struct shaping *s = arg;
	struct json_object *value = NULL;

	if (strncmp(name, "var.", 4) == 0)
		value = json_object_get(json_get(s->routes->vars, name + 4));
	else if (strncmp(name, "headers.", 8) == 0)
		value = json_object_get(json_get(s->record->headers, name + 8));
	else if (strncmp(name, "key.", 4) == 0)
		value = json_object_get(within_key(s->record->message_key, name + 4));
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
