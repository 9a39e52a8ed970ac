#include "connector/source/file_set.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/natural.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

static const char wild[] = "*?[";

/* The path with everything but the user's own pattern taken literally. To free(). */
static char *make_pattern(const char *prefix, const char *name)
{
	struct buf b = BUF_INIT;

	for (; *prefix; prefix++) {
		if (strchr("*?[]\\", *prefix))
			buf_addc(&b, '\\');
		buf_addc(&b, *prefix);
	}
	buf_adds(&b, name);
	return buf_take(&b);
}

void file_set_init(struct file_set *set, const char *path, const char *name)
{
	const size_t path_len = strlen(path), name_len = strlen(name);

	assert(path_len >= name_len && strcmp(path + path_len - name_len, name) == 0);
	*set = (struct file_set){.name = mem_strdup(name)};
	set->prefix = mem_dup(path, path_len - name_len);
	set->pattern = make_pattern(set->prefix, name);
}

static void entry_free(struct file_entry *entry)
{
	free(entry->name);
	free(entry->left_name);
	free(entry);
}

static void entries_free(struct file_entry **entries, size_t n)
{
	for (size_t i = 0; i < n; i++)
		entry_free(entries[i]);
	free(entries);
}

void file_set_deinit(struct file_set *set)
{
	entries_free(set->entries, set->n);
	free(set->prefix);
	free(set->name);
	free(set->pattern);
}

char *file_set_path(const struct file_set *set, const char *name)
{
	return mem_printf("%s%s", set->prefix, name);
}

int64_t file_mtime_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

bool file_set_takes(const char *name)
{
	static const char *const ends[] = {".ndjson", ".jsonl", ".json"};
	static const char *const packings[] = {"", ".gz", ".zst"};
	const size_t len = strlen(name);

	if (*name == '.')
		return false;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		for (size_t k = 0; k < sizeof(packings) / sizeof(packings[0]); k++) {
			const size_t end_len = strlen(ends[i]), more = strlen(packings[k]);

			if (len > end_len + more &&
			    strncmp(name + len - end_len - more, ends[i], end_len) == 0 &&
			    strcmp(name + len - more, packings[k]) == 0)
				return true;
		}
	}
	return false;
}

/* What one look finds. */

struct listing {
	struct file_entry **entries;
	size_t n, cap;
};

static int add(const struct file_set *set, struct listing *l, char *takes_name,
               const struct stat *st, struct err *err)
{
	struct file_entry *entry = mem_alloc(sizeof(*entry));

	*entry = (struct file_entry){.name = takes_name,
	                             .dev = (uint64_t)st->st_dev,
	                             .ino = (uint64_t)st->st_ino,
	                             .size = (uint64_t)st->st_size,
	                             .mtime_ns = file_mtime_ns(st)};
	l->entries = mem_grow(l->entries, l->n, &l->cap, sizeof(struct file_entry *));
	l->entries[l->n++] = entry;
	if (l->n > file_set_max)
		return err_set(
			err, -E2BIG,
			"%s has more than %d files to read: move those that are done away, or "
			"name a narrower pattern",
			set->name, file_set_max);
	return 0;
}

static int fail_folder(const char *name, int code, struct err *err)
{
	if (code == -EACCES)
		return err_set(err, code,
		               "the folder %s must not be listed by this user: permit it (chmod, "
		               "chown), or run as somebody who may",
		               name);
	return err_set(err, code, "the folder %s cannot be listed: %s", name, strerror(-code));
}

/* The name of a folder, ready for the name of a file behind it. */
static size_t folder_len(const char *name)
{
	size_t len = strlen(name);

	while (len > 0 && name[len - 1] == '/')
		len--;
	return len;
}

static void closedirp(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static int list_folder(const struct file_set *set, const char *path, struct listing *l,
                       struct err *err)
{
	cleanup_(closedirp) DIR *dir = opendir(path);
	const int len = (int)folder_len(set->name);
	const struct dirent *found;
	struct stat st;
	int r = 0;

	if (!dir)
		return fail_folder(set->name, -errno, err);
	while (r == 0 && (errno = 0, found = readdir(dir))) {
		if (!file_set_takes(found->d_name) ||
		    fstatat(dirfd(dir), found->d_name, &st, 0) < 0 || !S_ISREG(st.st_mode))
			continue;
		r = add(set, l, mem_printf("%.*s/%s", len, set->name, found->d_name), &st, err);
	}
	if (r == 0 && errno)
		r = fail_folder(set->name, -errno, err);
	return r;
}

static void globfreep(glob_t *found)
{
	globfree(found);
}

/* glob(3) knows no argument: the folder it may not list. */
static _Thread_local char glob_denied[256];

static int note_denied(const char *path, int code)
{
	if (code != EACCES)
		return 0;
	(void)memccpy(glob_denied, path, '\0', sizeof(glob_denied) - 1);
	return 1;
}

static int list_pattern(const struct file_set *set, struct listing *l, struct err *err)
{
	cleanup_(globfreep) glob_t found = {0};
	const size_t prefix_len = strlen(set->prefix);
	struct stat st;
	int r = glob(set->pattern, GLOB_NOSORT, note_denied, &found);

	if (r == GLOB_NOSPACE)
		mem_exhausted();
	if (r == GLOB_ABORTED)
		return fail_folder(glob_denied, -EACCES, err);
	if (r == GLOB_NOMATCH)
		return 0;
	r = 0;
	for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
		if (stat(found.gl_pathv[i], &st) == 0 && S_ISREG(st.st_mode))
			r = add(set, l, mem_strdup(found.gl_pathv[i] + prefix_len), &st, err);
	return r;
}

static int look(struct file_set *set, struct listing *l, struct err *err)
{
	cleanup_(freep) char *path = file_set_path(set, set->name);
	struct stat st;

	if (stat(path, &st) == 0) {
		set->kind = S_ISDIR(st.st_mode) ? FILE_SET_FOLDER : FILE_SET_FILE;
		return S_ISDIR(st.st_mode) ? list_folder(set, path, l, err)
		                           : add(set, l, mem_strdup(set->name), &st, err);
	}
	set->kind = strpbrk(set->name, wild) ? FILE_SET_PATTERN : FILE_SET_MISSING;
	if (set->kind == FILE_SET_PATTERN)
		return list_pattern(set, l, err);
	if (errno == ENOENT || errno == ENOTDIR)
		return 0;
	if (errno == EACCES)
		return err_set(err, -EACCES,
		               "%s must not be read by this user: permit it (chmod, chown), or run "
		               "as somebody who may",
		               set->name);
	return err_set(err, -errno, "%s cannot be opened: %s", set->name, strerror(errno));
}

/* Two looks become one list */

static int by_name(const void *a, const void *b)
{
	const struct file_entry *const *x = a, *const *y = b;

	return natural_compare((*x)->name, (*y)->name);
}

static int by_inode(const void *a, const void *b)
{
	const struct file_entry *const *x = a, *const *y = b;

	if ((*x)->dev != (*y)->dev)
		return (*x)->dev < (*y)->dev ? -1 : 1;
	return (*x)->ino < (*y)->ino ? -1 : (*x)->ino > (*y)->ino;
}

/* @old is the file that was @found now: it stays and takes its place. */
static void keep(struct file_entry **found, struct file_entry *old, bool is_follow)
{
	struct file_entry *now = *found;

	free(old->name);
	old->name = now->name;
	old->dev = now->dev;
	old->ino = now->ino;
	old->size = now->size;
	old->mtime_ns = now->mtime_ns;
	if (is_follow && (old->size != old->read_size || old->mtime_ns != old->read_mtime_ns))
		old->is_read = false;
	free(now);
	*found = old;
}

/* Of two lists what found no partner in the other. */
struct leftover {
	struct file_entry ***fresh; /* places in the new list */
	struct file_entry **lost;
	size_t n_fresh, n_lost;
};

/*
 * The number of a file that is gone is soon that of another: what was written to since is looked at
 * as a new one, and is known again by its content.
 */
static bool is_unchanged(const struct file_entry *old, const struct file_entry *now)
{
	return old->size == now->size && old->mtime_ns == now->mtime_ns;
}

/* Of one name. With follow it is opened again when it has changed, and then seen which it is. */
static bool stays(struct file_entry *old, struct file_entry *now, bool is_follow)
{
	const bool is_inode = by_inode(&old, &now) == 0;

	return is_follow ? is_inode : !old->is_opened || (is_inode && is_unchanged(old, now));
}

/* Both lists are in order. */
static void match_names(const struct file_set *set, const struct listing *l, bool is_follow,
                        struct leftover *left)
{
	size_t i = 0, k = 0;

	while (i < set->n || k < l->n) {
		const int order = i == set->n ? 1
		                  : k == l->n ? -1
		                              : by_name(&set->entries[i], &l->entries[k]);

		if (order == 0 && stays(set->entries[i], l->entries[k], is_follow)) {
			keep(&l->entries[k++], set->entries[i++], is_follow);
			continue;
		}
		if (order <= 0)
			left->lost[left->n_lost++] = set->entries[i++];
		if (order >= 0)
			left->fresh[left->n_fresh++] = &l->entries[k++];
	}
}

/* What is new under its name may be an old file that was renamed. */
static void match_inodes(struct leftover *left, bool is_follow)
{
	qsort(left->lost, left->n_lost, sizeof(struct file_entry *), by_inode);
	for (size_t i = 0; left->n_lost && i < left->n_fresh; i++) {
		struct file_entry **found = bsearch(left->fresh[i], left->lost, left->n_lost,
		                                    sizeof(struct file_entry *), by_inode);

		if (!found || ((*found)->is_opened && !is_unchanged(*found, *left->fresh[i])))
			continue;
		keep(left->fresh[i], *found, is_follow);
		left->n_lost--;
		memmove(found, found + 1,
		        (size_t)(left->lost + left->n_lost - found) * sizeof(struct file_entry *));
	}
}

/*
 * Not followed: what has come in place of @old is for the next run if @old was opened, unless that
 * is still there under another name.
 */
static void pass_over_heir(const struct file_set *set, const struct file_entry *old)
{
	struct file_entry *heir = old->is_opened ? file_set_find(set, old->name) : NULL;
	const struct file_entry *same;

	if (!heir || heir->is_opened)
		return;
	same = file_set_find_inode(set, old->dev, old->ino);
	if (!same || same == heir)
		heir->is_read = true;
}

int file_set_list(struct file_set *set, bool is_follow, file_set_gone_fn gone, void *arg,
                  struct err *err)
{
	struct listing l = {0};
	struct leftover left = {0};
	int r = look(set, &l, err);

	if (r < 0) {
		entries_free(l.entries, l.n);
		return r;
	}
	if (l.n)
		qsort(l.entries, l.n, sizeof(struct file_entry *), by_name);
	left.fresh = mem_array(l.n, sizeof(struct file_entry **));
	left.lost = mem_array(set->n, sizeof(struct file_entry *));
	match_names(set, &l, is_follow, &left);
	match_inodes(&left, is_follow);
	free(set->entries);
	set->entries = l.entries;
	set->n = l.n;
	for (size_t i = 0; i < left.n_lost; i++) {
		if (!is_follow)
			pass_over_heir(set, left.lost[i]);
		gone(arg, left.lost[i]);
		entry_free(left.lost[i]);
	}
	free(left.fresh);
	free(left.lost);
	return (int)set->n;
}

struct file_entry *file_set_find(const struct file_set *set, const char *name)
{
	const struct file_entry wanted = {.name = mem_strdup(name)}, *key = &wanted;
	struct file_entry **found =
		set->n ? bsearch(&key, set->entries, set->n, sizeof(struct file_entry *), by_name)
		       : NULL;

	free(wanted.name);
	return found ? *found : NULL;
}

struct file_entry *file_set_find_inode(const struct file_set *set, uint64_t dev, uint64_t ino)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->entries[i]->ino == ino && set->entries[i]->dev == dev)
			return set->entries[i];
	return NULL;
}
