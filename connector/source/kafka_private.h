#pragma once

/* What connector/source/kafka*.c share. */

#include "connector/source/kafka.h"

/* A record that was read and is not known to be settled, oldest first. */
struct kafka_trace {
	uint64_t pos;
	uint64_t print; /* what tells it from another at the same offset */
};

struct kafka_part {
	char *topic;
	int32_t partition;
	struct stream *stream;
	uint64_t low;          /* the first that the broker had when it was assigned */
	uint64_t at;           /* the next offset to come */
	uint64_t handed_to;    /* records before it were handed out */
	uint64_t end;          /* as far as is known */
	uint64_t end_at_start; /* when it was assigned */
	uint64_t ceiling;      /* committed; nothing from here on is handed out */
	uint64_t asked;        /* ceiling on its way to Kafka */
	uint64_t reach;   /* somebody wants to send a record before its turn: the ceiling for it */
	uint64_t sent_to; /* offset on its way to Kafka */
	uint64_t committed_to;
	bool is_committed; /* anything was, since it was assigned */
	bool is_paused;
	bool is_checked; /* the record at check_at is the one that was there */
	uint64_t check_at;
	struct record **held; /* above the ceiling, or read while nobody asked; in their order */
	size_t n_held, cap_held;
	uint64_t held_bytes;
	struct kafka_trace *traces;
	size_t first_trace, n_traces, cap_traces;
	int64_t read_ms;
};

struct kafka {
	struct source source;
	struct kafka_options options;
	char **topics;
	char *group, *instance, *journal;
	struct kafka_consumer *consumer;
	enum kafka_claim claim;
	uint64_t now_ms;
	/* Streams of partitions: those known at the start, and those begun since. */
	struct stream **streams;
	size_t n_streams;
	char *cluster;   /* hash of its id; NULL: not known yet */
	bool has_joined; /* its group; or it was begun */
	bool has_begun;  /* an assignment with partitions */
	bool has_rejoined;
	bool has_asked_again;
	bool is_rejoining;   /* there will be another assignment */
	uint64_t fenced_ms;  /* its place was taken last; 0: never */
	bool joins_again;    /* … and is to be taken back */
	uint64_t look_at_ms; /* who reads what; 0: not again */
	char **unfit;        /* patterns that fitted no topic when they were looked up */
	/* An assignment that is not read yet */
	struct kafka_places wanted;
	bool is_wanted;
	uint64_t try_at_ms;
	/* One that is */
	struct kafka_part *parts;
	size_t n_parts;
	struct kafka_part *last; /* of which the last message was */
	bool is_paused;          /* nobody reads */
	uint64_t polled_ms;
	bool is_awaited;   /* somebody has read since that was looked at */
	uint64_t heard_ms; /* all that the group had said was heard then */
	size_t n_held;
	uint64_t held_bytes;
	/* Commits: one at a time */
	uint64_t ticket; /* on its way; 0: none */
	uint64_t last_ticket;
	uint64_t sent_ms, committed_ms, commit_at_ms;
	uint64_t lease_until_ms;
	/* Trouble */
	uint64_t unreachable_ms;
	struct err unreachable;
	int failed; /* a negative errno that ends it all, with failure */
	struct err failure;
};

struct kafka *kafka_of(const struct source *source);
/* It is none that was named, so it came by a pattern. */
bool kafka_is_pattern(const struct kafka *k, const char *topic);

/* kafka_part.c: partitions that are read. NULL: it is not read here. */
struct kafka_part *kafka_find(struct kafka *k, const char *topic, int32_t partition);
void kafka_parts_free(struct kafka *k);
/*
 * Who holds records goes on when they are handed out; and the record by which a topic is known is
 * wanted also where nobody reads.
 */
void kafka_pause_all(struct kafka *k, bool is_paused);
/* All before @offset was passed; what is between records is settled here. */
void kafka_pass(struct kafka *k, struct kafka_part *p, uint64_t offset);
/* The record of a message, where it is to be handed out; NULL: it needs not, or not now. */
struct record *kafka_take_message(struct kafka *k, const struct kafka_message *m);
/* A record that was held and may go now, or NULL. */
struct record *kafka_take_held(struct kafka *k);
/* Writes down by what the record before its position is known again. */
void kafka_mark_part(struct kafka_part *p);

/* kafka_assign.c: reads what was assigned. 0: not yet, 1: it is read; or -ESTALE, -EACCES. */
int kafka_try_to_begin(struct kafka *k, struct err *err);
/* What a person should know; "": nothing. */
void kafka_say(const struct kafka *k, const char *sentence);
/* Reads @p from its beginning, as a partition that the state does not know. */
int kafka_begin_anew(struct kafka *k, struct kafka_part *p, struct err *err);

/* kafka_place.c: joins the group. */
void kafka_fits_none(struct kafka *k, const char *pattern);
int kafka_connect(struct kafka *k, struct err *err);
/* Joins, if it has not yet: others wait for who has joined and goes away. */
int kafka_join(struct kafka *k, struct err *err);
/* Joins once more, so that the group shares out anew; false: it cannot. */
bool kafka_rejoin(struct kafka *k);
/* What the group gives: what is asked for of it is to be begun. */
void kafka_take_assignment(struct kafka *k, const struct kafka_places *places);
/* Kafka says that another process has the place. False: it is to be taken back, when all that was
 * read is forgotten; true: it ends, @sentence says why. */
bool kafka_is_fenced(struct kafka *k, const char *sentence);
/* Takes it back, as a new member, where that is to be done. */
int kafka_join_again(struct kafka *k, struct err *err);

/* kafka_unread.c: a look at who reads what, soon after an assignment. */
void kafka_look_later(struct kafka *k);
/* The same now, waiting for it; true: the group shares out anew. */
bool kafka_looks_around(struct kafka *k);

/* kafka_commit.c */
void kafka_commit_turn(struct kafka *k);
bool kafka_is_durable(const struct kafka *k);
void kafka_committed(struct kafka *k, const struct kafka_event *event);
/* The commits of all partitions; with @is_last the ceiling is what was sent. */
void kafka_commit_places(struct kafka *k, bool is_last, struct kafka_places *places);
