#pragma once

/*
 * The engine of one pipeline: owns its state folder, carries records from the source through shape,
 * gather, delivery and respond, and answers those who ask while it works. One process has one.
 */

#include "connector/model/counts.h"
#include "connector/model/exit_code.h"
#include "connector/pipeline/pipeline.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;

struct engine_options {
	const struct pipeline *pipeline; /* borrowed, with secrets */
	bool new_state;                  /* set the old state aside and begin anew */
	bool reads_source; /* false: only what a person asked for (rejects retry, nobody running) */
	bool is_offline;   /* asks and sends nothing; only tells */
	uint64_t limit;    /* records to read; 0: all */
	/* Of a Kafka source */
	bool owns_source;     /* without reads_source: has its partitions, for what is sent */
	bool until_end;       /* ends where the partitions ended when they were assigned */
	bool accepts_offsets; /* goes on from what the broker has, whatever it was before */
};

/*
 * Takes the state folder and loads what is open. On failure *ret_code is how the process should end
 * (75: somebody else owns it, 74: local trouble, 78: state of something else) and @err says why.
 */
int engine_open(const struct engine_options *options, struct engine **ret_engine,
                enum exit_code *ret_code, struct err *err);
void engine_free(struct engine *engine);
void engine_freep(struct engine **engine);

/* Sentences to print before the run begins ("no state for …"); NULL-terminated, the engine's. */
char *const *engine_greetings(const struct engine *engine);

struct engine_view {
	struct run_counts counts; /* open: records read whose outcome is not known yet */
	uint64_t run;
	const char *source;
	uint64_t bytes_read, bytes_total;
	bool is_behind; /* records_left is known: the source counts records (Kafka) */
	uint64_t records_left;
	uint64_t events_owed;
	uint64_t unknown_keys; /* of default bodies: keys that Close does not know */
	char waiting[320];     /* "" : nothing is waited for */
};
void engine_look(struct engine *engine, struct engine_view *ret_view);

/* Called once a turn while engine_run() works. */
typedef void (*engine_turn_fn)(void *arg, struct engine *engine);

/*
 * Works until the input has ended and everything is told, or something stops it. *ret_reason (the
 * engine's) is why it ended early, NULL otherwise.
 */
enum exit_code engine_run(struct engine *engine, engine_turn_fn each_turn, void *arg,
                          const char **ret_reason);

/*
 * The group wants its partitions back, and what engine_run() returned is no end: engine_reopen()
 * gives them back, forgets what was not begun, and opens the state anew for what the group gives
 * next. The run goes on. Errors as engine_open(); *engine is NULL then.
 */
bool engine_hands_over(const struct engine *engine);
int engine_reopen(struct engine **engine, enum exit_code *ret_code, struct err *err);

/* Asks for the end from a signal handler's flag: first drain, second at once. */
void engine_interrupt(struct engine *engine, bool at_once);

/* What the loop says is now, for those who print. */
uint64_t engine_now_ms(const struct engine *engine);
int64_t engine_wall_ms(const struct engine *engine);
