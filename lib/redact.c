/*
 * All forms of all secrets are searched for at once (Wu and Manber): of every window as long as the
 * shortest form the last two bytes, letters folded, say how far the window may move without missing
 * a form. Only where that is 0 the forms themselves are compared, longest first.
 */

#include "lib/redact.h"

#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { n_shifts = 4096, window = redact_min_bytes };

enum form_kind {
	FORM_EXACT,
	FORM_FOLDED,        /* letters of either case: percent-encoding has both */
	FORM_AUTHORIZATION, /* the value behind it goes */
	FORM_WHSEC,         /* it goes with the characters of base64 behind it */
};

struct form {
	enum form_kind kind;
	char *text;
	size_t len;
};

struct redact {
	struct form *forms; /* longest first */
	size_t n_forms, cap_forms;
	uint8_t shift[n_shifts];
};

static const char authorization[] = "authorization";
static const char whsec[] = "whsec_";

static size_t slot(const char *two)
{
	/* Setting bit 5 folds letters; what else it merges only costs a comparison. */
	return (size_t)((two[0] | 0x20) & 0xff) << 4 ^ (size_t)((two[1] | 0x20) & 0xff);
}

static void note_shifts(struct redact *r, const char *text)
{
	for (size_t end = 1; end < window; end++) {
		uint8_t *shift = &r->shift[slot(text + end - 1)];

		if (*shift > window - 1 - end)
			*shift = (uint8_t)(window - 1 - end);
	}
}

static void add_form(struct redact *r, enum form_kind kind, const char *text, size_t len)
{
	size_t at;

	if (len < window)
		return;
	for (size_t i = 0; i < r->n_forms; i++)
		if (r->forms[i].len == len && !memcmp(r->forms[i].text, text, len))
			return;

	r->forms = mem_grow(r->forms, r->n_forms, &r->cap_forms, sizeof(*r->forms));
	for (at = r->n_forms++; at > 0 && r->forms[at - 1].len < len; at--)
		r->forms[at] = r->forms[at - 1];
	r->forms[at] = (struct form){.kind = kind, .text = mem_dup(text, len), .len = len};

	note_shifts(r, text);
}

struct redact *redact_new(void)
{
	struct redact *r = mem_alloc(sizeof(*r));

	memset(r->shift, window - 1, sizeof(r->shift));
	add_form(r, FORM_AUTHORIZATION, authorization, strlen(authorization));
	add_form(r, FORM_WHSEC, whsec, strlen(whsec));
	return r;
}

static void free_form(struct form *form)
{
	explicit_bzero(form->text, form->len);
	free(form->text);
}

void redact_free(struct redact *redact)
{
	if (!redact)
		return;
	for (size_t i = 0; i < redact->n_forms; i++)
		free_form(&redact->forms[i]);
	free(redact->forms);
	free(redact);
}

void redact_freep(struct redact **redact)
{
	redact_free(*redact);
}

/* Both alphabets of base64 (RFC 4648 4 and 5). */
static void add_base64_text(struct redact *r, char *text, size_t len)
{
	add_form(r, FORM_EXACT, text, len);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
	add_form(r, FORM_EXACT, text, len);
}

/* The characters that the secret alone decides, when it begins @before bytes into a group of three.
 */
static void add_base64(struct redact *r, const char *secret, size_t len, size_t before)
{
	const size_t first = (before * 8 + 5) / 6, end = (before + len) * 8 / 6;
	char *bytes = mem_alloc(before + len);
	char *text;

	memcpy(bytes + before, secret, len);
	text = crypto_base64(bytes, before + len);
	add_base64_text(r, text + first, end - first);
	explicit_bzero(bytes, before + len);
	explicit_bzero(text, strlen(text));
	free(bytes);
	free(text);
}

/* base64("key:") with its padding, as Basic authentication has it. */
static void add_basic(struct redact *r, const char *secret)
{
	char *pair = mem_printf("%s:", secret);
	char *text = crypto_base64(pair, strlen(pair));

	add_base64_text(r, text, strlen(text));
	explicit_bzero(pair, strlen(pair));
	explicit_bzero(text, strlen(text));
	free(pair);
	free(text);
}

/* Frees what held a secret. */
static void wipe(struct buf *text)
{
	if (text->data)
		explicit_bzero(text->data, text->cap);
	buf_deinit(text);
}

static void add_percent(struct redact *r, const char *secret)
{
	struct buf text = BUF_INIT;

	for (const char *c = secret; *c; c++) {
		if (isalnum((unsigned char)*c) || strchr("-._~", *c))
			buf_addc(&text, *c);
		else
			buf_addf(&text, "%%%02X", (unsigned char)*c);
	}
	add_form(r, FORM_FOLDED, buf_text(&text), text.len);
	wipe(&text);
}

/* As JSON writes it, with plain slashes and with escaped ones. */
static void add_json(struct redact *r, const char *secret)
{
	struct buf plain = BUF_INIT, slashes = BUF_INIT;

	json_print_string(secret, strlen(secret), &plain);
	for (size_t i = 1; i + 1 < plain.len; i++) {
		if (plain.data[i] == '/')
			buf_addc(&slashes, '\\');
		buf_addc(&slashes, plain.data[i]);
	}
	add_form(r, FORM_EXACT, plain.data + 1, plain.len - 2);
	add_form(r, FORM_EXACT, buf_text(&slashes), slashes.len);
	wipe(&plain);
	wipe(&slashes);
}

void redact_add(struct redact *redact, const char *secret)
{
	const size_t len = secret ? strlen(secret) : 0;

	if (len < redact_min_bytes)
		return;
	/* First, so that a form that reads the same keeps its exact comparison. */
	add_form(redact, FORM_EXACT, secret, len);
	add_json(redact, secret);
	add_percent(redact, secret);
	add_basic(redact, secret);
	for (size_t before = 0; before < 3; before++)
		add_base64(redact, secret, len, before);
}

static bool has_form(const struct redact *r, const struct form *form)
{
	for (size_t i = 0; i < r->n_forms; i++)
		if (r->forms[i].kind == form->kind && r->forms[i].len == form->len &&
		    !memcmp(r->forms[i].text, form->text, form->len))
			return true;
	return false;
}

void redact_forget(struct redact *redact, const char *secret)
{
	cleanup_(redact_freep) struct redact *alone = redact_new(), *plain = redact_new();
	size_t n = 0;

	redact_add(alone, secret);
	memset(redact->shift, window - 1, sizeof(redact->shift));
	for (size_t i = 0; i < redact->n_forms; i++) {
		struct form form = redact->forms[i];

		if (has_form(alone, &form) && !has_form(plain, &form)) {
			free_form(&form);
			continue;
		}
		note_shifts(redact, form.text);
		redact->forms[n++] = form;
	}
	redact->n_forms = n;
}

static bool is_base64(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("+/=-_", c));
}

static size_t skip(const char *text, size_t at, size_t len, const char *set)
{
	while (at < len && text[at] && strchr(set, text[at]))
		at++;
	return at;
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ';
}

/* Where the quoted value that begins at @at ends; @is_escaped: its quotes have a backslash. */
static size_t quoted_end(const char *text, size_t at, size_t len, bool is_escaped)
{
	while (at < len && text[at] != '"' && !is_control(text[at])) {
		if (text[at] == '\\') {
			if (is_escaped && at + 1 < len && text[at + 1] == '"')
				break;
			if (at + 1 < len)
				at++;
		}
		at++;
	}
	return at < len ? at : len;
}

/* The end of one word of a bare value: at a space, a quote, a control character or an escape. */
static size_t word_end(const char *text, size_t at, size_t len)
{
	for (; at < len && text[at] != ' ' && text[at] != '"' && !is_control(text[at]); at++)
		if (text[at] == '\\') {
			if (at + 1 == len || text[at + 1] != '/')
				break;
			at++;
		}
	return at < len ? at : len;
}

/*
 * Finds the value behind "authorization" that ends at @at: of a header line the scheme and the word
 * behind it, of a JSON member the whole string. False where none follows.
 */
static bool authorization_value(const char *text, size_t at, size_t len, size_t *ret_begin,
                                size_t *ret_end)
{
	const size_t key_end = skip(text, at, len, "\\");
	const bool is_quoted = key_end < len && text[key_end] == '"';
	size_t begin;

	at = skip(text, is_quoted ? key_end + 1 : at, len, " \t");
	if (at == len || text[at] != ':')
		return false;
	at = skip(text, at + 1, len, " \t");
	begin = skip(text, at, len, "\\");
	if (is_quoted) {
		if (begin == len || text[begin] != '"')
			return false;
		*ret_begin = begin + 1;
		*ret_end = quoted_end(text, begin + 1, len, begin > at);
	} else {
		*ret_begin = at;
		*ret_end = word_end(text, at, len);
		if (*ret_end < len && text[*ret_end] == ' ')
			*ret_end = word_end(text, *ret_end + 1, len);
	}
	return *ret_end > *ret_begin;
}

static bool form_is_at(const struct form *form, const char *text, size_t len)
{
	if (form->len > len)
		return false;
	if (form->kind == FORM_EXACT)
		return !memcmp(form->text, text, form->len);
	return !strncasecmp(form->text, text, form->len);
}

/* Is there something to mask that @form, found at @at, points out? */
static bool span_of(const struct form *form, const char *text, size_t at, size_t len,
                    size_t *ret_begin, size_t *ret_end)
{
	size_t end = at + form->len;

	switch (form->kind) {
	case FORM_AUTHORIZATION:
		return authorization_value(text, end, len, ret_begin, ret_end);
	case FORM_WHSEC:
		while (end < len && (is_base64(text[end]) ||
		                     (text[end] == '\\' && end + 1 < len && text[end + 1] == '/')))
			end++;
		if (end == at + form->len)
			return false;
		break;
	case FORM_EXACT:
	case FORM_FOLDED:
		break;
	}
	*ret_begin = at;
	*ret_end = end;
	return true;
}

/*
 * A span that begins behind a backslash, or among the digits of a \u escape, takes the whole escape
 * along, or JSON text would be none any more. Never goes back beyond @floor.
 */
static size_t escape_begin(const char *text, size_t floor, size_t at)
{
	size_t u = at;

	while (u > floor && at - u < 3 && isxdigit((unsigned char)text[u - 1]))
		u--;
	if (u >= floor + 2 && text[u - 1] == 'u' && text[u - 2] == '\\')
		at = u - 1;
	while (at > floor && text[at - 1] == '\\')
		at--;
	return at;
}

/* The same for a span that ends with a backslash: it takes along what that one escapes. */
static size_t escape_end(const char *text, size_t begin, size_t end, size_t len)
{
	size_t run = 0;

	while (end - run > begin && text[end - run - 1] == '\\')
		run++;
	return run % 2 && end < len ? end + 1 : end;
}

/* The first span at or behind @at that must be masked. */
static bool find(const struct redact *r, const char *text, size_t at, size_t len, size_t *ret_begin,
                 size_t *ret_end)
{
	const size_t floor = at;

	while (at + window <= len) {
		const uint8_t shift = r->shift[slot(text + at + window - 2)];

		if (shift) {
			at += shift;
			continue;
		}
		for (size_t i = 0; i < r->n_forms; i++)
			if (form_is_at(&r->forms[i], text + at, len - at) &&
			    span_of(&r->forms[i], text, at, len, ret_begin, ret_end)) {
				*ret_end = escape_end(text, *ret_begin, *ret_end, len);
				*ret_begin = escape_begin(text, floor, *ret_begin);
				return true;
			}
		at++;
	}
	return false;
}

size_t redact_bytes(const struct redact *redact, char *bytes, size_t len)
{
	static const size_t mask_len = sizeof(REDACT_MASK) - 1;
	size_t from = 0, to = 0, begin, end;

	while (find(redact, bytes, from, len, &begin, &end)) {
		/* A value shorter than the mask gets a shorter mask: nothing may grow in place. */
		const size_t n = end - begin < mask_len ? end - begin : mask_len;

		memmove(bytes + to, bytes + from, begin - from);
		to += begin - from;
		memcpy(bytes + to, REDACT_MASK, n);
		to += n;
		from = end;
	}
	if (!from)
		return len;
	memmove(bytes + to, bytes + from, len - from);
	return to + len - from;
}

bool redact_finds(const struct redact *redact, const char *text, size_t len)
{
	size_t begin, end;

	return find(redact, text, 0, len, &begin, &end);
}

bool redact_text(const struct redact *redact, struct buf *text)
{
	if (!redact_finds(redact, buf_text(text), text->len))
		return false;
	text->len = redact_bytes(redact, text->data, text->len);
	text->data[text->len] = '\0';
	return true;
}

char *redact_copy(const struct redact *redact, const char *text)
{
	char *copy = mem_strdup(text);

	copy[redact_bytes(redact, copy, strlen(copy))] = '\0';
	return copy;
}
