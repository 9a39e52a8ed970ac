#pragma once

/*
 * A route of the pipeline, compiled to plain data: what connector/pipeline checked and
 * connector/shape follows. It knows no YAML.
 */

#include "connector/model/batch.h"
#include "connector/model/lookup.h"
#include "connector/model/names.h"
#include "connector/model/operation.h"
#include "lib/exclude.h"
#include "lib/jq.h"
#include "lib/template.h"

#include <stdbool.h>
#include <stddef.h>

enum on_null { NULLS_SEND, NULLS_OMIT };

enum unknown_keys { UNKNOWN_WARN, UNKNOWN_DROP, UNKNOWN_REJECT };

struct named_template {
	char *name;
	struct template *value;
};

struct route {
	size_t index;          /* in the file, from 0 */
	char *name;            /* default: the operation's name, or "METHOD path" */
	unsigned line, column; /* where it stands in the pipeline file */
	/* NULL for a path the catalogue does not know, or not before the record fills it: see
	 * route_operation() */
	const struct operation *op;
	enum http_method method; /* never PATCH: written PATCH became PUT, see is_patch */
	bool is_patch;
	/*
	 * Path below base_url, beginning with "/" and (catalogue) ending with "/". An operation's
	 * path with `params` put in; a parameter without one is "{name}" of the record.
	 */
	struct template *url;
	char *keep_slash; /* the placeholder of url whose slashes stay ({object_type}); NULL: none
	                   */
	struct named_template *query;
	size_t n_query;
	struct named_template *headers;
	size_t n_headers;
	struct template_tree *body; /* NULL: the default body */
	bool has_body;              /* false: the operation sends none */
	char **consumed; /* top-level fields the default body leaves out: they fill the path */
	size_t n_consumed;
	struct exclude **exclude; /* the file's own and the route's, in that order */
	size_t n_exclude;
	unsigned when, transform; /* numbers of programs in the set's jq; 0: none */
	bool goes_on;             /* `continue`: the next routes see the record, too */
	enum on_null nulls, blanks;
	enum content_format format;
	struct batch *batch; /* NULL: a call for each record */
	enum unknown_keys unknown_keys;
	char *identity_field;            /* "custom.cf_…" or "custom.NAME"; NULL: none */
	struct template *identity_value; /* NULL: a key of closefeed's own */
	/*
	 * Which existing object is meant. An upsert is the create (op, url, body …) and has
	 * `update`, the same for the object that was found: a route of its own with the same index
	 * and name, without match, and with a batch only where that is merge. The id that is found
	 * fills "{id}" of the url of `update`, or where there is none, of this one.
	 */
	struct lookup_rule match; /* no keys: none */
	struct route *update;     /* of an upsert; NULL: it is none */
	enum on_many on_many;
	enum on_match on_match;
	enum on_none on_none;
	struct link_rule *links;
	size_t n_links;
	/* on_create, on_update: rendered and laid over the body, key by key; NULL: nothing. */
	struct template_tree *over;
	char **omit; /* keys left out of the body (omit_on_update); NULL-terminated or NULL */
	/* Keys only a create accepts; they are left out with a note. NULL-terminated or NULL. */
	char **create_only;
	char **append;       /* list fields that are added to: "emails"; NULL-terminated or NULL */
	bool skip_unchanged; /* an update that changes nothing is skipped */
	unsigned allow;      /* enum operation_effect, or'ed */
	/*
	 * Of a call that changes all that its selection finds: the texts in the written selection,
	 * by the key they stand in. Without one of them it would find more than was meant.
	 */
	struct named_template *selection;
	size_t n_selection;
};

struct route_set {
	struct route *items; /* in the order of the file */
	size_t n;
	bool skip_unrouted;   /* unrouted: skip */
	struct jq_set *jq;    /* all programs of the file, compiled; NULL: there are none */
	unsigned transform;   /* the file's own, before the routes; 0: none */
	struct template *key; /* source.key; NULL: none */
	/* `vars`: an object of the scalars that {@var.name} stands for; NULL: none. */
	struct json_object *vars;
	/*
	 * The catalogue the routes were compiled against; not owned. A finished URL must still be
	 * its route's operation, so it is looked up again. NULL: each route is held against its own
	 * only.
	 */
	const struct operation_set *operations;
	/*
	 * What keys of closefeed's own are made of, beside the record's place: the same for the
	 * same state, different for others. Not owned; NULL in a preview.
	 */
	const char *identity_seed;
	/*
	 * The same for records of partitions, whoever reads them: of the cluster. NULL in a
	 * preview.
	 */
	const char *partition_seed;
	/* What is known by name; not owned. NULL: nothing, and names stay as they are written. */
	const struct names *names;
};

/* What any route matches or links by: of an answer this is remembered. */
struct watched_field {
	char *kind, *name; /* "lead", "custom.cf_…" or "custom.NAME" where that is not known yet */
	enum lookup_like like; /* how its values are folded */
};

void route_deinit(struct route *route);
/*
 * The operation that a call of @route with the finished @url is: the route's own, or what the
 * catalogue of @set says of the path; NULL: nothing.
 */
const struct operation *route_operation(const struct route_set *set, const struct route *route,
                                        const char *url);
/* Whether @route is one of @set, or the update of one. */
bool route_set_has(const struct route_set *set, const struct route *route);
/*
 * What the routes match or link by, each once: with the fields of names that are known by id, since
 * answers name them so. To watched_fields_free().
 */
struct watched_field *route_set_watched(const struct route_set *set, size_t *ret_n);
void watched_fields_free(struct watched_field *fields, size_t n);
void route_set_deinit(struct route_set *set);
