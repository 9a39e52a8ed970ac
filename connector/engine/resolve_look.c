#include "connector/engine/nest.h"

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <stdlib.h>
#include <string.h>

/*
 * What is known of a lookup. First who may yet make such an object and came before; then what is
 * remembered, which is newer than search; then what Close says. "Nobody" is only said by an answer
 * to a question that was asked after the draft had come.
 */

enum { max_remembered = 16 };

void looked_deinit(struct looked *looked)
{
	free(looked->id);
	free(looked->lead);
	free(looked->trouble);
	*looked = (struct looked){0};
}

/*
 * A key as the record writes it, and as Close does, as far as that is known: who makes an object
 * may be known by either.
 */
struct texts {
	char **written, **shown; /* shown: NULL where it is the same, or not known */
};

static struct texts texts_of(const char *kind, const struct lookup_key *key)
{
	struct texts texts = {0};
	bool is_other = false;

	for (size_t i = 0; i < key->n; i++) {
		const struct lookup_field *f = &key->fields[i];

		strlist_add(&texts.written, lookup_field_text(kind, f->name, f->folded));
		strlist_add(&texts.shown,
		            lookup_field_text(kind, f->name, f->shown ? f->shown : f->folded));
		is_other |= f->shown != NULL;
	}
	if (!is_other) {
		strlist_free(texts.shown);
		texts.shown = NULL;
	}
	return texts;
}

static void texts_deinit(struct texts *texts)
{
	strlist_free(texts->written);
	strlist_free(texts->shown);
}

/* What Close has shown since. */
static void learn_spellings(const struct engine *e, struct lookup_key *key)
{
	for (size_t i = 0; i < key->n; i++) {
		struct lookup_field *f = &key->fields[i];

		free(f->shown);
		f->shown = spelling_of(e, f->name, f->folded);
	}
}

static struct offer *find_parent(const struct engine *e, const struct finding *f,
                                 const struct texts *texts)
{
	struct offer *parent = parents_find(e->parents, texts->written, strlist_len(texts->written),
	                                    f->of->number);

	return parent ? parent
	              : parents_find(e->parents, texts->shown, strlist_len(texts->shown),
	                             f->of->number);
}

/* Memory */

static bool has_object(const struct remembered *items, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(items[i].object_id, id))
			return true;
	return false;
}

static void keep_if(struct remembered *items, size_t *n, size_t at, bool keeps)
{
	if (keeps)
		return;
	remembered_deinit(&items[at]);
	items[at] = items[--*n];
}

static size_t find_value(struct engine *e, const char *kind, const char *field, const char *folded,
                         struct remembered *items)
{
	const size_t n =
		journal_find_remembered(e->journal, kind, field, folded, items, max_remembered);

	return n < max_remembered ? n : max_remembered;
}

static void drop_items(struct remembered *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		remembered_deinit(&items[i]);
}

/* Those that show it come first: their leads are known, too. */
static size_t find_field(struct engine *e, const char *kind, const struct lookup_field *field,
                         struct remembered *items)
{
	struct remembered others[max_remembered];
	size_t n, n_others;

	if (!field->shown)
		return find_value(e, kind, field->name, field->folded, items);
	n = find_value(e, kind, field->name, field->shown, items);
	n_others = find_value(e, kind, field->name, field->folded, others);
	for (size_t i = 0; i < n_others; i++) {
		if (n < max_remembered && !has_object(items, n, others[i].object_id))
			items[n++] = others[i];
		else
			remembered_deinit(&others[i]);
	}
	return n;
}

/* The objects of which all fields of the key are remembered. */
static size_t find_remembered(struct engine *e, const struct finding *f, struct remembered *items)
{
	const struct lookup *lookup = f->lookup;
	const struct lookup_key *key = &lookup->keys[f->at];
	size_t n = key->n ? find_field(e, lookup->kind, &key->fields[0], items) : 0;

	for (size_t k = 1; n && k < key->n; k++) {
		struct remembered others[max_remembered];
		const size_t n_others = find_field(e, lookup->kind, &key->fields[k], others);

		for (size_t i = n; i-- > 0;)
			keep_if(items, &n, i, has_object(others, n_others, items[i].object_id));
		drop_items(others, n_others);
	}
	for (size_t i = n; i-- > 0;)
		keep_if(items, &n, i,
		        (!lookup->lead_id ||
		         (items[i].lead_id && !strcmp(items[i].lead_id, lookup->lead_id))) &&
		                (!f->takes_lead || items[i].lead_id));
	return n;
}

static struct offer *find_taker_from_sources(struct engine *e, const struct finding *f,
                                             const struct lookup_field *field, const char *folded,
                                             const char *id)
{
	char **sources = journal_find_sources(e->journal, f->lookup->kind, field->name, folded, id);
	struct offer *taker = NULL;

	for (char **source = sources; !taker && source && *source; source++)
		taker = parents_find_change(e->parents, *source, field, f->of->number);
	strlist_free(sources);
	return taker;
}

/* Who came before and may take away from @id, or from whom it has it, what it is found by. */
static struct offer *find_taker(struct engine *e, const struct finding *f, const char *id)
{
	const struct lookup_key *key = &f->lookup->keys[f->at];
	struct offer *taker = NULL;

	for (size_t k = 0; !taker && k < key->n; k++) {
		const struct lookup_field *field = &key->fields[k];

		taker = parents_find_change(e->parents, id, field, f->of->number);
		if (!taker)
			taker = find_taker_from_sources(e, f, field, field->folded, id);
		if (!taker && field->shown)
			taker = find_taker_from_sources(e, f, field, field->shown, id);
	}
	return taker;
}

static bool is_remembered(struct engine *e, const struct finding *f, struct looked *ret)
{
	struct remembered items[max_remembered];
	const size_t n = hook_without("memory") ? 0 : find_remembered(e, f, items);

	if (!n)
		return false;
	ret->n = n;
	ret->id = mem_strdup(items[0].object_id);
	ret->lead = mem_strdup(items[0].lead_id);
	ret->is_remembered = true;
	for (size_t i = 0; !ret->parent && i < n; i++)
		ret->parent = find_taker(e, f, items[i].object_id);
	drop_items(items, n);
	return true;
}

/* Who was to make it was rejected. */
static uint64_t rejected_by(struct engine *e, char *const *texts)
{
	uint64_t part =
		texts && *texts ? journal_find_closed(e->journal, CLOSING_PARENT, *texts) : 0;

	while (part && *++texts)
		if (journal_find_closed(e->journal, CLOSING_PARENT, *texts) != part)
			part = 0;
	return part;
}

static uint64_t rejected_parent(struct engine *e, const struct texts *texts)
{
	const uint64_t part = rejected_by(e, texts->written);

	return part ? part : rejected_by(e, texts->shown);
}

/*
 * The same, where it came before this one in the source, and nothing that is remembered was made
 * between them: that is not what it was to make.
 */
static uint64_t nearer_parent(struct engine *e, const struct finding *f, char *const *texts)
{
	const struct draft *d = f->of->draft;
	const struct output_place place = {
		.stream = d->record->stream, .pos = d->record->pos, .ordinal = d->ordinal};
	struct remembered items[max_remembered];
	struct closing_part closer;
	bool is_nearest = true;
	size_t n;

	if (!texts || hook_without("closed_parents") ||
	    !journal_find_closer(e->journal, CLOSING_PARENT, texts, &place, &closer))
		return 0;
	n = find_remembered(e, f, items);
	for (size_t i = 0; is_nearest && i < n; i++)
		is_nearest = !journal_is_made_between(e->journal, &items[i], &closer, &place);
	drop_items(items, n);
	return is_nearest ? closer.part : 0;
}

static uint64_t nearest_parent(struct engine *e, const struct finding *f, const struct texts *texts)
{
	const uint64_t part = nearer_parent(e, f, texts->written);

	return part ? part : nearer_parent(e, f, texts->shown);
}

/* Books */

/* The entry that all fields of the key name; NULL: none, or *ret_n several. */
static const struct name_entry *find_entry(const struct name_book *book,
                                           const struct lookup_key *key, size_t *ret_n)
{
	const char *within = resolve_within(key);
	const struct name_entry *entry = NULL;

	for (size_t i = 0; i < key->n; i++) {
		const struct name_entry *other;

		if (key->fields[i].value == within)
			continue;
		other = name_find(book, key->fields[i].value, within, ret_n);
		if (!other || (entry && other != entry))
			return NULL;
		entry = other;
	}
	return entry;
}

static enum look look_up_name(struct engine *e, struct finding *f, struct looked *ret)
{
	cleanup_(freep) char *kind = crm_lookup_book(f->lookup->kind);
	const struct name_book *book = names_book(naming_names(e), kind);
	const struct name_entry *entry;

	if (!book)
		return LOOK_ASK;
	if (book->trouble) {
		ret->trouble = mem_strdup(book->trouble);
		return LOOK_TROUBLE;
	}
	ret->n = 0;
	entry = find_entry(book, &f->lookup->keys[f->at], &ret->n);
	if (entry) {
		ret->id = mem_strdup(entry->id);
		return LOOK_FOUND;
	}
	if (!book->is_fresh)
		return LOOK_ASK;
	return ret->n > 1 ? LOOK_MANY : LOOK_NONE;
}

/* All of it */

void finding_reset(struct finding *f)
{
	f->was_asked = false;
	f->orphan_of = 0;
	f->n = 0;
	free(f->id);
	free(f->lead);
	free(f->trouble);
	f->id = f->lead = f->trouble = NULL;
}

/* What it is found by was taken away from it since the question was asked. */
static bool is_outdated(const struct engine *e, const struct finding *f)
{
	const struct lookup_key *key = &f->lookup->keys[f->at];
	bool is = !taken_knows(e->resolve->taken, &f->asked);

	for (size_t k = 0; !is && k < key->n; k++)
		is = taken_from(e->resolve->taken, f->id, &key->fields[k], &f->asked);
	return is && !hook_without("late_finds");
}

static enum look by_answer(struct engine *e, struct finding *f, struct looked *ret)
{
	if (f->id && is_outdated(e, f)) {
		finding_reset(f);
		return LOOK_ASK;
	}
	if (f->id && (ret->parent = find_taker(e, f, f->id))) {
		ret->id = mem_strdup(f->id);
		ret->lead = mem_strdup(f->lead);
		finding_reset(f); /* it is another answer then */
		return LOOK_PARENT;
	}
	if (f->trouble) {
		ret->trouble = mem_strdup(f->trouble);
		return LOOK_TROUBLE;
	}
	ret->n = f->n;
	ret->id = mem_strdup(f->id);
	ret->lead = mem_strdup(f->lead);
	return f->n > 1 ? LOOK_MANY : f->n ? LOOK_FOUND : LOOK_NONE;
}

static enum look look_at_key(struct engine *e, struct finding *f, struct looked *ret)
{
	struct lookup_key *key = &f->lookup->keys[f->at];
	struct texts texts;
	enum look look;

	if (key->n == 1 && key->fields[0].like == LIKE_ID) {
		ret->id = mem_strdup(key->fields[0].value);
		ret->n = 1;
		return LOOK_FOUND;
	}
	learn_spellings(e, key);
	texts = texts_of(f->lookup->kind, key);
	ret->parent = hook_without("parents") ? NULL : find_parent(e, f, &texts);
	/* In the order of the rules. NOLINTBEGIN(bugprone-branch-clone) */
	if (ret->parent)
		look = LOOK_PARENT;
	else if (f->is_link && (ret->part = f->orphan_of))
		look = LOOK_REJECTED; /* what those behind it have made meanwhile is another's */
	else if (nest_is_key(key))
		look = nest_look(e, key, ret);
	else if (f->is_link && (ret->part = nearest_parent(e, f, &texts)))
		look = LOOK_REJECTED;
	else if (is_remembered(e, f, ret))
		look = ret->parent ? LOOK_PARENT : ret->n > 1 ? LOOK_MANY : LOOK_FOUND;
	else if (f->is_link && (ret->part = rejected_parent(e, &texts)))
		look = LOOK_REJECTED;
	else if (!crm_lookup_is_search(f->lookup->kind))
		look = look_up_name(e, f, ret);
	else
		look = f->was_asked ? by_answer(e, f, ret) : LOOK_ASK;
	/* NOLINTEND(bugprone-branch-clone) */
	texts_deinit(&texts);
	return look;
}

static void next_key(struct finding *f)
{
	f->at++;
	finding_reset(f);
}

static bool has_somebody(struct engine *e, const struct finding *f)
{
	struct lookup_key *key = &f->lookup->keys[f->at];
	struct texts texts;
	bool has;

	learn_spellings(e, key);
	texts = texts_of(f->lookup->kind, key);
	has = find_parent(e, f, &texts) != NULL;
	if (!has && !nest_is_key(key)) {
		struct remembered items[max_remembered];
		const size_t n = find_remembered(e, f, items);

		drop_items(items, n);
		has = n != 0;
	}
	texts_deinit(&texts);
	return has;
}

/* Nobody had an earlier key; who came before it may have been given it since. */
static void look_back(struct engine *e, struct finding *f)
{
	const size_t at = f->at;

	if (f->is_asking)
		return;
	for (f->at = 0; f->at < at; f->at++)
		if (has_somebody(e, f)) {
			finding_reset(f);
			return;
		}
}

enum look resolve_look(struct engine *e, struct finding *f, struct looked *ret)
{
	enum look look = LOOK_NONE;

	*ret = (struct looked){0};
	look_back(e, f);
	for (; f->at < f->lookup->n_keys; next_key(f)) {
		if (f->is_asking)
			return LOOK_ASK;
		looked_deinit(ret);
		look = look_at_key(e, f, ret);
		if (look != LOOK_NONE)
			return look;
	}
	return look;
}
