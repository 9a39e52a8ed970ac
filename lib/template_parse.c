#include "lib/template_parse.h"

#include "lib/buf.h"
#include "lib/mem.h"

#include <errno.h>
#include <string.h>

struct parser {
	struct template *t;
	template_origin_fn is_origin;
	void *arg;
	struct err *err;
	struct buf literal; /* text since the last placeholder */
};

static struct segment *add_segment(struct parser *p, enum segment_kind kind, const char *text,
                                   size_t len)
{
	struct template *t = p->t;
	struct segment *segment;

	t->segments = mem_resize(t->segments, t->n + 1, sizeof(*t->segments));
	segment = &t->segments[t->n++];
	*segment = (struct segment){.kind = kind, .text = mem_dup(text, len), .len = len};
	return segment;
}

static void end_literal(struct parser *p)
{
	if (p->literal.len)
		(void)add_segment(p, SEGMENT_TEXT, p->literal.data, p->literal.len);
	buf_clear(&p->literal);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* The run of names that may be one key begins at @from; a quoted name is always alone. */
static size_t joinable(const struct path *path, size_t from)
{
	size_t n = 1;

	if (path->steps[from].is_quoted)
		return n;
	while (from + n < path->n && path->steps[from + n].kind == PATH_NAME &&
	       !path->steps[from + n].is_quoted)
		n++;
	return n;
}

static void compile_step(const struct path *path, size_t at, struct place_step *step)
{
	struct buf key = BUF_INIT;

	step->kind = path->steps[at].kind;
	step->index = path->steps[at].index;
	if (step->kind != PATH_NAME)
		return;
	step->n_keys = joinable(path, at);
	step->keys = mem_array(step->n_keys, sizeof(char *));
	for (size_t i = 0; i < step->n_keys; i++) {
		if (i)
			buf_addc(&key, '.');
		buf_adds(&key, path->steps[at + i].name);
		step->keys[i] = mem_strdup(key.data);
	}
	buf_deinit(&key);
}

static int parse_path(struct parser *p, struct segment *segment, const char *text, size_t len)
{
	static const char nexla[] = "record.";
	struct path path;
	size_t skip = 0;
	int r;

	if (len > sizeof(nexla) - 1 && memcmp(text, nexla, sizeof(nexla) - 1) == 0)
		skip = sizeof(nexla) - 1;
	r = path_parse(text + skip, len - skip, &path, p->err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < path.n; i++) {
		if (path.steps[i].kind != PATH_EACH)
			continue;
		path_deinit(&path);
		return err_set(p->err, -EINVAL, "[] needs an index here, as in [0]");
	}
	segment->n_steps = path.n;
	segment->steps = mem_array(path.n, sizeof(*segment->steps));
	for (size_t i = 0; i < path.n; i++)
		compile_step(&path, i, &segment->steps[i]);
	path_deinit(&path);
	return 0;
}

/* @len bytes at @text: the origin's name behind "@". */
static int parse_origin(struct parser *p, struct segment *segment, const char *text, size_t len)
{
	const char *near = NULL;

	segment->name = mem_dup(text, len);
	if (p->is_origin && p->is_origin(p->arg, segment->name, &near))
		return 0;
	if (near)
		return err_set(p->err, -EINVAL, "{@%s} is not known; did you mean {@%s}?",
		               segment->name, near);
	return err_set(p->err, -EINVAL, "{@%s} is not known here", segment->name);
}

/* The first @wanted in the @len bytes of @text that is not in quotes, or NULL. */
static const char *find_unquoted(const char *text, size_t len, char wanted)
{
	bool in_quotes = false;

	for (const char *at = text; at < text + len; at++) {
		if (!in_quotes && *at == wanted)
			return at;
		if (*at == '"')
			in_quotes = !in_quotes;
		else if (*at == '\\' && in_quotes)
			at++;
	}
	return NULL;
}

const char *template_place_end(const char *open)
{
	return find_unquoted(open + 1, strlen(open + 1), '}');
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

/* The filters of a placeholder: @text begins behind the first |. */
static int parse_filters(struct parser *p, struct segment *segment, const char *text, size_t len)
{
	const char *end = text + len, *bar;
	struct filter_use use;
	int r;

	do {
		bar = find_unquoted(text, (size_t)(end - text), '|');
		r = filter_parse(text, (size_t)((bar ? bar : end) - text), &use, p->err);
		if (r < 0)
			return r;
		segment->filters = mem_resize(segment->filters, segment->n_filters + 1,
		                              sizeof(*segment->filters));
		segment->filters[segment->n_filters++] = use;
		text = bar ? bar + 1 : end;
	} while (bar);
	return 0;
}

/* What stands between braces: @len bytes at @text, of which a place may begin with "@". */
static int parse_inside(struct parser *p, const char *text, size_t len, const char *bar)
{
	const size_t n_filters = bar ? (size_t)(text + len - bar - 1) : 0;
	size_t n = len - n_filters - (bar ? 1 : 0);
	const bool is_origin = *text == '@';
	struct segment *segment =
		add_segment(p, is_origin ? SEGMENT_ORIGIN : SEGMENT_PLACE, text, len);
	int r;

	skip_spaces(&text, &n);
	if (is_origin) {
		r = parse_origin(p, segment, text + 1, n - 1);
		if (r < 0)
			return r; /* it names the placeholder */
	} else {
		r = parse_path(p, segment, text, n);
	}
	if (r == 0 && bar)
		r = parse_filters(p, segment, bar + 1, n_filters);
	return r < 0 ? err_prefix(p->err, r, "{%.*s}", (int)len, segment->text) : 0;
}

static int parse_placeholder(struct parser *p, const char *text, size_t len)
{
	const char *bar;

	skip_spaces(&text, &len);
	bar = find_unquoted(text, len, '|');
	if (!len || bar == text)
		return err_set(
			p->err, -EINVAL,
			"{%.*s} names no field; write {name}, or {{}} for the braces themselves",
			(int)len, text);
	if (find_unquoted(text, len, '{'))
		return err_set(p->err, -EINVAL,
		               "{%.*s}: a brace stands inside a placeholder; write {{ for a brace",
		               (int)len, text);
	return parse_inside(p, text, len, bar);
}

/* Nexla writes {'{x}'} where we write {x}: say so instead of speaking of braces. */
static bool is_nexla(const char *text)
{
	return strncmp(text, "{'{", 3) == 0 || strncmp(text, "{\"{", 3) == 0;
}

static int refuse_nexla(struct parser *p, const char *text)
{
	const char *name = text + 3;
	const int n = (int)strcspn(name, "}'\"");

	return err_set(p->err, -EINVAL,
	               "{'{%.*s}'} is how Nexla writes a placeholder; write {%.*s} here", n, name,
	               n, name);
}

static int parse_brace(struct parser *p, const char **at)
{
	const char *open = *at;
	const char *close;

	if (is_nexla(open))
		return refuse_nexla(p, open);
	close = template_place_end(open);
	if (!close)
		return err_set(p->err, -EINVAL,
		               "the brace of \"%.40s\" is not closed; write {{ for a brace itself",
		               open);
	end_literal(p);
	*at = close + 1;
	return parse_placeholder(p, open + 1, (size_t)(close - open - 1));
}

static int parse_text(struct parser *p)
{
	const char *at = p->t->text;
	int r = 0;

	while (r == 0 && *at) {
		if (*at != '{' && *at != '}') {
			buf_addc(&p->literal, *at++);
		} else if (at[1] == at[0]) {
			buf_addc(&p->literal, *at);
			at += 2;
		} else if (*at == '{') {
			r = parse_brace(p, &at);
		} else {
			r = err_set(p->err, -EINVAL,
			            "a } stands alone in \"%s\"; write }} for a brace itself",
			            p->t->text);
		}
	}
	end_literal(p);
	return r;
}

int template_parse(struct template *t, template_origin_fn is_origin, void *arg, struct err *err)
{
	struct parser p = {.t = t, .is_origin = is_origin, .arg = arg, .err = err};
	const int r = parse_text(&p);

	buf_deinit(&p.literal);
	return r;
}
