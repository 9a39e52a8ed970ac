#include "connector/engine/resolve_private.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lookups in sentences: fields as the pipeline calls them, things with a name by their names. */

const char *resolve_field(const struct draft *draft, const char *field)
{
	const char *written = rename_written(draft, field);

	return written ? written : field;
}

static void add_key(struct buf *out, const struct draft *draft, const struct lookup_key *key)
{
	for (size_t i = 0; i < key->n; i++)
		buf_addf(out, "%s%s = %.100s", i ? " and " : "",
		         resolve_field(draft, key->fields[i].name), key->fields[i].value);
}

char *resolve_words(const struct draft *draft, const struct lookup *lookup)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < lookup->n_keys; i++) {
		buf_adds(&out, i ? ", or " : "");
		add_key(&out, draft, &lookup->keys[i]);
	}
	return buf_take(&out);
}

/* "custom object" */
static char *kind_words(const char *kind)
{
	char *words = mem_strdup(kind);

	for (char *c = words; *c; c++)
		if (*c == '_')
			*c = ' ';
	return words;
}

const char *resolve_within(const struct lookup_key *key)
{
	for (size_t i = 0; i < key->n; i++)
		if (strcmp(key->fields[i].name, "pipeline_id") == 0)
			return key->fields[i].value;
	return NULL;
}

/* Why @book does not give the one that @key names. */
static void add_trouble(struct buf *out, const struct name_book *book, const struct lookup_key *key)
{
	const char *within = resolve_within(key);

	for (size_t i = 0; i < key->n; i++) {
		cleanup_(freep) char *trouble = NULL;

		if (key->fields[i].value == within)
			continue;
		trouble = name_trouble(book, key->fields[i].value, within);
		buf_addf(out, "%s%s", out->len ? "; " : "", trouble);
	}
}

char *resolve_no_such(struct engine *e, const struct draft *draft, const struct lookup *lookup)
{
	cleanup_(freep) char *book_kind = crm_lookup_book(lookup->kind);
	const struct name_book *book = book_kind ? names_book(naming_names(e), book_kind) : NULL;
	cleanup_(freep) char *kind = kind_words(lookup->kind);
	cleanup_(freep) char *words = resolve_words(draft, lookup);
	struct buf out = BUF_INIT;

	for (size_t i = 0; book && i < lookup->n_keys; i++)
		add_trouble(&out, book, &lookup->keys[i]);
	if (!out.len)
		buf_addf(&out, "there is no %s with %s", kind, words);
	return buf_take(&out);
}

char *resolve_many(struct engine *e, const struct draft *draft, const struct finding *finding,
                   size_t n, const char *what_to_do)
{
	const struct lookup *lookup = finding->lookup;
	cleanup_(freep) char *book_kind = crm_lookup_book(lookup->kind);
	const struct name_book *book = book_kind ? names_book(naming_names(e), book_kind) : NULL;
	cleanup_(freep) char *kind = kind_words(lookup->kind);
	struct buf out = BUF_INIT;

	if (book) {
		add_trouble(&out, book, &lookup->keys[finding->at]);
		return buf_take(&out);
	}
	buf_addf(&out, "%zu %ss of Close have ", n, kind);
	add_key(&out, draft, &lookup->keys[finding->at]);
	buf_addf(&out, "; %s", what_to_do);
	return buf_take(&out);
}

/* What is looked up or waits, as one number */

struct uniq {
	uintptr_t *items;
	size_t n, cap;
};

static void add_records(struct uniq *records, const struct resolving *first)
{
	for (const struct resolving *r = first; r; r = r->behind) {
		const struct draft *d = r->draft;

		for (size_t i = 0; i < (d->n_rows ? d->n_rows : 1); i++) {
			records->items = mem_grow(records->items, records->n, &records->cap,
			                          sizeof(*records->items));
			records->items[records->n++] =
				(uintptr_t)(d->n_rows ? d->rows[i]->record : d->record);
		}
	}
}

static int compare(const void *a, const void *b)
{
	const uintptr_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* A record may have several outputs that wait, and one that waits may be of several records. */
static size_t n_records(const struct resolve *resolve)
{
	struct uniq records = {0};
	size_t n = 0;

	add_records(&records, resolve->aside_first);
	for (const struct line *line = resolve->lines; line; line = line->next)
		add_records(&records, line->first);
	if (records.n)
		qsort(records.items, records.n, sizeof(*records.items), compare);
	for (size_t i = 0; i < records.n; i++)
		n += !i || records.items[i] != records.items[i - 1];
	free(records.items);
	return n;
}

/* The first from @r on that waits for a person, and for something else than @known. */
static const struct resolving *waits_for_person(const struct resolving *r, const char *known)
{
	while (r && (r->wait != WAIT_PERSON || !strcmp(r->person, known)))
		r = r->behind;
	return r;
}

const char *resolve_person(const struct engine *e, const struct resolving *r)
{
	while (r->wait == WAIT_AHEAD && r->ahead)
		r = r->ahead;
	if (r->wait != WAIT_PERSON)
		r = waits_for_person(e->resolve->aside_first, "");
	return r ? r->person : "records before it";
}

const char *resolve_reason(struct engine *e)
{
	const struct resolving *first = waits_for_person(e->resolve->aside_first, "");
	const size_t n = n_records(e->resolve);

	(void)snprintf(e->stop_reason, sizeof(e->stop_reason), "%zu record%s for %s%s", n,
	               n == 1 ? " waits" : "s wait", first ? first->person : "what is before them",
	               first && waits_for_person(first, first->person) ? " and others" : "");
	return e->stop_reason;
}
