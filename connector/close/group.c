#include "connector/close/group.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { window_ms = 8000 };

/* The last one is for whatever is not named. */
static const struct crm_group groups[] = {
	{"search", 16, window_ms}, {"delete-lead", 80, window_ms}, {"delete-other", 160, window_ms},
	{"read", 160, window_ms},  {"write", 160, window_ms},
};

enum { n_groups = sizeof(groups) / sizeof(groups[0]) };

static bool first_segment_is(const char *path, const char *segment)
{
	const size_t len = strlen(segment);

	return strncmp(path, segment, len) == 0 && strcspn(path + len, "/?") == 0;
}

const char *crm_group_name(const char *method, const char *path, char name[crm_group_name_size])
{
	const char *group = "write";

	path += *path == '/';
	if (first_segment_is(path, "data/search"))
		group = "search";
	else if (strcmp(method, "DELETE") == 0)
		group = first_segment_is(path, "lead") ? "delete-lead" : "delete-other";

	if (strcmp(method, "GET") == 0)
		(void)snprintf(name, crm_group_name_size, "read:%.*s", (int)strcspn(path, "/?"),
		               path);
	else
		(void)snprintf(name, crm_group_name_size, "%s", group);
	return name;
}

const struct crm_group *crm_group_find(const char *name)
{
	const size_t len = strcspn(name, ":");

	for (size_t i = 0; i < n_groups; i++)
		if (strlen(groups[i].name) == len && memcmp(groups[i].name, name, len) == 0)
			return &groups[i];
	return &groups[n_groups - 1];
}
