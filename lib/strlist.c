#include "lib/strlist.h"

#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

size_t strlist_len(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

void strlist_add(char ***list, char *takes_text)
{
	const size_t n = strlist_len(*list);

	*list = mem_resize(*list, n + 2, sizeof(char *));
	(*list)[n] = takes_text;
	(*list)[n + 1] = NULL;
}

bool strlist_has(char *const *list, const char *text)
{
	for (; list && *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

char **strlist_copy(char *const *list)
{
	char **copy = NULL;

	for (; list && *list; list++)
		strlist_add(&copy, mem_strdup(*list));
	return copy;
}

void strlist_free(char **list)
{
	for (char **text = list; text && *text; text++)
		free(*text);
	free(list);
}
