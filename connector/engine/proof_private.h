#pragma once

/*
 * What the parts of proof share: proof.c says when to look and what is absent, proof_ask.c is one
 * look, proof_found.c takes what was found,
 * proof_count.c tells creates without an identity from others that say the same, canary.c knows
 * whether a source shows something newer.
 */

#include "connector/close/reconcile.h"
#include "connector/engine/private.h"

enum {
	max_looked_at = 512,
	scan_every_ms = 100, /* while nobody is looked for */
	canary_margin_ms = 1000,
	before_margin_ms = 2000, /* what is that much older than an attempt was not made by it */
	log_margin_ms = 120000,  /* the log is read from that long before the attempt */
	max_pages = 100,         /* of one look at search; without an end it proves nothing */
	max_log_pages = 200,
	max_list_pages = 20,
	max_restarts = 3, /* of a search whose cursor expired between two pages */
	max_kinds = 16
};

/* Where objects are seen. Each can find; each can prove absence if its own canary shows. */
enum proof_source { SOURCE_SEARCH, SOURCE_LIST, SOURCE_LOG, n_sources };

struct item {
	uint64_t seq;
	uint64_t next_look_ms;
	/* Complete looks at each source that began after half of the quarantine. */
	unsigned n_late_looks[n_sources];
	uint64_t first_late_ms; /* of any of them; 0: none yet */
};

/*
 * One look for creates of one kind, all with one field or all by their contents: search (or what
 * another system calls them), the lists they are in, the log.
 */
struct question {
	char *object, *field; /* the kind and the field of all of them; NULL: by contents */
	uint64_t seqs[crm_search_values];
	char *values[crm_search_values];            /* of the field */
	struct crm_print prints[crm_search_values]; /* or what was sent */
	bool is_done[crm_search_values];            /* it was found, and has ended */
	bool has_candidate[crm_search_values];      /* something may be it: it is not absent */
	size_t n;
	uint64_t asked_ms;
	struct crm_matches matches; /* of all sources */
	/* Search */
	unsigned n_pages, n_restarts;
	bool is_searched; /* it was read to its end */
	char trouble[80]; /* what search did instead; "": nothing */
	size_t external_at;
	/* The lists they are in, below their leads or of all of a kind ("") */
	char *leads[crm_search_values]; /* NULL: the create names none, or it has no list */
	int64_t list_from_ms[crm_search_values];
	char list_group[crm_group_name_size];
	bool was_list_asked[crm_search_values];
	bool is_listed[crm_search_values]; /* its list is one page, and was read */
	int64_t list_newest_ms[crm_search_values];
	size_t list_at, list_skip;
	/* The event log */
	bool wants_log;
	unsigned n_log_pages;
	struct crm_events log;
	bool is_logged; /* it was read to its end, and would show what is looked for */
	bool is_mute;   /* it was, and does not tell enough of what was made */
};

/* The newest object of a kind that search shows, or the newest event of the log. */
struct canary {
	char object[64]; /* the kind; "": a free place */
	bool is_seen;
	int64_t created_ms; /* when it was made, on Close's clock */
	int64_t intent_ms;  /* ours: when it got its INTENT, on our clock; 0: not ours */
};

struct proof;
/* @page: the JSON of an answer that says yes, else NULL. */
typedef void (*proof_read_fn)(struct proof *p, struct json_object *page, long status);

struct proof {
	struct engine *engine;
	char *user;            /* whose key it is; NULL: not known, and contents prove nothing */
	int64_t user_since_ms; /* nor of what was sent before: that was another user */
	struct item *items;
	size_t n_items, cap_items;
	struct question question;
	bool is_asking;
	proof_read_fn read; /* of the answer that is waited for */
	struct canary canaries[max_kinds];
	struct canary *asked_canary;
	struct canary log; /* the newest event of all */
	int64_t skew_ms;   /* Close's clock minus ours */
	bool knows_skew;
	/* The lead of delivery.canary, which we may touch. */
	int64_t touched_wall_ms;    /* our clock, before the PUT; 0: not yet */
	int64_t touched_updated_ms; /* what the PUT said; 0: no answer yet */
	bool touch_is_seen;         /* search shows that change */
	uint64_t next_scan_ms;
	struct loop_timer timer;
	struct unproven list[max_looked_at];
	size_t n_list;
};

/* proof.c */

/* The look is over: what it has found, and what is absent by now. */
void proof_decide(struct proof *p);
/* Past its quarantine @u was only missing a canary, which is there now. */
void proof_look_soon(struct proof *p, const struct unproven *u);
/* As delivery knows it now, since whatever ends is gone at once; NULL: it has ended. */
const struct unproven *proof_listed(struct proof *p, uint64_t seq);
/* It is not looked for any more. */
void proof_forget(struct proof *p, uint64_t seq);

/* proof_found.c */

/* Ends those that were found by now: objects that no other request has made. */
void proof_take_found(struct proof *p);
/* Number @at of the question, @r, was looked for that long: a person is to decide. */
void proof_give_up(struct proof *p, size_t at, struct request *r, uint64_t seconds);
/*
 * When @r was sent is known on Close's clock; not where it was sent before, by an earlier run or by
 * another owner of its partition, or where a clock was set meanwhile.
 */
bool proof_knows_time(const struct proof *p, const struct request *r);
/* Another request has made it, or has taken it just now. */
bool proof_is_others(const struct proof *p, const char *object_id);

/* proof_count.c: creates without an identity. */

/* Whether a create of the class and kind of @r can be recognised by what it sends. */
bool proof_knows_contents(const struct proof *p, const struct request *r);
/* Since when its object may have been made, on Close's clock; 0: it has a time of its own. */
int64_t proof_list_from(const struct proof *p, const struct request *r,
                        const struct crm_print *print);
/* What was found for number @at of the question, @r. */
enum proof_count {
	COUNT_NONE,
	COUNT_OURS,     /* *ret_match, the oldest of *ret_n */
	COUNT_OPEN,     /* something may be it, and that may yet be told */
	COUNT_TOO_MANY, /* there are more than were sent, or others that say nearly the same */
};
enum proof_count proof_count(const struct proof *p, size_t at, const struct request *r,
                             const struct crm_match **ret_match, size_t *ret_n);

/* proof_ask.c */

/* Adds a create to the question; it may end before the question does. */
void proof_add(struct proof *p, const struct request *r);
/* Begins to look for what is in the question; ends in proof_decide(), unless delivery stops. */
void proof_look(struct proof *p);
/* Makes room for the next question. */
void proof_forget_question(struct proof *p);

/* canary.c */

/*
 * Something later than the attempt of @u is visible in @source; @at is its place in the question
 * (of SOURCE_LIST only: each lead has its own list).
 */
bool canary_is_newer(const struct proof *p, enum proof_source source, const struct unproven *u,
                     size_t at);
/*
 * Asks search, where it @answers, for the newest object of the kind, and touches delivery.canary
 * where nothing newer is seen anywhere.
 */
void canary_ask(struct proof *p, const char *object, bool answers);
/* Takes the newest event of all from its page. */
void canary_learn_log(struct proof *p, struct json_object *page);
/* Our wall clock made a step in this run: times from before and after cannot be compared. */
bool proof_clock_was_set(const struct engine *e);
/* Takes Close's clock from the date of an answer. */
void proof_learn_skew(struct proof *p, const struct http_answer *answer);
