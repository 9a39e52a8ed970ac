/* What a route calls: an operation of the catalogue, or a method and a URL. */

#include "connector/pipeline/routes.h"
#include "connector/pipeline/url.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/near.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The path under base_url that a written URL means, or NULL after telling. */
static const char *path_of(struct route_build *b, const struct yaml_node *at)
{
	const char *url = b->spec.url, *base = b->l->pipeline->base_url;
	const char *path = url_path(base, url);

	if (path)
		return path;
	if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		fail(b->l, at, "must begin with / (a path under base_url) or with %s/",
		     close_base_url);
	else
		fail(b->l, at,
		     "is on another host: a full URL must begin with %s/ or with base_url (%s/)",
		     close_base_url, base);
	return NULL;
}

static bool is_escape(const char *c)
{
	return isxdigit((unsigned char)c[1]) && isxdigit((unsigned char)c[2]);
}

static char unescaped(const char *c)
{
	const char digits[] = {c[1], c[2], '\0'};

	return (char)strtoul(digits, NULL, 16);
}

/*
 * Whether @path has a segment that servers take out, and with it the one before: also where it is
 * written with %XX, which many of them read first. A placeholder is never such a segment.
 */
static bool has_dot_segment(const char *path)
{
	cleanup_(buf_deinit) struct buf plain = BUF_INIT;
	const char *text;

	for (const char *c = path; *c; c++) {
		const char *close = *c == '{' ? template_place_end(c) : NULL;

		if (close) {
			buf_addc(&plain, 'x');
			c = close;
		} else if (*c == '%') {
			buf_addc(&plain, unescaped(c));
			c += 2;
		} else {
			buf_addc(&plain, *c);
		}
	}
	text = buf_text(&plain);
	if (*text && text[strlen(text) - 1] != '/') {
		buf_addc(&plain, '/');
		text = buf_text(&plain);
	}
	return strstr(text, "//") || strstr(text, "/./") || strstr(text, "/../");
}

static const char *trouble_at(const char *c)
{
	if (*c == '?')
		return "write what stands behind ? under query, as in query: {name: \"value\"}";
	if (*c == '#')
		return "must not have a fragment (#…)";
	if (*c <= ' ' || *c >= 0x7f || strchr("\\\"<>^`|", *c))
		return "has a character that cannot stand in a path: write it percent-encoded";
	if (*c == '%' && !is_escape(c))
		return "has a % that is not followed by two hexadecimal digits: write it %25";
	return NULL;
}

/* What stands between placeholders must be a clean path. */
static bool check_path(struct route_build *b, const struct yaml_node *at, const char *path)
{
	const char *trouble = NULL;

	for (const char *c = path; *c && !trouble; c++) {
		const char *close = *c == '{' ? template_place_end(c) : NULL;

		if (close)
			c = close;
		else
			trouble = trouble_at(c);
	}
	if (!trouble && has_dot_segment(path))
		trouble = "has an empty, . or .. segment in its path";
	if (trouble)
		fail(b->l, at, "%s", trouble);
	return !trouble;
}

/* Only paths without placeholders: those share so many letters that they are all near. */
static const char *near_path(const struct operation_set *set, enum http_method method,
                             const char *path)
{
	cleanup_(freep) const char **paths = mem_array(set->n + 1, sizeof(*paths));
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++)
		if (set->items[i].method == method)
			paths[n++] = set->items[i].path;
	return strchr(path, '{') ? NULL : near_name(path, paths);
}

static bool ends_in_api(const char *base_url)
{
	static const char api[] = "/api/v1";
	const size_t len = strlen(base_url), n = sizeof(api) - 1;

	return len >= n && strcmp(base_url + len - n, api) == 0;
}

/* Close itself, a stand-in for it or a proxy before it; other hosts have paths of their own. */
static bool is_like_close(const char *base_url)
{
	static const char host[] = "https://api.close.com";

	return strncmp(base_url, host, sizeof(host) - 1) == 0 || ends_in_api(base_url);
}

static size_t segment_len(const char *text)
{
	const char *at = text;

	while (*at && *at != '/') {
		const char *close = *at == '{' ? template_place_end(at) : NULL;

		at = close ? close + 1 : at + 1;
	}
	return (size_t)(at - text);
}

/* Whether a record may make @path one of @pattern. */
static bool may_become(const char *path, const char *pattern)
{
	while (*path == '/' && path[1] && *pattern == '/' && pattern[1]) {
		const size_t len = segment_len(++path), wanted = segment_len(++pattern);

		if (!memchr(path, '{', len) && !memchr(pattern, '{', wanted) &&
		    (len != wanted || memcmp(path, pattern, len) != 0))
			return false;
		path += len;
		pattern += wanted;
	}
	return (!*path || strcmp(path, "/") == 0) && (!*pattern || strcmp(pattern, "/") == 0);
}

/* Which operation it is the record decides. */
static bool is_open(const struct route_build *b, const char *path)
{
	const struct operation_set *set = b->l->options->operations;

	for (size_t i = 0; strchr(path, '{') && i < set->n; i++)
		if (set->items[i].method == (enum http_method)b->spec.method &&
		    may_become(path, set->items[i].path))
			return true;
	return false;
}

/* A path outside the catalogue is allowed, and said: a slip of the pen is more likely. */
static void warn_unknown(struct route_build *b, const struct yaml_node *at, const char *path)
{
	static const enum http_method others[] = {METHOD_POST, METHOD_PUT, METHOD_DELETE};
	const struct operation_set *set = b->l->options->operations;
	const char *method = http_method_name((enum http_method)b->spec.method);
	const char *near = near_path(set, (enum http_method)b->spec.method, path);

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		const struct operation *op = operation_match(set, others[i], path);

		if (!op)
			continue;
		warn(b->l, at,
		     "the catalogue has no %s %.100s, but %s %s (%s): it is sent as written",
		     method, path, http_method_name(op->method), op->path, op->name);
		return;
	}
	if (near)
		warn(b->l, at, "the catalogue has no %s %.100s: did you mean %s?", method, path,
		     near);
	else if (is_open(b, path))
		warn(b->l, at,
		     "the catalogue has no %s %.100s: which operation it is, and whether the route may "
		     "call it, is seen record by record",
		     method, path);
	else if (strncmp(path, "/api/v1/", 8) == 0)
		warn(b->l, at, "the catalogue has no %s %.100s: base_url has /api/v1 already",
		     method, path);
	else
		warn(b->l, at,
		     "the catalogue has no %s %.100s: it is sent as written, and nothing is "
		     "known of its fields",
		     method, path);
}

/* What is one thing here and another at Close would pass the guards of neither. */
static bool check_plain(struct route_build *b, const struct yaml_node *at, const char *path)
{
	cleanup_(freep) char *plain = operation_plain_path(path);
	const struct operation *read =
		plain ? operation_match(b->l->options->operations, b->route->method, plain) : NULL;

	/* It stands below the API twice: Close has nothing there. */
	if ((plain && !read) || read == b->route->op || !is_like_close(b->l->pipeline->base_url) ||
	    (strncmp(path, "/api/v1/", 8) == 0 && ends_in_api(b->l->pipeline->base_url)))
		return true;
	fail(b->l, at, "makes the path %.200s, which Close may read as %s (%s): write it so%s",
	     path, plain ? plain : "another one", read ? read->name : "with .. above base_url",
	     strncmp(path, "/api/v1/", 8) == 0 ? ", and base_url with /api/v1 at its end" : "");
	return false;
}

/* PATCH is what people mean by Close's PUT; outside the catalogue it means nothing. */
static bool check_patch(struct route_build *b, const char *path)
{
	const size_t mark = path_enter(b->l, "method");

	if (b->route->op)
		warn(b->l, route_place(b, "method"),
		     "Close publishes no PATCH: it is sent as PUT, which changes only what is sent");
	else
		fail(b->l, route_place(b, "method"),
		     "Close publishes no PATCH, and the catalogue has no PUT %.100s: write PUT if that "
		     "is meant",
		     path);
	path_leave(b->l, mark);
	return b->route->op;
}

static bool resolve_url(struct route_build *b, struct buf *path)
{
	const struct yaml_node *at = route_place(b, "url");
	const enum http_method method = (enum http_method)b->spec.method;
	const size_t mark = path_enter(b->l, "url");
	const char *found = path_of(b, at);
	const bool is_clean = found && check_path(b, at, found);

	if (is_clean) {
		buf_adds(path, found);
		b->route->op = operation_match(b->l->options->operations, method, found);
		b->route->is_patch = method == METHOD_PATCH;
		b->route->method = method == METHOD_PATCH ? METHOD_PUT : method;
		if (b->route->op && found[strlen(found) - 1] != '/')
			buf_addc(path, '/');
		if (!b->route->op && method != METHOD_PATCH &&
		    is_like_close(b->l->pipeline->base_url))
			warn_unknown(b, at, found);
	}
	path_leave(b->l, mark);
	return is_clean && (method != METHOD_PATCH || check_patch(b, found));
}

/* Adds the text of a parameter as one segment: its placeholders as they are, the rest encoded. */
static void add_segment(struct buf *out, const char *text, bool keep_slash)
{
	for (const char *c = text; *c; c++) {
		const char *close = *c == '{' && c[1] != '{' ? template_place_end(c) : NULL;

		if (close) {
			buf_add(out, c, (size_t)(close - c) + 1);
			c = close;
			continue;
		}
		if ((*c == '{' || *c == '}') && c[1] == *c)
			c++; /* doubled: a brace itself */
		if ((isalnum((unsigned char)*c) && (unsigned char)*c < 0x80) ||
		    strchr("-._~", *c) || (*c == '/' && keep_slash))
			buf_addc(out, *c);
		else
			buf_addf(out, "%%%02X", (unsigned char)*c);
	}
}

static void keep_slash_of(struct route_build *b, const char *text)
{
	const size_t len = strlen(text);

	if (len > 2 && text[0] == '{' && text[1] != '{' &&
	    template_place_end(text) == text + len - 1)
		b->route->keep_slash = mem_dup(text + 1, len - 2);
}

bool route_is_hole(const struct route_build *b, const char *name)
{
	if (!b->spec.operation)
		return false;
	return (b->spec.match && strcmp(name, "id") == 0) || yaml_get(b->spec.link, name);
}

/*
 * It stays in the finished URL as {name} until the id is known. An object type is a kind and an id,
 * and the kind is known from what is looked for.
 */
static void add_hole(const struct route_build *b, struct buf *out, const char *name)
{
	static const struct {
		const char *link, *kind, *kind_of_schema;
	} kinds[] = {
		{"custom_activity_type", "custom_activity_type", "activity"},
		{"custom_object_type", "custom_object_type", "custom_object"},
	};
	const bool is_schema = strncmp(b->spec.operation, "custom_field_schema.", 20) == 0;
	const struct yaml_node *link = yaml_get(b->spec.link, name);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(name, "object_type") == 0 && yaml_get(link, kinds[i].link))
			buf_addf(out, "%s/", is_schema ? kinds[i].kind_of_schema : kinds[i].kind);
	buf_addf(out, "{{%s}}", name);
}

/* One {name} of the path: the parameter of that name, or the record's field. */
static void put_param(struct route_build *b, struct buf *out, const char *place, size_t len,
                      bool *used)
{
	const struct yaml_node *params = b->spec.params;
	cleanup_(freep) char *name = mem_dup(place + 1, len - 2);
	const bool is_object_type = strcmp(name, "object_type") == 0;

	for (size_t i = 0; params && i < params->n; i++) {
		const char *text;

		if (strcmp(params->keys[i]->text, name) != 0)
			continue;
		used[i] = true;
		text = template_source(b->l, params->items[i]);
		if (!text)
			return;
		if (!*text || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
			fail(b->l, params->items[i], "cannot fill %s in the path", name);
		add_segment(out, text, is_object_type);
		if (is_object_type)
			keep_slash_of(b, text);
		return;
	}
	if (route_is_hole(b, name)) {
		add_hole(b, out, name);
		return;
	}
	buf_add(out, place, len);
	if (is_object_type)
		b->route->keep_slash = mem_strdup(name);
}

static void fail_unused(struct route_build *b, const char *path, const bool *used)
{
	const struct yaml_node *params = b->spec.params;

	for (size_t i = 0; params && i < params->n; i++)
		/* The id of an upsert is told beside match, which finds it. */
		if (!used[i] && !(b->update_op && strcmp(params->keys[i]->text, "id") == 0))
			fail(b->l, params->keys[i],
			     "unknown parameter \"%.40s\": the path is %.100s",
			     params->keys[i]->text, path);
}

/* Puts `params` into @path; the fields that fill it are then the placeholders of one template. */
static void compile_path(struct route_build *b, const char *path)
{
	const struct yaml_node *params = b->spec.params;
	const char *at_key = b->spec.operation ? "operation" : "url";
	const size_t n_errors = b->l->pipeline->n_errors;
	cleanup_(freep) bool *used = mem_array(params ? params->n + 1 : 1, sizeof(*used));
	cleanup_(buf_deinit) struct buf text = BUF_INIT;
	size_t mark = path_enter(b->l, "params");

	for (const char *c = path; *c;) {
		const char *close = *c == '{' && c[1] != '{' ? template_place_end(c) : NULL;
		const size_t len = close ? (size_t)(close - c) + 1 : 1;

		if (close)
			put_param(b, &text, c, len, used);
		else
			buf_addc(&text, *c);
		c += len;
	}
	fail_unused(b, path, used);
	path_leave(b->l, mark);
	if (b->l->pipeline->n_errors > n_errors)
		return;
	mark = path_enter(b->l, params ? "params" : at_key);
	if (check_plain(b, route_place(b, params ? "params" : at_key), buf_text(&text)))
		b->route->url = route_template(b, route_place(b, params ? "params" : at_key),
		                               buf_text(&text));
	path_leave(b->l, mark);
}

bool route_compile_target(struct route_build *b)
{
	cleanup_(buf_deinit) struct buf path = BUF_INIT;
	struct route *route = b->route;
	struct route_spec *spec = &b->spec;

	if (spec->operation) {
		route->op = route_find_operation(b);
		if (!route->op)
			return false;
		route->method = route->op->method;
		buf_adds(&path, route->op->path);
	} else if (spec->url && spec->has_method) {
		if (!resolve_url(b, &path))
			return false;
	} else {
		/* Not there, or there and wrong, which was told. */
		if (spec->url && !yaml_get(b->map, "method"))
			fail(b->l, route_place(b, "url"),
			     "method is missing: POST, PUT, PATCH or DELETE");
		return false;
	}
	route_check_effects(b, path.data);
	compile_path(b, path.data);
	if (!route->name && spec->operation)
		route->name = mem_strdup(spec->operation);
	else if (!route->name && route->op)
		route->name = mem_strdup(route->op->name);
	else if (!route->name)
		route->name = mem_printf("%s %s", http_method_name(route->method), path.data);
	return true;
}
