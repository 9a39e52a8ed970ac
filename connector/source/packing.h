#pragma once

/*
 * gzip and zstd write x.gz beside x and remove x in the end: who looks in between would read as
 * x.gz again what was read as x. So a packed file beside what it holds, by its name, waits for the
 * other to go. Where it is not written to any more and both are there still, they are two files.
 */

#include "connector/source/file_set.h"

#include <stdbool.h>
#include <stdint.h>

/* Of a file that is followed; @now_s never goes back. */
bool packing_goes_on(const struct file_set *set, struct file_entry *entry, uint64_t now_s);
