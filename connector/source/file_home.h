#pragma once

/*
 * Whether a stream is at home in a file of this run that was not opened yet: a look at a file
 * beside the one that is read.
 */

#include "connector/source/file_compare.h"
#include "connector/source/file_set.h"

struct file_home;

/* NULL: it cannot be read, so nothing is at home there. The pointers must stay. */
struct file_home *file_home_open(const struct file_set *set, const struct file_entry *entry);

/* Returns an enum file_comparison; what cannot be read to its end FILE_DIFFERS. */
enum file_comparison file_home_step(struct file_home *home, const struct stream *stream);

void file_home_free(struct file_home *home); /* NULL is ignored */
