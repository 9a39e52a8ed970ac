#include "connector/shape/steps.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/percent.h"

#include <stdlib.h>
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

static bool refuse_path(struct shaping *s, const char *url, const char *why)
{
	rejection_set(s->rejection, REJECT_TEMPLATE, NULL, "the finished URL %.200s %s", url, why);
	return false;
}

/* No value may lead to another operation than the route's. */
static bool is_still_its_operation(struct shaping *s, const char *url, const struct operation *op)
{
	const struct operation *own = s->route->op;
	cleanup_(freep) char *why = NULL;

	if (!own || op == own)
		return true;
	why = mem_printf("is %s and no longer %s: a value in it leads elsewhere",
	                 op ? op->name : "no path of Close", own->name);
	return refuse_path(s, url, why);
}

/*
 * Nor may it be one thing here and another at Close, where the path is decoded and put straight:
 * "/lead%2Fmerge/" is /lead/merge/ there.
 */
static bool is_plain(struct shaping *s, const struct operation_set *set, const char *url,
                     const char *plain, const struct operation *op)
{
	const struct operation *read;
	cleanup_(freep) char *why = NULL;

	if (!plain)
		return refuse_path(s, url, "leads above base_url with a segment .. in it");
	read = operation_match(set, s->route->method, plain);
	if (!read || read == op)
		return true;
	why = mem_printf("is %s as it is written, but Close may read it as %s, %s: a value in it "
	                 "leads elsewhere",
	                 op ? op->name : "no path of Close", plain, read->name);
	return refuse_path(s, url, why);
}

static const struct operation_set *operations_of(const struct shaping *s,
                                                 struct operation_set *alone)
{
	*alone = (struct operation_set){.items = s->route->op, .n = s->route->op ? 1 : 0};
	return s->routes->operations ? s->routes->operations : alone;
}

/*
 * What is called and whether it may be. Without a placeholder the URL is what was checked when the
 * pipeline was loaded.
 */
static bool shape_operation(struct shaping *s, struct buf *url)
{
	struct operation_set alone;
	const struct operation_set *set = operations_of(s, &alone);
	const struct operation *op;
	cleanup_(freep) char *plain = NULL;

	if (template_is_literal(s->route->url))
		return true;
	op = operation_match(set, s->route->method, buf_text(url));
	plain = operation_plain_path(buf_text(url));
	if (!is_still_its_operation(s, buf_text(url), op) ||
	    !is_plain(s, set, buf_text(url), plain, op))
		return false;
	s->draft->op = op;
	if (op && url->data[url->len - 1] != '/')
		buf_addc(url, '/');
	return shape_effects(s, buf_text(url), plain);
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

	if (!render_url(s, &url) || !shape_operation(s, &url) || !add_query(s, &url)) {
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
