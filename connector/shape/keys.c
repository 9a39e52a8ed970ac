#include "connector/shape/steps.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/strlist.h"

#include <json-c/linkhash.h>

/* Where the catalogue lists no keys at all it knows nothing of the body. */
static bool has_known_keys(const struct operation *op)
{
	return op && op->body_fields && op->body_fields->name;
}

static bool refuse_key(struct shaping *s, const char *key)
{
	rejection_set(
		s->rejection, REJECT_FIELD, key,
		"%s has no field \"%s\": Close would ignore it and answer as if all were well",
		s->draft->op->name, key);
	return false;
}

static void drop_keys(struct shaping *s)
{
	shape_own_body(s);
	json_object_object_foreach(s->draft->body, key, value)
	{
		(void)value;
		if (!operation_field(s->draft->op, key))
			json_object_object_del(s->draft->body, key);
	}
	shape_drop_members(s, s->draft->op);
}

static void note_keys(struct shaping *s, const struct buf *keys)
{
	if (s->route->unknown_keys == UNKNOWN_DROP)
		draft_note(s->draft, "left out, since %s has no such field: %s", s->draft->op->name,
		           buf_text(keys));
	else
		draft_note(s->draft, "Close will ignore, since %s has no such field: %s",
		           s->draft->op->name, buf_text(keys));
}

static void add_key(struct shaping *s, struct buf *keys, const char *key)
{
	buf_addf(keys, "%s%s", keys->len ? ", " : "", key);
	s->unknown_keys++;
}

bool shape_known_keys(struct shaping *s)
{
	const struct route *route = s->route;
	struct buf keys = BUF_INIT;
	char **members = NULL;
	bool is_known = true;

	/* A written body was held against the catalogue when the pipeline was checked. */
	if (!has_known_keys(s->draft->op) || (route->body && route->unknown_keys == UNKNOWN_WARN))
		return true;
	json_object_object_foreach(s->draft->body, key, value)
	{
		(void)value;
		if (operation_field(s->draft->op, key))
			continue;
		if (route->unknown_keys == UNKNOWN_REJECT) {
			is_known = refuse_key(s, key);
			break;
		}
		add_key(s, &keys, key);
	}
	if (is_known)
		members = shape_unknown_members(s, s->draft->op);
	if (members && route->unknown_keys == UNKNOWN_REJECT)
		is_known = refuse_key(s, *members);
	for (char **m = members; is_known && m && *m; m++)
		add_key(s, &keys, *m);
	strlist_free(members);
	if (keys.len && is_known) {
		note_keys(s, &keys);
		if (route->unknown_keys == UNKNOWN_DROP)
			drop_keys(s);
	}
	buf_deinit(&keys);
	return is_known;
}

bool shape_required(struct shaping *s)
{
	const struct operation *op = s->draft->op;

	if (!op || !op->required)
		return true;
	for (const char *const *name = op->required; *name; name++) {
		if (json_get(s->draft->body, *name) || shape_is_linked(s, *name))
			continue;
		rejection_set(s->rejection, REJECT_REQUIRED, *name,
		              "%s needs \"%s\", which is missing or null in the finished body",
		              op->name, *name);
		return false;
	}
	return true;
}
