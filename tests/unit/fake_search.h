#pragma once

/*
 * The other side for tests of proof: objects with a custom field, and what Close shows of them:
 * search, each object a while after it was made; the list of a lead; the event log.
 */

#include "tests/unit/delivery_world.h"

struct fake_object {
	char object[24], id[24], value[32];
	char lead[24]; /* below which it stands; "": none */
	bool is_deleted;
	bool is_unclear; /* its event has no data */
	int64_t made_wall_ms;
	uint64_t seen_from_ms; /* monotonic: when search shows it */
};

struct fake_close {
	struct fake_object objects[4096];
	size_t n;
	unsigned n_searches, n_canaries, n_pages, n_lists, n_logs;
	bool has_log;       /* else whoever asks for events is refused */
	bool log_has_field; /* the data of events have custom fields */
	size_t log_is_at;   /* it stands still since so many objects; 0: it moves */
	size_t page_size;   /* 0: 200 */
	long search_status; /* answers this to every search; 0: 200 */
	int64_t skew_ms;    /* its clock minus ours */
};

/* Makes an object that search shows after @lag_ms; returns its id. */
const char *fake_make(struct world *w, struct fake_close *c, const char *object, const char *value,
                      uint64_t lag_ms);
/* The one made last. */
struct fake_object *fake_last(struct fake_close *c);
/* Objects of that value. */
size_t fake_count(const struct fake_close *c, const char *value);

bool fake_is_search(const struct http_transfer *t);
bool fake_is_lookup(const struct http_transfer *t); /* a search, a list, or the log */
/* Answers a lookup, of identities or for the canary. */
void fake_lookup(struct world *w, struct fake_close *c, struct http_transfer *t);
/* Of all that was started, what was no lookup. */
unsigned fake_n_sent(const struct world *w, const struct fake_close *c);
