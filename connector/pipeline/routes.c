/* routes: each one compiled against the catalogue into plain data. */

#include "connector/pipeline/routes.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/near.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const origins[] = {"key",  "topic", "partition", "offset", "timestamp",
                                      "file", "line",  "now",       "sha256", NULL};
static const char *const kafka_origins[] = {"key",    "topic",     "partition",
                                            "offset", "timestamp", NULL};
static const char *const ndjson_origins[] = {"file", "line", NULL};

static bool is_var_name(const char *name)
{
	return *name && (*name < '0' || *name > '9') &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
	               strlen(name);
}

static bool read_var(struct loader *l, const struct yaml_node *value, struct json_object **ret_json)
{
	char *text = NULL;

	if (value->is_faulty)
		return false;
	if (value->kind == YAML_TEXT && !yaml_is_null(value)) {
		*ret_json = tree_json(value);
		return true;
	}
	if (!is_reference(value)) {
		fail_kind(l, value, "text, a number, true, false or {env: NAME}");
		return false;
	}
	if (yaml_get(value, "file") || yaml_get(value, "credential")) {
		fail(l, value,
		     "a file or credential may hold a secret, which vars would send: only "
		     "{env: NAME} may stand here");
		return false;
	}
	if (resolve_setting(l, value, &text) <= 0)
		return false;
	*ret_json = json_string(text);
	free(text);
	return true;
}

void read_vars(struct loader *l, const struct key *key, const struct yaml_node *value, void *target)
{
	struct pipeline *p = target;

	if (value->kind != YAML_MAP) {
		fail_kind(l, value, key->takes);
		return;
	}
	if (fail_unquoted(l, value))
		return;
	p->routes.vars = json_object_new_object();
	for (size_t i = 0; i < value->n; i++) {
		const char *name = value->keys[i]->text;
		const size_t mark = path_enter(l, name);
		struct json_object *json = NULL;

		if (!is_var_name(name))
			fail(l, value->keys[i], "must be a name of letters, digits and _");
		/* One that could not be had is there as null: it was told, and is no unknown name.
		 */
		(void)read_var(l, value->items[i], &json);
		json_object_object_add(p->routes.vars, name, json);
		path_leave(l, mark);
	}
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static bool is_var(struct route_build *b, const char *name, const char **ret_near)
{
	struct json_object *vars = b->l->pipeline->routes.vars;
	const char *names[2] = {NULL, NULL};

	if (!vars)
		return false;
	if (json_object_object_get_ex(vars, name, NULL))
		return true;
	json_object_object_foreach(vars, known, value)
	{
		(void)value;
		names[0] = known;
		if (near_name(name, names)) {
			(void)snprintf(b->near, sizeof(b->near), "var.%s", known);
			*ret_near = b->near;
			break;
		}
	}
	return false;
}

bool route_is_origin(void *arg, const char *name, const char **ret_near)
{
	struct route_build *b = arg;
	const bool is_within = (strncmp(name, "headers.", 8) == 0 && name[8]) ||
	                       (strncmp(name, "key.", 4) == 0 && name[4]);

	*ret_near = NULL;
	if (strncmp(name, "var.", 4) == 0)
		return is_var(b, name + 4, ret_near);
	if (!b->l->is_kafka && (is_within || is_one_of(name, kafka_origins))) {
		b->missing_source = "source.kafka";
		return false;
	}
	if (b->l->is_kafka && is_one_of(name, ndjson_origins)) {
		b->missing_source = "source.ndjson";
		return false;
	}
	if (is_within || is_one_of(name, origins))
		return true;
	*ret_near = near_name(name, origins);
	return false;
}

struct template *route_template(struct route_build *b, const struct yaml_node *at, const char *text)
{
	struct template *t = NULL;
	struct err err = {0};

	b->missing_source = NULL;
	if (template_compile(text, route_is_origin, b, &t, &err) == 0)
		return t;
	if (b->missing_source)
		fail(b->l, at, "%.80s: only %s has it", text, b->missing_source);
	else
		fail(b->l, at, "%s", err.text);
	return NULL;
}

const struct yaml_node *route_place(const struct route_build *b, const char *key)
{
	const struct yaml_node *value = yaml_get(b->map, key);

	return value ? value : b->map;
}

void check_paths(struct loader *l, const struct yaml_node *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct yaml_node *item = list->items[i];
		struct exclude *e = NULL;
		struct err err = {0};

		if (item->is_faulty)
			continue;
		if (item->kind != YAML_TEXT || yaml_is_null(item))
			fail_kind(l, item, "a path such as meta.ip");
		else if (exclude_compile(item->text, &e, &err) < 0)
			fail(l, item, "%s", err.text);
		exclude_free(e);
	}
}

/* What is wrong in them was told by check_paths(). */
static void add_excludes(struct route *route, const struct yaml_node *list, size_t *cap)
{
	for (size_t i = 0; list && i < list->n; i++) {
		struct exclude *e = NULL;

		if (list->items[i]->kind != YAML_TEXT ||
		    exclude_compile(list->items[i]->text, &e, NULL) < 0)
			continue;
		route->exclude =
			mem_grow(route->exclude, route->n_exclude, cap, sizeof(struct exclude *));
		route->exclude[route->n_exclude++] = e;
	}
}

void route_compile_excludes(struct loader *l, const struct route_spec *spec, struct route *route)
{
	size_t cap = 0;

	add_excludes(route, l->exclude, &cap);
	add_excludes(route, spec->exclude, &cap);
}

/*
 * What @key of the route puts into the body as @field would be in a request all the same. A pattern
 * means what the record has.
 */
static void check_excluded(struct route_build *b, const char *key, const char *field)
{
	const struct route *route = b->route;
	const size_t mark = path_enter(b->l, key);

	for (size_t i = 0; i < route->n_exclude; i++)
		if (strcmp(exclude_text(route->exclude[i]), field) == 0) {
			fail(b->l, route_place(b, key),
			     "puts %.100s into the body, and exclude (\"%.100s\") takes it out of every "
			     "body: keep one of them",
			     field, exclude_text(route->exclude[i]));
			break;
		}
	path_leave(b->l, mark);
}

static void check_excludes(struct route_build *b)
{
	const struct route *route = b->route;

	if (route->identity_field)
		check_excluded(b, "identity", route->identity_field);
	for (size_t i = 0; i < route->n_links; i++)
		if (!route->links[i].is_in_url)
			check_excluded(b, "link", route->links[i].field);
	/* A create carries the custom fields it was looked for by. */
	for (size_t i = 0; route->update && i < route->match.n_keys; i++)
		for (size_t k = 0; k < route->match.keys[i].n; k++)
			if (route->on_none == NONE_CREATE &&
			    strncmp(route->match.keys[i].fields[k].name, "custom.", 7) == 0)
				check_excluded(b, "match", route->match.keys[i].fields[k].name);
}

static void compile_format(struct route_build *b)
{
	const size_t mark = path_enter(b->l, "content_format");
	struct route *route = b->route;

	route->format = (enum content_format)b->spec.format;
	if (route->op && route->format != CONTENT_JSON)
		fail(b->l, route_place(b, "content_format"),
		     "%s is an operation of Close, which takes JSON: leave this out, or send to a path "
		     "of another host behind base_url",
		     route->name);
	path_leave(b->l, mark);
}

static void compile_route(struct loader *l, const struct yaml_node *map, struct route *route)
{
	struct route_build b = {.l = l, .map = map, .route = route};

	section_defaults(&route_section, &b.spec);
	section_read(l, &route_section, map, &b.spec);
	route->line = map->line;
	route->column = map->column;
	route->nulls = (enum on_null)b.spec.nulls;
	route->blanks = (enum on_null)b.spec.blanks;
	route->unknown_keys = (enum unknown_keys)b.spec.unknown_keys;
	route->when = b.spec.when;
	route->transform = b.spec.transform;
	route->goes_on = b.spec.goes_on;
	route->allow = b.spec.allow;
	route_compile_excludes(l, &b.spec, route);
	if (b.spec.name)
		route->name = mem_strdup(b.spec.name);
	if (route_compile_target(&b))
		route_compile_body(&b);
	compile_format(&b);
	route_compile_maps(&b);
	route_compile_match(&b);
	route_compile_links(&b);
	route_compile_changes(&b);
	route_note_kinds(&b);
	route_compile_batch(&b);
	check_excludes(&b);
	free(b.spec.batch.key);
	free(b.spec.batch.into);
	free(b.spec.name);
	free(b.spec.operation);
	free(b.spec.url);
}

/* Without `when` and `continue`, a route leaves nothing to those behind it. */
static void warn_unreached(struct loader *l)
{
	const struct yaml_node *taker = NULL;

	for (size_t i = 0; i < l->routes->n; i++) {
		const struct yaml_node *route = l->routes->items[i];
		const size_t mark = path_enter_item(l, i);

		if (taker)
			warn(l, route, "never reached: the route in line %u takes every record",
			     taker->line);
		else if (!yaml_get(route, "when") && !l->pipeline->routes.items[i].goes_on)
			taker = route;
		if (i + 1 == l->routes->n && l->pipeline->routes.items[i].goes_on)
			warn(l, yaml_get(route, "continue"),
			     "nothing comes after this route: take continue out, or put the route "
			     "before others");
		path_leave(l, mark);
	}
}

static void compile_key(struct loader *l)
{
	const struct yaml_node *key = l->source_key;
	struct route_set *set = &l->pipeline->routes;
	struct route_build b = {.l = l};
	size_t mark;

	if (!key || key->kind != YAML_TEXT || key->is_faulty || yaml_is_null(key))
		return;
	mark = path_enter(l, "source.key");
	set->key = route_template(&b, key, key->text);
	if (set->key && template_is_literal(set->key))
		fail(l, key, "must differ for every record: use a placeholder such as \"{id}\"");
	path_leave(l, mark);
}

void routes_compile(struct loader *l)
{
	struct route_set *set = &l->pipeline->routes;
	size_t mark;

	set->operations = l->options->operations;
	set->names = l->options->names;
	compile_key(l);
	if (!l->routes)
		return;
	mark = path_enter(l, "routes");
	set->items = mem_array(l->routes->n, sizeof(*set->items));
	for (size_t i = 0; i < l->routes->n; i++) {
		const struct yaml_node *map = l->routes->items[i];
		const size_t inner = path_enter_item(l, i);

		set->items[i].index = i;
		set->n = i + 1;
		if (map->kind != YAML_MAP)
			fail_kind(l, map, "a map with an operation, or a method and a url");
		else
			compile_route(l, map, &set->items[i]);
		path_leave(l, inner);
	}
	warn_unreached(l);
	routes_settle_names(l);
	path_leave(l, mark);
}
