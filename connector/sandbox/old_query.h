#pragma once

/*
 * The old language of `GET /lead/?query=…`, deprecated at Close and still what many clients ask in:
 *
 *   status:"Potential" and (custom.Score > 5 or not "custom.Sales region":*) sort:-updated
 *
 * Words, "and" between them or nothing, "or", "not" or "-", parentheses; `*` is every lead; a word
 * alone stands anywhere in the lead or its contacts. A key, one of `: = != > >= < <=` and a value
 * are a condition. It is translated into the query tree that POST /data/search/ takes.
 */

#include "connector/sandbox/org.h"
#include "lib/err.h"

/* What "today" means to the caller. */
struct box_old_clock {
	int64_t wall_ms;
	int64_t offset_ms; /* of the caller's zone from UTC */
};

struct box_old_query {
	struct json_object *search; /* {"query": …, "sort": […]}; the caller's */
	size_t slice;               /* no more leads than that; SIZE_MAX: all */
};

/* 0, or -EINVAL and what is not understood. */
int box_old_query_read(const struct box_org *org, const struct box_old_clock *clock,
                       const char *text, struct box_old_query *ret_query, struct err *err);
