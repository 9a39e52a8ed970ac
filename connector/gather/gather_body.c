#include "connector/gather/gather_body.h"

#include "connector/gather/encode.h"
#include "lib/buf.h"
#include "lib/json.h"

#include <json-c/linkhash.h>
#include <string.h>

struct json_object *gather_list(struct draft *const *drafts, size_t n)
{
	struct json_object *list = json_made(json_object_new_array_ext((int)n));

	for (size_t i = 0; i < n; i++)
		(void)json_object_array_add(list, json_object_get(drafts[i]->body));
	return list;
}

struct json_object *gather_keyed(const struct batch *batch, struct json_object *with,
                                 struct json_object *takes_list)
{
	struct json_object *body = json_made(json_object_new_object());

	(void)json_object_object_add(body, batch->key, takes_list);
	if (!json_object_is_type(with, json_type_object))
		return body;
	json_object_object_foreach(with, key,
	                           value) if (!json_object_object_get_ex(body, key, NULL))(void)
		json_object_object_add(body, key, json_object_get(value));
	return body;
}

/* 0 where it cannot be written: the call says so when it is made. */
static size_t encoded_bytes(enum content_format format, struct json_object *body)
{
	struct rejection rejection = {0};
	struct buf text = BUF_INIT;
	size_t bytes = 0;

	if (encode_body(format, body, &text, &rejection))
		bytes = text.len;
	rejection_deinit(&rejection);
	buf_deinit(&text);
	return bytes;
}

size_t gather_body_bytes(const struct draft *draft)
{
	size_t bytes = encoded_bytes(draft->route->format, draft->body);

	if (draft->child)
		bytes += encoded_bytes(draft->route->format, draft->child);
	return bytes;
}

size_t gather_frame_bytes(const struct draft *draft)
{
	const struct batch *batch = draft->route->batch;
	struct json_object *body;
	size_t bytes;

	switch (batch->algorithm) {
	case BATCH_MERGE:
		return 0;
	case BATCH_NEST:
		return strlen(",\"\":[]") + strlen(batch->into);
	case BATCH_ARRAY:
	case BATCH_KEYED_ARRAY:
	case BATCH_EXPRESSION:
		break;
	}
	body = gather_list(NULL, 0);
	if (batch->algorithm == BATCH_KEYED_ARRAY)
		body = gather_keyed(batch, draft->with, body);
	bytes = encoded_bytes(draft->route->format, body);
	json_object_put(body);
	return bytes;
}
