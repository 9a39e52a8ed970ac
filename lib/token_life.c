#include "lib/token_life.h"

enum {
	early_ms = 300000, /* before its end a token is renewed, or … */
	early_part = 5,    /* … a fifth of its life, if that is less */
	late_ms = 10000,   /* and not used any more, for it has to get there, or … */
	late_part = 20,    /* … a twentieth */
};

static uint64_t part_of(uint64_t life_ms, unsigned part, uint64_t most_ms)
{
	return life_ms / part < most_ms ? life_ms / part : most_ms;
}

static uint64_t early(const struct tokens *tokens)
{
	return part_of(tokens->life_ms, early_part, early_ms);
}

static uint64_t late(const struct tokens *tokens)
{
	return part_of(tokens->life_ms, late_part, late_ms);
}

uint64_t token_age_ms(const struct tokens *tokens, int64_t wall_ms)
{
	return wall_ms > tokens->got_wall_ms ? (uint64_t)(wall_ms - tokens->got_wall_ms) : 0;
}

struct token_life token_life_of(const struct tokens *tokens, uint64_t age_ms, uint64_t now_ms)
{
	const uint64_t life = tokens->life_ms, left = life > age_ms ? life - age_ms : 0;

	return (struct token_life){
		.due_ms = now_ms + (left > early(tokens) ? left - early(tokens) : 0),
		.due_wall_ms = tokens->got_wall_ms + (int64_t)(life - early(tokens)),
		.end_ms = now_ms + (left > late(tokens) ? left - late(tokens) : 0),
	};
}

bool token_life_is_due(const struct token_life *life, uint64_t now_ms, int64_t wall_ms)
{
	return now_ms >= life->due_ms || wall_ms >= life->due_wall_ms;
}

bool token_is_fresh(const struct tokens *tokens, int64_t wall_ms, bool to_its_end)
{
	const uint64_t margin = to_its_end ? late(tokens) : early(tokens);

	return token_age_ms(tokens, wall_ms) < tokens->life_ms - margin;
}
