#pragma once

/*
 * Endpoint groups: Close counts calls by group, over fixed windows. The groups are not published;
 * these follow what was seen in recorded headers (all writes but DELETE share one counter, each
 * kind of object has its own for reads, search and deleting leads are the narrow ones).
 */

#include <stdint.h>

struct crm_group {
	const char *name; /* "search", "delete-lead", "delete-other", "write", "read" */
	uint32_t limit;   /* calls in a window until a header says otherwise */
	uint32_t window_ms;
};

enum { crm_group_name_size = 48 };

/*
 * Writes the group that @method ("GET", "POST", …) on @path (below base_url, with or without query)
 * counts in: one of the names above, reads with their first segment: "read:lead". An unusually long
 * segment is cut. Returns @name.
 */
const char *crm_group_name(const char *method, const char *path, char name[crm_group_name_size]);

/* The start values of the group called @name; those of "write" for a name that is none. */
const struct crm_group *crm_group_find(const char *name);
