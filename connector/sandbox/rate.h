#pragma once

/*
 * Close's rate limits: fixed windows, one per key and endpoint group, and one per group for the
 * whole organization at three times the figure. While requests go on the next window begins where
 * the last one ended; after a silence it begins with the first request. Time comes in; it never
 * waits.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum box_rate_group {
	BOX_RATE_SEARCH,
	BOX_RATE_WRITE, /* all POST and PUT */
	BOX_RATE_DELETE_LEAD,
	BOX_RATE_DELETE, /* of anything else */
	BOX_RATE_READ,   /* per resource */
	BOX_RATE_N_GROUPS,
};

struct box_rate_verdict {
	bool is_allowed;
	uint32_t limit, remaining;
	uint64_t reset_ms; /* until the window ends */
};

struct box_rate;

/* @window_ms: 8000 at Close. */
struct box_rate *box_rate_new(uint64_t window_ms);
void box_rate_free(struct box_rate *rate);

/* The group of a request below /api/v1; *ret_resource is the first segment of its path. */
enum box_rate_group box_rate_group(const char *method, const char *path, const char **ret_resource,
                                   size_t *ret_len);

/* Changes what a window allows; 0 has no effect. */
void box_rate_set(struct box_rate *rate, enum box_rate_group group, uint32_t limit);
uint32_t box_rate_limit(const struct box_rate *rate, enum box_rate_group group);
/* "search", "write", "delete_lead", "delete", "read" */
const char *box_rate_name(enum box_rate_group group);

/*
 * Counts a request of @key (one of few: it is remembered). The verdict is about whichever of the
 * two limits is closer to being hit.
 */
struct box_rate_verdict box_rate_take(struct box_rate *rate, const char *key, const char *method,
                                      const char *path, uint64_t now_ms);
