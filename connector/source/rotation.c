#include "connector/source/rotation.h"

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/natural.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool rotation_is_name(const char *name, const char *of)
{
	const size_t len = strlen(of);

	return strncmp(name, of, len) == 0 && (name[len] == '.' || name[len] == '-') &&
	       name[len + 1] >= '0' && name[len + 1] <= '9' &&
	       unpack_kind_of_name(name) == UNPACK_NONE;
}

/* The file that had the name before, the last one we know. */
static const struct stream *last_before(const struct known *known, const struct file_entry *entry)
{
	const struct known_stream *item = NULL;
	const uint64_t key = known_name_key(entry->name);

	while ((item = known_find(known, KNOWN_BY_NAME, key, item))) {
		const struct stream *s = item->stream;

		if (s->kind == STREAM_FILE && strcmp(s->name, entry->name) == 0 &&
		    (s->ino != entry->ino || s->dev != entry->dev))
			return s;
	}
	return NULL;
}

static const struct known_stream *known_file(const struct known *known, const struct stat *st)
{
	const uint64_t dev = (uint64_t)st->st_dev, ino = (uint64_t)st->st_ino;
	const uint64_t key = known_inode_key(dev, ino);
	const struct known_stream *item = NULL;

	do
		item = known_find(known, KNOWN_BY_INODE, key, item);
	while (item && (item->stream->kind != STREAM_FILE || item->stream->ino != ino ||
	                item->stream->dev != dev));
	return item;
}

/* Whether something of a file we know may be left to read. */
static bool has_left(const struct known_stream *item, const struct stat *st, const char *of)
{
	const struct stream *s = item->stream;
	const uint64_t size = (uint64_t)st->st_size;

	if (item->is_taken || (strcmp(s->name, of) != 0 && !rotation_is_name(s->name, of)))
		return false;
	return item->is_begun ? item->at < size : s->n_ranges || s->settled_to < size;
}

/* What one look into the folder works with, and the best it has found. */
struct look {
	const struct reading *reading;
	const struct file_entry *entry;
	const struct stream *before;
	bool has_replaced; /* the one we knew: what came between may be unknown */
	struct rotation_left best;
	int64_t best_ns;
};

static bool is_left(const struct look *l, const char *name, const struct stat *st, bool *ret_known)
{
	const int64_t mtime_ns = file_mtime_ns(st);
	const struct known_stream *item;

	if (!S_ISREG(st->st_mode) || file_set_find(&l->reading->set, name) ||
	    ((uint64_t)st->st_ino == l->entry->ino && (uint64_t)st->st_dev == l->entry->dev))
		return false;
	item = known_file(&l->reading->known, st);
	*ret_known = item;
	if (item)
		return has_left(item, st, l->entry->name);
	return l->has_replaced && rotation_is_name(name, l->entry->name) && st->st_size > 0 &&
	       mtime_ns >= l->before->mtime_ns && mtime_ns <= l->entry->mtime_ns;
}

/* By time; of one moment the one with the larger number is the older. */
static bool is_behind(int64_t a_ns, const char *a, int64_t b_ns, const char *b)
{
	return a_ns != b_ns ? a_ns > b_ns : natural_compare(a, b) < 0;
}

static void consider(struct look *l, char *takes_name, const struct stat *st)
{
	const struct file_entry *e = l->entry;
	const int64_t mtime_ns = file_mtime_ns(st);
	bool is_known = false;

	if ((e->left_name && !is_behind(mtime_ns, takes_name, e->left_mtime_ns, e->left_name)) ||
	    (l->best.name && !is_behind(l->best_ns, l->best.name, mtime_ns, takes_name)) ||
	    !is_left(l, takes_name, st, &is_known)) {
		free(takes_name);
		return;
	}
	free(l->best.name);
	l->best = (struct rotation_left){.name = takes_name, .is_known = is_known};
	l->best_ns = mtime_ns;
}

static void look_into_folder(struct look *l)
{
	const char *name = l->entry->name, *slash = strrchr(name, '/');
	const int len = slash ? (int)(slash - name) + 1 : 0;
	cleanup_(freep) char *path = mem_printf("%s%.*s.", l->reading->set.prefix, len, name);
	DIR *dir = opendir(path);
	const struct dirent *found;
	struct stat st;

	while (dir && (found = readdir(dir)))
		if (*found->d_name != '.' &&
		    fstatat(dirfd(dir), found->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			consider(l, mem_printf("%.*s%s", len, name, found->d_name), &st);
	if (dir)
		(void)closedir(dir);
}

static const struct stream *newest(const struct known *known, const char *name)
{
	const struct known_stream *item = NULL;

	do
		item = known_find(known, KNOWN_BY_NAME, known_name_key(name), item);
	while (item && strcmp(item->stream->name, name) != 0);
	return item ? item->stream : NULL;
}

bool rotation_next(const struct reading *reading, struct file_entry *entry,
                   struct rotation_left *ret_left)
{
	struct look l = {
		.reading = reading, .entry = entry, .before = last_before(&reading->known, entry)};

	/* Most files were never rotated: their folder is not looked into. */
	if (!l.before)
		return false;
	l.has_replaced = newest(&reading->known, entry->name) == l.before;
	look_into_folder(&l);
	if (!l.best.name)
		return false;
	free(entry->left_name);
	entry->left_name = mem_strdup(l.best.name);
	entry->left_mtime_ns = l.best_ns;
	*ret_left = l.best;
	return true;
}
