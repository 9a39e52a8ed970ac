#include "connector/model/lookup.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/decimal.h"
#include "lib/letter_case.h"
#include "lib/mem.h"
#include "lib/moment.h"
#include "lib/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct lookup_list lookup_lists[lookup_n_lists] = {
	[lookup_emails] = {"emails", "email", LIKE_EMAIL},
	{"phones", "phone", LIKE_PHONE},
	{"urls", "url", LIKE_URL},
};

static const char spaces[] = " \t\r\n";

void lookup_rule_deinit(struct lookup_rule *rule)
{
	for (size_t i = 0; i < rule->n_keys; i++) {
		for (size_t k = 0; k < rule->keys[i].n; k++) {
			free(rule->keys[i].fields[k].name);
			template_free(rule->keys[i].fields[k].value);
		}
		free(rule->keys[i].fields);
	}
	free(rule->keys);
	free(rule->kind);
	*rule = (struct lookup_rule){0};
}

void link_rule_deinit(struct link_rule *rule)
{
	free(rule->field);
	lookup_rule_deinit(&rule->rule);
	template_free(rule->fallback);
	*rule = (struct link_rule){0};
}

void lookup_deinit(struct lookup *lookup)
{
	for (size_t i = 0; i < lookup->n_keys; i++) {
		for (size_t k = 0; k < lookup->keys[i].n; k++) {
			free(lookup->keys[i].fields[k].name);
			free(lookup->keys[i].fields[k].value);
			free(lookup->keys[i].fields[k].folded);
			free(lookup->keys[i].fields[k].shown);
		}
		free(lookup->keys[i].fields);
	}
	free(lookup->keys);
	free(lookup->kind);
	free(lookup->lead_id);
	*lookup = (struct lookup){0};
}

void draft_link_deinit(struct draft_link *link)
{
	free(link->field);
	free(link->fallback);
	lookup_deinit(&link->lookup);
	*link = (struct draft_link){0};
}

struct lookup_key *lookup_add_key(struct lookup *lookup)
{
	struct lookup_key *key;

	lookup->keys = mem_resize(lookup->keys, lookup->n_keys + 1, sizeof(*lookup->keys));
	key = &lookup->keys[lookup->n_keys++];
	*key = (struct lookup_key){0};
	return key;
}

static char *trimmed(const char *text)
{
	size_t len;

	text += strspn(text, spaces);
	len = strlen(text);
	while (len && strchr(spaces, text[len - 1]))
		len--;
	return mem_dup(text, len);
}

void lookup_add_field(struct lookup_key *key, const char *name, const char *value,
                      enum lookup_like like)
{
	key->fields = mem_resize(key->fields, key->n + 1, sizeof(*key->fields));
	key->fields[key->n++] = (struct lookup_field){.name = mem_strdup(name),
	                                              .value = trimmed(value),
	                                              .like = like,
	                                              .folded = lookup_fold(like, value)};
}

bool lookup_is_value(const struct lookup_field *field, const char *folded)
{
	return strcmp(field->folded, folded) == 0 ||
	       (field->shown && strcmp(field->shown, folded) == 0);
}

/* Folding */

static char *lowered(const char *text, size_t len)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < len;) {
		uint32_t code;
		const size_t n = utf8_decode(text + i, len - i, &code);
		char bytes[4];

		if (n)
			buf_add(&out, bytes, utf8_encode(letter_lower(code), bytes));
		else
			buf_addc(&out, text[i]);
		i += n ? n : 1;
	}
	return buf_take(&out);
}

/* NULL: there is no digit in it. */
static char *digits_of(const char *text)
{
	struct buf out = BUF_INIT;

	if (!strpbrk(text, "0123456789"))
		return NULL;
	for (; *text; text++)
		if ((*text >= '0' && *text <= '9') || *text == '+')
			buf_addc(&out, *text);
	return buf_take(&out);
}

/* NULL: there is no host in it. */
static char *url_of(const char *text)
{
	struct buf out = BUF_INIT;
	size_t len = strcspn(text, ":/?#");
	char *host;

	if (strncmp(text + len, "://", 3) == 0)
		text += len + 3;
	if (strncasecmp(text, "www.", 4) == 0)
		text += 4;
	len = strcspn(text, "/?#");
	if (!len)
		return NULL;
	host = lowered(text, len);
	buf_adds(&out, host);
	free(host);
	text += len;
	len = strcspn(text, "?#");
	while (len && text[len - 1] == '/')
		len--;
	buf_add(&out, text, len);
	return buf_take(&out);
}

/* NULL: it is no number. */
static char *number_of(const char *text)
{
	struct decimal d;
	struct buf out = BUF_INIT;

	if (decimal_read(text, strlen(text), &d) < 0)
		return NULL;
	while (d.n_fraction && d.n && d.digits[d.n - 1] == '0') {
		d.n--;
		d.n_fraction--;
	}
	if (!d.n)
		d.n_fraction = 0; /* 0.0 */
	decimal_print(&d, &out);
	return buf_take(&out);
}

/* NULL: it is no date. */
static char *day_of(const char *text)
{
	int64_t us;

	return moment_parse(text, &us, NULL) ? mem_dup(text, strlen("2026-03-09")) : NULL;
}

/* NULL: it is no time. Close keeps no fractions of a second. */
static char *moment_of(const char *text)
{
	char in_utc[moment_bytes];
	int64_t us;

	if (!moment_parse(text, &us, NULL) || !moment_is_in_range(us))
		return NULL;
	us -= (us % 1000000 + 1000000) % 1000000;
	return mem_strdup(moment_text(us, in_utc));
}

char *lookup_fold(enum lookup_like like, const char *value)
{
	char *text = trimmed(value), *folded = NULL;

	switch (like) {
	case LIKE_EMAIL:
		folded = lowered(text, strlen(text));
		break;
	case LIKE_PHONE:
		folded = digits_of(text);
		break;
	case LIKE_URL:
		folded = url_of(text);
		break;
	case LIKE_NUMBER:
		folded = number_of(text);
		break;
	case LIKE_DAY:
		folded = day_of(text);
		break;
	case LIKE_MOMENT:
		folded = moment_of(text);
		break;
	case LIKE_TEXT:
	case LIKE_CHOICE:
	case LIKE_ID:
		break;
	}
	if (!folded)
		return text;
	free(text);
	return folded;
}

enum lookup_like lookup_like_of(const char *field)
{
	static const struct {
		const char *field;
		enum lookup_like like;
	} known[] = {
		{"id", LIKE_ID},
		{"email", LIKE_EMAIL},
		{"phone", LIKE_PHONE},
		{"url", LIKE_URL},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].field, field) == 0)
			return known[i].like;
	return LIKE_TEXT;
}

const char *lookup_id_prefix(const char *kind)
{
	static const struct {
		const char *kind, *prefix;
	} known[] = {
		{"lead", "lead_"},
		{"contact", "cont_"},
		{"opportunity", "oppo_"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].kind, kind) == 0)
			return known[i].prefix;
	return "";
}

static int compare_fields(const void *a, const void *b)
{
	const struct lookup_field *x = *(const struct lookup_field *const *)a;
	const struct lookup_field *y = *(const struct lookup_field *const *)b;

	return strcmp(x->name, y->name);
}

/* So that no value can look like the end of itself and the field behind it. */
static void add_escaped(struct buf *out, const char *text, const char *specials)
{
	for (; *text; text++) {
		if (strchr(specials, *text))
			buf_addc(out, '\\');
		buf_addc(out, *text);
	}
}

static void add_field_text(struct buf *out, const char *name, const char *folded)
{
	buf_addc(out, ' ');
	add_escaped(out, name, " =\\");
	buf_addc(out, '=');
	add_escaped(out, folded, "=\\");
}

char *lookup_field_text(const char *kind, const char *name, const char *folded)
{
	struct buf out = BUF_INIT;

	buf_adds(&out, kind);
	add_field_text(&out, name, folded);
	return buf_take(&out);
}

/* What stands before the first @end that is not escaped, to free(); NULL: there is none. */
static char *take_escaped(const char **text, char end)
{
	struct buf out = BUF_INIT;
	const char *c = *text;

	while (*c && *c != end) {
		c += *c == '\\' && c[1];
		buf_addc(&out, *c++);
	}
	if (*c != end) {
		buf_deinit(&out);
		return NULL;
	}
	*text = c + (end != '\0');
	return buf_take(&out);
}

static bool has_another_field(const char *text)
{
	for (; *text; text++) {
		if (*text == '=')
			return true;
		text += *text == '\\' && text[1];
	}
	return false;
}

bool lookup_field_parse(const char *text, char **ret_kind, char **ret_name, char **ret_folded)
{
	cleanup_(freep) char *kind = take_escaped(&text, ' ');
	cleanup_(freep) char *name = kind ? take_escaped(&text, '=') : NULL;

	if (!name || has_another_field(text))
		return false;
	*ret_folded = take_escaped(&text, '\0');
	*ret_kind = steal(&kind);
	*ret_name = steal(&name);
	return true;
}

char *lookup_key_text(const char *kind, const struct lookup_key *key)
{
	cleanup_(freep) const struct lookup_field **fields =
		mem_array(key->n, sizeof(struct lookup_field *));
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < key->n; i++)
		fields[i] = &key->fields[i];
	if (key->n)
		qsort(fields, key->n, sizeof(struct lookup_field *), compare_fields);
	buf_adds(&out, kind);
	for (size_t i = 0; i < key->n; i++)
		add_field_text(&out, fields[i]->name, fields[i]->folded);
	return buf_take(&out);
}
