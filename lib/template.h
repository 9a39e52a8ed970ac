#pragma once

/*
 * Templates: text with {placeholders}, and JSON-shaped trees of such texts. Compiled once, rendered
 * per record; rendering is pure. Rules (design of the pipeline file): a string that is one
 * placeholder takes the value with its type; otherwise values are inserted as text and null counts
 * as missing; a missing value drops its key, and an object, list item or list all of whose
 * placeholders are missing is dropped with it (a text with several placeholders counts as one: it
 * is missing or it is not).
 * {{ and }} are braces. A key with a dot in its name is tried before the nested path; a name in
 * quotes is meant letter by letter ({"a.b"}). {record.x} is x. {@name} is asked of the scope.
 * Filters ({email|trim|lower}, lib/filter.h) change a value from left to right, before all this is
 * decided: what {middle|or:} fills in is not missing.
 */

#include "lib/buf.h"
#include "lib/err.h"

#include <json-c/json_object.h>
#include <stdbool.h>

struct template;
struct template_tree;

/* What a template sees while it is rendered. */
struct template_scope {
	struct json_object *record;
	/*
	 * The value of {@name}: 1 and a new reference in *ret_value; 0 where it is missing here.
	 * Names were checked at compile time by template_origin_fn.
	 */
	int (*origin)(void *arg, const char *name, struct json_object **ret_value);
	void *arg;
	/* Inside trees a text with placeholders that comes to null, or to nothing, is missing. */
	bool null_is_missing, blank_is_missing;
};

/* Says at compile time whether {@name} exists; if not, sets *ret_near to the nearest or NULL. */
typedef bool (*template_origin_fn)(void *arg, const char *name, const char **ret_near);

/*
 * Compiles one text. -EINVAL with a sentence that says what is wrong with it and how to write it
 * (Nexla's {'{x}'}, an unclosed brace, an unknown {@name} or filter). @err carries no position; the
 * caller knows it.
 */
int template_compile(const char *text, template_origin_fn is_origin, void *arg,
                     struct template **ret_template, struct err *err);
void template_free(struct template *t);

/* The brace that closes the placeholder beginning at @open (a brace), or NULL. */
const char *template_place_end(const char *open);

/* The text as it was written. */
const char *template_text(const struct template *t);

/* True when there is no placeholder in it. */
bool template_is_literal(const struct template *t);

/*
 * The top-level record fields that fill a placeholder alone ("{id}", "/lead/{id}/"): calls @fn for
 * each name, with or without filters. Placeholders with a path ({a.b}) or of the origin ({@x}) are
 * left out.
 */
void template_each_field(const struct template *t, void (*fn)(void *arg, const char *name),
                         void *arg);

enum template_result { TEMPLATE_VALUE, TEMPLATE_MISSING, TEMPLATE_REFUSED };

/*
 * Renders to a value: TEMPLATE_VALUE with a new reference (NULL is a JSON null), TEMPLATE_MISSING,
 * or TEMPLATE_REFUSED (a value that a filter cannot take); both with a sentence that names the
 * placeholder. Containers are shared with the record: who changes them in place copies them first.
 * @err may be NULL where nobody reads it, which saves the time to write it.
 */
enum template_result template_render(const struct template *t, const struct template_scope *scope,
                                     struct json_object **ret_value, struct err *err);

/*
 * Renders to text (objects and lists as JSON). Missing or null anywhere: TEMPLATE_MISSING; a value
 * that a filter cannot take: TEMPLATE_REFUSED. @out may then hold a part of the text.
 */
enum template_result template_render_text(const struct template *t,
                                          const struct template_scope *scope, struct buf *out,
                                          struct err *err);

/*
 * Renders a URL: literals as they are, each placeholder percent-encoded as one segment (RFC 3986
 * unreserved characters stay). Missing, null, empty, ".", "..", object and list values are refused
 * and the placeholder is named. @keep_slash names a placeholder whose slashes stay ("object_type"),
 * or NULL.
 */
enum template_result template_render_url(const struct template *t,
                                         const struct template_scope *scope, const char *keep_slash,
                                         struct buf *out, struct err *err);

/*
 * Compiles a JSON-shaped value whose strings are templates (other scalars are constants).
 * @value is borrowed during the call. Sentences name the place inside: "contacts[0].name: …".
 */
int template_tree_compile(struct json_object *value, template_origin_fn is_origin, void *arg,
                          struct template_tree **ret_tree, struct err *err);
void template_tree_free(struct template_tree *t);

/*
 * True where rendering always makes a new object or list, which may be changed in place at its own
 * level; false where the whole tree is one text, whose value may be shared with the record.
 */
bool template_tree_is_container(const struct template_tree *t);
enum template_result template_tree_render(const struct template_tree *t,
                                          const struct template_scope *scope,
                                          struct json_object **ret_value, struct err *err);

/*
 * The same for a tree that is an object and is laid over another one, key by key: each member
 * counts for itself, so constants stay where all placeholders are missing, and it is never missing.
 */
enum template_result template_tree_render_over(const struct template_tree *t,
                                               const struct template_scope *scope,
                                               struct json_object **ret_value, struct err *err);
