#include "connector/sandbox/sent.h"

#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>

enum { max_kept = 1000 };

struct box_sent {
	struct json_object *latest; /* a list */
	uint64_t count;
};

struct box_sent *box_sent_new(void)
{
	struct box_sent *sent = mem_alloc(sizeof(*sent));

	sent->latest = json_object_new_array();
	return sent;
}

void box_sent_free(struct box_sent *sent)
{
	json_object_put(sent->latest);
	free(sent);
}

void box_sent_note(struct box_sent *sent, const struct box_object *object, const char *to)
{
	struct json_object *one = json_object_new_object();

	box_set(one, "object_type", json_string(object->kind->name));
	box_set(one, "object_id", json_string(object->id));
	box_set(one, "to", json_string(to));
	if (sent->count++ >= max_kept)
		json_object_array_del_idx(sent->latest, 0, 1);
	json_object_array_add(sent->latest, one);
}

struct json_object *box_sent_list(const struct box_sent *sent)
{
	struct json_object *out = json_object_new_object();

	box_set(out, "count", json_object_new_int64((int64_t)sent->count));
	box_set(out, "data", json_object_get(sent->latest));
	return out;
}
