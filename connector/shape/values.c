#include "connector/shape/steps.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/moment.h"
#include "lib/near.h"

#include <stdlib.h>
#include <string.h>

/*
 * Values of custom fields that are written by name, held against the field's type before they are
 * sent: what Close would refuse for sure is refused here, with a sentence that names the remedy.
 * Where Close may take a value (a number for a text field), it goes.
 */

struct checking {
	struct shaping *shaping;
	const struct name_entry *field;
	const char *key; /* as it was written */
};

static bool refuse(const struct checking *c, struct json_object *value, const char *takes)
{
	char *text = json_text(value);

	rejection_set(c->shaping->rejection, REJECT_FIELD, c->key,
	              "\"%s\" is a field of type %s, and %.60s%s is %s", c->key,
	              c->field->type_name, text, strlen(text) > 60 ? "…" : "", takes);
	free(text);
	return false;
}

static bool check_number(struct checking *c, struct json_object *value)
{
	if (json_object_is_type(value, json_type_int) ||
	    json_object_is_type(value, json_type_double))
		return true;
	return refuse(c, value, "no number (the filter |number makes one of its text)");
}

static bool check_moment(struct checking *c, struct json_object *value)
{
	const bool is_date = c->field->type == FIELD_DATE;
	int64_t us;

	if (json_object_is_type(value, json_type_string) &&
	    moment_parse(json_object_get_string(value), &us, NULL))
		return true;
	return refuse(c, value,
	              is_date ? "no date such as \"2026-03-09\" (the filter |date makes one)"
	                      : "no time such as \"2026-03-09T14:00:00+01:00\" (the filter "
	                        "|datetime makes one)");
}

static bool check_choice(struct checking *c, struct json_object *value)
{
	const char *text =
		json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
	const char *near;

	for (char **choice = c->field->choices; choice && *choice; choice++)
		if (text && strcmp(*choice, text) == 0)
			return true;
	near = text && c->field->choices ? near_name(text, (const char *const *)c->field->choices)
	                                 : NULL;
	(void)refuse(c, value, "none of its choices");
	if (near) {
		char *sentence = mem_printf("%s: did you mean \"%s\"?",
		                            c->shaping->rejection->message, near);

		rejection_set(c->shaping->rejection, REJECT_FIELD, c->key, "%s", sentence);
		free(sentence);
	}
	return false;
}

/* An id, as Close writes it; @prefix "": any. */
static bool check_id(struct checking *c, struct json_object *value, const char *prefix,
                     const char *takes)
{
	const char *text =
		json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;

	if (text && *text && strncmp(text, prefix, strlen(prefix)) == 0)
		return true;
	return refuse(c, value, takes);
}

static bool check_scalar(struct checking *c, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_object) &&
	    !json_object_is_type(value, json_type_array))
		return true;
	return refuse(c, value,
	              json_object_is_type(value, json_type_array)
	                      ? "a list, of which it takes no more than one value"
	                      : "an object, which no field takes");
}

static bool check_one(struct checking *c, struct json_object *value)
{
	if (!check_scalar(c, value))
		return false;
	switch (c->field->type) {
	case FIELD_NUMBER:
		return check_number(c, value);
	case FIELD_DATE:
	case FIELD_DATETIME:
		return check_moment(c, value);
	case FIELD_CHOICES:
		return check_choice(c, value);
	case FIELD_CONTACT:
		return check_id(c, value, "cont_", "no id of a contact (\"cont_…\")");
	case FIELD_CUSTOM_OBJECT:
		return check_id(c, value, "", "no id of a custom object");
	case FIELD_USER: /* names.c makes ids of them */
	case FIELD_TEXT:
	case FIELD_ANY:
		break;
	}
	return true;
}

bool shape_check_value(struct shaping *s, const struct name_entry *field, const char *key,
                       bool is_partial, struct json_object *value)
{
	struct checking c = {.shaping = s, .field = field, .key = key};
	const bool is_list = json_object_is_type(value, json_type_array);

	if (is_partial && !field->is_multi) {
		rejection_set(
			s->rejection, REJECT_FIELD, key,
			"\"%s\": this field holds one value, so nothing can be added to it or "
			"removed from it",
			key);
		return false;
	}
	if (!value) /* unsets the field */
		return true;
	if (!is_list || !field->is_multi)
		return check_one(&c, value);
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (!check_one(&c, json_object_array_get_idx(value, i)))
			return false;
	return true;
}
