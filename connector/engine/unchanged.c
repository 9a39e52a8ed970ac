#include "connector/engine/private.h"

#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/decimal.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

/*
 * skip_unchanged. Of each key of a body that Close accepted two hashes are kept: what was sent, and
 * what Close then showed, which may be written otherwise. A key that Close does not show, or that
 * adds to a list or takes from it, is never known, so its update always goes.
 */

/* A number without a sign of how it was written: 1e2, 100.0 and 100 are one. */
static void print_number(const char *text, struct buf *out)
{
	struct decimal d;

	if (decimal_read(text, strlen(text), &d) < 0) { /* too long to be read: as it is written */
		buf_adds(out, text);
		return;
	}
	while (d.n_fraction && d.n && d.digits[d.n - 1] == '0') {
		d.n--;
		d.n_fraction--;
	}
	if (!d.n)
		d.n_fraction = 0;
	decimal_print(&d, out);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_value(struct json_object *value, struct buf *out);

/* Members in the order of their names. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static void print_members(struct json_object *object, struct buf *out)
{
	const size_t n = (size_t)json_object_object_length(object);
	cleanup_(freep) const char **names = mem_array(n, sizeof(*names));
	size_t at = 0;

	json_object_object_foreach(object, key, value)
	{
		(void)value;
		names[at++] = key;
	}
	if (n)
		qsort(names, n, sizeof(*names), by_text);
	buf_addc(out, '{');
	for (size_t i = 0; i < n; i++) {
		json_print_string(names[i], strlen(names[i]), out);
		buf_addc(out, ':');
		print_value(json_get(object, names[i]), out);
		buf_addc(out, ',');
	}
	buf_addc(out, '}');
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static void print_items(struct json_object *list, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		print_value(json_object_array_get_idx(list, i), out);
		buf_addc(out, ',');
	}
	buf_addc(out, ']');
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static void print_value(struct json_object *value, struct buf *out)
{
	cleanup_(freep) char *text = NULL;

	switch (json_object_get_type(value)) {
	case json_type_int:
	case json_type_double:
		text = json_text(value);
		print_number(text, out);
		break;
	case json_type_object:
		print_members(value, out);
		break;
	case json_type_array:
		print_items(value, out);
		break;
	case json_type_null:
	case json_type_boolean:
	case json_type_string:
		json_print(value, out);
		break;
	}
}

static uint64_t hash_of(struct json_object *value)
{
	struct buf b = BUF_INIT;
	uint8_t whole[sha256_bytes];
	uint64_t hash;

	print_value(value, &b);
	crypto_sha256(buf_text(&b), b.len, whole);
	buf_deinit(&b);
	memcpy(&hash, whole, sizeof(hash));
	return hash ? hash : 1; /* 0 says that there is none */
}

static bool ends_with(const char *text, const char *end)
{
	const size_t len = strlen(text), n = strlen(end);

	return len > n && !strcmp(text + len - n, end);
}

/* "custom.cf_X.add" says what comes to a list, not what it is then. */
static bool is_change(const char *key)
{
	return ends_with(key, ".add") || ends_with(key, ".remove");
}

struct knowing {
	struct known_field *fields; /* their names are borrowed */
	size_t n, cap;
};

static void add_field(struct knowing *k, const char *field, uint64_t sent, uint64_t answered)
{
	k->fields = mem_grow(k->fields, k->n, &k->cap, sizeof(*k->fields));
	k->fields[k->n++] =
		(struct known_field){.field = field, .sent = sent, .answered = answered};
}

/* A field that is empty is not shown by a whole object; one that Close does not know neither. */
static void know_sent(struct knowing *k, const char *key, struct json_object *sent,
                      struct json_object *shown)
{
	struct json_object *value = NULL;
	const bool is_shown = json_object_object_get_ex(shown, key, &value);

	if (is_change(key))
		return;
	if (is_shown || !sent)
		add_field(k, key, hash_of(sent), hash_of(value));
	else
		add_field(k, key, 0, 0);
}

static bool is_sent(struct json_object *sent, const char *key)
{
	return json_object_is_type(sent, json_type_object) &&
	       json_object_object_get_ex(sent, key, NULL);
}

void unchanged_know(struct engine *e, struct json_object *sent, struct json_object *shown,
                    int64_t wall_ms)
{
	const char *id = json_get_string(shown, "id");
	struct knowing k = {0};
	char **before;

	if (!e->skips_unchanged)
		return;
	before = journal_known_fields(e->journal, id);
	if (json_object_is_type(sent, json_type_object) && json_object_object_length(shown) > 1) {
		json_object_object_foreach(sent, key, value)
		{
			know_sent(&k, key, value, shown);
		}
	}
	for (char **field = before; field && *field; field++)
		if (!is_sent(sent, *field))
			add_field(&k, *field, 0, hash_of(json_get(shown, *field)));
	if (k.n)
		journal_know(e->journal, id, k.fields, k.n, wall_ms);
	free(k.fields);
	strlist_free(before);
}

void unchanged_unknow(struct engine *e, const char *object_id)
{
	struct knowing k = {0};
	char **before = e->skips_unchanged ? journal_known_fields(e->journal, object_id) : NULL;

	for (char **field = before; field && *field; field++)
		add_field(&k, *field, 0, 0);
	if (k.n)
		journal_know(e->journal, object_id, k.fields, k.n, loop_wall_ms(e->loop));
	free(k.fields);
	strlist_free(before);
}

bool remember_is_unchanged(struct engine *e, const struct draft *draft, const char *object_id)
{
	if (!json_object_is_type(draft->body, json_type_object))
		return false;
	json_object_object_foreach(draft->body, key, value)
	{
		if (is_change(key) || !journal_knows(e->journal, object_id, key, hash_of(value)))
			return false;
	}
	return true;
}
