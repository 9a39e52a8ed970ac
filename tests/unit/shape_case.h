#pragma once

/* What the tests of connector/shape share: a route written down in a line or two, and its outputs.
 */

#include "connector/close/catalogue.h"
#include "connector/shape/shape.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "tests/unit/check.h"

#include <json-c/linkhash.h>
#include <string.h>

/* One route as a test writes it down; what it does not name has its default. */
struct spec {
	const char *operation; /* or method and url */
	enum http_method method;
	const char *url; /* default: the operation's path */
	bool is_patch;
	const char *body;                      /* NULL: the default body */
	const char *exclude[4];                /* ends with NULL */
	const char *query, *header, *identity; /* "name=template" */
	const char *keep_slash;
	enum on_null nulls, blanks;
	enum unknown_keys unknown_keys;
	unsigned allow;
	const struct names *names; /* what is known by name */
	/* Lookups as JSON: {"email": "{mail}"} or a list of such. */
	const char *match;
	enum on_none on_none;
	const char *links[4]; /* "field kind {"email": …}", "=" before it: in the url; NULL ends */
	const char *fallback;                  /* of the first link */
	const struct spec *update;             /* an upsert: the other form */
	const char *over, *omit, *create_only; /* of this form; lists are one name */
	const char *own_identity, *seed;       /* a field that gets a key of closefeed's own */
	const char *by, *child;                /* of a batch */
};

static const char vars[] = "{\"region\":\"EU\",\"n\":1.50}";

static inline struct json_object *parse(const char *text)
{
	struct json_object *value = NULL;
	struct err err = {""};

	if (json_parse(text, strlen(text), 0, &value, NULL, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return value;
}

static inline bool any_origin(void *arg, const char *name, const char **ret_near)
{
	(void)arg;
	(void)name;
	(void)ret_near;
	return true;
}

static inline struct template *compile(const char *text)
{
	struct template *t = NULL;
	struct err err = {""};

	if (template_compile(text, any_origin, NULL, &t, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

static inline struct named_template *named(const char *text, size_t *ret_n)
{
	struct named_template *row;
	const char *equals;

	if (!text)
		return NULL;
	equals = strchr(text, '=');
	row = mem_alloc(sizeof(*row));
	row->name = mem_dup(text, (size_t)(equals - text));
	row->value = compile(equals + 1);
	*ret_n = 1;
	return row;
}

static inline void consume(void *arg, const char *name)
{
	struct route *route = arg;

	route->consumed = mem_resize(route->consumed, route->n_consumed + 1, sizeof(char *));
	route->consumed[route->n_consumed++] = mem_strdup(name);
}

static inline void make_body(struct route *route, const struct spec *spec)
{
	struct json_object *body;

	route->has_body = !route->op || route->op->body_source != BODY_NONE;
	if (!spec->body) {
		template_each_field(route->url, consume, route);
		return;
	}
	body = parse(spec->body);
	check_eq(template_tree_compile(body, any_origin, NULL, &route->body, NULL), 0);
	json_object_put(body);
}

static inline void make_key(struct lookup_rule *rule, struct json_object *map)
{
	struct lookup_key_rule *key;

	rule->keys = mem_resize(rule->keys, rule->n_keys + 1, sizeof(*rule->keys));
	key = &rule->keys[rule->n_keys++];
	*key = (struct lookup_key_rule){0};
	json_object_object_foreach(map, name, value)
	{
		key->fields = mem_resize(key->fields, key->n + 1, sizeof(*key->fields));
		key->fields[key->n++] = (struct lookup_field_rule){
			.name = mem_strdup(name), .value = compile(json_object_get_string(value))};
	}
}

static inline void make_rule(struct lookup_rule *rule, const char *kind, const char *text)
{
	struct json_object *maps = parse(text);

	*rule = (struct lookup_rule){.kind = mem_strdup(kind)};
	if (json_object_is_type(maps, json_type_object))
		make_key(rule, maps);
	else
		for (size_t i = 0; i < json_object_array_length(maps); i++)
			make_key(rule, json_object_array_get_idx(maps, i));
	json_object_put(maps);
}

static inline void make_links(struct route *route, const struct spec *spec)
{
	for (size_t i = 0; i < 4 && spec->links[i]; i++) {
		const char *text = spec->links[i] + (spec->links[i][0] == '=');
		const size_t field = strcspn(text, ":"), kind = strcspn(text + field + 1, " ");
		char *name = mem_dup(text + field + 1, kind);
		struct link_rule *link;

		route->links = mem_resize(route->links, i + 1, sizeof(*route->links));
		link = &route->links[route->n_links++];
		*link = (struct link_rule){.field = mem_dup(text, field),
		                           .is_in_url = spec->links[i][0] == '=',
		                           .on_none = NONE_REJECT};
		link->takes_lead = strcmp(link->field, "lead_id") == 0 && strcmp(name, "lead") != 0;
		make_rule(&link->rule, name, text + field + 1 + kind);
		free(name);
	}
	if (spec->fallback)
		route->links[0].fallback = compile(spec->fallback);
}

static inline struct template_tree *make_tree(const char *text)
{
	struct template_tree *tree = NULL;
	struct json_object *value = parse(text);

	check_eq(template_tree_compile(value, any_origin, NULL, &tree, NULL), 0);
	json_object_put(value);
	return tree;
}

static inline char **one(const char *text)
{
	char **list = NULL;

	if (text)
		strlist_add(&list, mem_strdup(text));
	return list;
}

static inline void gathering_batch(struct route *route, const struct spec *spec)
{
	route->batch = mem_alloc(sizeof(*route->batch));
	route->batch->algorithm = spec->child ? BATCH_NEST : BATCH_MERGE;
	route->batch->by = compile(spec->by);
	if (spec->child)
		route->batch->child = make_tree(spec->child);
	route->batch->into = mem_strdup("contacts");
}

/* What is looked up, and what an upsert lays over. */
static inline void make_lookups(struct route *route, const struct spec *spec)
{
	if (spec->match)
		make_rule(&route->match, route->op->object, spec->match);
	route->on_none = spec->on_none;
	make_links(route, spec);
	if (spec->over)
		route->over = make_tree(spec->over);
	route->omit = one(spec->omit);
	route->create_only = one(spec->create_only);
	if (spec->by)
		gathering_batch(route, spec);
	if (spec->own_identity)
		route->identity_field = mem_strdup(spec->own_identity);
}

/* What the loader makes of such a route. */
static inline struct route *route_of_spec(const struct route_set *set, const struct spec *spec)
{
	struct route *route = mem_alloc(sizeof(*route));
	struct named_template *identity;
	size_t n = 0;

	route->op = spec->operation ? operation_find(set->operations, spec->operation) : NULL;
	check(route->op || !spec->operation);
	route->method = route->op ? route->op->method : spec->method;
	route->name = mem_strdup(spec->operation ? spec->operation : "free");
	route->url = compile(spec->url ? spec->url : route->op->path);
	route->is_patch = spec->is_patch;
	route->keep_slash = mem_strdup(spec->keep_slash);
	route->query = named(spec->query, &route->n_query);
	route->headers = named(spec->header, &route->n_headers);
	route->nulls = spec->nulls;
	route->blanks = spec->blanks;
	route->unknown_keys = spec->unknown_keys;
	route->allow = spec->allow;
	make_body(route, spec);
	for (; route->n_exclude < 4 && spec->exclude[route->n_exclude]; route->n_exclude++) {
		route->exclude = mem_resize(route->exclude, route->n_exclude + 1, sizeof(void *));
		check_eq(exclude_compile(spec->exclude[route->n_exclude],
		                         &route->exclude[route->n_exclude], NULL),
		         0);
	}
	identity = named(spec->identity, &n);
	if (identity) {
		route->identity_field = identity->name;
		route->identity_value = identity->value;
		free(identity);
	}
	make_lookups(route, spec);
	return route;
}

static inline void make_routes(struct route_set *set, const struct spec *spec)
{
	*set = (struct route_set){.n = 1,
	                          .vars = parse(vars),
	                          .operations = crm_catalogue(),
	                          .identity_seed = spec->seed,
	                          .partition_seed = spec->seed ? "cluster" : NULL,
	                          .names = spec->names};
	set->items = route_of_spec(set, spec);
	if (spec->update)
		set->items->update = route_of_spec(set, spec->update);
}

static inline struct record *make_record(const char *text)
{
	struct record *record = record_new();

	record->source_name = mem_strdup("signups.ndjson");
	record->line = 12;
	record->pos = 3301;
	record->raw = mem_strdup(text);
	record->len = strlen(text);
	record->read_wall_ms = 1773064800000;
	record->value = parse(text);
	return record;
}

struct fixture {
	struct route_set routes;
	struct record *record;
	struct shape_result result;
};

static inline struct shape_output *shape(struct fixture *f, const struct spec *spec,
                                         const char *record)
{
	char *before, *after;

	make_routes(&f->routes, spec);
	f->record = make_record(record);
	before = json_text(f->record->value);
	shape_record(&f->routes, f->record, &f->result);
	/* Whatever is shaped, the record stays as it was read. */
	after = json_text(f->record->value);
	check_text(after, before);
	free(before);
	free(after);
	/* The engine lets go of the record's value while its draft lives. */
	json_object_put(f->record->value);
	f->record->value = NULL;
	check_eq(f->result.n, 1);
	check(f->result.items[0].route == &f->routes.items[0]);
	return &f->result.items[0];
}

static inline void done(struct fixture *f)
{
	shape_result_deinit(&f->result);
	record_unref(f->record);
	route_set_deinit(&f->routes);
}

/* @expected: the body, or "!class field" for a rejection. */
static inline void check_body(const struct spec *spec, const char *record, const char *expected)
{
	struct fixture f;
	struct shape_output *output = shape(&f, spec, record);
	char *text;

	if (output->draft)
		text = output->draft->body ? json_text(output->draft->body) : strdup("-");
	else
		text = mem_printf("!%s %s", reject_class_name(output->rejection.class),
		                  output->rejection.field ? output->rejection.field : "-");
	check_text(text, expected);
	check(output->draft || strlen(output->rejection.message) > 20);
	free(text);
	done(&f);
}

static inline void check_url(const struct spec *spec, const char *record, const char *expected)
{
	struct fixture f;
	struct shape_output *output = shape(&f, spec, record);

	if (expected[0] == '!') {
		check_null(output->draft);
		check_eq(output->rejection.class, REJECT_TEMPLATE);
		if (!strstr(output->rejection.message, expected + 1))
			fail_msg("%s", output->rejection.message);
	} else {
		check(output->draft);
		check_text(output->draft->url, expected);
	}
	done(&f);
}
