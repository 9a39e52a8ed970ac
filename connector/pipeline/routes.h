#pragma once

/* A route while it is compiled: what was written, and the plain data it becomes. */

#include "connector/pipeline/keys.h"

struct route_spec {
	char *name, *operation, *url;
	unsigned method; /* enum http_method */
	bool has_method;
	const struct yaml_node *params, *query, *headers, *body, *exclude, *identity;
	unsigned nulls, blanks, format, unknown_keys, allow;
	unsigned when, transform; /* numbers of programs */
	bool goes_on;
	struct batch_spec {
		unsigned algorithm; /* enum batch_algorithm */
		bool has_algorithm;
		uint64_t size, wait_ms, bytes;
		char *key;
		const struct yaml_node *with, *each;
		unsigned program;
	} batch;
};

struct route_build {
	struct loader *l;
	const struct yaml_node *map; /* the route in the file */
	struct route_spec spec;
	struct route *route;
	const char *missing_source; /* an {@origin} that another source would have */
	char near[80];              /* a name that a misspelt {@origin} may mean */
};

/* The place of @key's value, or of the route where it is not written. */
const struct yaml_node *route_place(const struct route_build *b, const char *key);

/* template_origin_fn: which {@name} there is; the argument is the struct route_build. */
bool route_is_origin(void *arg, const char *name, const char **ret_near);

/* Compiles one text of the file; NULL after telling what is wrong at @at. */
struct template *route_template(struct route_build *b, const struct yaml_node *at,
                                const char *text);

extern const struct section batch_section;

/* Compiles a value with templates in it, at its own place; NULL after telling what is wrong. */
struct template_tree *route_tree(struct route_build *b, const struct yaml_node *value);

/* What has to be built before @op can be used ("sends: … are"), or NULL. */
const char *route_operation_lacks(const struct operation *op);
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
void route_note_kinds(struct route_build *b);

/* Sets op, method, is_patch, name and url; false after telling why not. */
bool route_compile_target(struct route_build *b);
/* Sets body, has_body and consumed. */
void route_compile_body(struct route_build *b);
/* Sets query, headers, identity. */
void route_compile_maps(struct route_build *b);
/* Sets batch; after all the others. */
void route_compile_batch(struct route_build *b);

/* Makes the names of all routes differ, and tells where written ones do not. */
void routes_settle_names(struct loader *l);
