#pragma once

/*
 * The journal's tables, and what its files share: journal.c opens and commits, journal_submit.c
 * takes changes, journal_apply*.c write them, journal_read.c and journal_look.c read; events, keys
 * of records, objects and closed keys have files of their own.
 */

#include "connector/delivery/journal.h"
#include "lib/store.h"

enum { journal_application_id = 0x636c6f66 }; /* "clof" */

extern const char *const journal_migrations[];

enum change_kind {
	CHANGE_PUT_REQUEST,
	CHANGE_PUT_PLANNED,
	CHANGE_PUT_WAITING,
	CHANGE_HALVE_REQUEST,
	CHANGE_NOTE_REQUEST,
	CHANGE_REOPEN_REQUEST,
	CHANGE_END_REQUEST,
	CHANGE_REJECT_PART,
	CHANGE_EDIT_RECORD,
	CHANGE_DROP_PART,
	CHANGE_DROP_REQUEST,
	CHANGE_STREAM,
	CHANGE_RUN,
	CHANGE_ACCEPT,
	CHANGE_POSTPONE,
	CHANGE_RESEND,
	CHANGE_OBJECT,
	CHANGE_REMEMBER,
	CHANGE_REMEMBER_FOUND,
	CHANGE_OUTDATE,
	CHANGE_FORGET_OBJECT,
	CHANGE_KNOW,
	CHANGE_CLOSE_KEY,
	CHANGE_RETAKE,
	CHANGE_DECISION,
	CHANGE_CLOSED_LANE,
	CHANGE_KEY,
	CHANGE_SEEN,
	CHANGE_NAMES,
};

/* A known_field with its own name. */
struct known_copy {
	char *field;
	uint64_t sent, answered;
};

struct change {
	enum change_kind kind;
	bool needs_room; /* an INTENT, or goes with them */
	struct request *request;
	struct request *halves[2];
	struct part *part;
	struct record *record;
	struct event *event;
	struct stream *stream;
	struct journal_run *run;
	const bool *keeps_record;
	const struct event_choice *choice;
	uint64_t *ret_n;
	struct told_events told;
	struct part *const *parts;
	struct remembered *items; /* owned */
	struct known_copy *known; /* owned */
	size_t n_items;           /* of items, or of known */
	char *text[3];            /* owned */
	uint64_t number[2];
	int64_t wall_ms;
	unsigned small;
	journal_done_fn done;
	void *arg;
	bool failed;
};

/* Sinks that accept in order: how far each has come is a number. The others have rows in `owed`. */
enum { ORDERED_FILE, ORDERED_KAFKA, ORDERED_REJECTS, n_ordered };

/* Accepted events that stay, and how far the ordered sinks have come. */
struct told_account {
	uint64_t n, bytes;
	uint64_t taken_to[n_ordered]; /* it has accepted all up to it */
	/* Up to it only events stay that are still owed; when one of them is accepted, it goes. */
	uint64_t pruned_to;
};

struct journal {
	struct store *store;
	char id[27];
	uint64_t next_part, next_record, next_stream, next_event, next_request, next_run;
	uint64_t stored_next_part;
	struct told_account told, stored_told;
	struct change *changes;
	size_t n_changes, cap_changes;
	bool has_closed_keys; /* or had */
	struct change *spare; /* the list of the turn before, to be filled again */
	size_t cap_spare;
	struct {
		struct store_query *put_request, *note_request, *drop_request;
		struct store_query *put_payload, *answer_payload, *drop_payload;
		struct store_query *put_record, *drop_record, *note_record, *edit_record, *put_part,
			*drop_part;
		struct store_query *put_event, *put_owed, *accept, *postpone, *oldest, *drop_event,
			*drop_range, *drop_told, *told_events, *told_range, *move_event,
			*first_owed[2], *n_owed[2], *sent_to;
		struct store_query *put_stream, *put_run;
		struct store_query *put_object, *find_object, *knows_object, *object_time;
		struct store_query *holds_same;
		struct store_query *said_by, *remember, *remember_found, *unsay, *unmatch, *outdate,
			*find_remembered, *find_sources, *says_other, *made_between;
		struct store_query *unwatch, *unknow;
		struct store_query *forget_object, *retire_object, *forget_source, *forget_of_lead,
			*forget_known;
		struct store_query *know, *know_still, *knows, *known_fields;
		struct store_query *close_key, *open_keys, *find_closed, *closes, *find_closer,
			*each_closed;
		struct store_query *put_decision, *close_lane, *open_lane;
		struct store_query *find_seen, *put_seen, *drop_seen, *keep_seen, *put_key,
			*parts_by_key, *rejects_by_key;
		struct store_query *put_names, *each_names;
		struct store_query *get_meta, *set_meta, *drop_meta, *get_config, *put_config,
			*config_text;
		struct store_query *orphan_request, *orphan_record, *delete_part;
		struct store_query *get_request, *get_payload, *parts_of, *parts_in, *part_by_id,
			*open_requests, *waiting_parts, *streams, *closed_lanes, *runs,
			*rejected_records, *parts_at, *find_event, *owed[2];
		struct store_query *totals[4];
	} q;
};

/* Columns of `request` in the order both sides use. */
#define REQUEST_COLUMNS                                                                            \
	"seq, id, state, method, class, route, operation, object, grp, url, headers, lanes, "      \
	"notes, identity_field, identity_value, config, attempts, resends, crash_count, "          \
	"intent_at, ended_at, duration, status, object_id, found, known, first_part, last_part, "  \
	"format, root, root_at, written, remembered"

/* Columns of the joined part, record and stream. */
#define PART_COLUMNS                                                                               \
	"p.id, p.ordinal, p.outcome, p.class, p.generation, p.message, p.field, p.fields, "        \
	"r.id, r.stream, r.pos, r.next_pos, r.len, r.line, r.fault, r.raw, s.kind, s.name, "       \
	"p.at, p.request, p.route, p.operation, p.takes_rest, r.user_key, r.done, "                \
	"r.message"
/*
 * Behind them, of what is open: the draft, and what became of the record's other outputs. What was
 * rejected or held has a row as long as nobody has settled it; of what ended well the record tells.
 */
#define OPEN_PART_COLUMNS                                                                          \
	PART_COLUMNS ", p.draft, p.config, r.worst, (SELECT ifnull(max(x.outcome), 0) FROM part x" \
		     " WHERE x.record = r.id AND x.outcome <> 0)"
#define PART_JOIN " FROM part p JOIN record r ON r.id = p.record JOIN stream s ON s.id = r.stream "

#define STREAM_COLUMNS                                                                             \
	"id, kind, name, dev, ino, head_hash, head_len, tail_hash, tail_len, hashed_to, "          \
	"whole_hash, size, mtime_ns, settled_to, settled_line, ranges, generation, doubtful_to"

/*
 * Applies all submitted changes in one transaction; without those that need room where asked to
 * (marked failed).
 */
int journal_apply(struct journal *j, bool with_intents, struct err *err);

/* journal_apply_request.c: a kind of change each. */
int journal_apply_put_request(struct journal *j, const struct request *r, struct err *err);
int journal_apply_note_request(struct journal *j, const struct request *r, struct err *err);
int journal_apply_put_planned(struct journal *j, const struct request *r, struct err *err);
int journal_apply_put_waiting(struct journal *j, const struct change *c, struct err *err);
int journal_apply_halve_request(struct journal *j, const struct change *c, struct err *err);
int journal_apply_reopen_request(struct journal *j, const struct request *r, struct err *err);
int journal_apply_retake(struct journal *j, const struct change *c, struct err *err);
int journal_apply_end_request(struct journal *j, const struct change *c, struct err *err);
int journal_apply_reject_part(struct journal *j, const struct change *c, struct err *err);
int journal_apply_drop_part(struct journal *j, uint64_t id, int64_t wall_ms, struct err *err);
int journal_apply_drop_orphan_request(struct journal *j, uint64_t seq, struct err *err);

/* journal_events.c */
void journal_prepare_events(struct journal *j);
/* Where counting events goes on; once, after opening. */
void journal_continue_events(struct journal *j);
int journal_apply_event(struct journal *j, const struct event *event, struct err *err);
int journal_apply_accept(struct journal *j, const struct change *c, struct err *err);
int journal_apply_postpone(struct journal *j, const struct change *c, struct err *err);
int journal_apply_resend(struct journal *j, const struct change *c, struct err *err);
/* The last word of each transaction: what was accepted long ago goes. */
int journal_keep_told(struct journal *j, struct err *err);
int journal_prune_told(struct journal *j, int64_t before_wall_ms, struct err *err);
int journal_count_owed(struct journal *j, enum event_sink sink, uint64_t up_to, uint64_t *ret_n,
                       struct err *err);

/* journal_seen.c */
void journal_prepare_seen(struct journal *j);
int journal_apply_key(struct journal *j, const struct change *c, struct err *err);
int journal_apply_seen(struct journal *j, const struct change *c, struct err *err);
/* The last part of record @row is gone; where others of its outputs were done, its key stays. */
int journal_keep_key(struct journal *j, uint64_t row, int64_t wall_ms, struct err *err);

/* journal_objects.c */
void journal_prepare_objects(struct journal *j);
int journal_apply_object(struct journal *j, const struct change *c, struct err *err);
int journal_apply_remember(struct journal *j, const struct change *c, struct err *err);
int journal_apply_outdate(struct journal *j, const struct change *c, struct err *err);
int journal_apply_forget_object(struct journal *j, const struct change *c, struct err *err);
int journal_apply_know(struct journal *j, const struct change *c, struct err *err);

/* journal_closing.c */
void journal_prepare_closing(struct journal *j);
int journal_apply_close_key(struct journal *j, const struct change *c, struct err *err);
/* The row of @part is gone. */
int journal_open_keys(struct journal *j, uint64_t part, struct err *err);

/* journal_submit.c: a new change, zeroed but for its kind. */
struct change *journal_add_change(struct journal *j, enum change_kind kind);
void journal_change_deinit(struct change *c);

/* journal_apply.c */
int journal_apply_decision(struct journal *j, const struct change *c, struct err *err);

/* journal_look.c: rows of PART_COLUMNS to @take, those of @class alone or (REJECT_NONE) all. */
int journal_take_rows(struct store_query *q, enum reject_class class,
                      void (*take)(void *arg, const struct part_row *row), void *arg,
                      struct err *err);

/* Records by their row, so that parts of one share a struct; zero is empty. */
struct record_set {
	struct record **slots; /* a reference each */
	size_t n, cap;         /* cap: a power of two */
};
void record_set_deinit(struct record_set *set);
/* A column's text, to free(); "" where it is NULL. */
char *journal_text(struct store_query *q, int column);
/* From a row of PART_COLUMNS; its record is shared by all parts read with @records (or NULL). */
void journal_read_part(struct store_query *q, struct record_set *records, struct part *ret_part);

/* Text lists ("a\nb") of headers and notes; lanes as "o key\ns key". */
char *journal_join(char *const *list);
char **journal_split(const char *text);
