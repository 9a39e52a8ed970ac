#include "connector/model/draft.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * Objects of json-c take ten times the room of their text. What is packed stands as members of the
 * draft's text, each with a comma before it, so that draft_text() only has to put it in.
 */

static void pack_member(struct buf *out, const char *name, struct json_object **takes_value)
{
	buf_addf(out, ",\"%s\":", name);
	json_print(*takes_value, out);
	json_object_put(*takes_value);
	*takes_value = NULL;
}

/* NOLINTNEXTLINE(misc-no-recursion): an update has none of its own */
void draft_pack(struct draft *draft)
{
	struct buf out = BUF_INIT;

	assert(!draft->packed);
	if (draft->route->has_body)
		pack_member(&out, "body", &draft->body);
	if (draft->written)
		pack_member(&out, "written", &draft->written);
	if (draft->child)
		pack_member(&out, "child", &draft->child);
	draft->packed = mem_strdup(buf_text(&out));
	buf_deinit(&out);
	if (draft->update)
		draft_pack(draft->update);
}

static struct json_object *parse_packed(char *packed)
{
	struct json_object *members = NULL;
	struct buf text = BUF_INIT;
	int r;

	if (!*packed)
		return NULL;
	buf_addf(&text, "{%s}", packed + strlen(","));
	r = json_parse(buf_text(&text), text.len, json_depth_limit, &members, NULL, NULL);
	assert(r == 0); /* it is what was printed here */
	buf_deinit(&text);
	return members;
}

/* NOLINTNEXTLINE(misc-no-recursion): an update has none of its own */
void draft_unpack(struct draft *draft)
{
	cleanup_(json_freep) struct json_object *members = NULL;

	if (!draft->packed)
		return;
	members = parse_packed(draft->packed);
	draft->body = json_object_get(json_get(members, "body"));
	draft->written = json_object_get(json_get(members, "written"));
	draft->child = json_object_get(json_get(members, "child"));
	free(draft->packed);
	draft->packed = NULL;
	if (draft->update)
		draft_unpack(draft->update);
}
