/*
 * Names that a pipeline writes itself, as keys of custom fields or in the place of ids. Which ids
 * they stand for is known only where a lock file or Close itself was asked before; then a name that
 * is nobody's, or more than one's, is a mistake of the file.
 */

#include "connector/pipeline/routes.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <stdlib.h>
#include <string.h>

static void add_once(char ***list, const char *kind)
{
	for (char **known = *list; known && *known; known++)
		if (strcmp(*known, kind) == 0)
			return;
	strlist_add(list, mem_strdup(kind));
}

static bool is_literal(const struct yaml_node *value)
{
	return value && value->kind == YAML_TEXT && !yaml_is_null(value) &&
	       !strchr(value->text, '{');
}

/* The id of a type that the file links itself; NULL: records say it, or its book is not there. */
static const char *linked_type(const struct route_build *b, const char *type_key)
{
	cleanup_(freep) char *kind = mem_dup(type_key, strlen(type_key) - strlen("_id"));
	const struct lookup_kind *of = lookup_kind_called(kind);
	const struct yaml_node *map = yaml_get(yaml_get(b->spec.link, type_key), kind);
	const struct yaml_node *id = yaml_get(map, "id"), *name = yaml_get(map, "name");
	const struct name_book *book =
		of ? names_book(b->l->options->names, name_kind_of_lookup(of->object)) : NULL;
	const struct name_entry *entry;
	size_t n;

	if (is_literal(id))
		return id->text;
	entry = book && is_literal(name) ? name_find(book, name->text, NULL, &n) : NULL;
	return entry ? entry->id : NULL;
}

/* The kind of the custom fields of what the route makes; NULL: they have no names, or not yet. */
static char *fields_kind(const struct route_build *b)
{
	const char *kind = name_kind_of_object(b->route->op);
	const char *type_key = kind ? name_type_key(kind) : NULL, *id;
	const struct yaml_node *type;

	if (!type_key)
		return mem_strdup(kind);
	type = yaml_get(b->spec.body, type_key);
	id = is_literal(type) ? type->text : linked_type(b, type_key);
	return id ? mem_printf("%s/%s", kind, id) : NULL;
}

static void fail_name(struct route_build *b, const struct yaml_node *at,
                      const struct name_book *book, const char *name, const char *within)
{
	cleanup_(freep) char *trouble =
		book->trouble ? mem_strdup(book->trouble) : name_trouble(book, name, within);

	fail(b->l, at, "%s", trouble);
}

static void check_field(struct route_build *b, const struct yaml_node *at, const char *kind,
                        const char *name)
{
	const struct name_book *book = names_book(b->l->options->names, kind);
	const char *suffix;
	size_t n;

	add_once(&b->l->pipeline->named_kinds, kind);
	if (book && (book->trouble || !name_find_field(book, name, &suffix, &n)))
		fail_name(b, at, book, name, NULL);
}

void route_check_field_name(struct route_build *b, const struct yaml_node *at, const char *name,
                            bool is_contact)
{
	cleanup_(freep) char *kind = is_contact ? mem_strdup("contact") : fields_kind(b);

	if (name_is_field_id(name))
		return;
	if (kind)
		check_field(b, at, kind, name);
	else if (b->route->op && !name_kind_of_object(b->route->op))
		fail(b->l, at, "custom fields of %s have no names: write the id, custom.cf_…",
		     b->route->op->name);
	else
		b->l->pipeline->has_open_names = true;
}

/* Whether the body says the type of what is looked up: an upsert looks for what it would make. */
static bool has_type(const struct route_build *b, const struct lookup_kind *kind)
{
	return b->update_op && strcmp(b->update_op->object, kind->object) == 0;
}

/* The custom fields of what is looked up; NULL: which ones differs by type, and so by record. */
static char *lookup_fields_kind(const struct route_build *b, const struct lookup_kind *kind)
{
	if (strcmp(kind->object, "custom_object") != 0)
		return mem_strdup(kind->object);
	return has_type(b, kind) ? fields_kind(b) : NULL;
}

void route_check_lookup_field(struct route_build *b, const struct yaml_node *at,
                              const struct lookup_kind *kind, const char *name)
{
	cleanup_(freep) char *fields = lookup_fields_kind(b, kind);
	const struct name_book *book;
	size_t n;

	if (name_is_field_id(name))
		return;
	if (!fields && !has_type(b, kind)) {
		fail(b->l, at,
		     "custom fields of a %s have names within its type only: write the id, "
		     "custom.cf_…",
		     kind->name);
		return;
	}
	if (!fields) {
		b->l->pipeline->has_open_names = true;
		return;
	}
	add_once(&b->l->pipeline->name_kinds, fields);
	add_once(&b->l->pipeline->named_kinds, fields);
	book = names_book(b->l->options->names, fields);
	if (book && (book->trouble || !name_find(book, name, NULL, &n)))
		fail_name(b, at, book, name, NULL);
}

/* The id of the pipeline that a status is looked for in; *ret_is_open: each record says. */
static const char *pipeline_of(const struct route_build *b, bool *ret_is_open)
{
	const struct yaml_node *value = b->spec.body ? yaml_get(b->spec.body, "pipeline_id") : NULL;
	const struct name_book *book = names_book(b->l->options->names, "pipeline");
	const struct name_entry *entry;
	size_t n;

	*ret_is_open = value && !is_literal(value);
	if (!is_literal(value))
		return NULL;
	if (strncmp(value->text, "pipe_", 5) == 0)
		return value->text;
	entry = book ? name_find(book, value->text, NULL, &n) : NULL;
	*ret_is_open = !entry;
	return entry ? entry->id : NULL;
}

static void check_name(struct route_build *b, const struct yaml_node *at, const char *kind)
{
	const struct name_book *book = names_book(b->l->options->names, kind);
	const char *within = NULL;
	bool is_open = false;
	size_t n;

	add_once(&b->l->pipeline->named_kinds, kind);
	if (!book)
		return;
	if (strcmp(kind, "status/opportunity") == 0)
		within = pipeline_of(b, &is_open);
	if (!name_find(book, at->text, within, &n) && !(n && is_open))
		fail_name(b, at, book, at->text, within);
}

void route_check_name(struct route_build *b, const char *field, const struct yaml_node *value)
{
	const char *kind = name_kind_of_field(b->route->op, field);
	const size_t n = value->kind == YAML_LIST ? value->n : 1;

	for (size_t i = 0; kind && i < n; i++) {
		const struct yaml_node *item = value->kind == YAML_LIST ? value->items[i] : value;

		if (is_literal(item) && *item->text &&
		    strncmp(item->text, name_kind_prefix(kind), strlen(name_kind_prefix(kind))) !=
		            0)
			check_name(b, item, kind);
	}
}

void route_check_lookup_name(struct route_build *b, const struct yaml_node *at,
                             const struct lookup_kind *kind)
{
	const char *book_kind = name_kind_of_lookup(kind->object);
	const struct name_book *book = names_book(b->l->options->names, book_kind);
	size_t n;

	add_once(&b->l->pipeline->named_kinds, book_kind);
	if (book && !name_find(book, at->text, NULL, &n))
		fail_name(b, at, book, at->text, NULL);
}

void route_note_kinds(struct route_build *b)
{
	const struct operation *op = b->route->op;
	char ***kinds = &b->l->pipeline->name_kinds;
	cleanup_(freep) char *fields = fields_kind(b);

	if (fields)
		add_once(kinds, fields);
	if (op && strcmp(op->name, "lead.create") == 0)
		add_once(kinds, "contact");
	for (size_t i = 0; i < b->route->n_links; i++) {
		const char *kind = name_kind_of_lookup(b->route->links[i].rule.kind);

		if (kind)
			add_once(kinds, kind);
	}
	for (size_t i = 0; op && op->body_fields && op->body_fields[i].name; i++) {
		const char *kind = name_kind_of_field(op, op->body_fields[i].name);

		if (kind)
			add_once(kinds, kind);
	}
}
