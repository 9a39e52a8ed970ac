/*
 * What the catalogue adds to the schema: an editor that knows the operation completes its body and
 * parameters, and tells what it misses. Values of fields are not judged: any may be a template.
 */

#include "connector/model/effects.h"
#include "connector/pipeline/routes.h"
#include "connector/pipeline/schema_parts.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

/* The catalogue's operations and the upserts made of them, as the rules of a route see them. */
struct choice {
	const char *name;
	const struct operation *op;     /* of an upsert, the create */
	const struct operation *update; /* of an upsert, else NULL */
};

/* All there are, in the order of their names but for the upserts at the end; *ret_n of them. */
static struct choice *all_choices(const struct operation_set *operations, size_t *ret_n)
{
	struct choice *all = NULL;
	size_t n = 0, cap = 0;

	for (size_t i = 0; i < operations->n; i++) {
		const struct operation *op = &operations->items[i];

		all = mem_grow(all, n, &cap, sizeof(*all));
		all[n++] = (struct choice){op->name, op, NULL};
	}
	for (const char *const *name = route_upserts; *name; name++) {
		all = mem_grow(all, n, &cap, sizeof(*all));
		all[n] = (struct choice){.name = *name};
		(void)route_upsert(operations, *name, &all[n].op, &all[n].update);
		n++;
	}
	*ret_n = n;
	return all;
}

struct json_object *schema_operation_names(const struct operation_set *operations)
{
	struct json_object *schema = json_object_new_object();
	struct json_object *names = json_object_new_array(), *summaries = json_object_new_array();
	size_t n;
	struct choice *all = all_choices(operations, &n);

	for (size_t i = 0; i < n; i++) {
		json_object_array_add(names, json_string(all[i].name));
		json_object_array_add(summaries, json_string(all[i].update ? route_upsert_summary
		                                                           : all[i].op->summary));
	}
	free(all);
	schema_add(schema, "enum", names);
	schema_add(schema, "enumDescriptions", summaries);
	return schema;
}

/* "enum(a|b)|null" → ["a", "b"]; NULL where there is nothing to choose from. */
static struct json_object *choices_of(const char *type)
{
	struct json_object *list;
	char *inside, *rest;

	if (strncmp(type, "enum(", 5) != 0)
		return NULL;
	list = json_object_new_array();
	inside = rest = mem_dup(type + 5, strcspn(type + 5, ")"));
	for (char *choice; (choice = strsep(&rest, "|"));)
		json_object_array_add(list, json_string(choice));
	free(inside);
	return list;
}

static struct json_object *field_schema(const struct operation *op,
                                        const struct operation_field *field)
{
	struct json_object *schema = schema_one("description", json_string(field->type));
	struct json_object *examples = choices_of(field->type);
	const char *prefix = route_id_prefix(field->name);

	/* Where names stand for ids any text may stand. */
	if (prefix && !name_kind_of_field(op, field->name)) {
		char *pattern = mem_printf("^%s|\\{", prefix);

		schema_add(schema, "pattern", json_string(pattern));
		free(pattern);
	}
	if (examples)
		schema_add(schema, "examples", examples);
	return schema;
}

static struct json_object *body_schema(const struct operation *op)
{
	struct json_object *schema = json_object_new_object();
	struct json_object *fields = json_object_new_object();

	schema_add(schema, "description", json_string(op->summary));
	schema_add(schema, "type", schema_constant("[\"object\",\"string\"]"));
	for (const struct operation_field *field = op->body_fields; field->name; field++)
		if (strcmp(field->name, "custom.cf_*") != 0)
			schema_add(fields, field->name, field_schema(op, field));
	if (name_kind_of_object(op)) {
		schema_add(fields, "custom",
		           schema_constant("{\"description\":\"custom fields by name or id\"}"));
		schema_add(schema, "patternProperties",
		           schema_constant("{\"^custom\\\\.\":{\"description\":"
		                           "\"a custom field by name or id\"}}"));
	} else if (operation_field(op, "custom.cf_x")) {
		schema_add(fields, "custom",
		           schema_constant("{\"description\":\"custom fields by their id\","
		                           "\"propertyNames\":{\"pattern\":\"^l?cf_\"}}"));
		schema_add(schema, "patternProperties",
		           schema_constant(
				   "{\"^custom\\\\.l?cf_\":{\"description\":\"a custom field\"},"
				   "\"^custom\\\\.(?!l?cf_)\":false}"));
	}
	schema_add(schema, "properties", fields);
	return schema;
}

struct json_object *schema_bodies(const struct operation_set *operations)
{
	struct json_object *bodies = json_object_new_object();

	for (const struct operation *op = operations->items; op < operations->items + operations->n;
	     op++)
		if (op->body_source != BODY_NONE)
			schema_add(bodies, op->name, body_schema(op));
	return bodies;
}

static struct json_object *params_schema(const struct operation *op)
{
	struct json_object *schema = json_object_new_object();
	struct json_object *params = json_object_new_object();

	for (const char *const *name = op->path_params; *name; name++)
		schema_add(params, *name,
		           schema_constant("{\"not\":{\"enum\":[\"\",\".\",\"..\"]}}"));
	schema_add(schema, "properties", params);
	schema_add(schema, "additionalProperties", json_object_new_boolean(false));
	return schema;
}

static struct json_object *body_rule(const struct operation *op, bool is_closed)
{
	char *place = mem_printf("#/$defs/bodies/%s", op->name);
	struct json_object *body = schema_one("$ref", json_string(place));

	free(place);
	if (is_closed)
		schema_add(body, "unevaluatedProperties", json_object_new_boolean(false));
	return body;
}

/* Field @name stands in the map behind @key, or what stands there is none. */
static struct json_object *has_field(const char *key, const char *name, bool is_needed)
{
	const char *const names[] = {name, NULL}, *const keys[] = {key, NULL};
	struct json_object *map = schema_one("required", schema_texts(names));
	struct json_object *rule = schema_one("properties", schema_one(key, map));

	if (is_needed)
		schema_add(rule, "required", schema_texts(keys));
	return rule;
}

/* What Close requires comes from the body, a link or on_create. */
static void add_required(struct json_object *rules, const struct operation *op)
{
	for (const char *const *name = op->required; *name; name++) {
		struct json_object *either = json_object_new_array();

		json_object_array_add(either, has_field("body", *name, false));
		json_object_array_add(either, has_field("link", *name, true));
		json_object_array_add(either, has_field("on_create", *name, true));
		json_object_array_add(rules, schema_one("anyOf", either));
	}
}

/* What of a choice changes an object that is there; NULL: nothing. */
static const struct operation *change_of(const struct choice *c)
{
	if (c->update)
		return c->update;
	return c->op->method == METHOD_PUT && c->op->body_source != BODY_NONE ? c->op : NULL;
}

static bool changes(const struct choice *c)
{
	return change_of(c) != NULL;
}

static bool is_upsert(const struct choice *c)
{
	return c->update != NULL;
}

static bool takes_match(const struct choice *c)
{
	const struct lookup_kind *kind = lookup_kind_of_object(c->op->object);

	return kind && kind->is_searched &&
	       (c->update || (c->op->method != METHOD_POST && c->op->path_params[0]));
}

static bool nests(const struct choice *c)
{
	return strcmp(c->op->name, "lead.create") == 0;
}

static bool takes_lists(const struct choice *c)
{
	const struct operation *op = change_of(c);

	for (const struct operation_field *f = op ? op->body_fields : NULL; f && f->name; f++)
		if (route_is_addable(f->name))
			return true;
	return false;
}

static struct json_object *lists_schema(const struct operation *update)
{
	struct json_object *names = json_object_new_array();

	for (const struct operation_field *f = update->body_fields; f->name; f++)
		if (route_is_addable(f->name))
			json_object_array_add(names, json_string(f->name));
	return schema_one("propertyNames", schema_one("enum", names));
}

/* Keys of a route that are about one of an upsert's calls. */
static void add_overlays(struct json_object *properties, const struct choice *c, bool is_closed)
{
	struct json_object *on_update = body_rule(c->op, is_closed);
	struct json_object *create_only = json_object_new_object();

	for (const struct operation_field *f = c->op->body_fields; f->name; f++)
		if (route_is_create_only(f->name, c->update))
			schema_add(create_only, f->name, json_object_new_boolean(false));
	schema_add(on_update, "properties", create_only);
	schema_add(properties, "on_create", body_rule(c->op, is_closed));
	schema_add(properties, "on_update", on_update);
}

static struct json_object *child_schema(void)
{
	return schema_constant("{\"properties\":{\"child\":{\"$ref\":"
	                       "\"#/$defs/bodies/contact.create\",\"properties\":{\"lead_id\":"
	                       "false}}}}");
}

static struct json_object *closed_rule(const struct choice *c)
{
	struct json_object *properties = schema_one("body", body_rule(c->op, true));

	if (c->update)
		add_overlays(properties, c, true);
	return schema_when("unknown_keys", "reject", schema_one("properties", properties));
}

/* What every call of the operation does has its word in allow. */
static void add_allow(struct json_object *then, struct json_object *properties,
                      const struct operation *op)
{
	static const char *const allow[] = {"allow", NULL};
	const unsigned always = effects_always(op, op->method, op->path);
	struct json_object *rules;

	if (!always)
		return;
	rules = json_object_new_array();
	for (unsigned bit = 1; bit <= always; bit <<= 1)
		if (always & bit)
			json_object_array_add(
				rules,
				schema_one("contains",
			                   schema_one("const", json_string(effect_name(bit)))));
	schema_add(properties, "allow", schema_one("allOf", rules));
	schema_add(then, "required", schema_texts(allow));
}

static struct json_object *choice_rule(const struct choice *c)
{
	static const char *const match[] = {"match", NULL};
	struct json_object *then = json_object_new_object(), *rules = json_object_new_array();
	const bool has_body = c->op->body_source != BODY_NONE;
	struct json_object *properties =
		schema_constant(has_body ? "{}" : "{\"body\":false,\"batch\":false}");

	if (has_body) {
		schema_add(properties, "body", body_rule(c->op, false));
		add_required(rules, c->op);
		json_object_array_add(rules, closed_rule(c));
	}
	schema_add(properties, "params", params_schema(c->op));
	if (!route_can_have_identity(c->op))
		schema_add(properties, "identity", json_object_new_boolean(false));
	if (takes_match(c))
		schema_add(properties, "match", schema_match_of(c->op, c->update));
	if (takes_lists(c))
		schema_add(properties, "lists", lists_schema(change_of(c)));
	if (nests(c))
		schema_add(properties, "batch", child_schema());
	if (c->update) {
		add_overlays(properties, c, false);
		schema_add(then, "required", schema_texts(match));
	}
	add_allow(then, properties, c->op);
	schema_add(then, "properties", properties);
	if (json_object_array_length(rules))
		schema_add(then, "allOf", json_object_get(rules));
	json_object_put(rules);
	return schema_when("operation", c->name, then);
}

/* What stands beside some operations alone: told once for all the others. */
static const struct {
	bool (*takes)(const struct choice *c);
	const char *otherwise;
} exceptions[] = {
	{is_upsert,
         "{\"properties\":{\"on_create\":false,\"on_update\":false,\"omit_on_update\":false,"
         "\"on_none\":{\"not\":{\"const\":\"create\"}},"
         "\"on_match\":{\"not\":{\"const\":\"skip\"}}}}"},
	{takes_match, "{\"properties\":{\"match\":false}}"},
	{takes_lists, "{\"properties\":{\"lists\":false}}"},
	{changes, "{\"properties\":{\"skip_unchanged\":{\"not\":{\"const\":true}},\"batch\":{"
                  "\"properties\":{\"algorithm\":{\"not\":{\"const\":\"merge\"}}}}}}"},
	{nests, "{\"properties\":{\"batch\":{\"properties\":{\"algorithm\":{\"not\":{\"const\":"
                "\"nest\"}}}}}}"},
};

static struct json_object *exception_rule(const struct choice *all, size_t n, size_t i)
{
	static const char *const operation[] = {"operation", NULL};
	struct json_object *names = json_object_new_array(), *condition = json_object_new_object();
	struct json_object *other = schema_typed("string"), *rule = json_object_new_object();

	for (size_t k = 0; k < n; k++)
		if (exceptions[i].takes(&all[k]))
			json_object_array_add(names, json_string(all[k].name));
	schema_add(other, "not", schema_one("enum", names));
	schema_add(condition, "properties", schema_one("operation", other));
	schema_add(condition, "required", schema_texts(operation));
	schema_add(rule, "if", condition);
	schema_add(rule, "then", schema_constant(exceptions[i].otherwise));
	return rule;
}

void schema_add_operations(struct json_object *rules, const struct operation_set *operations)
{
	size_t n;
	struct choice *all = all_choices(operations, &n);

	for (size_t i = 0; i < n; i++)
		json_object_array_add(rules, choice_rule(&all[i]));
	for (size_t i = 0; i < sizeof(exceptions) / sizeof(*exceptions); i++)
		json_object_array_add(rules, exception_rule(all, n, i));
	free(all);
}
