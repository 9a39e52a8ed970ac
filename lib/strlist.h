#pragma once

/* A NULL-terminated list of texts that grows at its end; a NULL pointer is the empty list. */

#include <stdbool.h>
#include <stddef.h>

/* Adds @takes_text behind the others of *@list. */
void strlist_add(char ***list, char *takes_text);

size_t strlist_len(char *const *list);
bool strlist_has(char *const *list, const char *text);

/* A list of the same texts; NULL of an empty one. */
char **strlist_copy(char *const *list);

/* Frees the list and its texts; NULL is ignored. */
void strlist_free(char **list);
