#include "connector/close/errors.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/utf8.h"

#include <json-c/json_object_iterator.h>
#include <json-c/linkhash.h>
#include <stdbool.h>
#include <string.h>

enum {
	max_fields = 50,
	max_told_fields = 5, /* in the message; all are in the list */
	max_field_chars = 200,
	max_text_chars = 500,
	max_general = 5, /* messages about no field in particular */
	max_page_chars = 200,
	max_nesting = 16,
};

struct reader {
	struct buf general; /* what is about no field */
	unsigned n_general;
	struct json_object *fields;
	unsigned nesting;
};

static void read_node(struct reader *reader, const char *path, struct json_object *node,
                      struct json_object *sent);

/* Adds at most @max_chars characters of @text on one line, as exact UTF-8. */
static void add_clean(struct buf *out, const char *text, size_t len, size_t max_chars)
{
	bool has_gap = false, is_first = true;

	while (len > 0) {
		const size_t n = utf8_sequence(text, len);
		const unsigned char c = (unsigned char)*text;

		if (c <= ' ' || c == 0x7f) {
			has_gap = !is_first;
		} else {
			if (max_chars-- == 0) {
				buf_adds(out, "…");
				return;
			}
			if (has_gap)
				buf_addc(out, ' ');
			has_gap = is_first = false;
			if (n > 0)
				buf_add(out, text, n);
			else
				buf_adds(out, "\xef\xbf\xbd");
		}
		text += n > 0 ? n : 1;
		len -= n > 0 ? n : 1;
	}
}

static char *clean(const char *text, size_t max_chars)
{
	struct buf out = BUF_INIT;

	add_clean(&out, text, strlen(text), max_chars);
	return buf_take(&out);
}

/* The text of a message: a string as it is, anything else as JSON. To free(). */
static char *message_text(struct json_object *value)
{
	cleanup_(freep) char *json = NULL;

	if (json_object_is_type(value, json_type_string))
		return clean(json_object_get_string(value), max_text_chars);
	json = json_text(value);
	return clean(json, max_text_chars);
}

static void add_field(struct reader *reader, const char *path, const char *text)
{
	cleanup_(freep) char *name = clean(path, max_field_chars);
	cleanup_(freep) char *both = NULL;
	const char *before;

	if (!reader->fields)
		reader->fields = json_object_new_object();
	if (!reader->fields)
		mem_exhausted();
	before = json_get_string(reader->fields, name);
	if (!before && json_object_object_length(reader->fields) >= max_fields)
		return;
	if (before)
		both = mem_printf("%s %s", before, text);
	if (both && strlen(both) > 2 * max_text_chars)
		return;
	(void)json_object_object_add(reader->fields, name, json_string(both ? both : text));
}

static void add_message(struct reader *reader, const char *path, struct json_object *value)
{
	cleanup_(freep) char *text = message_text(value);

	if (*text == '\0')
		return;
	if (*path) {
		add_field(reader, path, text);
	} else if (reader->n_general++ < max_general) {
		if (reader->general.len > 0)
			buf_addc(&reader->general, ' ');
		buf_adds(&reader->general, text);
	}
}

static bool has_member(struct json_object *object, const char *key)
{
	return json_object_is_type(object, json_type_object) &&
	       json_object_object_get_ex(object, key, NULL);
}

/* The key of @sent that Close calls @key; @key itself where none is sure. To free(). */
static char *sent_key(struct json_object *sent, const char *key)
{
	static const char *const ends[] = {"_id", ".add", ".remove"};
	const size_t len = strlen(key);
	char *name;

	if (has_member(sent, key))
		return mem_strdup(key);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		name = mem_printf("%s%s", key, ends[i]);
		if (has_member(sent, name))
			return name;
		free(name);
	}
	name = mem_strdup(key);
	if (len > 3 && strcmp(key + len - 3, "_id") == 0) {
		name[len - 3] = '\0';
		if (!has_member(sent, name))
			name[len - 3] = '_';
	}
	return name;
}

static void read_member(struct reader *reader, const char *path, const char *key,
                        struct json_object *node, struct json_object *sent)
{
	cleanup_(freep) char *name = sent_key(sent, key);
	cleanup_(freep) char *inner = mem_printf("%s%s%s", path, *path ? "." : "", name);

	read_node(reader, inner, node, json_get(sent, name));
}

/* The errors of a list's items stand under their index, written as a string. */
static void read_item(struct reader *reader, const char *path, const char *index,
                      struct json_object *node, struct json_object *sent)
{
	cleanup_(freep) char *inner = mem_printf("%s[%s]", path, index);
	struct json_object *item = NULL;

	if (json_object_is_type(sent, json_type_array))
		item = json_object_array_get_idx(sent, strtoul(index, NULL, 10));
	read_node(reader, inner, node, item);
}

static void read_list(struct reader *reader, const char *path, struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list) && i < max_fields; i++)
		add_message(reader, path, json_object_array_get_idx(list, i));
}

static void read_errors(struct reader *reader, const char *path, struct json_object *errors,
                        struct json_object *sent)
{
	if (json_object_is_type(errors, json_type_array)) {
		read_list(reader, path, errors);
	} else if (json_object_is_type(errors, json_type_object)) {
		json_object_object_foreach(errors, index, node)
			read_item(reader, path, index, node, sent);
	} else if (errors) {
		add_message(reader, path, errors);
	}
}

static void read_fields(struct reader *reader, const char *path, struct json_object *fields,
                        struct json_object *sent)
{
	if (!json_object_is_type(fields, json_type_object)) {
		if (fields)
			add_message(reader, path, fields);
		return;
	}
	json_object_object_foreach(fields, key, node) read_member(reader, path, key, node, sent);
}

/* An error of the field at @path ("" for the whole): a text, a list of texts, or more of them. */
static void read_node(struct reader *reader, const char *path, struct json_object *node,
                      struct json_object *sent)
{
	if (reader->nesting == max_nesting || strlen(path) > (size_t)max_field_chars)
		return;
	reader->nesting++;
	if (json_object_is_type(node, json_type_array)) {
		read_list(reader, path, node);
	} else if (has_member(node, "errors") || has_member(node, "field-errors")) {
		read_errors(reader, path, json_get(node, "errors"), sent);
		read_fields(reader, path, json_get(node, "field-errors"), sent);
	} else if (json_object_is_type(node, json_type_object)) {
		read_fields(reader, path, node, sent);
	} else if (node) {
		add_message(reader, path, node);
	}
	reader->nesting--;
}

static void read_answer(struct reader *reader, struct json_object *answer, struct json_object *sent)
{
	struct json_object *error = json_get(answer, "error");

	if (json_get_string(error, "message"))
		error = json_get(error, "message");
	if (error)
		add_message(reader, "", error);
	else if (json_get_string(answer, "message"))
		add_message(reader, "", json_get(answer, "message"));
	if (has_member(answer, "errors") || has_member(answer, "field-errors"))
		read_node(reader, "", answer, sent);
	else if (!error && !has_member(answer, "message") &&
	         json_object_is_type(answer, json_type_object))
		read_fields(reader, "", answer, sent); /* {"lead": "This field is required."} */
}

static void add_page(struct buf *out, const char *body, size_t len)
{
	struct buf page = BUF_INIT;

	add_clean(&page, body, len, max_page_chars);
	if (page.len == 0)
		buf_adds(out, "The answer has no text.");
	else
		buf_addf(out, "The answer is not an error of Close's. It begins: %s",
		         buf_text(&page));
	buf_deinit(&page);
}

static char *tell(const struct reader *reader, const char *body, size_t body_len)
{
	struct buf out = BUF_INIT;
	int n = 0, n_fields = 0;

	buf_adds(&out, buf_text(&reader->general));
	if (reader->fields) {
		n_fields = json_object_object_length(reader->fields);
		json_object_object_foreach(reader->fields, name, text)
		{
			if (n++ < max_told_fields)
				buf_addf(&out, "%s%s: %s", out.len > 0 ? " " : "", name,
				         json_object_get_string(text));
		}
	}
	if (n_fields > max_told_fields)
		buf_addf(&out, " (and %d more fields)", n_fields - max_told_fields);
	if (out.len == 0)
		add_page(&out, body, body_len);
	return buf_take(&out);
}

/* @object is not empty. */
static const char *first_key(struct json_object *object)
{
	const struct json_object_iterator first = json_object_iter_begin(object);

	return json_object_iter_peek_name(&first);
}

void crm_error_read(const char *body, size_t body_len, struct json_object *answer,
                    struct json_object *sent, struct crm_error *ret_error)
{
	struct reader reader = {.general = BUF_INIT};
	char *field = NULL;

	if (json_object_is_type(answer, json_type_object))
		read_answer(&reader, answer, sent);
	if (reader.fields)
		field = mem_strdup(first_key(reader.fields));
	*ret_error = (struct crm_error){
		.message = tell(&reader, body, body_len),
		.fields = reader.fields,
		.field = field,
	};
	buf_deinit(&reader.general);
}

void crm_error_deinit(struct crm_error *error)
{
	free(error->message);
	free(error->field);
	json_object_put(error->fields);
	*error = (struct crm_error){0};
}
