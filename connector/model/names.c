#include "connector/model/names.h"

#include "lib/buf.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/near.h"
#include "lib/strlist.h"

#include <ctype.h>
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { max_told_ids = 5 };

/* Books */

struct name_book *name_book_new(const char *kind)
{
	struct name_book *book = mem_alloc(sizeof(*book));

	book->kind = mem_strdup(kind);
	return book;
}

void name_book_free(struct name_book *book)
{
	if (!book)
		return;
	for (size_t i = 0; i < book->n; i++) {
		free(book->items[i].id);
		free(book->items[i].name);
		free(book->items[i].email);
		free(book->items[i].pipeline);
		free(book->items[i].type_name);
		strlist_free(book->items[i].choices);
	}
	free(book->items);
	free(book->kind);
	free(book->trouble);
	free(book);
}

struct name_entry *name_book_add(struct name_book *book, const char *id, const char *name)
{
	struct name_entry *entry;

	book->items = mem_grow(book->items, book->n, &book->cap, sizeof(*book->items));
	entry = &book->items[book->n++];
	*entry = (struct name_entry){.id = mem_strdup(id), .name = mem_trimmed(name)};
	return entry;
}

void names_put(struct names *names, struct name_book *takes_book)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->books[i]->kind, takes_book->kind) == 0) {
			name_book_free(names->books[i]);
			names->books[i] = takes_book;
			return;
		}
	names->books = mem_resize(names->books, names->n + 1, sizeof(struct name_book *));
	names->books[names->n++] = takes_book;
}

const struct name_book *names_book(const struct names *names, const char *kind)
{
	for (size_t i = 0; names && i < names->n; i++)
		if (strcmp(names->books[i]->kind, kind) == 0)
			return names->books[i];
	return NULL;
}

void names_deinit(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		name_book_free(names->books[i]);
	free(names->books);
	*names = (struct names){0};
}

/* Looking up */

static bool is_within(const struct name_entry *entry, const char *within)
{
	return !within || !entry->pipeline || strcmp(entry->pipeline, within) == 0;
}

static bool is_called(const struct name_entry *entry, const char *name, const char *within)
{
	if (!is_within(entry, within))
		return false;
	return strcmp(entry->name, name) == 0 ||
	       (entry->email && strcasecmp(entry->email, name) == 0);
}

const struct name_entry *name_find(const struct name_book *book, const char *name,
                                   const char *within, size_t *ret_n)
{
	const struct name_entry *found = NULL;
	char *wanted = mem_trimmed(name);
	size_t n = 0;

	for (size_t i = 0; i < book->n; i++)
		if (is_called(&book->items[i], wanted, within) && !n++)
			found = &book->items[i];
	free(wanted);
	*ret_n = n;
	return n == 1 ? found : NULL;
}

const struct name_entry *name_find_id(const struct name_book *book, const char *id)
{
	for (size_t i = 0; i < book->n; i++)
		if (strcmp(book->items[i].id, id) == 0)
			return &book->items[i];
	return NULL;
}

const struct name_entry *name_find_field(const struct name_book *book, const char *written,
                                         const char **ret_suffix, size_t *ret_n)
{
	static const char *const suffixes[] = {".add", ".remove"};
	const size_t len = strlen(written);
	const struct name_entry *found = name_find(book, written, NULL, ret_n);

	*ret_suffix = written + len;
	for (size_t i = 0; !*ret_n && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		const size_t tail = strlen(suffixes[i]);
		char *name;

		if (len <= tail || strcmp(written + len - tail, suffixes[i]) != 0)
			continue;
		name = mem_dup(written, len - tail);
		found = name_find(book, name, NULL, ret_n);
		free(name);
		*ret_suffix = written + len - tail;
	}
	return found;
}

static void tell_ids(const struct name_book *book, const char *name, const char *within,
                     struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < book->n; i++) {
		if (!is_called(&book->items[i], name, within))
			continue;
		if (n < max_told_ids)
			buf_addf(out, "%s%s", n ? ", " : "", book->items[i].id);
		n++;
	}
	if (n > max_told_ids)
		buf_addf(out, " and %zu more", n - max_told_ids);
}

/* The name or e-mail that @name may have been meant for, or NULL. */
static const char *near_entry(const struct name_book *book, const char *name, const char *within)
{
	const char **all = mem_array(2 * book->n + 1, sizeof(*all));
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < book->n; i++) {
		if (!is_within(&book->items[i], within))
			continue;
		all[n++] = book->items[i].name;
		if (book->items[i].email)
			all[n++] = book->items[i].email;
	}
	near = near_name(name, all);
	free(all);
	return near;
}

char *name_trouble(const struct name_book *book, const char *name, const char *within)
{
	const char *what = name_kind_text(book->kind), *near;
	char *wanted = mem_trimmed(name);
	struct buf out = BUF_INIT;
	size_t n;

	(void)name_find(book, wanted, within, &n);
	near = n ? NULL : near_entry(book, wanted, within);
	if (n > 1) {
		buf_addf(&out, "\"%.100s\" is the name of more than one %s (", wanted, what);
		tell_ids(book, wanted, within, &out);
		buf_adds(&out, "): write the id of the one you mean");
	} else {
		buf_addf(&out, "there is no %s called \"%.100s\"%s", what, wanted,
		         within ? " in this pipeline" : "");
		if (near)
			buf_addf(&out, ": did you mean \"%.100s\"?", near);
	}
	free(wanted);
	return buf_take(&out);
}

bool name_is_field_id(const char *name)
{
	size_t n = 0;

	if (strncmp(name, "cf_", 3) == 0)
		name += 3;
	else if (strncmp(name, "lcf_", 4) == 0)
		name += 4;
	else
		return false;
	while (isalnum((unsigned char)name[n]))
		n++;
	name += n;
	return n && (!*name || strcmp(name, ".add") == 0 || strcmp(name, ".remove") == 0);
}

/* Back to what was written */

static bool ends_in_key(const char *path, const char *key)
{
	const size_t path_len = strlen(path), len = strlen(key);

	return path_len >= len && strcmp(path + path_len - len, key) == 0 &&
	       (path_len == len || path[path_len - len - 1] == '.');
}

/* "emails[1]" of "emails[1].email" */
static bool is_place_of(const char *path, const char *key)
{
	const size_t len = strlen(key);

	return len && key[len - 1] == ']' && strncmp(path, key, len) == 0 && path[len] == '.';
}

char *name_written(struct json_object *written, const char *path)
{
	if (!written)
		return mem_strdup(path);
	json_object_object_foreach(written, key, name)
	{
		if (ends_in_key(path, key))
			return mem_printf("%.*s%s", (int)(strlen(path) - strlen(key)), path,
			                  json_object_get_string(name));
		if (is_place_of(path, key))
			return mem_printf("%s%s", json_object_get_string(name), path + strlen(key));
	}
	return mem_strdup(path);
}
