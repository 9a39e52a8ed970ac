#include "connector/engine/resolve_private.h"

#include "connector/close/lookup.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/*
 * A custom field that was deleted and made anew has another id now. Search refuses the old one, and
 * what is remembered under it says nothing any more: the book is read again, and who waits is
 * looked up by what the name written in the pipeline stands for then.
 */

static const char prefix[] = "custom.";

static bool is_custom(const char *field)
{
	return strncmp(field, prefix, sizeof(prefix) - 1) == 0;
}

/* Reading the book again */

bool rename_has_custom(const struct lookup_key *key)
{
	for (size_t i = 0; i < key->n; i++)
		if (is_custom(key->fields[i].name))
			return true;
	return false;
}

bool rename_may_help(struct engine *e, const char *kind, const struct lookup_key *key)
{
	const struct names *names = naming_names(e);
	bool is_asked = false;

	for (size_t i = 0; rename_has_custom(key) && i < names->n; i++) {
		char *const kinds[] = {names->books[i]->kind, NULL};

		if (!name_kind_is_fields_of(names->books[i]->kind, kind) ||
		    names->books[i]->is_fresh)
			continue;
		naming_ask(e, kinds);
		is_asked = true;
	}
	return is_asked;
}

/* What is a custom field in the books of @kind; NULL: nobody knows this id. */
static const struct name_entry *find_id(struct engine *e, const char *kind, const char *field)
{
	const struct names *names = naming_names(e);
	const struct name_entry *entry = NULL;

	for (size_t i = 0; !entry && i < names->n; i++)
		if (name_kind_is_fields_of(names->books[i]->kind, kind))
			entry = name_find_id(names->books[i], field + sizeof(prefix) - 1);
	return entry;
}

bool rename_is_gone(struct engine *e, const char *kind, const struct lookup_key *key)
{
	for (size_t i = 0; i < key->n; i++)
		if (is_custom(key->fields[i].name) && !find_id(e, kind, key->fields[i].name))
			return true;
	return false;
}

/* Renaming */

const char *rename_written(const struct draft *draft, const char *field)
{
	const char *name = json_get_string(draft->written, field);

	if (!name && draft->update)
		name = json_get_string(draft->update->written, field);
	if (!name && draft->n_rows)
		name = json_get_string(draft->rows[0]->written, field);
	return name;
}

/* The only field of @kind that is called @name, as it is now. */
static const struct name_entry *find_name(struct engine *e, const char *kind, const char *name)
{
	const struct names *names = naming_names(e);
	const struct name_entry *entry = NULL, *found;
	size_t n;

	for (size_t i = 0; i < names->n; i++) {
		if (!name_kind_is_fields_of(names->books[i]->kind, kind))
			continue;
		found = name_find(names->books[i], name, NULL, &n);
		if (found && entry)
			return NULL;
		entry = found ? found : entry;
	}
	return entry;
}

static bool rename_field(struct engine *e, struct draft *draft, const char *kind,
                         struct lookup_field *field)
{
	cleanup_(freep) char *written = NULL;
	const struct name_entry *entry;

	if (!is_custom(field->name) || find_id(e, kind, field->name))
		return false;
	written = mem_strdup(rename_written(draft, field->name));
	if (!written || !is_custom(written))
		return false;
	entry = find_name(e, kind, written + sizeof(prefix) - 1);
	if (!entry)
		return false;
	free(field->name);
	field->name = mem_printf("%s%s", prefix, entry->id);
	field->like = name_like_of_type(entry->type);
	free(field->folded);
	field->folded = lookup_fold(field->like, field->value);
	/* The old id stays: the body still has it, till its INTENT. */
	if (!draft->written)
		draft->written = json_object_new_object();
	json_object_object_add(draft->written, field->name, json_string(written));
	return true;
}

static bool rename_lookup(struct engine *e, struct draft *draft, struct lookup *lookup)
{
	bool changes = false;

	for (size_t k = 0; k < lookup->n_keys; k++)
		for (size_t i = 0; i < lookup->keys[k].n; i++)
			changes |= rename_field(e, draft, lookup->kind, &lookup->keys[k].fields[i]);
	return changes;
}

bool rename_fields(struct engine *e, struct draft *draft)
{
	bool changes = draft->match && rename_lookup(e, draft, draft->match);

	for (size_t i = 0; i < draft->n_links; i++)
		changes |= rename_lookup(e, draft, &draft->links[i].lookup);
	if (draft->update)
		changes |= rename_fields(e, draft->update);
	return changes;
}

/* What is offered by the old ids is looked for by the new ones. */
static void rename_offers(struct engine *e, const struct name_book *old,
                          const struct name_book *book)
{
	size_t n;

	for (size_t i = 0; i < old->n; i++) {
		const struct name_entry *before = &old->items[i];
		const struct name_entry *now = name_find(book, before->name, NULL, &n);
		cleanup_(freep) char *from = NULL, *to = NULL;

		if (!now || name_find_id(book, before->id))
			continue;
		from = mem_printf("%s%s", prefix, before->id);
		to = mem_printf("%s%s", prefix, now->id);
		parents_rename(e->parents, from, to);
	}
}

void resolve_take_book(struct engine *e, const struct name_book *old, const struct name_book *book)
{
	if (old && name_kind_is_fields(book->kind))
		rename_offers(e, old, book);
	e->resolve->has_new_book = true;
}
