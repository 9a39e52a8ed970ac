#include "connector/shape/steps.h"
#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { own_key_digits = 32 };

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

const char *scalar_trouble(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return "is null";
	case json_type_object:
		return "is an object";
	case json_type_array:
		return "is a list";
	case json_type_string:
	case json_type_boolean:
	case json_type_double:
	case json_type_int:
		break;
	}
	return NULL;
}

/* Why @value cannot prove a create, or NULL. */
static const char *identity_trouble(struct json_object *value)
{
	return json_object_is_type(value, json_type_string) ? text_trouble(value)
	                                                    : scalar_trouble(value);
}

/* An identity is looked up by its exact text, which search knows of fields of text alone. */
static bool identity_field(struct shaping *s)
{
	const char *written = s->route->identity_field;
	char **field = &s->draft->identity_field, *kind;
	const struct name_book *book;
	const struct name_entry *entry;

	if (!shape_identity_field(s, written, field))
		return false;
	kind = shape_fields_kind(s);
	book = kind ? names_book(s->routes->names, kind) : NULL;
	entry = book ? name_find_id(book, *field + strlen("custom.")) : NULL;
	free(kind);
	if (!entry || entry->type == FIELD_TEXT || entry->type == FIELD_ANY)
		return true;
	rejection_set(s->rejection, REJECT_FIELD, written,
	              "\"%s\": a custom field of type %s cannot hold an identity; it needs one of "
	              "type text or hidden",
	              written, entry->type_name);
	return false;
}

/*
 * A key of closefeed's own: the same whenever this output of this record is shaped in this state
 * (of a partition: by anybody), and another for every other one, also at an offset of a topic that
 * was made anew. 128 bits of the hash are enough for that.
 */
static char *own_key(const struct shaping *s)
{
	const struct record *record = s->record;
	char hex[sha256_hex];
	char *text;

	/* No text has a NUL in it, but a newline may be in a name: the length keeps them apart. */
	if (record->kind == STREAM_PARTITION)
		text = mem_printf("%s\npartition %zu %s %d %" PRIu64 " %" PRId64 "\n%s\n%u",
		                  s->routes->partition_seed, strlen(record->source_name),
		                  record->source_name, record->partition, record->pos,
		                  record->timestamp_ms, s->route->name, s->draft->ordinal);
	else
		text = mem_printf("%s\nstream %" PRIu64 " %" PRIu64 "\n%s\n%u",
		                  s->routes->identity_seed, record->stream, record->pos,
		                  s->route->name, s->draft->ordinal);
	crypto_sha256_hex(text, strlen(text), hex);
	free(text);
	return mem_dup(hex, own_key_digits);
}

static bool own_identity(struct shaping *s)
{
	const char *seed = s->record->kind == STREAM_PARTITION ? s->routes->partition_seed
	                                                       : s->routes->identity_seed;

	if (!identity_field(s))
		return false;
	s->draft->identity_value = seed ? own_key(s) : mem_strdup("<key of closefeed's own>");
	return true;
}

bool shape_identity(struct shaping *s)
{
	const struct route *route = s->route;
	cleanup_(json_freep) struct json_object *value = NULL;
	const char *trouble;
	struct err err;

	if (!route->identity_value)
		return !route->identity_field || own_identity(s);
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
	if (!identity_field(s))
		return false;
	/* Identities are equal after trimming, so it is the trimmed text that is sent. */
	s->draft->identity_value = json_object_is_type(value, json_type_string)
	                                   ? mem_trimmed(json_object_get_string(value))
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
