#include "connector/close/lookup.h"
#include "connector/close/values.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * Close writes values anew: of "650-555-1234" it makes "+16505551234", since it knows the account's
 * country, which nobody else does. So this is not reckoned here but read from its answers: a value
 * that was written and is not shown is the shown one that it can have become.
 */

struct value {
	char *text, *folded;
};

struct values {
	enum lookup_like like;
	struct value *items;
	size_t n, cap;
};

static void take_value(void *arg, const char *text)
{
	struct values *values = arg;
	char *folded = lookup_fold(values->like, text);

	if (!*folded) {
		free(folded);
		return;
	}
	values->items = mem_grow(values->items, values->n, &values->cap, sizeof(*values->items));
	values->items[values->n++] = (struct value){.text = mem_strdup(text), .folded = folded};
}

static void free_values(struct values *values)
{
	for (size_t i = 0; i < values->n; i++) {
		free(values->items[i].text);
		free(values->items[i].folded);
	}
	free(values->items);
}

static bool has_value(const struct values *values, const char *folded)
{
	for (size_t i = 0; i < values->n; i++)
		if (strcmp(values->items[i].folded, folded) == 0)
			return true;
	return false;
}

/* Those of @field in @object, which is of @kind, or of the contacts that it is made with. */
static struct values values_of(struct json_object *object, const char *kind,
                               const struct watched_field *field)
{
	struct values values = {.like = field->like};
	struct json_object *contacts = json_get(object, "contacts");

	if (strcmp(kind, field->kind) == 0 ||
	    (strcmp(kind, "contact") == 0 && crm_contact_list(field->name)))
		crm_each_value(object, kind, field->name, take_value, &values);
	else if (strcmp(kind, "lead") == 0 && strcmp(field->kind, "contact") == 0 &&
	         json_object_is_type(contacts, json_type_array))
		for (size_t i = 0; i < json_object_array_length(contacts); i++)
			crm_each_value(json_object_array_get_idx(contacts, i), "contact",
			               field->name, take_value, &values);
	return values;
}

/* Phones */

static const char digits[] = "0123456789";

/* "650-555-1234 ext. 5": Close may leave out what stands behind the number. */
static bool has_extension(const char *text)
{
	static const char within[] = "0123456789+-.()/ \t";

	text += strcspn(text, "+0123456789");
	while (*text && (strchr(within, *text) || (*text & 0x80)))
		text++;
	return strpbrk(text, digits) != NULL;
}

static size_t common_tail(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t n = 0;

	while (n < a_len && n < b_len && a[a_len - n - 1] == b[b_len - n - 1])
		n++;
	return n;
}

/*
 * How many digits of the written number the shown one, which is the world's, ends with; 0: it
 * cannot have become that. What a country writes before its own numbers ("0", "8", "011", "00") is
 * left out, and its code stands there.
 */
static size_t phone_likeness(const struct value *sent, const struct value *shown)
{
	enum { most_before = 4, least_behind = 7, least = 3 };
	const char *a = sent->folded, *b = shown->folded;
	size_t a_len, b_len, n;

	if (*b != '+' || (*a == '+' && a[1] != b[1]))
		return 0;
	a += *a == '+';
	a += strspn(a, "0");
	b++;
	a_len = strlen(a);
	b_len = strlen(b);
	n = common_tail(a, a_len, b, b_len);
	if (n < least || (n < a_len && (n < least_behind || has_extension(sent->text))))
		return 0;
	return a_len - n <= most_before && b_len - n <= most_before ? n : 0;
}

static bool is_space(uint32_t code)
{
	return code <= 0x20 || (code >= 0x7f && code <= 0xa0) ||
	       (code >= 0x2000 && code <= 0x200f) || code == 0x2028 || code == 0x2029 ||
	       code == 0x202f || code == 0x205f || code == 0x2060 || code == 0x3000 ||
	       code == 0xfeff;
}

static char *without_spaces(const char *text)
{
	const size_t len = strlen(text);
	struct buf out = BUF_INIT;
	uint32_t code;

	for (size_t i = 0, n; i < len; i += n ? n : 1) {
		n = utf8_decode(text + i, len - i, &code);
		if (!n || !is_space(code))
			buf_add(&out, text + i, n ? n : 1);
	}
	return buf_take(&out);
}

/* Other values: 1 where they are the same but for spaces, of which there are many kinds. */
static size_t text_likeness(const struct value *sent, const struct value *shown)
{
	cleanup_(freep) char *a = without_spaces(sent->folded), *b = without_spaces(shown->folded);

	return *a && strcmp(a, b) == 0;
}

/* Which of @shown @sent[i] has become; NULL: none, or nobody can say. */
static const struct value *become(const struct values *sent, size_t i, const struct values *shown)
{
	const struct value *best = NULL;
	size_t best_rank = 0;
	bool is_clear = true;

	for (size_t k = 0; k < shown->n; k++) {
		const struct value *v = &shown->items[k];
		size_t rank = sent->like == LIKE_PHONE ? phone_likeness(&sent->items[i], v)
		                                       : text_likeness(&sent->items[i], v);

		if (!rank || (best && strcmp(best->folded, v->folded) == 0))
			continue;
		/* Rather one that was not written so itself. */
		rank = 2 * rank + !has_value(sent, v->folded);
		is_clear = rank == best_rank ? false : rank > best_rank ? true : is_clear;
		if (rank > best_rank) {
			best_rank = rank;
			best = v;
		}
	}
	return is_clear ? best : NULL;
}

struct learning {
	struct crm_spelling *items;
	size_t n, cap;
};

static void add(struct learning *l, const char *field, const char *sent, const char *shown)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->items[i].field, field) == 0 && strcmp(l->items[i].sent, sent) == 0)
			return;
	l->items = mem_grow(l->items, l->n, &l->cap, sizeof(*l->items));
	l->items[l->n++] = (struct crm_spelling){
		.field = mem_strdup(field), .sent = mem_strdup(sent), .shown = mem_strdup(shown)};
}

static bool is_written_anew(enum lookup_like like)
{
	switch (like) {
	case LIKE_TEXT:
	case LIKE_EMAIL:
	case LIKE_PHONE:
	case LIKE_URL:
	case LIKE_CHOICE:
		return true;
	case LIKE_NUMBER:
	case LIKE_DAY:
	case LIKE_MOMENT:
	case LIKE_ID:
		break;
	}
	return false;
}

static void learn(struct learning *l, struct json_object *sent, struct json_object *shown,
                  const char *kind, const struct watched_field *field)
{
	struct values of_sent = values_of(sent, kind, field), of_shown = {.like = field->like};

	if (of_sent.n)
		of_shown = values_of(shown, kind, field);
	for (size_t i = 0; of_shown.n && i < of_sent.n; i++) {
		const char *folded = of_sent.items[i].folded;
		const struct value *now =
			has_value(&of_shown, folded) ? NULL : become(&of_sent, i, &of_shown);

		if (now)
			add(l, field->name, folded, now->folded);
	}
	free_values(&of_sent);
	free_values(&of_shown);
}

struct crm_spelling *crm_spellings(struct json_object *sent, struct json_object *shown,
                                   const char *kind, const struct watched_field *fields,
                                   size_t n_fields, size_t *ret_n)
{
	struct learning l = {0};

	for (size_t i = 0; i < n_fields; i++)
		if (is_written_anew(fields[i].like))
			learn(&l, sent, shown, kind, &fields[i]);
	*ret_n = l.n;
	return l.items;
}

void crm_spellings_free(struct crm_spelling *spellings, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(spellings[i].field);
		free(spellings[i].sent);
		free(spellings[i].shown);
	}
	free(spellings);
}
