#pragma once

/*
 * Events appended to a file, one a line. Appending gathers; file_sink_sync() writes and makes
 * durable, once a turn: only then have the events been accepted. The file always ends in a whole
 * line: what a crash or a full disk tore is cut off again. It may be renamed while we run (log
 * rotation); the next turn then begins a new file under the old name.
 */

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>

struct file_sink;

/*
 * Opens @path for appending, made with mode 0600 where it is new, and locks it. A torn last line of
 * an event is cut off. -EBUSY where another process writes it; -EINVAL where it is no regular file,
 * a symbolic link, or ends in something that is no event; else the error of the system.
 */
int file_sink_open(const char *path, struct file_sink **ret_sink, struct err *err);

/* What was appended and not synced is forgotten. NULL is ignored. */
void file_sink_close(struct file_sink *sink);

/* Adds an event, which is one line without its end. */
void file_sink_append(struct file_sink *sink, const char *event, size_t len);

/*
 * Writes what was appended since the last sync and makes it durable. On failure (-ENOSPC, …) all of
 * it is forgotten and the file is as it was: append it again later.
 */
int file_sink_sync(struct file_sink *sink, struct err *err);
