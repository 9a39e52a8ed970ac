#include "connector/source/packing.h"

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/unpack.h"

#include <string.h>

enum { patience_s = 10 }; /* what packs a file writes to it more often than that */

/* Whether the file is there that @entry, by its name, holds packed. */
static bool has_unpacked(const struct file_set *set, const struct file_entry *entry)
{
	cleanup_(freep) char *name = NULL;

	if (unpack_kind_of_name(entry->name) == UNPACK_NONE)
		return false;
	name = mem_dup(entry->name, (size_t)(strrchr(entry->name, '.') - entry->name));
	return file_set_find(set, name);
}

bool packing_goes_on(const struct file_set *set, struct file_entry *entry, uint64_t now_s)
{
	if (entry->is_opened || !has_unpacked(set, entry))
		return false;
	if (entry->still_size != entry->size || entry->still_mtime_ns != entry->mtime_ns) {
		entry->still_since_s = now_s;
		entry->still_size = entry->size;
		entry->still_mtime_ns = entry->mtime_ns;
	}
	return now_s - entry->still_since_s < patience_s;
}
