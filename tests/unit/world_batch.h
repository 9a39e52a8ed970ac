#pragma once

/*
 * Calls of several records for the world of delivery_world.h, and what it halves them into. Each
 * record has a number and a lane of its own, "record 7"; the lane "bulk" is that of the URL. The
 * draft of a record is its number.
 */

#include "tests/unit/delivery_world.h"

/* A PUT of the records @first to @last, in class @class. */
struct request *world_batch(struct world *w, enum delivery_class class, uint64_t first,
                            uint64_t last);
/* The same in another lane than that of the URL; NULL: in those of its records alone. */
struct request *world_batch_in(struct world *w, enum delivery_class class, uint64_t first,
                               uint64_t last, const char *url_lane);

/* The hook: halves made of nothing but the drafts of @whole. */
bool world_halve(void *arg, const struct request *whole, struct request **ret_first,
                 struct request **ret_second);

/* The numbers in the body of a batch in flight, at most @max; 0: it is no batch. */
size_t world_numbers(const struct http_transfer *t, uint64_t *ret_numbers, size_t max);
