#pragma once

/*
 * Topics of Kafka as a source: each partition is a stream (named "topic/partition") whose positions
 * are offsets. What is committed is the state's, told to Kafka: the settled prefix of each
 * partition, with a note for whoever owns it next (kafka_note.h).
 *
 * Two promises hold the group together. No record at or above a partition's ceiling is handed out
 * before Kafka has taken the commit that says so; so a new owner knows what may have been sent. And
 * that commit is a lease, since Kafka takes it from the owner alone: kafka_may_send() says no when
 * none was taken for two thirds of the session time-out.
 *
 * Nothing here blocks but the beginning of an assignment, when nothing is on its way (a few
 * seconds at most, and tried again), a look at who reads what (a second at most for each question,
 * soon after an assignment and at the end of what there is), and handing over.
 */

#include "connector/source/kafka_begin.h"
#include "connector/source/kafka_record.h"
#include "connector/source/source.h"
#include "lib/kafka_consumer.h"

struct kafka_options {
	const struct kafka_conf *conf;
	char *const *topics; /* NULL-terminated; ^ begins a pattern */
	const char *group;
	const char *instance; /* the state's place in the group, kept over restarts; NULL: none */
	const char *journal;  /* id of the state */
	struct kafka_format format;
	enum kafka_start start; /* where a group that has committed nothing begins */
	int64_t start_ms;       /* with KAFKA_START_TIME; since 1970 */
	uint64_t session_ms;    /* session.timeout.ms */
	uint64_t ahead;         /* of all ceilings, in offsets: what 60 s of quota can send */
	bool accepts_offsets;   /* a person has said: go on from what the broker has */
	bool until_end;         /* SOURCE_END where each partition ended when it was assigned */
	bool is_only_owner;     /* source_next() is never called: what is sent comes otherwise */
	struct stream *const *known; /* of partitions; must stay until source_free() */
	size_t n_known;
	const struct source_host *host;
	/* Told what a person should know and what stops nothing. */
	void (*tell)(void *arg, const char *sentence);
	void *tell_arg;
};

enum { kafka_ahead_max = 4096 };

/*
 * Joins the group with its first kafka_turn(): whoever ends before that leaves no member behind for
 * others to wait for. Records come when the group has shared out its partitions. Beside the errors
 * of source_next(), that one gives -EACCES (login, rights: exit code 77), -ENOENT (no such topic:
 * 78), -EBUSY (another process has taken this state's place, for the second time in a minute: 75).
 */
int kafka_open(const struct kafka_options *options, struct source **ret_source, struct err *err);

/*
 * Goes on as a member of its group for another engine, with streams, host and limits of its own;
 * what was read for the one before was given back with kafka_hand_over(). Errors as kafka_open().
 */
int kafka_go_on(struct source *source, const struct kafka_options *options, struct err *err);

/*
 * Once a turn, before anything is read or sent, also when nothing is read: keeps the lease and the
 * group's patience, and commits what was settled, if all of that is durable (host->is_durable).
 * Errors as source_next().
 */
int kafka_turn(struct source *source, uint64_t now_ms, struct err *err);

/* Commits what was settled, in a turn in which that became durable only now. */
void kafka_tell(struct source *source);

enum kafka_claim {
	KAFKA_WAITS,      /* owns nothing: nothing of a partition may be sent */
	KAFKA_OWNS,       /* reads */
	KAFKA_HANDS_OVER, /* wanted back: end what is on its way, then kafka_hand_over() */
	KAFKA_HAS_LOST, /* others may have them: kafka_hand_over() at once, which commits nothing */
};
enum kafka_claim kafka_claim(const struct source *source);

/* Each topic is a pattern that fits none: the client does not even join the group. */
bool kafka_fits_nothing(const struct source *source);

/* The partition is ours, and read. */
bool kafka_has(const struct source *source, uint64_t stream);
/* A hash of the cluster's id; NULL before the first assignment was begun. */
const char *kafka_cluster(const struct source *source);

/* Kafka has lately said that they are ours: something may be sent. */
bool kafka_has_lease(const struct source *source, uint64_t now_ms);
/* The last gate: whether a request made of a record of @stream may be sent now. */
bool kafka_may_send(const struct source *source, uint64_t stream, uint64_t now_ms);

/*
 * Whether a record of @stream, which kafka_has(), may be sent before its turn: not before the
 * ceiling is above it, for which it asks here.
 */
enum kafka_reach {
	KAFKA_REACHES,
	KAFKA_RISES,  /* not yet: ask again in the next turn */
	KAFKA_IS_FAR, /* it would be more than a next owner is to prove: kafka_ahead_max */
};
enum kafka_reach kafka_reach(struct source *source, uint64_t stream, uint64_t pos);

/* Whether the ceiling is above a record that is about to be sent; where not, it rises. */
bool kafka_covers(struct source *source, uint64_t stream, uint64_t pos);

/* The record may have been sent by the partition's owner before: it needs proof before it is. */
bool kafka_is_doubtful(const struct source *source, uint64_t stream, uint64_t pos);

/*
 * Commits what is settled, waiting at most @timeout_ms, and gives all partitions back. What was
 * handed out of them and has no row is to be forgotten: it is read again by whoever is next.
 */
void kafka_hand_over(struct source *source, unsigned timeout_ms);

/* Since when no broker was reached (in the time of kafka_turn()), and why; 0: they are. */
uint64_t kafka_unreachable_since(const struct source *source, const char **ret_sentence);

/* How far each partition is. */
struct kafka_lag {
	const char *topic;
	int32_t partition;
	uint64_t position; /* all before it is settled */
	uint64_t end;      /* as far as is known */
	int64_t read_ms;   /* timestamp of the last record that was read; -1: none */
};
size_t kafka_n_partitions(const struct source *source);
struct kafka_lag kafka_lag(const struct source *source, size_t i);
