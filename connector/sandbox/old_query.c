#include "connector/sandbox/old_query.h"

#include "connector/sandbox/old_query_node.h"
#include "lib/buf.h"
#include "lib/mem.h"

#include <errno.h>
#include <json-c/json_object.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * A parser by recursive descent over tokens. `sort:` and `slice:` may stand anywhere; they are
 * taken out of the tree as they are met.
 */

enum { longest_query = 20000, deepest_query = 12 };

enum token_type { TOKEN_END, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_SIGN, TOKEN_WORD, TOKEN_QUOTED };

struct parser {
	const struct box_org *org;
	const struct box_old_clock *clock;
	const char *at;
	enum token_type type; /* of the token that comes next */
	enum old_sign sign;
	char *text; /* of a word */
	struct json_object *sort;
	size_t slice;
	unsigned depth;
	struct err *err;
};

static const struct {
	const char *text; /* the longer ones first */
	enum old_sign sign;
} signs[] = {
	{":=", OLD_IS}, {"!=", OLD_IS_NOT}, {">=", OLD_GTE}, {"<=", OLD_LTE},
	{">", OLD_GT},  {"<", OLD_LT},      {"=", OLD_IS},   {":", OLD_HAS},
};

static bool take_sign(struct parser *p)
{
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		const size_t len = strlen(signs[i].text);

		if (strncmp(p->at, signs[i].text, len) != 0)
			continue;
		p->at += len;
		p->type = TOKEN_SIGN;
		p->sign = signs[i].sign;
		return true;
	}
	return false;
}

/* Up to its quote; \" is a quote in it. */
static void take_quoted(struct parser *p)
{
	struct buf text = BUF_INIT;

	for (p->at++; *p->at && *p->at != '"'; p->at++) {
		if (p->at[0] == '\\' && p->at[1])
			p->at++;
		buf_addc(&text, *p->at);
	}
	p->at += *p->at == '"';
	p->type = TOKEN_QUOTED;
	p->text = buf_take(&text);
}

static void take_word(struct parser *p, const char *ends)
{
	const size_t len = strcspn(p->at, ends);

	p->type = TOKEN_WORD;
	p->text = mem_dup(p->at, len ? len : 1);
	p->at += len ? len : 1;
}

/* Where a key may begin. */
static void next(struct parser *p)
{
	free(p->text);
	p->text = NULL;
	p->at += strspn(p->at, " \t\r\n");
	if (!*p->at) {
		p->type = TOKEN_END;
	} else if (*p->at == '(' || *p->at == ')') {
		p->type = *p->at++ == '(' ? TOKEN_OPEN : TOKEN_CLOSE;
	} else if (*p->at == '"') {
		take_quoted(p);
	} else if (!take_sign(p)) {
		take_word(p, " \t\r\n()\":=<>!");
	}
}

/* Behind a sign: a colon belongs to the value, as in a time or a URL. */
static void next_value(struct parser *p)
{
	p->at += strspn(p->at, " \t\r\n");
	if (!*p->at || strchr("()\"", *p->at)) {
		next(p);
		return;
	}
	free(p->text);
	take_word(p, " \t\r\n()\"");
}

static bool is_word(const struct parser *p, const char *word)
{
	return p->type == TOKEN_WORD && strcasecmp(p->text, word) == 0;
}

static bool is_value(const struct parser *p)
{
	return p->type == TOKEN_WORD || p->type == TOKEN_QUOTED;
}

/* sort:-updated,name */
static int take_sort(struct parser *p, const char *text)
{
	for (const char *at = text; *at;) {
		const size_t len = strcspn(at, ",");
		const bool is_descending = *at == '-';
		char *key = mem_dup(at + is_descending, len - is_descending);
		struct json_object *one = json_object_new_object(), *field;
		bool is_custom = false;
		const char *name = box_old_sort_field(p->org, key, &is_custom);

		if (!name) {
			const int r = err_set(p->err, -EINVAL,
			                      "Invalid query: cannot sort by \"%s\".", key);

			free(key);
			json_object_put(one);
			return r;
		}
		free(key);
		field = json_object_new_object();
		box_set(field, is_custom ? "custom_field_id" : "field_name",
		        json_object_new_string(name));
		box_set(one, "direction", json_object_new_string(is_descending ? "desc" : "asc"));
		box_set(one, "field", field);
		json_object_array_add(p->sort, one);
		at += len + (at[len] == ',');
	}
	return 0;
}

static int take_slice(struct parser *p, const char *text)
{
	char *end;

	p->slice = strtoul(text, &end, 10);
	return *text && !*end
	               ? 0
	               : err_set(p->err, -EINVAL, "Invalid query: slice:%s is no number.", text);
}

/* Reads no further than the value. */
static struct json_object *read_value(struct parser *p, const char *key, enum old_sign sign)
{
	const struct old_condition condition = {
		.org = p->org,
		.clock = p->clock,
		.key = key,
		.sign = sign,
		.value = p->text,
		.is_any = p->type == TOKEN_WORD && strcmp(p->text, "*") == 0,
	};
	int r;

	if (!is_value(p)) {
		(void)err_set(p->err, -EINVAL, "Invalid query: \"%s\" has no value.", key);
		return NULL;
	}
	if (strcasecmp(key, "sort") == 0)
		r = take_sort(p, p->text);
	else if (strcasecmp(key, "slice") == 0)
		r = take_slice(p, p->text);
	else
		return box_old_node(&condition, p->err);
	return r == 0 ? box_old_everything() : NULL;
}

/* status:("Potential" or "Qualified") */
static struct json_object *read_values(struct parser *p, const char *key, enum old_sign sign)
{
	struct json_object *parts = json_object_new_array();

	for (next_value(p); p->type != TOKEN_CLOSE; next_value(p)) {
		struct json_object *node;

		if (is_word(p, "or"))
			continue;
		node = read_value(p, key, sign);
		if (!node) {
			json_object_put(parts);
			return NULL;
		}
		json_object_array_add(parts, node);
	}
	return box_old_group("or", parts);
}

/* What a key and its sign are followed by: a value, or several in parentheses. */
static struct json_object *read_condition(struct parser *p, char *key, enum old_sign sign)
{
	struct json_object *node;

	next_value(p);
	node = p->type == TOKEN_OPEN ? read_values(p, key, sign) : read_value(p, key, sign);
	next(p);
	free(key);
	return node;
}

static struct json_object *read_any(struct parser *p);

static struct json_object *read_group(struct parser *p)
{
	struct json_object *node;

	if (++p->depth > deepest_query) {
		(void)err_set(p->err, -EINVAL, "Invalid query: it is nested too deeply.");
		return NULL;
	}
	next(p);
	node = read_any(p);
	if (node && p->type != TOKEN_CLOSE) {
		(void)err_set(p->err, -EINVAL, "Invalid query: a parenthesis is not closed.");
		json_object_put(node);
		return NULL;
	}
	p->depth--;
	next(p);
	return node;
}

static struct json_object *read_atom(struct parser *p)
{
	struct json_object *node;
	bool is_everything;
	char *word;

	if (p->type == TOKEN_OPEN)
		return read_group(p);
	if (!is_value(p) || is_word(p, "and") || is_word(p, "or")) {
		(void)err_set(p->err, -EINVAL, "Invalid query: a word is missing%s.",
		              p->type == TOKEN_END ? " at its end" : "");
		return NULL;
	}
	is_everything = is_word(p, "*");
	word = mem_strdup(p->text);
	next(p);
	if (p->type == TOKEN_SIGN)
		return read_condition(p, word, p->sign);
	node = is_everything ? box_old_everything() : box_old_word(word);
	free(word);
	return node;
}

/* "-name:x" is one word with its minus; the minus of "sort:-name" was taken with its value. */
static struct json_object *read_not(struct parser *p)
{
	bool is_negated = false;
	struct json_object *node;

	for (;;) {
		if (is_word(p, "not") || is_word(p, "-"))
			next(p);
		else if (p->type == TOKEN_WORD && p->text[0] == '-')
			memmove(p->text, p->text + 1, strlen(p->text));
		else
			break;
		is_negated = !is_negated;
	}
	node = read_atom(p);
	if (node && is_negated)
		box_old_negate(node);
	return node;
}

/* @word between them; nothing between two conditions is an "and". */
static struct json_object *read_row(struct parser *p, const char *word, bool may_be_left_out,
                                    struct json_object *(*read_part)(struct parser *p))
{
	struct json_object *parts = json_object_new_array();

	for (;;) {
		struct json_object *node = read_part(p);

		if (!node) {
			json_object_put(parts);
			return NULL;
		}
		json_object_array_add(parts, node);
		if (is_word(p, word))
			next(p);
		else if (!may_be_left_out || p->type == TOKEN_END || p->type == TOKEN_CLOSE ||
		         is_word(p, "or"))
			return box_old_group(word, parts);
	}
}

static struct json_object *read_all(struct parser *p)
{
	return read_row(p, "and", true, read_not);
}

static struct json_object *read_any(struct parser *p)
{
	return read_row(p, "or", false, read_all);
}

static int finish(struct parser *p, struct json_object *node, struct box_old_query *ret_query)
{
	if (node && p->type != TOKEN_END) {
		json_object_put(node);
		node = NULL;
		(void)err_set(p->err, -EINVAL,
		              "Invalid query: a parenthesis is closed that was not opened.");
	}
	if (!node) {
		json_object_put(p->sort);
		return -EINVAL;
	}
	ret_query->search = json_object_new_object();
	box_set(ret_query->search, "query", node);
	box_set(ret_query->search, "sort", p->sort);
	ret_query->slice = p->slice;
	return 0;
}

int box_old_query_read(const struct box_org *org, const struct box_old_clock *clock,
                       const char *text, struct box_old_query *ret_query, struct err *err)
{
	struct parser p = {.org = org, .clock = clock, .at = text, .slice = SIZE_MAX, .err = err};
	struct json_object *node;
	int r;

	if (strlen(text) > longest_query)
		return err_set(err, -EINVAL, "Invalid query: it is longer than %d bytes.",
		               longest_query);
	p.sort = json_object_new_array();
	next(&p);
	node = p.type == TOKEN_END ? box_old_everything() : read_any(&p);
	r = finish(&p, node, ret_query);
	free(p.text);
	return r;
}
