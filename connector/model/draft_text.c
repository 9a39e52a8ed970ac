/* Drafts as text, and back. */

#include "connector/model/draft.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <errno.h>
#include <string.h>

DEFINE_CLEANUP(struct draft *, draft_free)

/* Writing */

static void add_text(struct buf *out, const char *text)
{
	if (text)
		json_print_string(text, strlen(text), out);
	else
		buf_adds(out, "null");
}

static void add_list(struct buf *out, const char *name, char *const *list)
{
	if (!list || !*list)
		return;
	buf_addf(out, ",\"%s\":[", name);
	for (size_t i = 0; list[i]; i++) {
		if (i)
			buf_addc(out, ',');
		add_text(out, list[i]);
	}
	buf_addc(out, ']');
}

static void add_value(struct buf *out, const char *name, struct json_object *value)
{
	buf_addf(out, ",\"%s\":", name);
	json_print(value, out);
}

char *draft_text(const struct draft *draft)
{
	struct buf out = BUF_INIT;

	buf_addf(&out, "{\"route\":%zu,\"url\":", draft->route->index);
	add_text(&out, draft->url);
	add_list(&out, "headers", draft->headers);
	/* A null body is one; a route without bodies has none. */
	if (draft->route->has_body)
		add_value(&out, "body", draft->body);
	if (draft->with)
		add_value(&out, "with", draft->with);
	if (draft->written)
		add_value(&out, "written", draft->written);
	if (draft->identity_field) {
		char *identity[] = {draft->identity_field, draft->identity_value, NULL};

		add_list(&out, "identity", identity);
	}
	add_list(&out, "notes", draft->notes);
	buf_addc(&out, '}');
	return buf_take(&out);
}

/* Reading */

static int fail(struct err *err, const char *what)
{
	return err_set(err, -EUCLEAN,
	               "what was kept of an output cannot be read: %s; the state folder was "
	               "damaged or changed by another program",
	               what);
}

/* A list of texts, or none; false: it is something else. */
static bool read_list(struct json_object *list, char ***ret_list)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *text = json_object_array_get_idx(list, i);

		if (!json_object_is_type(text, json_type_string))
			return false;
		strlist_add(ret_list, mem_strdup(json_object_get_string(text)));
	}
	return true;
}

static bool read_member_list(struct json_object *kept, const char *name, char ***ret_list)
{
	struct json_object *list = json_get(kept, name);

	return (!list || json_object_is_type(list, json_type_array)) && read_list(list, ret_list);
}

static bool read_identity(struct json_object *kept, struct draft *draft)
{
	char **pair = NULL;
	const bool is_good =
		read_member_list(kept, "identity", &pair) && (!pair || strlist_len(pair) == 2);

	if (is_good && pair) {
		draft->identity_field = mem_strdup(pair[0]);
		draft->identity_value = mem_strdup(pair[1]);
	}
	strlist_free(pair);
	return is_good;
}

static bool read_body(struct json_object *kept, struct draft *draft)
{
	struct json_object *body = NULL;
	const bool has_body = json_object_object_get_ex(kept, "body", &body);

	draft->body = json_object_get(body);
	return has_body == draft->route->has_body;
}

static const struct route *find_route(struct json_object *kept, const struct route_set *routes)
{
	const int64_t index = json_get_int(kept, "route", -1);

	return index >= 0 && (uint64_t)index < routes->n ? &routes->items[index] : NULL;
}

int draft_parse(const char *text, struct record *record, unsigned ordinal,
                const struct route_set *routes, struct draft **ret_draft, struct err *err)
{
	cleanup_(json_freep) struct json_object *kept = NULL;
	cleanup_(draft_freep) struct draft *draft = NULL;
	const struct route *route;
	struct err why;

	/* A template may put a record of full depth into a body, and that stands in the text. */
	if (json_parse(text, strlen(text), json_depth_limit, &kept, NULL, &why) < 0)
		return fail(err, why.text);
	route = find_route(kept, routes);
	if (!route)
		return fail(err, "the pipeline has no such route");
	draft = draft_new(record, route, ordinal);
	draft->url = mem_strdup(json_get_string(kept, "url"));
	draft->with = json_object_get(json_get(kept, "with"));
	draft->written = json_object_get(json_get(kept, "written"));
	if (!draft->url || !read_body(kept, draft) || !read_identity(kept, draft) ||
	    !read_member_list(kept, "headers", &draft->headers) ||
	    !read_member_list(kept, "notes", &draft->notes))
		return fail(err, "a member of it is missing or of another kind");
	*ret_draft = steal(&draft);
	return 0;
}
