#pragma once

/*
 * When an access token is renewed, and until when it is used: before it ends, since a call takes a
 * while to get there. Pure: callers say what time it is.
 */

#include "lib/token_file.h"

#include <stdbool.h>
#include <stdint.h>

struct token_life {
	uint64_t due_ms;     /* monotonic: from then on a new one is asked for … */
	int64_t due_wall_ms; /* … or from then on, whichever is first */
	uint64_t end_ms;     /* monotonic: from then on it is not used */
};

/* By the wall clock, which may have been set meanwhile. */
uint64_t token_age_ms(const struct tokens *tokens, int64_t wall_ms);

/* @age_ms of the life of the access token are over at @now_ms. */
struct token_life token_life_of(const struct tokens *tokens, uint64_t age_ms, uint64_t now_ms);
bool token_life_is_due(const struct token_life *life, uint64_t now_ms, int64_t wall_ms);

/* Whether there is time left for it. @to_its_end: also where a new one is due. */
bool token_is_fresh(const struct tokens *tokens, int64_t wall_ms, bool to_its_end);
