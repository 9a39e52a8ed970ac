#include "connector/close/names.h"

#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { max_entries = 10000 }; /* of one kind; Close allows a few hundred fields */

static const struct {
	const char *type;
	enum field_type field;
} types[] = {
	{"text", FIELD_TEXT},       {"textarea", FIELD_TEXT},
	{"hidden", FIELD_TEXT},     {"number", FIELD_NUMBER},
	{"date", FIELD_DATE},       {"datetime", FIELD_DATETIME},
	{"choices", FIELD_CHOICES}, {"user", FIELD_USER},
	{"contact", FIELD_CONTACT}, {"custom_object", FIELD_CUSTOM_OBJECT},
};

static enum field_type type_of(const char *type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (type && strcmp(types[i].type, type) == 0)
			return types[i].field;
	return FIELD_ANY;
}

char *crm_names_url(const char *kind, size_t skip)
{
	if (name_kind_is_fields(kind))
		return mem_printf("/custom_field_schema/%s/", kind);
	return mem_printf("/%s/?_limit=%d&_skip=%zu", kind, crm_names_page, skip);
}

const char *crm_names_group(const char *kind)
{
	static const struct {
		const char *kind, *group;
	} groups[] = {
		{"status/lead", "read:status"},
		{"status/opportunity", "read:status"},
		{"pipeline", "read:pipeline"},
		{"user", "read:user"},
		{"custom_field/shared", "read:custom_field"},
		{"custom_field/activity", "read:custom_field"},
		{"custom_field/custom_object_type", "read:custom_field"},
		{"custom_activity", "read:custom_activity"},
		{"custom_object_type", "read:custom_object_type"},
		{"email_template", "read:email_template"},
		{"sms_template", "read:sms_template"},
		{"sequence", "read:sequence"},
		{"group", "read:group"},
		{"role", "read:role"},
	};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (strcmp(groups[i].kind, kind) == 0)
			return groups[i].group;
	return "read:custom_field_schema";
}

bool crm_names_is_kind(const char *kind)
{
	const char *id = strchr(kind, '/');

	if (!name_kind_is_known(kind))
		return false;
	if (!name_type_key(kind))
		return true;
	return id && id[1] &&
	       strspn(id + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
	               strlen(id + 1);
}

/* Close's answers */

static const char *list_key(const struct name_book *book)
{
	return name_kind_is_fields(book->kind) ? "fields" : "data";
}

static char *user_name(struct json_object *user)
{
	const char *first = json_get_string(user, "first_name");
	const char *last = json_get_string(user, "last_name");

	return mem_printf("%s%s%s", first ? first : "", first && *first && last && *last ? " " : "",
	                  last ? last : "");
}

static char *name_of(struct json_object *object, const char *kind)
{
	if (strcmp(kind, "user") == 0)
		return user_name(object);
	return mem_strdup(
		json_get_string(object, strncmp(kind, "status/", 7) == 0 ? "label" : "name"));
}

static char **text_list(struct json_object *list)
{
	char **texts = NULL;

	for (size_t i = 0;
	     json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
	     i++) {
		struct json_object *text = json_object_array_get_idx(list, i);

		if (json_object_is_type(text, json_type_string))
			strlist_add(&texts, mem_strdup(json_object_get_string(text)));
	}
	return texts;
}

static void set_details(struct name_entry *entry, struct json_object *object, const char *kind)
{
	if (strcmp(kind, "user") == 0)
		entry->email = mem_strdup(json_get_string(object, "email"));
	if (strcmp(kind, "status/opportunity") == 0)
		entry->pipeline = mem_strdup(json_get_string(object, "pipeline_id"));
	if (!name_kind_is_fields(kind))
		return;
	entry->type_name = mem_strdup(json_get_string(object, "type"));
	entry->type = type_of(entry->type_name);
	entry->is_multi = json_get_bool(object, "accepts_multiple_values", false);
	entry->choices = text_list(json_get(object, "choices"));
}

static bool is_list_of_named(struct json_object *list)
{
	if (!json_object_is_type(list, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (!json_get_string(json_object_array_get_idx(list, i), "id"))
			return false;
	return true;
}

int crm_names_read(struct json_object *answer, struct name_book *book, bool *ret_has_more,
                   struct err *err)
{
	struct json_object *list = json_get(answer, list_key(book));

	if (!is_list_of_named(list))
		return err_set(err, -EBADMSG, "it is no list of what Close calls %s",
		               list_key(book));
	if (book->n + json_object_array_length(list) > max_entries)
		return err_set(err, -EBADMSG, "it lists more than %d entries", max_entries);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *object = json_object_array_get_idx(list, i);
		char *name = name_of(object, book->kind);

		set_details(name_book_add(book, json_get_string(object, "id"), name ? name : ""),
		            object, book->kind);
		free(name);
	}
	*ret_has_more =
		json_object_array_length(list) > 0 && json_get_bool(answer, "has_more", false);
	return 0;
}

/* Kept text */

static void put(struct json_object *object, const char *key, const char *text)
{
	if (text)
		(void)json_object_object_add(object, key, json_string(text));
}

static struct json_object *entry_json(const struct name_entry *entry)
{
	struct json_object *object = json_object_new_object(), *choices;

	put(object, "id", entry->id);
	put(object, "name", entry->name);
	put(object, "email", entry->email);
	put(object, "pipeline_id", entry->pipeline);
	put(object, "type", entry->type_name);
	if (entry->is_multi)
		(void)json_object_object_add(object, "accepts_multiple_values",
		                             json_object_new_boolean(true));
	if (!entry->choices)
		return object;
	choices = json_object_new_array();
	for (char **choice = entry->choices; *choice; choice++)
		(void)json_object_array_add(choices, json_string(*choice));
	(void)json_object_object_add(object, "choices", choices);
	return object;
}

struct json_object *crm_names_json(const struct name_book *book)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < book->n; i++)
		(void)json_object_array_add(list, entry_json(&book->items[i]));
	return list;
}

int crm_names_parse(const char *kind, struct json_object *list, struct name_book **ret_book,
                    struct err *err)
{
	struct name_book *book;

	if (!crm_names_is_kind(kind) || !is_list_of_named(list))
		return err_set(err, -EBADMSG, "what stands under \"%.60s\" is no list of names",
		               kind);
	book = name_book_new(kind);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *object = json_object_array_get_idx(list, i);
		const char *name = json_get_string(object, "name");
		struct name_entry *entry =
			name_book_add(book, json_get_string(object, "id"), name ? name : "");

		set_details(entry, object, kind);
	}
	*ret_book = book;
	return 0;
}
