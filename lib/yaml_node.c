#include "lib/yaml.h"

#include <stdio.h>
#include <string.h>

const struct yaml_node *yaml_get(const struct yaml_node *node, const char *key)
{
	if (!node || node->kind != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < node->n; i++)
		if (strcmp(node->keys[i]->text, key) == 0)
			return node->items[i];
	return NULL;
}

bool yaml_is_null(const struct yaml_node *node)
{
	return node->kind == YAML_TEXT && node->is_plain &&
	       (!*node->text || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

bool yaml_is_bool(const struct yaml_node *node, bool *ret_value)
{
	const bool is_true = node->kind == YAML_TEXT && strcmp(node->text, "true") == 0;

	if (node->kind != YAML_TEXT || !node->is_plain ||
	    (!is_true && strcmp(node->text, "false") != 0))
		return false;
	*ret_value = is_true;
	return true;
}

static const char *skip_digits(const char *p)
{
	while (*p >= '0' && *p <= '9')
		p++;
	return p;
}

bool yaml_is_number(const struct yaml_node *node)
{
	const char *p, *from;

	if (node->kind != YAML_TEXT || !node->is_plain)
		return false;
	from = node->text + (node->text[0] == '-');
	p = skip_digits(from);
	if (p == from || (*from == '0' && p > from + 1))
		return false;
	if (*p == '.') {
		from = p + 1;
		p = skip_digits(from);
		if (p == from)
			return false;
	}
	if (*p == 'e' || *p == 'E') {
		from = p + 1 + (p[1] == '+' || p[1] == '-');
		p = skip_digits(from);
		if (p == from)
			return false;
	}
	return *p == '\0';
}

const char *yaml_describe(const struct yaml_node *node, char *room, size_t room_len)
{
	bool value;

	if (node->kind == YAML_MAP)
		return node->n ? "a map" : "an empty map";
	if (node->kind == YAML_LIST)
		return node->n ? "a list" : "an empty list";
	if (yaml_is_null(node))
		return "nothing";
	if (yaml_is_number(node))
		(void)snprintf(room, room_len, "the number %.40s", node->text);
	else if (yaml_is_bool(node, &value))
		(void)snprintf(room, room_len, "%s", value ? "true" : "false");
	else
		(void)snprintf(room, room_len, "the text \"%.40s\"", node->text);
	return room;
}
