#include "connector/close/errors.h"
#include "connector/model/names.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/plural.h"
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
	max_tasks = 1000,
	max_path_bytes = 1000,
	max_joined_bytes = 1000,
};

/* A part of the answer still to be read, and what was sent at its place. */
struct task {
	char *path; /* as the user would write it; "" for the whole */
	struct json_object *node, *sent;
	unsigned depth;
};

struct reader {
	struct buf general; /* what is about no field */
	unsigned n_general;
	struct json_object *fields;
	struct json_object *written; /* borrowed */
	struct task *tasks;          /* the next one is last */
	size_t n_tasks, cap_tasks;
};

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
	cleanup_(freep) char *whole = name_written(reader->written, path);
	cleanup_(freep) char *name = clean(whole, max_field_chars);
	cleanup_(freep) char *both = NULL;
	const char *before;

	if (!reader->fields)
		reader->fields = json_made(json_object_new_object());
	before = json_get_string(reader->fields, name);
	if (!before && json_object_object_length(reader->fields) >= max_fields)
		return;
	if (before)
		both = mem_printf("%s %s", before, text);
	if (both && strlen(both) > max_joined_bytes)
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

static void push(struct reader *reader, char *takes_path, struct json_object *node,
                 struct json_object *sent, unsigned depth)
{
	if (reader->n_tasks == max_tasks || depth > max_nesting ||
	    strlen(takes_path) > max_path_bytes) {
		free(takes_path);
		return;
	}
	reader->tasks = mem_grow(reader->tasks, reader->n_tasks, &reader->cap_tasks,
	                         sizeof(reader->tasks[0]));
	reader->tasks[reader->n_tasks++] = (struct task){takes_path, node, sent, depth};
}

static void push_fields(struct reader *reader, const struct task *task, struct json_object *fields)
{
	json_object_object_foreach(fields, key, node)
	{
		cleanup_(freep) char *name = sent_key(task->sent, key);
		char *path = mem_printf("%s%s%s", task->path, *task->path ? "." : "", name);

		push(reader, path, node, json_get(task->sent, name), task->depth + 1);
	}
}

/* The errors of a list's items stand under their index, written as a string. */
static void push_items(struct reader *reader, const struct task *task, struct json_object *items)
{
	json_object_object_foreach(items, index, node)
	{
		struct json_object *item = NULL;

		if (json_object_is_type(task->sent, json_type_array))
			item = json_object_array_get_idx(task->sent, strtoul(index, NULL, 10));
		push(reader, mem_printf("%s[%s]", task->path, index), node, item, task->depth + 1);
	}
}

static void read_list(struct reader *reader, const char *path, struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list) && i < max_fields; i++)
		add_message(reader, path, json_object_array_get_idx(list, i));
}

/* One error: a text, a list of texts, or an object of more of them. */
static void read_task(struct reader *reader, const struct task *task)
{
	struct json_object *errors = json_get(task->node, "errors");
	struct json_object *fields = json_get(task->node, "field-errors");

	if (!has_member(task->node, "errors") && !has_member(task->node, "field-errors")) {
		if (json_object_is_type(task->node, json_type_object))
			fields = task->node;
		else
			errors = task->node;
	}
	if (json_object_is_type(errors, json_type_array))
		read_list(reader, task->path, errors);
	else if (json_object_is_type(errors, json_type_object))
		push_items(reader, task, errors);
	else if (errors)
		add_message(reader, task->path, errors);
	if (json_object_is_type(fields, json_type_object))
		push_fields(reader, task, fields);
	else if (fields)
		add_message(reader, task->path, fields);
}

/* Reads @node and all below it in the order they are written. */
static void read_tree(struct reader *reader, struct json_object *node, struct json_object *sent)
{
	push(reader, mem_strdup(""), node, sent, 0);
	while (reader->n_tasks > 0) {
		const struct task task = reader->tasks[--reader->n_tasks];
		size_t low = reader->n_tasks, high;

		read_task(reader, &task);
		for (high = reader->n_tasks; low + 1 < high; low++) {
			const struct task last = reader->tasks[--high];

			reader->tasks[high] = reader->tasks[low];
			reader->tasks[low] = last;
		}
		free(task.path);
	}
	free(reader->tasks);
}

/* An error is a text, a list of texts, or an object of Close's with more of them. */
static bool is_error(struct json_object *node)
{
	size_t n = 0, n_texts = 0;

	if (json_object_is_type(node, json_type_array))
		n = json_object_array_length(node);
	for (size_t i = 0; i < n; i++)
		n_texts +=
			json_object_is_type(json_object_array_get_idx(node, i), json_type_string);
	return json_object_is_type(node, json_type_string) || (n && n == n_texts) ||
	       has_member(node, "errors") || has_member(node, "field-errors");
}

/* Old answers have nothing but fields: {"lead": "This field is required."} */
static bool is_all_fields(struct json_object *answer)
{
	json_object_object_foreach(answer, key, node)
	{
		(void)key;
		if (!is_error(node))
			return false;
	}
	return true;
}

static void read_answer(struct reader *reader, struct json_object *answer, struct json_object *sent)
{
	struct json_object *error = json_get(answer, "error");
	struct json_object *message = json_get(answer, "message");

	if (json_get_string(error, "message"))
		error = json_get(error, "message");
	if (error || message)
		add_message(reader, "", error ? error : message);
	if (has_member(answer, "errors") || has_member(answer, "field-errors") ||
	    (!error && !message && is_all_fields(answer)))
		read_tree(reader, answer, sent);
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
		buf_addf(&out, " (and %d more field%s)", n_fields - max_told_fields,
		         plural((unsigned)(n_fields - max_told_fields), "", "s"));
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
                    struct json_object *sent, struct json_object *written,
                    struct crm_error *ret_error)
{
	struct reader reader = {.general = BUF_INIT, .written = written};
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
