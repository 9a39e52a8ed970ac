/* query, headers and identity of a route: names with a template each. */

#include "connector/pipeline/http_header.h"
#include "connector/pipeline/routes.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

static void add_named(struct named_template **items, size_t *n, const char *name,
                      struct template *value)
{
	*items = mem_resize(*items, *n + 1, sizeof(**items));
	(*items)[(*n)++] = (struct named_template){mem_strdup(name), value};
}

static void compile_query(struct route_build *b, const struct yaml_node *query)
{
	for (size_t i = 0; i < query->n; i++) {
		const size_t mark = path_enter(b->l, query->keys[i]->text);
		const char *text = template_source(b->l, query->items[i]);
		struct template *t = text ? route_template(b, query->items[i], text) : NULL;

		if (t)
			add_named(&b->route->query, &b->route->n_query, query->keys[i]->text, t);
		path_leave(b->l, mark);
	}
}

static bool check_header_name(struct route_build *b, const struct yaml_node *at, const char *name)
{
	if (!header_is_name(name)) {
		fail(b->l, at, "\"%.40s\" is not the name of a header", name);
		return false;
	}
	if (header_is_ours(name) || strcasecmp(name, "Authorization") == 0 ||
	    strcasecmp(name, "Cookie") == 0 || strcasecmp(name, "x-http-method-override") == 0) {
		fail(b->l, at, "the header %.40s must not be set here: take it out", name);
		return false;
	}
	for (size_t i = 0; i < b->route->n_headers; i++) {
		if (strcasecmp(b->route->headers[i].name, name) != 0)
			continue;
		fail(b->l, at, "the header %.40s stands twice", name);
		return false;
	}
	return true;
}

static void add_header(struct route_build *b, const struct yaml_node *name_at, const char *name,
                       const struct yaml_node *value_at, const char *value)
{
	struct template *t;

	if (!check_header_name(b, name_at, name))
		return;
	if (!header_is_value(value)) {
		fail(b->l, value_at,
		     "the value of %.40s has a character that cannot stand in a header (control or "
		     "not ASCII)",
		     name);
		return;
	}
	t = route_template(b, value_at, value);
	if (t)
		add_named(&b->route->headers, &b->route->n_headers, name, t);
}

static const char *skip_spaces(const char *text)
{
	return text + strspn(text, " ");
}

/* Where "name:" begins a pair, the length of the name; else 0. */
static size_t pair_name(const char *text)
{
	const size_t len = strcspn(text, ":,{} ");

	return text[len] == ':' ? len : 0;
}

/* Where the value at @text ends: at a comma behind which a pair begins, outside of placeholders. */
static const char *value_end(const char *text)
{
	for (; *text; text++) {
		const char *close = *text == '{' ? template_place_end(text) : NULL;

		if (*text == ',' && pair_name(skip_spaces(text + 1)))
			break;
		text = close ? close : text;
	}
	return text;
}

/* Nexla's form: "a:1,b:2", where a comma begins a new pair only if "name:" follows. */
static void compile_header_text(struct route_build *b, const struct yaml_node *at)
{
	const char *c = skip_spaces(at->text);

	while (*c) {
		const size_t name_len = pair_name(c);
		cleanup_(freep) char *name = NULL, *value = NULL;
		const char *end;
		size_t len;

		if (name_len == 0) {
			fail(b->l, at, "must be a map, or pairs such as \"a:1,b:2\"");
			return;
		}
		name = mem_dup(c, name_len);
		c = skip_spaces(c + name_len + 1);
		end = value_end(c);
		for (len = (size_t)(end - c); len && c[len - 1] == ' '; len--)
			;
		value = mem_dup(c, len);
		add_header(b, at, name, at, value);
		c = *end ? skip_spaces(end + 1) : end;
	}
}

static void compile_headers(struct route_build *b, const struct yaml_node *headers)
{
	if (headers->kind == YAML_TEXT) {
		compile_header_text(b, headers);
		return;
	}
	for (size_t i = 0; i < headers->n; i++) {
		const size_t mark = path_enter(b->l, headers->keys[i]->text);
		const char *text = template_source(b->l, headers->items[i]);

		if (text)
			add_header(b, headers->keys[i], headers->keys[i]->text, headers->items[i],
			           text);
		path_leave(b->l, mark);
	}
}

bool route_can_have_identity(const struct operation *op)
{
	return op->method == METHOD_POST && operation_field(op, "custom.cf_x");
}

static void compile_identity(struct route_build *b, const struct yaml_node *identity)
{
	struct route *route = b->route;
	const struct yaml_node *at;
	const char *field, *text;

	if (identity->kind == YAML_MAP && identity->n != 1) {
		fail(b->l, identity, "must have one field, such as {custom.cf_abc: \"{id}\"}");
		return;
	}
	at = identity->kind == YAML_MAP ? identity->keys[0] : identity;
	field = at->text;
	if (strncmp(field, "custom.", 7) != 0 || !field[7]) {
		fail(b->l, at, "must be a custom field: custom.cf_…");
		return;
	}
	if (route->op && !route_can_have_identity(route->op)) {
		fail(b->l, identity, "%s creates nothing that has custom fields", route->op->name);
		return;
	}
	route_check_field_name(b, at, field + 7, false);
	if (identity->kind == YAML_TEXT) {
		route->identity_field = mem_strdup(field);
		return;
	}
	text = template_source(b->l, identity->items[0]);
	route->identity_value = text ? route_template(b, identity->items[0], text) : NULL;
	if (!route->identity_value)
		return;
	if (template_is_literal(route->identity_value))
		fail(b->l, identity->items[0],
		     "must differ for every record: use a placeholder such as \"{id}\"");
	route->identity_field = mem_strdup(field);
}

static void compile_part(struct route_build *b, const char *key, const struct yaml_node *value,
                         void (*compile)(struct route_build *b, const struct yaml_node *value))
{
	const size_t mark = path_enter(b->l, key);

	if (value)
		compile(b, value);
	path_leave(b->l, mark);
}

void route_compile_call(struct route_build *b)
{
	compile_part(b, "query", b->spec.query, compile_query);
	compile_part(b, "headers", b->spec.headers, compile_headers);
}

void route_compile_maps(struct route_build *b)
{
	route_compile_call(b);
	compile_part(b, "identity", b->spec.identity, compile_identity);
}
