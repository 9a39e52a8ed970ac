#pragma once

/*
 * Scoped clean-up: `cleanup_(freep) char *text = NULL;` frees on every way out of the block;
 * `return steal(&text);` hands the value over instead.
 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define cleanup_(fn) __attribute__((cleanup(fn)))

/* Makes x_freep(T **) out of x_free(T *) for use with cleanup_(). */
#define DEFINE_CLEANUP(type, fn)                                                                   \
	static inline __attribute__((unused)) void fn##p(type *p)                                  \
	{                                                                                          \
		if (*p)                                                                            \
			fn(*p);                                                                    \
	}

/* Takes the pointer out of *@p, leaving NULL behind. */
#define steal(p)                                                                                   \
	({                                                                                         \
		__typeof__(*(p)) stolen_ = *(p);                                                   \
		*(p) = NULL;                                                                       \
		stolen_;                                                                           \
	})

static inline __attribute__((unused)) void freep(void *p)
{
	free(*(void **)p);
}

static inline __attribute__((unused)) void closep(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline __attribute__((unused)) void fclosep(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}
