#include "connector/sandbox/query.h"

#include "lib/json.h"

#include <errno.h>
#include <string.h>

enum { deepest_query = 20 };

static bool is(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static const char *type_of(struct json_object *node)
{
	const char *type = json_get_string(node, "type");

	return type ? type : "";
}

/* One query being checked. */
struct checking {
	const struct box_store *store;
	struct err *err;
	unsigned depth;
};

static int check_node(struct checking *c, struct json_object *node);

static int check_all(struct checking *c, struct json_object *node)
{
	struct json_object *queries = json_get(node, "queries");
	int r = 0;

	if (!json_object_is_type(queries, json_type_array))
		return err_set(c->err, -EINVAL, "\"%s\" needs a list of queries", type_of(node));
	for (size_t i = 0; i < json_object_array_length(queries) && r == 0; i++)
		r = check_node(c, json_object_array_get_idx(queries, i));
	return r;
}

static int check_kind(struct checking *c, struct json_object *node)
{
	const char *name = json_get_string(node, "object_type");

	if (!name || !box_kind_find(name))
		return err_set(c->err, -EINVAL, "object_type %s is not known to the sandbox",
		               name ? name : "(missing)");
	return 0;
}

static int check_value(struct checking *c, struct json_object *node)
{
	return json_get_string(node, "value")
	               ? 0
	               : err_set(c->err, -EINVAL, "\"%s\" needs a value", type_of(node));
}

/* Whole words are looked for where it names no other mode. */
static int check_text(struct checking *c, struct json_object *node)
{
	return json_get(node, "mode") ? box_condition_check(node, c->err) : check_value(c, node);
}

/* The fields of a kind, or of what it has a list of ("contact_email"). */
static const struct box_field *fields_of(const char *type)
{
	const struct box_kind *kind = type ? box_kind_find(type) : NULL;

	for (size_t k = 0; k < BOX_N_KINDS && !kind && type; k++)
		for (const struct box_field *f = box_kinds[k].fields; f->name; f++)
			if (is(f->related, type))
				return f->items;
	return kind ? kind->fields : NULL;
}

/* A field that is not there would find nothing, ever, which looks like "no such object". */
static int check_regular(struct checking *c, struct json_object *field)
{
	static const char *const everywhere[] = {"id",         "organization_id", "date_created",
	                                         "created_by", "date_updated",    "updated_by"};
	const char *type = json_get_string(field, "object_type");
	const char *name = json_get_string(field, "field_name");
	const struct box_field *fields = fields_of(type);

	if (!name)
		return err_set(c->err, -EINVAL, "field needs a custom_field_id or a field_name");
	if (!fields)
		return err_set(c->err, -EINVAL, "object_type %s is not known to the sandbox",
		               type ? type : "(missing)");
	for (size_t i = 0; i < sizeof(everywhere) / sizeof(everywhere[0]); i++)
		if (is(everywhere[i], name))
			return 0;
	for (; fields->name; fields++)
		if (is(fields->name, name))
			return 0;
	return err_set(c->err, -EINVAL, "%s has no field_name %s", type, name);
}

static int check_custom(struct checking *c, struct json_object *field)
{
	const char *id = json_get_string(field, "custom_field_id");
	const struct box_object *found = id && c->store ? box_store_find(c->store, NULL, id) : NULL;

	if (!id)
		return err_set(c->err, -EINVAL, "field needs a custom_field_id or a field_name");
	if (c->store && (!found || !is(found->kind->prefix, "cf")))
		return err_set(c->err, -EINVAL, "The Custom Field \"%s\" does not exist.", id);
	return 0;
}

static int check_condition(struct checking *c, struct json_object *node)
{
	struct json_object *field = json_get(node, "field");
	int r;

	if (is(type_of(field), "custom_field"))
		r = check_custom(c, field);
	else if (is(type_of(field), "regular_field"))
		r = check_regular(c, field);
	else
		r = err_set(c->err, -EINVAL, "field must be a regular_field or a custom_field");
	return r < 0 ? r : box_condition_check(json_get(node, "condition"), c->err);
}

static int check_related(struct checking *c, struct json_object *node)
{
	const char *related = json_get_string(node, "related_object_type");

	if (!related)
		return err_set(c->err, -EINVAL, "has_related needs a related_object_type");
	if (!fields_of(related))
		return err_set(c->err, -EINVAL,
		               "related_object_type %s is not known to the sandbox", related);
	return check_node(c, json_get(node, "related_query"));
}

static int check_nothing(struct checking *c, struct json_object *node)
{
	(void)c;
	(void)node;
	return 0;
}

static const struct {
	const char *type;
	int (*check)(struct checking *c, struct json_object *node);
} nodes[] = {
	{"and", check_all},
	{"or", check_all},
	{"object_type", check_kind},
	{"id", check_value},
	{"match_all", check_nothing},
	{"text", check_text},
	{"field_condition", check_condition},
	{"has_related", check_related},
};

static int check_node(struct checking *c, struct json_object *node)
{
	int r = 0;

	if (!json_object_is_type(node, json_type_object))
		return err_set(c->err, -EINVAL, "a query must be an object");
	if (c->depth >= deepest_query)
		return err_set(c->err, -EINVAL, "the query is nested too deeply");
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		if (!is(nodes[i].type, type_of(node)))
			continue;
		c->depth++;
		r = nodes[i].check(c, node);
		c->depth--;
		return r;
	}
	return err_set(c->err, -EINVAL, "the sandbox does not know the query type \"%s\" yet",
	               type_of(node));
}

int box_query_check(struct json_object *node, const struct box_store *store, struct err *err)
{
	struct checking c = {store, err, 0};

	return check_node(&c, node);
}
