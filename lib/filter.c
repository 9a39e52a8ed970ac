#include "lib/filter.h"

#include "lib/buf.h"
#include "lib/filter_private.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/near.h"
#include "lib/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of a text that a message quotes. */
enum { most_quoted = 40, most_names = 16 };

static const struct filter filters[] = {
	{
		.name = "lower",
		.example = "lower",
		.help = "small letters",
		.apply = filter_lower,
	},
	{
		.name = "upper",
		.example = "upper",
		.help = "capital letters",
		.apply = filter_upper,
	},
	{
		.name = "trim",
		.example = "trim",
		.help = "without spaces at both ends",
		.apply = filter_trim,
	},
	{
		.name = "text",
		.example = "text",
		.help = "any value as text, a number with its digits",
		.apply = filter_text,
	},
	{
		.name = "number",
		.example = "number",
		.help = "text as a number, with its digits",
		.apply = filter_number,
	},
	{
		.name = "split",
		.argument = ARGUMENT_TEXT,
		.example = "split:,",
		.help = "text as the list of what stands between separators",
		.apply = filter_split,
	},
	{
		.name = "default",
		.argument = ARGUMENT_TEXT,
		.example = "default:US",
		.help = "this text where the value is missing or null",
		.fills = true,
		.apply = filter_fill,
	},
	{
		.name = "or",
		.argument = ARGUMENT_EMPTY,
		.example = "or:",
		.help = "empty text where the value is missing or null",
		.fills = true,
		.apply = filter_fill,
	},
	{
		.name = "cents",
		.example = "cents",
		.help = "a number times 100, rounded half away from zero on its digits",
		.apply = filter_cents,
	},
	{
		.name = "datetime",
		.example = "datetime",
		.help = "a time, or seconds or milliseconds since 1970, as a time in UTC",
		.apply = filter_datetime,
	},
	{
		.name = "date",
		.example = "date",
		.help = "the same, as the day in UTC",
		.apply = filter_date,
	},
};

enum { n_filters = sizeof(filters) / sizeof(filters[0]) };

const struct filter *filter_table(size_t *ret_n)
{
	*ret_n = n_filters;
	return filters;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static void skip_spaces(const char **text, size_t *len)
{
	while (*len && is_space(**text)) {
		(*text)++;
		(*len)--;
	}
	while (*len && is_space((*text)[*len - 1]))
		(*len)--;
}

static const struct filter *find(const char *name)
{
	size_t n;
	const struct filter *table = filter_table(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static void refuse_name(const char *name, struct err *err)
{
	const char *names[most_names] = {NULL}, *near;
	struct buf list = BUF_INIT;
	size_t n;
	const struct filter *table = filter_table(&n);

	for (size_t i = 0; i < n && i + 1 < most_names; i++) {
		names[i] = table[i].name;
		buf_addf(&list, "%s%s", i ? ", " : "", table[i].name);
	}
	near = near_name(name, names);
	if (!*name)
		(void)err_set(err, -EINVAL, "behind | stands a filter: %s", list.data);
	else if (near)
		(void)err_set(err, -EINVAL, "there is no filter \"%.40s\"; did you mean %s?", name,
		              near);
	else
		(void)err_set(err, -EINVAL, "there is no filter \"%.40s\"; the filters are %s",
		              name, list.data);
	buf_deinit(&list);
}

/* What stands between the quotes that @text begins with, which must be all of it. */
static int unquote(const char *text, size_t len, struct buf *out, struct err *err)
{
	size_t at = 1;

	for (; at < len && text[at] != '"'; at++) {
		if (text[at] == '\\' && at + 1 < len)
			at++;
		buf_addc(out, text[at]);
	}
	if (at + 1 == len)
		return 0;
	return err_set(err, -EINVAL, "an argument in quotes is in quotes as a whole: \"…\"");
}

static int read_argument(const char *text, size_t len, struct buf *out, struct err *err)
{
	skip_spaces(&text, &len);
	if (len && text[0] == '"')
		return unquote(text, len, out, err);
	if (memchr(text, '"', len))
		return err_set(err, -EINVAL,
		               "an argument that has a quote in it stands in quotes as a whole, "
		               "with \\\" for the quote");
	buf_add(out, text, len);
	return 0;
}

static int check_argument(const struct filter *filter, bool has_colon, size_t len, struct err *err)
{
	switch (filter->argument) {
	case ARGUMENT_NONE:
		if (has_colon)
			return err_set(err, -EINVAL, "%s takes no argument", filter->name);
		return 0;
	case ARGUMENT_TEXT:
		if (!len)
			return err_set(err, -EINVAL,
			               "%s needs an argument, as in %s; spaces go in quotes: "
			               "%s:\" \"",
			               filter->name, filter->example, filter->name);
		return 0;
	case ARGUMENT_EMPTY:
		if (len)
			return err_set(err, -EINVAL,
			               "%s stands for empty text and takes no other: write "
			               "default:… for one",
			               filter->name);
		return 0;
	}
	return 0;
}

/* The filter named by the @len bytes of @text, or NULL after telling. */
static const struct filter *parse_name(const char *text, size_t len, struct err *err)
{
	const struct filter *filter;
	char *name;

	skip_spaces(&text, &len);
	name = mem_dup(text, len);
	filter = find(name);
	if (!filter)
		refuse_name(name, err);
	free(name);
	return filter;
}

int filter_parse(const char *text, size_t len, struct filter_use *ret_use, struct err *err)
{
	const char *colon = memchr(text, ':', len);
	const size_t name_len = colon ? (size_t)(colon - text) : len;
	const struct filter *filter = parse_name(text, name_len, err);
	struct buf argument = BUF_INIT;
	int r = 0;

	if (!filter)
		return -EINVAL;
	if (colon)
		r = read_argument(colon + 1, len - name_len - 1, &argument, err);
	if (r == 0)
		r = check_argument(filter, colon != NULL, argument.len, err);
	if (r == 0)
		*ret_use = (struct filter_use){filter, buf_take(&argument)};
	buf_deinit(&argument);
	return r;
}

void filter_use_deinit(struct filter_use *use)
{
	free(use->argument);
}

/* "the text \"…\"": enough to find the value, and never all of a long one. */
static void add_quoted(struct json_object *value, struct buf *out)
{
	const char *text = json_object_get_string(value);
	const size_t len = (size_t)json_object_get_string_len(value);
	const size_t n = utf8_cut(text, len, most_quoted);

	buf_adds(out, "the text ");
	json_print_string(text, n, out);
	if (n < len)
		buf_adds(out, " …");
}

static void add_kind(struct json_object *value, struct buf *out)
{
	struct buf number = BUF_INIT;

	switch (json_object_get_type(value)) {
	case json_type_object:
		buf_adds(out, "an object");
		return;
	case json_type_array:
		buf_adds(out, "a list");
		return;
	case json_type_boolean:
		buf_adds(out, json_object_get_boolean(value) ? "true" : "false");
		return;
	case json_type_string:
		add_quoted(value, out);
		return;
	case json_type_double:
	case json_type_int:
		json_print(value, &number);
		buf_addf(out, "the number %.*s%s", most_quoted, number.data,
		         number.len > most_quoted ? " …" : "");
		buf_deinit(&number);
		return;
	case json_type_null:
		buf_adds(out, "null");
	}
}

static int refuse_value(const struct filter *filter, const char *takes, struct json_object *value,
                        struct err *err)
{
	struct buf kind = BUF_INIT;

	if (!err)
		return -EINVAL;
	add_kind(value, &kind);
	(void)err_set(err, -EINVAL, "%s takes %s; this record has %s", filter->name, takes,
	              kind.data);
	buf_deinit(&kind);
	return -EINVAL;
}

int filter_apply(const struct filter_use *use, struct json_object **value, bool *is_missing,
                 struct err *err)
{
	const struct filter *filter = use->filter;
	struct json_object *result = NULL;
	const char *takes;
	int r = 0;

	if (filter->fills != (*is_missing || !*value))
		return 0;
	takes = filter->apply(*value, use->argument, &result);
	if (takes)
		r = refuse_value(filter, takes, *value, err);
	json_object_put(*value);
	*value = result;
	*is_missing = false;
	return r;
}
