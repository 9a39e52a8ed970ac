#include "lib/json.h"
#include "lib/mem.h"
#include "lib/template.h"

#include <assert.h>
#include <errno.h>
#include <json-c/linkhash.h>
#include <stdlib.h>

/*
 * A tree copies the shape of the value it was compiled from. What decides over a branch is whether
 * it holds templates with placeholders, and whether any of them found its value: constants beside
 * them ({type: office, email: "{email}"}) do not keep an object alive.
 */

enum node_kind { NODE_CONSTANT, NODE_TEXT, NODE_OBJECT, NODE_LIST };

struct template_tree {
	enum node_kind kind;
	bool has_placeholders;
	struct json_object *constant; /* NODE_CONSTANT: a scalar; NULL is null */
	struct template *text;
	struct template_tree **items; /* NODE_OBJECT, NODE_LIST */
	char **keys;                  /* NODE_OBJECT */
	size_t n;
};

struct compiler {
	template_origin_fn is_origin;
	void *arg;
	struct buf place; /* where we are: contacts[0].name */
	struct err *err;
};

/* As deep as the compiled value, whose reader bounds its depth. NOLINTBEGIN(misc-no-recursion) */
void template_tree_free(struct template_tree *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++) {
		template_tree_free(t->items[i]);
		if (t->keys)
			free(t->keys[i]);
	}
	free(t->items);
	free(t->keys);
	template_free(t->text);
	json_object_put(t->constant);
	free(t);
}

bool template_tree_is_container(const struct template_tree *t)
{
	return t->kind == NODE_OBJECT || t->kind == NODE_LIST;
}

static int compile_node(struct compiler *c, struct json_object *value, struct template_tree *t);

static int compile_item(struct compiler *c, struct json_object *value, struct template_tree *t)
{
	struct template_tree *item = mem_alloc(sizeof(*item));

	t->items[t->n++] = item;
	if (compile_node(c, value, item) < 0)
		return -EINVAL;
	t->has_placeholders |= item->has_placeholders;
	return 0;
}

static void leave_place(struct compiler *c, size_t len)
{
	c->place.len = len;
	if (c->place.data)
		c->place.data[len] = '\0';
}

static int compile_object(struct compiler *c, struct json_object *value, struct template_tree *t)
{
	const size_t n = (size_t)json_object_object_length(value);
	const size_t here = c->place.len;

	t->kind = NODE_OBJECT;
	t->items = mem_array(n, sizeof(struct template_tree *));
	t->keys = mem_array(n, sizeof(char *));
	json_object_object_foreach(value, key, member)
	{
		t->keys[t->n] = mem_strdup(key);
		buf_addf(&c->place, "%s%s", here ? "." : "", key);
		if (compile_item(c, member, t) < 0)
			return -EINVAL;
		leave_place(c, here);
	}
	return 0;
}

static int compile_list(struct compiler *c, struct json_object *value, struct template_tree *t)
{
	const size_t n = json_object_array_length(value);
	const size_t here = c->place.len;

	t->kind = NODE_LIST;
	t->items = mem_array(n, sizeof(struct template_tree *));
	for (size_t i = 0; i < n; i++) {
		buf_addf(&c->place, "[%zu]", i);
		if (compile_item(c, json_object_array_get_idx(value, i), t) < 0)
			return -EINVAL;
		leave_place(c, here);
	}
	return 0;
}

static int compile_text(struct compiler *c, struct json_object *value, struct template_tree *t)
{
	const int r = template_compile(json_object_get_string(value), c->is_origin, c->arg,
	                               &t->text, c->err);

	if (r < 0)
		return c->place.len ? err_prefix(c->err, r, "%s", buf_text(&c->place)) : r;
	t->kind = NODE_TEXT;
	t->has_placeholders = !template_is_literal(t->text);
	return 0;
}

static int compile_node(struct compiler *c, struct json_object *value, struct template_tree *t)
{
	switch (json_object_get_type(value)) {
	case json_type_object:
		return compile_object(c, value, t);
	case json_type_array:
		return compile_list(c, value, t);
	case json_type_string:
		return compile_text(c, value, t);
	case json_type_null:
	case json_type_boolean:
	case json_type_double:
	case json_type_int:
		break;
	}
	t->kind = NODE_CONSTANT;
	t->constant = json_object_get(value);
	return 0;
}

int template_tree_compile(struct json_object *value, template_origin_fn is_origin, void *arg,
                          struct template_tree **ret_tree, struct err *err)
{
	struct compiler c = {.is_origin = is_origin, .arg = arg, .err = err};
	struct template_tree *t = mem_alloc(sizeof(*t));
	const int r = compile_node(&c, value, t);

	buf_deinit(&c.place);
	if (r < 0) {
		template_tree_free(t);
		return r;
	}
	*ret_tree = t;
	return 0;
}

/* Whether what a text with placeholders came to counts as nothing. */
static bool is_left_out(const struct template_tree *t, const struct template_scope *scope,
                        struct json_object *value)
{
	if (t->kind != NODE_TEXT || !t->has_placeholders)
		return false;
	if (!value)
		return scope->null_is_missing;
	return scope->blank_is_missing && json_object_is_type(value, json_type_string) &&
	       json_object_get_string_len(value) == 0;
}

static enum template_result render_items(const struct template_tree *t,
                                         const struct template_scope *scope,
                                         struct json_object *into, struct err *err)
{
	bool is_alive = !t->has_placeholders;

	for (size_t i = 0; i < t->n; i++) {
		struct json_object *value = NULL;
		const enum template_result result =
			template_tree_render(t->items[i], scope, &value, err);

		if (result == TEMPLATE_REFUSED)
			return result;
		if (result == TEMPLATE_MISSING)
			continue;
		if (is_left_out(t->items[i], scope, value)) {
			json_object_put(value);
			continue;
		}
		is_alive |= t->items[i]->has_placeholders;
		/* A tree has each key once, so there is nothing to look for. */
		if (t->keys)
			(void)json_object_object_add_ex(into, t->keys[i], value,
			                                JSON_C_OBJECT_ADD_KEY_IS_NEW);
		else
			(void)json_object_array_add(into, value);
	}
	return is_alive ? TEMPLATE_VALUE : TEMPLATE_MISSING;
}

enum template_result template_tree_render(const struct template_tree *t,
                                          const struct template_scope *scope,
                                          struct json_object **ret_value, struct err *err)
{
	struct json_object *value;
	enum template_result result;

	switch (t->kind) {
	case NODE_CONSTANT:
		*ret_value = json_object_get(t->constant);
		return TEMPLATE_VALUE;
	case NODE_TEXT:
		return template_render(t->text, scope, ret_value, err);
	case NODE_OBJECT:
	case NODE_LIST:
		break;
	}
	value = json_made(t->kind == NODE_OBJECT ? json_object_new_object()
	                                         : json_object_new_array());
	result = render_items(t, scope, value, err);
	if (result == TEMPLATE_VALUE)
		*ret_value = value;
	else
		json_object_put(value);
	return result;
}

/* NOLINTEND(misc-no-recursion) */

enum template_result template_tree_render_over(const struct template_tree *t,
                                               const struct template_scope *scope,
                                               struct json_object **ret_value, struct err *err)
{
	struct json_object *value = json_made(json_object_new_object());

	assert(t->kind == NODE_OBJECT);
	if (render_items(t, scope, value, err) == TEMPLATE_REFUSED) {
		json_object_put(value);
		return TEMPLATE_REFUSED;
	}
	*ret_value = value;
	return TEMPLATE_VALUE;
}
