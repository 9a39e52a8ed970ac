#pragma once

/*
 * Partitions of Kafka as the source of an engine: opening, the group's coming and going, and what
 * may be sent of them. For a source of another kind all of it does nothing.
 */

#include "connector/engine/private.h"

bool partitions_are_read(const struct engine *e);

struct partitions *partitions_new(void);
void partitions_free(struct partitions *partitions); /* NULL is ignored */

/* Opens the source, or goes on with the one that an engine before had. */
int partitions_open(struct engine *e, enum exit_code *ret_code, struct err *err);
/* How a source that failed with @r ends the process. */
enum exit_code partitions_code(const struct engine *e, int r);

/* Host of the source: nothing is settled that this state could forget. */
bool partitions_are_durable(void *arg);
/* In each turn, when it is durable: tells Kafka what is settled. */
void partitions_tell(struct engine *e);
/* First in each turn: keeps the lease, begins an assignment, gives one back. */
void partitions_turn(struct engine *e);
/* Host of the source: @stream is about to be read, as far as this state has settled it. */
void partitions_begin(struct engine *e, const struct stream *stream);
/* The same: behind the last record of @stream that may have been sent and is not settled. */
uint64_t partitions_sent_to(void *arg, const struct stream *stream);
/* The same: what of @stream is settled, and to be done again by its next owner (repeats.h). */
size_t partitions_untold(void *arg, const struct stream *stream,
                         const struct stream_range **ret_ranges);
/* After the last turn of an engine that hands over. */
void partitions_give_back(struct engine *e);

/* What the group or its brokers are waited for, as a sentence; false: for nothing. */
bool partitions_wait(const struct engine *e, char *text, size_t size);

/* Whose an output is that this state has open. */
enum left_open {
	LEFT_TO_US,
	LEFT_FROZEN,    /* its partition is not ours now: it stays as it is */
	LEFT_TO_OTHERS, /* another process had its partition meanwhile, and has settled it */
};
enum left_open partitions_look(const struct engine *e, const struct record *record);

/* Hooks of delivery (delivery.h). */
bool partitions_may_send(void *arg, const struct request *request);
uint64_t partitions_doubt(void *arg, const struct request *request);

/*
 * Another process may have sent what @record says, not long before: until then a lookup that finds
 * nothing proves nothing. 0: nobody has.
 */
uint64_t partitions_doubt_until_ms(const struct engine *e, const struct record *record);
