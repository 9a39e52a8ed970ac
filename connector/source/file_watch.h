#pragma once

/*
 * Says when it is worth looking at folders again: at once where the kernel tells of changes
 * (inotify), and each second in any case, because network mounts tell nothing and there may be no
 * watch left. One descriptor for the loop.
 */

#include "connector/source/file_set.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>

struct file_watch {
	int epoll_fd, inotify_fd, timer_fd; /* inotify_fd: -1 without it */
	uint64_t n_seconds;                 /* that passed while somebody waited */
};

/* A negative errno with a sentence where the kernel gives no descriptor. */
int file_watch_init(struct file_watch *watch, struct err *err);
/* Also after a failure. */
void file_watch_deinit(struct file_watch *watch);

/*
 * Watches the folders in which files of @set are or may come; again is the same as once. What
 * cannot be watched is polled.
 */
void file_watch_add_set(struct file_watch *watch, const struct file_set *set);

/*
 * Takes what has happened. True where a folder should be listed again, false where at most a file
 * has grown.
 */
bool file_watch_take(struct file_watch *watch);
