/* What match and link look for: kinds of objects, and the fields by which one is found. */

#include "connector/pipeline/routes.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/near.h"

#include <string.h>

static const char *const lead_fields[] = {"id", "name", "url", "email", "phone", NULL};
static const char *const contact_fields[] = {"id", "email", "phone", "url", "name", NULL};
static const char *const id_alone[] = {"id", NULL};
static const char *const id_and_name[] = {"id", "name", NULL};
static const char *const user_fields[] = {"email", "name", NULL};
static const char *const name_or_label[] = {"name", "label", NULL};
static const char *const status_fields[] = {"name", "label", "pipeline_id", NULL};

const struct lookup_kind lookup_kinds[] = {
	{"lead", "lead", "lead_", lead_fields, true},
	{"contact", "contact", "cont_", contact_fields, true},
	{"opportunity", "opportunity", "oppo_", id_alone, true},
	{"custom_object", "custom_object", NULL, id_and_name, true},
	{"user", "user", "user_", user_fields, false},
	{"status.lead", "status.lead", "stat_", name_or_label, false},
	{"status.opportunity", "status.opportunity", "stat_", status_fields, false},
	{"pipeline", "pipeline", "pipe_", name_or_label, false},
	{"custom_field.lead", "custom_field.lead", NULL, name_or_label, false},
	{"custom_field.contact", "custom_field.contact", NULL, name_or_label, false},
	{"custom_field.opportunity", "custom_field.opportunity", NULL, name_or_label, false},
	{"custom_field.activity", "custom_field.activity", NULL, name_or_label, false},
	{"custom_field.custom_object_type", "custom_field.custom_object_type", NULL, name_or_label,
         false},
	{"custom_field.shared", "custom_field.shared", NULL, name_or_label, false},
	{"custom_activity_type", "custom_activity_type", "actitype_", name_or_label, false},
	{"custom_object_type", "custom_object_type", "cotype_", name_or_label, false},
	{"template", "email_template", "tmpl_", name_or_label, false},
	{"sms_template", "sms_template", "smstmpl_", name_or_label, false},
	{"sequence", "sequence", "seq_", name_or_label, false},
	{"group", "group", "group_", name_or_label, false},
	{"role", "role", NULL, name_or_label, false},
	{0},
};

const struct lookup_kind *lookup_kind_of_object(const char *object)
{
	for (const struct lookup_kind *kind = lookup_kinds; kind->name; kind++)
		if (strcmp(kind->object, object) == 0)
			return kind;
	return NULL;
}

const struct lookup_kind *lookup_kind_called(const char *name)
{
	for (const struct lookup_kind *kind = lookup_kinds; kind->name; kind++)
		if (strcmp(kind->name, name) == 0)
			return kind;
	return NULL;
}

const struct yaml_node *route_key(const struct yaml_node *map, const char *name)
{
	for (size_t i = 0; map && map->kind == YAML_MAP && i < map->n; i++)
		if (strcmp(map->keys[i]->text, name) == 0)
			return map->keys[i];
	return NULL;
}

void route_fail_both(struct route_build *b, const char *a, const struct yaml_node *at_a,
                     const char *c, const struct yaml_node *at_c, const char *advice)
{
	fail(b->l, at_a->line > at_c->line ? at_a : at_c,
	     "%.60s (line %u) and %.60s (line %u) exclude each other: %s", a, at_a->line, c,
	     at_c->line, advice);
}

static bool is_custom(const char *field)
{
	return strncmp(field, "custom.", 7) == 0;
}

static bool ends_in(const char *text, const char *end)
{
	const size_t len = strlen(text), n = strlen(end);

	return len > n && strcmp(text + len - n, end) == 0;
}

static void fail_field(struct route_build *b, const struct yaml_node *at,
                       const struct lookup_kind *kind)
{
	const char *near = near_name(at->text, kind->fields);
	cleanup_(buf_deinit) struct buf list = BUF_INIT;

	for (const char *const *field = kind->fields; *field; field++)
		buf_addf(&list, "%s%s",
		         field == kind->fields           ? ""
		         : field[1] || kind->is_searched ? ", "
		                                         : " or ",
		         *field);
	if (kind->is_searched)
		buf_adds(&list, " or custom.NAME");
	if (near)
		fail(b->l, at, "no %s is found by \"%.60s\": did you mean \"%s\"?", kind->name,
		     at->text, near);
	else
		fail(b->l, at, "no %s is found by \"%.60s\": what finds one is %s", kind->name,
		     at->text, buf_text(&list));
}

static void check_custom(struct route_build *b, const struct yaml_node *at,
                         const struct lookup_kind *kind)
{
	if (!at->text[7])
		fail(b->l, at, "the name or id of the custom field is missing behind custom.");
	else if (name_is_field_id(at->text + 7) &&
	         (ends_in(at->text, ".add") || ends_in(at->text, ".remove")))
		fail(b->l, at, "is what a body writes; a field is looked up by its plain name");
	else
		route_check_lookup_field(b, at, kind, at->text + 7);
}

/* As answers of Close call the field: statuses have a label, all others a name. */
static const char *field_name(const struct lookup_kind *kind, const char *written)
{
	if (strcmp(written, "name") != 0 && strcmp(written, "label") != 0)
		return written;
	return strncmp(kind->object, "status.", 7) == 0 ? "label" : "name";
}

/* What is written letter by letter can be judged here. */
static bool check_value(struct route_build *b, const struct lookup_kind *kind, const char *field,
                        const struct yaml_node *value)
{
	const size_t n_errors = b->l->pipeline->n_errors;
	const char *prefix = strcmp(field, "pipeline_id") == 0 ? "pipe_"
	                     : strcmp(field, "id") == 0        ? kind->prefix
	                                                       : NULL;

	if (!*value->text)
		fail(b->l, value, "must not be empty");
	else if (prefix && strncmp(value->text, prefix, strlen(prefix)) != 0)
		fail(b->l, value, "must be an id (%s…)", prefix);
	else if (!kind->is_searched && strcmp(field, "pipeline_id") != 0)
		route_check_lookup_name(b, value, kind);
	return b->l->pipeline->n_errors == n_errors;
}

static void compile_field(struct route_build *b, const struct lookup_kind *kind,
                          const struct yaml_node *key, const struct yaml_node *value,
                          struct lookup_key_rule *rule)
{
	const char *const name[] = {field_name(kind, key->text), NULL};
	const char *text = template_source(b->l, value);
	struct template *t = text ? route_template(b, value, text) : NULL;
	bool is_known = is_custom(key->text) && kind->is_searched;

	for (const char *const *field = kind->fields; *field; field++)
		is_known |= strcmp(*field, key->text) == 0;
	if (!is_known)
		fail_field(b, key, kind);
	else if (is_custom(key->text))
		check_custom(b, key, kind);
	if (!t)
		return;
	if (template_is_literal(t) && is_known && !check_value(b, kind, *name, value)) {
		template_free(t);
		return;
	}
	rule->fields = mem_resize(rule->fields, rule->n + 1, sizeof(*rule->fields));
	rule->fields[rule->n++] = (struct lookup_field_rule){.name = mem_strdup(*name), .value = t};
}

/* What the fields of one map mean together. */
static void check_key(struct route_build *b, const struct yaml_node *map,
                      const struct lookup_kind *kind, bool may_be_constant,
                      const struct lookup_key_rule *rule)
{
	bool differs = may_be_constant;

	if (route_key(map, "name") && route_key(map, "label") && !kind->is_searched)
		route_fail_both(b, "name", route_key(map, "name"), "label", route_key(map, "label"),
		                "they are the same");
	else if (route_key(map, "id") && map->n > 1)
		fail(b->l, route_key(map, "id"),
		     "says by itself which one is meant: take the other fields out");
	else if (route_key(map, "pipeline_id") && map->n == 1)
		fail(b->l, map, "pipeline_id only says which pipeline: add name");
	for (size_t i = 0; i < rule->n; i++)
		differs |= !template_is_literal(rule->fields[i].value);
	if (!differs && rule->n)
		fail(b->l, map->items[0],
		     "must differ from record to record: use a placeholder such as \"{id}\"");
}

static void compile_key(struct route_build *b, const struct lookup_kind *kind,
                        const struct yaml_node *map, bool may_be_constant, struct lookup_rule *rule)
{
	struct lookup_key_rule *key;

	if (map->kind != YAML_MAP) {
		fail_kind(b->l, map, "a map of fields, such as {name: \"{company}\"}");
		return;
	}
	if (!map->n) {
		fail(b->l, map, "must have at least one field, such as {name: \"{company}\"}");
		return;
	}
	rule->keys = mem_resize(rule->keys, rule->n_keys + 1, sizeof(*rule->keys));
	key = &rule->keys[rule->n_keys++];
	*key = (struct lookup_key_rule){0};
	for (size_t i = 0; i < map->n; i++) {
		const size_t mark = path_enter(b->l, map->keys[i]->text);

		compile_field(b, kind, map->keys[i], map->items[i], key);
		path_leave(b->l, mark);
	}
	check_key(b, map, kind, may_be_constant, key);
}

void route_compile_lookup(struct route_build *b, const struct lookup_kind *kind,
                          const struct yaml_node *value, bool may_be_constant,
                          struct lookup_rule *ret_rule)
{
	*ret_rule = (struct lookup_rule){.kind = mem_strdup(kind->object)};
	if (value->kind != YAML_LIST) {
		compile_key(b, kind, value, may_be_constant, ret_rule);
		return;
	}
	if (!value->n)
		fail(b->l, value, "must have at least one map of fields");
	for (size_t i = 0; i < value->n; i++) {
		const size_t mark = path_enter_item(b->l, i);

		compile_key(b, kind, value->items[i], may_be_constant, ret_rule);
		path_leave(b->l, mark);
	}
}
