/* What a route sends: the written body checked against the catalogue, or the record as it is. */

#include "connector/pipeline/routes.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/near.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { max_choices = 16, max_member = 64 }; /* of a field in the catalogue */

/* Fields that hold an id whose beginning is known: a name in its place needs a look-up. */
static const struct {
	const char *field, *prefix;
} id_fields[] = {
	{"status_id", "stat_"},   {"user_id", "user_"}, {"assigned_to", "user_"},
	{"pipeline_id", "pipe_"}, {"lead_id", "lead_"}, {"contact_id", "cont_"},
};

const char *route_id_prefix(const char *field)
{
	for (size_t i = 0; i < sizeof(id_fields) / sizeof(*id_fields); i++)
		if (strcmp(field, id_fields[i].field) == 0)
			return id_fields[i].prefix;
	return NULL;
}

static void check_literal_id(struct route_build *b, const char *field,
                             const struct yaml_node *value)
{
	const char *prefix = route_id_prefix(field);

	if (name_kind_of_field(b->route->op, field)) {
		route_check_name(b, field, value);
		return;
	}
	if (!prefix || value->kind != YAML_TEXT || yaml_is_null(value) || strchr(value->text, '{'))
		return;
	if (strncmp(value->text, prefix, strlen(prefix)) != 0)
		fail(b->l, value,
		     "a name in place of an id: write the id (%s…), or look it up, as in link: "
		     "{%s: {%.*s: {name: \"%.40s\"}}}",
		     prefix, field, (int)strcspn(prefix, "_"), prefix, value->text);
}

/* {env: NAME} as people write it elsewhere: here it would be sent as it is. */
static bool is_environment(const struct yaml_node *map)
{
	const struct yaml_node *env = yaml_get(map, "env");
	const size_t n_known = (env != NULL) + (yaml_get(map, "default") != NULL);
	const char *name = env && env->kind == YAML_TEXT ? env->text : "";

	return map->n == n_known && *name &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(name);
}

/* Where a part of a body stands, for the names in it. */
struct part_place {
	bool is_custom;  /* it is what "custom" holds */
	bool is_contact; /* or a part of a contact that a new lead comes with */
};

static void check_names(struct route_build *b, const struct yaml_node *key,
                        const struct part_place *place)
{
	if (!b->route->op || !operation_field(b->route->op, "custom.cf_x"))
		return;
	if (place->is_custom)
		route_check_field_name(b, key, key->text, place->is_contact);
	else if (strncmp(key->text, "custom.", 7) == 0)
		route_check_field_name(b, key, key->text + 7, place->is_contact);
}

static struct part_place place_in(const struct route_build *b, const struct yaml_node *item,
                                  const char *name, struct part_place place)
{
	place.is_custom = b->route->op && item->kind == YAML_MAP && strcmp(name, "custom") == 0;
	place.is_contact |= b->route->op && strcmp(b->route->op->name, "lead.create") == 0 &&
	                    strcmp(name, "contacts") == 0;
	return place;
}

/* Every text as a template, at its own place; every key that names a custom field. */
static void check_part(struct route_build *b, const struct yaml_node *value,
                       struct part_place place)
{
	if (value->kind == YAML_MAP && is_environment(value)) {
		(void)template_source(b->l, value);
		return;
	}
	if (value->kind == YAML_TEXT) {
		if (value->is_faulty || yaml_is_null(value))
			return;
		template_free(route_template(b, value, value->text));
		return;
	}
	for (size_t i = 0; i < value->n; i++) {
		const struct yaml_node *item = value->items[i];
		const char *name = value->kind == YAML_MAP ? value->keys[i]->text : "";
		const size_t mark =
			value->kind == YAML_MAP ? path_enter(b->l, name) : path_enter_item(b->l, i);

		if (value->kind == YAML_MAP)
			check_names(b, value->keys[i], &place);
		if (b->route->op)
			check_literal_id(b, name, item);
		check_part(b, item, place_in(b, item, name, place));
		path_leave(b->l, mark);
	}
}

static bool is_known_key(const struct operation *op, const char *name)
{
	/* The nested form is flattened, so what counts is whether custom fields are taken. */
	return operation_field(op, strcmp(name, "custom") == 0 ? "custom.cf_x" : name) != NULL;
}

static const char *near_field(const struct operation *op, const char *name)
{
	const char *names[2] = {NULL, NULL};

	for (const struct operation_field *f = op->body_fields; f->name; f++) {
		names[0] = f->name;
		if (near_name(name, names))
			return f->name;
	}
	return NULL;
}

void route_check_known_key(struct route_build *b, const struct operation *op,
                           const struct yaml_node *key)
{
	const char *near;

	if (is_known_key(op, key->text))
		return;
	near = near_field(op, key->text);
	(b->route->unknown_keys == UNKNOWN_REJECT ? fail : warn)(
		b->l, key,
		"%s takes no key \"%.60s\", and Close would drop it without a word%s%s%s", op->name,
		key->text, near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* Splits "enum(a|b)|null" into its words, NULL-terminated; @ret_text holds them, to free(). */
static void split_choices(const char *type, char **ret_text, const char *words[max_choices + 1])
{
	char *rest = *ret_text = mem_dup(type, strcspn(type, ")"));
	size_t n = 0;

	rest += strlen("enum(");
	for (char *word; (word = strsep(&rest, "|"));) {
		assert(n < max_choices);
		words[n++] = word;
	}
	words[n] = NULL;
}

/* A word is held against what the field takes; a warning, since Close may learn new ones. */
static void check_choice(struct route_build *b, const struct operation *op, const char *name,
                         const struct yaml_node *value)
{
	const struct operation_field *field = operation_field(op, name);
	const char *words[max_choices + 1], *near;
	cleanup_(freep) char *text = NULL;
	struct buf list = BUF_INIT;
	bool is_one = false;

	if (!field || strncmp(field->type, "enum(", 5) != 0 || value->kind != YAML_TEXT ||
	    value->is_faulty || yaml_is_null(value) || strchr(value->text, '{'))
		return;
	split_choices(field->type, &text, words);
	for (size_t i = 0; words[i]; i++) {
		is_one |= strcmp(words[i], value->text) == 0;
		buf_addf(&list, "%s%s", i ? ", " : "", words[i]);
	}
	near = near_name(value->text, words);
	if (!is_one)
		warn(b->l, value, "Close would refuse \"%.60s\": %s of %s is one of %s%s%s%s",
		     value->text, name, op->name, buf_text(&list), near ? "; did you mean \"" : "",
		     near ? near : "", near ? "\"?" : "");
	buf_deinit(&list);
}

/* The members that the catalogue lists of @field are no array of texts: each is tried by itself. */
static const char *near_member(const struct operation_field *field, const char *name,
                               char room[static max_member])
{
	const char *names[2] = {room, NULL};
	const char *at = strchr(field->type, '{');

	while (at && *at++ != '}') {
		const size_t len = strcspn(at, "*,}");

		assert(len < max_member);
		memcpy(room, at, len);
		room[len] = '\0';
		if (near_name(name, names))
			return room;
		at += strcspn(at, ",}");
	}
	return NULL;
}

static void check_member(struct route_build *b, const struct operation *op,
                         const struct operation_field *field, const struct yaml_node *key)
{
	char room[max_member];
	const char *near;

	if (operation_has_member(field, key->text))
		return;
	near = near_member(field, key->text, room);
	(b->route->unknown_keys == UNKNOWN_REJECT ? fail : warn)(
		b->l, key,
		"%s of %s take no key \"%.60s\", and Close would drop it without a word%s%s%s",
		field->name, op->name, key->text, near ? ": did you mean \"" : "", near ? near : "",
		near ? "\"?" : "");
}

/* As deep as the objects are known: two levels. NOLINTBEGIN(misc-no-recursion) */
/* What stands in the objects that @value writes for a field of @op. */
static void check_members(struct route_build *b, const struct operation *op,
                          const struct operation_field *field, const struct yaml_node *value)
{
	const struct operation *of_items =
		operation_of_items(b->l->options->operations, op, field->name);

	for (size_t i = 0; i < value->n; i++) {
		const bool is_map = value->kind == YAML_MAP;
		const char *name = is_map ? value->keys[i]->text : "";
		const struct operation_field *inner =
			is_map && of_items ? operation_field(of_items, name) : NULL;
		size_t mark;

		if (is_map)
			check_member(b, op, field, value->keys[i]);
		mark = is_map ? path_enter(b->l, name) : path_enter_item(b->l, i);
		if (!is_map && value->items[i]->kind == YAML_MAP)
			check_members(b, op, field, value->items[i]);
		else if (inner && operation_lists_members(inner))
			check_members(b, of_items, inner, value->items[i]);
		path_leave(b->l, mark);
	}
}

/* NOLINTEND(misc-no-recursion) */

static void check_known_keys(struct route_build *b, const struct operation *op,
                             const struct yaml_node *body)
{
	for (size_t i = 0; i < body->n; i++) {
		const char *name = body->keys[i]->text;
		const struct operation_field *field;
		size_t mark;

		route_check_known_key(b, op, body->keys[i]);
		mark = path_enter(b->l, name);
		check_choice(b, op, name, body->items[i]);
		field = operation_field(op, name);
		if (field && operation_lists_members(field))
			check_members(b, op, field, body->items[i]);
		path_leave(b->l, mark);
	}
}

static bool is_given(const struct route_build *b, const struct yaml_node *body, const char *name)
{
	return yaml_get(body, name) || yaml_get(b->spec.on_create, name) ||
	       yaml_get(b->spec.link, name);
}

static void check_required_fields(struct route_build *b, const struct yaml_node *body)
{
	for (const char *const *name = b->route->op->required; *name; name++)
		if (!is_given(b, body, *name))
			fail(b->l, body, "%s needs the field %s", b->route->op->name, *name);
}

struct template_tree *route_recompile(struct route_build *b, const struct yaml_node *value)
{
	struct json_object *json = tree_json(value);
	struct template_tree *tree = NULL;
	struct err err = {0};

	if (template_tree_compile(json, route_is_origin, b, &tree, &err) < 0)
		fail(b->l, value, "%s", err.text);
	json_object_put(json);
	return tree;
}

struct template_tree *route_tree(struct route_build *b, const struct yaml_node *value)
{
	const size_t n_errors = b->l->pipeline->n_errors;

	check_part(b, value, (struct part_place){0});
	return b->l->pipeline->n_errors > n_errors ? NULL : route_recompile(b, value);
}

struct template_tree *route_overlay(struct route_build *b, const struct yaml_node *map,
                                    const struct operation *op)
{
	const size_t n_errors = b->l->pipeline->n_errors;

	check_known_keys(b, op, map);
	check_part(b, map, (struct part_place){0});
	return b->l->pipeline->n_errors > n_errors ? NULL : route_recompile(b, map);
}

/*
 * Close makes a lead for a contact or opportunity that names none. Of an upsert only the creates
 * do, so there each record is judged.
 */
static void check_orphan(struct route_build *b, const struct yaml_node *body)
{
	const struct operation *op = b->route->op;

	if (strcmp(op->name, "contact.create") != 0 && strcmp(op->name, "opportunity.create") != 0)
		return;
	if (!b->update_op && !(b->spec.allow & EFFECT_ORPHANS) && !is_given(b, body, "lead_id"))
		fail(b->l, body,
		     "names no lead, and Close would make a new one for each: give it a lead_id, link "
		     "one (link: {lead_id: {lead: {name: \"{company}\"}}}), or write allow: [orphans] "
		     "if that is meant");
}

static void compile_written(struct route_build *b, const struct yaml_node *body)
{
	const size_t n_errors = b->l->pipeline->n_errors;

	if (!b->route->has_body) {
		fail(b->l, body, "%s takes no body", b->route->name);
		return;
	}
	if (b->route->op && body->kind == YAML_LIST) {
		fail(b->l, body, "must be a map: Close takes one object a call");
		return;
	}
	check_part(b, body, (struct part_place){0});
	if (b->route->op && body->kind == YAML_MAP) {
		check_known_keys(b, b->route->op, body);
		check_required_fields(b, body);
		check_orphan(b, body);
	}
	if (b->l->pipeline->n_errors == n_errors)
		b->route->body = route_recompile(b, body);
}

static void consume(void *arg, const char *name)
{
	struct route *route = arg;

	for (size_t i = 0; i < route->n_consumed; i++)
		if (strcmp(route->consumed[i], name) == 0)
			return;
	route->consumed = mem_resize(route->consumed, route->n_consumed + 1, sizeof(char *));
	route->consumed[route->n_consumed++] = mem_strdup(name);
}

void route_compile_body(struct route_build *b)
{
	struct route *route = b->route;
	const struct yaml_node *body = b->spec.body;

	if (route->op)
		route->has_body = route->op->body_source != BODY_NONE;
	else
		route->has_body = route->method != METHOD_DELETE || body;
	if (route->url && (route->op || !template_is_literal(route->url)) &&
	    (!body || (route->has_body && body->kind == YAML_MAP)))
		route_check_selection(b, body);
	if (body) {
		const size_t mark = path_enter(b->l, "body");

		compile_written(b, body);
		path_leave(b->l, mark);
	} else if (route->url) {
		template_each_field(route->url, consume, route);
		/* It would move the contact to another lead, which nobody means by passing it on.
		 */
		if (route->op && strcmp(route->op->name, "contact.update") == 0)
			consume(route, "lead_id");
	}
}
