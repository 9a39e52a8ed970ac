#pragma once

/*
 * The known name a mistyped word most likely means, for "did you mean …". Letter case and the
 * choice of '-' or '_' cost nothing; a letter left out, put in, changed or swapped with its
 * neighbour costs one.
 */

/*
 * The nearest of @names (NULL-terminated), one of those pointers, or NULL if none is near enough:
 * one mistake in a word of up to five letters, then one more for every three letters, at most four.
 * The first wins a tie.
 */
const char *near_name(const char *word, const char *const *names);
