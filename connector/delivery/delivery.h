#pragma once

/*
 * A request's life between "shaped" and "ended": lanes, quota, INTENT, the wire, and what its
 * answer or its missing answer leads to.
 *
 *   PLANNED → INTENT → APPLIED | REFUSED
 *                    → PLANNED (429, not sent)
 *                    → UNKNOWN → (PUT, DELETE, reads) sent again in its lane
 *                              → (creates) PROBING → APPLIED | PLANNED | HELD
 *                              → HELD
 *                    → SPLIT (refused as a whole: its halves go in its place)
 *
 * It knows nothing of what an answer means: the hooks judge, look things up and take the ended
 * requests. Everything durable goes through the journal; the caller commits once a turn.
 */

#include "connector/delivery/journal.h"
#include "connector/model/exit_code.h"
#include "connector/model/request.h"
#include "connector/model/verdict.h"
#include "lib/http.h"
#include "lib/loop.h"
#include "lib/pace.h"

#include <stdbool.h>
#include <stdint.h>

struct delivery;
struct limits;

struct judgement {
	enum verdict verdict;
	struct rate_info rate;
	/* Its outputs are not done with this answer: they are taken back (retake). */
	bool goes_anew;
	/* Applied, but not all of it: the request is divided and sent again, in its place. */
	bool is_partial;
	char sentence[512]; /* what happened, for the person who reads about a stop or a hold */
};

/* A call that has ended, as it went over the wire. */
struct delivery_exchange {
	const struct request *request; /* NULL: a call that is no request of ours */
	const char *method;
	const char *path; /* below base_url, with its query */
	const char *body; /* NULL: none */
	size_t body_len;
};

struct delivery_hooks {
	void *arg;
	/*
	 * Judges @answer to @request and fills in the request what is known now: answer, object_id,
	 * class and messages of its parts. @was_unknown: an earlier attempt may have been applied.
	 */
	void (*judge)(void *arg, struct request *request, const struct http_answer *answer,
	              bool was_unknown, struct judgement *ret_judgement);
	/*
	 * The number of the credential that calls carry now; 0: there is none for the moment, and
	 * nothing is sent. NULL: there always is one.
	 */
	unsigned (*credential)(void *arg);
	/*
	 * A call that carried credential number @credential was answered 401, so nothing was done.
	 * True: it is sent again when there is another one. @again: so it was already sent again
	 * for this. False: the run stops, and @ret_text, where it is not left empty, says why.
	 * NULL: there is no other.
	 */
	bool (*unauthorized)(void *arg, unsigned credential, bool again, char ret_text[static 512]);
	/* A call that is no request of ours was answered. */
	void (*judge_call)(void *arg, const struct http_answer *answer,
	                   struct judgement *ret_judgement);
	/*
	 * For those who watch, after the judgement; @answer may say that there was none, or that
	 * nothing was sent. Must not call into this module. NULL: nobody watches.
	 */
	void (*heard)(void *arg, const struct delivery_exchange *exchange,
	              const struct http_answer *answer);
	/*
	 * The INTENT of @request is submitted next, in this turn: other outputs of its records are
	 * to become durable with it. NULL: nobody has any.
	 */
	void (*begins)(void *arg, struct request *request);
	/*
	 * A call of several records was refused as a whole (400, 413, 422), or is judged partial:
	 * makes its two halves
	 * (PLANNED, with group and lanes, all of them lanes of @request; their parts are those of
	 * @request in their order, with their ids and generation, open again). The whole is told to
	 * nobody. False: it cannot be halved, and its parts are rejected as judged. NULL: nothing
	 * can.
	 */
	bool (*halve)(void *arg, const struct request *request, struct request **ret_first,
	              struct request **ret_second);
	/*
	 * Close answered 404, and @request says it is about something that is only remembered, or
	 * it is judged to go anew: takes its outputs back, which then wait without a request, and
	 * tells the journal. True:
	 * @request is the hook's from there on; it leaves its lanes, and nobody is told. NULL or
	 * false: it is rejected as judged.
	 */
	bool (*retake)(void *arg, struct request *request);
	/*
	 * Whether @request may be sent now: asked before its INTENT, and again when the connection
	 * stands. One that may not waits, and what is ready behind it in its group. Must not call
	 * into this module. NULL: it always may.
	 */
	bool (*may_send)(void *arg, const struct request *request);
	/*
	 * Whether @request deletes or merges, and so counts for max_destroys. NULL: none does.
	 */
	bool (*destroys)(void *arg, const struct request *request);
	/*
	 * Another process may have sent what @request is made of: until when such a copy may still
	 * arrive (monotonic; long past: never 0), or 0: nobody has. Its outcome is unknown when its
	 * INTENT is durable, then, and it is sent after proof alone. NULL: nobody.
	 */
	uint64_t (*doubt_until_ms)(void *arg, const struct request *request);
	/* Can the object this create made be found, by its identity or its contents? */
	bool (*can_prove)(void *arg, const struct request *request);
	/*
	 * Close has accepted this create, and its answer was cut before the id: can the object be
	 * found without an identity? NULL: none can.
	 */
	bool (*can_find)(void *arg, const struct request *request);
	/*
	 * @request ended: its state, parts and answer say how. It is in no lane any more; the lanes
	 * of a half are left when the last half has ended.
	 */
	void (*ended)(void *arg, struct request *takes_request);
	/* Nothing more will be sent; what is in flight still ends. */
	void (*stopped)(void *arg, enum exit_code code, const char *sentence);
};

struct delivery_config {
	const char *base_url;
	unsigned concurrency;
	unsigned timeout_ms;
	uint64_t retry_for_ms;
	uint64_t quarantine_ms;
	bool hold_unknown;
	enum { REJECTS_DEFAULT, REJECTS_NONE, REJECTS_COUNT, REJECTS_SHARE } max_rejects;
	uint64_t max_rejects_n;
	/* Requests that destroy, in this run: before one more than that the run stops. */
	uint64_t max_destroys;
	/* What was counted in the same run before this delivery was made; taken. NULL: nothing. */
	struct limits *counted;
	uint64_t seed; /* of the jitter */
	/* Start value of a group that was not seen yet: calls per window. */
	void (*group_start)(const char *group, unsigned *ret_calls, unsigned *ret_window_ms);
};

struct delivery *delivery_new(struct loop *loop, struct journal *journal, struct http *http,
                              struct pace *pace, const struct delivery_config *config,
                              const struct delivery_hooks *hooks);
/* Ends what is in flight; rows stay as they are. */
void delivery_free(struct delivery *delivery);

/* Takes a request that was just made: it enters its lanes and is sent when its turn comes. */
void delivery_submit(struct delivery *delivery, struct request *takes_request);

/*
 * Takes an open request of an earlier process, before anything is submitted, in the order of
 * journal_each_open(): halves come where their whole stood.
 */
void delivery_resume(struct delivery *delivery, struct request *takes_request);
/*
 * Closes a lane an earlier process left closed until then, by the wall clock; where that was set
 * back meanwhile, at most for the quarantine from now.
 */
void delivery_close_lane(struct delivery *delivery, const char *key, int64_t until_wall_ms);

/*
 * Takes what a lane has let go to where it belongs: into the queue of its group, or to proof. To be
 * called before anybody looks at either, or they would see it a turn late.
 */
void delivery_grant(struct delivery *delivery);

/* While paused no INTENT is written, but what is on its way ends. */
void delivery_pause(struct delivery *delivery, bool is_paused);

/* Lets go what may go: writes INTENTs. Call once a turn, before journal_commit(). */
void delivery_turn(struct delivery *delivery);

/* No INTENT is written any more; @code and @sentence go to the stopped hook once. */
void delivery_stop(struct delivery *delivery, enum exit_code code, const char *sentence);
/*
 * The same where nothing is wrong and another delivery goes on: the hook is not told, unless what
 * is still on its way gives a reason to stop.
 */
void delivery_wind_down(struct delivery *delivery);
/*
 * Its answers are waited for no longer: the outcome of what is on its way is unknown, and no crash
 * of anybody. To be committed, then delivery_free().
 */
void delivery_leave(struct delivery *delivery);

/* Nobody is in a lane of one of these keys, as owner or (where @or_shared) as sharer. */
bool delivery_is_free(const struct delivery *delivery, const struct lane_key *keys, size_t n,
                      bool or_shared);

/*
 * @is_free is told of each lane that has nobody in it any more, since a call ended or the lane was
 * opened: who waits for it looks again. It must not call into this module.
 */
void delivery_watch_lanes(struct delivery *delivery, void (*is_free)(void *arg, const char *key),
                          void *arg);

/* A call that may be repeated freely (search, /me/): paced like all, tried until it is answered. */
struct delivery_call {
	enum call_method { CALL_GET, CALL_POST, CALL_PUT } method;
	const char *group; /* borrowed, static */
	char *url;         /* below base_url; taken */
	char *body;        /* taken; NULL: none */
	/* The final answer (never 429, 5xx or none); NULL: the delivery stopped before. */
	void (*done)(void *arg, const struct http_answer *answer);
	void *arg;
};
void delivery_ask(struct delivery *delivery, const struct delivery_call *call);

/* What the prober has found out about a request in PROBING. */
void delivery_proven_applied(struct delivery *delivery, struct request *request,
                             const char *object_id, const char *note);
void delivery_proven_absent(struct delivery *delivery, struct request *request);
/* Nothing can be proven; @known is the sentence for people. */
void delivery_unproven(struct delivery *delivery, struct request *request, const char *known);

/* Requests in PROBING, but those that are nameless: when each became unknown, oldest first. */
struct unproven {
	struct request *request;
	uint64_t since_ms;
	int64_t since_wall_ms;
};
size_t delivery_unproven_list(const struct delivery *delivery, struct unproven *ret_list,
                              size_t max);
/*
 * The first of which only the id is not known, and that can be found otherwise (can_find); false:
 * there is none.
 */
bool delivery_nameless(const struct delivery *delivery, struct unproven *ret);

/* Creates of a kind that may have been sent, and of which it is not known what they have made. */
struct sent_create {
	const struct request *request;
	bool is_flying; /* its answer may come yet */
	bool is_sure;   /* it was applied; only its id is missing */
};
/* Oldest first; returns how many there are, of which the first @max are given. */
size_t delivery_sent_creates(const struct delivery *delivery, const char *object,
                             struct sent_create *ret_list, size_t max);

struct delivery_state {
	unsigned in_flight;     /* on the wire or about to be */
	unsigned waiting_quota; /* ready, waiting for quota, a connection or a back-off */
	unsigned waiting_lane;
	unsigned unknown;     /* waiting for proof or for a repetition */
	uint64_t quota_at_ms; /* when quota is there again; 0: not waiting */
	/* Repeated calls with somebody behind them, who waits till no lost copy can arrive. */
	unsigned n_closed;
	const char *closed;         /* a lane or URL of the first that ends; until the next turn */
	uint64_t first_opens_at_ms; /* when that is, and when the last ends */
	uint64_t last_opens_at_ms;
	bool is_stopped, is_full, is_unreachable; /* is_full: no room on the disk */
	const char *trouble;                      /* the last sentence about why nothing goes; "" */
};
void delivery_look(const struct delivery *delivery, struct delivery_state *ret_state);

/* The same for those who decide about reading on, cheaply. */
struct delivery_load {
	size_t n_waiting;        /* not ended and not on the wire */
	size_t n_ready;          /* of them, nothing but quota or a connection is missing */
	uint64_t volatile_bytes; /* of those that had no row when they came, and no INTENT yet */
};
void delivery_look_load(const struct delivery *delivery, struct delivery_load *ret_load);

/* What it has counted in this run, for the delivery that goes on with it (limits_go_on()). */
struct limits *delivery_limits(struct delivery *delivery);

/* Everything submitted has ended (held ones too). */
bool delivery_is_idle(const struct delivery *delivery);
/* Nothing is on the wire or about to be. */
bool delivery_is_quiet(const struct delivery *delivery);
