/* link: ids by lookup, for fields of the body and parameters of the path. */

#include "connector/pipeline/routes.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/near.h"

#include <string.h>

static const char *const nones[] = {"reject", "skip", NULL};

static bool is_in(const char *const *names, const char *name)
{
	for (; names && *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

/* What takes an id of which kind, beside the fields that names stand in for (model/names.h). */
static const struct {
	const char *field;
	const char *kinds[3];
} id_takers[] = {
	{"lead_id", {"lead"}},
	{"contact_id", {"contact"}},
	{"opportunity_id", {"opportunity"}},
	{"scf_id", {"custom_field.shared"}},
	{"group_id", {"group"}},
	{"role_id", {"role"}},
	{"sequence_id", {"sequence"}},
	{"custom_activity_type_id", {"custom_activity_type"}},
	{"custom_object_type_id", {"custom_object_type"}},
	{"email_template_id", {"template"}},
	{"sms_template_id", {"sms_template"}},
	{"object_type", {"custom_activity_type", "custom_object_type"}},
};

static bool takes_lead(const char *field, const struct lookup_kind *kind)
{
	return strcmp(field, "lead_id") == 0 && kind->is_searched &&
	       strcmp(kind->name, "lead") != 0;
}

static void fail_kinds(struct route_build *b, const struct yaml_node *at, const char *field,
                       const char *kind, const char *a, const char *c)
{
	fail(b->l, at, "%.60s holds no id of a %s: write %s%s%s", field, kind, a, c ? " or " : "",
	     c ? c : "");
}

/* Whether ids of @kind make sense in the field; tells why not. */
static void check_taker(struct route_build *b, const struct yaml_node *at, const char *field,
                        const struct lookup_kind *kind)
{
	const struct operation *op = b->route->op;
	const char *book = name_kind_of_field(op, field);
	const struct lookup_kind *own;

	if (takes_lead(field, kind))
		return;
	for (own = lookup_kinds; book && own->name; own++)
		if (!own->is_searched && own != kind &&
		    strcmp(name_kind_of_lookup(own->object), book) == 0)
			fail_kinds(b, at, field, kind->name, own->name, NULL);
	for (size_t i = 0; !book && i < sizeof(id_takers) / sizeof(*id_takers); i++)
		if (strcmp(id_takers[i].field, field) == 0 &&
		    !is_in(id_takers[i].kinds, kind->name))
			fail_kinds(b, at, field, kind->name, id_takers[i].kinds[0],
			           id_takers[i].kinds[1]);
	if (strcmp(field, "id") != 0 || strcmp(op->object, kind->object) == 0)
		return;
	own = lookup_kind_of_object(op->object);
	if (own)
		fail(b->l, at, "%s changes a %s, not a %s: write %s", op->name, own->name,
		     kind->name, own->name);
	else
		fail(b->l, at,
		     "%s changes something else than a %s: nothing finds its id, so write it under params",
		     op->name, kind->name);
}

/* The same id from elsewhere. */
static void check_twice(struct route_build *b, const struct yaml_node *key)
{
	const struct {
		const char *name;
		const struct yaml_node *map;
	} others[] = {
		{"body", b->spec.body},
		{"on_create", b->spec.on_create},
		{"on_update", b->spec.on_update},
		{"params", b->spec.params},
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		const struct yaml_node *other = route_key(others[i].map, key->text);
		cleanup_(buf_deinit) struct buf name = BUF_INIT, link = BUF_INIT;

		if (!other)
			continue;
		buf_addf(&name, "%s.%s", others[i].name, key->text);
		buf_addf(&link, "link.%s", key->text);
		route_fail_both(b, buf_text(&name), other, buf_text(&link), key,
		                "the link fills it, so keep one of them");
	}
}

static void check_field(struct route_build *b, const struct yaml_node *key)
{
	const struct operation *op = b->route->op;

	if (is_in(op->path_params, key->text)) {
		if (!b->spec.operation)
			fail(b->l, key,
			     "a link fills a parameter of an operation's path, not of a url: write "
			     "operation: %s",
			     op->name);
	} else if (b->update_op && strcmp(key->text, "id") == 0) {
		if (!b->spec.match)
			fail(b->l, key, "the id of an upsert is what match finds: write match");
	} else if (!b->route->has_body) {
		fail(b->l, key, "%s takes no body, and its path has no {%.40s}", op->name,
		     key->text);
	} else if (strcmp(key->text, "object_type") == 0) {
		fail(b->l, key,
		     "%s takes a word here, such as lead, and no id: write it in the body",
		     op->name);
	} else {
		route_check_known_key(b, op, key);
		if (strncmp(key->text, "custom.", 7) == 0 && operation_field(op, "custom.cf_x"))
			route_check_field_name(b, key, key->text + 7, false);
	}
	check_twice(b, key);
}

static bool is_option(const char *name)
{
	return strcmp(name, "default") == 0 || strcmp(name, "on_none") == 0;
}

/* What an object is found by, where its kind belongs. */
static bool is_found_by(const char *name)
{
	static const char *const keys[] = {"id", "email", "phone", "url", "name", "label"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(name, keys[i]) == 0)
			return true;
	return strncmp(name, "custom.", 7) == 0;
}

static void fail_unknown_kind(struct route_build *b, const struct yaml_node *at)
{
	const char *names[40] = {"default", "on_none"}, *near;
	cleanup_(buf_deinit) struct buf longer = BUF_INIT;
	const size_t len = strlen(at->text);
	size_t n = 2;

	for (const struct lookup_kind *kind = lookup_kinds; kind->name; kind++) {
		names[n++] = kind->name;
		if (strncmp(kind->name, at->text, len) == 0 && kind->name[len] == '.')
			buf_addf(&longer, "%s%s", longer.len ? ", " : "", kind->name);
	}
	near = near_name(at->text, names);
	if (strcmp(at->text, "email_template") == 0)
		near = "template";
	if (is_found_by(at->text))
		fail(b->l, at,
		     "unknown kind \"%.40s\": say first what kind of object it is, as in "
		     "{lead: {%.40s: …}}",
		     at->text, at->text);
	else if (near)
		fail(b->l, at, "unknown kind \"%.40s\": did you mean \"%s\"?", at->text, near);
	else if (longer.len)
		fail(b->l, at, "unknown kind \"%.40s\": there are %s", at->text, buf_text(&longer));
	else
		fail(b->l, at,
		     "unknown kind \"%.40s\": closefeed looks up lead, contact, opportunity, "
		     "custom_object, user, and by name custom_field.*, status.*, pipeline, "
		     "custom_activity_type, custom_object_type, template, sms_template, sequence, "
		     "group and role",
		     at->text);
}

/* The one kind of an entry, by its index; entry->n after telling that there is none. */
static size_t find_kind(struct route_build *b, const struct yaml_node *entry)
{
	size_t found = entry->n;
	bool is_told = false;

	for (size_t i = 0; i < entry->n; i++) {
		const struct yaml_node *key = entry->keys[i];

		if (is_option(key->text))
			continue;
		if (!lookup_kind_called(key->text)) {
			fail_unknown_kind(b, key);
			is_told = true;
		} else if (found < entry->n) {
			route_fail_both(b, entry->keys[found]->text, entry->keys[found], key->text,
			                key, "an id is of one kind");
		} else {
			found = i;
		}
	}
	if (found == entry->n && !is_told)
		fail(b->l, entry,
		     "says nothing to look for: add a kind, such as lead: {name: "
		     "\"{company}\"}");
	return found;
}

static void compile_on_none(struct route_build *b, const struct yaml_node *value,
                            struct link_rule *link)
{
	const char *near = value->kind == YAML_TEXT ? near_name(value->text, nones) : NULL;

	link->on_none = NONE_REJECT;
	if (value->kind == YAML_TEXT && strcmp(value->text, "skip") == 0)
		link->on_none = NONE_SKIP;
	else if (value->kind == YAML_TEXT && strcmp(value->text, "reject") == 0)
		return;
	else if (value->kind == YAML_TEXT && strcmp(value->text, "create") == 0)
		fail(b->l, value,
		     "a link creates nothing: write reject or skip, and let a route before this "
		     "one make what is missing (continue: true)");
	else if (near)
		fail(b->l, value, "must be reject or skip, not \"%.40s\": did you mean \"%s\"?",
		     value->text, near);
	else
		fail_kind(b->l, value, "reject or skip");
}

static void compile_default(struct route_build *b, const struct yaml_node *entry,
                            const struct lookup_kind *kind, struct link_rule *link)
{
	const struct yaml_node *value = yaml_get(entry, "default");
	const char *text = template_source(b->l, value);
	const char *prefix = link->takes_lead ? "lead_" : kind->prefix;

	link->fallback = text ? route_template(b, value, text) : NULL;
	if (!link->fallback || !template_is_literal(link->fallback))
		return;
	if (!*text || (prefix && strncmp(text, prefix, strlen(prefix)) != 0))
		fail(b->l, value, "must be an id (%s…), for when nothing is found",
		     prefix ? prefix : "");
	if (yaml_get(entry, "on_none"))
		route_fail_both(b, "default", route_key(entry, "default"), "on_none",
		                route_key(entry, "on_none"), "there always is the default");
}

/* What such an object is mostly known by. */
static const char *usual_field(const struct lookup_kind *kind)
{
	if (strcmp(kind->fields[0], "id") != 0)
		return kind->fields[0];
	return kind->fields[1] ? kind->fields[1] : "custom.NAME";
}

static void compile_fields(struct route_build *b, const struct lookup_kind *kind,
                           const struct yaml_node *value, struct link_rule *link)
{
	if (value->kind != YAML_TEXT || yaml_is_null(value)) {
		route_compile_lookup(b, kind, value, true, &link->rule);
		return;
	}
	link->rule.kind = mem_strdup(kind->object);
	fail(b->l, value, "must be a map of fields: write {%s: {%s: \"%.60s\"}}", kind->name,
	     usual_field(kind), value->text);
}

static void compile_entry(struct route_build *b, const struct yaml_node *key,
                          const struct yaml_node *entry, struct route *route)
{
	const size_t i = find_kind(b, entry);
	const struct lookup_kind *kind;
	struct link_rule *link;
	size_t mark;

	if (i == entry->n)
		return;
	kind = lookup_kind_called(entry->keys[i]->text);
	route->links = mem_resize(route->links, route->n_links + 1, sizeof(*route->links));
	link = &route->links[route->n_links++];
	*link = (struct link_rule){
		.field = mem_strdup(key->text),
		.is_in_url = b->route->op && is_in(b->route->op->path_params, key->text),
		.takes_lead = takes_lead(key->text, kind),
		.on_none = NONE_REJECT,
	};
	mark = path_enter(b->l, kind->name);
	compile_fields(b, kind, entry->items[i], link);
	path_leave(b->l, mark);
	mark = path_enter(b->l, "default");
	if (yaml_get(entry, "default"))
		compile_default(b, entry, kind, link);
	path_leave(b->l, mark);
	mark = path_enter(b->l, "on_none");
	if (yaml_get(entry, "on_none"))
		compile_on_none(b, yaml_get(entry, "on_none"), link);
	path_leave(b->l, mark);
	if (b->route->op && route == b->route)
		check_taker(b, entry->keys[i], key->text, kind);
}

void route_compile_links(struct route_build *b)
{
	const struct yaml_node *links = b->spec.link;
	const size_t mark = path_enter(b->l, "link");

	if (links && !b->route->op && b->route->url)
		fail(b->l, links,
		     "looks for objects of Close, and nothing is known of this path: write an "
		     "operation");
	for (size_t i = 0; links && i < links->n; i++) {
		const size_t inner = path_enter(b->l, links->keys[i]->text);

		if (b->route->op)
			check_field(b, links->keys[i]);
		if (links->items[i]->kind != YAML_MAP || !links->items[i]->n)
			fail_kind(b->l, links->items[i],
			          "a map such as {lead: {name: \"{company}\"}}");
		else
			compile_entry(b, links->keys[i], links->items[i], b->route);
		path_leave(b->l, inner);
	}
	path_leave(b->l, mark);
}

void route_copy_links(struct route_build *b, struct route *route)
{
	const struct yaml_node *links = b->spec.link;

	for (size_t i = 0; links && i < links->n; i++) {
		const char *field = links->keys[i]->text;

		if (!is_in((const char *const *)route->omit, field) &&
		    !is_in((const char *const *)route->create_only, field))
			compile_entry(b, links->keys[i], links->items[i], route);
	}
}
