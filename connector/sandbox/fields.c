#include "connector/sandbox/fields.h"

#include "connector/sandbox/write.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *schema, *association;
	enum box_kind_id kind;
	enum box_kind_id type; /* the kind of its types; BOX_N_KINDS: has none */
} targets[] = {
	{"lead", "lead", BOX_LEAD, BOX_N_KINDS},
	{"contact", "contact", BOX_CONTACT, BOX_N_KINDS},
	{"opportunity", "opportunity", BOX_OPPORTUNITY, BOX_N_KINDS},
	{"activity", "custom_activity_type", BOX_CUSTOM_ACTIVITY, BOX_ACTIVITY_TYPE},
	{"custom_object", "custom_object_type", BOX_CUSTOM_OBJECT, BOX_OBJECT_TYPE},
};

enum { n_targets = sizeof(targets) / sizeof(targets[0]) };

static bool is(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

struct box_target box_target_of(const struct box_kind *kind, struct json_object *data)
{
	return (struct box_target){kind,
	                           kind->type_key ? json_get_string(data, kind->type_key) : NULL};
}

static const char *type_named(const struct box_org *org, enum box_kind_id kind, const char *text)
{
	char *id = mem_dup(text, strcspn(text, "/"));
	const struct box_object *type = box_store_find(org->store, &box_kinds[kind], id);

	free(id);
	return type ? type->id : NULL;
}

bool box_target_read(const struct box_org *org, const char *text, bool is_association,
                     struct box_target *ret_target)
{
	const size_t len = strcspn(text, "/");
	const char *rest = text[len] ? text + len + 1 : text + len;

	for (size_t i = 0; i < n_targets; i++) {
		const char *name = is_association ? targets[i].association : targets[i].schema;
		const char *type_id = NULL;

		if (strlen(name) != len || strncmp(name, text, len) != 0)
			continue;
		if (targets[i].type != BOX_N_KINDS)
			type_id = type_named(org, targets[i].type, rest);
		if ((targets[i].type != BOX_N_KINDS) != (type_id != NULL) || (!type_id && *rest))
			return false;
		*ret_target = (struct box_target){&box_kinds[targets[i].kind], type_id};
		return true;
	}
	return false;
}

const char *box_target_name(const struct box_target *target)
{
	for (size_t i = 0; i < n_targets; i++)
		if (&box_kinds[targets[i].kind] == target->kind)
			return targets[i].association;
	return NULL;
}

const char *box_target_type_key(const struct box_target *target)
{
	return target->kind->type_key;
}

struct json_object *box_field_association(const struct box_object *field,
                                          const struct box_target *target, size_t *ret_at)
{
	struct json_object *all = json_get(field->data, "associations");
	const char *type_key = box_target_type_key(target);

	for (size_t i = 0; all && i < json_object_array_length(all); i++) {
		struct json_object *one = json_object_array_get_idx(all, i);

		if (!is(json_get_string(one, "object_type"), box_target_name(target)) ||
		    (type_key && !is(json_get_string(one, type_key), target->type_id)))
			continue;
		if (ret_at)
			*ret_at = i;
		return one;
	}
	return NULL;
}

struct json_object *box_field_associations(const struct box_object *field)
{
	struct json_object *all = json_get(field->data, "associations");
	struct json_object *copy = json_object_new_array();

	for (size_t i = 0; all && i < json_object_array_length(all); i++)
		json_object_array_add(copy, json_object_get(json_object_array_get_idx(all, i)));
	return copy;
}

void box_field_associate(struct box_org *org, const struct box_actor *actor,
                         struct box_object *field, struct json_object *associations)
{
	struct json_object *data = box_shallow(field->data);

	box_set(data, "associations", associations);
	box_change(org, actor, field, data);
}

void box_field_dissociate(struct box_org *org, const struct box_actor *actor,
                          struct box_object *field, const struct box_target *target)
{
	struct json_object *all = box_field_associations(field);
	size_t at = 0;

	(void)box_field_association(field, target, &at);
	(void)json_object_array_del_idx(all, at, 1);
	box_field_associate(org, actor, field, all);
	box_fields_erase(org, target, field, actor->now_ms);
}

/* Whether objects of the target have the field. */
static bool has_field(const struct box_target *target, const struct box_object *field)
{
	const char *type_key = box_target_type_key(target);

	if (field->is_deleted)
		return false;
	if (field->kind == &box_kinds[BOX_SHARED_FIELD])
		return box_field_association(field, target, NULL) != NULL;
	return field->kind == &box_kinds[target->kind->custom] &&
	       (!type_key || is(json_get_string(field->data, type_key), target->type_id));
}

static void add_fields(const struct box_org *org, const struct box_target *target,
                       enum box_kind_id kind, struct box_list *list)
{
	const struct box_list *all = box_store_all(org->store, &box_kinds[kind]);

	for (size_t i = 0; i < all->n; i++)
		if (has_field(target, all->items[i]))
			box_list_add(list, all->items[i]);
}

const struct box_object *box_fields_find(const struct box_org *org, const struct box_target *target,
                                         const char *name)
{
	const struct box_object *field = box_store_find(org->store, NULL, name);
	struct box_list all = {0};

	if (field && has_field(target, field))
		return field;
	field = NULL;
	add_fields(org, target, target->kind->custom, &all);
	add_fields(org, target, BOX_SHARED_FIELD, &all);
	for (size_t i = 0; i < all.n && !field; i++)
		if (is(json_get_string(all.items[i]->data, "name"), name))
			field = all.items[i];
	free(all.items);
	return field;
}

/* What the order of the target's fields is kept under: "lead", "custom_activity_type/…". */
static char *order_name(const struct box_target *target)
{
	return mem_printf("%s/%s", box_target_name(target), target->type_id ? target->type_id : "");
}

void box_fields_list(const struct box_org *org, const struct box_target *target,
                     struct box_list *ret_list)
{
	char *name = order_name(target);

	add_fields(org, target, target->kind->custom, ret_list);
	add_fields(org, target, BOX_SHARED_FIELD, ret_list);
	box_org_sort(org, name, ret_list);
	free(name);
}

bool box_field_is_required(const struct box_object *field, const struct box_target *target)
{
	struct json_object *association = box_field_association(field, target, NULL);

	return json_get_bool(association ? association : field->data, "required", false);
}

struct json_object *box_fields_render(struct box_org *org, const struct box_target *target)
{
	struct json_object *out = json_object_new_array();
	struct box_list all = {0};

	box_fields_list(org, target, &all);
	for (size_t i = 0; i < all.n; i++) {
		struct json_object *shown =
			box_org_render(org, all.items[i]->kind, all.items[i]->data);

		box_set(shown, "required",
		        json_object_new_boolean(box_field_is_required(all.items[i], target)));
		json_object_array_add(out, shown);
	}
	free(all.items);
	return out;
}

void box_fields_order(struct box_org *org, const struct box_target *target,
                      struct json_object *wanted)
{
	char *name = order_name(target);

	box_org_order(org, name, wanted);
	free(name);
}

void box_fields_erase(struct box_org *org, const struct box_target *target,
                      const struct box_object *field, uint64_t now_ms)
{
	const struct box_list *all = box_store_all(org->store, target->kind);
	char *key = mem_printf("custom.%s", field->id);

	for (size_t i = 0; i < all->n; i++) {
		struct box_object *object = all->items[i];
		struct json_object *data;

		if (object->is_deleted || !json_get(object->data, key) ||
		    (target->type_id &&
		     !is(box_target_of(target->kind, object->data).type_id, target->type_id)))
			continue;
		data = box_shallow(object->data);
		json_object_object_del(data, key);
		box_store_replace(org->store, object, data);
		box_search_note(org->search, object, now_ms);
	}
	free(key);
}

void box_fields_erase_all(struct box_org *org, const struct box_object *field, uint64_t now_ms)
{
	for (size_t i = 0; i < n_targets; i++) {
		const struct box_target target = {&box_kinds[targets[i].kind], NULL};

		box_fields_erase(org, &target, field, now_ms);
	}
}
