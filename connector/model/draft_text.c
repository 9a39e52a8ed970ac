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

/* NULL: there is none. */
static void add_member(struct buf *out, const char *name, const char *text)
{
	if (!text)
		return;
	buf_addf(out, ",\"%s\":", name);
	add_text(out, text);
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

static void add_links(struct buf *out, const struct draft *draft)
{
	if (!draft->n_links)
		return;
	buf_adds(out, ",\"links\":[");
	for (size_t i = 0; i < draft->n_links; i++) {
		if (i)
			buf_addc(out, ',');
		draft_link_print(&draft->links[i], out);
	}
	buf_addc(out, ']');
}

static void add_refused(struct buf *out, const struct rejection *refused)
{
	buf_addf(out,
	         ",\"refused\":{\"class\":\"%s\",\"message\":", reject_class_name(refused->class));
	add_text(out, refused->message);
	add_member(out, "field", refused->field);
	buf_addc(out, '}');
}

static void add_draft(struct buf *out, const struct draft *draft);

/* What is known of it before it is resolved, and of what it shares a call with. */
/* NOLINTNEXTLINE(misc-no-recursion): an update has none of its own */
static void add_open(struct buf *out, const struct draft *draft)
{
	if (draft->match) {
		buf_adds(out, ",\"match\":");
		lookup_print(draft->match, out);
	}
	add_links(out, draft);
	if (draft->update) {
		buf_adds(out, ",\"update\":");
		add_draft(out, draft->update);
	}
	if (draft->refused)
		add_refused(out, draft->refused);
	if (draft->is_settled_on)
		buf_adds(out, ",\"is_settled_on\":true");
	add_member(out, "by", draft->by);
	if (draft->child)
		add_value(out, "child", draft->child);
	add_member(out, "unresolved", draft->unresolved);
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static void add_draft(struct buf *out, const struct draft *draft)
{
	buf_addf(out, "{\"route\":%zu,\"url\":", draft->route->index);
	add_text(out, draft->url);
	/* Both forms of an upsert have the same number. */
	if (draft->route->method == METHOD_PUT)
		buf_adds(out, ",\"is_put\":true");
	add_list(out, "headers", draft->headers);
	if (draft->packed)
		buf_adds(out, draft->packed);
	/* A null body is one; a route without bodies has none. */
	else if (draft->route->has_body)
		add_value(out, "body", draft->body);
	if (draft->with)
		add_value(out, "with", draft->with);
	if (draft->written)
		add_value(out, "written", draft->written);
	if (draft->identity_field) {
		char *identity[] = {draft->identity_field, draft->identity_value, NULL};

		add_list(out, "identity", identity);
	}
	add_list(out, "notes", draft->notes);
	add_open(out, draft);
	buf_addc(out, '}');
}

char *draft_text(const struct draft *draft)
{
	struct buf out = BUF_INIT;

	add_draft(&out, draft);
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
	const struct route *route;

	if (index < 0 || (uint64_t)index >= routes->n)
		return NULL;
	route = &routes->items[index];
	return route->update && json_get_bool(kept, "is_put", false) ? route->update : route;
}

static bool read_match(struct json_object *kept, struct draft *draft)
{
	struct json_object *match = json_get(kept, "match");

	if (!match)
		return true;
	draft->match = mem_alloc(sizeof(*draft->match));
	return lookup_read(match, draft->match);
}

static bool read_links(struct json_object *kept, struct draft *draft)
{
	struct json_object *links = json_get(kept, "links");

	if (!links)
		return true;
	if (!json_object_is_type(links, json_type_array))
		return false;
	draft->n_links = json_object_array_length(links);
	draft->links = mem_array(draft->n_links, sizeof(*draft->links));
	for (size_t i = 0; i < draft->n_links; i++)
		if (!draft_link_read(json_object_array_get_idx(links, i), &draft->links[i]))
			return false;
	return true;
}

static bool read_refused(struct json_object *kept, struct draft *draft)
{
	struct json_object *refused = json_get(kept, "refused");
	const char *class = json_get_string(refused, "class");
	const char *message = json_get_string(refused, "message");

	if (!refused)
		return true;
	if (!class || !message || reject_class_find(class) == REJECT_NONE)
		return false;
	draft->refused = mem_alloc(sizeof(*draft->refused));
	rejection_set(draft->refused, reject_class_find(class), json_get_string(refused, "field"),
	              "%s", message);
	return true;
}

struct source_of {
	struct record *record;
	unsigned ordinal;
	const struct route_set *routes;
};

static int read_draft(struct json_object *kept, const struct source_of *of,
                      struct draft **ret_draft, struct err *err);

/* NOLINTNEXTLINE(misc-no-recursion) */
static int read_update(struct json_object *kept, const struct source_of *of, struct draft *draft,
                       struct err *err)
{
	struct json_object *update = json_get(kept, "update");
	int r;

	if (!update)
		return 0;
	r = read_draft(update, of, &draft->update, err);
	if (r == 0 && draft->update->route != draft->route->update)
		return fail(err, "the update in it is one of another route");
	return r;
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than the text is */
static int read_draft(struct json_object *kept, const struct source_of *of,
                      struct draft **ret_draft, struct err *err)
{
	const struct route *route = find_route(kept, of->routes);
	cleanup_(draft_freep) struct draft *draft = NULL;
	int r;

	if (!route)
		return fail(err, "the pipeline has no such route");
	draft = draft_new(of->record, route, of->ordinal);
	draft->url = mem_strdup(json_get_string(kept, "url"));
	draft->with = json_object_get(json_get(kept, "with"));
	draft->written = json_object_get(json_get(kept, "written"));
	draft->is_settled_on = json_get_bool(kept, "is_settled_on", false);
	draft->by = mem_strdup(json_get_string(kept, "by"));
	draft->child = json_object_get(json_get(kept, "child"));
	draft->unresolved = mem_strdup(json_get_string(kept, "unresolved"));
	if (!draft->url || !read_body(kept, draft) || !read_identity(kept, draft) ||
	    !read_match(kept, draft) || !read_links(kept, draft) || !read_refused(kept, draft) ||
	    !read_member_list(kept, "headers", &draft->headers) ||
	    !read_member_list(kept, "notes", &draft->notes))
		return fail(err, "a member of it is missing or of another kind");
	draft->op = route_operation(of->routes, route, draft->url);
	r = read_update(kept, of, draft, err);
	if (r < 0)
		return r;
	*ret_draft = steal(&draft);
	return 0;
}

int draft_parse(const char *text, struct record *record, unsigned ordinal,
                const struct route_set *routes, struct draft **ret_draft, struct err *err)
{
	const struct source_of of = {.record = record, .ordinal = ordinal, .routes = routes};
	cleanup_(json_freep) struct json_object *kept = NULL;
	struct err why;

	/* A template may put a record of full depth into a body, and that stands in the text. */
	if (json_parse(text, strlen(text), json_depth_limit, &kept, NULL, &why) < 0)
		return fail(err, why.text);
	return read_draft(kept, &of, ret_draft, err);
}
