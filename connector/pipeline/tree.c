/* Values with templates in them: what they may look like, and as JSON. */

#include "connector/pipeline/keys.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <assert.h>
#include <string.h>

bool check_tree(struct loader *l, const struct yaml_node *value)
{
	bool is_clean = !value->is_faulty;

	if (value->kind == YAML_TEXT)
		return is_clean;
	if (fail_unquoted(l, value))
		return false;
	for (size_t i = 0; i < value->n; i++) {
		const size_t mark = value->kind == YAML_MAP ? path_enter(l, value->keys[i]->text)
		                                            : path_enter_item(l, i);

		if (value->kind == YAML_MAP && !*value->keys[i]->text) {
			fail(l, value->keys[i], "a key must not be empty");
			is_clean = false;
		}
		is_clean &= check_tree(l, value->items[i]);
		path_leave(l, mark);
	}
	return is_clean;
}

const char *template_source(struct loader *l, const struct yaml_node *value)
{
	if (value->kind == YAML_TEXT && !yaml_is_null(value))
		return value->is_faulty ? NULL : value->text;
	if (is_reference(value))
		fail(l, value,
		     "values from outside do not stand here: name it under vars and write "
		     "\"{@var.name}\"");
	else
		fail_kind(l, value, "a text with placeholders, such as \"{id}\"");
	return NULL;
}

static struct json_object *scalar_json(const struct yaml_node *value)
{
	struct json_object *json = NULL;
	bool truth;

	if (yaml_is_bool(value, &truth))
		return json_object_new_boolean(truth);
	if (yaml_is_number(value)) {
		/* The grammar is JSON's, and its parser keeps the digits. */
		if (json_parse(value->text, strlen(value->text), 0, &json, NULL, NULL) == 0)
			return json;
	}
	return json_string(value->text);
}

struct json_object *tree_json(const struct yaml_node *value)
{
	struct json_object *json;

	if (value->kind == YAML_TEXT)
		return yaml_is_null(value) ? NULL : scalar_json(value);
	json = value->kind == YAML_MAP ? json_object_new_object() : json_object_new_array();
	for (size_t i = 0; i < value->n; i++) {
		struct json_object *item = tree_json(value->items[i]);

		if (value->kind == YAML_MAP)
			json_object_object_add(json, value->keys[i]->text, item);
		else
			json_object_array_add(json, item);
	}
	return json;
}
