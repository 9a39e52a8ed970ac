/*
 * How a route changes what is there: an upsert's update, lists that are added to, changes that are
 * none. An upsert is the create with an update beside it; both are compiled from the same lines.
 */

#include "connector/pipeline/routes.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/near.h"
#include "lib/strlist.h"

#include <stdlib.h>
#include <string.h>

/* Lists whose members can be told apart. */
static const char *const addable[] = {"emails", "phones", "urls", "addresses", NULL};

bool route_is_addable(const char *field)
{
	for (const char *const *name = addable; *name; name++)
		if (strcmp(*name, field) == 0)
			return true;
	return false;
}

const struct operation *route_update_op(const struct route_build *b)
{
	const struct operation *op = b->route->op;

	if (b->update_op)
		return b->update_op;
	return op && op->method == METHOD_PUT ? op : NULL;
}

/* Keys that are about one of an upsert's two calls. */
static void check_no_upsert(struct route_build *b)
{
	static const char *const keys[] = {"on_create", "on_update", "omit_on_update"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (route_key(b->map, keys[i]))
			fail(b->l, route_key(b->map, keys[i]),
			     "%s belongs to upserts (lead.upsert, …), and %s is none: take it "
			     "out",
			     keys[i], b->route->name);
}

bool route_is_create_only(const char *field, const struct operation *update)
{
	/* An update would take a contact's lead_id, and move the contact. */
	return !operation_field(update, field) || strcmp(field, "lead_id") == 0;
}

static char **create_only_of(const struct operation *create, const struct operation *update)
{
	char **list = NULL;

	for (const struct operation_field *f = create->body_fields; f->name; f++)
		if (route_is_create_only(f->name, update))
			strlist_add(&list, mem_strdup(f->name));
	return list;
}

static void compile_omit(struct route_build *b, struct route *update)
{
	const struct yaml_node *omit = b->spec.omit_on_update;

	for (size_t i = 0; omit && i < omit->n; i++) {
		const struct yaml_node *item = omit->items[i];
		const struct yaml_node *again;
		size_t mark;

		if (item->kind != YAML_TEXT)
			continue; /* which was told */
		mark = path_enter_item(b->l, i);
		again = route_key(b->spec.on_update, item->text);
		route_check_known_key(b, b->route->op, item);
		if (strncmp(item->text, "custom.", 7) == 0)
			route_check_field_name(b, item, item->text + 7, false);
		if (again)
			route_fail_both(b, "on_update", again, "omit_on_update", item,
			                "on_update writes what is to be left out");
		strlist_add(&update->omit, mem_strdup(item->text));
		path_leave(b->l, mark);
	}
}

static bool is_listed(char *const *list, const char *name)
{
	for (; list && *list; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

static void check_on_update(struct route_build *b, const struct route *update)
{
	const struct yaml_node *map = b->spec.on_update;

	for (size_t i = 0; i < map->n; i++)
		if (is_listed(update->create_only, map->keys[i]->text))
			fail(b->l, map->keys[i], "only a create takes %s: write it under on_create",
			     map->keys[i]->text);
}

/* "/lead/{id}/" with a hole for the id that match finds. */
static struct template *update_url(struct route_build *b)
{
	cleanup_(buf_deinit) struct buf path = BUF_INIT;

	for (const char *c = b->update_op->path; *c; c++) {
		if (*c == '{' || *c == '}')
			buf_addc(&path, *c);
		buf_addc(&path, *c);
	}
	return route_template(b, b->map, buf_text(&path));
}

/* What the update has in common with the create; told of the create already. */
static void compile_update(struct route_build *b, struct route *update)
{
	struct route_build twin = *b;

	twin.route = update;
	update->url = update_url(&twin);
	route_compile_call(&twin);
	route_compile_excludes(b->l, &b->spec, update);
	update->body = b->spec.body ? route_recompile(&twin, b->spec.body) : NULL;
	route_copy_links(b, update);
}

static struct route *update_of(const struct route_build *b)
{
	const struct route *route = b->route;
	struct route *update = mem_alloc(sizeof(*update));

	*update = (struct route){
		.index = route->index,
		.name = mem_strdup(route->name),
		.line = route->line,
		.column = route->column,
		.op = b->update_op,
		.method = b->update_op->method,
		.has_body = true,
		.nulls = route->nulls,
		.blanks = route->blanks,
		.unknown_keys = route->unknown_keys,
		.allow = route->allow,
		.create_only = create_only_of(route->op, b->update_op),
	};
	return update;
}

static struct template_tree *compile_over(struct route_build *b, const char *key,
                                          const struct yaml_node *map, const struct operation *op)
{
	const size_t mark = path_enter(b->l, key);
	struct template_tree *over = map ? route_overlay(b, map, op) : NULL;

	path_leave(b->l, mark);
	return over;
}

static void compile_upsert(struct route_build *b)
{
	struct route *update = update_of(b);
	size_t mark;

	b->route->update = update;
	b->route->over = compile_over(b, "on_create", b->spec.on_create, b->route->op);
	mark = path_enter(b->l, "omit_on_update");
	compile_omit(b, update);
	path_leave(b->l, mark);
	mark = path_enter(b->l, "on_update");
	if (b->spec.on_update)
		check_on_update(b, update);
	path_leave(b->l, mark);
	update->over = compile_over(b, "on_update", b->spec.on_update, b->route->op);
	/* Nobody runs a file with mistakes, and its lines would be told twice. */
	if (b->l->pipeline->n_errors == 0)
		compile_update(b, update);
}

/* lists */

static void fail_list(struct route_build *b, const struct yaml_node *at, const struct operation *op)
{
	cleanup_(buf_deinit) struct buf list = BUF_INIT;
	const char *names[5], *near;
	size_t n = 0;

	for (const char *const *name = addable; *name; name++)
		if (operation_field(op, *name)) {
			buf_addf(&list, "%s%s", n ? ", " : "", *name);
			names[n++] = *name;
		}
	names[n] = NULL;
	near = near_name(at->text, names);
	if (near)
		fail(b->l, at, "%s has no list \"%.40s\": did you mean \"%s\"?", op->name, at->text,
		     near);
	else if (n)
		fail(b->l, at, "%s has no list \"%.40s\" that can be added to: it has %s", op->name,
		     at->text, buf_text(&list));
	else
		fail(b->l, at, "%s has no list that can be added to: take lists out", op->name);
}

static void compile_lists(struct route_build *b, struct route *update)
{
	const struct yaml_node *lists = b->spec.lists;
	const struct operation *op = route_update_op(b);

	for (size_t i = 0; i < lists->n; i++) {
		const struct yaml_node *key = lists->keys[i];

		if (!route_is_addable(key->text) || !operation_field(op, key->text))
			fail_list(b, key, op);
		else if (strcmp(lists->items[i]->text, "append") == 0)
			strlist_add(&update->append, mem_strdup(key->text));
	}
}

static void check_is_update(struct route_build *b, const char *key, const char *why)
{
	const struct yaml_node *at = route_key(b->map, key);
	const size_t mark = path_enter(b->l, key);

	if (b->route->op)
		fail(b->l, at, "%s updates nothing, and %s: take it out", b->route->name, why);
	else
		fail(b->l, at, "nothing is known of this path, and %s: take it out", why);
	path_leave(b->l, mark);
}

static void compile_change(struct route_build *b)
{
	struct route *update = b->route->update ? b->route->update : b->route;
	const bool is_update = route_update_op(b) && route_update_op(b)->body_source != BODY_NONE;
	const size_t mark = path_enter(b->l, "lists");

	if (b->spec.lists && is_update)
		compile_lists(b, update);
	path_leave(b->l, mark);
	if (b->spec.lists && !is_update)
		check_is_update(b, "lists", "lists are added to by updates and upserts");
	if (b->spec.skip_unchanged && !is_update)
		check_is_update(b, "skip_unchanged", "only updates and upserts can be unchanged");
	update->skip_unchanged = b->spec.skip_unchanged && is_update;
}

void route_compile_changes(struct route_build *b)
{
	if (!b->route->url)
		return; /* what it calls is not known, which was told */
	if (b->update_op)
		compile_upsert(b);
	else
		check_no_upsert(b);
	compile_change(b);
}
