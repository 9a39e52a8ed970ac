#pragma once

/*
 * What a followed file leaves behind when it is rotated more often than it is read. Its old files
 * stand in the same folder: those we know by their inode, and those that came between the last one
 * we know and the one that has the name now, recognised by their names (app.ndjson.1,
 * app.ndjson-20240131) and times. They are read first, the oldest first.
 */

#include "connector/source/reader.h"

#include <stdbool.h>

struct rotation_left {
	char *name;    /* to free() */
	bool is_known; /* by its inode: only its rest is read, and only if its content agrees */
};

/*
 * Finds the next file to read before @entry, which goes on from one call to the next. False: there
 * is none any more.
 */
bool rotation_next(const struct reading *reading, struct file_entry *entry,
                   struct rotation_left *ret_left);

/* Whether @name is what a rotation makes of @of: with . or - and a number behind it. */
bool rotation_is_name(const char *name, const char *of);
