#pragma once

/* Sentences about numbers of things. */

#include <stdint.h>

/* @one for one thing, else @many: the word itself, or how it ends ("", "s"). */
static inline const char *plural(uint64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}
