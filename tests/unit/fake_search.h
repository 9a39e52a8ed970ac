#pragma once

/*
 * The other side for tests of proof: objects with a custom field, and Close's search over them,
 * which shows each object a while after it was made.
 */

#include "tests/unit/delivery_world.h"

struct fake_object {
	char object[24], id[24], value[32];
	int64_t made_wall_ms;
	uint64_t seen_from_ms; /* monotonic: when search shows it */
};

struct fake_close {
	struct fake_object objects[4096];
	size_t n;
	unsigned n_searches, n_canaries, n_pages;
	size_t page_size;   /* 0: 200 */
	long search_status; /* answers this to every search; 0: 200 */
	int64_t skew_ms;    /* its clock minus ours */
};

/* Makes an object that search shows after @lag_ms; returns its id. */
const char *fake_make(struct world *w, struct fake_close *c, const char *object, const char *value,
                      uint64_t lag_ms);
/* Objects of that value. */
size_t fake_count(const struct fake_close *c, const char *value);

bool fake_is_search(const struct http_transfer *t);
/* Answers a search, of identities or for the canary. */
void fake_search(struct world *w, struct fake_close *c, struct http_transfer *t);
