#pragma once

/*
 * What there is to read behind one path: a file, the files of a folder that look like input, or
 * those a pattern matches; in natural order of their names. It is listed again and again while it
 * is read: files that stayed keep what is known of them, also under a new name.
 */

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct known_stream;

enum { file_set_max = 50000 }; /* files; what is kept of each must fit into memory */

/* A file as the last listing found it, or as it was when it was last read. */
struct file_entry {
	char *name; /* as people know it: begins with the name of the set */
	uint64_t dev, ino, size;
	int64_t mtime_ns;
	struct known_stream *known; /* which it is; NULL: not opened yet */
	bool is_read;               /* to its end … */
	uint64_t read_size;         /* … when it was so large and of that time */
	int64_t read_mtime_ns;
	bool is_opened; /* by this run */
	/* Since when it was not written to (packing.h). */
	uint64_t still_since_s, still_size;
	int64_t still_mtime_ns;
	bool was_told; /* that something of it cannot be read yet */
	/* The last of its rotated files that was looked at (rotation.h); NULL: none yet. */
	char *left_name;
	int64_t left_mtime_ns;
};

enum file_set_kind { FILE_SET_MISSING, FILE_SET_FILE, FILE_SET_FOLDER, FILE_SET_PATTERN };

struct file_set {
	char *prefix; /* path = prefix + name */
	char *name;   /* as the user wrote it */
	char *pattern;
	enum file_set_kind kind; /* what the path was when it was last listed */
	struct file_entry **entries;
	size_t n;
};

/*
 * @path is what to open and ends with @name, which is what the user wrote of it. Nothing is looked
 * at yet.
 */
void file_set_init(struct file_set *set, const char *path, const char *name);
void file_set_deinit(struct file_set *set);

/* Told of each file that is there no more, before it is forgotten. */
typedef void (*file_set_gone_fn)(void *arg, struct file_entry *entry);

/*
 * Looks again. Files that are new are not read; one that is followed and may have changed is not
 * is_read any more. A file replaced under its name is another. Where nothing is followed, what has
 * replaced a file that was opened, or was written to it since, is left to the next run (is_read),
 * unless the file opened is still there under another name. Returns how many there are, -EACCES,
 * -E2BIG (more than file_set_max) or another negative errno with a sentence, where the listing
 * stays as it was.
 */
int file_set_list(struct file_set *set, bool is_follow, file_set_gone_fn gone, void *arg,
                  struct err *err);

/* What to open. To free(). */
char *file_set_path(const struct file_set *set, const char *name);

/* NULL: there is no such file in it. */
struct file_entry *file_set_find(const struct file_set *set, const char *name);
struct file_entry *file_set_find_inode(const struct file_set *set, uint64_t dev, uint64_t ino);

/* Whether a folder's file of this name (without folder) is read. */
bool file_set_takes(const char *name);

int64_t file_mtime_ns(const struct stat *st);
