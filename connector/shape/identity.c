#include "connector/shape/steps.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <string.h>

static bool refuse(struct shaping *s, const char *why)
{
	const struct route *route = s->route;

	rejection_set(
		s->rejection, REJECT_MATCH, route->identity_field,
		"the identity %s of this record (\"%s\") %s, so a create of it could never be "
		"proven",
		route->identity_field, template_text(route->identity_value), why);
	return false;
}

static const char *text_trouble(struct json_object *value)
{
	const char *text = json_object_get_string(value);

	if (strlen(text) != (size_t)json_object_get_string_len(value))
		return "holds a NUL character";
	return text[strspn(text, " \t\r\n")] ? NULL : "is empty";
}

/* Why @value cannot prove a create, or NULL. */
static const char *identity_trouble(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return "is null";
	case json_type_object:
		return "is an object";
	case json_type_array:
		return "is a list";
	case json_type_string:
		return text_trouble(value);
	case json_type_boolean:
	case json_type_double:
	case json_type_int:
		break;
	}
	return NULL;
}

/* Equality of identities is exact after trimming, so it is the trimmed text that is sent. */
static char *trimmed(const char *text)
{
	size_t len;

	text += strspn(text, " \t\r\n");
	len = strlen(text);
	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	return mem_dup(text, len);
}

bool shape_identity(struct shaping *s)
{
	const struct route *route = s->route;
	cleanup_(json_freep) struct json_object *value = NULL;
	const char *trouble;
	struct err err;

	if (!route->identity_value)
		return true;
	switch (template_render(route->identity_value, &s->scope, &value, &err)) {
	case TEMPLATE_VALUE:
		break;
	case TEMPLATE_MISSING:
		return refuse(s, "is missing");
	case TEMPLATE_REFUSED:
		rejection_set(s->rejection, REJECT_TEMPLATE, route->identity_field, "%s", err.text);
		return false;
	}
	trouble = identity_trouble(value);
	if (trouble)
		return refuse(s, trouble);
	if (!shape_identity_field(s, route->identity_field, &s->draft->identity_field))
		return false;
	s->draft->identity_value = json_object_is_type(value, json_type_string)
	                                   ? trimmed(json_object_get_string(value))
	                                   : json_text(value);
	return true;
}

void shape_put_identity(struct shaping *s)
{
	if (!s->draft->identity_field)
		return;
	shape_own_body(s);
	/* As text, whatever the record has: it is looked up as text in a text field. */
	(void)json_object_object_add(s->draft->body, s->draft->identity_field,
	                             json_string(s->draft->identity_value));
}
