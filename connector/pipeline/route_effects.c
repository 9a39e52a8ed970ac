/* The guards, as far as the pipeline alone tells: what a route's calls do, and what it allows. */

#include "connector/model/effects.h"
#include "connector/pipeline/routes.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/near.h"
#include "lib/test_hooks.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* "it deletes a lead with its contacts.": of "Deletes …". */
static void add_summary(struct buf *text, const struct operation *op)
{
	if (op)
		buf_addf(text, "it %c%s", tolower((unsigned char)*op->summary), op->summary + 1);
	else
		buf_adds(text, "the catalogue does not have it, so the worst is assumed.");
}

static void fail_missing(struct route_build *b, const struct yaml_node *at, unsigned missing,
                         unsigned needed, const char *path)
{
	const struct operation *op = b->route->op;
	cleanup_(freep) char *names = effect_names(needed | b->spec.allow);
	cleanup_(freep) char *cautions = effect_cautions(missing);
	cleanup_(buf_deinit) struct buf text = BUF_INIT;

	if (op)
		buf_adds(&text, op->name);
	else
		buf_addf(&text, "%s %.100s", http_method_name(b->route->method), path);
	buf_addf(&text, " needs allow: [%s]: ", names);
	add_summary(&text, op);
	buf_addf(&text, " Write it if that is meant: %s", cautions);
	fail(b->l, at, "%s", buf_text(&text));
}

/* A word that lets through what never comes: likely it stands at the wrong route. */
static void warn_needless(struct route_build *b, unsigned possible)
{
	const struct yaml_node *list = yaml_get(b->map, "allow");
	const size_t mark = path_enter(b->l, "allow");

	for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++)
		for (unsigned bit = 1; bit < 1U << n_effects; bit <<= 1)
			if (!(possible & bit) && list->items[i]->kind == YAML_TEXT &&
			    strcmp(list->items[i]->text, effect_name(bit)) == 0)
				warn(b->l, list->items[i],
				     "no call of %s needs it: take %s out, or see whether it belongs "
				     "to another route",
				     b->spec.operation ? b->spec.operation : b->route->op->name,
				     effect_name(bit));
	path_leave(b->l, mark);
}

void route_check_effects(struct route_build *b, const char *path)
{
	const struct operation *op = b->route->op;
	const char *key = b->spec.operation ? "operation" : "url";
	const unsigned always = effects_always(op, b->route->method, path);
	const unsigned missing = always & ~b->spec.allow;
	const size_t mark = path_enter(b->l, key);

	if (op && op->is_oauth_only && !b->l->pipeline->oauth.client_id)
		fail(b->l, route_place(b, key),
		     "%s takes OAuth only, Close refuses an API key for it: write close.oauth "
		     "instead of close.api_key",
		     op->name);
	if (missing && !hook_without("guards"))
		fail_missing(b, route_place(b, key), missing, always, path);
	path_leave(b->l, mark);
	if (op)
		warn_needless(b, op->effects | (b->update_op ? b->update_op->effects : 0));
}

/* What a written body says by itself, whatever the record is. */
static void check_literals(struct route_build *b, const struct yaml_node *body)
{
	for (const struct effect_rule *r = NULL; (r = effect_rule_next(b->route->op, r));) {
		const struct yaml_node *value = yaml_get(body, r->field);
		struct json_object *json;

		if ((b->spec.allow & r->effect) || !value || value->kind != YAML_TEXT ||
		    value->is_faulty || strchr(value->text, '{') || yaml_is_null(value) ||
		    yaml_get(b->spec.link, r->field))
			continue;
		json = tree_json(body);
		if (r->shows(json)) {
			const size_t mark = path_enter(b->l, r->field);
			cleanup_(freep) char *text = effect_rule_text(r, json);

			fail(b->l, value, "%s", text);
			path_leave(b->l, mark);
		}
		json_object_put(json);
	}
}

static void add_selection(struct route_build *b, const char *key, const struct yaml_node *value)
{
	struct route *route = b->route;
	struct template *t;

	for (size_t i = 0; i < value->n; i++)
		add_selection(b, key, value->items[i]);
	if (value->kind != YAML_TEXT || value->is_faulty || yaml_is_null(value) ||
	    !strchr(value->text, '{'))
		return;
	t = route_template(b, value, value->text);
	if (!t || template_is_literal(t)) {
		template_free(t);
		return;
	}
	route->selection =
		mem_resize(route->selection, route->n_selection + 1, sizeof(*route->selection));
	route->selection[route->n_selection++] = (struct named_template){mem_strdup(key), t};
}

static void check_filters(struct route_build *b, const struct yaml_node *query)
{
	const struct operation *op = b->route->op;
	const size_t mark = path_enter(b->l, "query");

	for (size_t i = 0; i < query->n && query->kind == YAML_MAP; i++) {
		const char *name = query->keys[i]->text, *near;
		bool is_known = *name == '_' || effects_is_filter(op, name);

		for (const char *const *q = op->query_params; *q && !is_known; q++)
			is_known = strcmp(*q, name) == 0;
		if (is_known)
			continue;
		near = near_name(name, op->query_params);
		fail(b->l, query->keys[i],
		     "%s knows no filter \"%.60s\", and Close would ignore it and change more%s%s%s",
		     op->name, name, near ? ": did you mean \"" : "", near ? near : "",
		     near ? "\"?" : "");
	}
	path_leave(b->l, mark);
}

static bool has_filter(const struct operation *op, const struct yaml_node *query)
{
	for (size_t i = 0; query && query->kind == YAML_MAP && i < query->n; i++)
		if (effects_is_filter(op, query->keys[i]->text))
			return true;
	return false;
}

/* Takes what selects out of the written @body; false: nothing does. */
static bool add_selections(struct route_build *b, const struct yaml_node *body)
{
	bool is_there = !body && b->route->has_body; /* it may stand in the record */

	for (const char *const *key = effects_selectors(b->route->op); *key; key++) {
		const struct yaml_node *value = yaml_get(body, *key);

		is_there |= value != NULL;
		if (value)
			add_selection(b, *key, value);
	}
	return is_there;
}

/* A search that is the same for every record can be judged here. */
static void check_search(struct route_build *b, const struct yaml_node *body)
{
	struct json_object *json = tree_json(body);
	cleanup_(freep) char *field = NULL, *text = NULL;

	text = effects_unselected(b->route->op, "", json, &field);
	if (text) {
		const size_t mark = path_enter(b->l, field);

		fail(b->l, yaml_get(body, field) ? yaml_get(body, field) : body, "%s", text);
		path_leave(b->l, mark);
	}
	json_object_put(json);
}

void route_check_selection(struct route_build *b, const struct yaml_node *body)
{
	const struct operation *op = b->route->op;
	const size_t mark = path_enter(b->l, "body");
	bool is_there;

	if (body)
		check_literals(b, body);
	is_there = add_selections(b, body);
	if (is_there && body && body->kind == YAML_MAP && !b->route->n_selection && !b->spec.query)
		check_search(b, body);
	path_leave(b->l, mark);
	if (!effects_select(op))
		return;
	if (b->spec.query)
		check_filters(b, b->spec.query);
	if (is_there || has_filter(op, b->spec.query))
		return;
	fail(b->l, b->map,
	     "%s has nothing that says which objects are meant, and would change all there are: that "
	     "is never sent, whatever is allowed; write %s%s",
	     op->name,
	     strncmp(op->name, "bulk_action.", 12) ? "a filter under query, such as " : "",
	     op->body_source == BODY_NONE            ? op->query_params[0]
	     : strncmp(op->name, "bulk_action.", 12) ? "id__in"
	                                             : "s_query");
}
