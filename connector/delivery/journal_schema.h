#pragma once

/* The journal's tables, and its private parts shared by journal.c and journal_read.c. */

#include "connector/delivery/journal.h"
#include "lib/store.h"

enum { journal_application_id = 0x636c6f66 }; /* "clof" */

extern const char *const journal_migrations[];

enum change_kind {
	CHANGE_PUT_REQUEST,
	CHANGE_NOTE_REQUEST,
	CHANGE_REOPEN_REQUEST,
	CHANGE_END_REQUEST,
	CHANGE_REJECT_PART,
	CHANGE_DROP_PART,
	CHANGE_DROP_REQUEST,
	CHANGE_STREAM,
	CHANGE_RUN,
	CHANGE_ACCEPT,
	CHANGE_POSTPONE,
	CHANGE_OBJECT,
	CHANGE_DECISION,
	CHANGE_CLOSED_LANE,
};

struct change {
	enum change_kind kind;
	bool is_intent;
	struct request *request;
	struct part *part;
	struct event *event;
	struct stream *stream;
	struct journal_run *run;
	const bool *keeps_record;
	char *text[3]; /* owned */
	uint64_t number[2];
	int64_t wall_ms;
	unsigned small;
	journal_done_fn done;
	void *arg;
	bool failed;
};

struct journal {
	struct store *store;
	char id[27];
	uint64_t next_part, next_record, next_stream, next_event, next_request, next_run;
	uint64_t stored_next_part;
	struct change *changes;
	size_t n_changes, cap_changes;
	struct change *spare; /* the list of the turn before, to be filled again */
	size_t cap_spare;
	struct {
		struct store_query *put_request, *note_request, *drop_request;
		struct store_query *put_payload, *answer_payload, *drop_payload;
		struct store_query *put_record, *drop_record, *put_part, *drop_part;
		struct store_query *put_event, *accept_last, *accept_bit, *postpone;
		struct store_query *put_stream, *put_run, *put_object, *find_object, *knows_object,
			*object_time;
		struct store_query *put_decision, *close_lane, *open_lane;
		struct store_query *get_meta, *set_meta, *get_config, *put_config;
		struct store_query *orphan_request, *orphan_record, *delete_part;
		struct store_query *get_request, *get_payload, *parts_of, *parts_in, *part_by_id,
			*open_requests, *streams, *closed_lanes, *last_run, *owed;
		struct store_query *totals[6];
	} q;
};

/* Columns of `request` in the order both sides use. */
#define REQUEST_COLUMNS                                                                            \
	"seq, id, state, method, class, route, operation, object, grp, url, headers, lanes, "      \
	"notes, identity_field, identity_value, config, attempts, resends, crash_count, "          \
	"intent_at, ended_at, duration, status, object_id, found, known, first_part, last_part"

/* Columns of the joined part, record and stream. */
#define PART_COLUMNS                                                                               \
	"p.id, p.ordinal, p.outcome, p.class, p.generation, p.message, p.field, p.fields, "        \
	"r.id, r.stream, r.pos, r.next_pos, r.len, r.line, r.fault, r.raw, s.kind, s.name, "       \
	"p.at, p.request, p.route, p.operation"
#define PART_JOIN " FROM part p JOIN record r ON r.id = p.record JOIN stream s ON s.id = r.stream "

#define STREAM_COLUMNS                                                                             \
	"id, kind, name, dev, ino, head_hash, head_len, tail_hash, tail_len, hashed_to, "          \
	"whole_hash, size, mtime_ns, settled_to, settled_line, ranges, generation"

/* Applies all submitted changes in one transaction; without INTENTs where asked to (marked failed).
 */
int journal_apply(struct journal *j, bool with_intents, struct err *err);

/* Text lists ("a\nb") of headers and notes; lanes as "o key\ns key". */
char *journal_join(char *const *list);
char **journal_split(const char *text);
