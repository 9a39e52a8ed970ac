#pragma once

/*
 * When refusals say that something is wrong with the whole run, not with a record: too many rejects
 * by Close (delivery.max_rejects), more deletes than anybody meant (max_destroys), five 403 in a
 * row on one operation, five unreadable answers in a row. Pure counting.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum limit_kind { LIMIT_DEFAULT, LIMIT_NONE, LIMIT_COUNT, LIMIT_SHARE };

struct limit_count {
	char *key; /* route, or operation */
	uint64_t n_answers, n_rejects, in_a_row;
};

struct limits {
	enum limit_kind kind;
	uint64_t n; /* a count, or a percentage */
	uint64_t n_answers, n_rejects, rejects_in_a_row;
	unsigned unreadable_in_a_row;
	uint64_t n_destroyed; /* deletes and merges that were sent and not refused */
	struct limit_count *routes, *forbidden;
	size_t n_routes, n_forbidden;
};

void limits_init(struct limits *l, enum limit_kind kind, uint64_t n);
void limits_deinit(struct limits *l);
/* Right after limits_init(): @l goes on with what @before has counted, which is left empty. */
void limits_go_on(struct limits *l, struct limits *before);

/*
 * Counts the final answer to a call of @route and @operation. Returns NULL, or the sentence that
 * says why the run should stop now (valid until the next call; @text holds it).
 */
const char *limits_reject(struct limits *l, const char *route, char text[static 256]);
void limits_delivered(struct limits *l, const char *route, const char *operation);
/* A 403 on @operation; true: the fifth in a row. */
bool limits_forbidden(struct limits *l, const char *operation);
/* A 2xx that was not Close's; true: the fifth in a row. Anything readable ends the row. */
bool limits_unreadable(struct limits *l);
void limits_readable(struct limits *l);
/* False: one more than n_destroyed would be more than @max, and @text says why the run stops. */
bool limits_may_destroy(const struct limits *l, uint64_t max, char text[static 400]);
