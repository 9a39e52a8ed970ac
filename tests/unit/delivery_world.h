#pragma once

/*
 * A world for tests of delivery and proof: a real journal in memory, real loop, pacing, judge and
 * prober; time and network are the test's. A turn is the engine's turn. Requests are called by
 * their number, the position of their record: 1, 2, 3 …; calls of several records: world_batch.h.
 */

#include "connector/engine/private.h"
#include "connector/pipeline/pipeline.h"
#include "tests/unit/fake_http.h"

enum { world_max = 512 }; /* requests in one world */

struct outgoing;

struct ending {
	unsigned n_times; /* 0: not ended */
	enum request_state state;
	enum outcome outcome;
	enum reject_class class;
	char *known, *message, *object_id, *note;
	bool found_by_lookup;
	bool is_durable;
};

struct world {
	struct engine engine;
	struct pipeline pipeline;
	struct delivery_config
		config; /* change it before the first turn: world_restart() reads it */
	char folder[64];
	struct stream *stream;
	uint64_t n_made;
	struct request *live[world_max]; /* by number; NULL: ended */
	struct ending endings[world_max];
	struct outgoing *outgoing; /* endings that are not durable yet */
	bool proves;               /* the prober works */
	unsigned n_stops;
	enum exit_code code;
	char sentence[1024];
	/* Called where other outputs of a request's records are to be stored; NULL: nobody. */
	void (*begins)(struct world *w, struct request *request);
	/* Called where a request ends that was made by what is only remembered; NULL: nobody. */
	bool (*retake)(struct world *w, struct request *request);
	/* Who may not send now, and what somebody else may have sent; NULL: nobody. */
	bool (*may_send)(struct world *w, const struct request *request);
	uint64_t (*doubt_until_ms)(struct world *w, const struct request *request);
	/* What calls carry, 0: nothing yet; and whether another comes when it is refused. */
	unsigned credential;
	bool (*unauthorized)(struct world *w, unsigned credential, bool again);
	/* Called after each turn for everything in flight; ends what it wants to. NULL: nobody. */
	void (*serve)(struct world *w, struct http_transfer *t);
	void *server;
};

/* What to make a request of; zero is a create of a lead, without identity and lanes. */
struct sketch {
	enum http_method method;
	enum delivery_class class;
	const char *owns, *shares; /* lanes; NULL: none */
	const char *identity;      /* value of custom.cf_1, and then an owned lane as well */
	const char *object;        /* default "lead" */
	const char *group;         /* default "write" */
	const char *url;           /* default "/lead/", with the lane it owns behind it */
	const char *operation;     /* default "lead.create" or "lead.update"; "": none */
	size_t body_bytes;         /* default: small */
	const char *body;          /* in the place of one that tells its number */
};

void world_init(struct world *w);
void world_deinit(struct world *w);

struct record *world_record(struct world *w, uint64_t number);
struct request *world_request(struct world *w, const struct sketch *sketch);
/* The same for a record that was read before and is read again. */
struct request *world_request_again(struct world *w, const struct sketch *sketch, uint64_t number);
/* Makes and submits one; returns its number. */
uint64_t world_submit(struct world *w, const struct sketch *sketch);
uint64_t world_put(struct world *w, const char *lead);
/* A create in class A with that identity; NULL: without. */
uint64_t world_create(struct world *w, const char *identity);

void world_turn(struct world *w);
void world_commit(struct world *w);
/* Lets time go by, a turn at least every 100 ms and one at the end. */
void world_pass(struct world *w, uint64_t ms);

/*
 * As if killed now and started again: all that is not committed is forgotten, open requests and
 * closed lanes are taken up. @config is read anew.
 */
void world_restart(struct world *w);

/* The state of request @number in the journal (of the last commit), or -1: it has no row. */
int world_row_state(struct world *w, uint64_t number);
/* The same, if the machine lost power just now: reads a copy of the files. */
int world_state_after_power_loss(struct world *w, uint64_t number);

/* Requests that have not ended, each half for itself. */
size_t world_n_open(const struct world *w);
/* The n-th transfer in flight (from 0); fails the test where there is none. */
struct http_transfer *world_flying(struct world *w, unsigned at);
/* Ends the oldest transfer in flight. */
void world_answer(struct world *w, long status, const char *body);
void world_reply(struct world *w, const struct fake_reply *reply);
/* The number in the body of a request in flight; 0: it is no request. */
uint64_t world_number(const struct http_transfer *t);

/* A server for `serve` that says yes to everything. */
void world_says_yes(struct world *w, struct http_transfer *t);
