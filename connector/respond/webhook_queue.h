#pragma once

/*
 * The events that a webhook owes, in lanes: strict order within a lane, of which one event at a
 * time is out; lanes know nothing of each other. A lane is ready, out, or waits for a moment. Pure
 * data, time comes in.
 */

#include "connector/model/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct webhook_lane;

struct webhook_item {
	struct event *event;
	struct webhook_lane *lane;
	struct webhook_item *next; /* of its lane */
	/* The sender's memory of it. */
	void *sender;
	bool was_sent_again;    /* within one try */
	bool was_tried;         /* by this process */
	uint64_t accepted_then; /* how much the receiver had accepted at the last try */
	unsigned own_failures;  /* while others were accepted */
};

struct webhook_list {
	struct webhook_lane *first, *last;
};

struct webhook_queue {
	struct webhook_lane **slots; /* by name */
	size_t n_slots;
	struct webhook_list ready, waiting;
	size_t n_hurried; /* waiting lanes that webhook_queue_hurry() would make ready */
	uint64_t wake_ms; /* nobody waits for a moment before this one */
	size_t n_items;
	size_t n_bytes; /* of their bodies */
};

void webhook_queue_init(struct webhook_queue *q);
/* Frees all that is owed; nothing may be out any more. */
void webhook_queue_deinit(struct webhook_queue *q);

/* Takes @takes_event; it is not handed out before @due_ms (0: at once, and so is its lane). */
void webhook_queue_add(struct webhook_queue *q, struct event *takes_event, uint64_t due_ms);

/* The first event of the lane that has been ready longest, now out; NULL: no lane is ready. */
struct webhook_item *webhook_queue_next(struct webhook_queue *q);
bool webhook_queue_is_ready(const struct webhook_queue *q);

/* What is out was accepted: frees it, and its lane goes on. */
void webhook_queue_accept(struct webhook_queue *q, struct webhook_item *takes_item);

/*
 * What is out comes back and waits, with its lane, until @due_ms. @is_own: the trouble is the
 * event's own; else webhook_queue_hurry() ends the wait.
 */
void webhook_queue_postpone(struct webhook_queue *q, struct webhook_item *item, uint64_t due_ms,
                            bool is_own);

/* Lanes whose moment has come are ready. */
void webhook_queue_wake(struct webhook_queue *q, uint64_t now_ms);
/* All lanes that do not wait for trouble of their own are ready. */
void webhook_queue_hurry(struct webhook_queue *q);
/* When to wake next; UINT64_MAX: nobody waits. */
uint64_t webhook_queue_wake_ms(const struct webhook_queue *q);
