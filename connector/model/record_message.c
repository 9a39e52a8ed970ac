#include "connector/model/record.h"

#include "lib/json.h"
#include "lib/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a message of Kafka carries beside its value, as one JSON object for the state. */

static void add(struct json_object *o, const char *name, struct json_object *value)
{
	(void)json_object_object_add(o, name, value);
}

char *record_message_text(const struct record *r)
{
	struct json_object *o;
	char *text;

	if (r->kind != STREAM_PARTITION)
		return NULL;
	o = json_made(json_object_new_object());
	if (r->message_key)
		add(o, "key", json_object_get(r->message_key));
	if (r->headers)
		add(o, "headers", json_object_get(r->headers));
	add(o, "timestamp", json_object_new_int64(r->timestamp_ms));
	if (r->is_tombstone)
		add(o, "tombstone", json_object_new_boolean(true));
	text = mem_strdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
	return text;
}

static struct json_object *take(struct json_object *o, const char *name)
{
	return json_object_get(json_get(o, name));
}

/* "topic/3", the name of its stream. */
static bool split_name(struct record *r)
{
	char *slash = strrchr(r->source_name, '/'), *end;
	long partition;

	if (!slash)
		return false;
	errno = 0;
	partition = strtol(slash + 1, &end, 10);
	if (errno || *end || end == slash + 1 || partition < 0 || partition > INT32_MAX)
		return false;
	r->partition = (int32_t)partition;
	*slash = '\0';
	return true;
}

int record_message_parse(struct record *r, const char *text, struct err *err)
{
	struct json_object *o = NULL;
	struct err why;

	if (!split_name(r) || !text || json_parse(text, strlen(text), 0, &o, NULL, &why) < 0)
		return err_set(err, -EBADMSG, "what is kept of a message of %s cannot be read",
		               r->source_name);
	json_object_put(r->message_key);
	json_object_put(r->headers);
	r->message_key = take(o, "key");
	r->headers = take(o, "headers");
	r->timestamp_ms = json_object_get_int64(json_get(o, "timestamp"));
	r->is_tombstone = json_get(o, "tombstone") != NULL;
	json_object_put(o);
	return 0;
}
