#pragma once

/*
 * What is known of one write operation of Close: a row of schemas/close/operations.json as plain
 * data. connector/close/catalogue builds the set; everybody may look into it.
 */

#include <stdbool.h>
#include <stddef.h>

/* How a body is written; Close takes JSON, other hosts behind base_url may not. */
enum content_format { CONTENT_JSON, CONTENT_FORM, CONTENT_XML };

enum http_method { METHOD_POST, METHOD_PUT, METHOD_PATCH, METHOD_DELETE };

/* How the outcome of a lost answer is found out (delivery classes of the protocol). */
enum delivery_class {
	CLASS_A, /* create that can carry an identity of ours in a custom field */
	CLASS_B, /* create with an external id of its own */
	CLASS_C, /* create recognised by a fingerprint in a list */
	CLASS_N, /* create of a named thing */
	CLASS_R, /* only reads, or repeating is harmless */
	CLASS_D, /* cannot be undone or proven: never again by itself */
	CLASS_U, /* PUT or DELETE: repeating gives the same result */
};

enum operation_effect {
	EFFECT_SENDS = 1,
	EFFECT_COSTS = 2,
	EFFECT_MASS = 4,
	EFFECT_DESTROYS = 8,
	EFFECT_ORPHANS = 16, /* Close makes a lead for an object that names none */
};

enum body_source { BODY_SPEC, BODY_SPEC_DOCS, BODY_DOCS, BODY_INFERRED, BODY_NONE };

struct operation_field {
	const char *name; /* "custom.cf_*" stands for all custom fields */
	const char *type; /* "string|null", "enum(a|b)", … */
};

struct operation {
	const char *name; /* "lead.create" */
	enum http_method method;
	const char *path;               /* "/lead/{id}/" */
	const char *const *path_params; /* NULL-terminated, as are the lists below */
	const char *const *query_params;
	const struct operation_field *body_fields; /* ends with a NULL name */
	const char *const *required;
	enum body_source body_source;
	unsigned success_status;
	bool is_oauth_only;
	unsigned effects; /* enum operation_effect, or'ed */
	unsigned depends; /* those of them that only some bodies have (model/effects.h) */
	enum delivery_class class;
	const char
		*object; /* kind of object made or changed: "lead"; for lanes, search and events */
	const char *lookup; /* of class A "search", B "external_id", C "list", N "name"; else "" */
	const char *summary;
};

struct operation_set {
	const struct operation *items; /* sorted by name */
	size_t n;
};

const char *http_method_name(enum http_method method);
/* What the Content-Type of a request says: "application/json". */
const char *content_type_name(enum content_format format);
const char *delivery_class_name(enum delivery_class class); /* "A" … "U" */

/* The operation called @name, or NULL. */
const struct operation *operation_find(const struct operation_set *set, const char *name);

/*
 * The operation that @method and @path (as in "/lead/lead_A1/" or "/lead/{x}/": a segment with a
 * placeholder matches a parameter) belong to, or NULL. PATCH matches as PUT. A missing last slash
 * matches too. Literal segments win over parameters.
 */
const struct operation *operation_match(const struct operation_set *set, enum http_method method,
                                        const char *path);

/*
 * @path (placeholders may stand in it) as a lenient server may read it: %XX decoded, however often
 * it was encoded, in lower case, without doubled slashes, . and .. segments and a leading /api/v1.
 * To free(). NULL: with its .. segments it leads above base_url.
 */
char *operation_plain_path(const char *path);

/* The field called @name in @op ("custom.cf_B2.add" finds "custom.cf_*"), or NULL. */
const struct operation_field *operation_field(const struct operation *op, const char *name);

/*
 * operation_members.c: what stands inside the objects of a field. Whether the catalogue lists their
 * members, and whether they have @name: they do where it lists none, and custom fields always.
 */
bool operation_lists_members(const struct operation_field *field);
bool operation_has_member(const struct operation_field *field, const char *name);
/*
 * The operation of @set that has the fields of the objects in @field of @op, where they are such as
 * can be made by themselves (contacts of a new lead); or NULL. @set may be NULL.
 */
const struct operation *operation_of_items(const struct operation_set *set,
                                           const struct operation *op, const char *field);
