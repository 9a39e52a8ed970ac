#pragma once

/*
 * Books of names for verbs that run no pipeline: asked of Close, or read from the lock file that
 * stands beside the pipeline (NAME.fields.lock). A lock holds no people: users are looked up when
 * the pipeline runs.
 */

#include "connector/model/exit_code.h"
#include "connector/model/names.h"
#include "connector/pipeline/pipeline.h"
#include "lib/err.h"

/* Asks Close for one book; a sentence and the code to end with where there is none. */
enum exit_code books_ask(const struct pipeline *pipeline, const char *kind,
                         struct name_book **ret_book, struct err *err);

/* "folder/NAME.fields.lock"; to free(). */
char *books_lock_path(const struct pipeline *pipeline);
/*
 * Adds what the lock file holds to @names: 1, 0 where there is none, or a negative errno with a
 * sentence.
 */
int books_read_lock(const struct pipeline *pipeline, struct names *names, struct err *err);
/* Writes @names as the lock file, in a fixed order, whole or not at all. */
int books_write_lock(const struct pipeline *pipeline, const struct names *names, struct err *err);

/*
 * Loads the pipeline, without secrets but those of its source, with the names of its lock file
 * where there is one; those go to @names, which must live as long as the pipeline. As ask_load().
 */
enum exit_code books_load(const char *path, struct names *names, struct pipeline **ret_pipeline);

/*
 * Calls @tell with a sentence for each difference that records could feel: an entry that is gone,
 * new, called otherwise, or of another type or with other choices. Returns how many there are.
 */
size_t books_compare(const struct name_book *locked, const struct name_book *now,
                     void (*tell)(void *arg, const char *sentence), void *arg);
