#pragma once

/*
 * Creates, updates and deletes. A write is built and checked as a whole before anything is stored:
 * an answer of 400 means that nothing happened.
 */

#include "connector/sandbox/org.h"

/* On whose behalf and when. */
struct box_actor {
	const char *request_id, *key_id, *method, *path;
	int64_t wall_ms;
	uint64_t now_ms;
};

struct box_write {
	struct box_org *org;
	const struct box_actor *actor;
	const struct box_kind *kind;
	const struct box_object *old;  /* NULL: a create */
	const struct box_write *above; /* a lead's write while its contacts are built, and so on */
	struct json_object *body;
	struct json_object *data;         /* what is going to be stored */
	struct json_object *errors;       /* NULL: none */
	struct json_object *field_errors; /* NULL: none */
	struct json_object *nested;       /* what goes below it (a lead's contacts), or NULL */
	enum box_kind_id nested_kind;
	char *new_lead; /* name of the lead to be made for it; or NULL */
};

/* For finish hooks: the key of the body has this error; takes @complaint. */
void box_write_blame(struct box_write *write, const char *name, struct json_object *complaint);
void box_write_blame_text(struct box_write *write, const char *name, const char *text);
/* A complaint about the whole. */
void box_write_object(struct box_write *write, const char *text);

/* Whether the body has the key, even as null. */
bool box_write_has(const struct box_write *write, const char *name);
/* @name is static text. */
void box_write_set(struct box_write *write, const char *name, const char *text);

/*
 * Builds the nested object @body of @kind below @above. Returns its data, or NULL and a complaint.
 */
struct json_object *box_write_nested(const struct box_write *above, const struct box_kind *kind,
                                     struct json_object *body, struct json_object **ret_complaint);

/*
 * Carries out a create (@old NULL) or an update. Returns the object, or NULL and the body of the
 * 400.
 */
const struct box_object *box_write(struct box_org *org, const struct box_actor *actor,
                                   const struct box_kind *kind, struct box_object *old,
                                   struct json_object *body, struct json_object **ret_complaint);

/* The same for a create, of an object whose id is @id; NULL: a new one. */
const struct box_object *box_write_as(struct box_org *org, const struct box_actor *actor,
                                      const struct box_kind *kind, const char *id,
                                      struct json_object *body, struct json_object **ret_complaint);

/* The same for a create, of an object whose id is @id; NULL: a new one. */
const struct box_object *box_write_as(struct box_org *org, const struct box_actor *actor,
                                      const struct box_kind *kind, const char *id,
                                      struct json_object *body, struct json_object **ret_complaint);

/* Gives an object other data, taking @data: indexed, and told if anything is different. */
void box_change(struct box_org *org, const struct box_actor *actor, struct box_object *object,
                struct json_object *data);

/*
 * Creates what happens to be made along with something else, taking @body. NULL: it was not good.
 */
struct box_object *box_make(struct box_org *org, const struct box_actor *actor,
                            enum box_kind_id kind, struct json_object *body);

/* Checks @body by @fields alone, for what is stored nowhere. NULL, or the body of the 400. */
struct json_object *box_check_fields(struct box_org *org, const struct box_field *fields,
                                     struct json_object *body);

/* Into the event log: @action happened to the object. */
void box_tell(struct box_org *org, const struct box_actor *actor, const struct box_object *object,
              const char *action, struct json_object *previous);
