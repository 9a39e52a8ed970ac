#include "connector/shape/steps.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

/*
 * Names become ids: of custom fields, and of what a field names by its id (statuses, pipelines,
 * users). Where a book is missing the name stays, and the result says which one is needed.
 */

static const char prefix[] = "custom.";

static void need(struct shaping *s, const char *kind)
{
	for (char **known = *s->needs; known && *known; known++)
		if (strcmp(*known, kind) == 0)
			return;
	strlist_add(s->needs, mem_strdup(kind));
}

/* What @book says against a name may be out of date. */
static void need_again(struct shaping *s, const struct name_book *book)
{
	if (!book->is_fresh || book->may_grow)
		need(s, book->kind);
}

static void note_written(struct shaping *s, const char *key, const char *written)
{
	if (!s->draft->written)
		s->draft->written = json_object_new_object();
	(void)json_object_object_add(s->draft->written, key, json_string(written));
}

/* Several keys may be written by one name. */
static void note_name(struct shaping *s, const char *kind, const char *written)
{
	const char *what = name_kind_text(kind);
	char *note = mem_printf("\"%s\" is the name of %s %s: its id is looked up when it runs",
	                        written, strchr("aeio", *what) ? "an" : "a", what);

	for (char **known = s->draft->notes; known && *known; known++)
		if (strcmp(*known, note) == 0) {
			free(note);
			return;
		}
	strlist_add(&s->draft->notes, note);
}

static const struct name_book *book_of(struct shaping *s, const char *kind, const char *written)
{
	const struct name_book *book = names_book(s->routes->names, kind);

	if (!book) {
		need(s, kind);
		note_name(s, kind, written);
	}
	return book;
}

static bool refuse_name(struct shaping *s, const struct name_book *book, const char *key,
                        const char *name, const char *within)
{
	char *trouble =
		book->trouble ? mem_strdup(book->trouble) : name_trouble(book, name, within);

	need_again(s, book);
	rejection_set(s->rejection, REJECT_FIELD, key, "\"%s\": %s", key, trouble);
	free(trouble);
	return false;
}

/* Ids */

/* *@value, a reference of the caller's, becomes the id it names. */
static bool resolve_one(struct shaping *s, const char *kind, const char *key, const char *within,
                        struct json_object **value)
{
	const char *text = json_object_is_type(*value, json_type_string)
	                           ? json_object_get_string(*value)
	                           : NULL;
	const struct name_entry *entry;
	const struct name_book *book;
	size_t n;

	/* What is no name is Close's to judge. */
	if (!text || !*text ||
	    strncmp(text, name_kind_prefix(kind), strlen(name_kind_prefix(kind))) == 0)
		return true;
	book = book_of(s, kind, text);
	if (!book)
		return true;
	entry = name_find(book, text, within, &n);
	if (!entry)
		return refuse_name(s, book, key, text, within);
	json_object_put(*value);
	*value = json_string(entry->id);
	return true;
}

static bool resolve_list(struct shaping *s, const char *kind, const char *key,
                         struct json_object **value)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(*value); i++) {
		struct json_object *item = json_object_get(json_object_array_get_idx(*value, i));
		const bool is_good = resolve_one(s, kind, key, NULL, &item);

		(void)json_object_array_add(list, item);
		if (!is_good) {
			json_object_put(list);
			return false;
		}
	}
	json_object_put(*value);
	*value = list;
	return true;
}

static bool resolve(struct shaping *s, const char *kind, const char *key, const char *within,
                    struct json_object **value)
{
	return json_object_is_type(*value, json_type_array)
	               ? resolve_list(s, kind, key, value)
	               : resolve_one(s, kind, key, within, value);
}

/* Puts @takes_value where @key stands in the body. */
static void put(struct shaping *s, const char *key, struct json_object *takes_value)
{
	shape_own_body(s);
	(void)json_object_object_add(s->draft->body, key, takes_value);
}

/* A lead's status may be written by its label under a key of its own; both at once is too much. */
static bool rename_status(struct shaping *s)
{
	struct json_object *status = json_get(s->draft->body, "status");

	if (!json_object_is_type(status, json_type_string) ||
	    strcmp(s->draft->op->object, "lead") != 0 ||
	    !names_book(s->routes->names, "status/lead"))
		return true;
	if (json_object_object_get_ex(s->draft->body, "status_id", NULL)) {
		rejection_set(s->rejection, REJECT_FIELD, "status",
		              "\"status\" and \"status_id\" both name the status: write one of "
		              "them");
		return false;
	}
	put(s, "status_id", json_object_get(status));
	json_object_object_del(s->draft->body, "status");
	note_written(s, "status_id", "status");
	return true;
}

static bool resolve_field(struct shaping *s, const char *key, const char *kind)
{
	struct json_object *value = json_get(s->draft->body, key);
	struct json_object *is_now;
	const char *within = NULL;

	if (!value)
		return true;
	if (strcmp(kind, "status/opportunity") == 0)
		within = json_get_string(s->draft->body, "pipeline_id");
	is_now = json_object_get(value);
	if (!resolve(s, kind, key, within, &is_now)) {
		json_object_put(is_now);
		return false;
	}
	if (is_now != value)
		put(s, key, is_now);
	else
		json_object_put(is_now);
	return true;
}

/* Most bodies have no such field, and this is asked of every record. */
static bool has_ids(const struct operation *op, struct json_object *body)
{
	json_object_object_foreach(body, key, value)
	{
		if (value && name_kind_of_field(op, key))
			return true;
	}
	return false;
}

bool shape_ids(struct shaping *s)
{
	static const char *const first = "pipeline_id"; /* statuses are looked for within it */
	const struct operation *op = s->draft->op;
	const char *kind;

	if (!op || !op->body_fields || !has_ids(op, s->draft->body))
		return true;
	kind = name_kind_of_field(op, first);
	if (kind && !resolve_field(s, first, kind))
		return false;
	for (const struct operation_field *f = op->body_fields; f->name; f++) {
		kind = name_kind_of_field(op, f->name);
		if (kind && strcmp(f->name, first) != 0 && !resolve_field(s, f->name, kind))
			return false;
	}
	return rename_status(s);
}

/* Custom fields */

static bool names_field(const char *key)
{
	return strncmp(key, prefix, sizeof(prefix) - 1) == 0 &&
	       !name_is_field_id(key + sizeof(prefix) - 1);
}

static bool has_names(struct json_object *object)
{
	json_object_object_foreach(object, key, value)
	{
		(void)value;
		if (names_field(key))
			return true;
	}
	return false;
}

static const struct lookup *link_of(const struct draft *draft, const char *field)
{
	for (size_t i = 0; draft && i < draft->n_links; i++)
		if (!draft->links[i].is_in_url && strcmp(draft->links[i].field, field) == 0)
			return &draft->links[i].lookup;
	return NULL;
}

/* The type that is linked: what it is called, in which book; NULL: none is, or not by one name. */
static const struct lookup_field *linked_type(const struct shaping *s, const char *type_key,
                                              const char **ret_book)
{
	const struct lookup *link = link_of(s->draft, type_key);

	if (!link)
		link = link_of(s->create, type_key);
	if (!link || link->n_keys != 1 || link->keys[0].n != 1)
		return NULL;
	*ret_book = name_kind_of_lookup(link->kind);
	return *ret_book ? &link->keys[0].fields[0] : NULL;
}

/* Its id; NULL: nobody can say, yet or at all. */
static const char *id_of_linked_type(struct shaping *s, const char *type_key)
{
	const char *kind;
	const struct lookup_field *type = linked_type(s, type_key, &kind);
	const struct name_book *book;
	const struct name_entry *entry;
	size_t n;

	if (!type || type->like == LIKE_ID)
		return type ? type->value : NULL;
	book = book_of(s, kind, type->value);
	entry = book && !book->trouble ? name_find(book, type->value, NULL, &n) : NULL;
	return entry ? entry->id : NULL;
}

/* The names wait for a type whose book is not there yet. */
static bool awaits_type(struct shaping *s, const char *kind, const char *written)
{
	const char *type_key = kind ? name_type_key(kind) : NULL, *book;

	if (!type_key || !linked_type(s, type_key, &book) || names_book(s->routes->names, book))
		return false;
	note_name(s, kind, written);
	return true;
}

/* @kind: of what has the field; NULL: of what the route makes, which has no fields by name. */
static bool refuse_kind(struct shaping *s, const char *kind, const char *key)
{
	const char *type_key = kind ? name_type_key(kind) : NULL, *book;
	const struct lookup_field *type = type_key ? linked_type(s, type_key, &book) : NULL;

	if (type)
		return refuse_name(s, names_book(s->routes->names, book), type_key, type->value,
		                   NULL);
	if (type_key)
		rejection_set(
			s->rejection, REJECT_FIELD, key,
			"which custom field \"%s\" is depends on the type, and the record has "
			"no %s; write the field's id instead: \"custom.cf_…\"",
			key, type_key);
	else
		rejection_set(s->rejection, REJECT_FIELD, key,
		              "custom fields of %s have no names; write the id instead: "
		              "\"custom.cf_…\"",
		              s->draft->op->name);
	return false;
}

static bool refuse_twice(struct shaping *s, const char *key, const char *id)
{
	rejection_set(s->rejection, REJECT_FIELD, key,
	              "\"%s\" names the field %s, which stands in the body a second time", key, id);
	return false;
}

/* Adds one member to @object under the id of its field. */
static bool add_field(struct shaping *s, const struct name_book *book, struct json_object *object,
                      const char *key, struct json_object *value)
{
	const char *suffix;
	size_t n;
	const struct name_entry *field =
		name_find_field(book, key + sizeof(prefix) - 1, &suffix, &n);
	struct json_object *is_now = json_object_get(value);
	char *id;
	bool is_good = true;

	if (!field || book->trouble) {
		json_object_put(is_now);
		return refuse_name(s, book, key, key + sizeof(prefix) - 1, NULL);
	}
	if (field->type == FIELD_USER)
		is_good = resolve(s, "user", key, NULL, &is_now);
	if (is_good && !shape_check_value(s, field, key, *suffix, is_now)) {
		need_again(s, book);
		is_good = false;
	}
	id = mem_printf("%s%s%s", prefix, field->id, suffix);
	if (is_good && json_object_object_get_ex(object, id, NULL))
		is_good = refuse_twice(s, key, id);
	if (is_good) {
		(void)json_object_object_add(object, id, json_object_get(is_now));
		note_written(s, id, key);
	}
	json_object_put(is_now);
	free(id);
	return is_good;
}

/* Adds one member to @object, which comes to be without names. */
static bool add_member(struct shaping *s, const char *kind, struct json_object *object,
                       const char *key, struct json_object *value)
{
	const struct name_book *book;

	if (!names_field(key)) {
		if (json_object_object_get_ex(object, key, NULL))
			return refuse_twice(s, key, key);
		(void)json_object_object_add(object, key, json_object_get(value));
		return true;
	}
	if (!kind && !awaits_type(s, name_kind_of_object(s->draft->op), key))
		return refuse_kind(s, name_kind_of_object(s->draft->op), key);
	book = kind ? book_of(s, kind, key) : NULL;
	if (book)
		return add_field(s, book, object, key, value);
	(void)json_object_object_add(object, key, json_object_get(value));
	return true;
}

bool shape_field_names(struct shaping *s, const char *kind, struct json_object *object,
                       struct json_object **ret_object)
{
	struct json_object *named;

	if (!has_names(object)) {
		*ret_object = json_object_get(object);
		return true;
	}
	named = json_made(json_object_new_object());
	json_object_object_foreach(object, key, value)
	{
		if (add_member(s, kind, named, key, value))
			continue;
		json_object_put(named);
		return false;
	}
	*ret_object = named;
	return true;
}

/* Where the kind depends on a type, a link says which, or the body; else the record may. To free().
 */
static char *whole_kind(struct shaping *s, const char *kind)
{
	const char *type_key = kind ? name_type_key(kind) : NULL;
	const char *type, *book;

	if (!type_key)
		return mem_strdup(kind);
	if (linked_type(s, type_key, &book)) {
		type = id_of_linked_type(s, type_key);
		return type ? mem_printf("%s/%s", kind, type) : NULL;
	}
	type = json_get_string(s->draft->body, type_key);
	if (!type && s->type_key && strcmp(s->type_key, type_key) == 0)
		type = s->type;
	if (!type)
		type = json_get_string(s->value, type_key);
	return type && *type ? mem_printf("%s/%s", kind, type) : NULL;
}

void shape_keep_type(struct shaping *s)
{
	const char *kind = name_kind_of_object(s->draft->op);

	s->type_key = kind ? name_type_key(kind) : NULL;
	if (s->type_key)
		s->type = mem_strdup(json_get_string(s->draft->body, s->type_key));
}

char *shape_fields_kind(struct shaping *s)
{
	return whole_kind(s, name_kind_of_object(s->draft->op));
}

bool shape_identity_field(struct shaping *s, const char *written, char **ret_field)
{
	char *kind;
	const struct name_book *book;
	const struct name_entry *field;
	const char *name = written + sizeof(prefix) - 1;
	size_t n;

	*ret_field = NULL;
	if (!names_field(written)) {
		*ret_field = mem_strdup(written);
		return true;
	}
	kind = shape_fields_kind(s);
	if (!kind && !awaits_type(s, name_kind_of_object(s->draft->op), written))
		return refuse_kind(s, name_kind_of_object(s->draft->op), written);
	book = kind ? book_of(s, kind, written) : NULL;
	free(kind);
	if (!book) {
		*ret_field = mem_strdup(written);
		return true;
	}
	field = name_find(book, name, NULL, &n);
	if (!field || book->trouble)
		return refuse_name(s, book, written, name, NULL);
	*ret_field = mem_printf("%s%s", prefix, field->id);
	note_written(s, *ret_field, written);
	return true;
}

/* Looked up */

/* The field in its book: NULL where there is no book yet, or none that knows it by its id. */
static bool find_looked_up(struct shaping *s, const char *kind, const char *written,
                           const struct name_entry **ret_field)
{
	const char *name = written + sizeof(prefix) - 1;
	const struct name_book *book;
	size_t n;

	if (!names_field(written)) {
		book = names_book(s->routes->names, kind);
		*ret_field = book ? name_find_id(book, name) : NULL;
		/* How its values are compared depends on its type. */
		if (!book)
			need(s, kind);
		else if (!*ret_field)
			need_again(s, book);
		return true;
	}
	book = book_of(s, kind, written);
	*ret_field = book && !book->trouble ? name_find(book, name, NULL, &n) : NULL;
	return !book || *ret_field || refuse_name(s, book, written, name, NULL);
}

bool shape_looked_up_field(struct shaping *s, const char *object, const char *written,
                           struct shape_field *ret, struct json_object **value)
{
	const struct name_entry *field = NULL;
	char *kind;
	bool is_good;

	*ret = (struct shape_field){.like = lookup_like_of(written)};
	if (strncmp(written, prefix, sizeof(prefix) - 1) != 0)
		return true;
	ret->is_text = true;
	kind = whole_kind(s, object);
	if (!kind)
		return !names_field(written) || awaits_type(s, object, written) ||
		       refuse_kind(s, object, written);
	is_good = find_looked_up(s, kind, written, &field);
	free(kind);
	if (!is_good || !field)
		return is_good;
	ret->name = mem_printf("%s%s", prefix, field->id);
	ret->like = name_like_of_type(field->type);
	ret->is_text = field->type == FIELD_TEXT || field->type == FIELD_ANY;
	if (strcmp(ret->name, written) != 0)
		note_written(s, ret->name, written);
	return field->type != FIELD_USER || resolve_one(s, "user", written, NULL, value);
}
