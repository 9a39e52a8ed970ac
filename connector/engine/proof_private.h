#pragma once

/* What the two halves of proof share: proof.c looks for identities, canary.c for something newer.
 */

#include "connector/close/reconcile.h"
#include "connector/engine/private.h"

enum {
	max_looked_at = 512,
	scan_every_ms = 100,
	canary_margin_ms = 1000,
	max_pages = 100, /* of one look; a search without an end proves nothing */
	max_kinds = 16
};

struct item {
	uint64_t seq;
	uint64_t next_look_ms;
	unsigned n_late_looks; /* complete looks that began after half of the quarantine */
	uint64_t first_late_ms;
};

struct question {
	struct request *requests[crm_search_values];
	const char *values[crm_search_values];
	size_t n;
	uint64_t asked_ms;
	struct crm_matches matches;
	unsigned n_pages;
};

/* The newest object of a kind that search shows. */
struct canary {
	char object[64]; /* the kind; "": a free place */
	bool is_seen;
	int64_t created_ms; /* when it was made, on Close's clock */
	int64_t intent_ms;  /* ours: when it got its INTENT, on our clock; 0: not ours */
};

struct proof {
	struct engine *engine;
	struct item *items;
	size_t n_items, cap_items;
	struct question question;
	bool is_asking;
	struct canary canaries[max_kinds];
	struct canary *asked_canary;
	int64_t skew_ms; /* Close's clock minus ours */
	/* The lead of delivery.canary, which we may touch. */
	int64_t touched_wall_ms;    /* our clock, before the PUT; 0: not yet */
	int64_t touched_updated_ms; /* what the PUT said; 0: no answer yet */
	bool touch_is_seen;         /* search shows that change */
	uint64_t next_scan_ms;
	struct loop_timer timer;
	struct unproven list[max_looked_at];
	size_t n_list;
};

/* canary.c */

/* Something later than the attempt of @u is visible in search. */
bool canary_is_newer(const struct proof *p, const struct unproven *u);
/* Asks search for the newest object of the kind, and touches delivery.canary if that is too old. */
void canary_ask(struct proof *p, const char *object);
/* Takes Close's clock from the date of an answer. */
void proof_learn_skew(struct proof *p, const struct http_answer *answer);
