#include "connector/shape/steps.h"
#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/percent.h"

#include <string.h>

enum { max_url = 64 << 10 }; /* far above what any server takes */

static bool render_url(struct shaping *s, struct buf *url)
{
	struct err err;

	if (template_render_url(s->route->url, &s->scope, s->route->keep_slash, url, &err) ==
	    TEMPLATE_VALUE)
		return true;
	rejection_set(s->rejection, REJECT_TEMPLATE, NULL, "%s", err.text);
	return false;
}

/* No value may lead to another operation than the route's. */
static bool is_still_its_operation(struct shaping *s, const char *url)
{
	const struct route *route = s->route;
	const struct operation_set alone = {.items = route->op, .n = 1};
	const struct operation_set *set = s->routes->operations ? s->routes->operations : &alone;
	const struct operation *found;

	/* Without a placeholder it is what was checked when the pipeline was loaded. */
	if (!route->op || template_is_literal(route->url))
		return true;
	found = operation_match(set, route->method, url);
	if (found == route->op)
		return true;
	rejection_set(s->rejection, REJECT_TEMPLATE, NULL,
	              "the finished URL %.200s is %s and no longer %s: a value in it leads "
	              "elsewhere",
	              url, found ? found->name : "no path of Close", route->op->name);
	return false;
}

/*
 * Adds what a query parameter or header stands for to @out. False: it is missing, or (after
 * telling) a filter cannot take the value and the record is rejected.
 */
static bool add_value(struct shaping *s, const struct named_template *row, struct buf *out)
{
	struct err err;

	switch (template_render_text(row->value, &s->scope, out, &err)) {
	case TEMPLATE_VALUE:
		return true;
	case TEMPLATE_MISSING:
		break;
	case TEMPLATE_REFUSED:
		rejection_set(s->rejection, REJECT_TEMPLATE, row->name, "%s", err.text);
		break;
	}
	return false;
}

static bool add_query(struct shaping *s, struct buf *url)
{
	char separator = url->data && strchr(url->data, '?') ? '&' : '?';
	struct buf value = BUF_INIT;

	for (size_t i = 0; i < s->route->n_query; i++) {
		const struct named_template *row = &s->route->query[i];

		buf_clear(&value);
		if (!add_value(s, row, &value))
			continue;
		buf_addc(url, separator);
		percent_encode(url, row->name, strlen(row->name), "");
		buf_addc(url, '=');
		percent_encode(url, buf_text(&value), value.len, "");
		separator = '&';
	}
	buf_deinit(&value);
	return s->rejection->class == REJECT_NONE;
}

bool shape_url(struct shaping *s)
{
	struct buf url = BUF_INIT;

	if (!render_url(s, &url) || !is_still_its_operation(s, buf_text(&url)) ||
	    !add_query(s, &url)) {
		buf_deinit(&url);
		return false;
	}
	if (url.len > max_url) {
		rejection_set(s->rejection, REJECT_TEMPLATE, NULL,
		              "the URL of this record would be %zu bytes long, more than %d; is a "
		              "whole text in a path or query parameter?",
		              url.len, max_url);
		buf_deinit(&url);
		return false;
	}
	s->draft->url = buf_take(&url);
	return true;
}

static bool is_header_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

static bool add_header(struct shaping *s, const struct named_template *row, size_t *n)
{
	struct buf line = BUF_INIT;
	size_t begin;

	buf_addf(&line, "%s: ", row->name);
	begin = line.len;
	/* An empty value would make the header vanish or clear a standard one: it counts as none.
	 */
	if (!add_value(s, row, &line) || line.len == begin) {
		buf_deinit(&line);
		return s->rejection->class == REJECT_NONE;
	}
	if (!is_header_text(line.data + begin, line.len - begin)) {
		buf_deinit(&line);
		rejection_set(s->rejection, REJECT_TEMPLATE, row->name,
		              "the value of header %s holds a control character or one outside "
		              "ASCII, which a header cannot carry",
		              row->name);
		return false;
	}
	s->draft->headers[(*n)++] = buf_take(&line);
	return true;
}

bool shape_headers(struct shaping *s)
{
	const struct route *route = s->route;
	size_t n = 0;

	if (!route->n_headers)
		return true;
	s->draft->headers = mem_array(route->n_headers + 1, sizeof(char *));
	for (size_t i = 0; i < route->n_headers; i++)
		if (!add_header(s, &route->headers[i], &n))
			return false;
	return true;
}
