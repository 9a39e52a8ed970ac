#pragma once

/*
 * What must survive: one SQLite file per pipeline (lib/store). Changes are submitted in memory and
 * made durable together, one transaction a turn; each change learns when it is durable. Nothing is
 * sent before its INTENT is. When the disk is full, INTENTs fail and everything else still goes
 * through.
 *
 * Rows: a settled record is no row but part of its stream's position. `record` and `part` stand
 * while something of the record is open, rejected or held; `request` and `payload` while the
 * request is open, or its parts were rejected or held; `event` until every sink has accepted it and
 * for a while after that, so that it can be sent again.
 */

#include "connector/model/counts.h"
#include "connector/model/event.h"
#include "connector/model/remembered.h"
#include "connector/model/request.h"
#include "connector/model/stream.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal;

struct journal_run {
	uint64_t id;  /* row; 0: none yet */
	char uid[27]; /* random: names it */
	int64_t began_wall_ms, ended_wall_ms;
	char reason[900]; /* why it ended, whole */
	uint64_t config;
	struct run_counts counts;
};

/* Opens (and creates) the journal in @folder, which exists. Errors as store_open(). */
int journal_open(const char *folder, struct journal **ret_journal, struct err *err);
void journal_close(struct journal *journal);

/* Its id, fixed when it was made. */
const char *journal_id(const struct journal *journal);

/* Small facts about the whole journal ("base_url", "organization_id"); set is durable on return. */
char *journal_meta(struct journal *journal, const char *key); /* to free(); NULL: not set */
int journal_set_meta(struct journal *journal, const char *key, const char *value, struct err *err);
int journal_drop_meta(struct journal *journal, const char *key, struct err *err);

/* The row of this version of the pipeline's text, made where it is new; durable on return. */
int journal_config(struct journal *journal, const char *sha256, const char *text, uint64_t *ret_id,
                   struct err *err);

/* Fresh ids; volatile until something with them is durable. */
uint64_t journal_next_stream(struct journal *journal);
uint64_t journal_next_event(struct journal *journal);
uint64_t journal_next_run(struct journal *journal);
uint64_t journal_next_request(struct journal *journal);

/*
 * Submitting. What is passed is borrowed until @done was called (NULL: until the commit), which
 * happens inside journal_commit() in the order of submission: @r is 0, or -ENOSPC for an INTENT
 * that found no room (nothing of it is stored then).
 */
typedef void (*journal_done_fn)(void *arg, int r);

/*
 * Stores @request as it is (its state, parts, records, body); later calls update the row. A part
 * that waited, or belonged to another request, belongs to this one from now on.
 */
void journal_put_request(struct journal *journal, struct request *request, journal_done_fn done,
                         void *arg);
/*
 * Of a record with several outputs all must become durable together, or a restart would lose some.
 * @goes_with_intent: it is stored if this turn's INTENTs are, and fails with them (-ENOSPC); else
 * it is always stored. journal_put_planned() stores a request in state PLANNED, with its parts;
 * journal_put_waiting() a part (with its draft) that has no request yet.
 */
void journal_put_planned(struct journal *journal, struct request *request, bool goes_with_intent,
                         journal_done_fn done, void *arg);
void journal_put_waiting(struct journal *journal, struct part *part, const char *route,
                         const char *operation, uint64_t config, bool goes_with_intent,
                         journal_done_fn done, void *arg);
/*
 * The parts of @whole now belong to its halves, which are stored PLANNED; the whole goes. Sets
 * their root and root_at, so that after a restart they stand where the whole stood.
 */
void journal_halve_request(struct journal *journal, struct request *whole, struct request *first,
                           struct request *second, journal_done_fn done, void *arg);
/* Only state, attempts and what is known of it. The row exists. */
void journal_note_request(struct journal *journal, struct request *request);
/* A held one is open again: its parts begin a new generation. The row exists. */
void journal_reopen_request(struct journal *journal, struct request *request);
/*
 * The outcomes of @request and its parts, and @event with them (may be NULL). Delivered and skipped
 * parts go, with their record where @keeps_record (one flag a part) is false, or where none of its
 * parts has a row any more; a request of which nothing is left goes, the others keep their answer.
 * While outputs of a record are open (record->n_open) its `worst` is kept with it.
 */
void journal_end_request(struct journal *journal, struct request *request, const bool *keeps_record,
                         struct event *event, journal_done_fn done, void *arg);
/* A part without a request that was rejected: stored with its record. */
void journal_reject_part(struct journal *journal, struct part *part, const char *route,
                         const char *operation, struct event *event, int64_t wall_ms,
                         journal_done_fn done, void *arg);
/*
 * Removes rejected or held part @id with everything that only it needs. With the last one its key
 * is free again; but where other outputs of the record were delivered, it stays settled.
 */
void journal_drop_part(struct journal *journal, uint64_t id, int64_t wall_ms);
/* Removes request @seq if no part belongs to it any more: its parts were taken up by another. */
void journal_drop_orphan_request(struct journal *journal, uint64_t seq);
/* The stream's position, as it is at the commit. Submitting it again in one turn costs nothing. */
void journal_put_stream(struct journal *journal, struct stream *stream);
void journal_put_run(struct journal *journal, struct journal_run *run);
/*
 * @sink has accepted events from @from to @to (both included); all but the webhook accept in their
 * order. What every sink has accepted stays, up to a bound, for journal_resend_events(). @told says
 * how many these are with that: an event for a webhook and a file counts when the webhook has
 * accepted it.
 */
struct told_events {
	uint64_t n, bytes;
	bool is_shared; /* others take them in an order of their own: the journal counts itself */
};
void journal_accept_events(struct journal *journal, enum event_sink sink, uint64_t from,
                           uint64_t to, struct told_events told);
void journal_postpone_event(struct journal *journal, uint64_t seq, unsigned attempts,
                            int64_t next_try_wall_ms);
/* What is kept of a rejected record is its raw text now: a person has edited it. */
void journal_edit_record(struct journal *journal, const struct record *record);
/* Which accepted events; each that is said must hold. */
struct event_choice {
	char **ids;            /* NULL-terminated; NULL: any */
	uint64_t run;          /* 0: any */
	int64_t since_wall_ms; /* made then or later */
};
/*
 * What was accepted and is chosen (but copies for SINK_REJECTS) is owed to @sink again, behind all
 * that is owed already, under its old id. *@ret_n, how many these are, is written before @done is
 * called; both are borrowed until then, as is @choice.
 */
void journal_resend_events(struct journal *journal, const struct event_choice *choice,
                           enum event_sink sink, uint64_t *ret_n, journal_done_fn done, void *arg);
/*
 * Remembers which object a value of an identity made ("" where its id is not known), or that
 * @request made an object without one; for `keep`.
 */
void journal_put_object(struct journal *journal, const struct request *request, int64_t wall_ms);
/* The same of an object of @kind that was made along with another one. */
void journal_put_made(struct journal *journal, const char *kind, const char *object_id,
                      int64_t wall_ms);
/*
 * What is remembered of objects, for `keep`: which of them has which value in a field that routes
 * match or link by. Several objects may have the same value. A row has a source: the object whose
 * answer said so, which is another one where a contact's e-mail finds its lead.
 *
 * In the place of all that @source_id said before (its other kinds and fields, too). What it says
 * again keeps its age. Texts are copied.
 */
void journal_remember(struct journal *journal, const char *source_id,
                      const struct remembered *items, size_t n, int64_t wall_ms);
/*
 * Beside what was remembered before: what a search showed. Search lags behind: of a field of which
 * @source_id said something else in the minute before, it adds nothing. Where there is no room
 * on the disk it is left out.
 */
void journal_remember_found(struct journal *journal, const char *source_id,
                            const struct remembered *items, size_t n, int64_t wall_ms);
/* Whether that is so of @item, which a search shows now: it had the value before, and has lost it.
 */
bool journal_says_other(struct journal *journal, const char *source_id,
                        const struct remembered *item, int64_t wall_ms);
/* What others said of the object before that time is outdated: it has said all itself, or they
 * have again. */
void journal_outdate(struct journal *journal, const char *object_id, int64_t wall_ms);
/*
 * From now on nothing else is remembered than @fields ("kind field\n" for each), and where @knows
 * is false nothing is known: what there is of others goes, or it would grow old unseen. Durable on
 * return.
 */
int journal_watch(struct journal *journal, const char *fields, bool knows, struct err *err);
/*
 * The object is gone: no row that leads to it or its lead's others, or that it said, stays; nor
 * what was known of it. An identity that made it is free again.
 */
void journal_forget_object(struct journal *journal, const char *object_id);
/*
 * skip_unchanged: after @object_id was answered for. @sent and @answered are hashes of the field's
 * value (64-bit); @sent is 0 where this answer was not to a write of the field: what was sent
 * before still stands for the field's value if the answer shows the same as then. Where @answered
 * is 0, too, nothing is known of the field any more. Of a field
 * nothing was known of, only what was sent begins to be.
 */
struct known_field {
	const char *field;
	uint64_t sent, answered;
};
void journal_know(struct journal *journal, const char *object_id, const struct known_field *fields,
                  size_t n, int64_t wall_ms);
/*
 * Keys that a rejected or held part closes until it is settled (it goes with the part's row, or
 * when the part is delivered after all): what it would have made, for those that link to it, and
 * its lanes where on_reject is park.
 */
enum closing { CLOSING_PARENT, CLOSING_LANE };
void journal_close_key(struct journal *journal, uint64_t part, enum closing closing,
                       const char *key);
/*
 * Close says that what @request is about is not there, and it was only remembered: its parts, each
 * with the draft it had before it was resolved, wait without a request from now on, and it goes.
 * @parts are those of the request, in its order, under their ids; the list is borrowed, too.
 */
void journal_retake_request(struct journal *journal, struct request *request,
                            struct part *const *parts, journal_done_fn done, void *arg);
/* A person's word on a held item or a reject: an audit trail. */
void journal_put_decision(struct journal *journal, const char *what, uint64_t subject,
                          const char *choice, const char *object_id, int64_t wall_ms);
/* What Close calls by which name, as text, in the place of what is kept under @kind. */
void journal_put_names(struct journal *journal, const char *kind, const char *text,
                       int64_t wall_ms);
/* A lane that stays closed after a repeated PUT until the quarantine is over; 0 opens it. */
void journal_put_closed_lane(struct journal *journal, const char *key, int64_t until_wall_ms);

/*
 * source.key: what became of the records that had a key, wherever they came from. While something
 * of a record is open, rejected or held its row has the key; what is settled is kept for good.
 *
 * journal_put_key() gives the row of a record a key it had not, and borrows nothing.
 * journal_put_seen(): all that was open of @record has ended, at worst as @outcome. Rejects of
 * other records with its key are replaced by it and go, each with a decision. Then its key is
 * settled if something of it is held, or nothing of it rejected; where a person gave a part up it
 * may have happened, so that is no reject to be taken again.
 */
void journal_put_key(struct journal *journal, const struct record *record);
void journal_put_seen(struct journal *journal, struct record *record, enum outcome outcome,
                      int64_t wall_ms, journal_done_fn done, void *arg);

bool journal_has_changes(const struct journal *journal);
/* Makes all submitted changes durable and calls their done functions. Any error must end the
 * process. */
int journal_commit(struct journal *journal, struct err *err);

/* Reading; what is submitted and not committed is not seen. */

/* A part that waits without a request. */
struct waiting_part {
	struct part part; /* with record and draft; the taker's */
	char *route, *operation;
	uint64_t config;
};
void waiting_part_free(struct waiting_part *waiting);
/* The text of a version of the pipeline, to free(); NULL: there is none. */
char *journal_config_text(struct journal *journal, uint64_t id);

/*
 * Calls @take with each open request (state PLANNED, INTENT, UNKNOWN or PROBING) in order of its
 * place: a half stands where its whole stood. Then @take_waiting (may be NULL) with each part that
 * waits without one, in the order they were read. Parts of one record share one struct record,
 * which knows the worst outcome of the outputs that have ended, and whether one keeps its row;
 * n_open is the caller's to count.
 */
int journal_each_open(struct journal *journal,
                      void (*take)(void *arg, struct request *takes_request),
                      void (*take_waiting)(void *arg, struct waiting_part *takes_part), void *arg,
                      struct err *err);
int journal_each_stream(struct journal *journal,
                        void (*take)(void *arg, struct stream *takes_stream), void *arg,
                        struct err *err);
/* All that journal_put_names() keeps, by kind. */
int journal_each_names(struct journal *journal,
                       void (*take)(void *arg, const char *kind, const char *text), void *arg,
                       struct err *err);
int journal_each_closed_lane(struct journal *journal,
                             void (*take)(void *arg, const char *key, int64_t until_wall_ms),
                             void *arg, struct err *err);
/*
 * Behind the last record of @stream something of which is open and may have been sent; 0: there is
 * none. UINT64_MAX where that cannot be read.
 */
uint64_t journal_sent_to(struct journal *journal, uint64_t stream);
/* One request with its parts and records, whatever its state; -ENOENT where there is none. */
int journal_load_request(struct journal *journal, uint64_t seq, struct request **ret_request,
                         struct err *err);

/* Rejected or held parts as rows for people, oldest first; @ids (0-terminated) or NULL for all. */
struct part_row {
	struct part part; /* record set, with raw where it is kept */
	uint64_t request; /* 0: none */
	char *route, *operation;
	int64_t at_wall_ms;
};
int journal_each_part(struct journal *journal, enum outcome outcome, const uint64_t *ids,
                      enum reject_class class, void (*take)(void *arg, const struct part_row *row),
                      void *arg, struct err *err);

/*
 * How @key was settled; OUTCOME_REJECTED: records with it have rows, and no other word was said;
 * OUTCOME_OPEN: it is not known. journal_each_reject_of() has what a new record with it replaces.
 */
int journal_find_seen(struct journal *journal, const uint8_t key[static record_key_bytes],
                      enum outcome *ret_outcome, struct err *err);
int journal_each_reject_of(struct journal *journal, const uint8_t key[static record_key_bytes],
                           void (*take)(void *arg, const struct part_row *row), void *arg,
                           struct err *err);

/* The next owed events after @after_seq, at most @n, to @take (which takes each event). */
int journal_each_owed(struct journal *journal, enum event_sink sink, uint64_t after_seq, unsigned n,
                      void (*take)(void *arg, struct event *takes_event), void *arg,
                      struct err *err);

/*
 * Records with a rejected output (of @class, or any), each once with the first such part, in the
 * order of the input, behind the one at @pos of @stream; until @take says false.
 */
int journal_each_rejected_record(struct journal *journal, enum reject_class class, uint64_t stream,
                                 int64_t pos, bool (*take)(void *arg, const struct part_row *row),
                                 void *arg, struct err *err);

/* Parts of the record at @pos of @stream that are open, rejected or held. */
int journal_each_part_at(struct journal *journal, uint64_t stream, uint64_t pos,
                         void (*take)(void *arg, const struct part_row *row), void *arg,
                         struct err *err);
/* The newest event that is kept and has @text in its body: the body, to free(); NULL: none. */
char *journal_find_event(struct journal *journal, const char *text);

/* The first event that is owed to @sink, 0: none is. */
uint64_t journal_first_owed(struct journal *journal, enum event_sink sink);
/* How many are, of those up to @up_to. */
uint64_t journal_n_owed(struct journal *journal, enum event_sink sink, uint64_t up_to);
/* The newest number that was given to an event. */
uint64_t journal_last_event(const struct journal *journal);

/*
 * The objects with this value, oldest memory first, at most @max; returns how many there are. The
 * texts are the caller's (remembered_deinit()).
 */
size_t journal_find_remembered(struct journal *journal, const char *kind, const char *field,
                               const char *value, struct remembered *ret_items, size_t max);
struct closing_part;
/*
 * Whether an output made @item's object with its value, or was to, behind @after and before @before
 * in their stream; in another stream, since @after was rejected.
 */
bool journal_is_made_between(struct journal *journal, const struct remembered *item,
                             const struct closing_part *after, const struct output_place *before);
/* Whose answers say that the object has it: a list (lib/strlist.h) of the caller's; NULL: nobody's.
 */
char **journal_find_sources(struct journal *journal, const char *kind, const char *field,
                            const char *value, const char *object_id);
/* Whether the field's value is the one with this hash, as far as the last answer told. */
bool journal_knows(struct journal *journal, const char *object_id, const char *field,
                   uint64_t hash);
/* The fields something is known of: a list (lib/strlist.h) of the caller's; NULL: none. */
char **journal_known_fields(struct journal *journal, const char *object_id);
/* The part that closes @key, 0: none does. */
uint64_t journal_find_closed(struct journal *journal, enum closing closing, const char *key);
struct closing_part {
	uint64_t part;
	struct output_place place;
	int64_t at_wall_ms; /* of its outcome */
};
/* The last part before @before in its stream that closes all of @keys (lib/strlist.h). */
bool journal_find_closer(struct journal *journal, enum closing closing, char *const *keys,
                         const struct output_place *before, struct closing_part *ret);
/* All keys that are closed so, with their parts. */
int journal_each_closed(struct journal *journal, enum closing closing,
                        void (*take)(void *arg, const char *key, uint64_t part), void *arg,
                        struct err *err);

/*
 * The object an identity made, or that is remembered with this value; to free(). "": its id is not
 * known; NULL: there is none.
 */
char *journal_find_object(struct journal *journal, const char *kind, const char *field,
                          const char *value);
/* Another create has already made @object_id, also one whose identity is forgotten? */
bool journal_knows_object_id(struct journal *journal, const char *object_id);

/* One that is held sends the same as @request, so it may have made what is taken for another's. */
bool journal_holds_same(struct journal *journal, const struct request *request);

/* When the request that made @object_id got its INTENT (wall clock); 0: not known. */
int64_t journal_object_time(struct journal *journal, const char *object_id);

struct journal_totals {
	uint64_t open, unknown, held, rejected, owed_webhook, owed_file, owed_kafka, owed_rejects;
};
int journal_totals(struct journal *journal, struct journal_totals *ret_totals, struct err *err);
int journal_last_run(struct journal *journal, struct journal_run *ret_run, struct err *err);
/* The last @n runs, newest first, each with the hash of the pipeline's text it began with. */
int journal_each_run(struct journal *journal, uint64_t n,
                     void (*take)(void *arg, const struct journal_run *run, const char *sha256),
                     void *arg, struct err *err);

/* Reads the whole file and checks it: 0, or -EUCLEAN with the first finding. Takes its time. */
int journal_check(struct journal *journal, struct err *err);

/* Lets payloads of rejects, remembered objects and accepted events older than @before_wall_ms go.
 */
int journal_prune(struct journal *journal, int64_t before_wall_ms, struct err *err);
