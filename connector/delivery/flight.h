#pragma once

/* Private parts of delivery: one struct flight per request that has not ended. */

#include "connector/delivery/delivery.h"
#include "connector/delivery/lanes.h"
#include "connector/delivery/limits.h"
#include "lib/backoff.h"

enum flight_step {
	FLIGHT_LANE,    /* somebody stands before it; or its halves are on the way to the disk */
	FLIGHT_READY,   /* waits for quota and a connection */
	FLIGHT_WRITING, /* its INTENT is on the way to the disk */
	FLIGHT_WIRE,    /* on the wire */
	FLIGHT_BACKOFF, /* its timer runs */
	FLIGHT_PROBING, /* the prober looks for it */
};

struct flight {
	struct delivery *delivery;
	struct request *request; /* NULL once ended: then it only keeps its lanes closed */
	struct request *whole;   /* was refused; NULL once its halves are durable */
	struct request **chain;  /* halves that come after the request, the next one last */
	size_t n_chain, cap_chain;
	struct group *group;
	struct lane_place *place;
	enum flight_step step;
	struct flight *before, *behind; /* in the list of all */
	struct flight *next;            /* in the queue it waits in */
	struct loop_timer timer;
	char **wire; /* headers as they are sent */
	char *url;
	char **closed;        /* keys of lanes it only keeps closed; NULL: it is a request */
	uint64_t opens_at_ms; /* and until when */
	unsigned n_tries;     /* attempts with an unknown outcome, for calls that are repeated */
	uint64_t first_try_ms;
	uint64_t unknown_at_ms; /* monotonic, of the last unknown attempt; 0: none */
	int64_t unknown_wall_ms;
	bool is_counted;       /* as one that destroys, until it is refused */
	bool is_cleared;       /* whether somebody else has sent it was, or is being, found out */
	unsigned credential;   /* of its last attempt */
	bool was_unauthorized; /* the last answer was 401, and it is sent again */
	bool was_gated;        /* it may not be sent any more, though its INTENT is there */
	uint64_t late_at_ms;   /* a copy that was sent then may still arrive; 0: none */
	struct backoff backoff;
	uint64_t volatile_bytes; /* counted until its INTENT is durable */
};

struct call {
	struct delivery_call call;
	struct delivery *delivery;
	struct group *group;
	struct call *next;            /* in the queue */
	struct call *before, *behind; /* in the list of all */
	struct loop_timer timer;
	char *url;
	unsigned credential; /* of its last attempt */
	bool was_unauthorized;
	struct backoff backoff;
};

struct flight_queue {
	struct flight *first, *last;
	unsigned n;
};

struct group {
	char *name;
	struct delivery *delivery;
	unsigned pace; /* its number at the pacer */
	struct flight_queue ready;
	struct call *calls, *calls_last;
	uint64_t failing_since_ms; /* first failure since the last success; 0: none */
	uint64_t last_success_ms;
	struct breaker breaker;
	struct backoff backoff; /* of the breaker's trials */
	bool is_trial_out;      /* or waits for its time */
	struct loop_timer trial_timer;
	char trouble[512];       /* the last failure */
	unsigned n_out;          /* requests writing or on the wire */
	struct loop_timer timer; /* quota or retry_for is due */
	uint64_t quota_at_ms;
	struct group *next;
};

struct delivery {
	struct loop *loop;
	struct journal *journal;
	struct http *http;
	struct pace *pace;
	struct delivery_config config;
	struct delivery_hooks hooks;
	char *base_url;
	uint64_t seed;
	struct lanes *lanes;
	struct group *groups;
	struct flight *all, *all_last;
	struct call *calls;
	struct flight_queue granted; /* ready in their lanes, not looked at yet */
	size_t n_open;
	unsigned n_slots;  /* taken: writing or on the wire, calls too */
	unsigned n_flying; /* of them, requests */
	uint64_t volatile_bytes;
	bool is_stopped, is_full, is_paused;
	bool is_told;     /* the hook knows that it has stopped, and why */
	bool is_at_limit; /* a delete more would be too many, and what is on its way ends first */
	struct loop_timer full_timer;
	struct limits limits;
	char trouble[512]; /* of the disk */
};

/* delivery.c */
/* The credential calls carry now; false: there is none for the moment. */
bool delivery_has_credential(const struct delivery *d, unsigned *ret_credential);
/*
 * A call with @credential was answered 401: true, it is to be sent again (*was_unauthorized says
 * that it was); false: the run stops, for the reason in @sentence or a better one.
 */
bool delivery_is_unauthorized(struct delivery *d, unsigned credential, bool *was_unauthorized,
                              const char *sentence);

/* group.c */
struct group *group_get(struct delivery *d, const char *name);
void group_succeeded(struct group *g);
/* A failure of the network or the server; may stop the run (retry_for). */
void group_failed(struct group *g, const char *sentence);
/* An answer that is no JSON; the fifth in a row stops the run: true. */
bool group_unreadable(struct group *g, const char *sentence);
/* 429: holds the whole group until the window is renewed. */
void group_limited(struct group *g, const struct rate_info *rate);
/* Something of it is on its way or waits to be sent. */
bool group_has_work(const struct group *g);
/* Takes quota for one call: true; or false, and the group wakes us when there is some. */
bool group_take(struct group *g);
void groups_free(struct delivery *d);

/* call.c */
void call_start(struct call *c);
/* It will not be sent: tells its caller and frees it. */
void call_abandon(struct call *c);
void calls_free(struct delivery *d);

/* flight.c */
void flight_queue_add(struct flight_queue *q, struct flight *f);
void flight_queue_first(struct flight_queue *q, struct flight *f);
struct flight *flight_queue_take(struct flight_queue *q);
void flight_start(struct flight *f); /* quota is taken: INTENT, then the wire */
void flight_granted(struct flight *f);
void flight_free(struct flight *f);
/* The flight @request is the turn of; halves that wait behind another are nobody's turn. */
struct flight *flight_of(struct delivery *d, const struct request *request);
/* It is on its way no more. */
void flight_leave_slot(struct flight *f);
void flight_make_ready(struct flight *f);
/* It was not sent after all: ready again, and its quota is given back. */
void flight_take_back(struct flight *f);
/* Ready after a while, longer each time. */
void flight_back_off(struct flight *f);
/* The request is back where it was before its INTENT, durably. */
void flight_replan(struct flight *f);

/* flight_answer.c */
void flight_answered(void *arg, const struct http_answer *answer);
/* The outcome of its last attempt is not known. */
void flight_find_out(struct flight *f);
/* Not sent by this process, but perhaps by another, whose copy may arrive until @until_ms. */
void flight_doubt(struct flight *f, uint64_t until_ms);

/* flight_end.c */
/* From now on @f only keeps the lanes @takes_closed closed (a NULL-terminated list), and then goes.
 */
void flight_linger(struct flight *f, char **takes_closed, uint64_t until_ms);
void flight_end(struct flight *f, enum request_state state);
void flight_hold(struct flight *f, enum reject_class class, const char *known);
void flight_set_known(struct request *r, const char *known);
/*
 * What it is about was only remembered, and is not there, or it @goes_anew: it is taken back;
 * false: it ends.
 */
bool flight_retake(struct flight *f, bool goes_anew);
/* It was refused with an answer that one bad record of several may be the reason of. */
bool flight_may_halve(const struct flight *f);
/* Goes on with the two halves of a request; false: it has none. */
bool flight_halve(struct flight *f);
