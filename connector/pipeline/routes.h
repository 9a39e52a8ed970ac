#pragma once

/* A route while it is compiled: what was written, and the plain data it becomes. */

#include "connector/pipeline/keys.h"

struct route_spec {
	char *name, *operation, *url;
	unsigned method; /* enum http_method */
	bool has_method;
	const struct yaml_node *params, *query, *headers, *body, *exclude, *identity;
	const struct yaml_node *match, *link, *lists, *on_create, *on_update, *omit_on_update;
	unsigned on_many, on_match, on_none; /* on_none: enum on_none */
	bool has_on_none, skip_unchanged;
	unsigned nulls, blanks, format, unknown_keys, allow;
	unsigned when, transform; /* numbers of programs */
	bool goes_on;
	struct batch_spec {
		unsigned algorithm; /* enum batch_algorithm */
		bool has_algorithm;
		uint64_t size, wait_ms, bytes;
		char *key;
		const struct yaml_node *with, *each, *by, *child;
		char *into;
		unsigned program;
	} batch;
};

struct route_build {
	struct loader *l;
	const struct yaml_node *map; /* the route in the file */
	struct route_spec spec;
	struct route *route;
	const struct operation *update_op; /* of an upsert, whose op is the create; NULL: none */
	const char *missing_source;        /* an {@origin} that another source would have */
	char near[80];                     /* a name that a misspelt {@origin} may mean */
};

/* The place of @key's value, or of the route where it is not written. */
const struct yaml_node *route_place(const struct route_build *b, const char *key);

/* template_origin_fn: which {@name} there is; the argument is the struct route_build. */
bool route_is_origin(void *arg, const char *name, const char **ret_near);

/* Compiles one text of the file; NULL after telling what is wrong at @at. */
struct template *route_template(struct route_build *b, const struct yaml_node *at,
                                const char *text);

extern const struct section batch_section;

/* route_lookup.c: what objects are looked up by. */
struct lookup_kind {
	const char *name;          /* as link writes it: "template"; NULL ends the list */
	const char *object;        /* as the catalogue calls it: "email_template" */
	const char *prefix;        /* how its ids begin; NULL: in more than one way */
	const char *const *fields; /* that find one; NULL-terminated */
	bool is_searched;          /* also by custom fields; else it has a book (model/names.h) */
};
extern const struct lookup_kind lookup_kinds[];

/* The kind whose objects the catalogue calls @object; NULL: nothing looks for them. */
const struct lookup_kind *lookup_kind_of_object(const char *object);
/* The kind that link writes as @name, or NULL. */
const struct lookup_kind *lookup_kind_called(const char *name);
/*
 * Compiles a map of fields, or a list of them, and tells what is wrong with it. Unless
 * @may_be_constant each map has to differ from record to record.
 */
void route_compile_lookup(struct route_build *b, const struct lookup_kind *kind,
                          const struct yaml_node *value, bool may_be_constant,
                          struct lookup_rule *ret_rule);

/* Whether "{name}" of an operation's path is filled by match or by a link. */
bool route_is_hole(const struct route_build *b, const char *name);
/* Two places that say the same thing: told at the later one. */
void route_fail_both(struct route_build *b, const char *a, const struct yaml_node *at_a,
                     const char *c, const struct yaml_node *at_c, const char *advice);
/* The key itself in @map, or NULL. */
const struct yaml_node *route_key(const struct yaml_node *map, const char *name);

/* Compiles a value with templates in it, at its own place; NULL after telling what is wrong. */
struct template_tree *route_tree(struct route_build *b, const struct yaml_node *value);

/* How the ids in @field begin ("lead_"), or NULL where that is not known. */
const char *route_id_prefix(const char *field);
/* Whether @op makes an object that can carry a key of ours. */
bool route_can_have_identity(const struct operation *op);

/*
 * names.c: names that are written in the file. A custom field's (behind "custom.", at @at; of a
 * contact that a new lead comes with), and what stands in place of an id in @field. What the
 * routes could name is noted in the pipeline.
 */
void route_check_field_name(struct route_build *b, const struct yaml_node *at, const char *name,
                            bool is_contact);
void route_check_name(struct route_build *b, const char *field, const struct yaml_node *value);
/* The same for a custom field, or a name, by which an object is looked up. */
void route_check_lookup_field(struct route_build *b, const struct yaml_node *at,
                              const struct lookup_kind *kind, const char *name);
void route_check_lookup_name(struct route_build *b, const struct yaml_node *at,
                             const struct lookup_kind *kind);
void route_note_kinds(struct route_build *b);

/* The operation that is written, of an upsert its create; NULL after telling why there is none. */
const struct operation *route_find_operation(struct route_build *b);
/*
 * route_effects.c: tells what is not let through of what every call of the route does (@path: as it
 * is written), and what is let through for nothing.
 */
void route_check_effects(struct route_build *b, const char *path);
/*
 * The same of what the written @body (NULL: the record is the body) makes it do; of a call that
 * changes all that it selects, sets selection and tells where it selects nothing.
 */
void route_check_selection(struct route_build *b, const struct yaml_node *body);
/* Sets op, method, is_patch, name and url; false after telling why not. */
bool route_compile_target(struct route_build *b);
/* Sets body, has_body and consumed. */
void route_compile_body(struct route_build *b);
/* Sets query, headers, identity. */
void route_compile_maps(struct route_build *b);
/* Sets query and headers only. */
void route_compile_call(struct route_build *b);
/* Sets match and what becomes of it. */
void route_compile_match(struct route_build *b);
/* Sets links. */
void route_compile_links(struct route_build *b);
/*
 * Compiles the links once more, which are clean, for the update of an upsert: without those whose
 * field is in @route's omit or create_only.
 */
void route_copy_links(struct route_build *b, struct route *route);
/* Adds the paths of the file and of the route. */
void route_compile_excludes(struct loader *l, const struct route_spec *spec, struct route *route);
/* Sets update, over, append and skip_unchanged; after all the others but batch. */
void route_compile_changes(struct route_build *b);
/* Whether lists of this name have members that can be told apart. */
bool route_is_addable(const char *field);
/* What changes an object: of an upsert its update, else the operation if it is one; or NULL. */
const struct operation *route_update_op(const struct route_build *b);
/* Tells where @op takes no key of the body that is called as @key is. */
void route_check_known_key(struct route_build *b, const struct operation *op,
                           const struct yaml_node *key);
/*
 * A map whose keys are laid over the body of @op: checked as a written body is. NULL after telling
 * what is wrong.
 */
struct template_tree *route_overlay(struct route_build *b, const struct yaml_node *map,
                                    const struct operation *op);
/* A tree that was checked already and is clean. */
struct template_tree *route_recompile(struct route_build *b, const struct yaml_node *value);
/* Sets batch; after all the others. */
void route_compile_batch(struct route_build *b);

/* Makes the names of all routes differ, and tells where written ones do not. */
void routes_settle_names(struct loader *l);
