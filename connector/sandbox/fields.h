#pragma once

/*
 * Which custom fields an object has: its kind's own (of its type, where the kind has types) and the
 * shared ones associated with it.
 */

#include "connector/sandbox/org.h"

struct box_actor;

/* What fields belong to: all leads, or all custom activities of one type. */
struct box_target {
	const struct box_kind *kind;
	const char *type_id; /* NULL: the kind has no types */
};

/* The target an object with @data belongs to; type_id is borrowed from it, NULL where it lacks. */
struct box_target box_target_of(const struct box_kind *kind, struct json_object *data);

/*
 * Reads a target as the schema endpoint writes it ("lead", "activity/actitype_1"), or as an
 * association does ("custom_activity_type/actitype_1"). A slash at the end may follow. type_id is
 * the store's. False: there is none.
 */
bool box_target_read(const struct box_org *org, const char *text, bool is_association,
                     struct box_target *ret_target);

/* The target in the words of an association: "lead", "custom_activity_type". */
const char *box_target_name(const struct box_target *target);
/* The member of an association that says the type: "custom_activity_type_id"; or NULL. */
const char *box_target_type_key(const struct box_target *target);

/* The association of a shared field with the target, or NULL; and where it stands among them. */
struct json_object *box_field_association(const struct box_object *field,
                                          const struct box_target *target, size_t *ret_at);

/* The field of the target with this id, else the oldest with this name, or NULL. */
const struct box_object *box_fields_find(const struct box_org *org, const struct box_target *target,
                                         const char *name);

/* All fields of the target in the order people gave them. */
void box_fields_list(const struct box_org *org, const struct box_target *target,
                     struct box_list *ret_list);

/* The list as the schema endpoint shows it. */
struct json_object *box_fields_render(struct box_org *org, const struct box_target *target);

bool box_field_is_required(const struct box_object *field, const struct box_target *target);

/* Puts the fields of the target in the order of [{"id": "cf_…"}, …]; the others follow. */
void box_fields_order(struct box_org *org, const struct box_target *target,
                      struct json_object *wanted);

/* Gives a shared field other associations, taking them. */
void box_field_associate(struct box_org *org, const struct box_actor *actor,
                         struct box_object *field, struct json_object *associations);
/* Its associations, to be changed and given back. The caller's. */
struct json_object *box_field_associations(const struct box_object *field);
/* Takes the association with the target away, and the values that stood there. */
void box_field_dissociate(struct box_org *org, const struct box_actor *actor,
                          struct box_object *field, const struct box_target *target);

/* Takes the values of @field from all objects of @target. */
void box_fields_erase(struct box_org *org, const struct box_target *target,
                      const struct box_object *field, uint64_t now_ms);
/* The same from all objects there are. */
void box_fields_erase_all(struct box_org *org, const struct box_object *field, uint64_t now_ms);
