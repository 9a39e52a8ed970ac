#pragma once

/*
 * What the files of connector/shape share; nobody else includes this. A record goes its way (way.c)
 * through programs (program.c) to routes, and for each route that takes it through the steps of one
 * shaping, in the order below. A step returns false where the output is rejected; the rejection is
 * then set.
 */

#include "connector/model/draft.h"
#include "connector/model/record.h"
#include "connector/model/route.h"
#include "connector/shape/shape.h"
#include "lib/buf.h"
#include "lib/jq.h"
#include "lib/template.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	max_outputs = 1000,          /* of one record */
	max_output_bytes = 64 << 20, /* of what one transform makes of one record */
};

struct shaping {
	const struct route_set *routes;
	const struct route *route;
	struct record *record;
	struct json_object *value; /* the record, or what transforms made of it */
	struct template_scope scope;
	struct draft *draft;
	const struct draft *create; /* of an upsert's update: the other form; else NULL */
	/*
	 * The body's own members may be changed. Else it is the record's or a part of it; what lies
	 * deeper is always shared.
	 */
	bool owns_body;
	bool is_empty;  /* the record has no value for any placeholder of the body */
	bool is_nested; /* shape_nest() was asked */
	/* The key for the id of its type, if it has types, and what the body had there: an update
	 * leaves it out. The id is owned. */
	const char *type_key;
	char *type;
	struct rejection *rejection;
	unsigned unknown_keys;
	char ***needs;       /* of the result */
	bool is_match_known; /* the draft has it */
};

/* origin.c: a template_scope over the value; it borrows @shaping. */
struct template_scope shape_scope(struct shaping *shaping);

/* address.c */
bool shape_url(struct shaping *shaping);
bool shape_headers(struct shaping *shaping);

/* identity.c: why @value has no text another could be equal to, or NULL. */
const char *scalar_trouble(struct json_object *value);

/* identity.c: shape_identity() renders it, shape_put_identity() stores it in the body. */
bool shape_identity(struct shaping *shaping);
void shape_put_identity(struct shaping *shaping);

/* body.c: default or written, without what is excluded and what `nulls` leaves out. */
bool shape_body(struct shaping *shaping);
/*
 * The same of what a batch adds: @child as a new reference without what is excluded from the list
 * it is put into, or from the body of a call of its own, NULL if nothing is left; and draft->with.
 */
struct json_object *shape_exclude_child(struct shaping *shaping, struct json_object *child);
void shape_exclude_with(struct shaping *shaping);
/*
 * Refuses a body that is_empty: asked after the lookups, whose missing values say more. A row of
 * nest may have a child all the same, so there it is for the second asking, when that is known.
 */
bool shape_says_something(struct shaping *shaping);
/* Makes the members of the body our own, once. The body is an object. */
void shape_own_body(struct shaping *shaping);

/*
 * changes.c: an upsert's create and its update differ in what is left out and laid over.
 * shape_leave_out() takes @keys (NULL-terminated) out of the body, an object, however they are
 * written there, and adds their names to @left, which may be NULL.
 */
bool shape_changes(struct shaping *shaping);
void shape_leave_out(struct shaping *shaping, char *const *keys, struct buf *left);

/*
 * lookups.c: which objects are meant. shape_match() puts custom fields that are matched by into the
 * body of a create, too; shape_links() takes what is linked out of the body.
 */
bool shape_match(struct shaping *shaping);
/* Of an output that was rejected: whether it is known what it is about, and the draft says it. */
bool shape_target(struct shaping *shaping);
bool shape_links(struct shaping *shaping);
/* Whether a link gives the body this key. */
bool shape_is_linked(const struct shaping *shaping, const char *key);

/*
 * custom.c: nested custom objects become keys, and keys name fields by id; the same for a contact
 * that is to stand in a lead, of which *@ret_contact is a new reference.
 */
bool shape_custom(struct shaping *shaping);
bool shape_contact(struct shaping *shaping, struct json_object *contact,
                   struct json_object **ret_contact);

/* names.c: ids of what is written by name. */
bool shape_ids(struct shaping *shaping);
/* The kind of the custom fields of what the route makes; to free(); NULL: they have no names. */
char *shape_fields_kind(struct shaping *shaping);
/* Keeps the type that the body names, on which that kind may depend. */
void shape_keep_type(struct shaping *shaping);
/* @object with the fields of @kind (or NULL) under their ids: a new reference, or a new object. */
bool shape_field_names(struct shaping *shaping, const char *kind, struct json_object *object,
                       struct json_object **ret_object);
/* The field a key of the route names, by id where that is known; to free(). */
bool shape_identity_field(struct shaping *shaping, const char *written, char **ret_field);

/* A field by which objects are looked up. */
struct shape_field {
	char *name;   /* by id; NULL: as it is written; to free() */
	bool is_text; /* a custom field that takes any text, as far as is known */
	enum lookup_like like;
};
/*
 * What @written is of objects of @object ("lead"); the id of their type, if they have such, is in
 * the body or the record. *@value, a reference of the caller's, becomes an id where it is a user's
 * name.
 */
bool shape_looked_up_field(struct shaping *shaping, const char *object, const char *written,
                           struct shape_field *ret, struct json_object **value);

/*
 * values.c: whether @value may stand in @field, written as @key; @is_partial: it is added to the
 * field or removed from it.
 */
bool shape_check_value(struct shaping *shaping, const struct name_entry *field, const char *key,
                       bool is_partial, struct json_object *value);

/*
 * members.c: the same inside the objects of the body, "contacts[].emails[].typ": each once, NULL
 * where there is none, to strlist_free(); and to be left out.
 */
char **shape_unknown_members(const struct shaping *shaping, const struct operation *op);
void shape_drop_members(struct shaping *shaping, const struct operation *op);

/* keys.c: keys that Close would ignore, and keys it needs. */
bool shape_known_keys(struct shaping *shaping);
bool shape_required(struct shaping *shaping);

/*
 * guard.c: what every call does of what the @url of this record (@plain: as Close reads its path)
 * turns out to be, where the pipeline leaves it to the record; effects that depend on the record
 * and that the route does not allow; and calls that would change everything there is, which no
 * route allows.
 */
bool shape_effects(struct shaping *shaping, const char *url, const char *plain);
bool shape_guard(struct shaping *shaping);
bool shape_selects(struct shaping *shaping);

/*
 * batch.c: what a record of a batch brings beside its body, lays over it, and keeps; what it shares
 * with the others of its call (`by`), and what it puts into it (`child`).
 */
bool shape_each(struct shaping *shaping);
bool shape_with(struct shaping *shaping);
bool shape_nest(struct shaping *shaping);
bool shape_keeps_numbers(struct shaping *shaping);

/* A value as the programs of the file see it: made jq's when the first one asks, and then once. */
struct view {
	const struct route_set *routes;
	const struct record *record;
	struct json_object **source; /* $source of the record; made when first asked for */
	struct json_object *value;
	bool is_computed; /* jq made it, so its numbers are jq's already */
	struct jq_where where;
	struct jq_input *input; /* NULL until a program asks */
};

struct values {
	struct json_object **items;
	size_t n, cap;
	size_t bytes;
};

/* program.c. @route is for messages; NULL: the program is the file's own. */
void view_deinit(struct view *view);
/* False: the condition fails; the rejection says so. A route without one takes every value. */
bool view_holds(struct view *view, const struct route *route, bool *ret_truth,
                struct rejection *ret_rejection);
/* All or nothing; the values are the caller's, to values_deinit(). */
bool view_transform(struct view *view, const struct route *route, struct values *ret_values,
                    struct rejection *ret_rejection);
void values_deinit(struct values *values);
/* Whether @value, which a transform made as number @at (from 0), can go on as a record. */
bool is_shaped_record(struct json_object *value, size_t at, const struct route *route,
                      struct rejection *ret_rejection);

/* The rejection of a value whose numbers jq would change; @trouble is jq_keeps_numbers()'s. */
void reject_number(struct rejection *ret_rejection, const char *whose, const struct err *trouble);

/* way.c: transforms, conditions and routes; adds every output to @result. */
void way_of_record(const struct route_set *routes, struct record *record,
                   struct shape_result *result);
/* shape.c: one output of @route, of @value. */
void shape_output_of(const struct route_set *routes, const struct route *route,
                     struct record *record, struct json_object *value, struct shape_result *result);
struct shape_output *shape_add_output(struct shape_result *result, const struct route *route);
