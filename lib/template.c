#include "lib/template.h"

#include "lib/json.h"
#include "lib/mem.h"
#include "lib/percent.h"
#include "lib/template_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_segment(struct segment *segment)
{
	for (size_t i = 0; i < segment->n_steps; i++) {
		for (size_t k = 0; k < segment->steps[i].n_keys; k++)
			free(segment->steps[i].keys[k]);
		free(segment->steps[i].keys);
	}
	for (size_t i = 0; i < segment->n_filters; i++)
		filter_use_deinit(&segment->filters[i]);
	free(segment->filters);
	free(segment->steps);
	free(segment->name);
	free(segment->text);
}

void template_free(struct template *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		free_segment(&t->segments[i]);
	free(t->segments);
	free(t->text);
	json_object_put(t->constant);
	free(t);
}

int template_compile(const char *text, template_origin_fn is_origin, void *arg,
                     struct template **ret_template, struct err *err)
{
	struct template *t = mem_alloc(sizeof(*t));
	int r;

	t->text = mem_strdup(text);
	r = template_parse(t, is_origin, arg, err);
	if (r < 0) {
		template_free(t);
		return r;
	}
	if (template_is_literal(t))
		t->constant = json_string(t->n ? t->segments[0].text : "");
	*ret_template = t;
	return 0;
}

const char *template_text(const struct template *t)
{
	return t->text;
}

bool template_is_literal(const struct template *t)
{
	return t->n == 0 || (t->n == 1 && t->segments[0].kind == SEGMENT_TEXT);
}

void template_each_field(const struct template *t, void (*fn)(void *arg, const char *name),
                         void *arg)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->segments[i].kind == SEGMENT_PLACE && t->segments[i].n_steps == 1)
			fn(arg, t->segments[i].steps[0].keys[0]);
}

/* As deep as the path has steps: path_max_steps at most. NOLINTBEGIN(misc-no-recursion) */
/* Borrows: *@ret_value belongs to @value. */
static bool find_place(const struct place_step *step, size_t n, struct json_object *value,
                       struct json_object **ret_value)
{
	struct json_object *inner;

	if (n == 0) {
		*ret_value = value;
		return true;
	}
	if (step->kind == PATH_INDEX)
		return json_object_is_type(value, json_type_array) &&
		       step->index < json_object_array_length(value) &&
		       find_place(step + 1, n - 1, json_object_array_get_idx(value, step->index),
		                  ret_value);
	if (!json_object_is_type(value, json_type_object))
		return false;
	for (size_t i = step->n_keys; i-- > 0;)
		if (json_object_object_get_ex(value, step->keys[i], &inner) &&
		    find_place(step + 1 + i, n - 1 - i, inner, ret_value))
			return true;
	return false;
}

/* NOLINTEND(misc-no-recursion) */

/* A new reference in *@ret_value; false where the record or its origin has no such value. */
static bool find_value(const struct segment *segment, const struct template_scope *scope,
                       struct json_object **ret_value)
{
	if (segment->kind == SEGMENT_ORIGIN)
		return scope->origin && scope->origin(scope->arg, segment->name, ret_value) == 1;
	if (!find_place(segment->steps, segment->n_steps, scope->record, ret_value))
		return false;
	(void)json_object_get(*ret_value);
	return true;
}

static enum template_result missing(const struct segment *segment, struct err *err)
{
	if (err)
		(void)err_set(err, -ENOENT, "{%s} has no value in this record", segment->text);
	return TEMPLATE_MISSING;
}

/* What a placeholder stands for after its filters: a new reference, NULL is null. */
static enum template_result place_value(const struct segment *segment,
                                        const struct template_scope *scope,
                                        struct json_object **ret_value, struct err *err)
{
	struct json_object *value = NULL;
	bool is_missing = !find_value(segment, scope, &value);
	int r;

	for (size_t i = 0; i < segment->n_filters; i++) {
		r = filter_apply(&segment->filters[i], &value, &is_missing, err);
		if (r < 0) {
			if (err)
				(void)err_prefix(err, r, "{%.100s}", segment->text);
			return TEMPLATE_REFUSED;
		}
	}
	if (is_missing)
		return missing(segment, err);
	*ret_value = value;
	return TEMPLATE_VALUE;
}

static void add_text(struct json_object *value, struct buf *out)
{
	if (json_object_is_type(value, json_type_string))
		buf_add(out, json_object_get_string(value),
		        (size_t)json_object_get_string_len(value));
	else
		json_print(value, out);
}

enum template_result template_render_text(const struct template *t,
                                          const struct template_scope *scope, struct buf *out,
                                          struct err *err)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct segment *segment = &t->segments[i];
		struct json_object *value = NULL;
		enum template_result result;

		if (segment->kind == SEGMENT_TEXT) {
			buf_add(out, segment->text, segment->len);
			continue;
		}
		result = place_value(segment, scope, &value, err);
		if (result != TEMPLATE_VALUE)
			return result;
		if (!value)
			return missing(segment, err);
		add_text(value, out);
		json_object_put(value);
	}
	return TEMPLATE_VALUE;
}

enum template_result template_render(const struct template *t, const struct template_scope *scope,
                                     struct json_object **ret_value, struct err *err)
{
	struct buf text = BUF_INIT;
	enum template_result result;

	if (t->constant) {
		*ret_value = json_object_get(t->constant);
		return TEMPLATE_VALUE;
	}
	if (t->n == 1)
		return place_value(&t->segments[0], scope, ret_value, err);
	result = template_render_text(t, scope, &text, err);
	if (result == TEMPLATE_VALUE)
		*ret_value = json_object_new_string_len(buf_text(&text), (int)text.len);
	buf_deinit(&text);
	return result;
}

/* Why @text cannot be one segment of a path, or NULL. */
static const char *segment_trouble(const char *text, size_t len)
{
	if (len == 0)
		return "is empty";
	if (len == 1 && text[0] == '.')
		return "is \".\"";
	if (len == 2 && text[0] == '.' && text[1] == '.')
		return "is \"..\"";
	return NULL;
}

static const char *url_text_trouble(const char *text, size_t len, bool keeps_slash)
{
	const char *slash;

	while (keeps_slash && (slash = memchr(text, '/', len))) {
		const char *trouble = segment_trouble(text, (size_t)(slash - text));

		if (trouble)
			return "has an empty segment, \".\" or \"..\" in it";
		len -= (size_t)(slash + 1 - text);
		text = slash + 1;
	}
	return segment_trouble(text, len);
}

static enum template_result refuse_url(const struct segment *segment, const char *trouble,
                                       struct err *err)
{
	(void)err_set(err, -EINVAL,
	              "{%s} %s in this record, and the URL needs it: the call would go elsewhere",
	              segment->text, trouble);
	return TEMPLATE_REFUSED;
}

static enum template_result add_url_value(const struct segment *segment, struct json_object *value,
                                          const char *keep_slash, struct buf *out, struct err *err)
{
	const bool keeps_slash = keep_slash && strcmp(segment->text, keep_slash) == 0;
	const char *trouble = NULL;
	struct buf text = BUF_INIT;

	if (!value)
		trouble = "is null";
	else if (json_object_is_type(value, json_type_object))
		trouble = "is an object";
	else if (json_object_is_type(value, json_type_array))
		trouble = "is a list";
	if (trouble)
		return refuse_url(segment, trouble, err);
	add_text(value, &text);
	trouble = url_text_trouble(buf_text(&text), text.len, keeps_slash);
	if (!trouble)
		percent_encode(out, text.data, text.len, keeps_slash ? "/" : "");
	buf_deinit(&text);
	return trouble ? refuse_url(segment, trouble, err) : TEMPLATE_VALUE;
}

enum template_result template_render_url(const struct template *t,
                                         const struct template_scope *scope, const char *keep_slash,
                                         struct buf *out, struct err *err)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct segment *segment = &t->segments[i];
		struct json_object *value = NULL;
		enum template_result result;

		if (segment->kind == SEGMENT_TEXT) {
			buf_add(out, segment->text, segment->len);
			continue;
		}
		result = place_value(segment, scope, &value, err);
		if (result == TEMPLATE_MISSING)
			return refuse_url(segment, "is missing", err);
		if (result == TEMPLATE_VALUE)
			result = add_url_value(segment, value, keep_slash, out, err);
		json_object_put(value);
		if (result != TEMPLATE_VALUE)
			return result;
	}
	return TEMPLATE_VALUE;
}
