#pragma once

/*
 * `close.rate` is a ceiling over every stretch of time, whichever process makes the calls: when the
 * last ones were made stands in a small file of the state folder, so that a run that follows
 * another (after a kill, or every minute from cron) does not begin with a whole new burst.
 */

#include "lib/err.h"
#include "lib/loop.h"
#include "lib/pace.h"

struct rate_file;

/* The lock of @folder is held. */
int rate_file_open(const char *folder, const struct loop *loop, struct rate_file **ret,
                   struct err *err);
void rate_file_free(struct rate_file *file); /* NULL is ignored */

/* Tells @pace what was taken before, and keeps what it takes from now on, until it is freed. */
void rate_file_attach(struct rate_file *file, struct pace *pace, uint64_t rate_n);
