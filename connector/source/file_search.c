#include "connector/source/file_search.h"

#include "connector/source/file_home.h"

#include <string.h>

void file_search_init(struct file_search *search, struct window *window, const struct stat *st,
                      const char *name)
{
	*search = (struct file_search){0};
	file_compare_init(&search->compare, window, st, name);
}

void file_search_deinit(struct file_search *search)
{
	file_home_free(search->home);
	file_compare_deinit(&search->compare);
}

/* The candidates, the likeliest first */

enum pass { BY_NAME, BY_INODE, BY_CONTENT, BY_NAME_UNREAD, N_PASSES };

static const enum known_by ways[N_PASSES] = {
	[BY_NAME] = KNOWN_BY_NAME,
	[BY_INODE] = KNOWN_BY_INODE,
	[BY_CONTENT] = KNOWN_BY_HEAD,
	[BY_NAME_UNREAD] = KNOWN_BY_NAME,
};

static bool is_inode(const struct file_search *f, const struct stream *s)
{
	return file_compare_is_inode(&f->compare, s);
}

/* Two names of one file are two files as long as both are there. */
static bool is_other_name(const struct file_search *f, const struct stream *s)
{
	const struct file_entry *entry = file_set_find(f->set, s->name);

	return entry && entry->ino == f->compare.ino && entry->dev == f->compare.dev;
}

/* By a file that is there, as this run read it. */
static bool is_taken(const struct file_search *f, const struct known_stream *item)
{
	const struct file_entry *owner;

	if (!item->is_taken || item == f->mine)
		return false;
	if (f->pass != BY_CONTENT || f->is_rotated_away)
		return true;
	owner = file_set_find(f->set, item->stream->name);
	return !owner || owner->known != item || owner->is_read;
}

static bool is_candidate(const struct file_search *f, const struct known_stream *item)
{
	const struct stream *s = item->stream;
	const bool is_name = strcmp(s->name, f->compare.name) == 0;

	if (s->kind != STREAM_FILE || is_taken(f, item))
		return false;
	switch ((enum pass)f->pass) {
	case BY_NAME:
		return is_name && s->hashed_to;
	case BY_INODE:
		return !is_name && is_inode(f, s) && s->hashed_to && !is_other_name(f, s);
	case BY_CONTENT:
		return !is_name && !is_inode(f, s) && s->hashed_to >= identity_block &&
		       (!f->longest || s->hashed_to > f->longest->stream->hashed_to);
	case BY_NAME_UNREAD:
		return is_name && !s->hashed_to;
	case N_PASSES:
		break;
	}
	return false;
}

static uint64_t key_of(const struct file_search *f)
{
	switch ((enum pass)f->pass) {
	case BY_INODE:
		return known_inode_key(f->compare.dev, f->compare.ino);
	case BY_CONTENT:
		return f->head_key;
	case BY_NAME:
	case BY_NAME_UNREAD:
	case N_PASSES:
		break;
	}
	return known_name_key(f->compare.name);
}

/* False: there is none any more, or none is needed. */
static bool next_candidate(struct file_search *f)
{
	for (; f->pass < N_PASSES && !(f->longest && f->pass > BY_CONTENT); f->pass++) {
		do
			f->candidate = known_find(f->known, ways[f->pass], key_of(f), f->candidate);
		while (f->candidate && !is_candidate(f, f->candidate));
		if (!f->candidate)
			continue;
		f->comparison = FILE_COMPARING;
		f->n_homes = 0;
		f->is_weighing = true;
		return true;
	}
	return false;
}

/* Where the candidate may be at home instead */

enum home { HOME_BY_INODE, HOME_BY_NAME, N_HOMES };

/* NULL: nothing of this run is there, or it says nothing against this file. */
static const struct file_entry *home_of(const struct file_search *f, enum home home)
{
	const struct stream *s = f->candidate->stream;
	const struct file_entry *entry = NULL;

	switch ((enum pass)f->pass) {
	case BY_NAME:
		if (home == HOME_BY_NAME)
			return NULL;
		break;
	case BY_CONTENT:
		if (f->is_rotated_away)
			return NULL;
		break;
	case BY_INODE:
	case BY_NAME_UNREAD:
	case N_PASSES:
		return NULL;
	}
	switch (home) {
	case HOME_BY_INODE:
		entry = is_inode(f, s) ? NULL : file_set_find_inode(f->set, s->dev, s->ino);
		break;
	case HOME_BY_NAME:
		entry = file_set_find(f->set, s->name);
		break;
	case N_HOMES:
		break;
	}
	return entry && strcmp(entry->name, f->compare.name) != 0 ? entry : NULL;
}

/* FILE_AGREES: it is at home elsewhere. FILE_COMPARING: ask again. */
static enum file_comparison look_for_home(struct file_search *f)
{
	/* A copy by content alone has to be one before anything else is looked at. */
	if (f->pass == BY_CONTENT && f->comparison == FILE_DIFFERS)
		return FILE_DIFFERS;
	for (; f->n_homes < N_HOMES; f->n_homes++) {
		const struct file_entry *entry = home_of(f, (enum home)f->n_homes);
		enum file_comparison r;

		if (!entry || (entry->known && entry->known != f->candidate))
			continue;
		if (entry->known && entry->is_read)
			return FILE_AGREES;
		if (!f->home)
			f->home = file_home_open(f->set, entry);
		r = f->home ? file_home_step(f->home, f->candidate->stream) : FILE_DIFFERS;
		if (r == FILE_COMPARING)
			return r;
		file_home_free(f->home);
		f->home = NULL;
		if (r == FILE_AGREES)
			return r;
	}
	return FILE_DIFFERS;
}

/* What follows for this file */

/* The candidate is another. Whether that is told depends on how it was known. */
static void reject(struct file_search *f)
{
	if (f->pass != BY_NAME || f->found)
		return;
	f->found = f->candidate;
	f->why = f->compare.difference;
	f->is_shorter = f->compare.difference_is_length;
}

/* FILE_UNDECIDED: the next candidate, please. */
static enum file_verdict judge(struct file_search *f)
{
	const bool may_wait = f->is_follow || f->pass != BY_NAME;

	if (f->is_elsewhere)
		return FILE_UNDECIDED;
	if (f->comparison == FILE_AGREES && f->pass == BY_CONTENT) {
		/* Of several that begin alike it is the one of which most was read. */
		f->longest = f->candidate;
		return FILE_UNDECIDED;
	}
	if (f->comparison == FILE_AGREES || (f->comparison == FILE_IS_CUT && may_wait)) {
		f->found = f->candidate;
		return f->comparison == FILE_AGREES ? FILE_SAME : FILE_WAITS;
	}
	reject(f);
	return FILE_UNDECIDED;
}

/* No candidate is left. */
static enum file_verdict conclude(struct file_search *f)
{
	if (f->longest) {
		f->found = f->longest;
		return FILE_SAME;
	}
	return f->found ? FILE_CHANGED : FILE_NEW;
}

/* Compares the candidate. 1; 0: ask again; or a negative errno with a sentence. */
static int weigh(struct file_search *f, struct err *err)
{
	enum file_comparison home;

	if (f->comparison == FILE_COMPARING) {
		int r = file_compare_step(&f->compare, f->candidate->stream, err);

		if (r < 0)
			return r;
		f->comparison = (enum file_comparison)r;
		if (f->comparison == FILE_COMPARING)
			return 0;
	}
	home = look_for_home(f);
	if (home == FILE_COMPARING)
		return 0;
	f->is_elsewhere = home == FILE_AGREES;
	f->is_weighing = false;
	return 1;
}

/* A packed file of which all is settled need not be unpacked to be known. */
static struct known_stream *find_settled(struct file_search *f)
{
	struct known_stream *found = NULL;

	for (f->pass = BY_NAME; !found && f->pass <= BY_INODE; f->pass++) {
		do
			found = known_find(f->known, ways[f->pass], key_of(f), found);
		while (found && !(is_candidate(f, found) &&
		                  file_compare_is_settled(&f->compare, found->stream)));
	}
	f->pass = BY_NAME;
	return found;
}

static int take_head(struct file_search *f, struct err *err)
{
	char hex[sha256_hex];
	int r = file_compare_take_head(&f->compare, err);

	if (r <= 0)
		return r;
	crypto_sha256_hex(f->compare.head, f->compare.head_len, hex);
	f->head_key = known_head_key(hex);
	return 1;
}

int file_search_step(struct file_search *search, struct err *err)
{
	struct file_search *f = search;
	enum file_verdict verdict;
	int r;

	if (!f->compare.has_head) {
		f->found = find_settled(f);
		if (f->found)
			return FILE_SAME;
		r = take_head(f, err);
		if (r <= 0)
			return r < 0 ? r : FILE_UNDECIDED;
	}
	do {
		if (!f->is_weighing && !next_candidate(f)) {
			verdict = conclude(f);
			break;
		}
		r = weigh(f, err);
		if (r <= 0)
			return r < 0 ? r : FILE_UNDECIDED;
		verdict = judge(f);
	} while (verdict == FILE_UNDECIDED);
	if (f->compare.window->base > 0)
		window_seek(f->compare.window, 0);
	return verdict;
}
