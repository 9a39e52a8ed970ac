/* Lookups as text, and back: what is folded is folded again, so that it is as this version does. */

#include "connector/model/lookup.h"

#include "lib/json.h"
#include "lib/mem.h"

#include <string.h>

/* As they stand in the text, which outlives this version. */
static const char *const likes[] = {
	[LIKE_TEXT] = "text", [LIKE_EMAIL] = "email",   [LIKE_PHONE] = "phone",
	[LIKE_URL] = "url",   [LIKE_NUMBER] = "number", [LIKE_CHOICE] = "choice",
	[LIKE_DAY] = "day",   [LIKE_MOMENT] = "moment", [LIKE_ID] = "id",
};
static const char *const nones[] = {
	[NONE_CREATE] = "create", [NONE_REJECT] = "reject", [NONE_SKIP] = "skip"};

enum { n_likes = sizeof(likes) / sizeof(likes[0]), n_nones = sizeof(nones) / sizeof(nones[0]) };

/* Which of @words @value is; @n: none. */
static size_t word_at(const char *const *words, size_t n, struct json_object *value)
{
	size_t at = 0;

	if (!json_object_is_type(value, json_type_string))
		return n;
	while (at < n && strcmp(words[at], json_object_get_string(value)) != 0)
		at++;
	return at;
}

/* Writing */

static void add_text(struct buf *out, const char *text)
{
	json_print_string(text, strlen(text), out);
}

/* ["email","email","Ana@x.example"] */
static void print_field(const struct lookup_field *field, struct buf *out)
{
	buf_addc(out, '[');
	add_text(out, field->name);
	buf_addf(out, ",\"%s\",", likes[field->like]);
	add_text(out, field->value);
	buf_addc(out, ']');
}

static void print_key(const struct lookup_key *key, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < key->n; i++) {
		if (i)
			buf_addc(out, ',');
		print_field(&key->fields[i], out);
	}
	buf_addc(out, ']');
}

void lookup_print(const struct lookup *lookup, struct buf *out)
{
	buf_adds(out, "{\"kind\":");
	add_text(out, lookup->kind);
	if (lookup->lead_id) {
		buf_adds(out, ",\"lead_id\":");
		add_text(out, lookup->lead_id);
	}
	buf_adds(out, ",\"keys\":[");
	for (size_t i = 0; i < lookup->n_keys; i++) {
		if (i)
			buf_addc(out, ',');
		print_key(&lookup->keys[i], out);
	}
	buf_adds(out, "]}");
}

void draft_link_print(const struct draft_link *link, struct buf *out)
{
	buf_adds(out, "{\"field\":");
	add_text(out, link->field);
	if (link->is_in_url)
		buf_adds(out, ",\"is_in_url\":true");
	if (link->takes_lead)
		buf_adds(out, ",\"takes_lead\":true");
	if (link->fallback) {
		buf_adds(out, ",\"fallback\":");
		add_text(out, link->fallback);
	}
	buf_addf(out, ",\"on_none\":\"%s\",\"lookup\":", nones[link->on_none]);
	lookup_print(&link->lookup, out);
	buf_addc(out, '}');
}

/* Reading */

/* The items of a list that has at least one; NULL: it is none. */
static struct json_object *full_list(struct json_object *value, size_t *ret_n)
{
	*ret_n = json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;
	return *ret_n ? value : NULL;
}

static bool read_field(struct json_object *triple, struct lookup_key *key)
{
	struct json_object *name, *value;
	size_t n, like;

	if (!full_list(triple, &n) || n != 3)
		return false;
	name = json_object_array_get_idx(triple, 0);
	like = word_at(likes, n_likes, json_object_array_get_idx(triple, 1));
	value = json_object_array_get_idx(triple, 2);
	if (like == n_likes || !json_object_is_type(name, json_type_string) ||
	    !json_object_is_type(value, json_type_string))
		return false;
	lookup_add_field(key, json_object_get_string(name), json_object_get_string(value),
	                 (enum lookup_like)like);
	return true;
}

static bool read_key(struct json_object *fields, struct lookup *lookup)
{
	struct lookup_key *key = lookup_add_key(lookup);
	size_t n;

	if (!full_list(fields, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!read_field(json_object_array_get_idx(fields, i), key))
			return false;
	return true;
}

bool lookup_read(struct json_object *kept, struct lookup *lookup)
{
	struct json_object *keys = json_get(kept, "keys");
	size_t n;

	lookup->kind = mem_strdup(json_get_string(kept, "kind"));
	lookup->lead_id = mem_strdup(json_get_string(kept, "lead_id"));
	if (!lookup->kind || !full_list(keys, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!read_key(json_object_array_get_idx(keys, i), lookup))
			return false;
	return true;
}

bool draft_link_read(struct json_object *kept, struct draft_link *link)
{
	const size_t none = word_at(nones, n_nones, json_get(kept, "on_none"));

	link->field = mem_strdup(json_get_string(kept, "field"));
	link->is_in_url = json_get_bool(kept, "is_in_url", false);
	link->takes_lead = json_get_bool(kept, "takes_lead", false);
	link->fallback = mem_strdup(json_get_string(kept, "fallback"));
	if (!link->field || none == n_nones)
		return false;
	link->on_none = (enum on_none)none;
	return lookup_read(json_get(kept, "lookup"), &link->lookup);
}
