#pragma once

/* What the engine's own files share. */

#include "connector/delivery/delivery.h"
#include "connector/delivery/journal.h"
#include "connector/engine/engine.h"
#include "connector/model/draft.h"
#include "connector/respond/file_sink.h"
#include "connector/respond/webhook.h"
#include "connector/source/source.h"
#include "lib/control.h"
#include "lib/http.h"
#include "lib/loop.h"
#include "lib/pace.h"
#include "lib/redact.h"

struct proof;
struct identities;
struct desk;

/* Where a record stands. */
struct place {
	uint64_t stream, pos;
};

struct engine {
	struct engine_options options;
	const struct pipeline *pipeline;
	struct loop *loop;
	char *folder;
	int lock_fd;
	struct redact *redact;
	struct journal *journal;
	struct http *http;
	struct pace *pace;
	struct delivery *delivery;
	struct proof *proof;
	struct identities *identities; /* of creates that are open or held */
	struct desk *desk;
	struct control *control;

	/* Input */
	struct source *source;
	struct source_host host;
	struct stream **streams;
	struct stream **known; /* of them, those there were at the start */
	size_t n_streams;
	struct stream *stream;     /* the one being read */
	struct place *open_places; /* of records an earlier run left open: never shaped again */
	size_t n_open_places, cap_open_places;
	bool open_is_sorted;
	struct loop_watch *input_watch;
	bool is_bound; /* base_url and organization are ours; before, nothing is read */
	bool input_ended;
	bool input_goes_on;  /* more can be read in the next turn, without waiting for anything */
	uint64_t n_taken;    /* records read in this run */
	uint64_t held_bytes; /* of records that are open */
	uint64_t space_checked_ms;
	bool has_space; /* on the disk of the state folder */

	/* Telling */
	struct file_sink *file_sink;
	struct webhook *webhook;
	uint64_t file_from, file_to; /* events appended and not synced yet; 0: none */
	uint64_t file_bytes, file_since_ms;
	bool file_is_broken;         /* nothing more is written to it in this run */
	uint64_t webhook_offered_to; /* last event handed to the sender */
	uint64_t n_owed_webhook;

	/* The run */
	struct journal_run run;
	uint64_t config_id;
	char **greetings;
	bool is_stopping;
	enum exit_code stop_code;
	char stop_reason[900];
	uint64_t drain_until_ms; /* 0: not draining */
	bool at_once;
	int64_t clock_offset_ms; /* wall clock minus monotonic at the start: a step shows */
};

/* open.c */
void engine_greet(struct engine *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* bind.c: asks GET /me/ and compares; sets is_bound or stops. */
void bind_start(struct engine *e);

/* intake.c */
int intake_open(struct engine *e, enum exit_code *ret_code, struct err *err);
void intake_turn(struct engine *e);
/* Below the low-water mark of free space nothing new begins. */
void intake_check_disk(struct engine *e);
/* The record at this place has its requests already; to be called before anything is read. */
void intake_skip(struct engine *e, const struct record *record);
/* Takes the identity of a create; false: another has it, @ret_rejection says which. */
bool intake_claim(struct engine *e, const struct request *request, struct rejection *ret_rejection);
/* Makes the request of a draft and claims its identity; NULL: rejected, @rejection says why. */
struct request *intake_request(struct engine *e, struct draft *takes_draft,
                               struct rejection *ret_rejection);

/* judge.c */
void judge_request(void *arg, struct request *request, const struct http_answer *answer,
                   bool was_unknown, struct judgement *ret_judgement);
void judge_call(void *arg, const struct http_answer *answer, struct judgement *ret_judgement);

/* settle.c */
void settle_request(void *arg, struct request *takes_request);
/* A record one of whose outputs ended as @outcome; settles it when it was the last. */
void settle_part(struct engine *e, struct record *record, enum outcome outcome);
/* Rejects an output that never became a request. */
void settle_reject(struct engine *e, struct record *record, unsigned ordinal, const char *route,
                   const char *operation, const struct rejection *rejection);
/* The same for a part that exists already (taken up again); it gets its new outcome. */
void settle_rejected_part(struct engine *e, struct part *takes_part, const char *route,
                          const char *operation, const struct rejection *rejection);
void settle_stop(void *arg, enum exit_code code, const char *sentence);

/* outbox.c */
enum { outbox_file_wait_ms = 20 }; /* how long appended events may wait for their sync */
int outbox_open(struct engine *e, enum exit_code *ret_code, struct err *err);
void outbox_close(struct engine *e);
/* An event that is durable now. */
void outbox_offer(struct engine *e, struct event *takes_event);
/* Tells what was committed; stops the delivery where the file cannot be written. */
void outbox_turn(struct engine *e);
bool outbox_is_empty(const struct engine *e);
unsigned outbox_sinks(const struct engine *e); /* enum event_sink, or'ed */
bool outbox_is_full(const struct engine *e);
/* Its receiver said 410: what it has not taken is kept. */
bool outbox_is_gone(const struct engine *e);
/* Why its receiver did not take the last event; "" where it did, or there is none. */
const char *outbox_trouble(const struct engine *e);

/* proof.c */
struct proof *proof_new(struct engine *e);
void proof_free(struct proof *proof);
void proof_turn(struct proof *proof);
bool proof_can(void *arg, const struct request *request);
/* When the last proof that is waited for can be there (wall clock); 0: none is. */
int64_t proof_until_wall_ms(struct proof *proof);

/* identities.c: identities of creates that are open or held. */
struct identities *identities_new(void);
void identities_free(struct identities *set);
/* False: somebody has it already. */
bool identities_take(struct identities *set, const struct request *request);
void identities_release(struct identities *set, const struct request *request);

/* desk.c */
struct desk *desk_new(struct engine *e);
void desk_free(struct desk *desk);
/* For control_listen(). */
void desk_question(void *arg, const char *verb, struct json_object *request,
                   struct control_question *question);
/* A part a person asked to be taken up again has ended. */
void desk_part_ended(struct desk *desk, const struct part *part, const struct request *request);
/* Before delivery has its turn: begins what waits. */
void desk_begin(struct desk *desk);
/* After a turn's commit: answers what has ended. */
void desk_turn(struct desk *desk);
bool desk_is_waiting(const struct desk *desk);
