#include "connector/sandbox/custom.h"

#include "connector/sandbox/fields.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/moment.h"

#include <stdlib.h>
#include <string.h>

enum how { HOW_SET, HOW_ADD, HOW_REMOVE };

struct value {
	struct box_write *write;
	struct json_object *field; /* the custom field's own data */
	struct json_object *clean;
	const char *error;
};

static bool is_so(const struct box_write *write, enum box_doubt doubt, const char *value)
{
	return box_doubt_is(&write->org->doubts, doubt, value);
}

static bool fail(struct value *v, const char *text)
{
	v->error = text;
	return false;
}

static bool check_text(struct value *v, struct json_object *value)
{
	if (json_object_is_type(value, json_type_string))
		v->clean = json_object_get(value);
	else if (is_so(v->write, DOUBT_TEXT_NUMBER, "converted"))
		v->clean = json_object_new_string(json_object_get_string(value));
	else
		return fail(v, "Value must be of str type.");
	return true;
}

/* Invisible to people, so whatever it is it is kept as text. */
static bool check_hidden(struct value *v, struct json_object *value)
{
	v->clean = json_object_new_string(json_object_get_string(value));
	return true;
}

/* "12.5" as a number, where that is let through; or NULL. */
static struct json_object *number_in(const struct value *v, struct json_object *value)
{
	const char *text = json_object_get_string(value);
	struct json_object *number = NULL;

	if (!json_object_is_type(value, json_type_string) ||
	    !is_so(v->write, DOUBT_NUMBER_TEXT, "accepted") ||
	    json_parse(text, strlen(text), 0, &number, NULL, NULL) < 0)
		return NULL;
	if (json_object_is_type(number, json_type_int) ||
	    json_object_is_type(number, json_type_double))
		return number;
	json_object_put(number);
	return NULL;
}

static bool check_number(struct value *v, struct json_object *value)
{
	v->clean = number_in(v, value);
	if (v->clean)
		return true;
	if (!json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double))
		return fail(v, "Value must be of float type.");
	v->clean = json_object_get(value);
	return true;
}

static bool check_moment(struct value *v, struct json_object *value)
{
	const bool is_date = strcmp(json_get_string(v->field, "type"), "date") == 0;
	char text[moment_bytes];
	int64_t us;

	if (!json_object_is_type(value, json_type_string) ||
	    !moment_parse(json_object_get_string(value), &us, NULL))
		return fail(v, is_date ? "Invalid ISO 8601 date." : "Invalid ISO 8601 datetime.");
	v->clean = json_object_new_string(is_date ? moment_date_text(us, text)
	                                          : moment_seconds_text(us, text));
	return true;
}

static bool check_choice(struct value *v, struct json_object *value)
{
	struct json_object *choices = json_get(v->field, "choices");

	if (!json_object_is_type(value, json_type_string))
		return fail(v, "Value must be of str type.");
	for (size_t i = 0; choices && i < json_object_array_length(choices); i++) {
		if (!json_object_equal(json_object_array_get_idx(choices, i), value))
			continue;
		v->clean = json_object_get(value);
		return true;
	}
	return fail(v, "Not a valid choice.");
}

static bool check_user(struct value *v, struct json_object *value)
{
	const struct box_list *all = box_store_all(v->write->org->store, &box_kinds[BOX_USER]);
	const char *text = json_object_get_string(value);
	char name[256];

	for (size_t i = 0; i < all->n; i++) {
		const char *id = all->items[i]->id;

		if (strcmp(text, id) != 0 &&
		    strcmp(text, box_org_user_name(v->write->org, id, name, sizeof(name))) != 0)
			continue;
		v->clean = json_object_new_string(id);
		return true;
	}
	return fail(v, "Object does not exist.");
}

/* The lead the object belongs to or is; NULL: it is yet to be made. */
static const char *lead_of(const struct box_write *write)
{
	if (write->kind == &box_kinds[BOX_LEAD])
		return write->old ? write->old->id : NULL;
	return json_get_string(write->data, "lead_id");
}

static bool check_contact(struct value *v, struct json_object *value)
{
	const struct box_object *contact = box_store_find(
		v->write->org->store, &box_kinds[BOX_CONTACT], json_object_get_string(value));
	const char *lead = lead_of(v->write);

	if (!contact || !lead || strcmp(json_get_string(contact->data, "lead_id"), lead) != 0)
		return fail(v, "Object does not exist.");
	v->clean = json_object_get(value);
	return true;
}

/* An instance of the type the field refers to, on the same lead. */
static bool check_custom_object(struct value *v, struct json_object *value)
{
	const struct box_object *instance = box_store_find(
		v->write->org->store, &box_kinds[BOX_CUSTOM_OBJECT], json_object_get_string(value));
	const char *type = json_get_string(v->field, "referenced_custom_type_id");
	const char *lead = lead_of(v->write);

	if (!instance || !lead || strcmp(json_get_string(instance->data, "lead_id"), lead) != 0 ||
	    (type && strcmp(json_get_string(instance->data, "custom_object_type_id"), type) != 0))
		return fail(v, "Object does not exist.");
	v->clean = json_object_get(value);
	return true;
}

static const struct {
	const char *type;
	bool (*check)(struct value *v, struct json_object *value);
} types[] = {
	{"text", check_text},       {"textarea", check_text},
	{"hidden", check_hidden},   {"number", check_number},
	{"date", check_moment},     {"datetime", check_moment},
	{"choices", check_choice},  {"user", check_user},
	{"contact", check_contact}, {"custom_object", check_custom_object},
};

static bool check_one(struct value *v, struct json_object *value)
{
	const char *type = json_get_string(v->field, "type");

	if (json_object_is_type(value, json_type_object))
		return fail(v, "Custom field values can't be objects.");
	if (!value || json_object_is_type(value, json_type_array))
		return fail(v, "This field does not accept a list of values.");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].type, type) == 0)
			return types[i].check(v, value);
	return fail(v, "Not a valid choice.");
}

/* A scalar is taken as a list of one, usually. */
static struct json_object *check_many(struct value *v, struct json_object *value,
                                      bool may_be_scalar)
{
	struct json_object *all = json_object_new_array();
	const bool is_list = json_object_is_type(value, json_type_array);
	const size_t n = is_list ? json_object_array_length(value) : 1;

	if (!is_list && !may_be_scalar) {
		json_object_put(all);
		(void)fail(v, "Value must be of list type.");
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		struct json_object *one = is_list ? json_object_array_get_idx(value, i) : value;

		if (!check_one(v, one)) {
			json_object_put(all);
			return NULL;
		}
		json_object_array_add(all, v->clean);
		v->clean = NULL;
	}
	return all;
}

static bool contains(struct json_object *list, struct json_object *value)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (json_object_equal(json_object_array_get_idx(list, i), value))
			return true;
	return false;
}

/* What the list holds after "add" or "remove"; the values form a set. */
static struct json_object *combined(struct json_object *old, struct json_object *given,
                                    enum how how)
{
	struct json_object *all = json_object_new_array();

	for (size_t i = 0; old && i < json_object_array_length(old); i++) {
		struct json_object *one = json_object_array_get_idx(old, i);

		if (how == HOW_ADD || !contains(given, one))
			json_object_array_add(all, json_object_get(one));
	}
	for (size_t i = 0; how == HOW_ADD && i < json_object_array_length(given); i++) {
		struct json_object *one = json_object_array_get_idx(given, i);

		if (!contains(all, one))
			json_object_array_add(all, json_object_get(one));
	}
	return all;
}

static void store_value(struct box_write *write, const char *key, struct json_object *value)
{
	const bool is_empty = !value || (json_object_is_type(value, json_type_array) &&
	                                 !json_object_array_length(value));

	/* Answers list only fields that have a value. */
	if (is_empty) {
		json_object_object_del(write->data, key);
		json_object_put(value);
	} else {
		json_object_object_add(write->data, key, value);
	}
}

/* Why .add and .remove are not to be had here; or NULL. */
static const char *refuse_how(const struct box_write *write, const struct box_object *field,
                              struct json_object *value)
{
	char *plain = mem_printf("custom.%s", field->id);
	const bool has_plain = box_write_has(write, plain);

	free(plain);
	if (!json_get_bool(field->data, "accepts_multiple_values", false))
		return "This field does not accept multiple values.";
	if (write->kind->type_key && is_so(write, DOUBT_ADD_ON_CUSTOM, "refused"))
		return "Values can't be added or removed here.";
	if (json_object_is_type(value, json_type_array) && is_so(write, DOUBT_ADD_LIST, "refused"))
		return "Value must be of str type.";
	if (has_plain && is_so(write, DOUBT_ADD_WITH_PLAIN, "refused"))
		return "The field can't be set and added to at once.";
	return NULL;
}

static const char *take_value(struct box_write *write, const struct box_object *field, enum how how,
                              struct json_object *value)
{
	const bool may_be_scalar = how != HOW_SET || is_so(write, DOUBT_MULTI_SCALAR, "accepted");
	struct value v = {.write = write, .field = field->data};
	const bool is_multi = json_get_bool(field->data, "accepts_multiple_values", false);
	char *key = mem_printf("custom.%s", field->id);
	struct json_object *clean = NULL;

	if (how != HOW_SET)
		v.error = refuse_how(write, field, value);
	if (!v.error && value && is_multi) {
		clean = check_many(&v, value, may_be_scalar);
		if (clean && how != HOW_SET) {
			struct json_object *all = combined(json_get(write->data, key), clean, how);

			json_object_put(clean);
			clean = all;
		}
	} else if (!v.error && value && check_one(&v, value)) {
		clean = v.clean;
	}
	if (!v.error)
		store_value(write, key, clean);
	free(key);
	return v.error;
}

static enum how take_suffix(char *name)
{
	static const struct {
		const char *text;
		enum how how;
	} suffixes[] = {{".add", HOW_ADD}, {".remove", HOW_REMOVE}};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		const size_t len = strlen(name), tail = strlen(suffixes[i].text);

		if (len <= tail || strcmp(name + len - tail, suffixes[i].text) != 0)
			continue;
		name[len - tail] = '\0';
		return suffixes[i].how;
	}
	return HOW_SET;
}

/* By id, else by name: deprecated there, but usually still answered. */
static const struct box_object *find_field(const struct box_write *write, const char *name)
{
	const struct box_target target = box_target_of(write->kind, write->data);
	const struct box_object *field = box_fields_find(write->org, &target, name);

	if (field && strcmp(field->id, name) != 0 && is_so(write, DOUBT_CUSTOM_NAMES, "refused"))
		return NULL;
	return field;
}

/* @name and @how are what the body's @key says. */
static void take_named(struct box_write *write, const char *key, const char *name, enum how how,
                       struct json_object *value)
{
	const struct box_object *field = find_field(write, name);
	const char *error;
	char *text;

	if (field) {
		error = take_value(write, field, how, value);
		if (error)
			box_write_blame_text(write, key, error);
		return;
	}
	text = mem_printf("The Custom Field \"%s\" does not exist.", name);
	box_write_blame_text(write, key, text);
	free(text);
}

static void take_key(struct box_write *write, const char *key, struct json_object *value)
{
	char *name = mem_strdup(key + strlen("custom."));
	const enum how how = take_suffix(name);

	take_named(write, key, name, how, value);
	free(name);
}

static void take_all(struct box_write *write, const char *prefix, struct json_object *values)
{
	json_object_object_foreach(values, name, value)
	{
		char *key = mem_printf("%s.%s", prefix, name);

		take_named(write, key, name, HOW_SET, value);
		free(key);
	}
}

/* "custom": {…} is all there is from then on: what it does not list is erased. */
static void take_dictionary(struct box_write *write, struct json_object *values)
{
	struct json_object *before = write->data;

	if (is_so(write, DOUBT_CUSTOM_DICTIONARY, "ignored"))
		return;
	if (is_so(write, DOUBT_CUSTOM_DICTIONARY, "refused")) {
		box_write_blame_text(write, "custom", "Extra inputs are not permitted");
		return;
	}
	if (!json_object_is_type(values, json_type_object)) {
		box_write_blame_text(write, "custom", "Value must be of dict type.");
		return;
	}
	write->data = box_shallow(before);
	json_object_object_foreach(before, key, value)
	{
		(void)value;
		if (strncmp(key, "custom.", strlen("custom.")) == 0)
			json_object_object_del(write->data, key);
	}
	json_object_put(before);
	take_all(write, "custom", values);
}

void box_custom_take(struct box_write *write)
{
	struct json_object *values;

	/* Without its type nothing can be said about its fields; that has been complained about. */
	if (write->kind->type_key && !json_get(write->data, write->kind->type_key))
		return;
	if (json_object_object_get_ex(write->body, "custom", &values))
		take_dictionary(write, values);
	values = json_get(write->body, "custom_fields");
	if (json_object_is_type(values, json_type_object) &&
	    is_so(write, DOUBT_CUSTOM_FIELDS, "taken"))
		take_all(write, "custom_fields", values);
	json_object_object_foreach(write->body, key, value)
	{
		if (strncmp(key, "custom.", strlen("custom.")) == 0)
			take_key(write, key, value);
	}
}
