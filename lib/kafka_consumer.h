#pragma once

/*
 * A member of a consumer group that decides itself what is committed and when. librdkafka's threads
 * fetch and beat; nothing here blocks but what has a time-out in its name, and nothing is called
 * back: messages, partitions that come and go, results and troubles are all taken one at a time by
 * kafka_consumer_poll(), from one thread.
 *
 * It must be polled at least once a second also when nothing is wanted (pause then), or the group
 * gives it up after max.poll.interval.ms.
 *
 * Traps of librdkafka 2.0.2 it keeps out of: offsets are committed by explicit list, since the
 * other ways lose metadata; a partition that is not paused is never resumed, since that reads
 * messages a second time; partitions are shared out by `range`, all at once, since the cooperative
 * way can hang and loop; a commit when nothing is owned is refused here, since it could overwrite
 * the owner's; the end of rd_kafka_destroy() is not waited for without bound, since it never comes
 * where a topic was deleted.
 */

#include "lib/kafka.h"
#include "lib/kafka_places.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kafka_consumer;

/* What closefeed sets itself, because its promises rest on it; NULL-terminated. */
extern const char *const kafka_consumer_own[];
/* session.timeout.ms of who says nothing else. */
enum { kafka_consumer_session_ms = 60000 };

struct kafka_consumer_config {
	const struct kafka_conf *conf;
	const char *group;
	const char *instance; /* group.instance.id; NULL: joins as a new member each time */
	char *const *topics;  /* NULL-terminated; ^ begins a pattern. NULL: joins no group yet */
};

struct kafka_header {
	const char *name;
	const char *value; /* NULL: none */
	size_t len;
};

/* Borrowed until the next call of kafka_consumer_poll(). */
struct kafka_message {
	const char *topic;
	int32_t partition;
	int64_t offset;
	const char *key; /* NULL: none */
	size_t key_len;
	const char *value; /* NULL: none, a tombstone */
	size_t value_len;
	int64_t timestamp_ms; /* -1: none */
	const struct kafka_header *headers;
	size_t n_headers;
};

enum kafka_event_kind {
	KAFKA_NOTHING,   /* not now: kafka_consumer_fd() tells when */
	KAFKA_MESSAGE,   /* message */
	KAFKA_END,       /* places: where the next message of the partition will stand at least */
	KAFKA_ASSIGN,    /* places are ours: answer with kafka_consumer_assign() */
	KAFKA_REVOKE,    /* places go to others: answer with kafka_consumer_unassign(), soon */
	KAFKA_LOST,      /* the same, but others may have them already; nothing can be committed */
	KAFKA_COMMITTED, /* the commit with this ticket came back: trouble, places with theirs */
	KAFKA_TROUBLE,   /* trouble and sentence; places: of which partition, where it is of one */
};

struct kafka_event {
	enum kafka_event_kind kind;
	struct kafka_message message;
	struct kafka_places places; /* borrowed as the message is */
	uint64_t ticket;
	enum kafka_trouble trouble;
	const char *sentence;
};

/* Joins the group. @config is copied. -EINVAL with a sentence: a property is wrong. */
int kafka_consumer_open(const struct kafka_consumer_config *config,
                        struct kafka_consumer **ret_consumer, struct err *err);

/* Takes the next thing that happened. */
void kafka_consumer_poll(struct kafka_consumer *consumer, struct kafka_event *ret_event);
/* Readable after KAFKA_NOTHING when there is something again. */
int kafka_consumer_fd(const struct kafka_consumer *consumer);
/* Makes it readable, so that whoever waits for it polls. */
void kafka_consumer_wake(struct kafka_consumer *consumer);

/*
 * Joins the group, where it was opened without topics. Who is a member joins once more: what it has
 * is revoked, and where it leads the group, that shares out anew by the topics as they are now.
 */
int kafka_consumer_subscribe(struct kafka_consumer *consumer, char *const *topics, struct err *err);

/* Answers KAFKA_ASSIGN: reads @places from their offsets on, none of them paused. */
int kafka_consumer_assign(struct kafka_consumer *consumer, const struct kafka_places *places,
                          struct err *err);
/* Answers KAFKA_REVOKE and KAFKA_LOST: nothing is read, and nothing committed. */
int kafka_consumer_unassign(struct kafka_consumer *consumer, struct err *err);
/* The partitions were given up by the group, though nobody was told yet. */
bool kafka_consumer_is_lost(const struct kafka_consumer *consumer);

/* Pauses or goes on with a partition that is assigned; twice is the same as once. */
void kafka_consumer_pause(struct kafka_consumer *consumer, const char *topic, int32_t partition,
                          bool is_paused);

/*
 * Commits offsets and metadata of exactly these; KAFKA_COMMITTED with @ticket tells how it went.
 * -ESTALE: nothing is owned, and nothing was sent.
 */
int kafka_consumer_commit(struct kafka_consumer *consumer, const struct kafka_places *places,
                          uint64_t ticket, struct err *err);
/* The same, waiting for the result; -ETIMEDOUT: it may or may not have been done. */
int kafka_consumer_commit_within(struct kafka_consumer *consumer, const struct kafka_places *places,
                                 unsigned timeout_ms, struct err *err);

/* Fills in what the group has committed; offset kafka_no_offset: nothing. */
int kafka_consumer_committed_within(struct kafka_consumer *consumer, struct kafka_places *places,
                                    unsigned timeout_ms, struct err *err);

/*
 * Turns each offset, which is one of these or a time in milliseconds since 1970, into the offset
 * of the first message then or later; kafka_no_offset: there is none.
 */
enum { KAFKA_AT_END = -1, KAFKA_AT_BEGINNING = -2 };
int kafka_consumer_look_up_within(struct kafka_consumer *consumer, struct kafka_places *places,
                                  unsigned timeout_ms, struct err *err);

/* To free(); NULL: no broker said so in time. */
char *kafka_consumer_cluster_within(struct kafka_consumer *consumer, unsigned timeout_ms);

/*
 * Leaves (a static member's partitions stay with it until session.timeout.ms is over) and frees,
 * or, where librdkafka does not come to an end within @timeout_ms, leaves it to the end of the
 * process. Nothing is committed. NULL is ignored.
 */
void kafka_consumer_close_within(struct kafka_consumer *consumer, unsigned timeout_ms);
