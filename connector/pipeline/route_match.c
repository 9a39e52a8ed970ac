/* match: which existing object a route is about, and what becomes of the answer. */

#include "connector/pipeline/routes.h"

#include <string.h>

_Static_assert(MANY_REJECT == 0 && MANY_OLDEST == 1, "");
_Static_assert(MATCH_UPDATE == 0 && MATCH_SKIP == 1, "");
_Static_assert(NONE_CREATE == 0 && NONE_REJECT == 1 && NONE_SKIP == 2, "");

static bool has_id(const struct operation *op)
{
	return op->path_params[0] && strcmp(op->path_params[0], "id") == 0 && !op->path_params[1];
}

/* The kind that match looks for; NULL after telling why there is none. */
static const struct lookup_kind *kind_of(struct route_build *b, const struct yaml_node *at)
{
	const struct operation *op = b->route->op;
	const struct lookup_kind *kind = op ? lookup_kind_of_object(op->object) : NULL;

	if (!b->spec.operation && b->spec.url) {
		route_fail_both(b, "url", route_key(b->map, "url"), "match", at,
		                "match goes with operation, as in operation: lead.update");
		return NULL;
	}
	if (!op)
		return NULL; /* which was told */
	if (!b->update_op && op->method == METHOD_POST) {
		fail(b->l, at,
		     "%s makes a new object: match belongs to *.upsert, and to *.update and "
		     "*.delete",
		     op->name);
		return NULL;
	}
	if (kind && kind->is_searched && (b->update_op || has_id(op)))
		return kind;
	if (kind && has_id(op))
		fail(b->l, at,
		     "looks for leads, contacts, opportunities and custom objects only: write "
		     "link: {id: {%s: {name: …}}}",
		     kind->name);
	else
		fail(b->l, at,
		     "looks for leads, contacts, opportunities and custom objects only, and %s "
		     "changes something else",
		     op->name);
	return NULL;
}

/* The id that match finds must not come from elsewhere, too. */
static void check_id(struct route_build *b, const struct yaml_node *at)
{
	static const char advice[] = "match finds the id";
	const struct yaml_node *param = route_key(b->spec.params, "id");
	const struct yaml_node *link = route_key(b->spec.link, "id");

	if (param)
		route_fail_both(b, "params.id", param, "match", at, advice);
	if (link)
		route_fail_both(b, "link.id", link, "match", at, advice);
}

/* Keys about an object that was found, or was not, where nothing is looked for. */
static void check_without(struct route_build *b)
{
	static const char *const keys[] = {"on_many", "on_match", "on_none"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (route_key(b->map, keys[i]))
			fail(b->l, route_key(b->map, keys[i]),
			     "%s belongs to match, and there is none: take it out, or say which "
			     "object is meant",
			     keys[i]);
	if (b->update_op)
		fail(b->l, route_place(b, "operation"),
		     "%s needs match, which says what object of Close a record is about: match: "
		     "{custom.Account ID: \"{id}\"}",
		     b->spec.operation);
}

/* Outcomes that an upsert alone has. */
static void check_no_create(struct route_build *b)
{
	const char *name = b->route->op->name;
	size_t mark = path_enter(b->l, "on_none");

	if (b->route->on_none == NONE_CREATE)
		fail(b->l, route_place(b, "on_none"),
		     "%s creates nothing: write reject or skip, or operation: %.*s.upsert", name,
		     (int)strcspn(name, "."), name);
	path_leave(b->l, mark);
	mark = path_enter(b->l, "on_match");
	if (b->route->on_match == MATCH_SKIP)
		fail(b->l, route_place(b, "on_match"),
		     "with skip %s would never send anything: leave it out", name);
	path_leave(b->l, mark);
}

static void compile_outcomes(struct route_build *b)
{
	struct route *route = b->route;
	const bool is_upsert = b->update_op;

	route->on_many = (enum on_many)b->spec.on_many;
	route->on_match = (enum on_match)b->spec.on_match;
	route->on_none = b->spec.has_on_none ? (enum on_none)b->spec.on_none
	                 : is_upsert         ? NONE_CREATE
	                                     : NONE_REJECT;
	if (is_upsert && route->on_match == MATCH_SKIP && route->on_none != NONE_CREATE)
		route_fail_both(b, "on_match", route_key(b->map, "on_match"), "on_none",
		                route_key(b->map, "on_none"), "nothing would ever be sent");
	if (!is_upsert)
		check_no_create(b);
}

/* Which keys of a body bring what a field of match finds; custom fields are written by match. */
static const struct {
	const char *field, *object, *keys[3], *example;
} bringers[] = {
	{"name", NULL, {"name"}, "name: \"{name}\""},
	{"email", "lead", {"contacts"}, "contacts: [{emails: [{email: \"{email}\"}]}]"},
	{"phone", "lead", {"contacts"}, "contacts: [{phones: [{phone: \"{phone}\"}]}]"},
	{"url", "lead", {"url", "contacts"}, "url: \"{url}\""},
	{"email", "contact", {"emails"}, "emails: [{email: \"{email}\"}]"},
	{"phone", "contact", {"phones"}, "phones: [{phone: \"{phone}\"}]"},
	{"url", "contact", {"urls"}, "urls: [{url: \"{url}\"}]"},
};

enum { n_bringers = sizeof(bringers) / sizeof(bringers[0]) };

/* The row of what is not brought, though @field finds by it; n_bringers: it is. */
static size_t missing_bringer(const struct route_build *b, const char *field)
{
	for (size_t i = 0; i < n_bringers; i++) {
		bool is_there = false;

		if (strcmp(bringers[i].field, field) != 0 ||
		    (bringers[i].object && strcmp(bringers[i].object, b->route->op->object) != 0))
			continue;
		for (const char *const *key = bringers[i].keys; *key; key++)
			is_there |= yaml_get(b->spec.body, *key) ||
			            yaml_get(b->spec.on_create, *key) ||
			            (b->spec.batch.into && !strcmp(b->spec.batch.into, *key));
		return is_there ? n_bringers : i;
	}
	return n_bringers;
}

/* The same for the first field of a map that is not brought. */
static size_t missing_of_key(const struct route_build *b, const struct lookup_key_rule *key)
{
	size_t missing = n_bringers;

	for (size_t i = 0; i < key->n && missing == n_bringers; i++)
		missing = missing_bringer(b, key->fields[i].name);
	return missing;
}

/* What is made has to be found the next time, by one of the maps. */
static void check_found_again(struct route_build *b, const struct yaml_node *at)
{
	const struct lookup_rule *match = &b->route->match;
	size_t first = n_bringers, mark;

	if (!b->update_op || b->route->on_none != NONE_CREATE || !b->spec.body ||
	    b->spec.body->kind != YAML_MAP)
		return;
	for (size_t i = match->n_keys; i-- > 0;) {
		first = missing_of_key(b, &match->keys[i]);
		if (first == n_bringers)
			return;
	}
	mark = path_enter(b->l, "match");
	if (first < n_bringers)
		warn(b->l, at,
		     "what is made will not have the %s it is looked for by, so it is found again "
		     "only as long as this state remembers it, and another state would make "
		     "another %s: write it into the body, as in %s",
		     bringers[first].field, match->kind, bringers[first].example);
	path_leave(b->l, mark);
}

void route_compile_match(struct route_build *b)
{
	const struct yaml_node *at = route_key(b->map, "match");
	const size_t mark = path_enter(b->l, "match");
	const struct lookup_kind *kind = b->spec.match ? kind_of(b, at) : NULL;

	if (kind) {
		check_id(b, at);
		route_compile_lookup(b, kind, b->spec.match, false, &b->route->match);
	}
	path_leave(b->l, mark);
	if (kind) {
		compile_outcomes(b);
		check_found_again(b, at);
	} else if (!at) {
		check_without(b);
	}
}
