#pragma once

/* What the engine's own files share. */

#include "connector/delivery/delivery.h"
#include "connector/delivery/journal.h"
#include "connector/delivery/limits.h"
#include "connector/engine/engine.h"
#include "connector/engine/waiting.h"
#include "connector/gather/gather.h"
#include "connector/model/draft.h"
#include "connector/respond/file_sink.h"
#include "connector/respond/kafka_sink.h"
#include "connector/respond/webhook.h"
#include "connector/shape/again.h"
#include "connector/source/source.h"
#include "lib/control.h"
#include "lib/http.h"
#include "lib/loop.h"
#include "lib/pace.h"
#include "lib/redact.h"

struct proof;
struct trace;
struct identities;
struct desk;
struct lag;
struct login;
struct restore;
struct naming;
struct aside;
struct resolve;
struct parents;
struct parking;
struct asked_at;
struct partitions;
struct repeats;
struct seen;
struct tap;

/* An earlier version of the pipeline, for what it rendered. */
struct version {
	uint64_t config;
	struct pipeline *pipeline; /* NULL: it cannot be read any more */
	struct err trouble;        /* why not */
};

/* A topic that events are written to. */
struct outbox_topic {
	struct engine *engine;
	struct kafka_sink *sink; /* NULL: none is asked for */
	enum event_sink as;
	char label[300];      /* "topic x" */
	uint64_t offered_to;  /* last event handed to the sink */
	uint64_t accepted_to; /* last that the topic has */
	uint64_t n_owed;
	bool is_behind; /* rows are owed to it that come before anything new */
};
enum { outbox_responses, outbox_rejects, outbox_topics };

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
	struct login *login; /* NULL: with the API key */
	struct pace *pace;
	struct rate_file *rate_file; /* NULL: there is no ceiling */
	struct delivery *delivery;
	struct proof *proof;
	struct trace *trace;           /* of creates whose id is not known */
	struct identities *identities; /* of creates that are open or held */
	struct seen *seen;             /* keys of records that are open */
	struct naming *naming;
	struct aside *aside;
	struct resolve *resolve; /* drafts that wait for lookups, parents or lanes */
	struct parents *parents; /* what is about to be made */
	/* Requests that have ended, and whose outcome is not durable yet. */
	const struct request **ending;
	size_t n_ending, cap_ending;
	struct parking *parking;       /* what was rejected and holds up others */
	struct watched_field *watched; /* of what is answered, this is remembered */
	size_t n_watched;
	bool skips_unchanged;    /* a route has skip_unchanged */
	bool adds_to_lists;      /* a route adds to lists of contacts */
	struct route_set routes; /* the pipeline's, with what is known by name */
	struct desk *desk;
	struct tap *tap;
	struct lag *lag;
	struct control *control;

	/* Drafts that wait for others */
	struct gather *gather;
	bool adds_singly; /* a list under .add or .remove was refused: no call has one any more */
	struct waiting *waiting;
	struct version *versions;
	size_t n_versions;
	struct restore *restore; /* what waits until its place is read again */

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
	struct partitions *partitions;
	struct repeats *repeats;
	char *cluster;             /* of the partitions an earlier run read */
	uint64_t n_handed_over;    /* records that were open here, and settled by another process */
	bool hands_over;           /* it ends for its partitions' sake, and is opened anew */
	bool is_bound;             /* base_url and organization are ours; before, nothing is read */
	bool input_ended;          /* nothing more is read in this run */
	bool input_was_read;       /* … because all of it was read */
	enum exit_code input_code; /* of an input that could not be read on; EXIT_DONE: none */
	struct err input_err;
	bool input_goes_on;    /* more can be read in the next turn, without waiting for anything */
	uint64_t n_taken;      /* records read in this run */
	struct limits counted; /* of this run, until there is a delivery that goes on with it */
	uint64_t n_unknown_keys; /* of their default bodies: Close ignores them */
	size_t n_unsettled;      /* records whose outcome is not counted yet */
	uint64_t held_bytes;     /* of records that are open */
	uint64_t space_checked_ms;
	bool has_space; /* on the disk of the state folder */

	/* Telling */
	struct file_sink *file_sink;
	struct webhook *webhook;
	uint64_t file_from, file_to; /* events appended and not synced yet; 0: none */
	uint64_t file_appended_to;   /* last event appended in this run */
	bool file_is_behind;         /* rows are owed to it that come before anything new */
	uint64_t file_bytes, file_since_ms;
	struct told_events file_told; /* of those appended */
	bool file_is_broken;          /* nothing more is written to it in this run */
	uint64_t webhook_offered_to;  /* last event handed to the sender */
	uint64_t n_owed_webhook;
	struct outbox_topic topics[outbox_topics];
	bool is_trying_now; /* the sender shall not wait for its back-off: in this turn */
	bool is_paused;   /* the receiver said 410, and nobody has said that it may be sent to again
	                   */
	bool is_flushing; /* somebody waits for what is owed: it waits for nothing itself */

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
/* The same for a source that has something to say. */
void engine_tell(void *arg, const char *sentence);

/* bind.c: asks GET /me/ and compares; sets is_bound or stops. */
void bind_start(struct engine *e);

/* intake.c */
int intake_open(struct engine *e, enum exit_code *ret_code, struct err *err);
void intake_turn(struct engine *e);
/* In the order of the streams, and of their positions. */
int place_compare(const struct place *a, const struct place *b);
/* As many calls wait as are needed to keep connections and lanes busy: false. */
bool intake_has_room(const struct engine *e);
/* Below the low-water mark of free space nothing new begins. */
void intake_check_disk(struct engine *e);
/* A stream that is new, the engine's from here on: it gets its id and is stored. */
void intake_add_stream(struct engine *e, struct stream *stream);
/* The record at this place has its requests already, and is not to be read. */
void intake_skip(struct engine *e, const struct record *record);
/* It has none any more, and is to be read after all. */
void intake_unskip(struct engine *e, const struct record *record);
/* Its bytes count among those that are open. Freeing those that do not is nothing. */
void intake_hold_bytes(struct engine *e, struct record *record);
void intake_free_bytes(struct engine *e, struct record *record);
/* Whether it has: an earlier run left it open, or a person had it sent. */
bool intake_has_open(struct engine *e, const struct record *record);
/* Takes the identity of a create; false: another has it, @ret_rejection says which. */
bool intake_claim(struct engine *e, const struct request *request, struct rejection *ret_rejection);
/*
 * Makes the request of a draft of @routes that goes alone (in a batch of one, where its route has
 * one) and claims its identity; NULL: rejected, @rejection says why.
 */
struct request *intake_request(struct engine *e, const struct route_set *routes,
                               struct draft *takes_draft, struct rejection *ret_rejection);

/* What was read goes on to Close: is there room for more? */
bool intake_may_take(struct engine *e);
/*
 * Shapes @record, frees its value, and sends what it gives; with @n_was only what @was is now, of
 * records with its key.
 */
void intake_send(struct engine *e, struct record *record, const struct rejected_output *was,
                 size_t n_was);

/* outputs.c: the account of a record that gives several outputs. */

/* A record that gives nothing, and is not looked at. */
void outputs_filter(struct engine *e, struct record *record);
/* Sends what a record was shaped to, or lets it wait for others, or rejects it. */
void outputs_take(struct engine *e, struct record *record, struct shape_result *shaped);
/*
 * A reject is taken up again that stood for all outputs from item @from - 1 of @shaped on, by
 * @routes: sends the others, each alone, as outputs from @ordinal on. @first carries that item, or
 * it waits as @open; both NULL: it is rejected again.
 */
void outputs_take_rest(struct engine *e, const struct route_set *routes, struct record *record,
                       struct shape_result *shaped, size_t from, unsigned ordinal,
                       struct request *first, struct draft *open);
/* @draft, which waits and has no row, gets one, and with it all that its record is tied to. */
void outputs_keep(struct engine *e, struct draft *draft);
/* Closes the account of @record. */
void outputs_forget(struct record *record);
/* @draft has its output from now on, in the place of another: it waits in resolve or gather. */
void outputs_wait(struct draft *draft);
/* @request has its outputs from now on: they have left gather. */
void outputs_have(struct request *request);
/* Hook of delivery: with the INTENT of @request, all that its records are tied to gets durable. */
void outputs_begin(void *arg, struct request *request);
/* An output ends before its INTENT; the others of its record get durable first. */
void outputs_reject(struct engine *e, struct part *takes_part, const char *route,
                    const char *operation, const struct rejection *rejection);
/* The same of one that needs not be sent. */
void outputs_skip(struct engine *e, struct part *takes_part, const char *route,
                  const char *operation, const char *why);

/* batches.c: drafts that share calls. */
void batches_open(struct engine *e);
void batches_close(struct engine *e);
/* The routes of version @config of the pipeline, the engine's; NULL: it cannot be read any more. */
const struct route_set *batches_routes(struct engine *e, uint64_t config, struct err *err);
/* The version @route is of. */
uint64_t batches_config(const struct engine *e, const struct route *route);
/* What was loaded to shape with is the engine's from here on; the one that is there already comes
 * back. */
int batches_know(struct engine *e, struct pipeline *takes_pipeline, struct pipeline **ret_pipeline,
                 struct err *err);
/* The request of @drafts together; NULL: all are rejected, @ret_rejection says why. */
struct request *batches_request(struct engine *e, const struct route_set *routes,
                                struct draft *const *drafts, size_t n,
                                struct rejection *ret_rejection);
/* Lets a draft wait for others. What waits elsewhere and must come before it is sent first. */
void batches_add(struct engine *e, struct draft *takes_draft);
/*
 * Sends what waits and must come before @call, which is about the same object. What may share the
 * call of @joining (NULL: nothing) needs not.
 */
void batches_clear_way(struct engine *e, const struct request *call, const struct draft *joining);
/*
 * Sends the groups that are to go, as far as there is room; those that have none go on waiting, and
 * growing. @is_over_budget: nothing more is read until some have gone.
 */
void batches_turn(struct engine *e, bool is_over_budget);
/* When the next group is to go; 0: none is, or there is no room for it. */
uint64_t batches_due_ms(const struct engine *e);
/* Outputs that wait for others. */
size_t batches_n(const struct engine *e);
/* The parts of @whole from number @from as a request of their own; NULL: it cannot be made. */
struct request *batches_cut(struct engine *e, const struct request *whole, size_t from, size_t n,
                            struct err *err);
/* Hook of delivery: the halves of a call that was refused as a whole. */
bool batches_halve(void *arg, const struct request *request, struct request **ret_first,
                   struct request **ret_second);

/*
 * folding.c: updates of one object as one (merge).
 */
/* What an earlier run found out. */
void folding_load(struct engine *e);
/*
 * Learns from the answer to a request of several parts whether lists are taken under .add and
 * .remove. True: it was applied, but what was in such a list is not all there.
 */
bool folding_is_partial(struct engine *e, const struct request *request, struct json_object *answer,
                        bool is_applied);
/* How many of @drafts, from the first on, go in one call; all but where lists are not taken. */
size_t folding_n(const struct engine *e, struct draft *const *drafts, size_t n);

/*
 * resolve.c: drafts that are not known to be sendable as they are. They are let go in the order
 * they came in, stream by stream; only who waits for a parent, for a proof, for a person or for a
 * lane stands aside, with its lane keys closed to those behind it.
 */
struct resolve *resolve_new(void);
void resolve_free(struct resolve *resolve); /* frees what waits, too; NULL is ignored */
/*
 * Whether @draft must go through resolve: it has something open, or stands behind one of its stream
 * that waits there.
 */
bool resolve_wants(const struct engine *e, const struct draft *draft);
/*
 * Where rejects park others: a change that left gather may not go yet, since one of its object is
 * on its way, or was rejected.
 */
bool resolve_has_to_wait(struct engine *e, const struct draft *draft);
/*
 * merge with skip_unchanged: whether @fold, in which updates like @first left gather, changes
 * nothing; resolve_unchanged says so. What is not known, since something about its object is on its
 * way, may be a change.
 */
bool resolve_fold_is_unchanged(struct engine *e, const struct draft *first,
                               const struct request *fold);
extern const char resolve_unchanged[];
/* Of an upsert that adds to lists: its @create has nothing in them twice. */
void resolve_begin_lists(struct engine *e, struct draft *create);
/* It came before those that wait, and goes before them. */
void resolve_take_back(struct engine *e, struct draft *takes_draft);
/* Takes a draft whose route shares calls, or not; with its part, where it has one already. */
void resolve_add(struct engine *e, struct draft *takes_draft);
/* The source comes to @place: what waits of a record there that a person has sent is behind all
 * that was read before it. */
void resolve_come_to(struct engine *e, const struct record *place);
/* Asks, answers, lets go; once a turn, before batches_turn(). */
void resolve_turn(struct engine *e);
/* Drafts that wait. */
size_t resolve_n(const struct engine *e);
/* As many wait as may: nothing more is read. */
bool resolve_is_full(const struct engine *e);
/* It can go on at once. */
bool resolve_is_busy(const struct engine *e);
/* When the next question is due; 0: none is. */
uint64_t resolve_due_ms(const struct engine *e);
/*
 * Where nothing else is on its way: what there is waits for a person (a held parent, a parked
 * object), or for one who does.
 */
bool resolve_is_stuck(const struct engine *e);
/* What waits for whom, as a sentence; the engine's. */
const char *resolve_reason(struct engine *e);
/* Until when lookups wait that found nothing and may not be believed yet; 0: none does. */
uint64_t resolve_doubt_until_ms(const struct engine *e);
/* Hook of delivery: Close says that what @request is about is not there. */
bool resolve_retake(void *arg, struct request *request);
/* Close refused @request for an old name, by which its target may have been found, too. */
bool resolve_was_found_by_name(struct engine *e, const struct request *request);
/* Close's @answer says that an object does not exist which was linked because it is remembered. */
bool resolve_links_are_gone(struct engine *e, const struct request *request,
                            struct json_object *answer);
/*
 * Close refused @request, which has several changes of one object in it: those behind the one that
 * is to blame must not go before it is settled, so each goes alone.
 */
bool resolve_goes_singly(struct engine *e, const struct request *request);
/* @book was read; @old (NULL: none) was in its place. */
void resolve_take_book(struct engine *e, const struct name_book *old, const struct name_book *book);

/*
 * resolve_ask.c: lookups that are not answered by what is known. Questions are batched: hundreds of
 * keys in one search, when that many wait or nobody else comes.
 */

/* All who wait for a person look again. */
void resolve_wake_people(struct engine *e);

/* parking.c: delivery.on_reject: park. What was rejected holds up what comes behind it. */
struct parking *parking_new(void);
void parking_free(struct parking *parking); /* NULL is ignored */
int parking_load(struct engine *e, struct err *err);
/* The outcome of @request is submitted: what of it was rejected closes its lanes. */
void parking_take(struct engine *e, const struct request *request);
/* The same of a part that closefeed rejects itself, whose target is in @lanes (NULL: nowhere). */
void parking_take_part(struct engine *e, const struct part *part, const char *operation,
                       char *const *lanes);
/* The lanes of what @call, or @draft (NULL: nothing), is about; NULL: none, or nothing is parked.
 */
char **parking_lanes(const struct engine *e, const struct request *call);
char **parking_lanes_of(const struct engine *e, const struct draft *draft);
/* @part has another outcome, or none any more: what it closed is open. */
void parking_end(struct engine *e, const struct part *part);
void parking_open(struct engine *e, uint64_t part);

/*
 * parents.c: what is about to be made: keys (lookup_key_text()) of creates that are open or held,
 * from the moment their drafts enter the engine until their outcome is durable.
 */
struct parents *parents_new(void);
void parents_free(struct parents *parents); /* NULL is ignored */

/* offers.c: what drafts and requests offer to others, from their coming in to their outcome. */
/* @draft enters the engine: its number in the order of arrival. */
uint64_t offers_take(struct engine *e, struct draft *draft);
/* It makes nothing, as is known now. */
void offers_withdraw(struct engine *e, const struct draft *draft);
/* The same of a request of an earlier process, or one that is held. */
void offers_take_request(struct engine *e, const struct request *request);
/* The outcome of @part is submitted: where it was rejected, what it offered stays refused. */
void offers_end(struct engine *e, const struct part *part);
/* @request, an update, was applied; @lead_id: of its object, NULL: it has none, or not known. */
void offers_applied(struct engine *e, const struct request *request, const char *lead_id);
/* … and now it is durable; @request was its call, NULL: it had none. */
void offers_ended(struct engine *e, const struct part *part, const struct request *request);

/*
 * spellings.c: how Close writes what was sent otherwise ("650-555-1234"), as its answers show. What
 * was written so is found by it then, whoever's it is, and is in a list already.
 */
/* Whether a route adds to lists, so that those of their values are learned, too. */
bool spellings_of_lists(const struct engine *e);
struct crm_spelling;
/*
 * @sent was the body of @r, @shown is the answer. What is learned is known when it is durable, with
 * the outcome; to crm_spellings_free().
 */
struct crm_spelling *spellings_learn(struct engine *e, const struct request *r,
                                     struct json_object *sent, struct json_object *shown,
                                     size_t *ret_n);
/* What the value @folded of @field is shown as, folded; to free(). NULL: as it is, or nobody knows.
 */
char *spelling_of(const struct engine *e, const char *field, const char *folded);
/* Those of the lists in @body, for crm_lists_append(); to json_object_put(). */
struct json_object *spellings_in(const struct engine *e, struct json_object *body);

/*
 * remember.c: what answers say of objects is remembered in the transaction of their outcome, and
 * that they are gone is too. Where nothing is watched, nothing is done.
 */
/* Forgets what is not watched any more; e->watched is there. */
int remember_open(struct engine *e, struct err *err);
/* Another process has written: nothing is known to be unchanged any more. Durable on return. */
int remember_no_more(struct engine *e, struct err *err);
/* @request has ended; its outcome is submitted next. */
void remember_answer(struct engine *e, const struct request *request);
/*
 * An object that a search showed, which was asked at @asked. @lost: gets the values it has lost
 * since, which search, lagging behind, shows still (found_text(); a list of lib/strlist.h). Both
 * may be NULL.
 */
void remember_found(struct engine *e, struct json_object *object, const char *kind,
                    const struct asked_at *asked, char ***lost);
/* "lead email=a@b.example of lead_A1"; to free(). */
char *found_text(const char *kind, const char *field, const char *folded, const char *object_id);

/* unchanged.c: skip_unchanged. */
/* @sent (NULL: nothing) was accepted, and answered with @shown, the whole object. */
void unchanged_know(struct engine *e, struct json_object *sent, struct json_object *shown,
                    int64_t wall_ms);
/* Nobody knows what the object has now. */
void unchanged_unknow(struct engine *e, const char *object_id);
/* Whether sending @draft would change nothing, as far as the last answer about it told. */
bool remember_is_unchanged(struct engine *e, const struct draft *draft, const char *object_id);

/* restore.c: what an earlier run left open. */
struct restore *restore_new(void);
void restore_free(struct restore *restore); /* NULL is ignored */
int restore_load(struct engine *e, struct err *err);
/* The source has come to @pos of @stream; UINT64_MAX: to its end. */
void restore_up_to(struct engine *e, uint64_t stream, uint64_t pos);
/*
 * Nothing more can be read now: of other streams than the one being read, or of all. What stands
 * behind an input that is missing, and was not read to its end, goes on waiting for it.
 */
void restore_rest(struct engine *e, bool also_of_this_stream);
/* The source comes no further: what stands in the stream of @place, up to it, goes now. */
void restore_to(struct engine *e, const struct place *place);
/* All that is not settled waits for what this run does not read, or for a person. */
bool restore_is_all(const struct engine *e);
/* Requests and drafts that wait for their place. */
size_t restore_n(const struct engine *e);
/* Calls with an unknown outcome that stay as they are: of partitions that are not ours now. */
uint64_t restore_n_frozen(const struct engine *e);

/* judge.c */
void judge_request(void *arg, struct request *request, const struct http_answer *answer,
                   bool was_unknown, struct judgement *ret_judgement);
void judge_call(void *arg, const struct http_answer *answer, struct judgement *ret_judgement);

/* settle.c */
/* The stream with this id, whose records are settled in it; NULL: there is none. */
struct stream *settle_stream(const struct engine *e, uint64_t id);
void settle_request(void *arg, struct request *takes_request);
/* A record one of whose outputs ended as @outcome; settles it when it was the last. */
void settle_part(struct engine *e, struct record *record, enum outcome outcome);
/* An output that is not sent, for it need not be. */
void settle_skipped_part(struct engine *e, struct part *takes_part, const char *route,
                         const char *operation, const char *why);
/* Rejects an output; it may be a part already (that waited, or is taken up again). */
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
/* Of those that are told of everything (not of rejects alone), the one to send again to; 0: none.
 */
enum event_sink outbox_main_sink(const struct engine *e);
/* How many events receivers that are waited for have not accepted. */
uint64_t outbox_n_owed(const struct engine *e);
/* The next turn has something to do and needs not wait. */
bool outbox_is_busy(const struct engine *e);
bool outbox_is_full(const struct engine *e);
/* It is, and its receiver said 410. */
bool outbox_is_hopeless(const struct engine *e);
/* Its receiver said 410, in this run or an earlier one: what it has not taken is kept. */
bool outbox_is_gone(const struct engine *e);
/* Tries what waits now, whatever it waits for. */
void outbox_try_now(struct engine *e);
/* The receiver may be sent to again. */
void outbox_resume(struct engine *e);
/* @n events more are owed to @sink, by their rows. */
void outbox_owe(struct engine *e, enum event_sink sink, uint64_t n);
/* Why a receiver did not take the last event; "" where all did, or there is none. */
const char *outbox_trouble(const struct engine *e);
/* Who it is that is waited for: "the receiver of the responses", "topic x". */
const char *outbox_waits_for(const struct engine *e);

/* outbox_kafka.c */
int topics_open(struct engine *e, const struct journal_totals *totals, struct err *err);
void topics_close(struct engine *e);
void topics_offer(struct engine *e, const struct event *event);
/* Hands over what is owed by its rows, as far as there is room. */
int topics_catch_up(struct engine *e, struct err *err);
bool topics_are_busy(const struct engine *e);
uint64_t topics_n_owed(const struct engine *e);
/* One of them has @n_at_most events to accept. */
bool topics_are_full(const struct engine *e, uint64_t n_at_most);
void topics_try_now(struct engine *e);
/* The first that owes something and has trouble, else the first that owes; NULL: none does. */
const struct outbox_topic *topics_waited_for(const struct engine *e);

/*
 * pause.c: a receiver that answered 410 is sent nothing more, in no run, until a person says so or
 * the pipeline names another.
 */
int pause_begin(struct journal *journal, const struct pipeline *pipeline, int64_t wall_ms,
                struct err *err);
/* Since when (wall clock) its receiver is sent nothing; 0: it is sent to. */
int64_t pause_since(struct journal *journal, const struct pipeline *pipeline);
/* False: there was none. */
bool pause_end(struct journal *journal, const struct pipeline *pipeline);

/* proof.c */
struct proof *proof_new(struct engine *e);
void proof_free(struct proof *proof);
void proof_turn(struct proof *proof);
/*
 * Whose key it is. NULL: not known, and without an identity nothing can be proven; nor of what was
 * sent before @since_wall_ms, which another user has sent.
 */
void proof_set_user(struct proof *proof, const char *user, int64_t since_wall_ms);
bool proof_can(void *arg, const struct request *request);
/* When the last proof that is waited for can be there (wall clock); 0: none is. */
int64_t proof_until_wall_ms(struct proof *proof);

/* seen.c: source.key. */
struct seen *seen_new(void);
void seen_free(struct seen *seen); /* NULL is ignored */
/*
 * Takes a record that was just read and has no fault: skips it where its key is settled, lets it
 * wait where it is open, sends it where it is not known, and what of it was rejected before.
 */
void seen_take(struct engine *e, struct record *record);
/* Something of @record is open from now on: others with its key wait. */
void seen_hold(struct engine *e, struct record *record);
/* The same of what an earlier run left open; it may have been read before there was a key. */
void seen_hold_left_open(struct engine *e, struct record *record);
/* Nothing became of @record: its key is free for others. */
void seen_let_go(struct engine *e, struct record *record);
/* An output of @record has ended, and that was submitted; if it was the last, so is its key. */
void seen_end(struct engine *e, struct record *record);
/* Takes those that waited and need not any more. */
void seen_turn(struct engine *e);
/* The first place of those that others wait for; false: nobody waits. */
bool seen_first_held(const struct engine *e, struct place *ret_place);
/*
 * Whether @record, of which something was rejected, may be taken up by a person: not while another
 * with its key is on its way. seen_admits_named() gives one that has none the key that @routes give
 * it; then it may also be refused for what became of that key, or rejected again.
 */
bool seen_admits(struct engine *e, const struct record *record, struct err *ret_why);
/*
 * Whether a record that was not read in its turn may be sent: nothing became of its key yet, or
 * (@is_again) whatever did. It has its key then, and whoever sends it calls seen_hold().
 */
bool seen_admits_new(struct engine *e, const struct route_set *routes, struct record *record,
                     bool is_again, struct err *ret_why);
bool seen_admits_named(struct engine *e, const struct route_set *routes, struct record *record,
                       struct rejection *ret_rejection, struct err *ret_why);

/* naming.c: names of custom fields, statuses, pipelines and users. */
struct naming *naming_new(void);
void naming_free(struct naming *naming); /* NULL is ignored */
/* Takes what the journal keeps of earlier runs. */
int naming_load(struct engine *e, struct err *err);
const struct names *naming_names(const struct engine *e);
/* What is matched and linked by has ids, as far as its names are known now. */
void naming_watch(struct engine *e);
/* Asks Close for the books of @kinds (NULL-terminated) that are missing or old. */
void naming_ask(struct engine *e, char *const *kinds);
bool naming_is_asking(const struct engine *e);
/* The same, or it asks when those have ended that may be making what is named. */
bool naming_is_awaited(const struct engine *e);
/* Whether calls of @op make what is called by names. */
bool naming_is_made_by(const struct operation *op);
/* Whether a route of the pipeline does. */
bool naming_has_makers(const struct engine *e);
/* One has come in, and one has ended or is held. */
void naming_is_made(struct engine *e);
void naming_was_made(struct engine *e);
/* What was read long ago is not fresh any more. */
void naming_turn(struct engine *e);
/* Whether a book that was in use has been read again in this run. */
bool naming_was_renewed(const struct engine *e);

/* aside.c: the record that waits for names. */
struct aside *aside_new(void);
void aside_free(struct aside *aside); /* NULL is ignored */
/* @record needs names that were asked for; when they are there, intake_send() gets it again. */
void aside_set(struct engine *e, struct record *record, const struct rejected_output *was,
               size_t n_was);
bool aside_is_there(const struct engine *e);
void aside_turn(struct engine *e);

/* mending.c: requests that were made by an old book. */
/* The INTENT of @request is next: it goes with the ids its names stand for now. */
void mending_begins(struct engine *e, struct request *request);
/*
 * Close refused @request with errors about @fields (the user's names). True: for a name that was
 * looked up long ago and is asked for again, or stands for another id by now: it may be sent again.
 */
bool mending_may_help(struct engine *e, struct request *request, struct json_object *fields);

/*
 * key_change.c: notes which source.key the state is kept by. *@ret_is_known: all that was read was
 * read by the one there is now. Else a person is told, once.
 */
int key_change_note(struct engine *e, bool *ret_is_known, struct err *err);

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
/*
 * @record, which a person has sent before those that it may link to were read, is not sent: nothing
 * is kept of it, and it is read in its turn. False: too late, some of it is on its way.
 */
bool desk_give_back(struct desk *desk, struct record *record, const char *why);
/* Only a person goes on with @record, who settles what @words say: who sent it is told so. */
void desk_wait_for(struct desk *desk, const struct record *record, const char *words);
/* After a turn's commit: answers what has ended. */
void desk_turn(struct desk *desk);
bool desk_is_waiting(const struct desk *desk);
/* It has work to do at once. */
bool desk_is_busy(const struct desk *desk);
