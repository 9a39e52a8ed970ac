#pragma once

/* Folders that outlive the process. */

#include "lib/err.h"

/*
 * mkdir -p, each new folder for us alone (0700) and durable. A failure names it as @what
 * ("state folder"), and ends with @advice ("; name another", or "").
 */
int folder_make(const char *path, const char *what, const char *advice, struct err *err);

/* Makes the names in the folder durable; a negative errno. File systems without that are fine. */
int folder_sync(const char *path);
