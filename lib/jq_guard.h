#pragma once

/*
 * Watches programs while they run, because libjq cannot be interrupted: a timer of this thread's
 * processor time looks every 20 ms how long the program of the moment has been going and how much
 * memory the process gained meanwhile, and ends the process with a sentence where that is too
 * much. The timer is made by the first program; where none runs nothing ever ticks. It also gives
 * a sentence to what libjq does to itself: a failed assertion, a stack that ran over, no memory.
 *
 * Memory is read from /proc/self/statm; without /proc only time is watched. Only lib/jq uses it.
 */

#include "lib/jq.h"

/* What a program may take; tests make it small. */
struct jq_limits {
	uint64_t ms, bytes;
};
extern struct jq_limits jq_limits;

/* Between these two the guard looks; both arguments are borrowed until then. @label NULL: libjq
 * compiles. Programs do not run inside one another. */
void jq_guard_enter(const char *label, const struct jq_where *where);
void jq_guard_leave(void);

/* For jq_set_nomem_handler(). */
void jq_guard_no_memory(void *unused);
